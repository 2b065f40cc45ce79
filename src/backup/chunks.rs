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
use super::key::BackupKey;
use super::length::{CHUNK_BITS, CHUNK_LEN, TAG_LEN, last_chunk};
use crate::aead::chunk::NotAuthentic;
use crate::aead::{self, NONCE_LEN};
use crate::burn::{self, burning};
use crate::ct::Mask;
use crate::hardened::{Permit, Verdict};
use crate::secret::{Secret, wipe};

/// The position in one backup. The key is kept elsewhere, so that this can be moved.
pub(super) struct Chunks {
    front: Front,
    length: u64,
    /// The number of the next chunk; after the last chunk, one more than its number. `None` after
    /// an error.
    next: Option<u64>,
}

/// The next chunk in the caller's buffer, and what is needed to process it.
struct Chunk<'k, 'c> {
    key: &'k Secret<32>,
    nonce: [u8; NONCE_LEN],
    text: &'c mut [u8],
    tag: &'c mut [u8; TAG_LEN],
}

impl Chunks {
    /// Prepares the chunks of the backup with this front.
    pub(super) const fn new(front: Front, length: u64) -> Self {
        Self {
            front,
            length,
            next: Some(0),
        }
    }

    pub(super) fn front(&self) -> &[u8] {
        &self.front
    }

    /// Returns how many bytes of plaintext the next chunk holds; `None` when all are done, or after
    /// an error.
    pub(super) fn next_len(&self) -> Option<usize> {
        let next = self.next.filter(|next| *next <= last_chunk(self.length))?;
        let left = self.length.saturating_sub(next << CHUNK_BITS);
        Some(left.min(CHUNK_LEN as u64) as usize)
    }

    /// Seals the next chunk in place. On an error the chunk and the key are wiped.
    ///
    /// Secret: the key, the text. Public: the length, the sealed chunk. Leaks: nothing else.
    pub(super) fn seal(
        &mut self,
        key: &mut BackupKey,
        chunk: &mut [u8],
    ) -> Result<(), StreamError> {
        burning::<{ burn::CHUNK }, _>(move || {
            let sealed = self.cut(key, chunk).and_then(|chunk| {
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
            self.step(key, sealed)
        })
    }

    /// Opens the next chunk in place if it is authentic; otherwise it is unchanged. On an error the
    /// key is wiped.
    ///
    /// Secret: the key, the text. Public: the sealed chunk. Leaks: whether it opens.
    pub(super) fn open<'c>(
        &mut self,
        key: &mut BackupKey,
        chunk: &'c mut [u8],
    ) -> Result<&'c mut [u8], StreamError> {
        burning::<{ burn::CHUNK }, _>(move || {
            let opened = self.cut(key, chunk).and_then(|chunk| {
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
            self.step(key, opened)
        })
    }

    /// Returns a permit if all chunks were processed without an error.
    pub(super) fn finish(&self) -> Result<Permit, StreamError> {
        let goes_on = Verdict::twice(|| Mask::public(self.next.is_some()));
        let done = Verdict::twice(|| {
            let next = self.next.unwrap_or(0);
            !Mask::at_most(next, last_chunk(self.length))
        });
        Ok(goes_on
            .permit(StreamError::Ended)?
            .and(done.permit(StreamError::Incomplete)?))
    }

    /// Moves on to the next chunk, or ends after an error.
    fn step<T>(
        &mut self,
        key: &mut BackupKey,
        outcome: Result<T, StreamError>,
    ) -> Result<T, StreamError> {
        match outcome {
            Ok(_) => self.next = self.next.and_then(|next| next.checked_add(1)),
            Err(_) => {
                key.wipe();
                self.next = None;
            }
        }
        outcome
    }

    /// Divides the next chunk into text and tag, if it has the length that its place requires.
    fn cut<'k, 'c>(
        &self,
        key: &'k BackupKey,
        chunk: &'c mut [u8],
    ) -> Result<Chunk<'k, 'c>, StreamError> {
        let next = self.next.ok_or(StreamError::Ended)?;
        let key = key.get()?;
        let len = self.next_len().ok_or(StreamError::AfterTheEnd)?;
        let (have, want) = (chunk.len(), len.saturating_add(TAG_LEN));
        let [a, b, c, d] = (next as u32).to_be_bytes();
        let last = u8::from(next == last_chunk(self.length));
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
    use crate::sealed_domain::Root;

    /// The chunks under one key and one front, for any `length`.
    fn of_length(length: u64) -> (Chunks, BackupKey) {
        let root = Root::from_secret(Secret::from_bytes(&mut [7; 32]));
        let mut key = BackupKey::none();
        key.derive(&root, &[]).unwrap();
        (Chunks::new(Front::new(), length), key)
    }

    fn sealed(length: usize) -> Vec<Vec<u8>> {
        let (mut chunks, mut key) = of_length(length as u64);
        let mut out = Vec::new();
        while let Some(len) = chunks.next_len() {
            let mut chunk = vec![0x5a; len + TAG_LEN];
            chunks.seal(&mut key, &mut chunk).unwrap();
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
                let (mut cut, mut key) = of_length((kept * CHUNK_LEN) as u64);
                for (place, chunk) in chunks[..kept].iter().enumerate() {
                    let opened = cut.open(&mut key, &mut chunk.clone()).map(|_| ());
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
            let (mut longer, mut key) = of_length((count * CHUNK_LEN + 1) as u64);
            let mut opens = |chunk: &Vec<u8>| longer.open(&mut key, &mut chunk.clone()).is_ok();
            let opened = sealed(count * CHUNK_LEN)
                .iter()
                .filter(|c| opens(c))
                .count();
            assert_eq!(opened, count - 1, "more follows chunk {count}");
        }
    }
}
