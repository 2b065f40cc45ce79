// SPDX-License-Identifier: MIT OR Apache-2.0
//! A strict JSON reader (RFC 8259) that reads the members it knows, and refuses all others or
//! reports and passes over them.
//!
//! It reads from any source of bytes: the text itself, a string inside it, or base64 inside that
//! string. Strings are unescaped as they are read, in place, so no buffer is needed. The callers
//! bound the nesting, or [`Reader::skip`] does, and there is no recursion.

mod skip;
mod string;

use super::error::{Fault, Field, FileError, UnknownMember};
use super::source::{RUN, Source, Text};
use string::{escaped, is_plain};

pub use string::{Str, Unescaped};

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

/// The most members of one object that are not in the format, where they are passed over.
const MAX_UNKNOWN: usize = 16;

/// Is called with each member that is passed over.
pub type Report<'r> = &'r mut dyn FnMut(UnknownMember);

/// Reads a document: UTF-8, one value, nothing after it. Without a `report`, members that are not in
/// the format are refused.
pub fn document<'a, T>(
    text: &'a [u8],
    at: Field,
    report: Option<Report<'_>>,
    read: impl FnOnce(&mut Reader<'_, Text<'a>>) -> Result<T, FileError>,
) -> Result<T, FileError> {
    core::str::from_utf8(text).map_err(|_| at.has(Fault::NotUtf8))?;
    let mut reader = Reader::reporting(Text(text), report);
    let value = read(&mut reader)?;
    reader.end(at)?;
    Ok(value)
}

/// A place in a document.
pub struct Reader<'r, S> {
    rest: S,
    report: Option<Report<'r>>,
}

impl<'r, S: Source> Reader<'r, S> {
    /// Starts at a position in a document, which is UTF-8, and without a `report` refuses members that
    /// are not in the format.
    pub fn reporting(rest: S, report: Option<Report<'r>>) -> Self {
        Self { rest, report }
    }
}

impl<S: Source> Reader<'_, S> {
    /// Starts a document, which is UTF-8 and may have only the members that are in the format.
    pub fn new(rest: S) -> Self {
        Self { rest, report: None }
    }

    /// Returns where it is in the document, to read from there again.
    pub fn position(&self) -> S {
        self.rest.clone()
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
    pub fn more(&mut self, close: u8, at: Field) -> Result<bool, FileError> {
        if self.take(b',') {
            Ok(true)
        } else if self.take(close) {
            Ok(false)
        } else {
            Err(at.has(Fault::Syntax))
        }
    }

    /// Reads an object with these members in any order, none twice. `value` gets the position of the
    /// member in `members` and reads its value. Any other member is refused, or reported and passed
    /// over.
    pub fn object<const N: usize>(
        &mut self,
        at: Field,
        members: &[Member; N],
        mut value: impl FnMut(&mut Self, usize) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        self.start(b'{', at, Fault::NotAnObject)?;
        let mut seen = [false; N];
        let mut more = !self.take(b'}');
        let (first, mut before, mut unknown) = (self.rest.clone(), 0, 0);
        while more {
            if self.peek() != Some(b'"') {
                return Err(at.has(Fault::Syntax));
            }
            let name = self.string(at)?;
            let known = members.iter().zip(&mut seen).enumerate();
            let Some((i, (member, seen))) = { known }.find(|(_, (member, _))| name.is(member.name))
            else {
                self.pass_over(at, &name)?;
                unknown += 1;
                if unknown > MAX_UNKNOWN {
                    return Err(at.has(Fault::Count));
                }
                if is_before(&first, before, &name, at)? {
                    return Err(at.has(Fault::UnknownTwice(name.shown())));
                }
                before += 1;
                more = self.more(b'}', at)?;
                continue;
            };
            if core::mem::replace(seen, true) {
                return Err(member.field.has(Fault::Duplicate));
            }
            if !self.take(b':') {
                return Err(member.field.has(Fault::Syntax));
            }
            value(self, i)?;
            before += 1;
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

    /// Reports a member that is not in the format and reads over its value, or refuses it.
    fn pass_over(&mut self, at: Field, name: &Str<S>) -> Result<(), FileError> {
        let name = name.shown();
        match &mut self.report {
            None => return Err(at.has(Fault::UnknownMember(name))),
            Some(report) => report(UnknownMember { object: at, name }),
        }
        if !self.take(b':') {
            return Err(at.has(Fault::Syntax));
        }
        self.skip(at)
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

/// Returns whether one of the first `count` members after `first` has this name.
fn is_before<S: Source>(
    first: &S,
    count: usize,
    name: &Str<S>,
    at: Field,
) -> Result<bool, FileError> {
    let mut reader = Reader::new(first.clone());
    for _ in 0..count {
        if reader.string(at)?.bytes().eq(name.bytes()) {
            return Ok(true);
        }
        reader.take(b':');
        reader.skip(at)?;
        reader.take(b',');
    }
    Ok(false)
}
