// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes text into the caller's buffer.

use base64ct::Encoding;

use super::base64::{Base64UrlUnpadded, CHUNK, url_len};
use super::error::WriteError;
use crate::hardened::{Fault, copy};
use crate::secret::wipe;

/// The written front of a buffer and the rest of it; or no buffer, and only the length.
pub struct Writer<'o> {
    out: Option<&'o mut [u8]>,
    length: usize,
    needed: usize,
}

/// Writes `needed` bytes into the front of `out`, all or nothing: on an error `out` is wiped.
pub fn write(
    out: &mut [u8],
    needed: usize,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(), WriteError>,
) -> Result<usize, WriteError> {
    let result = if out.len() < needed {
        Err(WriteError::BufferTooSmall { needed })
    } else {
        let mut writer = Writer {
            out: Some(&mut *out),
            length: 0,
            needed,
        };
        fill(&mut writer).map(|()| writer.length)
    };
    result.inspect_err(|_| wipe(out))
}

/// Returns how many bytes `fill` writes.
pub fn count(fill: impl FnOnce(&mut Writer<'_>) -> Result<(), WriteError>) -> usize {
    let mut writer = Writer {
        out: None,
        length: 0,
        needed: 0,
    };
    // Without a buffer, nothing can be too long.
    let _ = fill(&mut writer);
    writer.length
}

impl Writer<'_> {
    /// Writes text as it is.
    pub fn put(&mut self, text: &str) -> Result<(), WriteError> {
        let needed = self.needed;
        let end = self.length.saturating_add(text.len());
        if let Some(out) = &mut self.out {
            let room = out.get_mut(self.length..end);
            let room = room.ok_or(WriteError::BufferTooSmall { needed })?;
            copy(room, text.as_bytes())?;
        }
        self.length = end;
        Ok(())
    }

    /// Writes characters.
    pub fn put_all(&mut self, text: impl Iterator<Item = char>) -> Result<(), WriteError> {
        for character in text {
            self.put(character.encode_utf8(&mut [0; 4]))?;
        }
        Ok(())
    }

    /// Writes a number of at most two digits.
    pub fn put_number(&mut self, number: u8) -> Result<(), WriteError> {
        let tens = (1..=9).take_while(|tens| tens * 10 <= number).count() as u8;
        let digits = [tens, number.saturating_sub(tens * 10)].map(|d| char::from(b'0' + d));
        self.put_all(digits.into_iter().skip(usize::from(tens == 0)))
    }

    /// Writes bytes in base64 of kind `E`. Every call except the last must pass a multiple of three
    /// bytes.
    pub fn base64<E: Encoding>(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let needed = self.needed;
        self.length += match &mut self.out {
            None => E::encoded_len(bytes),
            Some(out) => {
                let room = out.get_mut(self.length..).ok_or(Fault)?;
                let text = E::encode(bytes, room);
                text.map_err(|_| WriteError::BufferTooSmall { needed })?
                    .len()
            }
        };
        Ok(())
    }

    /// Writes all bytes of an iterator in base64url, passes the text to `each` in pieces, and
    /// returns its length. So nobody reads it back from the buffer, which may be a mailbox.
    pub fn base64url_all(
        &mut self,
        bytes: impl Iterator<Item = u8>,
        mut each: impl FnMut(&[u8]),
    ) -> Result<usize, WriteError> {
        let start = self.length;
        let mut bytes = bytes.peekable();
        while bytes.peek().is_some() {
            let mut chunk = [0; CHUNK];
            let count = { chunk.iter_mut() }
                .zip(bytes.by_ref())
                .map(|(slot, byte)| *slot = byte)
                .count();
            let chunk = chunk.get(..count).ok_or(Fault)?;
            let mut text = [0; url_len(CHUNK)];
            let text = Base64UrlUnpadded::encode(chunk, &mut text).map_err(|_| Fault)?;
            each(text.as_bytes());
            self.put(text)?;
        }
        Ok(self.length.saturating_sub(start))
    }
}

/// Escapes characters for a JSON string in ASCII, as Python's `json` does.
pub fn escape(
    characters: impl Iterator<Item = char> + Clone,
) -> impl Iterator<Item = char> + Clone {
    characters.flat_map(Escaped::new)
}

/// One character as it appears in a JSON string: at most two escapes of six characters each.
#[derive(Clone)]
struct Escaped {
    text: [char; 12],
    at: usize,
    end: usize,
}

impl Escaped {
    fn new(character: char) -> Self {
        let mut escaped = Self {
            text: ['\0'; 12],
            at: 0,
            end: 0,
        };
        let short = match character {
            '"' | '\\' => character,
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            ' '..='~' => {
                escaped.push(character);
                return escaped;
            }
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    escaped.push('\\');
                    escaped.push('u');
                    for shift in [12, 8, 4, 0] {
                        let digit = (*unit >> shift & 0xf) as u8;
                        let first = if digit < 10 { b'0' } else { b'a' - 10 };
                        escaped.push(char::from(first + digit));
                    }
                }
                return escaped;
            }
        };
        escaped.push('\\');
        escaped.push(short);
        escaped
    }

    fn push(&mut self, character: char) {
        if let Some(slot) = self.text.get_mut(self.end) {
            *slot = character;
            self.end += 1;
        }
    }
}

impl Iterator for Escaped {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let next = self.text.get(self.at..self.end)?.first().copied();
        self.at += 1;
        next
    }
}
