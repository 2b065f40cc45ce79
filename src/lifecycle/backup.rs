// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups that an active HSM makes and restores.
//!
//! The key stays in the vault and is wiped when the backup or restore ends. Both borrow the domain,
//! so they cannot outlive it:
//!
//! ```compile_fail,E0505
//! # use security_domain::lifecycle::{Active, Domain, Host};
//! # use security_domain::backup::Kind;
//! # fn outlive<H: Host>(mut domain: Domain<'_, Active, 9>, host: &mut H, chunk: &mut [u8]) {
//! let Ok(mut backup) = domain.begin_backup(Kind::Full(None), 5, host) else { return };
//! let zeroized = domain.zeroize(host);
//! let sealed = backup.seal(chunk, host);
//! # }
//! ```
//!
//! ```compile_fail,E0505
//! # use security_domain::lifecycle::{Active, Domain, Host};
//! # use security_domain::backup::BackupHeader;
//! # fn outlive<H: Host>(mut domain: Domain<'_, Active, 9>, header: &BackupHeader, host: &mut H, chunk: &mut [u8]) {
//! let Ok(mut restore) = domain.begin_restore(header, host) else { return };
//! let zeroized = domain.zeroize(host);
//! let opened = restore.open(chunk, host).is_ok();
//! # }
//! ```

use super::error::LifecycleError;
use super::event::{Event, Outcome, Step};
use super::host::{Host, HostRng};
use super::logged;
use super::stage::Stage;
use super::state::{Domain, InUse};
use super::vault::{Next, Vault};
use crate::approval::{ActKind, Approved};
use crate::backup::{
    BackupHeader, BackupId, BackupInfo, BeginError, Kind, Reader, RestoreError, StreamError, Writer,
};
use crate::ct::Mask;
use crate::hardened::{Permit, Verdict};
use crate::secret::wipe;
use crate::storage::record::RecordError;

/// A backup that an active HSM makes. First store the [`front`](Self::front), then each chunk after
/// [`seal`](Self::seal), as long as there is a [`next_len`](Self::next_len); then call
/// [`finish`](Self::finish).
///
/// The sink receives the outcome when it is finished. If it is dropped before, the outcome is
/// "interrupted".
#[derive(Debug)]
pub struct Backup<'d, const N: usize> {
    vault: &'d mut Vault<N>,
    writer: Writer,
}

/// A backup that an active HSM restores. Each chunk after the front goes through
/// [`open`](Self::open), as long as there is a [`next_len`](Self::next_len); then
/// [`finish`](Self::finish) returns whether the backup was complete.
///
/// The sink receives the outcome when it is finished. If it is dropped before, the outcome is
/// "interrupted".
#[derive(Debug)]
pub struct Restore<'d, const N: usize> {
    vault: &'d mut Vault<N>,
    reader: Reader,
}

impl<S: InUse, const N: usize> Domain<'_, S, N> {
    /// Begins a backup of `length` bytes, which the caller passes chunk by chunk.
    ///
    /// The key of a backup depends on the number of the state, and the state is written again
    /// before the backup begins. So no two backups share a key, even if the machine is restored
    /// from a snapshot and its generator repeats itself: its counter does not.
    ///
    /// Without a hardware counter, flash and counter can be set back together. Then only the
    /// generator and the time, which is in the header, keep keys apart; without a clock as well, no
    /// backup is made. The same holds while the flash does not take writes
    /// ([`Status::takes_writes`](super::Status::takes_writes)).
    ///
    /// Secret: the root, the backup's key. Public: everything else. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`DemandError::NeedsApproval`](super::DemandError::NeedsApproval) if a quorum must approve full backups, and this is one;
    /// [`LifecycleError::NoClock`] if there is no clock, and no hardware counter that can be advanced; the reasons
    /// in [`BeginError`](crate::backup::BeginError); and if the sink or the flash fails.
    pub fn begin_backup<H: Host>(
        &mut self,
        kind: Kind<'_>,
        length: u64,
        host: &mut H,
    ) -> Result<Backup<'_, N>, LifecycleError> {
        self.backup_as((kind, length), None, host)
    }

    /// Begins a backup, which a quorum may have approved.
    pub(super) fn backup_as<H: Host>(
        &mut self,
        (kind, length): (Kind<'_>, u64),
        approved: Option<Approved>,
        host: &mut H,
    ) -> Result<Backup<'_, N>, LifecycleError> {
        let vault = &mut *self.vault;
        let writer = vault.serve_open(Step::Backup, host, |vault, host| {
            let before = vault.demands;
            let begun = vault.begin_backup(kind, length, approved, S::STAGE, host);
            begun.inspect_err(|_| vault.demands = before)
        })?;
        Ok(Backup { vault, writer })
    }

    /// Begins to restore a backup of this domain, made by any of its HSMs in any epoch.
    ///
    /// Secret: the root, the backup's key. Public: the header. Leaks: whether it is this domain's.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::WrongDomain`] if the backup belongs to another domain, and if the sink or
    /// the flash fails.
    pub fn begin_restore<H: Host>(
        &mut self,
        header: &BackupHeader<'_>,
        host: &mut H,
    ) -> Result<Restore<'_, N>, LifecycleError> {
        let vault = &mut *self.vault;
        let reader = vault.serve_open(Step::Restore, host, |vault, host| {
            vault.begin_restore(header, host)
        })?;
        Ok(Restore { vault, reader })
    }
}

impl<const N: usize> Backup<'_, N> {
    /// Returns the backup's id.
    pub const fn backup_id(&self) -> BackupId {
        self.writer.backup_id()
    }

    /// Returns the first bytes of the backup.
    pub fn front(&self) -> &[u8] {
        self.writer.front()
    }

    /// Returns how many bytes the next chunk takes, without its tag:
    /// [`CHUNK_LEN`](crate::backup::CHUNK_LEN), or the rest. `None` when all are sealed, or after
    /// an error.
    pub fn next_len(&self) -> Option<usize> {
        self.writer.next_len()
    }

    /// Seals the next chunk in place: [`next_len`](Self::next_len) bytes, followed by room for
    /// [`TAG_LEN`](crate::backup::TAG_LEN) more.
    ///
    /// On an error `chunk` is wiped, so that nothing leaves in the clear by mistake. A chunk of
    /// another length ends the backup.
    ///
    /// Secret: the key, the text. Public: the length, the sealed chunk. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::Stream`] for each reason in [`StreamError`], and
    /// [`LifecycleError::Overtaken`] if another vault has saved a state.
    pub fn seal<H: Host>(&mut self, chunk: &mut [u8], host: &mut H) -> Result<(), LifecycleError> {
        let Self { vault, writer } = self;
        let sealed = vault.allows(host).and_then(|permit| {
            permit.spend(LifecycleError::Fault)?;
            Ok(writer.seal(&mut vault.backup_key, chunk)?)
        });
        vault.went_on(sealed, host).inspect_err(|_| wipe(chunk))
    }

    /// Ends the backup, and reports the outcome to the sink. Only if this returns `Ok` is the
    /// backup complete and usable.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::Stream`] if chunks are missing or an earlier call failed.
    pub fn finish<H: Host>(self, host: &mut H) -> Result<(), LifecycleError> {
        let allowed = self.vault.allows(host);
        self.vault.finish(allowed, self.writer.done(), host)
    }
}

impl<const N: usize> Restore<'_, N> {
    /// Returns how many bytes the next chunk gives; in the file it has
    /// [`TAG_LEN`](crate::backup::TAG_LEN) more. `None` when all are opened, or after an error.
    pub fn next_len(&self) -> Option<usize> {
        self.reader.next_len()
    }

    /// Opens the next chunk in place, and returns the restored bytes.
    ///
    /// Only authentic bytes are returned, and every chunk must be at its place. A chunk that does
    /// not open ends the restore.
    ///
    /// Secret: the key, the text. Public: the sealed chunk. Leaks: whether it opens.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::Stream`] for each reason in [`StreamError`], and
    /// [`LifecycleError::Overtaken`] if another vault has saved a state.
    pub fn open<'c, H: Host>(
        &mut self,
        chunk: &'c mut [u8],
        host: &mut H,
    ) -> Result<&'c mut [u8], LifecycleError> {
        let Self { vault, reader } = self;
        let opened = vault.allows(host).and_then(|permit| {
            permit.spend(LifecycleError::Fault)?;
            Ok(reader.open(&mut vault.backup_key, chunk)?)
        });
        vault.went_on(opened, host)
    }

    /// Ends the restore, and reports the outcome to the sink. Only if this returns `Ok` was the
    /// backup complete, and may the restored data take effect. Bytes that follow in the file are
    /// not part of the backup: [`open`](Self::open) refuses them, and [`BackupHeader::sealed_len`]
    /// shows in advance where the backup ends.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::Stream`] if chunks are missing or an earlier call failed.
    pub fn finish<H: Host>(self, host: &mut H) -> Result<(), LifecycleError> {
        let allowed = self.vault.allows(host);
        self.vault.finish(allowed, self.reader.done(), host)
    }
}

impl<const N: usize> Drop for Backup<'_, N> {
    fn drop(&mut self) {
        self.vault.backup_key.wipe();
    }
}

impl<const N: usize> Drop for Restore<'_, N> {
    fn drop(&mut self) {
        self.vault.backup_key.wipe();
    }
}

impl<const N: usize> Vault<N> {
    fn begin_backup<H: Host>(
        &mut self,
        kind: Kind<'_>,
        length: u64,
        approved: Option<Approved>,
        stage: Stage,
        host: &mut H,
    ) -> Result<Writer, LifecycleError> {
        let number = self.position.ok_or(LifecycleError::Fault)?.number();
        let created = host.now();
        let takes_writes = self.takes_writes();
        if !(host.counter_is_hardware() && takes_writes) && created == 0 {
            return Err(LifecycleError::NoClock);
        }
        let full = ActKind::FullBackup;
        let (act, allowed) = match (kind, approved) {
            (_, Some(approved)) => {
                let (act, permit) = self.spend_act(full, approved, host)?;
                (Some(act), permit)
            }
            (Kind::Full(_), None) => (None, self.needs_no_approval(full)?),
            (Kind::Key(_), None) => {
                let is_key = || Mask::public(matches!(kind, Kind::Key(_)));
                (None, Verdict::twice(is_key).permit(LifecycleError::Fault)?)
            }
        };
        let info = BackupInfo {
            epoch: self.standing.epoch,
            instance: self.instance.id,
            ledger_head: logged::head(host),
            kind,
            created,
            length,
        };
        let key = &mut self.backup_key;
        let writer = Writer::begin(&self.held.root, &info, number, &mut HostRng(host), key);
        let writer = writer.map_err(|error| match error {
            BeginError::Rng => LifecycleError::Rng,
            error => LifecycleError::Backup(error),
        })?;
        let backup = writer.backup_id();
        let event = Event::BeginBackup { backup, act };
        let permit = allowed.and(self.audit.report(host, &event)?);
        let same = Next {
            stage: self.present(stage),
            standing: self.standing,
        };
        match self.commit(host, same, permit) {
            // The state is current, and nothing is to be saved but its next number.
            // An act that is done must be saved.
            Err(LifecycleError::Record(RecordError::NotWritable))
                if !takes_writes && act.is_none() =>
            {
                let unspent = Verdict::twice(|| Mask::public(act.is_none()));
                let unspent = unspent.permit(LifecycleError::Fault)?;
                let agreed = self.audit.agreed()?.and(self.allows(host)?).and(unspent);
                agreed.spend(LifecycleError::Fault)?;
            }
            committed => committed?,
        }
        Ok(writer)
    }

    fn begin_restore<H: Host>(
        &mut self,
        header: &BackupHeader<'_>,
        host: &mut H,
    ) -> Result<Reader, LifecycleError> {
        let reader = Reader::begin(&self.held.root, header, &mut self.backup_key);
        let reader = reader.map_err(|error| match error {
            RestoreError::WrongDomain(error) => LifecycleError::WrongDomain(error),
            RestoreError::Fault => LifecycleError::Fault,
        })?;
        let backup = header.backup_id();
        self.audit
            .report(host, &Event::BeginRestore { backup })?
            .spend(LifecycleError::SinkRefused)?;
        Ok(reader)
    }

    /// Records the outcome of a chunk: a failure ends the backup or restore.
    fn went_on<T, H: Host>(
        &mut self,
        chunk: Result<T, LifecycleError>,
        host: &mut H,
    ) -> Result<T, LifecycleError> {
        if matches!(chunk, Err(LifecycleError::Stream(_))) {
            self.audit.conclude(host, Outcome::Failed);
        }
        self.latch(chunk)
    }

    fn finish<H: Host>(
        &mut self,
        allowed: Result<Permit, LifecycleError>,
        done: Result<Permit, StreamError>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let finished = allowed.and_then(|permit| permit.and(done?).spend(LifecycleError::Fault));
        let outcome = match finished {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Failed,
        };
        self.audit.conclude(host, outcome);
        self.latch(finished)
    }
}
