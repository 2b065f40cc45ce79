// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a log is kept: one write each, what a failure of the power leaves, what is refused when.

use security_domain::custody::{
    Body, Closed, Detail, Fact, Inclusion, Log, LogError, Loss, LossKind, MAX_PROOF_LEN,
    MAX_RECORD_LEN, Present, RESERVED, Record, RecordHash,
};
use security_domain::lifecycle::{Ended, Event, Ledger, Outcome, SinkAnswer, Step};
use security_domain::sealed_domain::{Epoch, InstanceId, LedgerHead};

use crate::world::{
    HEADER, INSTANCE, NOW, Ram, Tear, activate, add, begun, custodian, domain, done, endorsement,
    hand_off, log, restarted,
};

const AGREED: SinkAnswer = SinkAnswer::AGREED;
const REFUSED: SinkAnswer = SinkAnswer::REFUSED;
const STEP: Event = Event::Contribute {
    custodian: security_domain::custodian::CustodianId::from_bytes([7; 32]),
};

fn outcome(step: Step, outcome: Outcome) -> Event {
    Event::Outcome { step, outcome }
}

fn bodies(log: &mut Log<Ram>) -> Vec<String> {
    let mut found = Vec::new();
    for number in 0..log.tree_head().size {
        let mut out = [0; MAX_RECORD_LEN];
        let record = log.read(number, &mut out).unwrap();
        assert_eq!((record.number, record.instance), (number, INSTANCE));
        found.push(match record.body {
            Body::Event(event) => format!("{event:?}")
                .split([' ', '('])
                .next()
                .unwrap()
                .to_owned(),
            Body::Outcome {
                step,
                outcome,
                intent,
            } => {
                let outcome = outcome.map_or("lost".to_owned(), |outcome| format!("{outcome:?}"));
                format!("{} {outcome} of {intent}", step.name())
            }
            Body::Refused { step, count } => format!("{count} x {}", step.name()),
            Body::Endorsement(_) => "Endorsement".to_owned(),
            Body::Fact(fact) => format!("{fact:?}").split('(').next().unwrap().to_owned(),
            _ => unreachable!(),
        });
    }
    found
}

#[test]
fn every_record_is_one_write_and_continues_the_one_before() {
    let mut log = begun();
    assert_eq!(log.head(), LedgerHead::NONE);
    activate(&mut log);
    assert_eq!(log.store().writes, 5);
    let events = [
        "Provision",
        "provision Done of 0",
        "Activate",
        "activate Done of 2",
        "Endorsement",
    ];
    assert_eq!(bodies(&mut log), events);
    let mut previous = RecordHash::from_bytes([0; 32]);
    for number in 0..5 {
        let mut out = [0; MAX_RECORD_LEN];
        let bytes = log.read_bytes(number, &mut out).unwrap();
        let record = Record::parse(bytes).unwrap();
        assert_eq!((record.previous, record.time), (previous, NOW));
        previous = RecordHash::of(bytes);
        let mut proof = [0; MAX_PROOF_LEN];
        let head = log.tree_head();
        let record_hash = |at| log.record_hash(at);
        let proof = Inclusion::write(number, 5, record_hash, &mut proof).unwrap();
        assert_eq!(
            Inclusion::parse(proof).unwrap().verify(&previous, &head),
            Ok(())
        );
    }
    assert_eq!(
        log.read_bytes(5, &mut [0; MAX_RECORD_LEN]),
        Err(LogError::NoSuchRecord(5))
    );
}

#[test]
fn a_start_reads_the_last_entry_and_goes_on_from_the_head() {
    let mut log = begun();
    activate(&mut log);
    let heads: Vec<LedgerHead> = {
        let mut heads = vec![log.head()];
        for _ in 0..4 {
            done(&mut log, NOW, STEP, Step::Contribute);
            heads.push(log.head());
        }
        heads
    };
    for (at, head) in heads.iter().enumerate() {
        let mut again = restarted(&mut log, *head);
        assert_eq!(again.refusal(), None);
        assert_eq!(again.tree_head(), log.tree_head());
        // One entry for the state, and those back to the head.
        let reads = again.store().reads - log.store().reads;
        assert_eq!(reads, 1 + 1 + 2 * (heads.len() - 1 - at));
        assert_eq!(again.record(NOW, &STEP), AGREED);
    }
    // No head yet: the HSM has not written a state since the log began.
    assert_eq!(restarted(&mut log, LedgerHead::NONE).refusal(), None);
}

#[test]
fn a_log_that_was_cut_or_replaced_takes_nothing() {
    let mut log = begun();
    activate(&mut log);
    let old = log.store().clone();
    done(&mut log, NOW, STEP, Step::Contribute);
    let head = log.head();
    let mut cut = log.store().clone();
    cut.entries().truncate(6);
    let mut empty = Ram::new();
    empty.entries().clear();
    // Another continuation of the same log.
    let mut fork = restarted(&mut crate::world::log(old.clone()), LedgerHead::NONE);
    fork.store().logs = old.logs.clone();
    fork.resume(Some(INSTANCE), LedgerHead::NONE);
    let other = Event::BeginImport;
    done(&mut fork, NOW, other, Step::BeginImport);
    for ram in [cut, old, empty, fork.store().clone()] {
        let mut log = crate::world::log(ram);
        log.resume(Some(INSTANCE), head);
        assert_eq!(log.refusal(), Some(LogError::Cut));
        for event in [
            STEP,
            Event::Zeroize,
            Event::Refused {
                step: Step::Consent,
                count: 1,
            },
        ] {
            assert_eq!(log.record(NOW, &event), REFUSED);
        }
        assert_eq!(
            log.add(NOW, &Fact::HandOff(hand_off(1, "Ann", 9, None, INSTANCE))),
            Err(LogError::Cut)
        );
    }
}

#[test]
fn a_changed_entry_is_named_and_one_of_another_place_does_not_open() {
    let mut log = begun();
    activate(&mut log);
    done(&mut log, NOW, STEP, Step::Contribute);
    let head = log.head();
    for entry in 0..7 {
        let whole = log.store().entries()[entry].clone();
        for bit in (0..whole.len() * 8).step_by(37) {
            let mut bad = log.store().clone();
            bad.entries()[entry][bit / 8] ^= 1 << (bit % 8);
            let mut changed = crate::world::log(bad);
            changed.resume(Some(INSTANCE), head);
            match entry {
                // The last one may be torn, so it is dropped, and with it the head.
                6 => assert_eq!(changed.refusal(), Some(LogError::Cut)),
                _ => {
                    assert_eq!(changed.refusal(), None);
                    let read = changed
                        .read_bytes(entry as u32, &mut [0; MAX_RECORD_LEN])
                        .map(<[u8]>::to_vec);
                    assert_eq!(read, Err(LogError::Damaged(entry as u32)));
                }
            }
        }
    }
    // The last two.
    let mut bad = log.store().clone();
    bad.entries()[5][9] ^= 1;
    bad.entries()[6][9] ^= 1;
    let mut changed = crate::world::log(bad);
    changed.resume(Some(INSTANCE), head);
    assert_eq!(changed.refusal(), Some(LogError::Damaged(5)));
    // An older entry as the last one.
    let mut moved = log.store().clone();
    moved.entries()[6] = moved.entries()[4].clone();
    let mut changed = crate::world::log(moved);
    changed.resume(Some(INSTANCE), head);
    assert_eq!(changed.refusal(), Some(LogError::Cut));
    // Two entries that changed places are each in the other's.
    let mut swapped = log.store().clone();
    swapped.entries().swap(2, 3);
    let mut changed = crate::world::log(swapped);
    changed.resume(Some(INSTANCE), head);
    for number in [2, 3] {
        let read = changed.record_hash(number);
        assert_eq!(read, Err(LogError::Damaged(number)));
    }
    // The log of another HSM, or under another device's key.
    let other = InstanceId::from_bytes([0xcd; 16]);
    let mut renamed = log.store().clone();
    let entries = renamed.entries().clone();
    renamed.logs.insert(*other.as_bytes(), entries);
    let mut changed = crate::world::log(renamed);
    changed.resume(Some(other), head);
    assert_eq!(changed.refusal(), Some(LogError::Damaged(5)));
    let mut key = security_domain::secret::Secret::from_bytes(&mut [0x4e; 32]);
    let mut changed = Log::new(log.store().clone(), &mut key).unwrap();
    changed.resume(Some(INSTANCE), head);
    assert_eq!(changed.refusal(), Some(LogError::Damaged(5)));
}

#[test]
fn a_torn_entry_is_dropped_and_a_lost_outcome_is_told() {
    for tear in [
        Tear::Fails,
        Tear::Torn(0),
        Tear::Torn(9),
        Tear::Torn(2000),
        Tear::Unknown,
    ] {
        for at in ["intent", "outcome"] {
            let mut log = begun();
            activate(&mut log);
            let head = log.head();
            if at == "outcome" {
                assert_eq!(log.record(NOW, &STEP), AGREED);
            }
            log.store().tear = Some(tear);
            let event = match at {
                "outcome" => outcome(Step::Contribute, Outcome::Done),
                _ => STEP,
            };
            assert_eq!(log.record(NOW, &event), REFUSED, "{at}");
            let mut again = restarted(&mut log, head);
            assert_eq!(again.refusal(), None);
            assert_eq!(again.record(NOW, &Event::BeginImport), AGREED);
            let mut want = bodies(&mut begun_and_active());
            match (at, tear == Tear::Unknown) {
                ("intent", false) => {}
                ("intent", true) | ("outcome", false) => {
                    want.extend(["Contribute".to_owned(), "contribute lost of 5".to_owned()]);
                }
                _ => want.extend(["Contribute".to_owned(), "contribute Done of 5".to_owned()]),
            }
            want.push("BeginImport".to_owned());
            assert_eq!(bodies(&mut again), want, "{at}");
            // Without a restart the same record is written again.
            let again = log.record(NOW, &event);
            assert_eq!(again, AGREED, "{at}");
        }
    }
}

fn begun_and_active() -> Log<Ram> {
    let mut log = begun();
    activate(&mut log);
    log
}

#[test]
fn refusals_have_one_record_a_kind_and_hour() {
    let mut log = begun();
    activate(&mut log);
    let refused = |log: &mut Log<Ram>, time, step, count| {
        assert_eq!(log.record(time, &Event::Refused { step, count }), AGREED);
    };
    for minute in 0..180 {
        let time = NOW - NOW % 3600 + 60 * minute;
        refused(&mut log, time, Step::Contribute, 2);
        refused(&mut log, time, Step::Consent, 1);
    }
    // What came since the last record waits in memory.
    let want = [
        "2 x contribute",
        "1 x consent",
        "118 x contribute",
        "59 x consent",
        "120 x contribute",
        "60 x consent",
    ];
    assert_eq!(bodies(&mut log)[5..], want);
    // A restart does not give a stranger another record.
    let head = log.head();
    let mut again = restarted(&mut log, head);
    let size = again.tree_head().size;
    refused(&mut again, NOW - NOW % 3600 + 60 * 179, Step::Contribute, 5);
    assert_eq!(again.tree_head().size, size);
    refused(&mut again, NOW - NOW % 3600 + 60 * 180, Step::Contribute, 5);
    assert_eq!(bodies(&mut again).last().unwrap(), "5 x contribute");
    // Without a clock every report is a record, after what waited.
    for _ in 0..3 {
        refused(&mut again, 0, Step::Contribute, 1);
    }
    assert_eq!(again.tree_head().size, size + 5);
}

#[test]
fn room_is_kept_for_outcomes_refusals_and_protective_operations() {
    let mut log = begun();
    log.store().capacity = 100;
    let mut steps = 0;
    while log.record(NOW, &STEP) == AGREED {
        steps += 1;
        assert_eq!(
            log.record(NOW, &outcome(Step::Contribute, Outcome::Failed)),
            AGREED
        );
    }
    assert_eq!((steps, log.tree_head().size), (18, 100 - RESERVED));
    let full = log.add(NOW, &Fact::HandOff(hand_off(1, "Ann", 9, None, INSTANCE)));
    assert_eq!(full, Err(LogError::Full));
    // A stranger's refusals take their own room, whatever he does.
    for hour in 0..200 {
        let event = Event::Refused {
            step: Step::Contribute,
            count: 1,
        };
        assert_eq!(log.record(NOW + 3600 * hour, &event), AGREED);
    }
    assert_eq!(log.tree_head().size, 100 - 32);
    for _ in 0..32 {
        assert_eq!(
            log.record(NOW, &Event::EndSession(Ended::Cancelled)),
            AGREED
        );
    }
    assert_eq!(log.tree_head().size, 100);
    assert_eq!(log.record(NOW, &Event::Zeroize), REFUSED);
}

#[test]
fn an_outcome_has_room_whenever_its_step_had() {
    let mut log = begun();
    log.store().capacity = RESERVED + 1;
    assert_eq!(log.record(NOW, &STEP), AGREED);
    for hour in 0..200 {
        let event = Event::Refused {
            step: Step::Contribute,
            count: 1,
        };
        let _ = log.record(NOW + 3600 * hour, &event);
    }
    assert_eq!(
        log.record(NOW, &outcome(Step::Contribute, Outcome::Done)),
        AGREED
    );
    assert_eq!(
        log.record(NOW, &outcome(Step::Contribute, Outcome::Done)),
        REFUSED
    );
}

#[test]
fn an_empty_hsm_has_no_log() {
    let mut log = log(Ram::new());
    assert_eq!(log.refusal(), Some(LogError::NotResumed));
    assert_eq!(log.record(NOW, &Event::Zeroize), REFUSED);
    log.resume(None, LedgerHead::NONE);
    assert_eq!(log.refusal(), Some(LogError::NoInstance));
    assert_eq!(log.record(NOW, &Event::Zeroize), AGREED);
    assert_eq!(log.record(NOW, &STEP), REFUSED);
    assert_eq!(log.store().writes, 0);
    log.begin(INSTANCE);
    assert_eq!(log.record(NOW, &STEP), AGREED);
    // An id that was drawn twice.
    log.begin(INSTANCE);
    assert_eq!(log.refusal(), Some(LogError::Cut));
}

#[test]
fn a_hand_off_is_signed_for_this_log_and_follows_the_last() {
    let mut log = begun();
    activate(&mut log);
    let other = InstanceId::from_bytes([0xcd; 16]);
    let foreign = hand_off(1, "Ann", 9, None, other);
    assert_eq!(
        log.add(NOW, &Fact::HandOff(foreign)),
        Err(LogError::HandOffUnsigned)
    );
    let first = hand_off(1, "Ann", 9, None, INSTANCE);
    assert_eq!(add(&mut log, Fact::HandOff(first)), 5);
    let last = Some(5);
    assert_eq!(
        log.add(NOW, &Fact::HandOff(first)),
        Err(LogError::HandOffNotNext { last })
    );
    let head = log.head();
    let mut log = restarted(&mut log, head);
    let early = hand_off(2, "Bob", 8, Some(4), INSTANCE);
    assert_eq!(
        log.add(NOW, &Fact::HandOff(early)),
        Err(LogError::HandOffNotNext { last })
    );
    assert_eq!(
        add(
            &mut log,
            Fact::HandOff(hand_off(2, "Bob", 8, last, INSTANCE))
        ),
        6
    );
}

#[test]
fn only_a_loss_is_closed() {
    let mut log = begun();
    activate(&mut log);
    let loss = Loss {
        custodian: custodian(1),
        kind: LossKind::Lost,
        detail: Detail::NONE,
    };
    let number = add(&mut log, Fact::Loss(loss));
    let closed = |loss| {
        Fact::Closed(Closed {
            loss,
            detail: Detail::NONE,
        })
    };
    for other in [0, number + 1] {
        assert_eq!(log.add(NOW, &closed(other)), Err(LogError::NotALoss(other)));
    }
    assert_eq!(log.add(NOW, &closed(number)), Ok(number + 1));
}

#[test]
fn an_hsm_whose_coming_into_use_is_in_doubt_asks_for_its_endorsement() {
    let activate = Event::Activate {
        domain: domain(2),
        header: HEADER,
    };
    let mut log = begun();
    assert_eq!(log.record(NOW, &activate), AGREED);
    assert_eq!(log.endorsement_due(), None, "it is under way");
    let head = log.head();
    let mut again = restarted(&mut log, head);
    let pins = again.endorsement_due().expect("the outcome was lost");
    assert_eq!(again.endorse(NOW, &endorsement(2, pins)), AGREED);
    assert_eq!(
        bodies(&mut again),
        ["Activate", "activate lost of 0", "Endorsement"]
    );
    assert_eq!(again.endorsement_due(), None);
    // The endorsement shows which header came into use.
    let mut present = Present::new();
    for number in 0..3 {
        let mut out = [0; MAX_RECORD_LEN];
        present.fold(&again.read(number, &mut out).unwrap());
    }
    assert_eq!(present.header(), Some((Epoch::FIRST, HEADER)));

    // Without it the next record settles the outcome, and the endorsement is still due.
    let mut again = restarted(&mut log, head);
    assert_eq!(again.record(NOW, &STEP), AGREED);
    assert!(again.endorsement_due().is_some());
    // What failed did not take effect.
    let mut log = begun();
    assert_eq!(log.record(NOW, &activate), AGREED);
    let failed = outcome(Step::Activate, Outcome::Failed);
    assert_eq!(log.record(NOW, &failed), AGREED);
    assert_eq!(log.endorsement_due(), None);
}

#[test]
fn an_hsm_that_kept_no_log_is_endorsed_in_its_first() {
    let mut log = begun();
    assert_eq!(log.endorsement_due(), None, "it has just begun");
    let mut later = restarted(&mut log, LedgerHead::NONE);
    assert_eq!(later.refusal(), None);
    let pins = later.endorsement_due().expect("it may be in use");
    assert_eq!(later.endorse(NOW, &endorsement(2, pins)), AGREED);
    assert_eq!(bodies(&mut later), ["Endorsement"]);
}
