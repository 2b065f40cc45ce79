// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two faults of the flash in every step, and the tries that follow.

use security_domain::hazmat::record::{self, Loaded};
use security_domain::lifecycle::{AnyDomain, Stage};
use security_domain::sealed_domain::SealedDomain;

use crate::flash::{Fault, Flash, Hsm};
use crate::sealed::{FastKey, artifacts, fast_keys, share};
use crate::world::{
    Lost, ROOM, activated, activation, active, empty, hsm, provisioned, sealed, tested, vault,
};

const FAULTS: [Fault; 2] = [Fault::Fails, Fault::FailsAfter];

/// The stage that the flash holds; none if there is no state.
fn at_rest(flash: &Flash) -> Option<u8> {
    let mut buffer = vec![0; ROOM];
    match record::load(&mut Hsm::with_flash(flash.clone(), 9), &mut buffer) {
        // An array of eight, a version, and the stage.
        Ok(Loaded::Contents { .. }) => Some(buffer[2]),
        Ok(Loaded::Blank { .. }) => Some(Stage::Empty as u8),
        Err(_) => None,
    }
}

/// How a step ended.
struct Ended {
    /// Whether it took place, at the first try.
    done: bool,
    /// Whether the flash may hold the state after it, though it did not.
    may_be: bool,
}

/// Takes a step with every two faults. It takes place at the latest at the first try in which nothing
/// fails, and before that the flash holds the state before or the one after; none only where something
/// was to end. The second fault is tried at every `stride`th call.
fn with_every_pair(
    before: &Flash,
    [from, to]: [Stage; 2],
    ends: bool,
    stride: usize,
    mut step: impl FnMut(AnyDomain<'_, ROOM>, &mut Hsm, &mut dyn FnMut(&Hsm, &Ended)) -> bool,
) {
    let mut memory = vault();
    let mut runs = 0;
    let mut run = |faults: &[(usize, Fault)]| {
        let mut hsm = Hsm::with_flash(before.clone(), 4);
        let start = memory.start(tested(), &mut hsm).unwrap();
        let calls = hsm.calls();
        for (call, fault) in faults {
            hsm.fault(*call, *fault);
        }
        let mut first = true;
        let done = step(start, &mut hsm, &mut |hsm, ended| {
            if std::mem::take(&mut first) {
                let found = at_rest(&hsm.flash);
                let allowed = match (ended.done, ended.may_be) {
                    (true, _) => vec![Some(to as u8)],
                    (false, true) => vec![Some(from as u8), Some(to as u8)],
                    (false, false) => vec![Some(from as u8)],
                };
                let gone = ends && !ended.done && found.is_none();
                assert!(allowed.contains(&found) || gone, "{faults:?}: {found:?}");
            }
        });
        assert!(done, "{faults:?}: it never takes place");
        assert_eq!(at_rest(&hsm.flash), Some(to as u8), "{faults:?}");
        runs += 1;
        hsm.calls() - calls
    };
    for one in 0..run(&[]) {
        for first in FAULTS {
            for other in (one + 1..run(&[(one, first)])).step_by(stride) {
                let second = FAULTS[(one + other) % 2];
                run(&[(one, first), (other, second)]);
            }
        }
    }
    assert!(runs > 100, "{runs}");
}

/// At most this many tries: one for each fault, and one more.
const TRIES: usize = 3;

/// A step that gives a domain in another state, or the one before it.
macro_rules! step {
    ($state:ident, |$domain:ident, $hsm:ident| $step:expr) => {
        |start: AnyDomain<'_, ROOM>, $hsm: &mut Hsm, ended: &mut dyn FnMut(&Hsm, &Ended)| {
            let AnyDomain::$state(mut $domain) = start else {
                panic!("{start:?}");
            };
            for _ in 0..TRIES {
                match $step {
                    Ok(_) => {
                        ended(
                            $hsm,
                            &Ended {
                                done: true,
                                may_be: false,
                            },
                        );
                        return true;
                    }
                    Err(refused) => {
                        ended(
                            $hsm,
                            &Ended {
                                done: false,
                                may_be: true,
                            },
                        );
                        $domain = refused.domain;
                    }
                }
            }
            false
        }
    };
}

#[test]
fn provisioning() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(memory.start(tested(), &mut hsm).unwrap());
    let provision = step!(Empty, |domain, hsm| domain.provision(&artifacts(), hsm));
    let from_to = [Stage::Empty, Stage::Provisioned];
    with_every_pair(&hsm.flash, from_to, true, 1, provision);
}

/// A file that was sealed and stored, and the tries to activate the HSM with it.
#[test]
fn activating() {
    let keys: Vec<FastKey> = fast_keys(3);
    let activation = activation(&keys);
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(provisioned(&mut memory, &mut hsm));
    let from_to = [Stage::Provisioned, Stage::Active];
    with_every_pair(&hsm.flash, from_to, false, 3, |start, hsm, ended| {
        let AnyDomain::Provisioned(mut fresh) = start else {
            panic!("{start:?}");
        };
        let mut file = vec![0; fresh.sealed_len(&activation).unwrap()];
        let (mut domain, len) = loop {
            // The counter may not be read.
            match fresh.seal(&activation, hsm, &mut file) {
                Ok(sealed) => break sealed,
                Err(refused) => fresh = refused.domain,
            }
        };
        let stored = SealedDomain::parse(&file[..len]).unwrap();
        for _ in 0..TRIES {
            let activated = domain.activate(&stored, hsm);
            let outcome = Ended {
                done: activated.is_ok(),
                may_be: true,
            };
            ended(hsm, &outcome);
            match activated {
                Ok(_) => return true,
                Err(refused) => domain = refused.domain,
            }
        }
        false
    });
}

/// If an activation failed, its file is needed until another one is sealed: by then the flash holds the
/// state before it again.
#[test]
fn an_activation_that_failed_is_put_back_before_another_sealing() {
    let keys: Vec<FastKey> = fast_keys(3);
    let activation = activation(&keys);
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(provisioned(&mut memory, &mut hsm));
    let from_to = [Stage::Provisioned, Stage::Active];
    let mut sealed_again = 0;
    with_every_pair(&hsm.flash, from_to, false, 3, |start, hsm, ended| {
        let AnyDomain::Provisioned(mut domain) = start else {
            panic!("{start:?}");
        };
        let mut failed = false;
        let mut file = vec![0xaa; domain.sealed_len(&activation).unwrap()];
        for _ in 0..2 * TRIES {
            let (done, len) = match domain.seal(&activation, hsm, &mut file) {
                Ok(sealed) => sealed,
                Err(refused) => {
                    assert!(file.iter().all(|byte| *byte == 0));
                    domain = refused.domain;
                    continue;
                }
            };
            if failed {
                sealed_again += 1;
                assert_eq!(at_rest(&hsm.flash), Some(Stage::Provisioned as u8));
            }
            let activated = done.activate(&SealedDomain::parse(&file[..len]).unwrap(), hsm);
            let outcome = Ended {
                done: activated.is_ok(),
                may_be: true,
            };
            ended(hsm, &outcome);
            match activated {
                Ok(_) => return true,
                Err(refused) => domain = refused.domain.abandon(),
            }
            failed = true;
        }
        false
    });
    assert!(sealed_again > 100, "{sealed_again}");
}

/// The flash dies in the middle of an activation: if the HSM is active when it works again, the stored
/// file is completed.
#[test]
fn an_activation_that_fails_for_good_leaves_no_active_hsm_without_a_file() {
    let keys = fast_keys(3);
    let activation = activation(&keys);
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(provisioned(&mut memory, &mut hsm));
    let before = hsm.flash.clone();
    let mut seen = [0, 0];
    for first in 0..30 {
        let mut hsm = Hsm::with_flash(before.clone(), 4);
        let Ok(AnyDomain::Provisioned(domain)) = memory.start(tested(), &mut hsm) else {
            panic!("it is provisioned");
        };
        let (domain, file) = sealed(domain, &activation, &mut hsm);
        let stored = SealedDomain::parse(&file).unwrap();
        for call in first..first + 200 {
            hsm.fault(call, Fault::Fails);
        }
        if domain.activate(&stored, &mut hsm).map(drop).is_ok() {
            continue;
        }
        hsm.restart();
        match memory.start(tested(), &mut hsm) {
            Ok(AnyDomain::Active(domain)) => {
                let complete = domain.complete(&stored, &mut hsm).unwrap().concat();
                let complete = SealedDomain::parse(&complete).unwrap();
                assert_eq!(domain.status().header, Some(complete.header().digest()));
                assert!(!complete.is_pending());
                seen[1] += 1;
            }
            Ok(AnyDomain::Provisioned(domain)) => {
                drop(activated(domain, &activation, &mut hsm));
                seen[0] += 1;
            }
            other => panic!("fault {first}: {other:?}"),
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn beginning_a_recovery() {
    let lost = Lost::new(1);
    let (sealed, expect) = (lost.sealed(), lost.expect());
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(empty(&mut memory, &mut hsm));
    let from_to = [Stage::Empty, Stage::Recovering];
    let begin = step!(Empty, |domain, hsm| domain
        .begin_recovery_here(&sealed, &expect, None, hsm));
    with_every_pair(&hsm.flash, from_to, true, 1, begin);
}

#[test]
fn adding_a_share() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(lost.recovering_here(&mut memory, &mut hsm));
    let from_to = [Stage::Recovering; 2];
    with_every_pair(&hsm.flash, from_to, false, 1, |start, hsm, ended| {
        let AnyDomain::Recovering(mut domain) = start else {
            panic!("{start:?}");
        };
        (0..TRIES).any(|_| {
            let added = domain.add_share(&sealed, share(&sealed, &lost.keys[0]), hsm);
            let outcome = Ended {
                done: added.is_ok(),
                may_be: true,
            };
            ended(hsm, &outcome);
            added.is_ok()
        })
    });
}

#[test]
fn opening() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let mut domain = lost.recovering_here(&mut memory, &mut hsm);
    for key in &lost.keys[..2] {
        domain
            .add_share(&sealed, share(&sealed, key), &mut hsm)
            .unwrap();
    }
    drop(domain);
    let from_to = [Stage::Recovering, Stage::Active];
    let open = step!(QuorumMet, |domain, hsm| domain.open(&sealed, hsm));
    with_every_pair(&hsm.flash, from_to, false, 3, open);
}

#[test]
fn cancelling() {
    let lost = Lost::new(1);
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(lost.recovering_here(&mut memory, &mut hsm));
    let from_to = [Stage::Recovering, Stage::Empty];
    with_every_pair(&hsm.flash, from_to, true, 1, |start, hsm, ended| {
        let AnyDomain::Recovering(domain) = start else {
            panic!("{start:?}");
        };
        let (domain, done) = match domain.cancel(hsm) {
            Ok(domain) => (domain, true),
            Err(refused) => (refused.domain, false),
        };
        ended(hsm, &Ended { done, may_be: true });
        // It has ended here in any case, and whatever comes next is written.
        let mut domain = domain;
        for _ in 0..TRIES {
            match domain.begin_recovery_here(&lost.sealed(), &lost.expect(), None, hsm) {
                Ok(session) => match session.cancel(hsm) {
                    Ok(_) => return true,
                    Err(refused) => domain = refused.domain,
                },
                Err(refused) => domain = refused.domain,
            }
        }
        domain.zeroize(hsm).is_ok()
    });
}

#[test]
fn zeroizing() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(active(&mut memory, &mut hsm, &fast_keys(3)));
    let from_to = [Stage::Active, Stage::Empty];
    with_every_pair(&hsm.flash, from_to, true, 1, |start, hsm, ended| {
        let AnyDomain::Active(domain) = start else {
            panic!("{start:?}");
        };
        let mut domain = match domain.zeroize(hsm) {
            Ok(_) => {
                let done = Ended {
                    done: true,
                    may_be: false,
                };
                ended(hsm, &done);
                return true;
            }
            Err(refused) => refused.domain,
        };
        let failed = Ended {
            done: false,
            may_be: true,
        };
        ended(hsm, &failed);
        for _ in 0..TRIES {
            match domain.zeroize(hsm) {
                Ok(_) => return true,
                Err(refused) => domain = refused.domain,
            }
        }
        false
    });
}
