// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Secret`]: bytes that are wiped when dropped, never printed, and compared in constant time only.
//!
//! ```
//! use security_domain::secret::Secret;
//!
//! let mut bytes = [7; 32];
//! let key = Secret::from_bytes(&mut bytes);
//! assert_eq!(bytes, [0; 32]);
//! assert_eq!(key.expose()[0], 7);
//! assert_eq!(format!("{key:?}"), "Secret<32>(..)");
//! ```
//!
//! It is compared in constant time, by `subtle`'s [`ConstantTimeEq`]. Cloning, comparing with `==`
//! and printing the bytes do not compile:
//!
//! ```compile_fail,E0599
//! # use security_domain::secret::Secret;
//! # let key = Secret::from_bytes(&mut [7; 32]);
//! let copy = key.clone();
//! ```
//!
//! ```compile_fail,E0369
//! # use security_domain::secret::Secret;
//! # let key = Secret::from_bytes(&mut [7; 32]);
//! let same = key == key;
//! ```
//!
//! ```compile_fail,E0277
//! # use security_domain::secret::Secret;
//! # let key = Secret::from_bytes(&mut [7; 32]);
//! println!("{key}");
//! ```

use rand_core::TryCryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, optimization_barrier};

use crate::ct::eq_bytes;
use crate::rng::{self, RngError};

#[cfg(test)]
pub(crate) mod left;
mod wipes;

/// `N` secret bytes, wiped when dropped.
///
/// Wiping covers these bytes. It does not cover what the compiler left of them in registers or on
/// the stack, or the caller's copies.
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Moves the bytes out of `bytes`, which is wiped.
    ///
    /// Secret: `bytes`. Leaks: nothing.
    pub fn from_bytes(bytes: &mut [u8; N]) -> Self {
        let secret = Self(*bytes);
        wipe(bytes);
        secret
    }

    /// Fills a secret in place. If `fill` fails, everything that it wrote is wiped. Bytes from a
    /// device or a function need no array in between.
    ///
    /// Secret: the bytes. Public: whether `fill` failed. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// The error of `fill`.
    pub fn try_init<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self::zeroed();
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// Draws `N` random bytes.
    ///
    /// Secret: the bytes. Public: whether the generator failed. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`RngError`] if `rng` failed.
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        Self::try_init(|bytes| rng::fill(rng, bytes))
    }

    /// Returns the bytes. Every use of this name deserves a review.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// Makes a secret of zeros, to be filled through [`expose_mut`](Self::expose_mut).
    pub(crate) const fn zeroed() -> Self {
        Self([0; N])
    }

    /// Returns the bytes, to be filled in place.
    pub(crate) fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites `bytes` with zeros. The barrier keeps the compiler from removing this, as in
/// `zeroize`, while the bytes are written a vector at a time.
pub(crate) fn wipe(bytes: &mut [u8]) {
    #[cfg(test)]
    left::see(bytes);
    bytes.fill(0);
    optimization_barrier(bytes);
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

/// Secret: both. Leaks: nothing.
impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        eq_bytes(&self.0, &other.0).into()
    }
}

/// Prints the length, never the bytes.
impl<const N: usize> core::fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secret<{N}>(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_sees_every_bit() {
        let a = Secret([0x5a; 33]);
        assert!(bool::from(a.ct_eq(&Secret([0x5a; 33]))));
        for bit in 0..33 * 8 {
            let mut b = Secret([0x5a; 33]);
            b.0[bit >> 3] ^= 1 << (bit & 7);
            assert!(bool::from(a.ct_ne(&b)), "bit {bit}");
        }
    }
}
