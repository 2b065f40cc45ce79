// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two texts in a header: a domain's label and the tags of its artifacts.
//!
//! Operators read both, so neither can hold what makes a line show other than it is: no control
//! character, no line or paragraph separator, no character that changes the direction of writing.

use core::fmt;

/// The most bytes of UTF-8 in a label or a tag.
pub const MAX_TEXT_LEN: usize = 64;

/// What the operator calls a domain, for example `rehearsal`: at most [`MAX_TEXT_LEN`] bytes, none
/// allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainLabel<'a>(&'a str);

impl<'a> DomainLabel<'a> {
    /// Checks length and characters.
    pub fn new(text: &'a str) -> Result<Self, TextError> {
        check(text).map(Self)
    }

    /// The text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// What an artifact is called: 1 to [`MAX_TEXT_LEN`] bytes, and no other artifact's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArtifactTag<'a>(&'a str);

impl<'a> ArtifactTag<'a> {
    /// Checks length and characters.
    pub fn new(text: &'a str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        check(text).map(Self)
    }

    /// The text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// Whether a text has at most [`MAX_TEXT_LEN`] bytes and nothing that misleads.
pub(crate) fn check(text: &str) -> Result<&str, TextError> {
    if text.len() > MAX_TEXT_LEN {
        return Err(TextError::TooLong);
    }
    if text.chars().any(misleads) {
        return Err(TextError::Character);
    }
    Ok(text)
}

/// General category Cc, Zl and Zp, and the property Bidi_Control, of Unicode 17.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Why a label or a tag is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextError {
    /// A tag of no bytes.
    Empty,
    /// More than [`MAX_TEXT_LEN`] bytes.
    TooLong,
    /// A control character, a line or paragraph separator, or one that changes the direction of writing.
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
