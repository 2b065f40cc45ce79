// SPDX-License-Identifier: MIT OR Apache-2.0
//! Restores a backup.

use super::chunks::Chunks;
use super::error::{RestoreError, StreamError, WrongDomain};
use super::header::{BackupHeader, Front};
use super::key::BackupKey;
use crate::burn::{self, burning};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Fault, Permit, Verdict};
use crate::sealed_domain::Root;

/// A backup being restored. Each chunk after the front goes through [`open`](Self::open), as long
/// as there is a [`next_len`](Self::next_len); then [`finish`](Self::finish) returns whether the
/// backup was complete.
pub struct Reader {
    chunks: Chunks,
}

impl Reader {
    /// Begins to restore a backup into the domain of `root`, and derives its key in `key`.
    ///
    /// Secret: the root, the key. Public: the header. Leaks: whether it is the same domain.
    pub(crate) fn begin(
        root: &Root,
        header: &BackupHeader<'_>,
        key: &mut BackupKey,
    ) -> Result<Self, RestoreError> {
        burning::<{ burn::DOMAIN }, _>(move || {
            let (have, want) = (header.domain_id(), root.domain_id()?);
            Verdict::twice(|| match root.domain_id() {
                Ok(own) => eq_bytes(header.domain_id().as_bytes(), own.as_bytes()),
                Err(Fault) => Mask::public(false),
            })
            .or(WrongDomain { have, want })?;
            let front = Front::from_slice(header.front()).map_err(|_| Fault)?;
            key.derive(root, &front)?;
            Ok(Self {
                chunks: Chunks::new(front, header.info().length),
            })
        })
    }

    /// Returns how many bytes the next chunk gives; in the file it has [`TAG_LEN`](super::TAG_LEN)
    /// more. `None` when all are opened, or after an error.
    pub fn next_len(&self) -> Option<usize> {
        self.chunks.next_len()
    }

    /// Opens the next chunk in place, and returns the restored bytes.
    ///
    /// Only authentic bytes are returned, and every chunk must be at its place. An error wipes the
    /// key and ends the restore.
    ///
    /// Secret: the key, the text. Public: the sealed chunk. Leaks: whether it opens.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`StreamError`] except `Incomplete`.
    pub fn open<'c>(
        &mut self,
        key: &mut BackupKey,
        chunk: &'c mut [u8],
    ) -> Result<&'c mut [u8], StreamError> {
        self.chunks.open(key, chunk)
    }

    /// Ends the restore. Only if this returns `Ok` was the backup complete, and may the restored
    /// data take effect. Bytes that follow in the file are not part of the backup:
    /// [`open`](Self::open) refuses them, and [`BackupHeader::sealed_len`] shows in advance where
    /// the backup ends.
    ///
    /// # Errors
    ///
    /// - [`StreamError::Incomplete`]: chunks are missing.
    /// - [`StreamError::Ended`]: an earlier call failed.
    #[cfg(feature = "hazmat")]
    pub fn finish(self) -> Result<(), StreamError> {
        self.done()?.spend(StreamError::Incomplete)
    }

    /// Returns a permit to let the restored data take effect, if all chunks were opened.
    pub(crate) fn done(&self) -> Result<Permit, StreamError> {
        self.chunks.finish()
    }
}

impl core::fmt::Debug for Reader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Reader(..)")
    }
}
