// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answer of a mechanism to given random bytes, for a self-test.

use sha2::{Digest, Sha256};

use super::Kem;
use super::mechanism::{MAX_CIPHERTEXT_LEN, Shared, WrapKey};
use crate::aead::TAG_LEN;
use crate::hardened::{Fault, copy};

/// What is wrapped, and what it is bound to.
const MESSAGE: [u8; 32] = [0x5a; 32];

/// What came out.
pub(crate) struct Answer {
    /// SHA-256 of the public key, the ciphertext and the encapsulated secret.
    pub(crate) made: [u8; 32],
    /// SHA-256 of the same with the secret that was decapsulated.
    pub(crate) opened: [u8; 32],
    /// SHA-256 of what was wrapped under the secret.
    pub(crate) wrapped: [u8; 32],
    /// Whether that is unwrapped as it was.
    pub(crate) unwraps: bool,
}

/// Computes the public key of `seed`, encapsulates with `coins`, decapsulates, wraps and unwraps.
///
/// Secret: nothing; the bytes are those of a test. Leaks: nothing.
pub(crate) fn answer<K: Kem>(seed: &[u8], coins: &[u8]) -> Result<Answer, Fault> {
    let mut public = K::NO_PUBLIC;
    K::public(seed, public.as_mut())?;
    let mut ciphertext = [0; MAX_CIPHERTEXT_LEN];
    let ciphertext = ciphertext.get_mut(..K::CIPHERTEXT_LEN).ok_or(Fault)?;
    let (mut made, mut opened) = (Shared::zeroed(), Shared::zeroed());
    K::encapsulate(public.as_ref(), coins, ciphertext, &mut made)?;
    K::decapsulate(seed, ciphertext, &mut opened).map_err(|_| Fault)?;
    let digest = |shared: &Shared| {
        let hash = Sha256::new_with_prefix(public.as_ref());
        let hash = hash
            .chain_update(&*ciphertext)
            .chain_update(shared.expose());
        let mut digest = [0; 32];
        copy(&mut digest, &hash.finalize())?;
        Ok(digest)
    };
    let (wrapped, unwraps) = wrapped::<K>(&opened)?;
    Ok(Answer {
        made: digest(&made)?,
        opened: digest(&opened)?,
        wrapped,
        unwraps,
    })
}

/// Wraps under the secret, and unwraps.
fn wrapped<K: Kem>(shared: &Shared) -> Result<([u8; 32], bool), Fault> {
    // A tag is longer than what key wrap adds.
    const ROOM: usize = MESSAGE.len() + TAG_LEN;
    let mut key = WrapKey::zeroed();
    K::wrap_key(shared, &MESSAGE, &mut key)?;
    let len = K::KIND
        .wrapped_len(MESSAGE.len())
        .checked_sub(K::CIPHERTEXT_LEN);
    let (mut sealed, mut out) = ([0; ROOM], [0; MESSAGE.len()]);
    let sealed = len.and_then(|len| sealed.get_mut(..len)).ok_or(Fault)?;
    K::seal(&key, &MESSAGE, sealed)?;
    let len = K::open(&key, sealed, &mut out).map_err(|_| Fault)?;
    let mut digest = [0; 32];
    copy(&mut digest, &Sha256::digest(&*sealed))?;
    Ok((digest, len == MESSAGE.len() && out == MESSAGE))
}
