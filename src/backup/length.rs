// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lengths of a backup and of its chunks.

use crate::aead;

/// The length of every chunk except the last, in bytes of plaintext: 64 KiB.
pub const CHUNK_LEN: usize = 1 << CHUNK_BITS;

/// The length of a chunk's tag.
pub const TAG_LEN: usize = aead::TAG_LEN;

/// The length of every chunk except the last, as stored in the file.
pub const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;

/// The most bytes of a backup: 2^32 chunks, which is the range of the chunk counter.
pub const MAX_LEN: u64 = 1 << (CHUNK_BITS + u32::BITS);

pub(super) const CHUNK_BITS: u32 = 16;

/// Returns the length of all chunks for `length` bytes, at most [`MAX_LEN`], tags included.
pub(super) const fn sealed_len(length: u64) -> u64 {
    let tags = (last_chunk(length) + 1) * TAG_LEN as u64;
    length.saturating_add(tags)
}

/// Returns the number of the last chunk, from 0.
pub(super) const fn last_chunk(length: u64) -> u64 {
    length.saturating_sub(1) >> CHUNK_BITS
}
