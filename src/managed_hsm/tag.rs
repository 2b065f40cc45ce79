// SPDX-License-Identifier: MIT OR Apache-2.0
//! The label of an artifact, [`Tag`].

use core::fmt;

use super::error::TagError;
use super::json::{Str, Unescaped};
use super::source::Text;

/// The maximum length of a tag in bytes of UTF-8.
pub const MAX_TAG_LEN: usize = 255;

/// The label of an artifact: 1 to 255 bytes of UTF-8 without U+0000, which the key derivation uses
/// as a separator. Two tags are equal if their characters are, however they are escaped.
#[derive(Clone, Copy)]
pub struct Tag<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Plain(&'a str),
    Json(Str<Text<'a>>),
}

impl<'a> Tag<'a> {
    /// Makes a tag after checking `text`.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`TagError`].
    pub fn new(text: &'a str) -> Result<Self, TagError> {
        check(text.bytes())?;
        Ok(Self(Form::Plain(text)))
    }

    /// Makes a tag after checking a string in a document.
    pub(super) fn from_json(text: Str<Text<'a>>) -> Result<Self, TagError> {
        check(text.bytes())?;
        Ok(Self(Form::Json(text)))
    }

    /// Iterates over its bytes in UTF-8.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        match self.0 {
            Form::Plain(text) => Bytes::Plain(text.bytes()),
            Form::Json(text) => Bytes::Json(text.bytes()),
        }
    }

    /// Iterates over its characters.
    pub fn chars(&self) -> impl Iterator<Item = char> + Clone + use<'a> {
        Chars(self.bytes())
    }
}

/// Checks a tag's bytes, which are UTF-8.
fn check(bytes: impl Iterator<Item = u8> + Clone) -> Result<(), TagError> {
    match bytes.clone().take(MAX_TAG_LEN + 1).count() {
        0 => Err(TagError::Empty),
        length if length > MAX_TAG_LEN => Err(TagError::TooLong),
        _ if { bytes }.any(|byte| byte == 0) => Err(TagError::Nul),
        _ => Ok(()),
    }
}

#[derive(Clone)]
enum Bytes<'a> {
    Plain(core::str::Bytes<'a>),
    Json(Unescaped<Text<'a>>),
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        match self {
            Self::Plain(bytes) => bytes.next(),
            Self::Json(bytes) => bytes.next(),
        }
    }
}

/// The characters of UTF-8 bytes.
#[derive(Clone)]
struct Chars<I>(I);

impl<I: Iterator<Item = u8>> Iterator for Chars<I> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let first = u32::from(self.0.next()?);
        let (bits, following) = match first {
            0x00..0x80 => (first, 0),
            0x80..0xe0 => (first & 0x1f, 1),
            0xe0..0xf0 => (first & 0x0f, 2),
            _ => (first & 0x07, 3),
        };
        let scalar = { self.0.by_ref() }
            .take(following)
            .fold(bits, |scalar, byte| scalar << 6 | u32::from(byte & 0x3f));
        char::from_u32(scalar)
    }
}

impl PartialEq for Tag<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for Tag<'_> {}

/// Prints the characters as they are. They come from a file, so escape them before they reach a
/// terminal.
impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

impl fmt::Debug for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(\"")?;
        for c in self.chars().flat_map(char::escape_debug) {
            fmt::Write::write_char(f, c)?;
        }
        f.write_str("\")")
    }
}
