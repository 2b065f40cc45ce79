// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each rule of the policy is broken by one case, and by nothing else in it.
#![cfg(feature = "sealed-domain")]

use std::collections::HashSet;

use security_domain::custodian::{Algorithm, CustodianId, PostQuantum};
use security_domain::custody::Cause;
use security_domain::drill::Proof;
use security_domain::policy::{Custody, Finding, KeyState, Policy, Rule, Seat, Severity, Subject};
use security_domain::rsa::ModulusSize;

const DAY: u64 = 86_400;
const NOW: u64 = 1_800_000_000;

/// Three of five with nothing to say about them.
fn seats() -> Vec<Seat<'static>> {
    let people = [
        ("Ada", "Oslo", "operator"),
        ("Ben", "Bern", "auditor"),
        ("Cleo", "Porto", "director"),
        ("Dan", "Gent", "operator"),
        ("Eve", "Graz", "director"),
    ];
    let seat = |(place, (holder, town, role))| Seat {
        holder,
        place: town,
        role,
        valid: Some((NOW - 100 * DAY, NOW + 100 * DAY)),
        since: Some(NOW - 100 * DAY),
        drilled: Some((NOW - 10 * DAY, Proof::KeyAndShare)),
        ..Seat::new(CustodianId::from_bytes([place as u8; 32]), Algorithm::XWing)
    };
    people.into_iter().enumerate().map(seat).collect()
}

fn custody<'a>(seats: &'a [Seat<'a>]) -> Custody<'a> {
    Custody {
        threshold: 3,
        reviewed: Some(NOW - 10 * DAY),
        ..Custody::of(seats)
    }
}

fn findings(custody: &Custody<'_>, now: Option<u64>) -> Vec<Finding> {
    let mut findings = Vec::new();
    Policy::default().assess(custody, now, &mut |finding| findings.push(finding));
    findings
}

/// What is found if this is changed.
fn broken(
    change_seats: impl FnOnce(&mut Vec<Seat<'static>>),
    change: impl FnOnce(&mut Custody<'_>),
) -> Vec<(Rule, Subject)> {
    let mut seats = seats();
    change_seats(&mut seats);
    let mut custody = custody(&seats);
    change(&mut custody);
    let found = findings(&custody, Some(NOW));
    found
        .iter()
        .map(|finding| (finding.rule, finding.subject))
        .collect()
}

fn of_quorum(rules: &[Rule]) -> Vec<(Rule, Subject)> {
    rules.iter().map(|rule| (*rule, Subject::Quorum)).collect()
}

#[test]
fn a_well_kept_quorum_has_no_findings() {
    assert_eq!(broken(|_| {}, |_| {}), []);
    let seats = seats();
    assert_eq!(Policy::default().gravest(&custody(&seats), Some(NOW)), None);
}

#[test]
fn the_numbers_are_looked_at() {
    let with = |threshold: u8| broken(|_| {}, |custody| custody.threshold = threshold);
    // Whatever is unknown opens a domain whose threshold was not set.
    assert!(with(0).contains(&(Rule::OneIsEnough, Subject::Quorum)));
    assert_eq!(with(1), of_quorum(&[Rule::OneIsEnough, Rule::NoMajority]));
    assert_eq!(with(2), of_quorum(&[Rule::TwoAreEnough, Rule::NoMajority]));
    assert_eq!(with(3), []);
    assert_eq!(with(4), []);
    assert_eq!(with(5), of_quorum(&[Rule::NoSpare]));
    assert_eq!(with(6), of_quorum(&[Rule::Numbers, Rule::NoQuorum]));
    // Half of the custodians is no majority.
    let four = broken(|seats| seats.truncate(4), |custody| custody.threshold = 2);
    assert_eq!(four, of_quorum(&[Rule::TwoAreEnough, Rule::NoMajority]));
    let two = broken(|seats| seats.truncate(2), |custody| custody.threshold = 2);
    let wanted = [Rule::TwoAreEnough, Rule::Numbers, Rule::NoSpare];
    assert_eq!(two, of_quorum(&wanted));
}

#[test]
fn losses_and_leaks_are_counted() {
    let states = |states: &[KeyState]| {
        let set = |seats: &mut Vec<Seat<'_>>| {
            for (seat, state) in seats.iter_mut().zip(states) {
                seat.state = *state;
            }
        };
        broken(set, |_| {})
    };
    let lost = |seat| (Rule::KeyLost, Subject::Seat(seat));
    let whole = |rule| (rule, Subject::Quorum);
    use KeyState::{Compromised, Deactivated, Destroyed, PreActivation, Suspended};
    assert_eq!(states(&[Suspended]), [lost(0)]);
    // Losses that leave exactly the threshold, and one more.
    assert_eq!(
        states(&[Suspended, Suspended]),
        [whole(Rule::NoSpare), lost(0), lost(1)]
    );
    assert_eq!(
        states(&[Suspended, Suspended, Suspended]),
        [whole(Rule::NoQuorum), lost(0), lost(1), lost(2)]
    );
    let leaked = |seat| (Rule::KeyCompromised, Subject::Seat(seat));
    assert_eq!(states(&[Compromised]), [leaked(0)]);
    let three = states(&[Compromised, Compromised, Compromised]);
    assert_eq!(
        three[..2],
        [whole(Rule::NoQuorum), whole(Rule::QuorumExposed)]
    );
    assert_eq!(
        states(&[Destroyed]),
        [(Rule::KeyDestroyed, Subject::Seat(0))]
    );
    for state in [PreActivation, Deactivated] {
        assert_eq!(states(&[state]), [(Rule::KeyNotActive, Subject::Seat(0))]);
    }

    // A share that a former holder may know counts as known, whatever the state of the key.
    let former = |count: usize| {
        let set = |seats: &mut Vec<Seat<'_>>| {
            let (first, _) = seats.split_at_mut(count);
            first
                .iter_mut()
                .for_each(|seat| seat.former_holder_may_know = true);
        };
        broken(set, |_| {})
    };
    let knows = |seat| (Rule::FormerHolder, Subject::Seat(seat));
    assert_eq!(former(2), [knows(0), knows(1)]);
    assert_eq!(
        former(3),
        [whole(Rule::QuorumExposed), knows(0), knows(1), knows(2)]
    );
}

#[test]
fn seats_that_depend_on_each_other_are_named() {
    let pair = |rule| vec![(rule, Subject::Seats(1, 4))];
    let same_key = broken(|seats| seats[4].custodian = seats[1].custodian, |_| {});
    assert_eq!(same_key, pair(Rule::SameKey));
    let same_holder = broken(|seats| seats[4].holder = seats[1].holder, |_| {});
    assert_eq!(same_holder, pair(Rule::SameHolder));
    let same_place = broken(|seats| seats[4].place = seats[1].place, |_| {});
    assert_eq!(same_place, pair(Rule::SamePlace));
    // What is unknown is not the same.
    let unknown = |seats: &mut Vec<Seat<'_>>| {
        for seat in seats {
            (seat.holder, seat.place, seat.role) = ("", "", "");
        }
    };
    assert_eq!(broken(unknown, |_| {}), []);
    let one_role = |seats: &mut Vec<Seat<'_>>| seats.iter_mut().for_each(|seat| seat.role = "x");
    assert_eq!(broken(one_role, |_| {}), of_quorum(&[Rule::SameRole]));
    // Three with one holder: each is named with the one before it.
    let three =
        |seats: &mut Vec<Seat<'_>>| seats[1..4].iter_mut().for_each(|seat| seat.holder = "Ada");
    let named = [(0, 1), (1, 2), (2, 3)].map(|(a, b)| (Rule::SameHolder, Subject::Seats(a, b)));
    assert_eq!(broken(three, |_| {}), named);
}

#[test]
fn keys_are_looked_at() {
    let kinds = |kinds: &[Algorithm]| {
        let set = |seats: &mut Vec<Seat<'_>>| {
            for (seat, kind) in seats.iter_mut().zip(kinds) {
                seat.algorithm = *kind;
            }
        };
        broken(set, |_| {})
    };
    let (short, long) = (Algorithm::Rsa2048OaepSha256, Algorithm::Rsa3072OaepSha256);
    let both = Algorithm::Both {
        rsa: ModulusSize::Rsa2048,
        other: PostQuantum::XWing,
    };
    assert_eq!(kinds(&[short]), [(Rule::WeakKey, Subject::Seat(0))]);
    assert_eq!(kinds(&[long, Algorithm::DhKemP256]), []);
    assert_eq!(kinds(&[long, long, both]), []);
    assert_eq!(kinds(&[long, long, long]), of_quorum(&[Rule::QuantumOpens]));
}

#[test]
fn times_are_looked_at() {
    let one = |set: fn(&mut Seat<'_>)| broken(|seats| set(&mut seats[2]), |_| {});
    let of = |rule| vec![(rule, Subject::Seat(2))];
    assert_eq!(
        one(|seat| seat.valid = Some((NOW + 1, NOW + 2))),
        of(Rule::NotYetValid)
    );
    assert_eq!(one(|seat| seat.valid = Some((NOW, NOW))), []);
    assert_eq!(
        one(|seat| seat.valid = Some((0, NOW - 1))),
        of(Rule::Expired)
    );
    assert_eq!(one(|seat| (seat.valid, seat.since) = (None, None)), []);
    assert_eq!(one(|seat| seat.since = Some(NOW - 730 * DAY)), []);
    assert_eq!(
        one(|seat| seat.since = Some(NOW - 730 * DAY - 1)),
        of(Rule::OldKey)
    );
    assert_eq!(one(|seat| seat.drilled = None), of(Rule::NoDrill));
    assert_eq!(
        one(|seat| seat.drilled = Some((NOW - 183 * DAY, Proof::KeyAndShare))),
        []
    );
    assert_eq!(
        one(|seat| seat.drilled = Some((NOW - 183 * DAY - 1, Proof::KeyAndShare))),
        of(Rule::OldDrill)
    );
    assert_eq!(
        one(|seat| seat.drilled = Some((NOW, Proof::ShareKnown))),
        of(Rule::ShareOnly)
    );
}

#[test]
fn a_review_is_due_after_a_quarter_and_after_each_event() {
    use Cause::{DeviceLost, MemberLeft, NewThreat, ProcessChange};
    let seats = seats();
    let policy = Policy::default();
    let due = |custody: &Custody<'_>| policy.review_is_due(custody, NOW);
    let reviewed = |at: Option<u64>| Custody {
        reviewed: at,
        ..custody(&seats)
    };
    let quorum = |rule| of_quorum(&[rule]);
    let found = |custody: &Custody<'_>| -> Vec<_> {
        let found = findings(custody, Some(NOW));
        assert_eq!(due(custody), !found.is_empty());
        found
            .iter()
            .map(|finding| (finding.rule, finding.subject))
            .collect()
    };
    assert_eq!(found(&reviewed(Some(NOW - 92 * DAY))), []);
    assert_eq!(
        found(&reviewed(Some(NOW - 92 * DAY - 1))),
        quorum(Rule::OldReview)
    );
    assert_eq!(found(&reviewed(None)), quorum(Rule::NoReview));
    for event in [MemberLeft, NewThreat, ProcessChange, DeviceLost] {
        let events = [(event, NOW - 5 * DAY)];
        let after = Custody {
            events: &events,
            ..reviewed(Some(NOW - 10 * DAY))
        };
        assert_eq!(
            found(&after),
            [(Rule::EventNotReviewed, Subject::Event(event))]
        );
        let before = Custody {
            events: &events,
            ..reviewed(Some(NOW - 5 * DAY))
        };
        assert_eq!(found(&before), []);
    }
    let ahead = findings(&reviewed(Some(NOW + 1)), Some(NOW));
    assert_eq!(ahead.len(), 1);
    assert_eq!(
        (ahead[0].rule, ahead[0].subject),
        (Rule::TimeAhead, Subject::Quorum)
    );
    assert_eq!(findings(&reviewed(Some(NOW)), Some(NOW)), []);
    // Other findings ask for no review.
    let few = Custody {
        threshold: 2,
        ..custody(&seats)
    };
    assert!(!findings(&few, Some(NOW)).is_empty() && !due(&few));
}

#[test]
fn an_unpinned_domain_and_a_missing_clock_are_noted() {
    assert_eq!(
        broken(|_| {}, |custody| custody.unpinned = true),
        of_quorum(&[Rule::Unpinned])
    );
    let seats = seats();
    let never = Custody {
        reviewed: None,
        ..custody(&seats)
    };
    let found = findings(&never, None);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].rule, found[0].subject),
        (Rule::NoTime, Subject::Quorum)
    );
}

#[test]
fn a_finding_names_its_code_and_its_share() {
    let texts = |found: &[Finding]| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut seats = seats();
    seats[1].drilled = None;
    seats[2].holder = "Ada";
    let events = [(Cause::MemberLeft, NOW)];
    let custody = Custody {
        events: &events,
        threshold: 5,
        ..custody(&seats)
    };
    let wanted = [
        "no-spare: every custodian is needed: one more loss loses the domain",
        "same-holder: shares 1 and 3: one person holds both",
        "no-drill: share 2: the custodian never answered a drill",
        "event-not-reviewed: a custodian has left: this asks for a review",
    ];
    assert_eq!(texts(&findings(&custody, Some(NOW))), wanted);
    assert_eq!(
        Policy::default().gravest(&custody, Some(NOW)),
        Some(Severity::Warn)
    );
}

#[test]
fn codes_and_texts_are_unique_and_stable() {
    let codes: HashSet<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
    let texts: HashSet<_> = Rule::ALL.iter().map(|rule| rule.text()).collect();
    assert_eq!(
        (codes.len(), texts.len()),
        (Rule::ALL.len(), Rule::ALL.len())
    );
    for code in codes {
        assert!(
            code.bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_lowercase()),
            "{code}"
        );
    }
    // Others may have stored them.
    let refused: Vec<_> = { Rule::ALL.iter() }
        .filter(|rule| rule.severity() == Severity::Refuse)
        .map(|rule| rule.code())
        .collect();
    let wanted = [
        "one-is-enough",
        "numbers",
        "no-quorum",
        "quorum-exposed",
        "same-key",
    ];
    assert_eq!(refused, wanted);
}

#[test]
fn a_domain_is_compromised_when_a_quorum_may_be_known_and_gone_without_quorum_and_hsm() {
    let state = |state: KeyState, count: usize, is_in_an_hsm: bool| {
        let mut seats = seats();
        seats[..count]
            .iter_mut()
            .for_each(|seat| seat.state = state);
        custody(&seats).domain_state(is_in_an_hsm)
    };
    assert_eq!(state(KeyState::Compromised, 2, true), KeyState::Active);
    assert_eq!(state(KeyState::Compromised, 3, true), KeyState::Compromised);
    assert_eq!(state(KeyState::Destroyed, 2, false), KeyState::Active);
    assert_eq!(state(KeyState::Destroyed, 3, false), KeyState::Destroyed);
    assert_eq!(state(KeyState::Destroyed, 3, true), KeyState::Active);
    assert_eq!(KeyState::Deactivated.to_string(), "deactivated");
}
