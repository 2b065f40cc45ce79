// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups that an active HSM makes, and those that it restores.

use super::contents::Stage;
use super::error::LifecycleError;
use super::event::Event;
use super::host::Host;
use super::state::{Active, Domain};
use super::vault::{Next, Vault};
use crate::backup::{BackupHeader, BeginError, Kind, Plan, Reader, RestoreError, Writer};
use crate::domain::LedgerHead;

impl<const N: usize> Domain<'_, Active, N> {
    /// Begins a backup of `length` bytes, which the caller gives chunk by chunk.
    ///
    /// The key of a backup depends on the number of the state, and the state is written anew before the
    /// backup begins. So no two share a key, though the machine be restored from a snapshot and its
    /// generator repeat itself: its counter does not.
    ///
    /// Secret: the root, the backup's key. Public: everything else. Leaks: nothing else.
    pub fn begin_backup<H: Host>(
        &mut self,
        kind: Kind<'_>,
        length: u64,
        host: &mut H,
    ) -> Result<Writer, LifecycleError> {
        self.vault
            .serve(host, |vault, host| vault.begin_backup(kind, length, host))
    }

    /// Begins to restore a backup of this domain, made by any of its HSMs in any epoch.
    ///
    /// Secret: the root, the backup's key. Public: the header. Leaks: whether it is this domain's.
    pub fn begin_restore<H: Host>(
        &mut self,
        header: &BackupHeader<'_>,
        host: &mut H,
    ) -> Result<Reader, LifecycleError> {
        self.vault
            .serve(host, |vault, host| vault.begin_restore(header, host))
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
        let plan = Plan {
            epoch: self.standing.epoch,
            instance: self.instance.id,
            ledger_head: LedgerHead::NONE,
            kind,
            created: host.now(),
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
            standing: self.standing,
            ..Next::new(Stage::Active)
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
}
