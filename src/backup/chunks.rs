// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chunks of a backup: STREAM over AES-256-GCM, one key for each backup.
//!
//! Chunk `i`, from 0, has the nonce `0^7 || i in 4 bytes, big-endian || last`, where `last` is 1
//! for the last chunk and 0 for the others, and the front as associated data. Every chunk except
//! the last has [`CHUNK_LEN`] bytes; the last has the rest, at least one byte. An empty backup has
//! a single empty chunk. So the announced length determines the length and the nonce of every
//! chunk.
//!
//! GCM does not commit to its key, but only one key is possible here: the header names the domain,
//! the domain's id certifies the root, and the key follows from root and header.

use super::error::StreamError;
use super::header::Front;
use crate::aead::chunk::NotAuthentic;
use crate::aead::{self, NONCE_LEN};
use crate::burn::{self, burning};
use crate::ct::Mask;
use crate::hardened::{Fault, Permit, Verdict};
use crate::labels::Purpose;
use crate::sealed_domain::Root;
use crate::secret::{Secret, wipe};

/// The length of every chunk except the last, in bytes of plaintext: 64 KiB.
pub const CHUNK_LEN: usize = 1 << CHUNK_BITS;

/// The length of a chunk's tag.
pub const TAG_LEN: usize = aead::TAG_LEN;

/// The length of every chunk except the last, as stored in the file.
pub const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;

/// The most bytes of a backup: 2^32 chunks, which is the range of the chunk counter.
pub const MAX_LEN: u64 = 1 << (CHUNK_BITS + u32::BITS);

const CHUNK_BITS: u32 = 16;

/// Returns the length of all chunks for `length` bytes, at most [`MAX_LEN`], tags included.
pub(super) const fn sealed_len(length: u64) -> u64 {
    let tags = (last_chunk(length) + 1) * TAG_LEN as u64;
    length.saturating_add(tags)
}

/// Returns the number of the last chunk, from 0.
const fn last_chunk(length: u64) -> u64 {
    length.saturating_sub(1) >> CHUNK_BITS
}

/// The key of one backup, and the position in it.
pub(super) struct Chunks {
    front: Front,
    length: u64,
    /// `None` after an error.
    key: Option<Secret<32>>,
    /// The number of the next chunk; after the last chunk, one more than its number.
    next: u64,
}

/// The next chunk in the caller's buffer, and what is needed to process it.
struct Chunk<'k, 'c> {
    key: &'k Secret<32>,
    nonce: [u8; NONCE_LEN],
    text: &'c mut [u8],
    tag: &'c mut [u8; TAG_LEN],
}

impl Chunks {
    /// Prepares the chunks of the backup with this front: key = `X(root, "backup", D("backup
    /// header", front))`.
    ///
    /// Secret: the root, the key. Public: the front. Leaks: nothing else.
    pub(super) fn new(root: &Root, front: Front, length: u64) -> Result<Self, Fault> {
        let digest = Purpose::BackupHeader.digest([front.as_slice()]);
        let mut chunks = Self {
            front,
            length,
            key: None,
            next: 0,
        };
        let key = chunks.key.insert(Secret::zeroed());
        Purpose::Backup.derive(root.secret().expose(), &[], [&digest], key)?;
        Ok(chunks)
    }

    pub(super) fn front(&self) -> &[u8] {
        &self.front
    }

    /// Returns how many bytes of plaintext the next chunk holds; `None` when all are done, or after
    /// an error.
    pub(super) fn next_len(&self) -> Option<usize> {
        if self.key.is_none() || self.next > last_chunk(self.length) {
            return None;
        }
        let left = self.length.saturating_sub(self.next << CHUNK_BITS);
        Some(left.min(CHUNK_LEN as u64) as usize)
    }

    /// Seals the next chunk in place. On an error the chunk and the key are wiped.
    ///
    /// Secret: the key, the text. Public: the length, the sealed chunk. Leaks: nothing else.
    pub(super) fn seal(&mut self, chunk: &mut [u8]) -> Result<(), StreamError> {
        burning::<{ burn::SYMMETRIC }, _>(move || {
            let sealed = self.cut(chunk).and_then(|chunk| {
                let Chunk {
                    key,
                    nonce,
                    text,
                    tag,
                } = chunk;
                Ok(aead::chunk::seal(key, &nonce, &self.front, text, tag)?)
            });
            if sealed.is_err() {
                wipe(chunk);
            }
            self.step(sealed)
        })
    }

    /// Opens the next chunk in place if it is authentic; otherwise it is unchanged. On an error the
    /// key is wiped.
    ///
    /// Secret: the key, the text. Public: the sealed chunk. Leaks: whether it opens.
    pub(super) fn open<'c>(&mut self, chunk: &'c mut [u8]) -> Result<&'c mut [u8], StreamError> {
        burning::<{ burn::SYMMETRIC }, _>(move || {
            let opened = self.cut(chunk).and_then(|chunk| {
                let Chunk {
                    key,
                    nonce,
                    text,
                    tag,
                } = chunk;
                aead::chunk::open(key, &nonce, &self.front, text, tag)
                    .map_err(|NotAuthentic| StreamError::DoesNotOpen)?
                    .spend(StreamError::DoesNotOpen)?;
                Ok(text)
            });
            self.step(opened)
        })
    }

    /// Returns a permit if all chunks were processed without an error.
    pub(super) fn finish(self) -> Result<Permit, StreamError> {
        let goes_on = Verdict::twice(|| Mask::public(self.key.is_some()));
        let done = Verdict::twice(|| !Mask::at_most(self.next, last_chunk(self.length)));
        Ok(goes_on
            .permit(StreamError::Ended)?
            .and(done.permit(StreamError::Incomplete)?))
    }

    /// Moves on to the next chunk, or ends after an error.
    fn step<T>(&mut self, outcome: Result<T, StreamError>) -> Result<T, StreamError> {
        match outcome {
            Ok(_) => self.next = self.next.saturating_add(1),
            Err(_) => self.key = None,
        }
        outcome
    }

    /// Divides the next chunk into text and tag, if it has the length that its place requires.
    fn cut<'c>(&self, chunk: &'c mut [u8]) -> Result<Chunk<'_, 'c>, StreamError> {
        let key = self.key.as_ref().ok_or(StreamError::Ended)?;
        let len = self.next_len().ok_or(StreamError::AfterTheEnd)?;
        let (have, want) = (chunk.len(), len.saturating_add(TAG_LEN));
        let [a, b, c, d] = (self.next as u32).to_be_bytes();
        let last = u8::from(self.next == last_chunk(self.length));
        match chunk.split_last_chunk_mut() {
            Some((text, tag)) if text.len() == len => Ok(Chunk {
                key,
                nonce: [0, 0, 0, 0, 0, 0, 0, a, b, c, d, last],
                text,
                tag,
            }),
            _ => Err(StreamError::ChunkLength { have, want }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// The chunks under one key and one front, for any `length`.
    fn of_length(length: u64) -> Chunks {
        let root = Root::from_secret(Secret::from_bytes(&mut [7; 32]));
        Chunks::new(&root, Front::new(), length).unwrap()
    }

    fn sealed(length: usize) -> Vec<Vec<u8>> {
        let mut chunks = of_length(length as u64);
        let mut out = Vec::new();
        while let Some(len) = chunks.next_len() {
            let mut chunk = vec![0x5a; len + TAG_LEN];
            chunks.seal(&mut chunk).unwrap();
            out.push(chunk);
        }
        out
    }

    /// The front binds the length, so another length has another key. Only the flag shows where a
    /// stream ends: a stream that is cut at the end of a chunk, or continues past its end, must not
    /// open.
    #[test]
    fn a_stream_ends_at_its_last_chunk_only() {
        for (count, rest) in [(2, 0), (2, 1), (3, 0), (4, CHUNK_LEN - 1)] {
            let chunks = sealed((count - 1) * CHUNK_LEN + if rest == 0 { CHUNK_LEN } else { rest });
            for kept in 1..count {
                let mut cut = of_length((kept * CHUNK_LEN) as u64);
                for (place, chunk) in chunks[..kept].iter().enumerate() {
                    let opened = cut.open(&mut chunk.clone()).map(|_| ());
                    let last = place + 1 == kept;
                    let want = if last {
                        Err(StreamError::DoesNotOpen)
                    } else {
                        Ok(())
                    };
                    assert_eq!(opened, want, "chunk {place} of {kept} kept of {count}");
                }
                assert!(cut.finish().is_err());
            }
        }
        for count in 1..4 {
            let mut longer = of_length((count * CHUNK_LEN + 1) as u64);
            let mut opens = |chunk: &Vec<u8>| longer.open(&mut chunk.clone()).is_ok();
            let opened = sealed(count * CHUNK_LEN)
                .iter()
                .filter(|c| opens(c))
                .count();
            assert_eq!(opened, count - 1, "more follows chunk {count}");
        }
    }
}
