// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chunks of a backup: STREAM over AES-256-GCM, one key for each backup.
//!
//! Chunk `i`, from 0, has the nonce `0^7 || i in 4 bytes, big-endian || last`, where `last` is 1 for the
//! last chunk and 0 for the others, and the front as associated data. Every chunk but the last has
//! [`CHUNK_LEN`] bytes; the last has the rest, at least one byte, but for a backup of nothing, whose only
//! chunk is empty. So the announced length alone gives the length and the nonce of every chunk.
//!
//! GCM does not commit to its key, but this key has no second: the header names the domain, the domain's
//! id certifies the root, and the key follows from root and header.

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

/// The length of every chunk but the last, in bytes of what is backed up: 64 KiB.
pub const CHUNK_LEN: usize = 1 << CHUNK_BITS;

/// The length of a chunk's tag.
pub const TAG_LEN: usize = aead::TAG_LEN;

/// The length of every chunk but the last, as it stands in the file.
pub const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;

/// The most bytes that a backup holds: 2^32 chunks, where the counter of chunks ends.
pub const MAX_LEN: u64 = 1 << (CHUNK_BITS + u32::BITS);

const CHUNK_BITS: u32 = 16;

/// How many bytes all chunks have for `length` bytes, at most [`MAX_LEN`], tags included.
pub(super) const fn sealed_len(length: u64) -> u64 {
    let tags = (last_chunk(length) + 1) * TAG_LEN as u64;
    length.saturating_add(tags)
}

/// The number of the last chunk, from 0.
const fn last_chunk(length: u64) -> u64 {
    length.saturating_sub(1) >> CHUNK_BITS
}

/// The key of one backup, and how far it has come.
pub(super) struct Chunks {
    front: Front,
    length: u64,
    /// None after an error.
    key: Option<Secret<32>>,
    /// The number of the next chunk; one more than the last one's when all are done.
    next: u64,
}

/// The next chunk in the caller's buffer, and what it takes.
struct Chunk<'k, 'c> {
    key: &'k Secret<32>,
    nonce: [u8; NONCE_LEN],
    text: &'c mut [u8],
    tag: &'c mut [u8; TAG_LEN],
}

impl Chunks {
    /// The chunks of the backup with this front: key = `X(root, "backup", D("backup header", front))`.
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

    /// How many bytes of what is backed up the next chunk holds; none when all are done, or after an
    /// error.
    pub(super) fn next_len(&self) -> Option<usize> {
        if self.key.is_none() || self.next > last_chunk(self.length) {
            return None;
        }
        let left = self.length.saturating_sub(self.next << CHUNK_BITS);
        Some(left.min(CHUNK_LEN as u64) as usize)
    }

    /// Seals the next chunk in place. An error wipes the chunk and the key.
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

    /// Opens the next chunk in place, if it is authentic, and leaves it as it is if not. An error wipes
    /// the key.
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

    /// A permit if all chunks are done, and each went well.
    pub(super) fn finish(self) -> Result<Permit, StreamError> {
        let goes_on = Verdict::twice(|| Mask::public(self.key.is_some()));
        let done = Verdict::twice(|| !Mask::at_most(self.next, last_chunk(self.length)));
        Ok(goes_on
            .permit(StreamError::Ended)?
            .and(done.permit(StreamError::Incomplete)?))
    }

    /// Goes on to the next chunk, or ends for good.
    fn step<T>(&mut self, outcome: Result<T, StreamError>) -> Result<T, StreamError> {
        match outcome {
            Ok(_) => self.next = self.next.saturating_add(1),
            Err(_) => self.key = None,
        }
        outcome
    }

    /// Cuts the next chunk into text and tag, if it has the length of its place.
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

    /// The chunks under one key and one front, whatever `length` is.
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

    /// The front binds the length, so that another length has another key. Here nothing but the flag
    /// says where a stream ends: cut at a chunk's end it must not open, nor with more behind its end.
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
