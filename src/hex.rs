// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hexadecimal digits, in which ids and digests are printed and read. They are for public bytes:
//! the time depends on them.
//!
//! ```
//! use security_domain::hex::{self, HexError};
//!
//! assert_eq!(hex::parse("00fF"), Ok([0, 255]));
//! assert_eq!(hex::parse::<2>("00f"), Err(HexError::Length { have: 3, want: 4 }));
//! assert_eq!(hex::parse::<2>("00fg"), Err(HexError::Digit { at: 3 }));
//! ```

use core::fmt;

/// Prints two digits for each byte.
pub(crate) fn print(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Returns the bytes of `text`, two digits each, in capitals or not.
///
/// # Errors
///
/// - [`HexError::Length`]: the text has not `2 * N` characters.
/// - [`HexError::Digit`]: a character is not a digit.
pub fn parse<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let (mut bytes, mut have) = ([0; N], 0_usize);
    let mut wrong = None;
    for (at, character) in text.chars().enumerate() {
        have = at.saturating_add(1);
        match (character.to_digit(16), bytes.get_mut(at >> 1)) {
            (Some(digit), Some(byte)) => *byte = *byte << 4 | digit as u8,
            (None, _) => wrong = wrong.or(Some(at)),
            (_, None) => {}
        }
    }
    let want = N.saturating_mul(2);
    match wrong {
        _ if have != want => Err(HexError::Length { have, want }),
        Some(at) => Err(HexError::Digit { at }),
        None => Ok(bytes),
    }
}

/// Why a text is not the hexadecimal digits of an id or a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HexError {
    /// It has another number of characters.
    Length {
        /// The number of characters.
        have: usize,
        /// The number of digits that is expected.
        want: usize,
    },
    /// A character is not a hexadecimal digit.
    Digit {
        /// Its place, counted from 0.
        at: usize,
    },
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { have, want } => {
                write!(
                    f,
                    "{have} characters, where {want} hexadecimal digits are expected"
                )
            }
            Self::Digit { at } => {
                write!(
                    f,
                    "character {} is not a hexadecimal digit",
                    at.saturating_add(1)
                )
            }
        }
    }
}

impl core::error::Error for HexError {}
