// SPDX-License-Identifier: MIT OR Apache-2.0
//! Restoring a backup.

use super::chunks::Chunks;
use super::error::{RestoreError, StreamError, WrongDomain};
use super::header::{BackupHeader, Front};
use crate::burn::{self, burning};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Fault, Permit, Verdict};
use crate::sealed_domain::Root;

/// A backup being restored: each chunk after the front goes through [`open`](Self::open), for as long as
/// there is a [`next_len`](Self::next_len), then [`finish`](Self::finish) says whether all was there.
pub struct Reader {
    chunks: Chunks,
}

impl Reader {
    /// Begins to restore a backup in the domain of `root`.
    ///
    /// Secret: the root, the key. Public: the header. Leaks: whether it is the same domain.
    pub(crate) fn begin(root: &Root, header: &BackupHeader<'_>) -> Result<Self, RestoreError> {
        burning::<{ burn::DOMAIN }, _>(move || {
            let (have, want) = (header.domain_id(), root.domain_id()?);
            Verdict::twice(|| match root.domain_id() {
                Ok(own) => eq_bytes(header.domain_id().as_bytes(), own.as_bytes()),
                Err(Fault) => Mask::public(false),
            })
            .or(WrongDomain { have, want })?;
            let front = Front::from_slice(header.front()).map_err(|_| Fault)?;
            Ok(Self {
                chunks: Chunks::new(root, front, header.plan().length)?,
            })
        })
    }

    /// How many bytes the next chunk gives; it stands in the file with [`TAG_LEN`](super::TAG_LEN)
    /// more. None when all are opened, or after an error.
    pub fn next_len(&self) -> Option<usize> {
        self.chunks.next_len()
    }

    /// Opens the next chunk in place and gives what was backed up.
    ///
    /// Nothing is given that is not authentic, and every chunk has one place only. An error wipes the
    /// key and ends the restoring.
    ///
    /// Secret: the key, the text. Public: the sealed chunk. Leaks: whether it opens.
    pub fn open<'c>(&mut self, chunk: &'c mut [u8]) -> Result<&'c mut [u8], StreamError> {
        self.chunks.open(chunk)
    }

    /// Ends the restoring. Only if this is `Ok` was the backup whole, and may what was restored take
    /// effect. Bytes that follow in the file are no part of the backup: [`open`](Self::open) refuses
    /// them, and [`BackupHeader::sealed_len`] tells of them beforehand.
    #[cfg(feature = "hazmat")]
    pub fn finish(self) -> Result<(), StreamError> {
        self.done()?.spend(StreamError::Incomplete)
    }

    /// A permit to let what was restored take effect, if all was opened.
    pub(crate) fn done(self) -> Result<Permit, StreamError> {
        self.chunks.finish()
    }
}

impl core::fmt::Debug for Reader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Reader(..)")
    }
}
