// SPDX-License-Identifier: MIT OR Apache-2.0
//! HPKE in base mode, one message for each setup (RFC 9180 sections 4, 5.1 and 6.1), with
//! AES-256-GCM and no associated data.

use core::convert::Infallible;

use hkdf::hmac::digest::Output;
use hkdf::{GenericHkdf, GenericHkdfExtract, HmacImpl};
use zeroize::Zeroize;

use super::secrets::{Shared, WrapKey};
use crate::aead::{self, NONCE_LEN, TAG_LEN};
use crate::custodian::UnwrapError;
use crate::hardened::{Fault, Verdict, copy};
use crate::secret::Secret;

const VERSION: &[u8] = b"HPKE-v1";
const MODE_BASE: &[u8] = &[0];

/// AES-256-GCM (RFC 9180 section 7.3).
const AEAD: [u8; 2] = [0, 2];

/// Returns the `suite_id` of a KEM and a KDF by their numbers in the registry.
pub const fn suite_id(kem: u16, kdf: u8) -> [u8; 10] {
    let [high, low] = kem.to_be_bytes();
    let [aead_high, aead_low] = AEAD;
    [
        b'H', b'P', b'K', b'E', high, low, 0, kdf, aead_high, aead_low,
    ]
}

/// `LabeledExtract` (RFC 9180 section 4). The first half of the result must be wiped.
///
/// Secret: `salt`, `ikm`, the result. Public: the rest, the lengths. Leaks: nothing else.
pub fn extract<H: HmacImpl>(
    suite: &[u8],
    salt: &[u8],
    label: &[u8],
    ikm: &[u8],
) -> (Output<H>, GenericHkdf<H>) {
    let mut extract = GenericHkdfExtract::<H>::new(Some(salt));
    for part in [VERSION, suite, label, ikm] {
        extract.input_ikm(part);
    }
    extract.finalize()
}

/// `LabeledExpand` (RFC 9180 section 4) for an `info` in three parts.
///
/// Secret: `key`, `out`. Public: the rest, the lengths. Leaks: nothing else.
pub fn expand<H: HmacImpl>(
    key: &GenericHkdf<H>,
    suite: &[u8],
    label: &[u8],
    info: [&[u8]; 3],
    out: &mut [u8],
) -> Result<(), Fault> {
    let length = u16::try_from(out.len()).map_err(|_| Fault)?.to_be_bytes();
    let [first, second, third] = info;
    let info = [&length, VERSION, suite, label, first, second, third];
    key.expand_multi_info(&info, out).map_err(|_| Fault)
}

/// `KeySchedule` (RFC 9180 section 5.1) in base mode: derives the key and the base nonce.
///
/// Secret: `shared`, `key`. Public: `suite`, `info`. Leaks: nothing else.
pub fn schedule<H: HmacImpl>(
    suite: &[u8; 10],
    shared: &Shared,
    info: &[u8],
    key: &mut WrapKey,
) -> Result<(), Fault> {
    let (psk_id, _) = extract::<H>(suite, &[], b"psk_id_hash", &[]);
    let (info, _) = extract::<H>(suite, &[], b"info_hash", info);
    let context = [MODE_BASE, &psk_id, &info];
    let (mut bare, secret) = extract::<H>(suite, shared.expose(), b"secret", &[]);
    bare.as_mut_slice().zeroize();
    let (key, nonce) = { key.expose_mut() }.split_at_mut_checked(32).ok_or(Fault)?;
    expand(&secret, suite, b"key", context, key)?;
    expand(&secret, suite, b"base_nonce", context, nonce)
}

/// Encrypts `message` into `sealed`, which is filled: the ciphertext, then the tag.
///
/// Secret: `key`, `message`. Public: the lengths, `sealed`. Leaks: nothing else.
pub fn seal(key: &WrapKey, message: &[u8], sealed: &mut [u8]) -> Result<(), Fault> {
    let (key, nonce) = cut(key)?;
    let (sealed, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(Fault)?;
    aead::seal_under(&key, &nonce, message, sealed, tag)
}

/// Decrypts `sealed` into the front of `out`, and returns the message's length.
///
/// Secret: `key`, `out`. Public: `sealed`, the lengths. Leaks: whether it opened.
pub fn open(
    key: &WrapKey,
    sealed: &[u8],
    out: &mut [u8],
) -> Result<usize, UnwrapError<Infallible>> {
    let (key, nonce) = cut(key)?;
    let (sealed, tag) = { sealed.split_last_chunk::<TAG_LEN>() }.ok_or(UnwrapError::Opaque)?;
    let out = out.get_mut(..sealed.len()).ok_or(UnwrapError::Opaque)?;
    Verdict::twice(|| aead::open_under(&key, &nonce, sealed, tag, out)).or(UnwrapError::Opaque)?;
    Ok(sealed.len())
}

fn cut(both: &WrapKey) -> Result<(Secret<32>, [u8; NONCE_LEN]), Fault> {
    let (front, nonce) = both.expose().split_last_chunk::<NONCE_LEN>().ok_or(Fault)?;
    let mut key = Secret::zeroed();
    copy(key.expose_mut(), front)?;
    Ok((key, *nonce))
}
