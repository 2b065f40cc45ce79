// SPDX-License-Identifier: MIT OR Apache-2.0
//! Strings, unescaped where they are.

use crate::managed_hsm::error::Fault;
use crate::managed_hsm::member_name::MemberName;
use crate::managed_hsm::source::{Decoded, Source};

/// A string whose escapes have been checked, at its place in the text.
#[derive(Clone, Copy)]
pub struct Str<S> {
    pub(super) rest: S,
}

impl<S: Source> Str<S> {
    /// Iterates over its UTF-8 bytes, unescaped.
    pub fn bytes(&self) -> Unescaped<S> {
        Unescaped {
            rest: self.rest.clone(),
            escaped: Decoded::new(),
        }
    }

    /// Returns whether it is `text`.
    pub fn is(&self, text: &str) -> bool {
        self.bytes().eq(text.bytes())
    }

    /// Returns as much of it as an error shows of a member's name.
    pub(super) fn shown(&self) -> MemberName {
        MemberName::new(self.bytes())
    }
}

/// The bytes of a string. It has been checked; anything that the check refuses would end them.
#[derive(Clone)]
pub struct Unescaped<S> {
    rest: S,
    /// An escaped character.
    escaped: Decoded<4>,
}

impl<S: Source> Source for Unescaped<S> {
    #[inline]
    fn run(&mut self, most: usize) -> &[u8] {
        if self.escaped.is_empty() {
            let plain = self.rest.span(most, is_plain);
            if plain > 0 {
                return self.rest.run(plain);
            }
            let mut ahead = self.rest.clone();
            if most > 0
                && ahead.byte() == Some(b'\\')
                && let Ok(character) = escaped(&mut ahead)
            {
                self.escaped.fill(|utf8| character.encode_utf8(utf8).len());
                self.rest = ahead;
            }
        }
        self.escaped.run(most)
    }
}

impl<S: Source> Iterator for Unescaped<S> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        self.byte()
    }
}

/// Returns whether a byte of a string stands for itself: not a closing quote, a backslash or a
/// control character.
#[inline]
pub(super) fn is_plain(byte: u8) -> bool {
    !matches!(byte, b'"' | b'\\' | 0x00..0x20)
}

/// Consumes what follows a backslash.
pub(super) fn escaped<S: Source>(rest: &mut S) -> Result<char, Fault> {
    Ok(match rest.byte().ok_or(Fault::Syntax)? {
        character @ (b'"' | b'\\' | b'/') => char::from(character),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = four_digits(rest)?;
            match unit {
                0xd800..0xdc00 => {
                    if rest.byte() != Some(b'\\') || rest.byte() != Some(b'u') {
                        return Err(Fault::BadString);
                    }
                    let low = four_digits(rest)?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(Fault::BadString);
                    }
                    let scalar = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    char::from_u32(scalar).ok_or(Fault::BadString)?
                }
                _ => char::from_u32(unit).ok_or(Fault::BadString)?,
            }
        }
        _ => return Err(Fault::BadString),
    })
}

/// Consumes four hexadecimal digits.
fn four_digits<S: Source>(rest: &mut S) -> Result<u32, Fault> {
    let mut number = 0;
    for _ in 0..4 {
        let digit = char::from(rest.byte().ok_or(Fault::Syntax)?);
        number = number << 4 | digit.to_digit(16).ok_or(Fault::BadString)?;
    }
    Ok(number)
}
