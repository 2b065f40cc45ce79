// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups: what comes back, where, and what does not.
#![cfg(all(feature = "sealed-domain", feature = "hazmat"))]

mod chunks;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::backup::{
    BackupHeader, BackupInfo, BeginError, CHUNK_LEN, FRONT_MAX_LEN, HeaderError, Kind, MAX_LEN,
    Name, RestoreError, SEALED_CHUNK_LEN, StreamError, TAG_LEN, WrongDomain,
};
use security_domain::hazmat::backup::{self, BackupKey};
use security_domain::hazmat::testing::TestRng;
use security_domain::sealed_domain::{Epoch, InstanceId, LedgerHead, Root};

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn root(seed: u8) -> Root {
    Root::random(&mut rng(seed)).unwrap()
}

fn plan(length: usize) -> BackupInfo<'static> {
    BackupInfo {
        epoch: Some(Epoch::FIRST),
        instance: InstanceId::from_bytes([7; 16]),
        ledger_head: LedgerHead::NONE,
        kind: Kind::Full(None),
        created: 1_790_000_000,
        length: length as u64,
    }
}

fn text(length: usize) -> Vec<u8> {
    (0u32..).flat_map(u32::to_be_bytes).take(length).collect()
}

/// The front and the chunks.
fn written(root: &Root, plan: &BackupInfo<'_>, seed: u8, text: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut key = BackupKey::none();
    let mut writer = backup::write(root, plan, &mut rng(seed), &mut key).unwrap();
    let front = writer.front().to_vec();
    let mut rest = text;
    let mut chunks = Vec::new();
    while let Some(len) = writer.next_len() {
        let (now, after) = rest.split_at(len);
        let mut chunk = [now, &[0xee; TAG_LEN]].concat();
        writer.seal(&mut key, &mut chunk).unwrap();
        chunks.push(chunk);
        rest = after;
    }
    assert!(rest.is_empty());
    writer.finish().unwrap();
    (front, chunks)
}

#[derive(Debug, PartialEq)]
enum Restore {
    Begin(RestoreError),
    Chunk(usize, StreamError),
    End(StreamError),
}

/// What comes back of chunks in this order. Whatever is refused stays as it was.
fn restored(root: &Root, front: &[u8], chunks: &[Vec<u8>]) -> Result<Vec<u8>, Restore> {
    let header = BackupHeader::parse(front).unwrap();
    let mut key = BackupKey::none();
    let mut reader = backup::read(root, &header, &mut key).map_err(Restore::Begin)?;
    let mut text = Vec::new();
    for (place, chunk) in chunks.iter().enumerate() {
        let mut chunk = chunk.clone();
        let sealed = chunk.clone();
        match reader.open(&mut key, &mut chunk) {
            Ok(opened) => text.extend_from_slice(opened),
            Err(error) => {
                assert_eq!(chunk, sealed);
                // It has ended: not even the right chunk opens any more.
                assert_eq!(reader.next_len(), None);
                for right in chunks {
                    assert_eq!(
                        reader.open(&mut key, &mut right.clone()).unwrap_err(),
                        StreamError::Ended
                    );
                }
                assert_eq!(reader.finish(), Err(StreamError::Ended));
                return Err(Restore::Chunk(place, error));
            }
        }
    }
    reader.finish().map_err(Restore::End)?;
    Ok(text)
}

#[test]
fn every_length_comes_back() {
    let root = root(1);
    for length in [
        0, 1, 15, 16, 17, 255, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 300_000,
    ] {
        let text = text(length);
        let (front, chunks) = written(&root, &plan(length), 2, &text);
        assert_eq!(chunks.len(), length.div_ceil(CHUNK_LEN).max(1));
        let sealed = front.len() + chunks.iter().map(Vec::len).sum::<usize>();
        let header = BackupHeader::parse(&front).unwrap();
        assert_eq!(header.sealed_len(), sealed as u64);
        assert_eq!(restored(&root, &front, &chunks), Ok(text), "{length}");
    }
}

#[test]
fn a_header_says_what_was_planned() {
    let root = root(1);
    for (kind, epoch) in [
        (Kind::Full(None), None),
        (
            Kind::Full(Some(Name::new("weekly").unwrap())),
            Epoch::new(7),
        ),
        (
            Kind::Key(Name::new(&"ü".repeat(32)).unwrap()),
            Epoch::new(u32::MAX),
        ),
    ] {
        let plan = BackupInfo {
            epoch,
            kind,
            created: u64::MAX,
            ledger_head: LedgerHead::from_bytes([9; 32]),
            ..plan(MAX_LEN as usize)
        };
        let mut key = BackupKey::none();
        let writer = backup::write(&root, &plan, &mut rng(3), &mut key).unwrap();
        let header = BackupHeader::parse(writer.front()).unwrap();
        assert_eq!(header.info(), &plan);
        assert_eq!(header.domain_id(), root.domain_id().unwrap());
        assert_eq!(header.backup_id(), writer.backup_id());
        assert_eq!(header.front(), writer.front());
        assert!(header.front().len() <= FRONT_MAX_LEN);
    }
    // The longest is as long as the bound says.
    let name = "x".repeat(64);
    let longest = BackupInfo {
        epoch: Epoch::new(u32::MAX),
        kind: Kind::Key(Name::new(&name).unwrap()),
        created: u64::MAX,
        ..plan(MAX_LEN as usize)
    };
    let mut key = BackupKey::none();
    let writer = backup::write(&root, &longest, &mut rng(3), &mut key).unwrap();
    assert_eq!(writer.front().len(), FRONT_MAX_LEN);
}

/// HSMs that share a domain restore each other's backups, and a rotation takes none away: what the
/// header says of instance and epoch opens nothing and closes nothing.
#[test]
fn every_hsm_of_a_domain_restores_in_every_epoch() {
    let (here, there) = (root(1), root(1));
    let text = text(70_000);
    for (instance, epoch) in [(7, 1), (8, 1), (7, 2), (9, 4_000_000_000)] {
        let plan = BackupInfo {
            instance: InstanceId::from_bytes([instance; 16]),
            epoch: Epoch::new(epoch),
            ..plan(text.len())
        };
        let (front, chunks) = written(&here, &plan, instance, &text);
        assert_eq!(restored(&there, &front, &chunks), Ok(text.clone()));
    }
}

#[test]
fn another_domain_is_named_and_refused() {
    let text = text(100);
    let (front, chunks) = written(&root(1), &plan(100), 2, &text);
    let refused = restored(&root(2), &front, &chunks);
    let (have, want) = (root(1).domain_id().unwrap(), root(2).domain_id().unwrap());
    let wrong = RestoreError::WrongDomain(WrongDomain { have, want });
    assert_eq!(refused, Err(Restore::Begin(wrong)));
    // With its own id in the header the other domain gets no further than the first chunk.
    let place = front
        .windows(32)
        .position(|bytes| bytes == have.as_bytes())
        .unwrap();
    let mut relabelled = front;
    relabelled[place..place + 32].copy_from_slice(want.as_bytes());
    let refused = restored(&root(2), &relabelled, &chunks);
    assert_eq!(refused, Err(Restore::Chunk(0, StreamError::DoesNotOpen)));
}

#[test]
fn a_front_asks_for_the_bytes_that_it_needs() {
    let (front, _) = written(&root(1), &plan(5), 2, b"12345");
    for have in 0..front.len() {
        let needed = if have < 12 { 12 } else { front.len() };
        let incomplete = Err(HeaderError::Incomplete { needed });
        assert_eq!(BackupHeader::parse(&front[..have]), incomplete, "{have}");
    }
    // What follows is not looked at.
    let followed = [&front[..], &[0xff; 100]].concat();
    assert_eq!(BackupHeader::parse(&followed).unwrap().front(), front);
}

/// Two backups of one domain share no key: under one, equal texts would have equal bytes in the file.
#[test]
fn the_key_depends_on_the_front() {
    let (root, text) = (root(1), text(100));
    let base = plan(text.len());
    let sealed = |plan: &BackupInfo<'_>| written(&root, plan, 2, &text).1.concat();
    let first = sealed(&base);
    for other in [
        BackupInfo { created: 7, ..base },
        BackupInfo {
            epoch: None,
            ..base
        },
        BackupInfo {
            kind: Kind::Full(Some(Name::new("a").unwrap())),
            ..base
        },
    ] {
        let equal = first.iter().zip(sealed(&other)).filter(|(a, b)| *a == b);
        assert!(equal.count() < 20);
    }
}

#[test]
fn the_id_is_drawn_and_hedged() {
    let refused = backup::write(
        &root(1),
        &plan(1),
        &mut TestRng::failing_from(0, 0),
        &mut BackupKey::none(),
    )
    .unwrap_err();
    assert_eq!(refused, BeginError::Rng);

    let refused = backup::write(
        &root(1),
        &plan(1),
        &mut TestRng::stuck(0),
        &mut BackupKey::none(),
    )
    .unwrap_err();
    assert_eq!(refused, BeginError::Rng);

    // A generator that repeats itself, as one restored from a snapshot does.
    let id = |seed, plan: &BackupInfo<'_>| {
        let mut key = BackupKey::none();
        let writer = backup::write(&root(seed), plan, &mut rng(9), &mut key).unwrap();
        writer.backup_id()
    };
    let base = plan(1);
    let changed = [
        BackupInfo { length: 2, ..base },
        BackupInfo { created: 0, ..base },
        BackupInfo {
            epoch: None,
            ..base
        },
        BackupInfo {
            kind: Kind::Full(Some(Name::new("a").unwrap())),
            ..base
        },
        BackupInfo {
            instance: InstanceId::from_bytes([8; 16]),
            ..base
        },
        BackupInfo {
            ledger_head: LedgerHead::from_bytes([8; 32]),
            ..base
        },
    ];
    let mut ids = vec![id(1, &base), id(2, &base)];
    ids.extend(changed.iter().map(|plan| id(1, plan)));
    for (place, one) in ids.iter().enumerate() {
        assert!(!ids[..place].contains(one), "{place}");
    }
    let drawn = backup::write(&root(1), &base, &mut rng(1), &mut BackupKey::none())
        .unwrap()
        .backup_id();
    assert!(!ids.contains(&drawn));
}

#[test]
fn nothing_is_printed_of_a_key() {
    let mut key = BackupKey::none();
    let writer = backup::write(&root(1), &plan(1), &mut rng(2), &mut key).unwrap();
    let id = writer.backup_id();
    assert_eq!(
        format!("{writer:?}"),
        format!("Writer {{ backup_id: {id:?}, .. }}")
    );
    let header = BackupHeader::parse(writer.front()).unwrap();
    let mut key = BackupKey::none();
    let reader = backup::read(&root(1), &header, &mut key).unwrap();
    assert_eq!(format!("{reader:?}"), "Reader(..)");
}
