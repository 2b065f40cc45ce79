// SPDX-License-Identifier: MIT OR Apache-2.0
//! PEM (RFC 7468). Reading accepts what is in use: any line length, line ends that became spaces,
//! indented lines, several blocks with text around them, no final newline. Writing uses 64
//! characters a line.

mod encode;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

pub use encode::encode;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// Longer labels are text that happens to follow `BEGIN`.
const LONGEST_LABEL: usize = 64;

/// One block, still in base64.
pub struct Block<'a> {
    /// The text after `BEGIN`.
    pub label: &'a str,
    /// The lines like `Proc-Type: 4,ENCRYPTED` before the base64 (RFC 1421), if there are any.
    pub headers: &'a [u8],
    body: &'a [u8],
}

/// The blocks of a text.
pub struct Blocks<'a> {
    /// The complete ones, in order.
    pub whole: Vec<Block<'a>>,
    /// The label of the last one, if it has no `END`.
    pub cut: Option<&'a str>,
}

/// Returns the blocks of `text`. A block without its `END` does not count. Takes time linear in the
/// length of the text.
pub fn blocks(text: &[u8]) -> Vec<Block<'_>> {
    find(text).whole
}

/// Returns the blocks of `text`, and whether the last one is cut short.
pub fn find(text: &[u8]) -> Blocks<'_> {
    let mut whole = Vec::new();
    let mut open: Option<(&str, usize)> = None;
    let mut at = 0;
    while let Some(dashes) = position(&text[at..], DASHES) {
        let here = at + dashes;
        if let Some((label, length)) = boundary(&text[here..], BEGIN) {
            at = here + length;
            open = Some((label, at));
        } else if let Some((label, length)) = boundary(&text[here..], END) {
            if let Some((_, start)) = open.take_if(|(begun, _)| *begun == label) {
                whole.push(Block::new(label, &text[start..here]));
            }
            at = here + length;
        } else {
            at = here + 1;
        }
    }
    Blocks {
        whole,
        cut: open.map(|(label, _)| label),
    }
}

impl<'a> Block<'a> {
    fn new(label: &'a str, inner: &'a [u8]) -> Self {
        let (headers, body) = inner.split_at(headers_len(inner));
        Self {
            label,
            headers,
            body,
        }
    }

    /// Decodes the body if it is base64 as in RFC 4648 section 4, apart from white space.
    pub fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        base64(self.body)
    }
}

/// Decodes base64 as in RFC 4648 section 4, apart from white space.
pub fn base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
    base64.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
    let mut bytes = Zeroizing::new(vec![0; base64.len()]);
    let length = Base64::decode(&base64[..], &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

/// Returns how long the headers at the front are: up to the value after the last colon. A value holds
/// no space, so this works where line ends became spaces, too.
fn headers_len(inner: &[u8]) -> usize {
    let Some(colon) = inner.iter().rposition(|byte| *byte == b':') else {
        return 0;
    };
    let value = colon + 1 + inner[colon + 1..].len() - inner[colon + 1..].trim_ascii_start().len();
    let end = inner[value..].iter().position(u8::is_ascii_whitespace);
    end.map_or(inner.len(), |end| value + end)
}

/// Returns the label of a boundary at the front of `text`, and the boundary's length.
fn boundary<'a>(text: &'a [u8], opening: &[u8]) -> Option<(&'a str, usize)> {
    let rest = text.strip_prefix(opening)?;
    let reach = &rest[..rest.len().min(LONGEST_LABEL + DASHES.len())];
    let label = str::from_utf8(&rest[..position(reach, DASHES)?]).ok()?;
    let one_line = !label.contains(['\r', '\n']);
    one_line.then(|| (label, opening.len() + label.len() + DASHES.len()))
}

fn position(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len())
        .position(|window| window == pattern)
}
