// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transfer key is in a device: a session that uses it, and a device that fails, lies or forgets.

use security_domain::contribution::{ContributionError, Request};
use security_domain::lifecycle::{
    Added, AnyDomain, Domain, LifecycleError, Recovering, Stage, TransferKey, TransferKeyError,
};
use security_domain::rsa::{ModulusSize, PrivateKey};

use crate::flash::{Fault, Hsm, Lie, RsaEngine, Tear};
use crate::world::{
    In, Lost, has_artifacts, holds, hsm, parse, provisioned, rewrite, rsa_transfer, tested, vault,
};

type Vault = security_domain::lifecycle::Vault<{ crate::world::ROOM }>;

fn with_engine(seed: u8) -> Hsm {
    let mut hsm = hsm(seed);
    hsm.engine = Some(RsaEngine::new());
    hsm
}

fn engine(hsm: &mut Hsm) -> &mut RsaEngine {
    hsm.engine.as_mut().unwrap()
}

fn failed(error: TransferKeyError) -> LifecycleError {
    LifecycleError::TransferKey(error)
}

fn device(error: TransferKeyError) -> LifecycleError {
    LifecycleError::Contribution(ContributionError::Device(error))
}

fn restarted<'v>(vault: &'v mut Vault, hsm: &mut Hsm) -> In<'v, Recovering> {
    let AnyDomain::Recovering(domain) = vault.start(tested(), hsm).unwrap() else {
        panic!("the session goes on");
    };
    domain
}

/// A session whose key is in the device, at rest, and its request.
fn session(lost: &Lost) -> (Box<Vault>, Hsm, Vec<u8>) {
    let (mut vault, mut hsm) = (vault(), with_engine(2));
    let (domain, request) = lost.recovering(&mut vault, &mut hsm, 0);
    drop(domain);
    (vault, hsm, request)
}

#[test]
fn a_recovery_uses_the_key_in_the_device_across_restarts() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm, request) = session(&lost);
    let public = engine(&mut hsm).public_key().unwrap().unwrap();
    assert_eq!(rsa_transfer(&request).modulus(), public.modulus());
    for place in [0, 1] {
        let mut domain = restarted(&mut vault, &mut hsm);
        let contribution = lost.contribution(place, &request);
        let added = domain.add(&lost.sealed(), &parse(&contribution), &mut hsm);
        assert_eq!(added, Ok(Added::New));
    }
    let AnyDomain::QuorumMet(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("there is a quorum");
    };
    let domain = domain.open(&lost.sealed(), &mut hsm).unwrap();
    assert!(has_artifacts(&domain, &mut hsm));
    assert!(!domain.status().transfer_key_left);
    assert!(engine(&mut hsm).key.is_none(), "it ended with the session");
}

/// The vault has the public half alone: what is behind it is zeros in either case.
#[test]
fn the_private_half_is_not_in_the_vault() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm, _) = session(&lost);
    let domain = restarted(&mut vault, &mut hsm);
    std::mem::forget(domain);
    let key = engine(&mut hsm).key.take().unwrap();
    let mut der = [0; PrivateKey::PKCS8_MAX_LEN];
    let len = key.to_pkcs8_der(&mut der).unwrap();
    let public = key.public_key().modulus();
    assert!(holds(&vault, public));
    // A prime is an integer of 128 bytes and a leading zero, and so are the other halves of the key.
    let halves = { der[..len].windows(4 + 128) }.filter(|der| der.starts_with(&[2, 0x81, 0x81, 0]));
    let halves: Vec<_> = halves.map(|der| &der[4..]).collect();
    assert!(halves.len() >= 2);
    for half in halves {
        assert!(!holds(&vault, &half[..32]));
    }
}

/// The device fails once, at this call after the start. Returns false if it is not called so often.
fn recovers_but_once(lost: &Lost, call: usize) -> bool {
    let (mut vault, mut hsm) = (vault(), with_engine(2));
    let sealed = lost.sealed();
    let AnyDomain::Empty(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("it is blank");
    };
    engine(&mut hsm).fail_once(call);
    let last = engine(&mut hsm).fails.end;
    let mut request = vec![0xaa; Request::MAX_LEN];
    let begun = domain.begin_recovery(&sealed, &lost.expect(), None, &mut hsm, &mut request);
    let (mut domain, len) = begun.unwrap_or_else(|refused| {
        assert_eq!(refused.error, failed(TransferKeyError::Failed));
        assert!(request.iter().all(|byte| *byte == 0));
        let again = refused.domain;
        { again.begin_recovery(&sealed, &lost.expect(), None, &mut hsm, &mut request) }.unwrap()
    });
    for place in [0, 1] {
        let contribution = lost.contribution(place, &request[..len]);
        let contribution = parse(&contribution);
        if let Err(error) = domain.add(&sealed, &contribution, &mut hsm) {
            assert_eq!(error, device(TransferKeyError::Failed));
            domain.add(&sealed, &contribution, &mut hsm).unwrap();
        }
    }
    let domain = domain.quorum().unwrap().open(&sealed, &mut hsm).unwrap();
    assert!(has_artifacts(&domain, &mut hsm));
    let is_left = domain.status().transfer_key_left;
    drop(domain);
    if is_left {
        // The step took effect: what could not be destroyed, or not be shown to be, goes at the next start.
        let status = vault.start(tested(), &mut hsm).unwrap().status();
        assert!(status.stage == Stage::Active && !status.transfer_key_left);
    }
    assert!(engine(&mut hsm).key.is_none());
    engine(&mut hsm).calls >= last
}

#[test]
fn a_device_that_fails_once_loses_nothing() {
    let lost = Lost::new(1);
    let calls = (0..).take_while(|call| recovers_but_once(&lost, *call));
    // Generate, show, unwrap; twice show and unwrap; destroy and show.
    assert_eq!(calls.count(), 3 + 2 * 2 + 2);
}

#[test]
fn a_device_that_lies_when_it_generates_begins_nothing() {
    let lost = Lost::new(1);
    let lies = [
        Lie::Size,
        Lie::Generated,
        Lie::PublicKey,
        Lie::Unwrapped,
        Lie::Length,
    ];
    for lie in lies {
        let (mut vault, mut hsm) = (vault(), with_engine(2));
        let domain = crate::world::empty(&mut vault, &mut hsm);
        engine(&mut hsm).lie = Some(lie);
        let mut request = vec![0xaa; Request::MAX_LEN];
        let sealed = lost.sealed();
        let begun = domain.begin_recovery(&sealed, &lost.expect(), None, &mut hsm, &mut request);
        let refused = begun.unwrap_err();
        assert_eq!(refused.error, failed(TransferKeyError::Unusable), "{lie:?}");
        assert!(request.iter().all(|byte| *byte == 0));
        assert_eq!(refused.domain.status().stage, Stage::Empty);
    }
}

#[test]
fn a_device_that_unwraps_wrongly_adds_nothing() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm, request) = session(&lost);
    let mut domain = restarted(&mut vault, &mut hsm);
    let contribution = lost.contribution(0, &request);
    for lie in [Lie::Unwrapped, Lie::Length] {
        engine(&mut hsm).lie = Some(lie);
        let refused = domain.add(&lost.sealed(), &parse(&contribution), &mut hsm);
        let does_not_open = ContributionError::DoesNotOpen(lost.id(0));
        assert_eq!(refused, Err(LifecycleError::Contribution(does_not_open)));
        assert_eq!(domain.contributors().count(), 0);
    }
    engine(&mut hsm).lie = None;
    let added = domain.add(&lost.sealed(), &parse(&contribution), &mut hsm);
    assert_eq!(added, Ok(Added::New));
}

/// At a start, and before each use.
#[test]
fn the_device_must_hold_the_key_of_the_session() {
    let lost = Lost::new(1);
    type Break = fn(&mut Hsm);
    let cases: [(Break, TransferKeyError); 4] = [
        (|hsm| engine(hsm).key = None, TransferKeyError::Missing),
        (|hsm| hsm.engine = None, TransferKeyError::Missing),
        (
            |hsm| engine(hsm).generate(ModulusSize::Rsa2048).unwrap(),
            TransferKeyError::OtherKey,
        ),
        (
            |hsm| engine(hsm).lie = Some(Lie::PublicKey),
            TransferKeyError::OtherKey,
        ),
    ];
    for (change, error) in cases {
        let (mut vault, mut hsm, request) = session(&lost);
        let mut domain = restarted(&mut vault, &mut hsm);
        change(&mut hsm);
        let contribution = lost.contribution(0, &request);
        let refused = domain.add(&lost.sealed(), &parse(&contribution), &mut hsm);
        assert_eq!(refused, Err(device(error)));
        drop(domain);
        let refused = vault.start(tested(), &mut hsm).map(drop);
        assert_eq!(refused, Err(failed(error)));
        // The record is as it was: with the right key the session goes on.
        // What cannot go on can be given up.
        if let Some(engine) = &mut hsm.engine {
            engine.lie = None;
        }
        vault.discard(&mut hsm).unwrap();
        let status = vault.start(tested(), &mut hsm).unwrap().status();
        assert_eq!(status.stage, Stage::Empty);
        assert!(hsm.engine.is_none_or(|engine| engine.key.is_none()));
    }
}

#[test]
fn a_device_that_fails_at_a_start_ends_no_session() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm, _) = session(&lost);
    engine(&mut hsm).fail_once(0);
    let refused = vault.start(tested(), &mut hsm).map(drop);
    assert_eq!(refused, Err(failed(TransferKeyError::Failed)));
    drop(restarted(&mut vault, &mut hsm));
}

/// Ends a session in each way; the device destroys its key, or that is said.
#[test]
fn each_end_destroys_the_key_or_says_that_it_may_be_left() {
    type End = for<'v> fn(In<'v, Recovering>, &mut Hsm) -> Result<Stage, (Stage, LifecycleError)>;
    fn refused<S: security_domain::lifecycle::State>(
        refused: security_domain::lifecycle::Refused<Domain<'_, S, { crate::world::ROOM }>>,
    ) -> (Stage, LifecycleError) {
        let status = refused.domain.status();
        assert!(status.transfer_key_left);
        (status.stage, refused.error)
    }
    let ends: [End; 3] = [
        |domain, hsm| {
            domain
                .cancel(hsm)
                .map(|d| d.status().stage)
                .map_err(refused)
        },
        |domain, hsm| {
            domain
                .zeroize(hsm)
                .map(|d| d.status().stage)
                .map_err(refused)
        },
        |domain, hsm| {
            hsm.now = 1000;
            match domain.expire(hsm) {
                Ok(expiry) => Ok(match expiry {
                    security_domain::lifecycle::Expiry::Over(domain) => domain.status().stage,
                    other => panic!("{other:?}"),
                }),
                Err(error) => Err(refused(error)),
            }
        },
    ];
    let lost = Lost::new(1);
    let begin = |vault: &mut Vault, hsm: &mut Hsm| {
        hsm.now = 1;
        drop(lost.recovering(vault, hsm, 60));
    };
    for end in ends {
        let (mut memory, mut hsm) = (vault(), with_engine(2));
        begin(&mut memory, &mut hsm);
        let domain = restarted(&mut memory, &mut hsm);
        assert_eq!(end(domain, &mut hsm), Ok(Stage::Empty));
        assert!(engine(&mut hsm).key.is_none());

        let bad: [fn(&mut RsaEngine); 3] = [
            |engine| engine.fail_once(0),
            |engine| engine.fail_once(1),
            |engine| engine.lie = Some(Lie::Destroyed),
        ];
        for bad in bad {
            let (mut memory, mut hsm) = (vault(), with_engine(2));
            begin(&mut memory, &mut hsm);
            let domain = restarted(&mut memory, &mut hsm);
            bad(engine(&mut hsm));
            let left = failed(TransferKeyError::NotDestroyed);
            assert_eq!(end(domain, &mut hsm), Err((Stage::Empty, left)));
            engine(&mut hsm).lie = None;
            // The flash is empty, and the next start tries again.
            let status = memory.start(tested(), &mut hsm).unwrap().status();
            assert_eq!(status.stage, Stage::Empty);
            assert!(!status.transfer_key_left && engine(&mut hsm).key.is_none());
        }
    }
}

/// The power fails at each call to the flash while a session begins: the key in the device is the one of
/// the session, or it is gone after the next start, and another session begins.
#[test]
fn a_beginning_that_was_cut_off_leaves_no_key_behind() {
    let lost = Lost::new(1);
    let (mut begun, mut empty) = (0, 0);
    for call in 0.. {
        let (mut vault, mut hsm) = (vault(), with_engine(2));
        let domain = crate::world::empty(&mut vault, &mut hsm);
        hsm.fault(call, Fault::Cut(Tear::Short(40)));
        let mut request = vec![0; Request::MAX_LEN];
        let sealed = lost.sealed();
        let done = domain.begin_recovery(&sealed, &lost.expect(), None, &mut hsm, &mut request);
        let whole = done.is_ok();
        drop(done);
        if !hsm.is_off() {
            assert!(whole);
            break;
        }
        hsm.restart();
        match vault.start(tested(), &mut hsm).unwrap() {
            AnyDomain::Empty(domain) => {
                empty += 1;
                assert!(engine(&mut hsm).key.is_none(), "{call}");
                let mut request = vec![0; Request::MAX_LEN];
                { domain.begin_recovery(&sealed, &lost.expect(), None, &mut hsm, &mut request) }
                    .unwrap();
            }
            AnyDomain::Recovering(domain) => {
                begun += 1;
                drop(domain.cancel(&mut hsm).unwrap());
                assert!(engine(&mut hsm).key.is_none());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(begun > 0 && empty > 0, "{begun} {empty}");
}

#[test]
fn what_a_later_version_writes_is_named() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    drop(provisioned(&mut vault, &mut hsm));
    rewrite(&mut hsm, |contents| contents[2] = 9);
    let refused = vault.start(tested(), &mut hsm).map(drop);
    assert_eq!(refused, Err(LifecycleError::UnknownState(9)));

    let (mut vault, mut hsm, _) = session(&Lost::new(1));
    // The key is an array of its kind, 1, a modulus of 256 bytes and an exponent.
    rewrite(&mut hsm, |contents| {
        let kind = [0x83, 1, 0x59, 1, 0];
        let at = contents.windows(5).position(|window| window == kind);
        contents[at.unwrap() + 1] = 3;
    });
    let refused = vault.start(tested(), &mut hsm).map(drop);
    assert_eq!(refused, Err(LifecycleError::UnknownTransferKey(3)));
}

#[cfg(feature = "managed-hsm")]
mod import {
    use security_domain::lifecycle::{ExpectedArtifact, MAX_IMPORT_FAILURES};
    use security_domain::managed_hsm::restore_blob::RestoreBlob;
    use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN};

    use super::*;
    use crate::import::{ARTIFACTS, blob, confirm, expected, importing};

    #[test]
    fn an_import_uses_the_key_in_the_device() {
        let (mut vault, mut hsm) = (vault(), with_engine(1));
        let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
        drop(domain);
        let parsed = Certificate::parse(&certificate).unwrap();
        let public = engine(&mut hsm).public_key().unwrap().unwrap();
        assert_eq!(parsed.public_key().modulus(), public.modulus());
        let AnyDomain::Importing(domain) = vault.start(tested(), &mut hsm).unwrap() else {
            panic!("it waits for a blob");
        };
        let blob = blob(&ARTIFACTS, &certificate);
        let blob = RestoreBlob::parse(&blob).unwrap();
        // A device that fails takes no try.
        engine(&mut hsm).fails = 0..usize::MAX;
        let mut domain = Some(domain);
        for _ in 0..=MAX_IMPORT_FAILURES {
            let refused = domain.take().unwrap().import(&blob, &mut hsm).unwrap_err();
            assert_eq!(refused.error, failed(TransferKeyError::Failed));
            domain = Some(refused.domain);
        }
        engine(&mut hsm).fails = 0..0;
        let domain = domain.unwrap().import(&blob, &mut hsm).unwrap();
        assert!(engine(&mut hsm).key.is_none(), "it is not needed any more");
        drop(domain);
        let AnyDomain::Imported(domain) = vault.start(tested(), &mut hsm).unwrap() else {
            panic!("it waits to be confirmed");
        };
        let domain = confirm(domain, &mut hsm).unwrap();
        assert_eq!(domain.status().stage, Stage::Active);
    }

    #[test]
    fn a_device_that_fails_or_lies_signs_nothing() {
        fn begun(expected: &[ExpectedArtifact<'_>], hsm: &mut Hsm) -> Result<(), LifecycleError> {
            let mut vault = vault();
            let domain = crate::world::empty(&mut vault, hsm);
            let mut out = vec![0xaa; SELF_SIGNED_MAX_LEN];
            let size = ModulusSize::Rsa2048;
            let begun = domain.begin_import(size, expected, None, hsm, &mut out);
            begun.map(drop).map_err(|refused| {
                assert!(out.iter().all(|byte| *byte == 0));
                assert_eq!(refused.domain.status().stage, Stage::Empty);
                refused.error
            })
        }
        let expected = expected(&ARTIFACTS);
        // A start destroys and shows, then: generate, show, unwrap, sign.
        for call in 2..6 {
            let mut hsm = with_engine(1);
            engine(&mut hsm).fail_once(call);
            let error = failed(TransferKeyError::Failed);
            assert_eq!(begun(&expected, &mut hsm), Err(error), "{call}");
            assert_eq!(begun(&expected, &mut hsm), Ok(()));
        }
        let mut hsm = with_engine(1);
        engine(&mut hsm).lie = Some(Lie::Signature);
        let error = failed(TransferKeyError::Unusable);
        assert_eq!(begun(&expected, &mut hsm), Err(error));
    }
}
