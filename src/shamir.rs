// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shamir's secret sharing (A. Shamir, "How to share a secret", Comm. ACM 22, 1979) over GF(2^8).
//!
//! Each byte of the secret is the constant term of a polynomial of degree `threshold - 1` whose
//! other coefficients are uniformly random, zero included. The share with index x holds the
//! polynomials' values at x. Any `threshold` shares determine the secret; fewer are uniformly
//! random and reveal only its length.
//!
//! ```
//! use security_domain::quorum::Quorum;
//! use security_domain::secret::Secret;
//! use security_domain::shamir::{combine, split};
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//!
//! let quorum = Quorum::of::<3, 5>();
//! let secret = Secret::<32>::random(&mut rng)?;
//!
//! let [first, _, third, _, fifth] = split(&secret, quorum, &mut rng)?;
//!
//! let again = combine(quorum, &[&fifth, &first, &third])?;
//! assert_eq!(again.expose(), secret.expose());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`split`] and [`combine`] work on secrets of a fixed size, [`split_into`] on a share count
//!   known only at run time; [`split_rows`] and [`combine_rows`] work on secrets of any length in
//!   the caller's buffers.
//! - [`encoded`] is a share as bytes, with its set and its quorum; [`text`] is the same as text
//!   with a checksum, to print, scan or dictate.
//! - [`check`] names wrong shares, and recovers the secret despite them.
//! - [`renew`] replaces lost shares and whole sets.
//!
//! # Feature `serde`
//!
//! | type | text formats | binary formats |
//! |---|---|---|
//! | `Threshold`, `ShareCount`, `ShareIndex` | a number | a number |
//! | `Quorum` | `threshold` and `count` | the same |
//! | `SetId`, `ShareDigest`, `Commitment` | lower-case hex | a byte string |
//! | `EncodedShare` | written as its [`text`] | a byte string |
//!
//! Values are checked when they are read, as by their constructors. An `EncodedShare` borrows from
//! its input, so the format must hold its bytes, as postcard does in a slice. From a text format
//! such as JSON, read a `&str` and pass it to `EncodedShare::parse_text`. Values have at most
//! [`text::MAX_VALUE_LEN`] bytes. The format's own code does not treat a share in constant time. A
//! [`Secret`] is never written.
//!
//! # Wrong shares
//!
//! A share carries no checksum: with exactly a threshold of shares, a wrong one gives a wrong
//! secret. With more shares, [`combine`] detects it. To find out which share is wrong, keep digests
//! when you split, or gather two more shares than the threshold: [`check`] has a table.

pub mod check;
mod combine;
pub mod encoded;
mod index_set;
mod lagrange;
pub mod renew;
mod split;
pub mod text;

#[cfg(feature = "sealed-domain")]
pub(crate) use combine::combine_into;
pub use combine::{CombineError, combine, combine_rows};
pub use index_set::IndexSet;
pub use split::{SplitError, split, split_into, split_rows};

use crate::gf256::Public;
use crate::quorum::ShareIndex;
use crate::secret::Secret;

/// One share of an `N`-byte secret.
pub struct Share<const N: usize> {
    index: ShareIndex,
    value: Secret<N>,
}

impl<const N: usize> Share<N> {
    /// Makes a share from its index and its value.
    pub const fn new(index: ShareIndex, value: Secret<N>) -> Self {
        Self { index, value }
    }

    /// Returns the share's index.
    pub const fn index(&self) -> ShareIndex {
        self.index
    }

    /// Returns the share's bytes, as many as the secret has.
    pub const fn value(&self) -> &Secret<N> {
        &self.value
    }

    /// Borrows the share as a row.
    pub fn as_row(&self) -> ShareRow<'_> {
        ShareRow {
            index: self.index,
            value: self.value.expose(),
        }
    }
}

/// Prints the index, never the bytes.
impl<const N: usize> core::fmt::Debug for Share<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Share<{N}>({}, ..)", self.index)
    }
}

/// One share of a secret of any length, in the caller's buffer.
#[derive(Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller must fill in every field"
)]
pub struct ShareRow<'a> {
    /// The share's index.
    pub index: ShareIndex,
    /// The share's bytes, as many as the secret has.
    pub value: &'a [u8],
}

/// Prints the index, never the bytes.
impl core::fmt::Debug for ShareRow<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ShareRow({}, ..)", self.index)
    }
}

/// The point at which the share lies.
impl From<ShareIndex> for Public {
    fn from(index: ShareIndex) -> Self {
        Self::new(index.get())
    }
}
