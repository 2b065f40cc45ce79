// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why an operator breaks the glass.

use crate::sealed_domain::{KeptText, TextError};

/// Why an operator does without the consent of the present custodians, for the log: 1 to
/// [`MAX_TEXT_LEN`](crate::sealed_domain::MAX_TEXT_LEN) bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reason(KeptText);

impl Reason {
    /// Makes a reason after checking its length and characters.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`TextError`].
    pub fn new(text: &str) -> Result<Self, TextError> {
        KeptText::new(text).map(Self)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}
