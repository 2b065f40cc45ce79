// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records: every kind comes back, and only in its one encoding.

use security_domain::approval::ActKind;
use security_domain::backup::BackupId;
use security_domain::contribution::RequestDigest;
use security_domain::custody::{
    Body, Cause, Closed, Concern, Detail, DetailError, DrillResult, Fact, Loss, LossKind,
    MAX_DETAIL_LEN, MAX_RECORD_LEN, PinnedHead, Record, RecordField, RecordFileError, RecordHash,
    Review, Tree,
};
use security_domain::drill::Proof;
use security_domain::lifecycle::{Ended, Event, Outcome, Reason, Step};
use security_domain::sealed_domain::{Epoch, HeaderDigest, InstanceId};

use crate::world::{
    HEADER, INSTANCE, NO_PINS, act, challenge, custodian, domain, endorsement, hand_off,
};

fn events() -> Vec<Event> {
    let (domain, header) = (domain(2), HEADER);
    let epoch = Epoch::new(u32::MAX).unwrap();
    let request = RequestDigest::from_bytes([5; 32]);
    let custodian = custodian(1);
    let backup = BackupId::from_bytes([6; 32]);
    let reason = Reason::new(&"r".repeat(64)).unwrap();
    let (opens, kind) = (u64::MAX, ActKind::FullBackup);
    let mut events = vec![
        Event::Provision { domain },
        Event::Activate { domain, header },
        Event::Rehearse {
            domain,
            epoch,
            header,
        },
        Event::Contribute { custodian },
        Event::Recover {
            domain,
            epoch,
            header,
        },
        Event::BeginImport,
        Event::Import,
        Event::ConfirmImport { domain },
        Event::Propose {
            epoch,
            header,
            request,
        },
        Event::Consent { custodian },
        Event::BreakGlass {
            epoch,
            header,
            opens,
            reason,
        },
        Event::Challenge {
            challenge: challenge(4),
        },
        Event::Prove { custodian },
        Event::Commit { epoch, header },
        Event::Confirm { epoch, header },
        Event::DemandApproval { kind },
        Event::AskApproval { kind, act: act(3) },
        Event::DropDemands { act: act(3) },
        Event::EmitRelease { act: act(3) },
        Event::BeginRestore { backup },
        Event::Zeroize,
    ];
    for pinned in [false, true] {
        for request in [None, Some(request)] {
            events.push(Event::BeginRecovery {
                domain,
                epoch,
                header,
                pinned,
                request,
            });
            events.push(Event::BeginRehearsal {
                domain,
                epoch,
                header,
                pinned,
                request,
            });
        }
        for instead_of in [None, Some(HeaderDigest::from_bytes([8; 32]))] {
            events.push(Event::Adopt {
                epoch,
                header,
                instead_of,
                pinned,
            });
        }
    }
    for act in [None, Some(act(3))] {
        events.push(Event::BeginBackup { backup, act });
    }
    for ended in [
        Ended::Cancelled,
        Ended::Expired,
        Ended::TooManyFailures,
        Ended::Vetoed,
    ] {
        events.extend([Event::EndSession(ended), Event::EndRotation(ended)]);
    }
    events
}

const STEPS: [Step; 25] = [
    Step::Provision,
    Step::Activate,
    Step::BeginRecovery,
    Step::Contribute,
    Step::Recover,
    Step::BeginImport,
    Step::Import,
    Step::ConfirmImport,
    Step::Backup,
    Step::Restore,
    Step::Propose,
    Step::Consent,
    Step::Challenge,
    Step::Prove,
    Step::Commit,
    Step::Confirm,
    Step::Adopt,
    Step::BreakGlass,
    Step::Veto,
    Step::DemandApproval,
    Step::AskApproval,
    Step::DropDemands,
    Step::EmitRelease,
    Step::BeginRehearsal,
    Step::Rehearse,
];

/// Calls `with` for a body of each kind, with the longest fields.
fn each(mut with: impl FnMut(Body<'_>)) {
    events()
        .into_iter()
        .for_each(|event| with(Body::Event(event)));
    let intent = u32::MAX;
    for step in STEPS {
        let outcomes = [Outcome::Done, Outcome::Failed, Outcome::Interrupted].map(Some);
        for outcome in outcomes.into_iter().chain([None]) {
            with(Body::Outcome {
                step,
                outcome,
                intent,
            });
        }
        with(Body::Refused {
            step,
            count: u32::MAX,
        });
    }
    with(Body::Endorsement(endorsement(2, NO_PINS)));
    let text = "\u{e9}".repeat(MAX_DETAIL_LEN / 2);
    let detail = Detail::new(&text).unwrap();
    let instance = InstanceId::from_bytes([3; 16]);
    let custodian = custodian(1);
    let mut fact = |fact: Fact<'_>| with(Body::Fact(fact));
    fact(Fact::Pin(PinnedHead {
        instance,
        head: Tree::EMPTY.head(),
    }));
    for after in [None, Some(u32::MAX)] {
        fact(Fact::HandOff(hand_off(
            1,
            &"n".repeat(64),
            9,
            after,
            INSTANCE,
        )));
    }
    for proof in [Proof::ShareKnown, Proof::KeyAndShare] {
        let challenge = challenge(4);
        fact(Fact::Drill(DrillResult {
            custodian,
            proof,
            challenge,
        }));
    }
    for kind in [LossKind::Lost, LossKind::Destroyed, LossKind::Compromised] {
        fact(Fact::Loss(Loss {
            custodian,
            kind,
            detail,
        }));
    }
    fact(Fact::Closed(Closed {
        loss: u32::MAX,
        detail,
    }));
    let causes = [
        Cause::Due,
        Cause::MemberLeft,
        Cause::NewThreat,
        Cause::ProcessChange,
        Cause::DeviceLost,
    ];
    for cause in causes {
        fact(Fact::Concern(Concern { cause, detail }));
        for act in [None, Some(act(3))] {
            fact(Fact::Review(Review { cause, act, detail }));
        }
    }
}

fn encoded(body: Body<'_>) -> Vec<u8> {
    let record = Record {
        instance: INSTANCE,
        number: u32::MAX,
        time: u64::MAX,
        previous: RecordHash::from_bytes([9; 32]),
        body,
    };
    let mut out = [0; MAX_RECORD_LEN];
    let bytes = record.write(&mut out).expect("every record fits").to_vec();
    assert_eq!(Record::parse(&bytes), Ok(record));
    let mut short = vec![0; bytes.len() - 1];
    assert_eq!(record.write(&mut short), None);
    bytes
}

#[test]
fn every_record_comes_back_and_no_two_are_alike() {
    let (mut all, mut longest) = (Vec::new(), 0);
    each(|body| {
        let bytes = encoded(body);
        longest = longest.max(bytes.len());
        assert!(!all.contains(&bytes), "{body:?}");
        all.push(bytes);
    });
    assert_eq!(
        all.len(),
        21 + 12 + 2 + 8 + 25 * 5 + 1 + 1 + 2 + 2 + 3 + 1 + 15
    );
    assert_eq!(longest, 363);
}

/// Every cut, every byte more, and every changed byte: a reader takes another record or none, and
/// writes what it took.
#[test]
fn a_record_has_one_encoding() {
    each(|body| {
        let bytes = encoded(body);
        for end in 0..bytes.len() {
            assert!(Record::parse(&bytes[..end]).is_err());
        }
        let longer = Record::parse(&[&bytes[..], &[0]].concat()).map(|_| ());
        let want = match bytes.len() {
            MAX_RECORD_LEN.. => RecordFileError::Malformed(RecordField::Record),
            _ => RecordFileError::NotDeterministic,
        };
        assert_eq!(longer, Err(want));
        for at in 0..bytes.len() {
            for by in [1, 0x20, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[at] ^= by;
                if let Ok(record) = Record::parse(&other) {
                    let mut out = [0; MAX_RECORD_LEN];
                    assert_eq!(record.write(&mut out), Some(&other[..]));
                }
            }
        }
    });
}

#[test]
fn a_malformed_record_is_named_by_its_field() {
    let bytes = encoded(Body::Event(Event::Import));
    let with = |place: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[place] = byte;
        Record::parse(&bytes).map(|_| ())
    };
    let malformed = |field| Err(RecordFileError::Malformed(field));
    let number = 2 + 17;
    let (time, previous, kind) = (number + 5, number + 5 + 9, number + 5 + 9 + 34);
    assert_eq!(with(0, 0x86), malformed(RecordField::Record));
    assert_eq!(with(1, 2), Err(RecordFileError::UnknownVersion(2)));
    assert_eq!(with(2, 0x4f), malformed(RecordField::Instance));
    assert_eq!(with(number, 0xf6), malformed(RecordField::Number));
    assert_eq!(with(time, 0x3b), malformed(RecordField::Time));
    assert_eq!(with(previous, 0x59), malformed(RecordField::Previous));
    assert_eq!(with(kind, 12), Err(RecordFileError::UnknownKind(12)));
    assert_eq!(with(kind, 0), Err(RecordFileError::UnknownKind(0)));
    assert_eq!(with(kind + 1, 0xf6), malformed(RecordField::Body));
    for code in [0, 19] {
        // A veto is no event of its own.
        assert_eq!(with(kind + 2, code), malformed(RecordField::Step), "{code}");
    }
}

#[test]
fn a_detail_cannot_mislead() {
    assert_eq!(Detail::new(&"a".repeat(MAX_DETAIL_LEN)).map(|_| ()), Ok(()));
    let long = Detail::new(&"\u{e9}".repeat(129)).map(|_| ());
    assert_eq!(long, Err(DetailError::TooLong));
    for text in ["a\nb", "\u{202e}", "\u{2028}", "\0", "\u{85}"] {
        let named = Detail::new(text).map(|_| ());
        assert_eq!(named, Err(DetailError::Character), "{text:?}");
    }
    let bytes = encoded(Body::Fact(Fact::Loss(Loss {
        custodian: custodian(1),
        kind: LossKind::Lost,
        detail: Detail::new("a note").unwrap(),
    })));
    let mut bad = bytes.clone();
    *bad.last_mut().unwrap() = b'\n';
    let named = Record::parse(&bad).map(|_| ());
    assert_eq!(named, Err(RecordFileError::Malformed(RecordField::Detail)));
}
