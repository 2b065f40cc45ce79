// SPDX-License-Identifier: MIT OR Apache-2.0
//! PEM (RFC 7468). Reading accepts what is in use: any line length, any line end, several blocks
//! with text around them, no final newline. Writing uses 64 characters a line.

mod encode;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

pub use encode::encode;

/// One block, still in base64.
pub struct Block<'a> {
    /// The text after `BEGIN`.
    pub label: &'a str,
    /// Whether lines like `Proc-Type: 4,ENCRYPTED` precede the base64 (RFC 1421).
    pub headers: bool,
    body: &'a [u8],
}

/// Returns the blocks of `text` in order. A block without an `END` line does not count.
pub fn blocks(text: &[u8]) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    while let Some((line, after)) = next_line(rest) {
        rest = after;
        let Some(label) = boundary(line, b"-----BEGIN ") else {
            continue;
        };
        let mut inner = after;
        while let Some((line, next)) = next_line(inner) {
            if boundary(line, b"-----END ") == Some(label) {
                let body = &after[..after.len() - inner.len()];
                blocks.push(Block {
                    label,
                    headers: body.contains(&b':'),
                    body,
                });
                rest = next;
                break;
            }
            inner = next;
        }
    }
    blocks
}

impl Block<'_> {
    /// Decodes the body if it is base64 as in RFC 4648 section 4, apart from white space.
    pub fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        base64.extend(self.body.iter().filter(|byte| !byte.is_ascii_whitespace()));
        let mut bytes = Zeroizing::new(vec![0; base64.len()]);
        let length = Base64::decode(&base64[..], &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }
}

/// Returns the first line of `text` without its end, and the rest.
fn next_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let end = text
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))
        .unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    Some((line.trim_ascii_end(), rest.get(1..).unwrap_or(&[])))
}

fn boundary<'a>(line: &'a [u8], opening: &[u8]) -> Option<&'a str> {
    str::from_utf8(line.strip_prefix(opening)?.strip_suffix(b"-----")?).ok()
}
