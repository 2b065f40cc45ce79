// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a token or a key management service answers when it decrypts a share: bytes, base64,
//! hexadecimal digits, or JSON with one of them in it.

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

/// What a challenge has for one custodian.
pub const VALUE: Answer = Answer {
    name: "an unwrapped value of a challenge",
    length: PLAINTEXT_LEN,
};

/// What a challenge has for one custodian of a domain file of Managed HSM.
pub const DRILL_VALUE: Answer = Answer {
    name: "an unwrapped value of a challenge",
    length: 64,
};

/// The part of a share or a value that an RSA key decrypts, if another key is needed, too.
pub const RSA_PART: Answer = Answer {
    name: "the decrypted RSA part",
    length: 64,
};

/// The content key of a custodian's share in a domain file of Managed HSM.
pub const CONTENT_KEY: Answer = Answer {
    name: "an unwrapped content key",
    length: 64,
};

/// Reads `what` from `path`, where `-` means standard input.
pub fn read(path: &Path, what: &Answer) -> Outcome<Zeroizing<Vec<u8>>> {
    let answer = input::read(path)?;
    plaintext(answer, what.length).ok_or_else(|| {
        let Answer { name, length } = what;
        let reason = format!("{name} has {length} bytes, raw, in base64 or in hexadecimal digits");
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
    // Digits are base64 of another length, too.
    let decoded = [pem::base64(text), base64url(text), hex(text)];
    { decoded.into_iter().flatten() }.find(|bytes| bytes.len() == length)
}

/// Decodes hexadecimal digits, with or without spaces, line ends and colons between them.
fn hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    for byte in text {
        match char::from(*byte).to_digit(16) {
            Some(digit) => digits.push(digit as u8),
            None if byte.is_ascii_whitespace() || *byte == b':' => {}
            None => return None,
        }
    }
    let pairs = digits.chunks_exact(2);
    let is_even = pairs.remainder().is_empty();
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    bytes.extend(pairs.map(|pair| pair[0] << 4 | pair[1]));
    is_even.then_some(bytes)
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
