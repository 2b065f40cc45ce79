// SPDX-License-Identifier: MIT OR Apache-2.0
//! A change of the quorum, whole: the domain, the release that is held back, the transfer key, shares
//! and values of challenges are secret.

use security_domain::approval::{Act, ActKind, Approval, Approvals, approve};
use security_domain::contribution::{Contribution, Request};
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Response, respond};
use security_domain::lifecycle::{Added, AnyDomain, ArtifactDigest, Proofs, Rotating, Stage};
use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};

use crate::Operation;
use crate::domain::Masking;
use crate::flash::Flash;
use crate::lifecycle::{
    ARTIFACTS, In, activation, active, check, contribution, empty, expect, start, vault,
};
use crate::rng::SecretRng;
use crate::valgrind::reveal;

pub const OPERATIONS: &[Operation] = &[
    ("lifecycle: rotate, adopt", rotate),
    ("lifecycle: ask, emit again", emit_again),
    ("lifecycle: rehearse", rehearse),
];

/// What a new custodian answers to the challenge.
fn response(pending: &SealedDomain<'_>, mut key: Masking, challenge: &Challenge<'_>) -> Vec<u8> {
    let rng = &mut SecretRng(82);
    let share = pending.unwrap_share(key.id(), &mut key, rng).unwrap();
    let value = challenge
        .unwrap_value(pending, key.id(), &mut key, rng)
        .unwrap();
    let (expect, mut out) = (expect(pending), vec![0; Response::MAX_LEN]);
    respond(
        pending,
        &expect,
        challenge,
        &share,
        Some(&value),
        rng,
        &mut out,
    )
    .unwrap();
    reveal(&mut out);
    out
}

fn rotate() {
    let (mut memory, mut host) = (vault(), Flash::transparent(80));
    let (domain, file) = active(&mut memory, &mut host);
    let current = SealedDomain::parse(&file).unwrap();
    let keys = [4, 5, 6].map(Masking);
    let (mut pending, mut request) = (vec![0; 0x2000], vec![0; Request::MAX_LEN]);
    let outputs = (&mut pending[..], &mut request[..]);
    let proposed = domain.propose(
        &current,
        &activation(&keys),
        Proofs::Threshold,
        None,
        &mut host,
        outputs,
    );
    let (domain, written) = proposed.unwrap();
    pending.truncate(written.pending);
    request.truncate(written.request);
    reveal(&mut pending);
    reveal(&mut request);
    drop::<In<'_, Rotating>>(domain);
    let AnyDomain::Rotating(mut domain) = start(&mut memory, &mut host) else {
        panic!("it waits for consents");
    };
    let pending = SealedDomain::parse(&pending).unwrap();
    for key in [1, 3] {
        let consent = contribution(&current, Masking(key), &request);
        let consent = Contribution::parse(&consent).unwrap();
        assert_eq!(
            domain.consent(&current, &consent, &mut host),
            Ok(Added::New)
        );
    }
    let mut challenge = vec![0; Challenge::written_len(&keys)];
    let len = domain.challenge(&pending, &keys, &mut host, &mut challenge);
    challenge.truncate(len.unwrap());
    reveal(&mut challenge);
    let challenge = Challenge::parse(&challenge).unwrap();
    for key in [4, 6] {
        let response = response(&pending, Masking(key), &challenge);
        let response = Response::parse(&response).unwrap();
        let added = domain.prove(&pending, &challenge, &response, &mut host);
        assert_eq!(added, Ok(Added::New));
    }
    let domain = domain.commit(&pending, &mut host).unwrap();
    let mut next = domain.complete_next(&pending, &mut host).unwrap().concat();
    reveal(&mut next);
    let next = SealedDomain::parse(&next).unwrap();
    drop(domain.confirm(&next, &mut host).unwrap());
    check(&mut memory, &mut host, &ARTIFACTS);

    // An HSM that has the first file takes the next one.
    let (mut memory, mut host) = (vault(), Flash::transparent(80));
    let (mut domain, _) = active(&mut memory, &mut host);
    let header = next.header();
    let expect = ExpectedDomain::header(header.domain_id(), header.epoch(), header.digest());
    domain.adopt(&next, &expect, &mut host).unwrap();
    drop(domain);
    check(&mut memory, &mut host, &ARTIFACTS);
}

/// Two custodians approve that the release leaves again.
fn emit_again() {
    let (mut memory, mut host) = (vault(), Flash::transparent(80));
    let (mut domain, file) = active(&mut memory, &mut host);
    let current = SealedDomain::parse(&file).unwrap();
    let kind = ActKind::EmitRelease;
    domain.demand_approval(kind, &mut host).unwrap();
    assert!(domain.complete(&current, &mut host).is_err());
    let mut act = [0; Act::MAX_LEN];
    let len = domain
        .ask_approval(&current, kind, None, &mut host, &mut act)
        .unwrap();
    reveal(&mut act);
    let (act, expect) = (Act::parse(&act[..len]).unwrap(), expect(&current));
    let mut approvals = Approvals::new(&current, &expect, &act).unwrap();
    for mut key in [1, 2].map(Masking) {
        let rng = &mut SecretRng(83);
        let share = current.unwrap_share(key.id(), &mut key, rng).unwrap();
        let mut out = [0; Approval::MAX_LEN];
        approve(&current, &expect, &act, &share, 0, rng, &mut out).unwrap();
        reveal(&mut out);
        approvals.add(&Approval::parse(&out).unwrap(), 0).unwrap();
    }
    let approved = approvals.enough(0).unwrap();
    let again = domain.complete_approved(&current, approved, &mut host);
    assert_eq!(again.unwrap().concat(), file);
    assert_eq!(domain.open_act(), None);
    drop(domain);
    check(&mut memory, &mut host, &ARTIFACTS);
}

/// A quorum opens the domain in an HSM that reports it; the HSM that has it reports the same.
fn rehearse() {
    let (mut memory, mut host) = (vault(), Flash::transparent(80));
    let (domain, file) = active(&mut memory, &mut host);
    let sealed = SealedDomain::parse(&file).unwrap();
    let none = [ArtifactDigest::from_bytes([0; 32]); ARTIFACTS.len()];
    let (mut have, mut want) = (none, none);
    domain.artifact_digests(&mut host, &mut want).unwrap();

    let (mut memory, mut host) = (vault(), Flash::transparent(84));
    let mut request = [0; Request::MAX_LEN];
    let (mut domain, len) = empty(&mut memory, &mut host)
        .begin_rehearsal(&sealed, &expect(&sealed), None, &mut host, &mut request)
        .unwrap();
    let request = &mut request[..len];
    reveal(request);
    for key in [1, 2] {
        let contribution = contribution(&sealed, Masking(key), request);
        let contribution = Contribution::parse(&contribution).unwrap();
        assert_eq!(
            domain.add(&sealed, &contribution, &mut host),
            Ok(Added::New)
        );
    }
    let (domain, _) = domain.report(&sealed, &mut host, &mut have).unwrap();
    assert_eq!(domain.status().stage, Stage::Empty);
    assert_eq!(have, want);
}
