// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passes over a value whatever it is, and checks that it is JSON.

use super::Reader;
use crate::managed_hsm::error::{Fault, Field, FileError};
use crate::managed_hsm::source::Source;

impl<S: Source> Reader<'_, S> {
    /// Reads any value, with at most 63 arrays and objects inside each other. There is no
    /// recursion.
    pub fn skip(&mut self, at: Field) -> Result<(), FileError> {
        // One bit for each open array (0) and object (1), the innermost lowest, under a leading 1.
        let mut open = 1u64;
        loop {
            match self.peek() {
                Some(start @ (b'{' | b'[')) => {
                    self.rest.byte();
                    if open.leading_zeros() == 0 {
                        return Err(at.has(Fault::TooDeep));
                    }
                    open = open << 1 | u64::from(start == b'{');
                    if !self.take(close(open)) {
                        self.name(open, at)?;
                        continue;
                    }
                    open >>= 1;
                }
                Some(b'"') => self.string(at).map(|_| ())?,
                Some(b'-' | b'0'..=b'9') => self.number(at)?,
                Some(b't') => self.word("true", at)?,
                Some(b'f') => self.word("false", at)?,
                Some(b'n') => self.word("null", at)?,
                _ => return Err(at.has(Fault::Syntax)),
            }
            // A value has ended here, and with it perhaps what it is in.
            loop {
                if open == 1 {
                    return Ok(());
                }
                if self.more(close(open), at)? {
                    self.name(open, at)?;
                    break;
                }
                open >>= 1;
            }
        }
    }

    /// Consumes a member's name and its colon if the innermost value is an object.
    fn name(&mut self, open: u64, at: Field) -> Result<(), FileError> {
        if open & 1 == 0 {
            return Ok(());
        }
        if self.peek() != Some(b'"') {
            return Err(at.has(Fault::Syntax));
        }
        self.string(at)?;
        if self.take(b':') {
            Ok(())
        } else {
            Err(at.has(Fault::Syntax))
        }
    }

    /// Consumes a number (RFC 8259 section 6).
    fn number(&mut self, at: Field) -> Result<(), FileError> {
        self.one_of(b"-");
        let integer = if self.one_of(b"0") { 1 } else { self.digits() };
        let fraction = if self.one_of(b".") { self.digits() } else { 1 };
        let exponent = if self.one_of(b"eE") {
            self.one_of(b"+-");
            self.digits()
        } else {
            1
        };
        if integer > 0 && fraction > 0 && exponent > 0 {
            Ok(())
        } else {
            Err(at.has(Fault::Syntax))
        }
    }

    /// Consumes digits, and returns their number.
    fn digits(&mut self) -> usize {
        let mut digits = 0;
        while self.one_of(b"0123456789") {
            digits += 1;
        }
        digits
    }

    /// Consumes the very next byte if it is one of `bytes`.
    fn one_of(&mut self, bytes: &[u8]) -> bool {
        let mut ahead = self.rest.clone();
        let found = ahead.byte().is_some_and(|byte| bytes.contains(&byte));
        if found {
            self.rest = ahead;
        }
        found
    }

    fn word(&mut self, word: &str, at: Field) -> Result<(), FileError> {
        for byte in word.bytes() {
            if self.rest.byte() != Some(byte) {
                return Err(at.has(Fault::Syntax));
            }
        }
        Ok(())
    }
}

/// Returns what closes the innermost value.
fn close(open: u64) -> u8 {
    if open & 1 == 1 { b'}' } else { b']' }
}
