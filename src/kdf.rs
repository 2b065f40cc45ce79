// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key derivation: HKDF with SHA-256 (RFC 5869), and SP 800-108 rev. 1 section 4.1 (counter mode)
//! with HMAC-SHA-512, as the interchange format uses it.
//!
//! Both are a few lines on `hmac`, whose states wipe themselves; the intermediate keys are wiped here.

use hmac::digest::FixedOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
#[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
use sha2::Sha512;

use crate::secret::Secret;

/// HMAC (RFC 2104) under `key`. Its section 2 allows a key of any length.
#[allow(clippy::expect_used, reason = "an HMAC key has no wrong length")]
pub fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("an HMAC key of any length")
}

/// HKDF-Extract: a pseudorandom key from `key` and `salt`.
///
/// Secret: `key`, the result. Public: `salt`, the lengths. Leaks: nothing else.
pub fn hkdf_extract(salt: &[u8], key: &[u8]) -> Secret<32> {
    let mut mac: Hmac<Sha256> = keyed(salt);
    mac.update(key);
    let mut pseudorandom = Secret::zeroed();
    mac.finalize_into(pseudorandom.expose_mut().into());
    pseudorandom
}

/// HKDF-Expand: `N` bytes, at most 8,160, for the use that the parts of `info` together name.
///
/// Secret: `pseudorandom`, the result. Public: `info`, the lengths. Leaks: nothing else.
pub fn hkdf_expand<const N: usize>(
    pseudorandom: &Secret<32>,
    info: impl IntoIterator<Item: AsRef<[u8]>> + Clone,
) -> Secret<N> {
    const { assert!(N <= 255 * 32) };
    let mut out = Secret::zeroed();
    let mut block = Secret::<32>::zeroed();
    for (counter, chunk) in (1..=u8::MAX).zip(out.expose_mut().chunks_mut(32)) {
        let mut mac: Hmac<Sha256> = keyed(pseudorandom.expose());
        if counter > 1 {
            mac.update(block.expose());
        }
        for part in info.clone() {
            mac.update(part.as_ref());
        }
        mac.update(&[counter]);
        mac.finalize_into(block.expose_mut().into());
        for (to, from) in chunk.iter_mut().zip(block.expose()) {
            *to = *from;
        }
    }
    out
}

/// SP 800-108 in counter mode with HMAC-SHA-512, in one block: the first `N` bytes, at most 64, of
/// `HMAC(key, 00000001 || label || 00 || context || N * 8)`, the numbers in 32 bits, big-endian.
///
/// Secret: `key`, the result. Public: `label`, `context`, the lengths. Leaks: nothing else.
#[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
pub fn sp800_108_hmac_sha512<const N: usize>(
    key: &[u8],
    label: impl IntoIterator<Item = u8>,
    context: &[u8],
) -> Secret<N> {
    const { assert!(N <= 64) };
    let mut mac: Hmac<Sha512> = keyed(key);
    mac.update(&1u32.to_be_bytes());
    for byte in label {
        mac.update(&[byte]);
    }
    mac.update(&[0]);
    mac.update(context);
    mac.update(&(N as u32 * 8).to_be_bytes());
    let mut block = Secret::<64>::zeroed();
    mac.finalize_into(block.expose_mut().into());
    let mut out = Secret::zeroed();
    for (to, from) in out.expose_mut().iter_mut().zip(block.expose()) {
        *to = *from;
    }
    out
}
