// SPDX-License-Identifier: MIT OR Apache-2.0
//! The name of a backup, or of the key in it.

use crate::sealed_domain::{TextError, check_text};

/// A name: 1 to 64 bytes of UTF-8 ([`MAX_TEXT_LEN`](crate::sealed_domain::MAX_TEXT_LEN)) without
/// characters that mislead a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    /// Makes a name after checking its length and characters, as for an artifact's tag.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`TextError`].
    pub fn new(text: &'a str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        check_text(text).map(Self)
    }

    /// Returns the text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}
