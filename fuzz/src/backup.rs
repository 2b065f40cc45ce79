// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups: the header as it comes, and whole files that were changed.

use security_domain::backup::{
    BackupHeader, BackupInfo, CHUNK_LEN, FRONT_MAX_LEN, HeaderError, Kind, MAX_LEN, Name,
    RestoreError, TAG_LEN,
};
use security_domain::hazmat::backup::{self, BackupKey};
use security_domain::hazmat::testing::TestRng;
use security_domain::sealed_domain::{Epoch, InstanceId, LedgerHead, Root};

/// The bytes as a file; then the bytes as something to back up, and as a change of that file.
pub fn backup(data: &[u8]) {
    header(data);
    changed(data);
}

fn header(data: &[u8]) {
    let header = match BackupHeader::parse(data) {
        Ok(header) => header,
        Err(HeaderError::Incomplete { needed }) => {
            assert!(data.len() < needed && needed <= FRONT_MAX_LEN);
            return;
        }
        Err(_) => return,
    };
    assert!(data.starts_with(header.front()));
    assert_eq!(BackupHeader::parse(header.front()).as_ref(), Ok(&header));
    assert!(header.info().length <= MAX_LEN);
    let least = header.front().len() + TAG_LEN;
    assert!(header.sealed_len() >= header.info().length + least as u64);
    let root = Root::random(&mut TestRng::seeded(1)).unwrap();
    let refused = backup::read(&root, &header, &mut BackupKey::none()).unwrap_err();
    let RestoreError::WrongDomain(refused) = refused else {
        panic!("{refused}")
    };
    assert_eq!(refused.have, header.domain_id());
}

fn changed(data: &[u8]) {
    let Some((&[chunks, cut, place_high, place_low, flip], text)) = data.split_first_chunk::<5>()
    else {
        return;
    };
    let root = Root::random(&mut TestRng::seeded(1)).unwrap();
    let text = [&vec![chunks; usize::from(chunks & 1) * CHUNK_LEN], text].concat();
    let mut file = write(&root, &text);
    let place = usize::from(u16::from_be_bytes([place_high, place_low])).min(file.len() - 1);
    file[place] ^= flip;
    file.truncate(file.len().saturating_sub(usize::from(cut)));
    let restored = restore(&root, &mut file);
    match flip == 0 && cut == 0 {
        true => assert_eq!(restored, Some(text)),
        false => assert_eq!(restored, None),
    }
}

fn write(root: &Root, text: &[u8]) -> Vec<u8> {
    let plan = BackupInfo {
        epoch: Some(Epoch::FIRST),
        instance: InstanceId::from_bytes([7; 16]),
        ledger_head: LedgerHead::NONE,
        kind: Kind::Full(Name::new("fuzz").ok()),
        created: 0,
        length: text.len() as u64,
    };
    let mut key = BackupKey::none();
    let mut writer = backup::write(root, &plan, &mut TestRng::seeded(2), &mut key).unwrap();
    let mut file = writer.front().to_vec();
    let mut rest = text;
    while let Some(len) = writer.next_len() {
        let start = file.len();
        file.extend_from_slice(&rest[..len]);
        file.resize(start + len + TAG_LEN, 0);
        writer.seal(&mut key, &mut file[start..]).unwrap();
        rest = &rest[len..];
    }
    writer.finish().unwrap();
    file
}

/// What was backed up, if the file is whole.
fn restore(root: &Root, file: &mut [u8]) -> Option<Vec<u8>> {
    let header = BackupHeader::parse(file).ok()?;
    let mut key = BackupKey::none();
    let mut reader = backup::read(root, &header, &mut key).ok()?;
    let front = header.front().len();
    let mut rest = &mut file[front..];
    let mut text = Vec::new();
    while let Some(len) = reader.next_len() {
        let (chunk, after) = rest.split_at_mut_checked(len + TAG_LEN)?;
        text.extend_from_slice(reader.open(&mut key, chunk).ok()?);
        rest = after;
    }
    reader.finish().ok()?;
    rest.is_empty().then_some(text)
}
