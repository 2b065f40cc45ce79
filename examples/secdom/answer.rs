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

/// Reads the 65 bytes of an unwrapped share from `path`, where `-` means standard input.
pub fn read(path: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    let answer = input::read(path)?;
    plaintext(answer).ok_or_else(|| {
        Refusal::file(
            path,
            format!("an unwrapped share has {PLAINTEXT_LEN} bytes, raw or in base64"),
        )
    })
}

fn plaintext(answer: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
    if answer.len() == PLAINTEXT_LEN {
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
    (bytes.len() == PLAINTEXT_LEN).then_some(bytes)
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
