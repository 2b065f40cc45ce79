// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions: a request is signed, custodians contribute, and the HSM opens what they send. Root,
//! shares, the private keys on both sides and everything that is drawn are secret.

use security_domain::approval::{Act, ActKind, ActSubject, ActTerms, Approval, Approvals, approve};
use security_domain::contribution::{
    Contribution, ContributionError, Request, SessionId, SessionPublicKey, SessionPurpose,
    VettedRequest, contribute,
};
use security_domain::custodian::{Identity, Recipient};
use security_domain::drill::{Challenge, Proof, Response, respond};
use security_domain::hazmat::contribution::{Asking, open_contribution};
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{
    DomainShare, Epoch, ExpectedDomain, InstanceId, LedgerHead, ModuleVersion, Root, SealedDomain,
};
use security_domain::secret::Secret;

use crate::Operation;
use crate::rng::SecretRng;
use crate::rsa::secret_key;
use crate::valgrind::{hidden, reveal};

pub const OPERATIONS: &[Operation] = &[
    ("lifecycle: sign a request", ask),
    ("lifecycle: contribute, open, 2 of 3", answer),
    ("lifecycle: contributions that do not open", refuse),
    ("drill: challenge, unwrap, respond", drill),
    ("approval: approve", approved),
];

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/vectors/sealed-domain/", $name))
    };
}

const SEALED: &[u8] = vector!("good.sealed");
const REQUEST: &[u8] = vector!("request-recover.cbor");
const CUSTODIANS: [&[u8]; 2] = [vector!("keys/a.p8"), vector!("keys/b.p8")];
const TRANSFER: &[u8] = vector!("keys/d.p8");

fn transfer() -> PrivateKey {
    secret_key(TRANSFER)
}

fn transfer_key() -> SessionPublicKey<'static> {
    Request::parse(REQUEST).unwrap().transfer()
}

fn ask() {
    let root = Root::from_secret(Secret::from_bytes(&mut hidden([0x72; 32])));
    let sealed = SealedDomain::parse(SEALED).unwrap();
    let asking = Asking {
        purpose: SessionPurpose::Rehearse,
        session: SessionId::from_bytes([1; 32]),
        header: sealed.header().digest(),
        domain_id: sealed.header().domain_id(),
        epoch: Epoch::FIRST,
        transfer: transfer_key(),
        instance: InstanceId::from_bytes([2; 16]),
        module_version: ModuleVersion::NONE,
        created: 0,
        expires: 0,
        ledger_head: LedgerHead::NONE,
    };
    let mut out = [0; Request::MAX_LEN];
    assert!(asking.write(Some(&root), &mut out).unwrap().is_signed());
}

/// The contribution of one custodian, and the share that the HSM takes from it.
fn contributed(sealed: &SealedDomain<'_>, custodian: usize) -> DomainShare {
    let mut key = secret_key(CUSTODIANS[custodian]);
    let id = sealed.header().custodians().nth(custodian).unwrap().id;
    let share = sealed
        .unwrap_share(id, &mut key, &mut SecretRng(50))
        .unwrap();
    let request = Request::parse(REQUEST).unwrap();
    let digest = request.digest();
    let vetted = VettedRequest::compared(request, digest).unwrap();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let mut out = [0; Contribution::MAX_LEN];
    let rng = &mut SecretRng(51);
    let contribution = contribute(sealed, &expect, &vetted, &share, 0, rng, &mut out).unwrap();
    let mut rng = SecretRng(52);
    open_contribution(&contribution, sealed, digest, &mut transfer(), &mut rng).unwrap()
}

fn answer() {
    let sealed = SealedDomain::parse(SEALED).unwrap();
    let shares = [1, 0].map(|custodian| contributed(&sealed, custodian));
    let mut out = vec![0; sealed.opened_len()];
    let opened = sealed.open(&ExpectedDomain::unpinned(), &shares.each_ref(), &mut out);
    let artifacts = opened.unwrap();
    let mut note = artifacts.artifacts().nth(2).unwrap().1.to_vec();
    reveal(&mut note);
    assert_eq!(note, b"three artifacts");
}

/// Signed by their custodian, and not his share for this session.
fn refuse() {
    let sealed = SealedDomain::parse(SEALED).unwrap();
    let digest = Request::parse(REQUEST).unwrap().digest();
    let id = sealed.header().custodians().next().unwrap().id;
    let files: [&[u8]; 4] = [
        vector!("contribution-bound-to-another-session.cbor"),
        vector!("contribution-of-a-wrong-share.cbor"),
        vector!("contribution-of-31-bytes.cbor"),
        vector!("contribution-wrapped-to-another-key.cbor"),
    ];
    for file in files {
        let contribution = Contribution::parse(file).unwrap();
        let mut rng = SecretRng(53);
        let refused = open_contribution(&contribution, &sealed, digest, &mut transfer(), &mut rng);
        assert_eq!(refused.unwrap_err(), ContributionError::DoesNotOpen(id));
    }
}

/// A custodian proves that he has key and share. The values are secret until he shows one.
fn drill() {
    let sealed = SealedDomain::parse(SEALED).unwrap();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let mut key = secret_key(CUSTODIANS[0]);
    let keys = [key.public_key().clone()];
    let id = keys[0].id();
    let mut file = vec![0; Challenge::written_len(&keys)];
    let challenge = Challenge::write(&sealed, &keys, 0, &mut SecretRng(54), &mut file).unwrap();
    let rng = &mut SecretRng(55);
    let share = sealed.unwrap_share(id, &mut key, rng).unwrap();
    let value = challenge.unwrap_value(&sealed, id, &mut key, rng).unwrap();
    let mut out = [0; Response::MAX_LEN];
    let value = Some(&value);
    let response = respond(&sealed, &expect, &challenge, &share, value, rng, &mut out).unwrap();
    let answered = response.verify(&sealed, &expect, &challenge).unwrap();
    assert_eq!(answered.proof, Proof::KeyAndShare);

    // The same value, unwrapped by a token; and a share in its place.
    let (_, wrapped) = challenge.values().next().unwrap();
    let mut plaintext = [0; 65];
    let length = key.unwrap_key(wrapped.as_bytes(), &[], rng, &mut plaintext);
    assert_eq!(length, Ok(65));
    assert!(challenge.accept_value(&sealed, id, &plaintext).is_ok());
    let (_, wrapped) = sealed.wrapped_shares().next().unwrap();
    let length = key.unwrap_key(wrapped.as_bytes(), &[], rng, &mut plaintext);
    assert_eq!(length, Ok(65));
    assert!(challenge.accept_value(&sealed, id, &plaintext).is_err());
}

/// Two custodians approve an act with their shares.
fn approved() {
    let sealed = SealedDomain::parse(SEALED).unwrap();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let terms = ActTerms {
        kind: ActKind::FullBackup,
        instance: sealed.header().instance(),
        subject: ActSubject::NONE,
        created: 0,
        expires: 0,
    };
    let mut file = [0; Act::MAX_LEN];
    let act = Act::write(&sealed, &terms, &mut SecretRng(56), &mut file).unwrap();
    let mut approvals = Approvals::new(&sealed, &expect, &act).unwrap();
    for (der, custodian) in CUSTODIANS.into_iter().zip(sealed.header().custodians()) {
        let (mut key, rng) = (secret_key(der), &mut SecretRng(57));
        let share = sealed.unwrap_share(custodian.id, &mut key, rng).unwrap();
        let mut out = [0; Approval::MAX_LEN];
        let approval = approve(&sealed, &expect, &act, &share, 0, rng, &mut out).unwrap();
        assert_eq!(approvals.add(&approval, 0), Ok(custodian.id));
    }
    let approved = approvals.enough(0).unwrap();
    assert_eq!(
        approved.spend(ActKind::FullBackup, act.digest(), || ()),
        Ok(())
    );
}
