// SPDX-License-Identifier: MIT OR Apache-2.0
//! Base64 (RFC 4648) from any source of characters, one chunk at a time.
//!
//! The crate `base64ct` defines the alphabets, the padding and the canonical form. It decodes its
//! whole input at once, so here each chunk is a multiple of four characters, and only the last may
//! be shorter.

use core::marker::PhantomData;

use base64ct::Encoding;
pub use base64ct::{Base64, Base64UrlUnpadded};

use super::source::{Decoded, Source};
use crate::hardened::{Fault, copy};

/// The bytes in a chunk: 256 characters, 12 AES blocks.
pub const CHUNK: usize = 192;

/// The text is not canonical base64 of this kind.
pub struct Malformed;

impl From<Fault> for Malformed {
    fn from(_: Fault) -> Self {
        Self
    }
}

/// Decodes base64 of kind `E`.
pub struct Decoder<E, S> {
    characters: S,
    ended: bool,
    kind: PhantomData<E>,
}

impl<E, S: Clone> Clone for Decoder<E, S> {
    fn clone(&self) -> Self {
        Self {
            characters: self.characters.clone(),
            ..*self
        }
    }
}

impl<E: Encoding, S: Source> Decoder<E, S> {
    /// Starts at the first character.
    pub fn new(characters: S) -> Self {
        Self {
            characters,
            ended: false,
            kind: PhantomData,
        }
    }

    /// Returns the next chunk, which is empty after the last one.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the chunk is not canonical.
    pub fn chunk<'o>(&mut self, out: &'o mut [u8; CHUNK]) -> Result<&'o [u8], Malformed> {
        self.step(&mut [0; 256], out)
    }

    /// Decodes the next characters, as many as `text` holds.
    fn step<'o>(&mut self, text: &mut [u8], out: &'o mut [u8]) -> Result<&'o [u8], Malformed> {
        let mut count = 0;
        while let Some(room @ [_, ..]) = text.get_mut(count..) {
            let run = self.characters.run(room.len());
            if run.is_empty() {
                break;
            }
            copy(room.get_mut(..run.len()).ok_or(Fault)?, run)?;
            count += run.len();
        }
        if count > 0 && self.ended {
            return Err(Malformed);
        }
        let full = out.len();
        let text = text.get(..count).ok_or(Fault)?;
        let bytes = E::decode(text, out).map_err(|_| Malformed)?;
        self.ended = bytes.len() < full;
        Ok(bytes)
    }

    /// Decodes everything into the front of `out`, and returns the length. Chunks that do not fit
    /// are counted, not stored.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not canonical.
    pub fn all(mut self, out: &mut [u8]) -> Result<usize, Malformed> {
        let mut buffer = [0; CHUNK];
        let mut length = 0;
        loop {
            let chunk = self.chunk(&mut buffer)?;
            if chunk.is_empty() {
                return Ok(length);
            }
            let end = length + chunk.len();
            if let Some(place) = out.get_mut(length..end) {
                copy(place, chunk)?;
            }
            length = end;
        }
    }
}

/// The decoded bytes, group by group. The text has been checked before; malformed text would end
/// them.
#[derive(Clone)]
pub struct Bytes<S> {
    decoder: Decoder<Base64UrlUnpadded, S>,
    group: Decoded<3>,
}

impl<S: Source> Bytes<S> {
    /// Starts at the first character.
    pub fn new(characters: S) -> Self {
        Self {
            decoder: Decoder::new(characters),
            group: Decoded::new(),
        }
    }
}

impl<S: Source> Source for Bytes<S> {
    fn run(&mut self, most: usize) -> &[u8] {
        if self.group.is_empty() && most > 0 {
            let decoder = &mut self.decoder;
            self.group
                .fill(|group| decoder.step(&mut [0; 4], group).map_or(0, <[u8]>::len));
        }
        self.group.run(most)
    }
}

/// Returns how many characters of base64url without padding encode `bytes` bytes.
pub const fn url_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}
