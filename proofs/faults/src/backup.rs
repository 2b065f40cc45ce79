// SPDX-License-Identifier: MIT OR Apache-2.0
//! Restoring a backup.

use security_domain::backup::{BackupHeader, BackupInfo, Kind, StreamError, TAG_LEN};
use security_domain::hazmat::backup::{BackupKey, Reader, read, write};
use security_domain::sealed_domain::{InstanceId, LedgerHead};

use crate::act::root;
use crate::scene::Outcome;
use crate::{scene, window};

const LEN: usize = 64;

#[inline(never)]
#[unsafe(no_mangle)]
fn act_open_chunk<'c>(
    reader: &mut Reader,
    key: &mut BackupKey,
    chunk: &'c mut [u8],
) -> Result<&'c mut [u8], StreamError> {
    reader.open(key, chunk)
}

scene!(
    /// A chunk that was changed.
    fault_chunk,
    |wrong, hsm| {
        let root = root(1)?;
        let plan = BackupInfo {
            epoch: None,
            instance: InstanceId::from_bytes([7; 16]),
            ledger_head: LedgerHead::NONE,
            kind: Kind::Full(None),
            created: 1_790_000_000,
            length: LEN as u64,
        };
        let mut key = BackupKey::none();
        let mut writer = write(&root, &plan, &mut hsm.rng, &mut key).ok()?;
        let mut chunk = [0x5a; LEN + TAG_LEN];
        writer.seal(&mut key, &mut chunk).ok()?;
        let header = BackupHeader::parse(writer.front()).ok()?;
        let mut reader = read(&root, &header, &mut key).ok()?;
        if wrong {
            chunk[0] ^= 1;
        }
        Some(match window!(act_open_chunk(&mut reader, &mut key, &mut chunk)) {
            Ok(text) => Outcome::took_effect(text.len() == LEN && text[1..] == [0x5a; LEN - 1]),
            Err(_) => Outcome::Refused,
        })
    }
);
