// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups that an active HSM makes, and those that it restores.
//!
//! Both borrow the domain, so that no key of a backup outlives it:
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
use super::host::Host;
use super::stage::Stage;
use super::state::{Active, Domain};
use super::vault::{Next, Vault};
use crate::backup::{
    BackupHeader, BackupId, BackupInfo, BeginError, Kind, Reader, RestoreError, StreamError, Writer,
};
use crate::hardened::Permit;
use crate::sealed_domain::LedgerHead;
use crate::secret::wipe;

/// A backup that an active HSM makes: first [`front`](Self::front), then each chunk as
/// [`seal`](Self::seal) leaves it, for as long as there is a [`next_len`](Self::next_len), then
/// [`finish`](Self::finish).
///
/// The sink hears how it ended when it is finished; dropped before, it is interrupted.
#[derive(Debug)]
pub struct Backup<'d, const N: usize> {
    vault: &'d mut Vault<N>,
    writer: Writer,
}

/// A backup that an active HSM restores: each chunk after the front goes through
/// [`open`](Self::open), for as long as there is a [`next_len`](Self::next_len), then
/// [`finish`](Self::finish) tells whether all was there.
///
/// The sink hears how it ended when it is finished; dropped before, it is interrupted.
#[derive(Debug)]
pub struct Restore<'d, const N: usize> {
    vault: &'d mut Vault<N>,
    reader: Reader,
}

impl<const N: usize> Domain<'_, Active, N> {
    /// Begins a backup of `length` bytes, which the caller gives chunk by chunk.
    ///
    /// The key of a backup depends on the number of the state, and the state is written anew before the
    /// backup begins. So no two share a key, though the machine be restored from a snapshot and its
    /// generator repeat itself: its counter does not.
    ///
    /// Without a hardware counter, flash and counter can be set back together. What is left then is the
    /// generator and the time, which is in the header; without a clock either, no backup is made.
    ///
    /// Secret: the root, the backup's key. Public: everything else. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::NoClock`] without a hardware counter and without a clock.
    pub fn begin_backup<H: Host>(
        &mut self,
        kind: Kind<'_>,
        length: u64,
        host: &mut H,
    ) -> Result<Backup<'_, N>, LifecycleError> {
        let vault = &mut *self.vault;
        let writer = vault.serve_open(Step::Backup, host, |vault, host| {
            vault.begin_backup(kind, length, host)
        })?;
        Ok(Backup { vault, writer })
    }

    /// Begins to restore a backup of this domain, made by any of its HSMs in any epoch.
    ///
    /// Secret: the root, the backup's key. Public: the header. Leaks: whether it is this domain's.
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
    /// The backup's own id.
    pub const fn backup_id(&self) -> BackupId {
        self.writer.backup_id()
    }

    /// What the backup begins with.
    pub fn front(&self) -> &[u8] {
        self.writer.front()
    }

    /// How many bytes the next chunk takes, without its tag:
    /// [`CHUNK_LEN`](crate::backup::CHUNK_LEN), or the rest. None when all are sealed, or after an error.
    pub fn next_len(&self) -> Option<usize> {
        self.writer.next_len()
    }

    /// Seals the next chunk in place: [`next_len`](Self::next_len) bytes, and room for
    /// [`TAG_LEN`](crate::backup::TAG_LEN) more.
    ///
    /// An error wipes `chunk`, so that nothing leaves in the clear by mistake. Chunks of another length
    /// end the backup.
    ///
    /// Secret: the key, the text. Public: the length, the sealed chunk. Leaks: nothing else.
    pub fn seal<H: Host>(&mut self, chunk: &mut [u8], host: &mut H) -> Result<(), LifecycleError> {
        let Self { vault, writer } = self;
        let sealed = vault.allows(host).and_then(|permit| {
            permit.spend(LifecycleError::Fault)?;
            Ok(writer.seal(chunk)?)
        });
        vault.went_on(sealed, host).inspect_err(|_| wipe(chunk))
    }

    /// Ends the backup, and tells the sink how it ended. It is of use only if this is `Ok`: every chunk
    /// was sealed.
    pub fn finish<H: Host>(self, host: &mut H) -> Result<(), LifecycleError> {
        let Self { vault, writer } = self;
        let allowed = vault.allows(host);
        vault.finish(allowed, writer.done(), host)
    }
}

impl<const N: usize> Restore<'_, N> {
    /// How many bytes the next chunk gives; it stands in the file with
    /// [`TAG_LEN`](crate::backup::TAG_LEN) more. None when all are opened, or after an error.
    pub fn next_len(&self) -> Option<usize> {
        self.reader.next_len()
    }

    /// Opens the next chunk in place and gives what was backed up.
    ///
    /// Nothing is given that is not authentic, and every chunk has one place only. A chunk that does not
    /// open ends the restoring.
    ///
    /// Secret: the key, the text. Public: the sealed chunk. Leaks: whether it opens.
    pub fn open<'c, H: Host>(
        &mut self,
        chunk: &'c mut [u8],
        host: &mut H,
    ) -> Result<&'c mut [u8], LifecycleError> {
        let Self { vault, reader } = self;
        let opened = vault.allows(host).and_then(|permit| {
            permit.spend(LifecycleError::Fault)?;
            Ok(reader.open(chunk)?)
        });
        vault.went_on(opened, host)
    }

    /// Ends the restoring, and tells the sink how it ended. Only if this is `Ok` was the backup whole, and
    /// may what was restored take effect. Bytes that follow in the file are no part of the backup:
    /// [`open`](Self::open) refuses them, and [`BackupHeader::sealed_len`] tells of them beforehand.
    pub fn finish<H: Host>(self, host: &mut H) -> Result<(), LifecycleError> {
        let Self { vault, reader } = self;
        let allowed = vault.allows(host);
        vault.finish(allowed, reader.done(), host)
    }
}

impl<const N: usize> Vault<N> {
    fn begin_backup<H: Host>(
        &mut self,
        kind: Kind<'_>,
        length: u64,
        host: &mut H,
    ) -> Result<Writer, LifecycleError> {
        let number = self.position.ok_or(LifecycleError::Fault)?.number();
        let created = host.now();
        if !host.counter_is_hardware() && created == 0 {
            return Err(LifecycleError::NoClock);
        }
        let plan = BackupInfo {
            epoch: self.standing.epoch,
            instance: self.instance.id,
            ledger_head: LedgerHead::NONE,
            kind,
            created,
            length,
        };
        let writer = Writer::begin(&self.held.root, &plan, number, host.rng());
        let writer = writer.map_err(|error| match error {
            BeginError::Rng => LifecycleError::Rng,
            error => LifecycleError::Backup(error),
        })?;
        let backup = writer.backup_id();
        let permit = self.report(host, &Event::BeginBackup { backup })?;
        let same = Next {
            stage: Stage::Active,
            standing: self.standing,
        };
        self.commit(host, same, permit)?;
        Ok(writer)
    }

    fn begin_restore<H: Host>(
        &mut self,
        header: &BackupHeader<'_>,
        host: &mut H,
    ) -> Result<Reader, LifecycleError> {
        let reader = Reader::begin(&self.held.root, header);
        let reader = reader.map_err(|error| match error {
            RestoreError::WrongDomain(error) => LifecycleError::WrongDomain(error),
            RestoreError::Fault => LifecycleError::Fault,
        })?;
        let backup = header.backup_id();
        self.report(host, &Event::BeginRestore { backup })?
            .spend(LifecycleError::SinkRefused)?;
        Ok(reader)
    }

    /// Takes note of how a chunk went: one that fails ends the whole.
    fn went_on<T, H: Host>(
        &mut self,
        chunk: Result<T, LifecycleError>,
        host: &mut H,
    ) -> Result<T, LifecycleError> {
        if matches!(chunk, Err(LifecycleError::Stream(_))) {
            self.conclude(host, Outcome::Failed);
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
        self.conclude(host, outcome);
        self.latch(finished)
    }
}
