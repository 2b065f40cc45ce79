// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a token or a key management service answers when it decrypts a share: bytes, base64, or JSON with
//! base64 in it.

use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use security_domain::wrapped_share::PLAINTEXT_LEN;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::report::{Outcome, Refusal};
use crate::{input, pem};

/// The members in which services put the plaintext.
#[derive(Deserialize)]
struct Json<'a> {
    #[serde(alias = "value", alias = "result", alias = "Plaintext", borrow)]
    plaintext: &'a str,
}

/// What is decrypted.
pub struct Answer {
    name: &'static str,
    length: usize,
}

/// A share.
pub const SHARE: Answer = Answer {
    name: "an unwrapped share",
    length: PLAINTEXT_LEN,
};

/// The part of a share that an RSA key decrypts, if another key is needed, too.
pub const RSA_PART: Answer = Answer {
    name: "the decrypted RSA part of a share",
    length: 64,
};

/// Reads `what` from `path`, where `-` means standard input.
pub fn read(path: &Path, what: &Answer) -> Outcome<Zeroizing<Vec<u8>>> {
    let answer = input::read(path)?;
    plaintext(answer, what.length).ok_or_else(|| {
        let Answer { name, length } = what;
        let reason = format!("{name} has {length} bytes, raw or in base64");
        Refusal::file(path, reason)
    })
}

fn plaintext(answer: Zeroizing<Vec<u8>>, length: usize) -> Option<Zeroizing<Vec<u8>>> {
    if answer.len() == length {
        return Some(answer);
    }
    let text = answer.trim_ascii();
    let text =
        serde_json::from_slice::<Json<'_>>(text).map_or(text, |json| json.plaintext.as_bytes());
    let is_quote = |byte: &u8| *byte == b'"';
    let text = match text {
        [first, inner @ .., last] if is_quote(first) && is_quote(last) => inner,
        text => text,
    };
    let bytes = pem::base64(text).or_else(|| base64url(text))?;
    (bytes.len() == length).then_some(bytes)
}

/// Decodes base64url, padded or not; and base64 without its padding.
fn base64url(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let end = text.iter().rposition(|byte| *byte != b'=')? + 1;
    let url = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    let text: Zeroizing<Vec<u8>> = Zeroizing::new(text[..end].iter().map(url).collect());
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let length = Base64UrlUnpadded::decode(&text[..], &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}
