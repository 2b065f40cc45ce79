// SPDX-License-Identifier: MIT OR Apache-2.0
//! A strict JSON reader (RFC 8259) that reads the members it knows and refuses all others.
//!
//! It reads from any source of bytes: the text itself, a string inside it, or base64 inside that
//! string. Strings are unescaped as they are read, in place, so no buffer is needed. The callers
//! bound the nesting, or [`Reader::skip`] does, and there is no recursion.

mod skip;

use super::error::{Fault, Field, FileError};
use super::source::{Decoded, RUN, Source, Text};

/// A member that an object may have.
pub struct Member {
    name: &'static str,
    field: Field,
    required: bool,
}

impl Member {
    /// Makes a required member.
    pub const fn new(name: &'static str, field: Field) -> Self {
        let required = true;
        Self {
            name,
            field,
            required,
        }
    }

    /// Makes an optional member.
    pub const fn optional(name: &'static str, field: Field) -> Self {
        let required = false;
        Self {
            name,
            field,
            required,
        }
    }
}

/// Reads a document: UTF-8, one value, nothing after it.
pub fn document<'a, T>(
    text: &'a [u8],
    at: Field,
    read: impl FnOnce(&mut Reader<Text<'a>>) -> Result<T, FileError>,
) -> Result<T, FileError> {
    core::str::from_utf8(text).map_err(|_| at.has(Fault::NotUtf8))?;
    let mut reader = Reader::new(Text(text));
    let value = read(&mut reader)?;
    reader.end(at)?;
    Ok(value)
}

/// A place in a document.
pub struct Reader<S> {
    rest: S,
}

impl<S: Source> Reader<S> {
    /// Starts a document, which is UTF-8.
    pub fn new(rest: S) -> Self {
        Self { rest }
    }

    /// Returns the next byte that is not white space, without consuming it.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            let mut ahead = self.rest.clone();
            match ahead.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.rest = ahead,
                next => return next,
            }
        }
    }

    /// Consumes the next byte that is not white space if it is `byte`.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest.byte();
        }
        found
    }

    /// Consumes `byte`, which starts a value; any other value has `fault`.
    fn start(&mut self, byte: u8, at: Field, fault: Fault) -> Result<(), FileError> {
        if self.take(byte) {
            return Ok(());
        }
        Err(at.has(match self.peek() {
            Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => fault,
            _ => Fault::Syntax,
        }))
    }

    /// Consumes a comma (true) or `close` (false).
    fn more(&mut self, close: u8, at: Field) -> Result<bool, FileError> {
        if self.take(b',') {
            Ok(true)
        } else if self.take(close) {
            Ok(false)
        } else {
            Err(at.has(Fault::Syntax))
        }
    }

    /// Reads an object with these members and no other, in any order, none twice. `value` gets the
    /// position of the member in `members` and reads its value.
    pub fn object<const N: usize>(
        &mut self,
        at: Field,
        members: &[Member; N],
        mut value: impl FnMut(&mut Self, usize) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        self.start(b'{', at, Fault::NotAnObject)?;
        let mut seen = [false; N];
        let mut more = !self.take(b'}');
        while more {
            if self.peek() != Some(b'"') {
                return Err(at.has(Fault::Syntax));
            }
            let name = self.string(at)?;
            let known = members.iter().zip(&mut seen).enumerate();
            let Some((i, (member, seen))) = { known }.find(|(_, (member, _))| name.is(member.name))
            else {
                return Err(at.has(Fault::UnknownMember));
            };
            if core::mem::replace(seen, true) {
                return Err(member.field.has(Fault::Duplicate));
            }
            if !self.take(b':') {
                return Err(member.field.has(Fault::Syntax));
            }
            value(self, i)?;
            more = self.more(b'}', at)?;
        }
        match members
            .iter()
            .zip(seen)
            .find(|(m, seen)| m.required && !seen)
        {
            Some((member, _)) => Err(member.field.has(Fault::Missing)),
            None => Ok(()),
        }
    }

    /// Reads an array. `element` gets the number of an element and reads it.
    pub fn array(
        &mut self,
        at: Field,
        mut element: impl FnMut(&mut Self, usize) -> Result<(), FileError>,
    ) -> Result<usize, FileError> {
        self.start(b'[', at, Fault::NotAnArray)?;
        let mut count = 0;
        let mut more = !self.take(b']');
        while more {
            element(self, count)?;
            count += 1;
            more = self.more(b']', at)?;
        }
        Ok(count)
    }

    /// Reads a string and checks all of it.
    pub fn string(&mut self, at: Field) -> Result<Str<S>, FileError> {
        self.start(b'"', at, Fault::NotAString)?;
        let string = Str {
            rest: self.rest.clone(),
        };
        loop {
            let plain = self.rest.span(RUN, is_plain);
            if plain > 0 {
                self.rest.run(plain);
                continue;
            }
            match self.rest.byte() {
                Some(b'"') => return Ok(string),
                Some(b'\\') => escaped(&mut self.rest).map_err(|fault| at.has(fault))?,
                Some(_) => return Err(at.has(Fault::BadString)),
                None => return Err(at.has(Fault::Syntax)),
            };
        }
    }

    /// Reads a string. Any other value is passed over, and is the fault that is returned inside.
    pub fn string_or_fault(&mut self, at: Field) -> Result<Result<Str<S>, FileError>, FileError> {
        if self.peek() == Some(b'"') {
            return self.string(at).map(Ok);
        }
        self.skip(at)?;
        Ok(Err(at.has(Fault::NotAString)))
    }

    /// Reads a string that must be `value`.
    pub fn literal(&mut self, at: Field, value: &str) -> Result<(), FileError> {
        if self.string(at)?.is(value) {
            Ok(())
        } else {
            Err(at.has(Fault::Value))
        }
    }

    /// Reads an integer in plain digits without a leading zero. A larger integer than fits becomes
    /// `u32::MAX`.
    pub fn integer(&mut self, at: Field) -> Result<u32, FileError> {
        let Some(first @ b'0'..=b'9') = self.peek() else {
            self.start(b'0', at, Fault::NotAnInteger)?;
            return Err(at.has(Fault::Syntax));
        };
        let mut number = 0u32;
        let mut digits = 0;
        loop {
            let mut ahead = self.rest.clone();
            match ahead.byte() {
                Some(digit @ b'0'..=b'9') => {
                    number = number
                        .saturating_mul(10)
                        .saturating_add(u32::from(digit - b'0'));
                    digits += 1;
                    self.rest = ahead;
                }
                Some(b'.' | b'e' | b'E') => return Err(at.has(Fault::NotAnInteger)),
                _ if first == b'0' && digits > 1 => return Err(at.has(Fault::NotAnInteger)),
                _ => return Ok(number),
            }
        }
    }

    /// Checks that nothing follows.
    pub fn end(mut self, at: Field) -> Result<(), FileError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(at.has(Fault::Trailing)),
        }
    }
}

/// A string whose escapes have been checked, at its place in the text.
#[derive(Clone, Copy)]
pub struct Str<S> {
    rest: S,
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
fn is_plain(byte: u8) -> bool {
    !matches!(byte, b'"' | b'\\' | 0x00..0x20)
}

/// Consumes what follows a backslash.
fn escaped<S: Source>(rest: &mut S) -> Result<char, Fault> {
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
