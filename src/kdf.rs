// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key derivation: HKDF with SHA-256 (RFC 5869), and SP 800-108 rev. 1 section 4.1 (counter mode)
//! with HMAC-SHA-512, as in the Azure format.
//!
//! Keys are filled in place. A failed derivation is a [`Fault`], never a key of zeros: the result
//! is checked twice before it is returned.

use hkdf::Hkdf;
#[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
use hmac::digest::FixedOutput;
#[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
#[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
use sha2::Sha512;

use crate::ct::{Mask, eq_bytes};
use crate::hardened::{self, Fault, Verdict};
use crate::secret::{Secret, wipe};

/// The length of a block of HKDF-Expand.
const HASH_LEN: usize = 32;

/// The pseudorandom key of HKDF, from which keys are expanded. It wipes itself.
pub struct Pseudorandom(Option<Hkdf<Sha256>>);

/// Prints no part of the value.
impl core::fmt::Debug for Pseudorandom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Pseudorandom(..)")
    }
}

impl Pseudorandom {
    /// Makes an empty key, which [`expand`](Self::expand) refuses.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Fills the key with HKDF-Extract of `key` and `salt`.
    ///
    /// Secret: `key`, the result. Public: `salt`, the lengths. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an internal check failed.
    pub fn extract(&mut self, salt: &[u8], key: &[u8]) -> Result<(), Fault> {
        let (mut extracted, hkdf) = Hkdf::extract(Some(salt), key);
        let made = Verdict::twice(|| !eq_bytes(&extracted, &[0; 32]));
        wipe(&mut extracted);
        made.or(Fault)?;
        self.0 = Some(hkdf);
        Ok(())
    }

    /// HKDF-Expand: fills `out`, of at most one block, for the use that the parts of `info` name
    /// together.
    ///
    /// Secret: the key, the result. Public: `info`, the lengths. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the key is empty, or an internal check failed.
    #[cfg_attr(
        not(test),
        expect(clippy::disallowed_macros, reason = "refused when it is compiled")
    )]
    pub fn expand<const N: usize>(&self, info: &[&[u8]], out: &mut Secret<N>) -> Result<(), Fault> {
        const { assert!(N <= HASH_LEN) };
        let mut block = Secret::zeroed();
        expand_block(self.0.as_ref().ok_or(Fault)?, info, &mut block)?;
        let (front, _) = block.expose().split_at_checked(N).ok_or(Fault)?;
        hardened::copy(out.expose_mut(), front)?;
        require_filled(out)
    }
}

/// Fills one block. It is a single function of one length, so that the compiler sees that the
/// library does not panic.
#[inline(never)]
fn expand_block(
    hkdf: &Hkdf<Sha256>,
    info: &[&[u8]],
    block: &mut Secret<HASH_LEN>,
) -> Result<(), Fault> {
    hkdf.expand_multi_info(info, block.expose_mut())
        .map_err(|_| Fault)
}

/// SP 800-108 in counter mode with HMAC-SHA-512, in one block: fills `out` with the first `N` bytes, at
/// most 64, of `HMAC(key, 00000001 || label || 00 || context || N * 8)`, the numbers in 32 bits,
/// big-endian.
///
/// Secret: `key`, the result. Public: `label`, `context`, the lengths. Leaks: nothing else.
///
/// # Errors
///
/// [`Fault`] if an internal check failed.
#[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
#[cfg_attr(
    not(test),
    expect(clippy::disallowed_macros, reason = "refused when it is compiled")
)]
pub fn sp800_108_hmac_sha512<const N: usize>(
    key: &[u8],
    label: impl IntoIterator<Item = u8>,
    context: &[u8],
    out: &mut Secret<N>,
) -> Result<(), Fault> {
    const { assert!(N <= 64) };
    let mut mac = Hmac::<Sha512>::new_from_slice(key).map_err(|_| Fault)?;
    mac.update(&1u32.to_be_bytes());
    for byte in label {
        mac.update(&[byte]);
    }
    mac.update(&[0]);
    mac.update(context);
    mac.update(&(N as u32 * 8).to_be_bytes());
    let mut block = Secret::<64>::zeroed();
    mac.finalize_into(block.expose_mut().into());
    let (front, _) = block.expose().split_at_checked(N).ok_or(Fault)?;
    hardened::copy(out.expose_mut(), front)?;
    require_filled(out)
}

/// Refuses a key of zeros: a derivation that ran does not return one.
///
/// Secret: `key`. Leaks: whether it is all zeros.
pub(crate) fn require_filled<const N: usize>(key: &Secret<N>) -> Result<(), Fault> {
    Verdict::twice(|| !eq_bytes(key.expose(), &[0; N]) | Mask::public(N == 0)).or(Fault)
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};

    use super::*;
    use crate::secret::left;

    /// RFC 5869 section A.1, and a key that is shorter than a block.
    #[test]
    fn the_blocks_of_hkdf_are_wiped() {
        let hmac = |key: &[u8], text: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        };
        let (key, mut out) = ([0x0b; 22], Secret::<16>::zeroed());
        let extracted = hmac(b"salt", &key);
        let block = hmac(&extracted, b"info\x01");
        let mut pseudorandom = Pseudorandom::none();
        let wiped = left::wiped(|| pseudorandom.extract(b"salt", &key).unwrap());
        assert!(wiped.contains(&extracted));
        let wiped = left::wiped(|| pseudorandom.expand(&[b"info"], &mut out).unwrap());
        assert!(wiped.contains(&block));
        assert_eq!(out.expose(), &block[..16]);
    }

    #[test]
    #[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
    fn the_block_of_the_counter_mode_is_wiped() {
        let (key, mut out) = ([7; 32], Secret::<32>::zeroed());
        let mut mac = Hmac::<Sha512>::new_from_slice(&key).unwrap();
        mac.update(b"\0\0\0\x01label\0\0\0\x01\0");
        let block = mac.finalize().into_bytes().to_vec();
        let wiped = left::wiped(|| {
            let label = b"label".iter().copied();
            sp800_108_hmac_sha512(&key, label, b"", &mut out).unwrap();
        });
        assert!(wiped.contains(&block));
        assert_eq!(out.expose(), &block[..32]);
    }

    #[test]
    fn a_key_of_zeros_is_refused() {
        let mut key = Secret::<32>::zeroed();
        assert_eq!(require_filled(&key), Err(Fault));
        for bit in 0..256 {
            *key.expose_mut() = [0; 32];
            key.expose_mut()[bit >> 3] = 1 << (bit & 7);
            assert_eq!(require_filled(&key), Ok(()), "bit {bit}");
        }
    }
}
