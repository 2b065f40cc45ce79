// SPDX-License-Identifier: MIT OR Apache-2.0
//! The power fails, or the flash, at every call in every step of a rotation. The domain is never
//! lost: it starts in use, in its old epoch or, once confirmed, in the next, and there is a way on.

use security_domain::drill::{Challenge, Response};
use security_domain::lifecycle::{AnyDomain, Proofs, Refused, Stage};

use super::change::{Change, complete, parse, response, started};
use crate::flash::{Fault, Flash, Hsm, Tear};
use crate::world::{has_artifacts, hsm, vault};

/// The HSM with this flash.
fn hsm_on(flash: &Flash) -> Hsm {
    let mut hsm = Hsm::with_flash(flash.clone(), 5);
    hsm.now = 1_790_000_000;
    hsm
}

/// Takes a step from `before` with a fault at every call. The step says whether it took place.
/// Afterwards the HSM is in one of `stages`, where the domain is in use.
fn with_every_fault(
    before: &Flash,
    stages: [Stage; 2],
    mut step: impl FnMut(AnyDomain<'_, { crate::world::ROOM }>, &mut Hsm) -> bool,
) -> Flash {
    let mut memory = vault();
    let mut whole = None;
    let mut calls = 0;
    let faults = [
        None,
        Some(Fault::Fails),
        Some(Fault::FailsAfter),
        Some(Fault::Cut(Tear::Short(40))),
        Some(Fault::Cut(Tear::Erased(0))),
        Some(Fault::Cut(Tear::Over(usize::MAX))),
    ];
    for fault in faults {
        let places = if fault.is_some() { calls } else { 1 };
        for call in 0..places {
            let mut hsm = hsm_on(before);
            let domain = started(&mut memory, &mut hsm);
            let from = hsm.calls();
            if let Some(fault) = fault {
                hsm.fault(call, fault);
            }
            let done = step(domain, &mut hsm);
            calls = calls.max(hsm.calls() - from);
            hsm.restart();
            let domain = started(&mut memory, &mut hsm);
            let stage = domain.status().stage;
            assert!(stages.contains(&stage), "{fault:?} at {call}: {stage}");
            if done {
                assert_eq!(stage, stages[1], "{fault:?} at {call}: it was done");
            }
            let in_use = match &domain {
                AnyDomain::Active(domain) => has_artifacts(domain, &mut hsm),
                AnyDomain::Rotating(domain) => has_artifacts(domain, &mut hsm),
                AnyDomain::Committed(domain) => has_artifacts(domain, &mut hsm),
                other => panic!("{other:?}"),
            };
            assert!(in_use, "{fault:?} at {call}");
            if fault.is_none() {
                assert!(done);
                drop(domain);
                whole = Some(hsm.flash.clone());
            }
        }
    }
    assert!(calls > 3);
    whole.unwrap()
}

#[test]
fn the_power_fails_at_every_call_of_every_step() {
    let (mut memory, mut hsm_1) = (vault(), hsm(5));
    hsm_1.now = 1_790_000_000;
    let (change, domain) = Change::new(&mut memory, &mut hsm_1);
    drop(domain);
    let active = hsm_1.flash.clone();
    let file = parse(&change.file);

    let mut files = None;
    let proposed = with_every_fault(&active, [Stage::Active, Stage::Rotating], |domain, hsm| {
        let AnyDomain::Active(domain) = domain else {
            panic!("{domain:?}");
        };
        match change.propose(domain, Proofs::All, 0, hsm) {
            Ok((_, written)) => {
                files.get_or_insert(written);
                true
            }
            Err(_) => false,
        }
    });
    let files = files.unwrap();
    let pending = parse(&files.pending);

    let contribution = change.consent(1, &files.request);
    let contribution = crate::world::parse(&contribution);
    let stays = [Stage::Rotating; 2];
    with_every_fault(&proposed, stays, |domain, hsm| {
        let AnyDomain::Rotating(mut domain) = domain else {
            panic!("{domain:?}");
        };
        let before = domain.rotation();
        let done = domain.consent(&file, &contribution, hsm).is_ok();
        assert_eq!(done, domain.rotation() != before);
        done
    });
    with_every_fault(
        &proposed,
        [Stage::Rotating, Stage::Active],
        |domain, hsm| {
            let AnyDomain::Rotating(domain) = domain else {
                panic!("{domain:?}");
            };
            match domain.abandon(hsm) {
                Ok(_) => true,
                Err(refused) => {
                    assert_eq!(refused.domain.status().stage, Stage::Active);
                    false
                }
            }
        },
    );

    let mut hsm_1 = hsm_on(&proposed);
    let mut domain = super::change::rotating(&mut memory, &mut hsm_1);
    change.all_consent(&mut domain, &files, &mut hsm_1);
    drop(domain);
    let mut challenge = None;
    let challenged = with_every_fault(&hsm_1.flash, stays, |domain, hsm| {
        let AnyDomain::Rotating(mut domain) = domain else {
            panic!("{domain:?}");
        };
        let mut out = vec![0; Challenge::written_len(&change.new)];
        match domain.challenge(&pending, &change.new, hsm, &mut out) {
            Ok(len) => {
                challenge.get_or_insert(out[..len].to_vec());
                true
            }
            Err(_) => {
                assert!(out.iter().all(|byte| *byte == 0));
                false
            }
        }
    });
    let challenge = challenge.unwrap();
    let mut flash = challenged;
    for key in &change.new {
        let answer = response(&files.pending, key, &challenge);
        let (challenge, answer) = (
            Challenge::parse(&challenge).unwrap(),
            Response::parse(&answer).unwrap(),
        );
        flash = with_every_fault(&flash, stays, |domain, hsm| {
            let AnyDomain::Rotating(mut domain) = domain else {
                panic!("{domain:?}");
            };
            domain.prove(&pending, &challenge, &answer, hsm).is_ok()
        });
    }

    let steps = [Stage::Rotating, Stage::Committed];
    let committed = with_every_fault(&flash, steps, |domain, hsm| {
        let AnyDomain::Rotating(domain) = domain else {
            panic!("{domain:?}");
        };
        match domain.commit(&pending, hsm) {
            Ok(_) => true,
            // Nothing has left, and it can be tried again or abandoned.
            Err(refused) => refused.domain.commit(&pending, hsm).is_ok(),
        }
    });
    // A commit that failed can be abandoned, whatever the flash holds.
    let mut abandoned = 0;
    for fault in [Fault::Fails, Fault::FailsAfter] {
        for call in 0..40 {
            let mut hsm = hsm_on(&flash);
            let AnyDomain::Rotating(domain) = started(&mut memory, &mut hsm) else {
                panic!("it was proposed");
            };
            hsm.fault(call, fault);
            let Err(Refused { domain, .. }) = domain.commit(&pending, &mut hsm) else {
                continue;
            };
            drop(domain.abandon(&mut hsm).unwrap());
            let domain = started(&mut memory, &mut hsm);
            assert_eq!(domain.status().stage, Stage::Active);
            abandoned += 1;
        }
    }
    assert!(abandoned > 10, "{abandoned}");

    let mut hsm_1 = hsm_on(&committed);
    let AnyDomain::Committed(domain) = started(&mut memory, &mut hsm_1) else {
        panic!("it was committed");
    };
    let next = complete(&domain, &files, &mut hsm_1);
    drop(domain);
    let next = parse(&next);
    let steps = [Stage::Committed, Stage::Active];
    with_every_fault(&committed, steps, |domain, hsm| {
        let AnyDomain::Committed(domain) = domain else {
            panic!("{domain:?}");
        };
        match domain.confirm(&next, hsm) {
            Ok(domain) => {
                if let Ok(parts) = domain.complete(&next, hsm) {
                    assert_eq!(parts.concat(), next.as_bytes());
                }
                true
            }
            Err(refused) => {
                if let Ok(parts) = refused.domain.complete(&file, hsm) {
                    assert_eq!(parts.concat(), change.file);
                }
                refused.domain.confirm(&next, hsm).is_ok()
            }
        }
    });
}
