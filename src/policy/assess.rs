// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looks at each rule.

use super::{Custody, Finding, KeyState, Policy, Rule, Seat, Severity, Subject};
use crate::drill::Proof;
use crate::sealed_domain::CUSTODIANS;

/// The fewest bits of security that a key is to have.
const FEWEST_BITS: u16 = 128;

impl Policy {
    /// Tells `report` of each finding, in the order of [`Rule::ALL`] for the quorum, and then for
    /// each seat. `now` is the time in Unix seconds; without it nothing that depends on time is
    /// looked at, which is a finding, too.
    pub fn assess(&self, custody: &Custody<'_>, now: Option<u64>, report: &mut dyn FnMut(Finding)) {
        assess_numbers(custody, report);
        assess_pairs(custody, report);
        for (place, seat) in custody.seats.iter().enumerate() {
            assess_key(seat, &mut |rule| report(of_seat(rule, place)));
            if let Some(now) = now {
                self.assess_times(seat, now, &mut |rule| report(of_seat(rule, place)));
            }
        }
        match now {
            Some(now) => self.assess_review(custody, now, report),
            None => report(of_quorum(Rule::NoTime)),
        }
        if custody.unpinned {
            report(of_quorum(Rule::Unpinned));
        }
    }

    /// Returns the gravest severity among the findings; `None` if there are none.
    pub fn gravest(&self, custody: &Custody<'_>, now: Option<u64>) -> Option<Severity> {
        let mut gravest = None;
        self.assess(custody, now, &mut |finding| {
            gravest = gravest.max(Some(finding.rule.severity()));
        });
        gravest
    }

    /// Returns whether a review is overdue: it is too old, was never made, or something has
    /// happened since that asks for one.
    pub fn review_is_due(&self, custody: &Custody<'_>, now: u64) -> bool {
        let mut due = false;
        self.assess_review(custody, now, &mut |finding| due |= finding.rule.is_review());
        due
    }

    fn assess_times(&self, seat: &Seat<'_>, now: u64, report: &mut dyn FnMut(Rule)) {
        if let Some((from, until)) = seat.valid {
            tell(now < from, Rule::NotYetValid, report);
            tell(until < now, Rule::Expired, report);
        }
        if let Some(since) = seat.since {
            let is_old = now.saturating_sub(since) > self.cryptoperiod;
            tell(is_old, Rule::OldKey, report);
        }
        match seat.drilled {
            None => report(Rule::NoDrill),
            Some((when, proof)) => {
                tell(now < when, Rule::TimeAhead, report);
                let is_old = now.saturating_sub(when) > self.drill_interval;
                tell(is_old, Rule::OldDrill, report);
                tell(proof == Proof::ShareKnown, Rule::ShareOnly, report);
            }
        }
    }

    fn assess_review(&self, custody: &Custody<'_>, now: u64, report: &mut dyn FnMut(Finding)) {
        match custody.reviewed {
            None => report(of_quorum(Rule::NoReview)),
            Some(when) if now.saturating_sub(when) > self.review_interval => {
                report(of_quorum(Rule::OldReview));
            }
            Some(when) if now < when => report(of_quorum(Rule::TimeAhead)),
            Some(_) => {}
        }
        for (event, when) in custody.events {
            if custody.reviewed.is_none_or(|reviewed| reviewed < *when) {
                report(Finding {
                    rule: Rule::EventNotReviewed,
                    subject: Subject::Event(*event),
                });
            }
        }
    }
}

const fn of_quorum(rule: Rule) -> Finding {
    let subject = Subject::Quorum;
    Finding { rule, subject }
}

const fn of_seat(rule: Rule, seat: usize) -> Finding {
    let subject = Subject::Seat(seat);
    Finding { rule, subject }
}

fn tell(broken: bool, rule: Rule, report: &mut dyn FnMut(Rule)) {
    if broken {
        report(rule);
    }
}

fn assess_numbers(custody: &Custody<'_>, report: &mut dyn FnMut(Finding)) {
    let (needed, count) = (usize::from(custody.threshold), custody.seats.len());
    let serving = custody.count(|seat| seat.serves());
    let exposed = custody.count(|seat| seat.is_exposed());
    let opened = custody.count(|seat| !seat.algorithm.withstands_quantum_computers());
    let report = &mut |rule| report(of_quorum(rule));
    tell(needed < 2, Rule::OneIsEnough, report);
    tell(needed == 2, Rule::TwoAreEnough, report);
    let fits = CUSTODIANS.contains(&count) && needed <= count;
    tell(!fits, Rule::Numbers, report);
    tell(2 * needed <= count, Rule::NoMajority, report);
    tell(serving == needed, Rule::NoSpare, report);
    tell(serving < needed, Rule::NoQuorum, report);
    tell(exposed >= needed.max(1), Rule::QuorumExposed, report);
    tell(opened >= needed.max(1), Rule::QuantumOpens, report);
    let role = custody.seats.first().map_or("", |seat| seat.role);
    let same = custody.seats.iter().all(|seat| seat.role == role);
    tell(same && !role.is_empty(), Rule::SameRole, report);
}

/// Looks for seats that are not independent of each other: each with the nearest one before it.
fn assess_pairs(custody: &Custody<'_>, report: &mut dyn FnMut(Finding)) {
    type Same = fn(&Seat<'_>, &Seat<'_>) -> bool;
    let rules: [(Rule, Same); 3] = [
        (Rule::SameKey, |a, b| a.custodian == b.custodian),
        (Rule::SameHolder, |a, b| {
            !a.holder.is_empty() && a.holder == b.holder
        }),
        (Rule::SamePlace, |a, b| {
            !a.place.is_empty() && a.place == b.place
        }),
    ];
    for (place, seat) in custody.seats.iter().enumerate() {
        for (rule, same) in rules {
            let mut before = custody.seats.iter().enumerate().take(place);
            if let Some((other, _)) = before.rfind(|(_, other)| same(other, seat)) {
                report(Finding {
                    rule,
                    subject: Subject::Seats(other, place),
                });
            }
        }
    }
}

fn assess_key(seat: &Seat<'_>, report: &mut dyn FnMut(Rule)) {
    let bits = seat.algorithm.security_bits();
    tell(bits < FEWEST_BITS, Rule::WeakKey, report);
    match seat.state {
        KeyState::Active => {}
        KeyState::Suspended => report(Rule::KeyLost),
        KeyState::Compromised => report(Rule::KeyCompromised),
        KeyState::Destroyed => report(Rule::KeyDestroyed),
        KeyState::PreActivation | KeyState::Deactivated => report(Rule::KeyNotActive),
    }
    tell(seat.former_holder_may_know, Rule::FormerHolder, report);
}
