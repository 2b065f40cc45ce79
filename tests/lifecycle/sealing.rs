// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain is sealed to a file that nobody can open, the file is stored, and then the HSM is active and
//! completes it.

use security_domain::lifecycle::{AnyDomain, LifecycleError, Stage};
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{ExpectedDomain, OpenError, SealedDomain, ShareError};

use crate::flash::{Fault, Hsm, Tear};
use crate::sealed::{fast_keys, share};
use crate::world::{
    Lost, activated, activation, active, empty, has_artifacts, hsm, memory, provisioned, sealed,
    tested, vault,
};

/// Whether two custodians open the file.
fn opens(sealed: &SealedDomain<'_>) -> Result<(), OpenError> {
    let keys = fast_keys(3);
    let [first, second] = [0, 2].map(|place| share(sealed, &keys[place]));
    let mut out = vec![0; sealed.opened_len()];
    let opened = sealed.open(&ExpectedDomain::unpinned(), &[&first, &second], &mut out);
    opened.map(drop)
}

#[test]
fn nobody_opens_what_is_sealed_before_the_hsm_is_active() {
    let (mut memory, mut hsm_1, keys) = (vault(), hsm(1), fast_keys(3));
    let domain = provisioned(&mut memory, &mut hsm_1);
    let (flash, events) = (hsm_1.flash.clone(), hsm_1.events.len());
    let (domain, stored) = sealed(domain, &activation(&keys), &mut hsm_1);
    assert_eq!(hsm_1.flash, flash, "sealing writes nothing");
    assert_eq!(hsm_1.events.len(), events);
    let stored = SealedDomain::parse(&stored).unwrap();
    assert!(stored.is_pending());
    assert_eq!(opens(&stored), Err(OpenError::Pending));
    let (mut other, mut hsm_2) = (vault(), hsm(2));
    let refused = empty(&mut other, &mut hsm_2)
        .begin_recovery_here(&stored, &ExpectedDomain::unpinned(), None, &mut hsm_2)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::Pending);

    let domain = domain.activate(&stored, &mut hsm_1).unwrap();
    let complete = domain.complete(&stored, &mut hsm_1).unwrap().concat();
    assert_eq!(complete.len(), stored.as_bytes().len() + 33);
    let complete = SealedDomain::parse(&complete).unwrap();
    assert_eq!(complete.header().digest(), stored.header().digest());
    assert_eq!(opens(&complete), Ok(()));
}

#[test]
fn an_active_hsm_completes_its_file_after_every_start_and_so_does_one_that_recovered_it() {
    let (mut memory, mut hsm_1, keys) = (vault(), hsm(1), fast_keys(3));
    let domain = provisioned(&mut memory, &mut hsm_1);
    let (domain, stored) = sealed(domain, &activation(&keys), &mut hsm_1);
    let stored = SealedDomain::parse(&stored).unwrap();
    let domain = domain.activate(&stored, &mut hsm_1).unwrap();
    let file = domain.complete(&stored, &mut hsm_1).unwrap().concat();
    drop(domain);
    let lost = Lost { keys, file };
    let completes = |start: AnyDomain<'_, { crate::world::ROOM }>, hsm: &mut Hsm| {
        let AnyDomain::Active(domain) = start else {
            panic!("{start:?}");
        };
        for from in [&stored, &lost.sealed()] {
            let complete = domain.complete(from, hsm).unwrap().concat();
            assert!(complete == lost.file);
        }
        let other = Lost::new(9);
        let refused = domain.complete(&other.sealed(), hsm).unwrap_err();
        let (have, want) = (other.sealed(), lost.sealed());
        let [have, want] = [have, want].map(|sealed| sealed.header().digest());
        assert_eq!(refused, LifecycleError::OtherHeader { have, want });
    };
    for _ in 0..2 {
        completes(memory.start(tested(), &mut hsm_1).unwrap(), &mut hsm_1);
    }

    let (mut other, mut hsm_2) = (vault(), hsm(2));
    let mut session = lost.recovering_here(&mut other, &mut hsm_2);
    for key in &lost.keys[..2] {
        let share = share(&lost.sealed(), key);
        session
            .add_share(&lost.sealed(), share, &mut hsm_2)
            .unwrap();
    }
    let quorum = session.quorum().unwrap();
    let domain = quorum.open(&lost.sealed(), &mut hsm_2).unwrap();
    completes(AnyDomain::Active(domain), &mut hsm_2);
    completes(other.start(tested(), &mut hsm_2).unwrap(), &mut hsm_2);
}

/// Cuts the power in every call to the flash and the counter, between them, and after the last one.
#[test]
fn power_that_fails_leaves_an_hsm_to_seal_again_or_an_active_one_with_its_file() {
    let (keys, before) = (fast_keys(3), {
        let mut hsm = hsm(1);
        drop(provisioned(&mut vault(), &mut hsm));
        hsm.flash
    });
    let mut seen = [0, 0];
    for tear in [
        Tear::Unreadable,
        Tear::Over(40),
        Tear::Erased(40),
        Tear::Short(100),
    ] {
        for call in 0.. {
            let (mut memory, mut hsm) = (vault(), Hsm::with_flash(before.clone(), 3));
            let Ok(AnyDomain::Provisioned(domain)) = memory.start(tested(), &mut hsm) else {
                panic!("it is provisioned");
            };
            let (domain, file) = sealed(domain, &activation(&keys), &mut hsm);
            let stored = SealedDomain::parse(&file).unwrap();
            hsm.fault(call, Fault::Cut(tear));
            drop(domain.activate(&stored, &mut hsm));
            let was_cut = hsm.is_off();
            hsm.restart();
            match memory.start(tested(), &mut hsm).unwrap() {
                AnyDomain::Provisioned(domain) => {
                    seen[0] += 1;
                    let (domain, file) = activated(domain, &activation(&keys), &mut hsm);
                    assert_eq!(opens(&SealedDomain::parse(&file).unwrap()), Ok(()));
                    let void = domain.complete(&stored, &mut hsm).unwrap_err();
                    assert!(matches!(void, LifecycleError::OtherHeader { .. }));
                }
                AnyDomain::Active(domain) => {
                    seen[1] += 1;
                    assert!(has_artifacts(&domain, &mut hsm));
                    let file = domain.complete(&stored, &mut hsm).unwrap().concat();
                    let complete = SealedDomain::parse(&file).unwrap();
                    assert_eq!(opens(&complete), Ok(()));
                    assert_eq!(domain.status().header, Some(complete.header().digest()));
                }
                other => panic!("{other:?}"),
            }
            if !was_cut {
                break;
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 4), "{seen:?}");
}

/// The caller passes what it read back: another file, or one that is not whole, activates nothing.
#[test]
fn only_the_file_that_was_sealed_last_and_is_whole_activates_the_hsm() {
    let (mut memory, mut hsm, keys) = (vault(), hsm(1), fast_keys(3));
    let domain = provisioned(&mut memory, &mut hsm);
    let (domain, first) = sealed(domain, &activation(&keys), &mut hsm);
    let (domain, last) = sealed(domain.abandon(), &activation(&keys), &mut hsm);
    let [first, stored] = [&first, &last].map(|file| SealedDomain::parse(file).unwrap());
    let [have, want] = [&first, &stored].map(|sealed| sealed.header().digest());
    assert_ne!(have, want);
    let refused = domain.activate(&first, &mut hsm).unwrap_err();
    assert_eq!(refused.error, LifecycleError::OtherHeader { have, want });

    let (custodian, wrapped) = stored.wrapped_shares().nth(1).unwrap();
    let at = { last.windows(wrapped.as_bytes().len()) }
        .position(|window| window == wrapped.as_bytes())
        .unwrap();
    let mut changed = last.clone();
    changed[at] ^= 1;
    let changed = SealedDomain::parse(&changed).unwrap();
    let refused = refused.domain.activate(&changed, &mut hsm).unwrap_err();
    let reason = LifecycleError::Share(ShareError::Changed(custodian.id));
    assert_eq!(refused.error, reason);
    assert_eq!(refused.domain.status().stage, Stage::Provisioned);
    let domain = refused.domain.activate(&stored, &mut hsm).unwrap();
    assert_eq!(domain.status().header, Some(want));
}

/// The release of the file that `seal` gives for the second time: the HSM draws the same in each life.
fn second_release() -> Vec<u8> {
    let (mut memory, mut hsm, keys) = (vault(), hsm(1), fast_keys(3));
    let domain = provisioned(&mut memory, &mut hsm);
    let (domain, _) = sealed(domain, &activation(&keys), &mut hsm);
    let (domain, stored) = sealed(domain.abandon(), &activation(&keys), &mut hsm);
    let stored = SealedDomain::parse(&stored).unwrap();
    let domain = domain.activate(&stored, &mut hsm).unwrap();
    domain.complete(&stored, &mut hsm).unwrap()[2].to_vec()
}

/// What is abandoned is forgotten, and the domain can be sealed to others.
#[test]
fn an_abandoned_sealing_leaves_no_release() {
    let release = second_release();
    let has_it = |memory: Vec<u8>| memory.windows(32).any(|window| window == release);
    let life = |end: u8| {
        let (mut memory_1, mut hsm, keys) = (vault(), hsm(1), fast_keys(3));
        let domain = provisioned(&mut memory_1, &mut hsm);
        let (domain, _) = sealed(domain, &activation(&keys), &mut hsm);
        let (domain, file) = sealed(domain.abandon(), &activation(&keys), &mut hsm);
        assert!(!file.windows(32).any(|window| window == release));
        match end {
            0 => std::mem::forget(domain),
            1 => std::mem::forget(domain.abandon()),
            _ => std::mem::forget(domain.zeroize(&mut hsm).unwrap()),
        }
        memory(&memory_1)
    };
    assert!(has_it(life(0)), "while it is pending");
    assert!(!has_it(life(1)) && !has_it(life(2)));

    let (mut memory, mut hsm) = (vault(), hsm(1));
    let (mut keys, domain) = (fast_keys(4), provisioned(&mut memory, &mut hsm));
    let (domain, _) = sealed(domain, &activation(&keys[..3]), &mut hsm);
    keys.rotate_left(1);
    let mut others = activation(&keys[..3]);
    others.threshold = Threshold::new(3).unwrap();
    let (domain, file) = activated(domain.abandon(), &others, &mut hsm);
    let complete = SealedDomain::parse(&file).unwrap();
    assert_eq!(complete.header().quorum().threshold().get(), 3);
    assert_eq!(domain.status().header, Some(complete.header().digest()));
}

/// An HSM that is active by an activation or a recovery is sealed already.
#[test]
fn a_domain_with_custodians_is_not_sealed_again() {
    let (mut memory, mut hsm, keys) = (vault(), hsm(1), fast_keys(3));
    let (domain, file) = active(&mut memory, &mut hsm, &keys);
    let mut out = vec![0xaa; file.len()];
    let refused = domain
        .seal(&activation(&keys), &mut hsm, &mut out)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::AlreadySealed);
    assert!(out.iter().all(|byte| *byte == 0));
    let stored = SealedDomain::parse(&file).unwrap();
    let complete = refused.domain.complete(&stored, &mut hsm).unwrap();
    assert!(complete.concat() == file);
}
