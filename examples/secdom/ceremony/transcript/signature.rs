// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures of witnesses: Ed25519 (RFC 8032) over three lines of text, so that any program can
//! verify them.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use security_domain::hex;

use super::What;
use crate::show;

/// What a witness signs: that all lines up to the one with this digest are as he saw them.
fn message(last: &str, name: &str) -> String {
    format!("security-domain ceremony transcript 1\n{last}\n{name}\n")
}

pub fn sign(key: &SigningKey, last: &str, name: &str) -> What {
    let signature = key.sign(message(last, name).as_bytes());
    What::Signature {
        name: name.into(),
        key: show::hex(key.verifying_key().as_bytes()),
        signature: show::hex(&signature.to_bytes()),
    }
}

/// Returns whether a signature is right. All is public.
pub fn verifies(last: &str, name: &str, key: &str, signature: &str) -> bool {
    let (Some(public), Some(bytes)) = (digits::<32>(key), digits::<64>(signature)) else {
        return false;
    };
    let Ok(public) = VerifyingKey::from_bytes(&public) else {
        return false;
    };
    let message = message(last, name);
    let verified = public.verify_strict(message.as_bytes(), &Signature::from_bytes(&bytes));
    verified.is_ok()
}

/// Decodes lower-case hexadecimal digits, so that a key has one form.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = hex::parse(text).ok()?;
    (show::hex(&bytes) == text).then_some(bytes)
}
