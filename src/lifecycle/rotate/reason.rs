// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why an operator breaks the glass.

use core::fmt;

use crate::hardened::copy;
use crate::sealed_domain::{MAX_TEXT_LEN, TextError, check_text};

/// Why an operator does without the consent of the present custodians, for the log: 1 to
/// [`MAX_TEXT_LEN`] bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reason {
    /// Zeros after the text.
    bytes: [u8; MAX_TEXT_LEN],
    len: u8,
}

impl Reason {
    /// Makes a reason after checking its length and characters.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`TextError`].
    pub fn new(text: &str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        let text = check_text(text)?.as_bytes();
        let mut bytes = [0; MAX_TEXT_LEN];
        let place = bytes.get_mut(..text.len()).ok_or(TextError::TooLong)?;
        copy(place, text).map_err(|_| TextError::TooLong)?;
        Ok(Self {
            bytes,
            len: text.len() as u8,
        })
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len));
        match text.map(core::str::from_utf8) {
            Some(Ok(text)) => text,
            // It was copied from a text; a fault must not show as no reason.
            _ => "(damaged)",
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reason").field(&self.as_str()).finish()
    }
}
