// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a rotation refuses, and what stays then.

use security_domain::contribution::ContributionError;
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, ChallengeError, Response, ResponseError, respond};
use security_domain::lifecycle::{Activation, Added, LifecycleError, Proofs, RotationError, Stage};
use security_domain::quorum::{QuorumError, Threshold};
use security_domain::sealed_domain::{
    Epoch, ExpectedDomain, OpenError, SealError, SealedDomain, ShareError,
};

use super::change::{Change, complete, parse, recovers, response};
use crate::flash::Hsm;
use crate::sealed::{FastKey, fast_keys, rng, share};
use crate::world::{Lost, activation, active, hsm, vault};

#[test]
fn nothing_is_committed_without_consent_or_proof() {
    let (mut memory, mut hsm) = (vault(), hsm(1));
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let Ok((mut domain, files)) = change.propose(domain, Proofs::Threshold, 0, &mut hsm) else {
        panic!("it can be proposed");
    };
    let pending = parse(&files.pending);
    let refused = domain.commit(&pending, &mut hsm).unwrap_err();
    let want = RotationError::NoConsent { have: 0, need: 2 };
    assert_eq!(refused.error, want.into());
    domain = refused.domain;

    let contribution = change.consent(1, &files.request);
    let contribution = crate::world::parse(&contribution);
    let file = parse(&change.file);
    for added in [Added::New, Added::Already] {
        assert_eq!(domain.consent(&file, &contribution, &mut hsm), Ok(added));
    }
    let refused = domain.commit(&pending, &mut hsm).unwrap_err();
    let want = RotationError::NoConsent { have: 1, need: 2 };
    assert_eq!(refused.error, want.into());
    domain = refused.domain;

    change.all_consent(&mut domain, &files, &mut hsm);
    let refused = domain.commit(&pending, &mut hsm).unwrap_err();
    let want = RotationError::NoProof { have: 0, need: 2 };
    assert_eq!(refused.error, want.into());
    domain = refused.domain;

    let challenge = change.challenge(&mut domain, &files, &mut hsm);
    let parsed = Challenge::parse(&challenge).unwrap();
    let answer = response(&files.pending, &change.new[3], &challenge);
    let answer = Response::parse(&answer).unwrap();
    for added in [Added::New, Added::Already] {
        assert_eq!(
            domain.prove(&pending, &parsed, &answer, &mut hsm),
            Ok(added)
        );
    }
    let refused = domain.commit(&pending, &mut hsm).unwrap_err();
    let want = RotationError::NoProof { have: 1, need: 2 };
    assert_eq!(refused.error, want.into());
    domain = refused.domain;
    assert_eq!(domain.status().stage, Stage::Rotating);

    let answer = response(&files.pending, &change.new[0], &challenge);
    let answer = Response::parse(&answer).unwrap();
    domain.prove(&pending, &parsed, &answer, &mut hsm).unwrap();
    assert!(domain.commit(&pending, &mut hsm).is_ok());
}

#[test]
fn a_pending_file_opens_for_nobody_abandoned_or_not() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let Ok((domain, files)) = change.propose(domain, Proofs::All, 0, &mut hsm) else {
        panic!("it can be proposed");
    };
    let pending = parse(&files.pending);
    let expect = ExpectedDomain::new(pending.header().domain_id(), Epoch::FIRST);
    let shares: Vec<_> = change.new.iter().map(|key| share(&pending, key)).collect();
    let shares: Vec<_> = shares.iter().collect();
    let opens = |file: &[u8]| {
        let file = parse(file);
        let mut out = vec![0; file.opened_len()];
        file.open(&expect, &shares, &mut out).map(drop)
    };
    assert_eq!(opens(&files.pending), Err(OpenError::Pending));
    let domain = domain.abandon(&mut hsm).unwrap();
    assert_eq!(domain.status().stage, Stage::Active);
    assert_eq!(opens(&files.pending), Err(OpenError::Pending));
    assert!(!recovers(&files.pending, &change.new));

    // The release of the next proposal does not complete it either.
    let (domain, others) = change.committed(domain, &mut hsm);
    assert!(domain.complete_next(&pending, &mut hsm).is_err());
    let next = complete(&domain, &others, &mut hsm);
    let other = parse(&next);
    assert_ne!(other.header().digest(), pending.header().digest());
    assert_eq!(other.header().epoch(), pending.header().epoch());
    // Each stands 34 bytes before the end of the front, which both have in common.
    let at = others
        .pending
        .iter()
        .zip(&next)
        .take_while(|(a, b)| a == b)
        .count();
    let forged = [
        &files.pending[..at],
        &next[at..at + 34],
        &files.pending[at + 1..],
    ]
    .concat();
    assert!(SealedDomain::parse(&forged).is_err());
}

#[test]
fn a_contribution_serves_one_request() {
    let (mut memory, mut hsm_1) = (vault(), hsm(3));
    let (change, domain) = Change::new(&mut memory, &mut hsm_1);
    let Ok((domain, first)) = change.propose(domain, Proofs::All, 0, &mut hsm_1) else {
        panic!("it can be proposed");
    };
    let domain = domain.abandon(&mut hsm_1).unwrap();
    let others = Change {
        old: change.old.clone(),
        new: (21..=23).map(FastKey).collect(),
        file: change.file.clone(),
    };
    let Ok((mut domain, files)) = others.propose(domain, Proofs::All, 0, &mut hsm_1) else {
        panic!("it can be proposed");
    };
    let file = parse(&change.file);

    // One to the same HSM's proposal of other keys.
    let spent = change.consent(0, &first.request);
    let refused = domain.consent(&file, &crate::world::parse(&spent), &mut hsm_1);
    let Err(LifecycleError::Contribution(ContributionError::OtherSession { .. })) = refused else {
        panic!("{refused:?}");
    };

    // One to a recovery, and one to a rotation that a recovery would take.
    let lost = Lost {
        keys: change.old.clone(),
        file: change.file.clone(),
    };
    let (mut other_memory, mut hsm_2) = (vault(), hsm(4));
    let (mut recovery, request) = lost.recovering(&mut other_memory, &mut hsm_2, 0);
    let spent = lost.contribution(0, &request);
    let refused = domain.consent(&file, &crate::world::parse(&spent), &mut hsm_1);
    let Err(LifecycleError::Contribution(ContributionError::OtherSession { .. })) = refused else {
        panic!("{refused:?}");
    };
    let consent = change.consent(0, &files.request);
    let refused = recovery.add(&file, &crate::world::parse(&consent), &mut hsm_2);
    let Err(LifecycleError::Contribution(ContributionError::OtherSession { .. })) = refused else {
        panic!("{refused:?}");
    };

    // One that a stranger has signed: with the share of another domain.
    let (_, foreign) = active(&mut vault(), &mut hsm(5), &change.old);
    let mut forged = change.consent(0, &files.request);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let refused = domain.consent(&file, &crate::world::parse(&forged), &mut hsm_1);
    let Err(LifecycleError::Contribution(ContributionError::Unsigned { .. })) = refused else {
        panic!("{refused:?}");
    };
    let refused = domain.consent(&parse(&foreign), &crate::world::parse(&consent), &mut hsm_1);
    assert!(matches!(refused, Err(LifecycleError::OtherHeader { .. })));
    assert_eq!(domain.rotation().unwrap().consents, 0);
    assert_eq!(
        domain.consent(&file, &crate::world::parse(&consent), &mut hsm_1),
        Ok(Added::New)
    );
}

#[test]
fn an_answer_proves_only_what_it_shows() {
    let (mut memory, mut hsm_1) = (vault(), hsm(6));
    let (change, domain) = Change::new(&mut memory, &mut hsm_1);
    let Ok((mut domain, files)) = change.propose(domain, Proofs::All, 0, &mut hsm_1) else {
        panic!("it can be proposed");
    };
    let (pending, file) = (parse(&files.pending), parse(&change.file));
    let mut out = vec![0; 0x4000];

    // Before there is a challenge of this HSM, there is none to answer.
    let own = Challenge::write(&pending, &change.new, 0, &mut rng(9), &mut out).unwrap();
    let answer_to = response(&files.pending, &change.new[0], own.as_bytes());
    let answered = Response::parse(&answer_to).unwrap();
    let refused = domain.prove(&pending, &own, &answered, &mut hsm_1);
    let want = RotationError::OtherChallenge {
        have: own.digest(),
        want: None,
    };
    assert_eq!(refused, Err(want.into()));

    let older = change.challenge(&mut domain, &files, &mut hsm_1);
    let challenge = change.challenge(&mut domain, &files, &mut hsm_1);
    let older = Challenge::parse(&older).unwrap();
    let challenge = Challenge::parse(&challenge).unwrap();
    let mut prove = |pending: &SealedDomain<'_>, challenge: &Challenge<'_>, response: &[u8]| {
        let response = Response::parse(response).unwrap();
        domain.prove(pending, challenge, &response, &mut hsm_1)
    };

    // A challenge that somebody else has made, and one that is not the newest.
    for other in [&own, &older] {
        let response = response(&files.pending, &change.new[0], other.as_bytes());
        let want = RotationError::OtherChallenge {
            have: other.digest(),
            want: Some(challenge.digest()),
        };
        assert_eq!(prove(&pending, other, &response), Err(want.into()));
        let refused = prove(&pending, &challenge, &response);
        let Err(LifecycleError::Rotation(RotationError::Response(ResponseError::OtherChallenge {
            ..
        }))) = refused
        else {
            panic!("{refused:?}");
        };
    }

    // One without the value: the share is known, and nothing shows the key.
    let key = &change.new[0];
    let expect = ExpectedDomain::new(pending.header().domain_id(), Epoch::FIRST);
    let mut out = [0; Response::MAX_LEN];
    let known = respond(
        &pending,
        &expect,
        &challenge,
        &share(&pending, key),
        None,
        &mut rng(1),
        &mut out,
    );
    let known = known.unwrap().as_bytes().to_vec();
    assert_eq!(
        prove(&pending, &challenge, &known),
        Err(RotationError::ShareKnownOnly(key.id()).into())
    );

    // A forged one, and one of the present epoch.
    let mut forged = response(&files.pending, key, challenge.as_bytes());
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let want = ResponseError::Unsigned { claims: key.id() };
    assert_eq!(
        prove(&pending, &challenge, &forged),
        Err(RotationError::Response(want).into())
    );
    let mut out = vec![0; 0x4000];
    let old = Challenge::write(&file, &change.old, 0, &mut rng(9), &mut out).unwrap();
    let of_old = response(&change.file, &change.old[0], old.as_bytes());
    assert!(matches!(
        prove(&file, &challenge, &of_old),
        Err(LifecycleError::OtherHeader { .. })
    ));
    assert!(prove(&pending, &challenge, &of_old).is_err());
    assert_eq!(domain.rotation().unwrap().proofs, 0);

    // A challenge to a custodian of the present epoch.
    let mut out = vec![0xaa; 0x4000];
    let refused = domain.challenge(&pending, &change.old, &mut hsm_1, &mut out);
    let want = ChallengeError::NotListed(change.old[0].id());
    assert_eq!(refused, Err(RotationError::Challenge(want).into()));
    assert!(out.iter().all(|byte| *byte == 0));
    assert_eq!(
        domain.rotation().unwrap().challenge,
        Some(challenge.digest())
    );
}

#[test]
fn what_cannot_be_sealed_is_not_proposed() {
    let (mut memory, mut hsm) = (vault(), hsm(7));
    let (mut change, mut domain) = Change::new(&mut memory, &mut hsm);
    let before = domain.status();
    let refused = |change: &Change, domain, lifetime: u64, hsm: &mut Hsm| {
        let Err((domain, error)) = change.propose(domain, Proofs::All, lifetime, hsm) else {
            panic!("it cannot be proposed");
        };
        (domain, error)
    };
    let error;
    (domain, error) = refused(&change, domain, 60, &mut hsm);
    assert_eq!(error, LifecycleError::NoClock);
    let new = std::mem::replace(&mut change.new, vec![FastKey(11), FastKey(11), FastKey(12)]);
    let error;
    (domain, error) = refused(&change, domain, 0, &mut hsm);
    let same = SealError::SameCustodian(FastKey(11).id());
    assert_eq!(error, LifecycleError::Seal(same));
    change.new = vec![FastKey(11)];
    let error;
    (domain, error) = refused(&change, domain, 0, &mut hsm);
    assert_eq!(error, LifecycleError::Seal(SealError::CustodianCount));
    change.new = new;
    let (_, other) = active(&mut vault(), &mut self::hsm(8), &fast_keys(3));
    let own = std::mem::replace(&mut change.file, other);
    let error;
    (domain, error) = refused(&change, domain, 0, &mut hsm);
    assert!(matches!(error, LifecycleError::OtherHeader { .. }));
    change.file = own;
    hsm.refuses = true;
    let error;
    (domain, error) = refused(&change, domain, 0, &mut hsm);
    assert_eq!(error, LifecycleError::SinkRefused);
    hsm.refuses = false;
    assert_eq!(domain.status(), before);

    let mut request = [0; 10];
    let new = activation(&change.new);
    let proposed = domain.propose(
        &parse(&change.file),
        &Activation {
            threshold: Threshold::new(5).unwrap(),
            ..new
        },
        Proofs::All,
        None,
        &mut hsm,
        (&mut [0; 0x2000], &mut request),
    );
    let refused = proposed.map(drop).unwrap_err();
    assert!(matches!(
        refused.error,
        LifecycleError::BufferTooSmall { .. }
    ));
    let mut request = [0; security_domain::contribution::Request::MAX_LEN];
    let new = activation(&change.new);
    let proposed = refused.domain.propose(
        &parse(&change.file),
        &Activation {
            threshold: Threshold::new(5).unwrap(),
            ..new
        },
        Proofs::All,
        None,
        &mut hsm,
        (&mut [0; 0x2000], &mut request),
    );
    let refused = proposed.map(drop).unwrap_err();
    assert!(matches!(
        refused.error,
        LifecycleError::Seal(SealError::Quorum(QuorumError::ThresholdAboveCount))
    ));
}

#[test]
fn a_damaged_file_is_neither_committed_nor_confirmed() {
    let (mut memory, mut hsm) = (vault(), hsm(9));
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let Ok((mut domain, files)) = change.propose(domain, Proofs::All, 0, &mut hsm) else {
        panic!("it can be proposed");
    };
    change.all_consent(&mut domain, &files, &mut hsm);
    change.all_prove(&mut domain, &files, &mut hsm);
    let pending = parse(&files.pending);
    let (_, wrapped) = pending.wrapped_shares().nth(1).unwrap();
    let at = files.pending.windows(wrapped.as_bytes().len());
    let at = at
        .clone()
        .position(|window| window == wrapped.as_bytes())
        .unwrap();
    let changed = |file: &[u8]| {
        let mut file = file.to_vec();
        file[at + 7] ^= 1;
        file
    };
    let want = LifecycleError::Share(ShareError::Changed(change.new[1].id()));
    let refused = domain.commit(&parse(&changed(&files.pending)), &mut hsm);
    let refused = refused.unwrap_err();
    assert_eq!(refused.error, want);
    let refused = refused.domain.commit(&parse(&change.file), &mut hsm);
    let refused = refused.unwrap_err();
    assert!(matches!(refused.error, LifecycleError::OtherHeader { .. }));
    let domain = refused.domain.commit(&pending, &mut hsm).unwrap();

    let next = complete(&domain, &files, &mut hsm);
    let refused = domain
        .confirm(&parse(&changed(&next)), &mut hsm)
        .unwrap_err();
    assert_eq!(refused.error, want);
    let refused = refused.domain.confirm(&pending, &mut hsm).unwrap_err();
    assert_eq!(refused.error, LifecycleError::Pending);
    let refused = refused.domain.confirm(&parse(&change.file), &mut hsm);
    let refused = refused.unwrap_err();
    assert!(matches!(refused.error, LifecycleError::OtherHeader { .. }));
    assert!(refused.domain.confirm(&parse(&next), &mut hsm).is_ok());
}
