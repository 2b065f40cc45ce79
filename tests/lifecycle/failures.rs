// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever the HSM around a domain fails at, the domain is in the state before or in the one after.

use security_domain::contribution::Request;
use security_domain::hazmat::testing::TestRng;
use security_domain::lifecycle::{AnyDomain, LifecycleError, Stage, Status, Vault};
use security_domain::sealed_domain::{SealError, SealedDomain};

use crate::flash::{Fault, Hsm, Tear, WithRng};
use crate::sealed::{FailsAt, artifacts, fast_keys, rng, share};
use crate::world::{
    Lost, activation, active, empty, has_artifacts, hsm, parse, provisioned, sealed, tested, vault,
};

/// The state that the flash gives at the next start.
fn at_rest(hsm: &mut Hsm) -> Status {
    hsm.restart();
    let mut vault = vault();
    vault.start(tested(), hsm).unwrap().status()
}

#[test]
fn a_failing_generator_provisions_and_activates_nothing() {
    let keys = fast_keys(3);
    let mut failed = [0, 0];
    for call in 0.. {
        let (mut vault, mut hsm) = (vault(), Hsm::new());
        drop(empty(&mut vault, &mut hsm));
        let mut bad = WithRng(&mut hsm, FailsAt(rng(1), call));
        let Ok(AnyDomain::Empty(domain)) = vault.start(tested(), &mut bad) else {
            continue;
        };
        let domain = match domain.provision(&artifacts(), &mut bad) {
            Ok(domain) => domain,
            Err(refused) => {
                failed[0] += 1;
                assert_eq!(refused.domain.status().stage, Stage::Empty);
                drop(refused);
                assert_eq!(at_rest(&mut hsm).stage, Stage::Empty);
                continue;
            }
        };
        let before = domain.status();
        let mut file = vec![0xaa; domain.sealed_len(&activation(&keys)).unwrap()];
        let error = match domain.seal(&activation(&keys), &mut bad, &mut file) {
            Ok((domain, len)) => {
                let stored = SealedDomain::parse(&file[..len]).unwrap();
                match domain.activate(&stored, &mut bad) {
                    Ok(_) => break,
                    Err(refused) => {
                        assert_eq!(refused.domain.status(), before);
                        refused.error
                    }
                }
            }
            Err(refused) => {
                failed[1] += 1;
                assert_eq!(refused.domain.status(), before);
                drop(refused.domain);
                assert!(file.iter().all(|byte| *byte == 0));
                refused.error
            }
        };
        let drawn = [LifecycleError::Rng, LifecycleError::Seal(SealError::Rng)];
        assert!(drawn.contains(&error), "{error}");
        assert_eq!(at_rest(&mut hsm), before);
    }
    assert!(failed[0] >= 3 && failed[1] >= 10, "{failed:?}");
}

/// A recovery in an HSM whose device key fails once, at this derivation after the start. Returns false if the
/// recovery is over before.
fn recovers_but_once(lost: &Lost, call: usize) -> bool {
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let sealed = lost.sealed();
    let domain = empty(&mut vault, &mut hsm);
    hsm.device_key.fail_once(call);
    let mut request = vec![0xaa; Request::MAX_LEN];
    let begun = domain.begin_recovery(&sealed, &lost.expect(), None, &mut hsm, &mut request);
    let (mut domain, len) = match begun {
        Ok(begun) => begun,
        Err(refused) => {
            assert_eq!(refused.error, LifecycleError::DeviceKey);
            drop(refused);
            assert!(request.iter().all(|byte| *byte == 0));
            assert_eq!(at_rest(&mut hsm).stage, Stage::Empty);
            return true;
        }
    };
    let mut failed = false;
    for place in [0, 1] {
        let contribution = lost.contribution(place, &request[..len]);
        let contribution = parse(&contribution);
        let before: Vec<_> = domain.contributors().collect();
        if let Err(error) = domain.add(&sealed, &contribution, &mut hsm) {
            assert_eq!(error, LifecycleError::DeviceKey);
            assert!(domain.contributors().eq(before));
            domain.add(&sealed, &contribution, &mut hsm).unwrap();
            failed = true;
        }
    }
    let domain = domain.quorum().unwrap();
    let domain = domain.open(&sealed, &mut hsm).unwrap_or_else(|refused| {
        assert_eq!(refused.error, LifecycleError::DeviceKey);
        failed = true;
        refused.domain.open(&sealed, &mut hsm).unwrap()
    });
    assert!(has_artifacts(&domain, &mut hsm));
    failed
}

#[test]
fn a_device_key_that_fails_once_loses_nothing() {
    let lost = Lost::new(1);
    let failed = (0..).take_while(|call| recovers_but_once(&lost, *call));
    assert!(failed.count() >= 1 + 2 + 2 * 2 + 2);

    let keys = fast_keys(3);
    let mut failed = 0;
    for call in 0..12 {
        let (mut vault, mut hsm) = (vault(), Hsm::new());
        let domain = empty(&mut vault, &mut hsm);
        hsm.device_key.fail_once(call);
        let domain = match domain.provision(&artifacts(), &mut hsm) {
            Ok(domain) => domain,
            Err(refused) => {
                failed += 1;
                assert_eq!(refused.error, LifecycleError::DeviceKey);
                drop(refused);
                assert_eq!(at_rest(&mut hsm).stage, Stage::Empty);
                continue;
            }
        };
        let (domain, stored) = sealed(domain, &activation(&keys), &mut hsm);
        let stored = SealedDomain::parse(&stored).unwrap();
        let before = domain.status();
        if let Err(refused) = domain.activate(&stored, &mut hsm) {
            failed += 1;
            assert_eq!(refused.error, LifecycleError::DeviceKey);
            assert!(stored.is_pending(), "no release leaves");
            assert_eq!(refused.domain.status(), before);
            drop(refused.domain.activate(&stored, &mut hsm).unwrap());
        }
        assert_eq!(at_rest(&mut hsm).stage, Stage::Active);
    }
    assert_eq!(failed, 1 + 2 + 2, "the draws, and a record each");
}

/// Two HSMs of one make may be switched on with generators that give the same bytes.
#[test]
fn two_hsms_with_the_same_generator_share_nothing() {
    let mut seen = Vec::new();
    for (seed, device_key) in [(1, 0x4d), (1, 0x11), (2, 0x4d)] {
        let (mut vault, mut hsm) = (vault(), hsm(seed));
        hsm.set_device_key(device_key);
        let status = provisioned(&mut vault, &mut hsm).status();
        for earlier in &seen {
            let earlier: &Status = earlier;
            assert_ne!(status.domain, earlier.domain);
            assert_ne!(status.instance, earlier.instance);
        }
        seen.push(status);
    }
}

#[test]
fn a_generator_that_is_stuck_provisions_nothing() {
    for period in [0, 1, 4, 16] {
        let (mut vault, mut hsm) = (vault(), Hsm::new());
        drop(empty(&mut vault, &mut hsm));
        let mut bad = WithRng(&mut hsm, TestRng::stuck(period));
        // The record at rest draws a salt from it, too, and may be refused before.
        let refused = match vault.start(tested(), &mut bad) {
            Ok(AnyDomain::Empty(domain)) => {
                let refused = domain.provision(&artifacts(), &mut bad).unwrap_err();
                assert_eq!(refused.domain.status().stage, Stage::Empty);
                refused.error
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => error,
        };
        assert_eq!(refused, LifecycleError::Rng, "period {period}");
        assert_eq!(at_rest(&mut hsm).stage, Stage::Empty);
    }
}

/// What the sink refuses does not happen: neither here, nor on the flash, nor in the output.
#[test]
fn a_refusing_sink_stops_every_step() {
    let (mut vault, mut hsm, keys) = (vault(), Hsm::new(), fast_keys(3));
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let domain = empty(&mut vault, &mut hsm);
    hsm.refuses = true;
    let refused = domain.provision(&artifacts(), &mut hsm).unwrap_err();
    assert_eq!(refused.error, LifecycleError::SinkRefused);
    assert_eq!(refused.domain.status().stage, Stage::Empty);
    hsm.refuses = false;
    let domain = refused.domain.provision(&artifacts(), &mut hsm).unwrap();

    hsm.refuses = true;
    let before = domain.status();
    let mut file = vec![0xaa; domain.sealed_len(&activation(&keys)).unwrap()];
    // What is sealed is void unless the HSM becomes active with it.
    let (domain, len) = domain
        .seal(&activation(&keys), &mut hsm, &mut file)
        .unwrap();
    let stored = SealedDomain::parse(&file[..len]).unwrap();
    let refused = domain.activate(&stored, &mut hsm).unwrap_err();
    assert_eq!(refused.error, LifecycleError::SinkRefused);
    assert!(stored.is_pending(), "no release leaves");
    assert_eq!(refused.domain.status(), before);
    hsm.refuses = false;
    let domain = refused.domain.zeroize(&mut hsm).unwrap();

    hsm.refuses = true;
    let before = domain.status();
    let mut request = vec![0xaa; Request::MAX_LEN];
    let refused = domain
        .begin_recovery(&sealed, &lost.expect(), None, &mut hsm, &mut request)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::SinkRefused);
    assert!(request.iter().all(|byte| *byte == 0));
    assert_eq!(refused.domain.status(), before);

    hsm.refuses = false;
    let mut domain = refused
        .domain
        .begin_recovery_here(&sealed, &lost.expect(), None, &mut hsm)
        .unwrap();
    hsm.refuses = true;
    let refused = domain.add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm);
    assert_eq!(refused, Err(LifecycleError::SinkRefused));
    assert_eq!(domain.contributors().count(), 0);
    hsm.refuses = false;
    for key in &lost.keys {
        domain
            .add_share(&sealed, share(&sealed, key), &mut hsm)
            .unwrap();
    }
    hsm.refuses = true;
    let refused = domain
        .quorum()
        .unwrap()
        .open(&sealed, &mut hsm)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::SinkRefused);
    drop(refused);
    assert_eq!(at_rest(&mut hsm).stage, Stage::Recovering);
}

/// Cuts the power in every call to the flash and the counter, in every step of a recovery.
#[test]
fn power_that_fails_leaves_the_state_before_or_the_one_after() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let mut seen = 0;
    for call in 0.. {
        let (mut vault, mut hsm) = (vault(), hsm(2));
        let domain = lost.recovering_here(&mut vault, &mut hsm);
        hsm.fault(call, Fault::Cut(Tear::Short(100)));
        let stages = run(domain, &lost, &mut hsm);
        let was_cut = hsm.is_off();
        let rest = at_rest(&mut hsm);
        match stages {
            0 | 1 => assert_eq!(rest.stage, Stage::Recovering, "call {call}"),
            2 => assert!(matches!(rest.stage, Stage::Recovering | Stage::Active)),
            _ => assert_eq!(rest.stage, Stage::Active, "call {call}"),
        }
        if !was_cut {
            assert_eq!(stages, 3);
            break;
        }
        assert_eq!(rest.domain, Some(sealed.header().domain_id()));
        seen += 1;
    }
    assert!(seen > 10);

    fn run(
        mut domain: crate::world::In<'_, security_domain::lifecycle::Recovering>,
        lost: &Lost,
        hsm: &mut Hsm,
    ) -> usize {
        let sealed = lost.sealed();
        for (done, key) in lost.keys[..2].iter().enumerate() {
            let added = domain.add_share(&sealed, share(&sealed, key), hsm);
            if added.is_err() {
                return done;
            }
        }
        match domain.quorum().unwrap().open(&sealed, hsm) {
            Ok(_) => 3,
            Err(_) => 2,
        }
    }
}

#[test]
fn a_vault_that_is_too_small_says_so() {
    let (mut vault, mut hsm) = (Vault::<200>::new(), Hsm::new());
    let Ok(AnyDomain::Empty(domain)) = vault.start(tested(), &mut hsm) else {
        panic!("an empty state has room");
    };
    let refused = domain.provision(&artifacts(), &mut hsm).unwrap_err();
    assert!(
        matches!(refused.error, LifecycleError::BufferTooSmall { needed } if needed > 200),
        "{}",
        refused.error
    );

    let (mut vault, mut hsm, keys) = (crate::world::vault(), Hsm::new(), fast_keys(3));
    let domain = provisioned(&mut vault, &mut hsm);
    hsm.now = u64::MAX;
    let needed = domain.sealed_len(&activation(&keys)).unwrap();
    let refused = domain
        .seal(&activation(&keys), &mut hsm, &mut vec![0; needed - 34])
        .unwrap_err();
    // The complete file has the release, 32 bytes and a longer head, besides.
    let pending = needed - 33;
    let too_small = SealError::BufferTooSmall { needed: pending };
    assert_eq!(refused.error, LifecycleError::Seal(too_small));
    let mut file = vec![0; pending];
    let sealed = refused.domain.seal(&activation(&keys), &mut hsm, &mut file);
    let (domain, len) = sealed.unwrap();
    assert_eq!(len, pending);
    let stored = SealedDomain::parse(&file).unwrap();
    let domain = domain.activate(&stored, &mut hsm).unwrap();
    let complete = domain.complete(&stored, &mut hsm).unwrap().concat();
    assert_eq!(complete.len(), needed);
}

#[test]
fn two_hsms_share_a_domain_and_no_key_of_their_own() {
    let keys = fast_keys(3);
    let (mut a, mut b) = (vault(), vault());
    let (first, file) = active(&mut a, &mut hsm(1), &keys);
    let lost = Lost { keys, file };
    let mut hsm_2 = hsm(2);
    let mut domain = lost.recovering_here(&mut b, &mut hsm_2);
    let sealed = lost.sealed();
    for key in &lost.keys[..2] {
        domain
            .add_share(&sealed, share(&sealed, key), &mut hsm_2)
            .unwrap();
    }
    let second = domain.quorum().unwrap().open(&sealed, &mut hsm_2).unwrap();
    let (first, second) = (first.status(), second.status());
    assert_eq!((first.domain, first.header), (second.domain, second.header));
    assert_ne!(first.instance, second.instance);
}

/// What a copy that was left out leaves in the vault is not taken for a root, a seed or a name.
#[test]
fn a_state_with_zeros_in_place_of_a_root_is_a_fault() {
    use crate::world::rewrite;

    // docs/format.md, "Record": the name, the seed, and the root, behind their heads.
    let (name, seed, root) = (4..20, 22..54, 58..90);
    for (place, refused) in [(name, true), (seed, true), (root, true), (90..90, false)] {
        let mut hsm = Hsm::new();
        drop(provisioned(&mut vault(), &mut hsm));
        rewrite(&mut hsm, |contents| {
            let field = &mut contents[place.clone()];
            assert!(!refused || field.iter().any(|byte| *byte != 0));
            field.fill(0);
        });
        let mut vault = vault();
        match vault.start(tested(), &mut hsm) {
            Err(error) => assert!(refused && error == LifecycleError::Fault),
            Ok(start) => assert!(!refused && matches!(start, AnyDomain::Provisioned(_))),
        }
    }
}
