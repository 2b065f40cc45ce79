// SPDX-License-Identifier: MIT OR Apache-2.0
//! The present, from the records of a log.

use security_domain::contribution::RequestDigest;
use security_domain::custodian::Algorithm;
use security_domain::custody::{
    Cause, Closed, Concern, Detail, DrillResult, Fact, Log, Loss, LossKind, MAX_RECORD_LEN,
    Present, Review,
};
use security_domain::drill::Proof;
use security_domain::lifecycle::{Event, Ledger, Outcome, Step};
use security_domain::policy::{KeyState, Seat};
use security_domain::sealed_domain::{Epoch, HeaderDigest, MAX_CUSTODIANS};

use crate::world::{
    HEADER, INSTANCE, NOW, Ram, activate, add, begun, challenge, confirm, custodian, done,
    hand_off, restarted,
};

fn present(log: &mut Log<Ram>) -> Present {
    let mut present = Present::new();
    for number in 0..log.tree_head().size {
        present.fold(&log.read(number, &mut [0; MAX_RECORD_LEN]).unwrap());
    }
    present
}

fn gives(log: &mut Log<Ram>, number: u8, taker: &str, seed: u8, after: Option<u32>) -> Option<u32> {
    Some(add(
        log,
        Fact::HandOff(hand_off(number, taker, seed, after, INSTANCE)),
    ))
}

#[test]
fn holders_are_who_took_last_and_former_ones_count_until_a_rotation() {
    let mut log = begun();
    activate(&mut log);
    let header = |log: &mut Log<Ram>| present(log).header();
    assert_eq!(header(&mut log), Some((Epoch::FIRST, HEADER)));
    let mut last = None;
    for (number, taker, seed) in [
        (1, "Ann", 11),
        (2, "Bob", 12),
        (1, "Cleo", 13),
        (1, "Cleo", 13),
        (1, "Dora", 14),
    ] {
        last = gives(&mut log, number, taker, seed, last);
    }
    let now = present(&mut log);
    let held = |now: &Present, number| {
        let holding = now.holding(custodian(number)).unwrap();
        let (_, time, holder) = holding.holder.unwrap();
        assert_eq!(time, NOW);
        (holder.name.as_str().to_owned(), holding.former)
    };
    // Cleo took it twice; Ann and she may know it.
    assert_eq!(held(&now, 1), ("Dora".to_owned(), 2));
    assert_eq!(held(&now, 2), ("Bob".to_owned(), 0));
    assert_eq!(now.holding(custodian(3)), None);
    assert_eq!((now.holdings().count(), now.is_crowded()), (2, false));

    // A rotation that did not happen, or may not have, changes nothing.
    assert_eq!(
        log.record(NOW, &confirm(2, 0x22)),
        security_domain::lifecycle::SinkAnswer::AGREED
    );
    let (step, outcome) = (Step::Confirm, Outcome::Failed);
    let _ = log.record(NOW, &Event::Outcome { step, outcome });
    let _ = log.record(NOW, &confirm(2, 0x22));
    let head = log.head();
    let mut log = restarted(&mut log, head);
    last = gives(&mut log, 2, "Bob", 12, last);
    let now = present(&mut log);
    assert_eq!(
        (held(&now, 1).1, now.header()),
        (2, Some((Epoch::FIRST, HEADER)))
    );

    done(&mut log, NOW, confirm(2, 0x22), Step::Confirm);
    let now = present(&mut log);
    assert_eq!(
        (held(&now, 1), held(&now, 2)),
        (("Dora".to_owned(), 0), ("Bob".to_owned(), 0))
    );
    let second = (Epoch::new(2).unwrap(), HeaderDigest::from_bytes([0x22; 32]));
    assert_eq!(now.header(), Some(second));
    gives(&mut log, 1, "Ann", 11, last);
    assert_eq!(held(&present(&mut log), 1), ("Ann".to_owned(), 1));
}

#[test]
fn drills_losses_and_reviews_are_the_last_ones() {
    let mut log = begun();
    activate(&mut log);
    let detail = Detail::NONE;
    let drill = |log: &mut Log<Ram>, number, proof| {
        let (custodian, challenge) = (custodian(number), challenge(4));
        add(
            log,
            Fact::Drill(DrillResult {
                custodian,
                proof,
                challenge,
            }),
        )
    };
    drill(&mut log, 1, Proof::KeyAndShare);
    let drilled = drill(&mut log, 1, Proof::ShareKnown);
    let lost = |log: &mut Log<Ram>, number, kind| {
        add(
            log,
            Fact::Loss(Loss {
                custodian: custodian(number),
                kind,
                detail,
            }),
        )
    };
    let first = lost(&mut log, 1, LossKind::Lost);
    let second = lost(&mut log, 2, LossKind::Compromised);
    let now = present(&mut log);
    let of = |now: &Present, number| *now.holding(custodian(number)).unwrap();
    assert_eq!(of(&now, 1).drill, Some((drilled, NOW, Proof::ShareKnown)));
    assert_eq!(of(&now, 1).loss, Some((first, NOW, LossKind::Lost)));
    assert_eq!(of(&now, 2).loss, Some((second, NOW, LossKind::Compromised)));
    assert_eq!(
        (now.review(), now.concern()),
        (None, Some((second, NOW, Cause::DeviceLost)))
    );

    add(
        &mut log,
        Fact::Closed(Closed {
            loss: first,
            detail,
        }),
    );
    let cause = Cause::MemberLeft;
    let left = add(&mut log, Fact::Concern(Concern { cause, detail }));
    let now = present(&mut log);
    assert_eq!((of(&now, 1).loss, of(&now, 2).loss.is_some()), (None, true));
    assert_eq!(now.concern(), Some((left, NOW, cause)));
    let review = add(
        &mut log,
        Fact::Review(Review {
            cause,
            act: None,
            detail,
        }),
    );
    let now = present(&mut log);
    assert_eq!(
        (now.review(), now.concern()),
        (Some((review, NOW, cause)), None)
    );
}

#[test]
fn a_graver_loss_stays_until_it_is_closed() {
    let mut log = begun();
    activate(&mut log);
    let detail = Detail::NONE;
    let mut lost = |kind| {
        let custodian = custodian(1);
        let loss = Loss {
            custodian,
            kind,
            detail,
        };
        add(&mut log, Fact::Loss(loss))
    };
    let first = lost(LossKind::Lost);
    let grave = lost(LossKind::Compromised);
    let later = lost(LossKind::Lost);
    let mut close = |loss| {
        add(&mut log, Fact::Closed(Closed { loss, detail }));
        let now = present(&mut log);
        now.holding(custodian(1)).unwrap().loss
    };
    let open = Some((grave, NOW, LossKind::Compromised));
    assert_eq!([close(first), close(later)], [open; 2]);
    assert_eq!(close(grave), None);
}

#[test]
fn a_drill_proves_the_share_in_use() {
    let mut log = begun();
    activate(&mut log);
    for number in [1, 2] {
        let proof = Proof::ShareKnown;
        let (custodian, challenge) = (custodian(number), challenge(4));
        let drill = DrillResult {
            custodian,
            proof,
            challenge,
        };
        add(&mut log, Fact::Drill(drill));
    }
    let propose = |log: &mut Log<Ram>, header: u8| {
        let epoch = Epoch::new(2).unwrap();
        let header = HeaderDigest::from_bytes([header; 32]);
        let request = RequestDigest::from_bytes([9; 32]);
        let event = Event::Propose {
            epoch,
            header,
            request,
        };
        done(log, NOW, event, Step::Propose);
    };
    let prove = |log: &mut Log<Ram>, number| {
        let custodian = custodian(number);
        done(log, NOW, Event::Prove { custodian }, Step::Prove);
        log.tree_head().size - 2
    };
    // What was proven of a file that was not confirmed counts for nothing.
    propose(&mut log, 0x21);
    prove(&mut log, 1);
    propose(&mut log, 0x22);
    let proven = [2, 3].map(|number| prove(&mut log, number));
    let drill = |log: &mut Log<Ram>, number| {
        let now = present(log);
        now.holding(custodian(number)).and_then(|one| one.drill)
    };
    assert_eq!(drill(&mut log, 1).unwrap().2, Proof::ShareKnown);
    assert_eq!(drill(&mut log, 3), None);
    done(&mut log, NOW, confirm(2, 0x22), Step::Confirm);
    assert_eq!(drill(&mut log, 1), None);
    for (number, record) in [(2, proven[0]), (3, proven[1])] {
        let proof = Some((record, NOW, Proof::KeyAndShare));
        assert_eq!(drill(&mut log, number), proof);
    }
}

#[test]
fn a_file_that_may_be_in_use_is_told() {
    let mut log = begun();
    activate(&mut log);
    let _ = log.record(NOW, &confirm(2, 0x22));
    assert_eq!(present(&mut log).unsure(), None);
    let head = log.head();
    let mut log = restarted(&mut log, head);
    add(
        &mut log,
        Fact::Concern(Concern {
            cause: Cause::NewThreat,
            detail: Detail::NONE,
        }),
    );
    let now = present(&mut log);
    assert_eq!(now.header(), Some((Epoch::FIRST, HEADER)));
    assert_eq!(now.unsure(), Some(HeaderDigest::from_bytes([0x22; 32])));
    done(&mut log, NOW, confirm(3, 0x33), Step::Confirm);
    assert_eq!(present(&mut log).unsure(), None);
}

#[test]
fn a_domain_that_nobody_named_is_remembered() {
    let (domain, epoch) = (crate::world::domain(2), Epoch::new(2).unwrap());
    let header = HeaderDigest::from_bytes([0x22; 32]);
    let adopt = |pinned| Event::Adopt {
        epoch,
        header,
        instead_of: None,
        pinned,
    };
    let begin = |pinned| Event::BeginRecovery {
        domain,
        epoch,
        header,
        pinned,
        request: None,
    };
    for (pinned, unpinned) in [(true, false), (false, true)] {
        let mut log = begun();
        activate(&mut log);
        done(&mut log, NOW, adopt(pinned), Step::Adopt);
        assert_eq!(present(&mut log).is_unpinned(), unpinned);
        done(&mut log, NOW, confirm(3, 0x33), Step::Confirm);
        assert_eq!(present(&mut log).is_unpinned(), unpinned);

        let mut log = begun();
        done(&mut log, NOW, begin(pinned), Step::BeginRecovery);
        assert!(!present(&mut log).is_unpinned(), "nothing is taken yet");
        let recover = Event::Recover {
            domain,
            epoch,
            header,
        };
        done(&mut log, NOW, recover, Step::Recover);
        assert_eq!(present(&mut log).is_unpinned(), unpinned);
    }
}

#[test]
fn a_seat_of_the_policy_is_filled_in_from_the_log() {
    let mut log = begun();
    activate(&mut log);
    let first = gives(&mut log, 1, "Ann", 11, None);
    gives(&mut log, 1, "Bob", 12, first);
    let proof = Proof::ShareKnown;
    let (of, challenge) = (custodian(1), challenge(4));
    add(
        &mut log,
        Fact::Drill(DrillResult {
            custodian: of,
            proof,
            challenge,
        }),
    );
    let seat = |number| Seat {
        holder: "Zoe",
        place: "Oslo",
        ..Seat::new(custodian(number), Algorithm::XWing)
    };
    let state = |log: &mut Log<Ram>, number| {
        let now = present(log);
        let seat = seat(number).with_log(&now);
        assert_eq!(seat.place, "Oslo");
        assert_eq!(seat.serves(), seat.state == KeyState::Active);
        seat.state
    };
    let now = present(&mut log);
    let filled = seat(1).with_log(&now);
    assert_eq!(
        (filled.holder, filled.former_holder_may_know),
        ("Bob", true)
    );
    assert_eq!(filled.drilled, Some((NOW, proof)));
    let other = seat(2).with_log(&now);
    assert_eq!((other.holder, other.former_holder_may_know), ("Zoe", false));
    assert_eq!((other.drilled, other.state), (None, KeyState::Active));
    for (kind, expected) in [
        (LossKind::Lost, KeyState::Suspended),
        (LossKind::Destroyed, KeyState::Destroyed),
        (LossKind::Compromised, KeyState::Compromised),
    ] {
        let (custodian, detail) = (custodian(2), Detail::NONE);
        add(
            &mut log,
            Fact::Loss(Loss {
                custodian,
                kind,
                detail,
            }),
        );
        assert_eq!(state(&mut log, 2), expected);
        assert_eq!(state(&mut log, 1), KeyState::Active);
    }
}

#[test]
fn custodians_of_earlier_quorums_make_room() {
    let mut log = begun();
    activate(&mut log);
    let mut last = None;
    let most = MAX_CUSTODIANS as u8;
    for number in 1..=most {
        last = gives(&mut log, number, "Ann", 11, last);
    }
    assert!(!present(&mut log).is_crowded());
    done(&mut log, NOW, confirm(2, 0x22), Step::Confirm);
    last = gives(&mut log, 2, "Bob", 12, last);
    last = gives(&mut log, most + 1, "Cleo", 13, last);
    let now = present(&mut log);
    assert!(!now.is_crowded());
    assert_eq!(now.holding(custodian(1)), None);
    for number in 2..=most + 1 {
        assert!(now.holding(custodian(number)).is_some(), "{number}");
    }
    for number in most + 2..=2 * most + 1 {
        last = gives(&mut log, number, "Cleo", 13, last);
    }
    assert!(present(&mut log).is_crowded());
}
