// SPDX-License-Identifier: MIT OR Apache-2.0
//! What protects needs neither generator nor counter nor device key nor sink: what ended is gone from the flash.

use security_domain::hazmat::testing::TestRng;
use security_domain::lifecycle::{
    AnyDomain, Domain, Ended, Event, LifecycleError, Stage, State, Status,
};
use security_domain::storage::{Left, RecordError, Slot};

use crate::flash::{Dead, Fault, Flash, Hsm, Tear, WithRng};
use crate::sealed::{artifacts, fast_keys, share};
use crate::world::{In, Lost, ROOM, active, hsm, provisioned, tested, vault};

/// What has died: with or without the generator.
const DEAD: [(bool, Dead); 7] = {
    let none = Dead {
        counter: false,
        advance: false,
        erase: false,
        write: false,
        device_key: false,
    };
    let counter = Dead {
        counter: true,
        ..none
    };
    let advance = Dead {
        advance: true,
        ..none
    };
    let all = Dead {
        counter: true,
        advance: true,
        erase: false,
        write: true,
        device_key: true,
    };
    let device_key = Dead {
        device_key: true,
        ..none
    };
    [
        (true, none),
        (false, counter),
        (false, advance),
        (true, counter),
        (true, all),
        (false, device_key),
        (true, device_key),
    ]
};

/// Lets `hsm` take a step in which all this is dead, and the sink refuses.
fn with_dead<O>(
    hsm: &mut Hsm,
    (generator, dead): (bool, Dead),
    step: impl FnOnce(&mut Hsm, bool) -> O,
) -> O {
    (hsm.dead, hsm.refuses) = (dead, true);
    if dead.device_key {
        hsm.device_key.die();
    }
    let outcome = step(hsm, generator);
    (hsm.dead, hsm.refuses) = (Dead::default(), false);
    hsm.device_key.heal();
    outcome
}

fn zeroize<S: State>(domain: In<'_, S>, hsm: &mut Hsm, silent: bool) -> LifecycleError {
    let refused = match silent {
        true => domain.zeroize(&mut WithRng(hsm, TestRng::failing_from(0, 0))),
        false => domain.zeroize(hsm),
    };
    let refused = refused.unwrap_err();
    assert_eq!(refused.domain.status().stage, Stage::Empty);
    refused.error
}

/// Nothing is left on the flash, and what is left to do is to give it up.
fn assert_gone(hsm: &mut Hsm, error: LifecycleError) {
    assert!(
        matches!(
            error,
            LifecycleError::NotWritten {
                why: RecordError::Rng | RecordError::Flash | RecordError::DeviceKey,
                left: Left::Nothing
            }
        ),
        "{error}"
    );
    assert_eq!(hsm.flash.slots, [const { Some(Vec::new()) }; 2]);
    assert_missing(hsm);
}

fn assert_missing(hsm: &mut Hsm) {
    let mut vault = vault();
    let counter = hsm.flash.counter;
    let refused = vault.start(tested(), hsm).map(drop).unwrap_err();
    let missing = RecordError::Missing { counter };
    assert_eq!(refused, LifecycleError::Record(missing));
    vault.discard(hsm).unwrap();
    assert!(matches!(
        vault.start(tested(), hsm),
        Ok(AnyDomain::Empty(_))
    ));
}

#[test]
fn an_hsm_whose_parts_died_can_be_zeroized() {
    let (keys, lost) = (fast_keys(3), Lost::new(1));
    for dead in DEAD {
        let (mut memory, mut hsm_1) = (vault(), hsm(2));
        let (domain, _) = active(&mut memory, &mut hsm_1, &keys);
        let error = with_dead(&mut hsm_1, dead, |hsm, silent| zeroize(domain, hsm, silent));
        assert_gone(&mut hsm_1, error);

        let (mut memory, mut hsm_2) = (vault(), hsm(3));
        let mut domain = lost.recovering_here(&mut memory, &mut hsm_2);
        let sealed = lost.sealed();
        domain
            .add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm_2)
            .unwrap();
        let error = with_dead(&mut hsm_2, dead, |hsm, silent| zeroize(domain, hsm, silent));
        assert_gone(&mut hsm_2, error);
    }
}

/// The session is gone, in the vault and on the flash. The vault is empty, and can be provisioned.
#[test]
fn an_hsm_whose_parts_died_can_be_cancelled() {
    let lost = Lost::new(1);
    for dead in DEAD {
        for goes_on in [false, true] {
            let (mut memory, mut hsm) = (vault(), hsm(2));
            let mut domain = lost.recovering_here(&mut memory, &mut hsm);
            let sealed = lost.sealed();
            domain
                .add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm)
                .unwrap();
            let refused = with_dead(&mut hsm, dead, |hsm, silent| match silent {
                true => domain.cancel(&mut WithRng(hsm, TestRng::failing_from(0, 0))),
                false => domain.cancel(hsm),
            })
            .unwrap_err();
            let domain = refused.domain;
            assert_eq!(domain.status().stage, Stage::Empty);
            if !goes_on {
                drop(domain);
                assert_gone(&mut hsm, refused.error);
                continue;
            }
            assert_eq!(hsm.flash.slots, [const { Some(Vec::new()) }; 2]);
            drop(domain.provision(&artifacts(), &mut hsm).unwrap());
            let ended = Event::EndSession(Ended::Cancelled);
            assert!(hsm.events.contains(&ended), "it is reported later");
            assert_eq!(at_rest(&hsm.flash).unwrap().stage, Stage::Provisioned);
        }
    }
}

#[test]
fn an_hsm_whose_parts_died_can_be_discarded() {
    let keys = fast_keys(3);
    for dead in DEAD {
        let (mut memory, mut hsm) = (vault(), hsm(2));
        drop(active(&mut memory, &mut hsm, &keys));
        let error = with_dead(&mut hsm, dead, |hsm, silent| match silent {
            true => memory.discard(&mut WithRng(hsm, TestRng::failing_from(0, 0))),
            false => memory.discard(hsm),
        });
        assert_gone(&mut hsm, error.unwrap_err());
    }
}

/// A slot that cannot be erased is overwritten; if that fails too, it is said which may be left.
#[test]
fn what_is_left_is_said() {
    let keys = fast_keys(3);
    let dead = |erase, write| Dead {
        erase,
        write,
        ..Dead::default()
    };
    let (mut memory, mut hsm_1) = (vault(), hsm(2));
    let (domain, _) = active(&mut memory, &mut hsm_1, &keys);
    let error = with_dead(&mut hsm_1, (true, dead(true, false)), |hsm, silent| {
        zeroize(domain, hsm, silent)
    });
    let (why, left) = (RecordError::Rng, Left::Nothing);
    assert_eq!(error, LifecycleError::NotWritten { why, left });
    for slot in hsm_1.flash.slots.iter().flatten() {
        assert!(!slot.is_empty() && slot.iter().all(|byte| *byte == 0));
    }
    assert!(at_rest(&hsm_1.flash).is_err());

    let (mut memory, mut hsm_2) = (vault(), hsm(3));
    let (domain, _) = active(&mut memory, &mut hsm_2, &keys);
    let before = hsm_2.flash.clone();
    let error = with_dead(&mut hsm_2, (false, dead(true, true)), |hsm, silent| {
        zeroize(domain, hsm, silent)
    });
    let (why, left) = (RecordError::Flash, Left::Both);
    assert_eq!(error, LifecycleError::NotWritten { why, left });
    assert_eq!(hsm_2.flash.slots, before.slots);

    for (slot, name) in [(Slot::A, "slot A"), (Slot::B, "slot B")] {
        assert!(Left::One(slot).to_string().contains(name));
    }
}

fn at_rest(flash: &Flash) -> Result<Status, LifecycleError> {
    let mut hsm = Hsm::with_flash(flash.clone(), 9);
    let mut vault = vault();
    let start = vault.start(tested(), &mut hsm)?;
    Ok(start.status())
}

/// Cuts the power in every call of a step from `before`, and gives what the next start finds.
fn cut<S: State>(
    before: &Flash,
    begun: impl Fn(AnyDomain<'_, ROOM>) -> In<'_, S>,
    step: impl Fn(Domain<'_, S, ROOM>, &mut Hsm) -> bool,
) -> Vec<Result<Stage, RecordError>> {
    let mut found = Vec::new();
    for tear in [Tear::Short(0), Tear::Over(90), Tear::Short(usize::MAX)] {
        for call in 0.. {
            let (mut vault, mut hsm) = (vault(), Hsm::with_flash(before.clone(), 4));
            let domain = begun(vault.start(tested(), &mut hsm).unwrap());
            hsm.fault(call, Fault::Cut(tear));
            let whole = step(domain, &mut hsm);
            found.push(match at_rest(&hsm.flash) {
                Ok(status) => Ok(status.stage),
                Err(LifecycleError::Record(error)) => Err(error),
                Err(error) => panic!("{error}"),
            });
            if !hsm.is_off() {
                assert!(whole);
                break;
            }
        }
    }
    assert!(found.len() > 20);
    found
}

/// The power fails in any call of an end from `stage`: what ends is there as before, or there is nothing.
/// Three tears are tried in each call, and after so many calls both slots are erased.
#[track_caller]
fn assert_ends(found: &[Result<Stage, RecordError>], stage: Stage, calls: usize) {
    let before = found.iter().filter(|found| **found == Ok(stage));
    assert!(before.count() <= 3 * calls, "{found:?}");
    assert!(found.contains(&Ok(Stage::Empty)));
    let is_missing = |found: &_| matches!(found, Err(RecordError::Missing { .. }));
    assert!(found.iter().any(is_missing));
    let other = |found: &&Result<Stage, RecordError>| {
        !matches!(found, Ok(Stage::Empty) | Err(_)) && **found != Ok(stage)
    };
    assert_eq!(found.iter().find(other), None);
}

#[test]
fn power_that_fails_while_a_session_ends_leaves_it_or_nothing() {
    let lost = Lost::new(1);
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(lost.recovering_here(&mut memory, &mut hsm));
    let found = cut(
        &hsm.flash,
        |start| match start {
            AnyDomain::Recovering(domain) => domain,
            other => panic!("{other:?}"),
        },
        |domain, hsm| domain.cancel(hsm).is_ok(),
    );
    // The counter is read twice, to see whether another vault has saved a state.
    assert_ends(&found, Stage::Recovering, 6);
}

#[test]
fn power_that_fails_while_a_domain_ends_leaves_it_or_nothing() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(active(&mut memory, &mut hsm, &fast_keys(3)));
    let found = cut(
        &hsm.flash,
        |start| match start {
            AnyDomain::Active(domain) => domain,
            other => panic!("{other:?}"),
        },
        |domain, hsm| domain.zeroize(hsm).is_ok(),
    );
    // The first call erases a slot, and three more come before the other slot is erased.
    assert_ends(&found, Stage::Active, 4);
}

/// A record with a higher number than the counter's, as after the counter was set back: what is saved
/// after discarding it has higher numbers, so that it never comes back.
#[test]
fn a_discarded_record_is_past_its_number() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(active(&mut memory, &mut hsm, &fast_keys(3)));
    let old = hsm.flash.clone();
    hsm.flash.counter = 1;
    assert!(at_rest(&hsm.flash).is_err());
    memory.discard(&mut hsm).unwrap();
    assert!(hsm.flash.counter > old.counter, "{}", hsm.flash.counter);
    never_comes_back(&mut hsm, &old.slots[0]);
}

/// The newest record was written, not counted, and hidden; then the HSM was discarded.
#[test]
fn a_hidden_record_does_not_outlive_a_discard() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    drop(active(&mut memory, &mut hsm, &fast_keys(3)));
    let before = hsm.flash.clone();
    let mut hidden = 0;
    for call in 0..20 {
        let mut cut = Hsm::with_flash(before.clone(), 5);
        cut.fault(call, Fault::Cut(Tear::Short(usize::MAX)));
        let _ = memory.start(tested(), &mut cut).map(drop);
        if cut.flash.counter != before.counter || cut.flash.slots == before.slots {
            continue;
        }
        hidden += 1;
        for slots in [[const { Some(Vec::new()) }; 2], before.slots.clone()] {
            let mut hsm = Hsm::with_flash(before.clone(), 6);
            hsm.flash.slots = slots;
            memory.discard(&mut hsm).unwrap();
            for image in &cut.flash.slots {
                never_comes_back(&mut hsm, image);
            }
        }
    }
    assert!(hidden > 0);
}

/// Whatever is saved from here on, no start takes `image`.
fn never_comes_back(hsm: &mut Hsm, image: &Option<Vec<u8>>) {
    let before = hsm.flash.clone();
    let tried = |flash: &Flash| {
        for slot in [0, 1] {
            let mut flash = flash.clone();
            flash.slots[slot] = image.clone();
            let found = at_rest(&flash);
            assert!(!matches!(
                found,
                Ok(Status {
                    stage: Stage::Active,
                    ..
                })
            ));
            flash.slots[1 - slot] = Some(Vec::new());
            let found = at_rest(&flash);
            assert!(!matches!(
                found,
                Ok(Status {
                    stage: Stage::Active,
                    ..
                })
            ));
        }
    };
    tried(&hsm.flash);
    let mut memory = vault();
    for _ in 0..4 {
        drop(memory.start(tested(), hsm).unwrap());
        tried(&hsm.flash);
    }
    drop(provisioned(&mut memory, hsm));
    tried(&hsm.flash);
    hsm.flash = before;
}
