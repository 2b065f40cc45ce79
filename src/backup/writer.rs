// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes a backup.

use super::chunks::Chunks;
use super::error::{BeginError, StreamError};
use super::header::{BackupId, BackupInfo, write_front};
use super::key::BackupKey;
use crate::burn::{self, burning};
use crate::ct::declassify_bytes;
use crate::hardened::Permit;
use crate::labels::Purpose;
use crate::rng::Watched;
use crate::sealed_domain::{DomainId, Hedged, Root};
use crate::secret::Secret;

/// A backup being made. First store the [`front`](Self::front), then each chunk after
/// [`seal`](Self::seal), as long as there is a [`next_len`](Self::next_len); then call
/// [`finish`](Self::finish).
pub struct Writer {
    backup_id: BackupId,
    chunks: Chunks,
}

impl Writer {
    /// Begins a backup in the domain of `root`, and derives its key in `key`. Its id is drawn, hedged
    /// with the root, with the rest of the header, and with a number that the HSM gives to one
    /// backup only.
    ///
    /// Secret: the root, the key. Public: the info, the front. Leaks: nothing else.
    pub(crate) fn begin(
        root: &Root,
        info: &BackupInfo<'_>,
        number: u64,
        rng: &mut dyn Watched,
        key: &mut BackupKey,
    ) -> Result<Self, BeginError> {
        burning::<{ burn::DOMAIN }, _>(move || {
            // Both ids are in the header, so they are public from here on.
            let domain_id = DomainId::from_bytes(published(root.domain_id()?.as_bytes()));
            let unnamed = write_front(domain_id, BackupId::from_bytes([0; 32]), info)?;
            let mut what = Secret::zeroed();
            *what.expose_mut() =
                Purpose::BackupHeader.digest([unnamed.as_slice(), &number.to_be_bytes()]);
            let drawn: Secret<32> = Secret::random(&mut Hedged::new(rng, root, what))?;
            let backup_id = BackupId::from_bytes(published(drawn.expose()));
            let front = write_front(domain_id, backup_id, info)?;
            key.derive(root, &front)?;
            Ok(Self {
                backup_id,
                chunks: Chunks::new(front, info.length),
            })
        })
    }

    /// Returns the backup's id.
    pub const fn backup_id(&self) -> BackupId {
        self.backup_id
    }

    /// Returns the first bytes of the backup.
    pub fn front(&self) -> &[u8] {
        self.chunks.front()
    }

    /// Returns how many bytes the next chunk takes, without its tag:
    /// [`CHUNK_LEN`](super::CHUNK_LEN), or the rest. `None` when all are sealed, or after an error.
    pub fn next_len(&self) -> Option<usize> {
        self.chunks.next_len()
    }

    /// Seals the next chunk in place: [`next_len`](Self::next_len) bytes, followed by room for
    /// [`TAG_LEN`](super::TAG_LEN) more.
    ///
    /// On an error `chunk` is wiped, so that nothing leaves in the clear by mistake, and the backup
    /// ends. More or fewer bytes than announced are an error.
    ///
    /// Secret: the key, the text. Public: the length, the sealed chunk. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`StreamError`] except `DoesNotOpen` and `Incomplete`.
    pub fn seal(&mut self, key: &mut BackupKey, chunk: &mut [u8]) -> Result<(), StreamError> {
        self.chunks.seal(key, chunk)
    }

    /// Ends the backup. Only if this returns `Ok` is the backup complete and usable.
    ///
    /// # Errors
    ///
    /// - [`StreamError::Incomplete`]: chunks are missing.
    /// - [`StreamError::Ended`]: an earlier call failed.
    #[cfg(feature = "hazmat")]
    pub fn finish(self) -> Result<(), StreamError> {
        self.done()?.spend(StreamError::Incomplete)
    }

    /// Returns a permit to report the backup as complete.
    pub(crate) fn done(&self) -> Result<Permit, StreamError> {
        self.chunks.finish()
    }
}

impl core::fmt::Debug for Writer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Writer")
            .field("backup_id", &self.backup_id)
            .finish_non_exhaustive()
    }
}

fn published(bytes: &[u8; 32]) -> [u8; 32] {
    let mut public = *bytes;
    declassify_bytes(&mut public);
    public
}
