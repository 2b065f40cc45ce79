// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a backup, or the key in it, is called.

use crate::sealed_domain::{TextError, check_text};

/// A name: 1 to 64 bytes of UTF-8 ([`MAX_TEXT_LEN`](crate::sealed_domain::MAX_TEXT_LEN)) that cannot mislead
/// who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    /// Checks length and characters, as for an artifact's tag.
    pub fn new(text: &'a str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        check_text(text).map(Self)
    }

    /// The text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}
