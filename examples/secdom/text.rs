// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text as editors and shells save it: with a byte order mark, in UTF-16, inside a JSON string, or in
//! a service's answer.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::report::Outcome;
use crate::{input, pem};

/// How many layers around a document are taken off: a service's answer that was quoted once more.
const LAYERS: usize = 2;

/// Reads `path` as text: UTF-8 without a byte order mark, and PEM as it was before it was put into
/// something else. What is no text is left as it is.
pub fn read(path: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    input::read(path).map(of)
}

/// Does the same for `bytes` that are read already.
pub fn of(bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let text = utf8(&bytes).unwrap_or(bytes);
    pem(&text).unwrap_or(text)
}

/// Returns the PEM inside `text`, if it is in base64 once more, in a JSON string or a service's
/// answer, or its line ends are written as `\n`: as secrets are stored in variables and vaults.
pub fn pem(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const BEGIN_IN_BASE64: &[u8] = b"LS0tLS1CRUdJTi";
    match text.trim_ascii_start() {
        [b'"' | b'{', ..] => unwrapped(text),
        start if start.starts_with(BEGIN) => with_line_ends(text),
        start if start.starts_with(BEGIN_IN_BASE64) => pem::base64(text),
        _ => None,
    }
    .filter(|inner| inner.trim_ascii_start().starts_with(BEGIN))
}

/// Puts line ends where they are written as `\n` or `\r\n`, if they are.
fn with_line_ends(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut lines = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let is_end = *first == b'\\' && matches!(after, [b'n' | b'r', ..]);
        lines.push(if is_end { b'\n' } else { *first });
        rest = if is_end { &after[1..] } else { after };
    }
    (lines.len() < text.len()).then_some(lines)
}

/// Reads a JSON document, which may be saved as a JSON string, as Terraform prints it, or in the
/// service's answer `{"value": ...}`.
pub fn read_json(path: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    read(path).map(|text| unwrapped(&text).unwrap_or(text))
}

/// Returns the document inside `bytes`, if it is wrapped in something.
pub fn json(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let plain = utf8(bytes);
    unwrapped(plain.as_deref().map_or(bytes, Vec::as_slice)).or(plain)
}

/// The service's answer.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
}

/// Takes off the strings and answers around a document.
fn unwrapped(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut inner: Option<Zeroizing<Vec<u8>>> = None;
    for _ in 0..LAYERS {
        let text = inner.as_deref().map_or(text, Vec::as_slice);
        let document = match serde_json::from_slice(text) {
            Ok(document) => document,
            Err(_) => match serde_json::from_slice::<Answer<'_>>(text) {
                Ok(Answer { value }) => match serde_json::from_str(value.get()) {
                    Ok(document) => document,
                    // As it stands, so that nothing is reordered or left out.
                    Err(_) if value.get().starts_with('{') => value.get().to_owned(),
                    Err(_) => break,
                },
                Err(_) => break,
            },
        };
        inner = Some(Zeroizing::new(document.into_bytes()));
    }
    inner
}

/// Returns text in UTF-8 without a byte order mark, if `bytes` are text in another form.
fn utf8(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return Some(Zeroizing::new(rest.to_vec()));
    }
    let (pairs, rest) = bytes.as_chunks();
    let unit: fn([u8; 2]) -> u16 = match *pairs.first()? {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        [b'\t'..=b'~', 0] => u16::from_le_bytes,
        [0, b'\t'..=b'~'] => u16::from_be_bytes,
        _ => return None,
    };
    if !rest.is_empty() {
        return None;
    }
    // There is room for all of it, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(3 * pairs.len()));
    let units = pairs.iter().map(|pair| unit(*pair));
    for character in char::decode_utf16(units) {
        match character.unwrap_or(char::REPLACEMENT_CHARACTER) {
            '\u{feff}' if text.is_empty() => {}
            c => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Some(text)
}
