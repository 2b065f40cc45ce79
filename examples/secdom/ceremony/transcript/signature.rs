// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures of witnesses: Ed25519 (RFC 8032) over three lines of text, so that any program can
//! verify them.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

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
    let (mut public, mut bytes) = ([0; 32], [0; 64]);
    let decoded = [hex(key, &mut public), hex(signature, &mut bytes)];
    let Ok(public) = VerifyingKey::from_bytes(&public) else {
        return false;
    };
    let message = message(last, name);
    let verified = public.verify_strict(message.as_bytes(), &Signature::from_bytes(&bytes));
    decoded == [true; 2] && verified.is_ok()
}

/// Decodes lower-case hexadecimal digits that fill `out`.
fn hex(digits: &str, out: &mut [u8]) -> bool {
    let even = digits.len() == 2 * out.len() && digits.is_ascii();
    even && { out.iter_mut().enumerate() }.all(|(place, byte)| {
        let pair = digits.get(2 * place..2 * place + 2);
        let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        *byte = value.unwrap_or(0);
        value.is_some()
    })
}
