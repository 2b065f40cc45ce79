// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rehearsals: a quorum opens the domain in an HSM that can only report, and then is empty.

use security_domain::contribution::{
    Contribution, ContributionError, Request, SessionPurpose, VettedRequest, contribute,
};
use security_domain::custodian::Recipient;
use security_domain::lifecycle::{
    Added, AnyDomain, ArtifactDigest, Ended, Event, Expiry, LifecycleError, Outcome, Refused,
    Rehearsing, Stage, Step, Vault,
};
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{Epoch, ExpectError, ExpectedDomain, SealedDomain};

use crate::flash::{Fault, Hsm, Tear};
use crate::sealed::{ARTIFACTS, fast_keys, rng, vectors};
use crate::world::{
    In, Lost, ROOM, active, empty, holds, hsm, memory, parse, rewrite, tested, vault,
};

const ZERO: ArtifactDigest = ArtifactDigest::from_bytes([0; 32]);

const NOW: u64 = 1_790_000_000;

/// A fresh HSM that rehearses with this domain, and its request.
fn rehearsing<'v>(
    lost: &Lost,
    memory: &'v mut Vault<ROOM>,
    hsm: &mut Hsm,
    lifetime: u64,
) -> (In<'v, Rehearsing>, Vec<u8>) {
    let mut request = vec![0; Request::MAX_LEN];
    let (domain, len) = empty(memory, hsm)
        .begin_rehearsal(
            &lost.sealed(),
            &lost.expect(),
            lifetime.try_into().ok(),
            hsm,
            &mut request,
        )
        .unwrap();
    request.truncate(len);
    (domain, request)
}

/// The same, with the shares of these custodians.
fn quorate<'v>(
    lost: &Lost,
    memory: &'v mut Vault<ROOM>,
    hsm: &mut Hsm,
    places: &[usize],
) -> In<'v, Rehearsing> {
    let (mut domain, request) = rehearsing(lost, memory, hsm, 0);
    for place in places {
        let contribution = lost.contribution(*place, &request);
        let added = domain.add(&lost.sealed(), &parse(&contribution), hsm);
        assert_eq!(added, Ok(Added::New));
    }
    domain
}

fn again<'v>(memory: &'v mut Vault<ROOM>, hsm: &mut Hsm) -> In<'v, Rehearsing> {
    match memory.start(tested(), hsm).unwrap() {
        AnyDomain::Rehearsing(domain) => domain,
        other => panic!("{other:?}"),
    }
}

/// What an HSM in which the domain is in use computes.
fn of_active(seed: u8) -> Vec<ArtifactDigest> {
    let (mut memory, mut hsm) = (vault(), hsm(seed));
    let (domain, _) = active(&mut memory, &mut hsm, &fast_keys(3));
    let mut digests = vec![ZERO; ARTIFACTS.len()];
    let count = domain.artifact_digests(&mut hsm, &mut digests);
    assert_eq!(count, Ok(ARTIFACTS.len()));
    digests
}

#[test]
fn a_quorum_s_report_is_the_one_of_the_active_hsm_and_nothing_is_left() {
    let lost = Lost::new(1);
    let (mut memory, mut hsm_2) = (vault(), hsm(2));
    let (domain, request) = rehearsing(&lost, &mut memory, &mut hsm_2, 0);
    let parsed = Request::parse(&request).unwrap();
    assert_eq!(parsed.purpose(), SessionPurpose::Rehearse);
    assert_eq!(domain.request(), Some(parsed.digest()));
    assert_eq!(domain.status().stage, Stage::Rehearsing);
    drop(domain);
    // A restart after each step.
    for place in [0, 2] {
        let mut domain = again(&mut memory, &mut hsm_2);
        let contribution = lost.contribution(place, &request);
        for added in [Added::New, Added::Already] {
            let done = domain.add(&lost.sealed(), &parse(&contribution), &mut hsm_2);
            assert_eq!(done, Ok(added));
        }
    }
    let domain = again(&mut memory, &mut hsm_2);
    assert_eq!((domain.contributors().count(), domain.needed()), (2, 2));
    let mut digests = vec![ZERO; ARTIFACTS.len() + 1];
    let (domain, count) = domain
        .report(&lost.sealed(), &mut hsm_2, &mut digests)
        .unwrap();
    assert_eq!(
        (domain.status().stage, count),
        (Stage::Empty, ARTIFACTS.len())
    );
    assert_eq!(digests.pop(), Some(ZERO));
    assert_eq!(digests, of_active(1));
    // The digests of another domain with the same artifacts are others.
    let others = of_active(3);
    assert!(digests.iter().zip(&others).all(|(a, b)| a != b));
    let header = lost.sealed().header().digest();
    let rehearsed = hsm_2
        .events
        .iter()
        .position(|event| matches!(event, Event::Rehearse { header: of, .. } if *of == header));
    let done = Event::Outcome {
        step: Step::Rehearse,
        outcome: Outcome::Done,
    };
    assert_eq!(hsm_2.events.last(), Some(&done));
    assert!(rehearsed.is_some());
    drop(domain);
    let status = empty(&mut memory, &mut hsm_2).status();
    assert_eq!((status.stage, status.domain), (Stage::Empty, None));
}

/// `tests/interop/sealed_domain.py` computes them from the definition in `docs/format.md`.
#[test]
fn the_digests_are_known() {
    const ROOM: usize = security_domain::lifecycle::vault_room(4, 1024);
    let read = |name: &str| std::fs::read(vectors().join(name)).unwrap();
    let file = read("good.sealed");
    let sealed = SealedDomain::parse(&file).unwrap();
    let (mut memory, mut hsm) = (Box::<Vault<ROOM>>::default(), hsm(1));
    let AnyDomain::Empty(domain) = memory.start(tested(), &mut hsm).unwrap() else {
        panic!("it is blank");
    };
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let mut request = [0; Request::MAX_LEN];
    let (mut domain, len) = { domain }
        .begin_rehearsal(&sealed, &expect, None, &mut hsm, &mut request)
        .unwrap();
    let request = Request::parse(&request[..len]).unwrap();
    let shown = request.digest();
    let vetted = VettedRequest::compared(request, shown).unwrap();
    for key in ["a", "b"] {
        let mut key = PrivateKey::from_pkcs8_der(&read(&format!("keys/{key}.p8"))).unwrap();
        let (id, rng) = (key.public_key().id(), &mut rng(1));
        let share = sealed.unwrap_share(id, &mut key, rng).unwrap();
        let mut out = [0; Contribution::MAX_LEN];
        let answer = contribute(&sealed, &expect, &vetted, &share, 0, rng, &mut out).unwrap();
        domain.add(&sealed, &answer, &mut hsm).unwrap();
    }
    let mut digests = [ZERO; 4];
    let (_, count) = domain.report(&sealed, &mut hsm, &mut digests).unwrap();
    let known: serde_json::Value = serde_json::from_slice(&read("rehearsal.json")).unwrap();
    let artifacts = sealed.header().artifacts().zip(&digests[..count]);
    let reported = artifacts.map(|((tag, len), digest)| {
        serde_json::json!({"tag": tag.as_str(), "len": len, "digest": digest.to_string()})
    });
    assert_eq!(reported.collect::<serde_json::Value>(), known);
}

#[test]
fn fewer_than_a_quorum_and_another_file_are_refused_and_nothing_is_lost() {
    let (lost, other) = (Lost::new(1), Lost::new(9));
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let (mut domain, request) = rehearsing(&lost, &mut memory, &mut hsm, 0);
    let mut digests = vec![ArtifactDigest::from_bytes([7; 32]); ARTIFACTS.len()];
    for (place, have) in [(0, 0), (1, 1)] {
        let refused = domain.report(&lost.sealed(), &mut hsm, &mut digests);
        let refused = refused.unwrap_err();
        let want = LifecycleError::NoQuorum { have, need: 2 };
        assert_eq!(refused.error, want);
        assert!(digests.iter().all(|digest| *digest == ZERO));
        domain = refused.domain;
        let contribution = lost.contribution(place, &request);
        domain
            .add(&lost.sealed(), &parse(&contribution), &mut hsm)
            .unwrap();
    }
    let refused = domain.report(&other.sealed(), &mut hsm, &mut digests);
    let Refused { domain, error, .. } = refused.unwrap_err();
    assert!(matches!(error, LifecycleError::OtherHeader { .. }));
    let few = digests.len() - 1;
    let refused = domain.report(&lost.sealed(), &mut hsm, &mut digests[..few]);
    let Refused { domain, error, .. } = refused.unwrap_err();
    let needed = 32 * ARTIFACTS.len();
    assert_eq!(error, LifecycleError::BufferTooSmall { needed });
    hsm.refuses = true;
    let refused = domain.report(&lost.sealed(), &mut hsm, &mut digests);
    let Refused { domain, error, .. } = refused.unwrap_err();
    assert_eq!(error, LifecycleError::SinkRefused);
    hsm.refuses = false;
    assert!(
        domain
            .report(&lost.sealed(), &mut hsm, &mut digests)
            .is_ok()
    );
    assert_eq!(digests, of_active(1));
}

/// A custodian agrees to one of the two.
#[test]
fn a_contribution_to_a_rehearsal_serves_no_recovery_and_the_other_way_round() {
    let lost = Lost::new(1);
    let (mut memory_2, mut hsm_2) = (vault(), hsm(2));
    let (mut memory_3, mut hsm_3) = (vault(), hsm(3));
    let (mut rehearsal, to_rehearse) = rehearsing(&lost, &mut memory_2, &mut hsm_2, 0);
    let (mut recovery, to_recover) = lost.recovering(&mut memory_3, &mut hsm_3, 0);
    let other = |refused| {
        matches!(
            refused,
            Err(LifecycleError::Contribution(
                ContributionError::OtherSession { .. }
            ))
        )
    };
    let sealed = lost.sealed();
    let spent = lost.contribution(0, &to_rehearse);
    assert!(other(recovery.add(&sealed, &parse(&spent), &mut hsm_3)));
    let spent = lost.contribution(0, &to_recover);
    assert!(other(rehearsal.add(&sealed, &parse(&spent), &mut hsm_2)));
}

/// Nobody but the HSM can write such a record; a fault could.
#[test]
fn a_rehearsal_whose_record_says_recovery_does_not_start() {
    let lost = Lost::new(1);
    let (mut memory, mut hsm_2) = (vault(), hsm(2));
    drop(quorate(&lost, &mut memory, &mut hsm_2, &[0, 1]));
    let before = hsm_2.flash.clone();
    // The stage stands third: an array head, the version.
    let stages = [
        Stage::Recovering,
        Stage::Active,
        Stage::Rotating,
        Stage::Empty,
    ];
    for stage in stages {
        let mut hsm = Hsm::with_flash(before.clone(), 2);
        rewrite(&mut hsm, |contents| {
            assert_eq!(contents[2], Stage::Rehearsing as u8);
            contents[2] = stage as u8;
        });
        let refused = memory.start(tested(), &mut hsm);
        assert!(refused.is_err(), "{stage}");
    }
}

/// Whatever fails, the HSM is in the rehearsal or empty, and never has a domain.
#[test]
fn a_fault_at_every_call_leaves_the_rehearsal_or_an_empty_hsm() {
    let lost = Lost::new(1);
    let (mut memory, mut hsm_2) = (vault(), hsm(2));
    drop(quorate(&lost, &mut memory, &mut hsm_2, &[0, 1]));
    let before = hsm_2.flash.clone();
    let faults = [
        Fault::Fails,
        Fault::FailsAfter,
        Fault::Cut(Tear::Short(40)),
        Fault::Cut(Tear::Erased(0)),
        Fault::Cut(Tear::Over(usize::MAX)),
    ];
    let (mut failed, mut unwritten) = (0, 0);
    for fault in faults {
        for call in 0..40 {
            let mut hsm = Hsm::with_flash(before.clone(), 2);
            let domain = again(&mut memory, &mut hsm);
            hsm.fault(call, fault);
            let mut digests = vec![ZERO; ARTIFACTS.len()];
            let is_done = match domain.report(&lost.sealed(), &mut hsm, &mut digests) {
                Ok(_) => true,
                Err(Refused { domain, .. }) => {
                    failed += 1;
                    unwritten += u32::from(domain.needed() == 0);
                    let is_whole = domain.contributors().count() == usize::from(domain.needed());
                    assert!(is_whole, "{fault:?} at {call}");
                    // Not dropped, which would wipe the vault.
                    std::mem::forget(domain);
                    false
                }
            };
            assert_eq!(is_done, digests[0] != ZERO, "{fault:?} at {call}");
            assert!(!holds(&memory, ARTIFACTS[0].1), "{fault:?} at {call}");
            hsm.restart();
            match memory.start(tested(), &mut hsm) {
                Ok(AnyDomain::Empty(_)) => {}
                Ok(AnyDomain::Rehearsing(domain)) => {
                    assert!(!is_done, "{fault:?} at {call}");
                    assert_eq!(domain.contributors().count(), 2);
                }
                // Both slots are erased: nothing is left.
                Err(LifecycleError::Record(_)) => assert!(!is_done, "{fault:?} at {call}"),
                other => panic!("{fault:?} at {call}: {other:?}"),
            }
        }
    }
    assert!(failed > 20 && unwritten > 5, "{failed} {unwritten}");
    // What was not written is ended again.
    let mut hsm = Hsm::with_flash(before, 2);
    let domain = again(&mut memory, &mut hsm);
    for call in 3..60 {
        hsm.fault(call, Fault::Fails);
    }
    let mut digests = vec![ZERO; ARTIFACTS.len()];
    let refused = domain.report(&lost.sealed(), &mut hsm, &mut digests);
    let Refused { domain, error, .. } = refused.unwrap_err();
    assert!(
        matches!(error, LifecycleError::NotWritten { .. }),
        "{error:?}"
    );
    hsm.restart();
    let domain = domain.cancel(&mut hsm).unwrap();
    assert_eq!(domain.status().stage, Stage::Empty);
}

#[test]
fn it_is_cancelled_and_it_expires() {
    let lost = Lost::new(1);
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let domain = quorate(&lost, &mut memory, &mut hsm, &[0, 1]);
    drop(domain.cancel(&mut hsm).unwrap());
    let cancelled = Event::EndSession(Ended::Cancelled);
    assert!(hsm.events.contains(&cancelled));
    drop(empty(&mut memory, &mut hsm));

    hsm.now = NOW;
    let (domain, request) = rehearsing(&lost, &mut memory, &mut hsm, 60);
    hsm.now = NOW + 60;
    let Ok(Expiry::Running(mut domain)) = domain.expire(&mut hsm) else {
        panic!("its last second is not over");
    };
    hsm.now = NOW + 61;
    let contribution = lost.contribution(0, &request);
    let refused = domain.add(&lost.sealed(), &parse(&contribution), &mut hsm);
    assert_eq!(refused, Err(LifecycleError::Expired));
    let mut digests = vec![ZERO; ARTIFACTS.len()];
    let refused = domain.report(&lost.sealed(), &mut hsm, &mut digests);
    let Refused { domain, error, .. } = refused.unwrap_err();
    assert_eq!(error, LifecycleError::Expired);
    assert!(matches!(domain.expire(&mut hsm), Ok(Expiry::Over(_))));
}

#[test]
fn it_begins_with_the_expected_domain_only() {
    let (lost, other) = (Lost::new(1), Lost::new(9));
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let mut request = vec![7; Request::MAX_LEN];
    let domain = empty(&mut memory, &mut hsm);
    let refused = domain.begin_rehearsal(
        &lost.sealed(),
        &other.expect(),
        None,
        &mut hsm,
        &mut request,
    );
    let Refused { error, .. } = refused.unwrap_err();
    let wrong = matches!(
        error,
        LifecycleError::Expect(ExpectError::WrongDomain { .. })
    );
    assert!(wrong, "{error:?}");
    assert!(request.iter().all(|byte| *byte == 0));
}

/// No artifact stays in the vault's memory.
#[test]
fn the_memory_is_wiped_after_a_report() {
    let lost = Lost::new(1);
    let (mut memory_2, mut hsm) = (vault(), hsm(2));
    let domain = quorate(&lost, &mut memory_2, &mut hsm, &[0, 1]);
    let mut digests = vec![ZERO; ARTIFACTS.len()];
    let reported = domain.report(&lost.sealed(), &mut hsm, &mut digests);
    // Left where it is: dropping it would wipe the vault.
    std::mem::forget(reported.unwrap());
    assert!(!memory(&memory_2).is_empty());
    for (_, artifact) in ARTIFACTS
        .iter()
        .filter(|(_, artifact)| !artifact.is_empty())
    {
        assert!(!holds(&memory_2, artifact));
    }
}
