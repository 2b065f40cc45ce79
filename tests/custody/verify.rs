// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exports of logs, and what is said of one that is altered, cut, reordered or forked.

use security_domain::custody::{
    BadRecord, Body, CheckpointError, Expected, Fact, Head, Log, MAGIC, PinnedHead, Record,
    RecordHash, Tree, Verified, Verifier, VerifyError,
};
use security_domain::lifecycle::{Event, Ledger, Outcome, PinsDigest, SinkAnswer, Step};
use security_domain::sealed_domain::InstanceId;

use crate::world::{
    INSTANCE, NO_PINS, NOW, Ram, activate, add, begun, checkpoint, custodian, domain, done,
    endorsement, export, hand_off, instance_key, restarted, signing_key, verify_key,
};

const HEADER: usize = MAGIC.len() + 16;

/// A log of ten records: two hand-offs and a step without an outcome come last.
fn kept() -> Log<Ram> {
    let mut log = begun();
    activate(&mut log);
    let custodian = custodian(1);
    let step = Step::Contribute;
    done(&mut log, NOW + 1, Event::Contribute { custodian }, step);
    let after = add(
        &mut log,
        Fact::HandOff(hand_off(1, "Ann", 9, None, INSTANCE)),
    );
    add(
        &mut log,
        Fact::HandOff(hand_off(1, "Bob", 8, Some(after), INSTANCE)),
    );
    assert_eq!(log.record(NOW, &Event::BeginImport), SinkAnswer::AGREED);
    log
}

fn trusted() -> Expected<'static> {
    Expected {
        instance: Some(INSTANCE),
        domain: Some(domain(2)),
        ..Expected::default()
    }
}

fn verify(export: &[u8], expected: Expected<'_>) -> Result<Verified, VerifyError> {
    let mut whole = Verifier::new(expected);
    let fed = whole.feed(export, &mut |_| {});
    let result = fed.and_then(|()| whole.finish());
    // The same whatever the pieces are.
    for size in [1, 7, 300] {
        let mut pieces = Verifier::new(expected);
        let fed = export
            .chunks(size)
            .try_for_each(|piece| pieces.feed(piece, &mut |_| {}));
        assert_eq!(fed.and_then(|()| pieces.finish()), result);
    }
    result
}

/// The records of an export, and its checkpoint.
fn parts(export: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (mut records, mut rest) = (Vec::new(), &export[HEADER..]);
    loop {
        let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        if len == 0 {
            return (records, rest[2..].to_vec());
        }
        records.push(rest[2..2 + len].to_vec());
        rest = &rest[2 + len..];
    }
}

fn joined(records: &[Vec<u8>], checkpoint: &[u8]) -> Vec<u8> {
    let mut out = [&MAGIC[..], INSTANCE.as_bytes()].concat();
    for record in records {
        out.extend((record.len() as u16).to_be_bytes());
        out.extend(record);
    }
    out.extend([0, 0]);
    out.extend(checkpoint);
    out
}

fn head_of(records: &[Vec<u8>]) -> Head {
    let mut tree = Tree::EMPTY;
    records
        .iter()
        .for_each(|record| tree.append(&RecordHash::of(record)).unwrap());
    tree.head()
}

/// The records with this one changed, and every later one written after it.
fn rewritten(records: &[Vec<u8>], place: usize, change: impl Fn(&mut Record<'_>)) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = records[..place].to_vec();
    for (number, bytes) in records.iter().enumerate().skip(place) {
        let mut record = Record::parse(bytes).unwrap();
        if let Some(previous) = out.last() {
            record.previous = RecordHash::of(previous);
        }
        if number == place {
            change(&mut record);
        }
        let mut buffer = [0; 384];
        out.push(record.write(&mut buffer).unwrap().to_vec());
    }
    out
}

/// With a checkpoint that the HSM's key signed, as a thief of the key would make it.
fn signed(records: &[Vec<u8>]) -> Vec<u8> {
    joined(
        records,
        &checkpoint(INSTANCE, &head_of(records), &instance_key()),
    )
}

fn bad(number: u32, bad: BadRecord) -> Result<Verified, VerifyError> {
    Err(VerifyError::Record { number, bad })
}

#[test]
fn a_log_proves_its_records_and_the_hsm() {
    let mut log = kept();
    let export = export(&mut log);
    let pins: Vec<Head> = (0..=10)
        .map(|size| head_of(&parts(&export).0[..size]))
        .collect();
    for expected in [
        trusted(),
        Expected::default(),
        Expected {
            pins: &pins,
            ..trusted()
        },
    ] {
        let verified = verify(&export, expected).unwrap();
        assert_eq!(
            (verified.instance, verified.head),
            (INSTANCE, log.tree_head())
        );
        assert_eq!(verified.key, verify_key(&instance_key()));
        assert_eq!(
            (verified.domain(), verified.header()),
            (Some(domain(2)), Some(crate::world::HEADER))
        );
        assert_eq!(verified.open, Some((Step::BeginImport, 9)));
    }
    assert_eq!(joined(&parts(&export).0, &parts(&export).1), export);
    // Without an endorsement the key must be known.
    let mut log = begun();
    let empty = crate::world::export(&mut log);
    assert_eq!(
        verify(&empty, Expected::default()),
        Err(VerifyError::NotEndorsed)
    );
    let key = Some(verify_key(&instance_key()));
    let known = Expected {
        key,
        ..Expected::default()
    };
    assert_eq!(
        verify(&empty, known).map(|verified| verified.head.size),
        Ok(0)
    );
    let endorsed = Expected { key, ..trusted() };
    assert_eq!(verify(&empty, endorsed), Err(VerifyError::NotEndorsed));
}

/// Each byte of each record, changed.
#[test]
fn an_altered_record_is_named() {
    let export = export(&mut kept());
    let (records, checkpoint) = parts(&export);
    let last = records.len() - 1;
    let mut shown = [0; 2];
    for (number, record) in records.iter().enumerate() {
        for at in 0..record.len() {
            let mut records = records.clone();
            records[number][at] ^= 1;
            let result = verify(&joined(&records, &checkpoint), trusted());
            let Err(VerifyError::Record { number: named, bad }) = result else {
                panic!("byte {at} of record {number}: {result:?}");
            };
            assert_eq!(named as usize, number, "byte {at}: {bad}");
            shown[usize::from(number == last)] += 1;
        }
    }
    assert!(shown.iter().all(|count| *count > 50), "{shown:?}");
}

#[test]
fn a_dropped_or_reordered_record_is_named() {
    let export = export(&mut kept());
    let (records, checkpoint) = parts(&export);
    let last = records.len() - 1;
    for number in 0..last {
        let mut fewer = records.clone();
        fewer.remove(number);
        let found = number as u32 + 1;
        let dropped = BadRecord::Dropped { found };
        assert_eq!(
            verify(&joined(&fewer, &checkpoint), trusted()),
            bad(number as u32, dropped)
        );
        let mut swapped = records.clone();
        swapped.swap(number, number + 1);
        let reordered = match number + 1 == last {
            // With nothing behind it, it is missing.
            false => BadRecord::Reordered { found },
            true => BadRecord::Reordered { found },
        };
        assert_eq!(
            verify(&joined(&swapped, &checkpoint), trusted()),
            bad(number as u32, reordered)
        );
        let mut twice = records.clone();
        twice.insert(number + 1, records[number].clone());
        let repeated = BadRecord::Reordered {
            found: number as u32,
        };
        assert_eq!(
            verify(&joined(&twice, &checkpoint), trusted()),
            bad(number as u32 + 1, repeated)
        );
    }
}

#[test]
fn a_cut_log_is_named() {
    let mut log = kept();
    let whole = export(&mut log);
    let (records, checkpoint) = parts(&whole);
    for have in 5..10 {
        let cut = joined(&records[..have as usize], &checkpoint);
        assert_eq!(
            verify(&cut, trusted()),
            Err(VerifyError::Cut { have, want: 10 })
        );
        // With an older checkpoint, it shows against a head that was pinned.
        let old = signed(&records[..have as usize]);
        assert!(verify(&old, trusted()).is_ok());
        let pins = [head_of(&records)];
        let pinned = Expected {
            pins: &pins,
            ..trusted()
        };
        assert_eq!(
            verify(&old, pinned),
            Err(VerifyError::Cut { have, want: 10 })
        );
        // And records that no checkpoint covers.
        let more = joined(&records, &parts(&old).1);
        assert_eq!(verify(&more, trusted()), bad(have, BadRecord::NotSigned));
    }
    for end in 0..whole.len() {
        let result = verify(&whole[..end], trusted());
        let early = matches!(
            result,
            Err(VerifyError::Truncated { .. } | VerifyError::Malformed(_))
        );
        assert!(early, "{end}: {result:?}");
    }
}

#[test]
fn a_forked_log_is_named() {
    let mut log = kept();
    let (records, _) = parts(&export(&mut log));
    let pins = [
        head_of(&records[..6]),
        head_of(&records[..8]),
        head_of(&records),
    ];
    let pinned = Expected {
        pins: &pins,
        ..trusted()
    };
    for (place, unpinned, size) in [
        (0, 0, 6),
        (5, 0, 6),
        (6, 6, 8),
        (7, 6, 8),
        (8, 8, 10),
        (9, 8, 10),
    ] {
        let fork = rewritten(&records, place, |record| record.time += 1);
        // The key of the HSM signs both.
        assert!(verify(&signed(&fork), trusted()).is_ok());
        let forked = BadRecord::Forked { pinned: size };
        assert_eq!(verify(&signed(&fork), pinned), bad(unpinned, forked));
        // Without the key, the checkpoint shows it.
        let joined = joined(
            &fork,
            &checkpoint(INSTANCE, &head_of(&records), &instance_key()),
        );
        let first = BadRecord::NotInCheckpoint { first: 0 };
        assert_eq!(verify(&joined, trusted()), bad(9, first));
    }
}

#[test]
fn the_log_and_the_checkpoint_of_another_are_refused() {
    let (records, own) = parts(&export(&mut kept()));
    let head = head_of(&records);
    let other = InstanceId::from_bytes([0xcd; 16]);
    let (have, want) = (other, INSTANCE);
    let foreign = joined(&records, &checkpoint(other, &head, &instance_key()));
    let named = VerifyError::Checkpoint(CheckpointError::OtherInstance { have, want });
    assert_eq!(verify(&foreign, trusted()), Err(named));
    let stolen = joined(&records, &checkpoint(INSTANCE, &head, &signing_key(5)));
    let named = VerifyError::Checkpoint(CheckpointError::NotSigned);
    assert_eq!(verify(&stolen, trusted()), Err(named));
    let mut whole = joined(&records, &own);
    whole[HEADER - 1] ^= 1;
    assert!(matches!(
        verify(&whole, trusted()),
        Err(VerifyError::OtherInstance { .. })
    ));
    // Its records say whose they are.
    let any = Expected {
        instance: None,
        ..trusted()
    };
    let named = verify(&whole, any);
    assert!(matches!(
        named,
        Err(VerifyError::Record {
            number: 0,
            bad: BadRecord::OtherInstance { .. }
        })
    ));
    whole[0] ^= 1;
    assert_eq!(verify(&whole, any), Err(VerifyError::NotALog));
    let long = [joined(&records, &own), vec![b'A'; 5000]].concat();
    assert_eq!(
        verify(&long, trusted()),
        Err(VerifyError::CheckpointTooLong)
    );
    let mut large = joined(&records[..2], &own);
    let end = large.len() - own.len() - 2;
    large.splice(end.., [0x01, 0x81]);
    assert_eq!(verify(&large, trusted()), bad(2, BadRecord::TooLong));
}

#[test]
fn an_endorsement_is_by_the_domain_and_of_this_key() {
    let (records, _) = parts(&export(&mut kept()));
    let with = |change: &dyn Fn(&mut Record<'_>)| signed(&rewritten(&records, 4, change));
    let (have, want) = (domain(3), domain(2));
    let other = with(&|record| record.body = Body::Endorsement(endorsement(3, NO_PINS)));
    assert_eq!(
        verify(&other, trusted()),
        bad(4, BadRecord::OtherDomain { have, want })
    );
    assert!(verify(&other, Expected::default()).is_ok());
    let unsigned = with(&|record| {
        let mut endorsement = endorsement(2, NO_PINS);
        endorsement.signature[40] ^= 1;
        record.body = Body::Endorsement(endorsement);
    });
    assert_eq!(verify(&unsigned, trusted()), bad(4, BadRecord::Unsigned));
    let pins = PinsDigest::from_bytes([7; 32]);
    let other = with(&|record| record.body = Body::Endorsement(endorsement(2, pins)));
    assert_eq!(verify(&other, trusted()), bad(4, BadRecord::OtherPins));
    let key = Some(verify_key(&signing_key(5)));
    let stolen = Expected { key, ..trusted() };
    assert_eq!(
        verify(&signed(&records), stolen),
        bad(4, BadRecord::OtherKey)
    );
}

#[test]
fn steps_and_hand_offs_fit_what_came_before() {
    let (records, _) = parts(&export(&mut kept()));
    let with = |place: usize, body: Body<'_>| {
        let text = rewritten(&records, place, |record| {
            // The borrow of the body is that of the test.
            let mut buffer = [0; 384];
            let copy = Record { body, ..*record };
            let bytes = copy.write(&mut buffer).unwrap().to_vec();
            let bytes: &'static [u8] = bytes.leak();
            record.body = Record::parse(bytes).unwrap().body;
        });
        verify(&signed(&text), trusted())
    };
    let event = Body::Event(Event::Import);
    assert_eq!(with(6, event), bad(6, BadRecord::NoOutcome { intent: 5 }));
    let outcome = |step, intent| Body::Outcome {
        step,
        intent,
        outcome: Some(Outcome::Done),
    };
    for (step, intent) in [(Step::Contribute, 4), (Step::Consent, 5)] {
        assert_eq!(with(6, outcome(step, intent)), bad(6, BadRecord::NoIntent));
    }
    assert_eq!(
        with(7, outcome(Step::Contribute, 5)),
        bad(7, BadRecord::NoIntent)
    );
    let hand_off =
        |after, instance| Body::Fact(Fact::HandOff(hand_off(1, "Bob", 8, after, instance)));
    let other = InstanceId::from_bytes([0xcd; 16]);
    assert_eq!(
        with(8, hand_off(Some(7), other)),
        bad(8, BadRecord::HandOffUnsigned)
    );
    for after in [None, Some(6), Some(8)] {
        assert_eq!(
            with(8, hand_off(after, INSTANCE)),
            bad(8, BadRecord::HandOffNotNext)
        );
    }
}

#[test]
fn pinned_heads_of_others_are_endorsed() {
    let mut log = begun();
    activate(&mut log);
    for number in 1..3 {
        let instance = InstanceId::from_bytes([number; 16]);
        add(
            &mut log,
            Fact::Pin(PinnedHead {
                instance,
                head: log_head(number.into()),
            }),
        );
    }
    let header = crate::world::HEADER;
    let head = log.head();
    let mut log = restarted(&mut log, head);
    let recover = Event::Activate {
        domain: domain(2),
        header,
    };
    done(&mut log, NOW, recover, Step::Activate);
    let pins = log.endorsement_due().unwrap();
    assert_ne!(pins, NO_PINS);
    assert_eq!(log.endorse(NOW, &endorsement(2, pins)), SinkAnswer::AGREED);
    assert!(verify(&export(&mut log), trusted()).is_ok());
}

fn log_head(size: u32) -> Head {
    let records: Vec<Vec<u8>> = (0..size).map(|number| vec![number as u8]).collect();
    head_of(&records)
}
