// SPDX-License-Identifier: MIT OR Apache-2.0
//! A backup, as a function of 32 secret bytes; `proofs/trace.py` has its answer.

use security_domain::backup::{BackupHeader, BackupInfo, Kind, TAG_LEN};
use security_domain::hazmat::backup::{BackupKey, read, write};
use security_domain::sealed_domain::{Epoch, InstanceId, LedgerHead, Root};

use crate::rng::Xorshift;
use crate::trace::{published, secret, trace};

const PLAN: BackupInfo<'_> = BackupInfo {
    epoch: Some(Epoch::FIRST),
    instance: InstanceId::from_bytes([7; 16]),
    ledger_head: LedgerHead::NONE,
    kind: Kind::Full(None),
    created: 0,
    length: 32,
};

// The root itself, backed up and restored.
trace!(trace_backup_restore, |bytes, out| {
    let root = Root::from_secret(secret(bytes));
    let mut key = BackupKey::none();
    let mut writer = write(&root, &PLAN, &mut Xorshift(7), &mut key).ok()?;
    let mut front = [0; 512];
    let front = front.get_mut(..writer.front().len())?;
    front.copy_from_slice(writer.front());
    published(front);
    let mut chunk = [0; 32 + TAG_LEN];
    *chunk.first_chunk_mut()? = *bytes;
    writer.seal(&mut key, &mut chunk).ok()?;
    writer.finish().ok()?;
    let header = BackupHeader::parse(front).ok()?;
    let mut reader = read(&root, &header, &mut key).ok()?;
    out.copy_from_slice(reader.open(&mut key, &mut chunk).ok()?);
    reader.finish().ok()
});
