// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two texts in a header: the domain's label and the tags of its artifacts.
//!
//! Operators read both, so neither may contain characters that make a line look different from what
//! it is: control characters, line or paragraph separators, or characters that change the direction
//! of writing.

use core::fmt;

use crate::hardened::copy;

/// The maximum length of a label or a tag, in bytes of UTF-8.
pub const MAX_TEXT_LEN: usize = 64;

/// The operator's name for a domain, for example `rehearsal`: at most [`MAX_TEXT_LEN`] bytes,
/// possibly none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DomainLabel<'a>(&'a str);

impl<'a> DomainLabel<'a> {
    /// Makes a label after checking its length and characters.
    ///
    /// # Errors
    ///
    /// [`TextError::TooLong`] and [`TextError::Character`].
    pub fn new(text: &'a str) -> Result<Self, TextError> {
        check(text).map(Self)
    }

    /// Returns the text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The name of an artifact: 1 to [`MAX_TEXT_LEN`] bytes, different from every other artifact's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ArtifactTag<'a>(&'a str);

impl<'a> ArtifactTag<'a> {
    /// Makes a tag after checking its length and characters.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`TextError`].
    pub fn new(text: &'a str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        check(text).map(Self)
    }

    /// Returns the text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// A text of 1 to [`MAX_TEXT_LEN`] bytes without a misleading character, in memory of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct KeptText {
    /// Zeros after the text.
    bytes: [u8; MAX_TEXT_LEN],
    len: u8,
}

impl KeptText {
    pub(crate) fn new(text: &str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        let text = check(text)?.as_bytes();
        let mut bytes = [0; MAX_TEXT_LEN];
        let place = bytes.get_mut(..text.len()).ok_or(TextError::TooLong)?;
        copy(place, text).map_err(|_| TextError::TooLong)?;
        Ok(Self {
            bytes,
            len: text.len() as u8,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len));
        match text.map(core::str::from_utf8) {
            Some(Ok(text)) => text,
            // It was copied from a text; a fault must not show as an empty one.
            _ => "(damaged)",
        }
    }
}

impl fmt::Debug for KeptText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Checks that a text has at most [`MAX_TEXT_LEN`] bytes and no misleading character.
pub(crate) fn check(text: &str) -> Result<&str, TextError> {
    check_within(text, MAX_TEXT_LEN)
}

/// Checks that a text has at most `max` bytes and no misleading character.
pub(crate) fn check_within(text: &str, max: usize) -> Result<&str, TextError> {
    if text.len() > max {
        return Err(TextError::TooLong);
    }
    if text.chars().any(misleads) {
        return Err(TextError::Character);
    }
    Ok(text)
}

/// Returns whether a character is in the general categories Cc, Zl or Zp or has the property
/// Bidi_Control (Unicode 17).
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Why a label or a tag is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TextError {
    /// The tag is empty.
    Empty,
    /// The text is longer than [`MAX_TEXT_LEN`] bytes.
    TooLong,
    /// The text contains a control character, a line or paragraph separator, or a character that
    /// changes the direction of writing.
    Character,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::TooLong => write!(f, "longer than {MAX_TEXT_LEN} bytes"),
            Self::Character => f.write_str("holds a character that can mislead a reader"),
        }
    }
}

impl core::error::Error for TextError {}
