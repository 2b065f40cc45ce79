// SPDX-License-Identifier: MIT OR Apache-2.0
//! A skipped branch that takes a refusal for a success leaves no valid permit, and opens nothing.

use std::vec;
use std::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::custodian::Recipient;
use crate::hardened::Permit;
use crate::rsa::PrivateKey;
use crate::sealed_domain::ShareError;

const FILE: &[u8] = include_bytes!("../../../tests/vectors/sealed-domain/good.sealed");
const KEYS: [&[u8]; 2] = [
    include_bytes!("../../../tests/vectors/sealed-domain/keys/a.p8"),
    include_bytes!("../../../tests/vectors/sealed-domain/keys/b.p8"),
];

fn shares(sealed: &SealedDomain<'_>) -> Vec<DomainShare> {
    let unwrap = |der: &[u8]| {
        let mut key = PrivateKey::from_pkcs8_der(der).unwrap();
        let (id, mut rng) = (key.public_key().id(), ChaCha20Rng::from_seed([1; 32]));
        sealed.unwrap_share(id, &mut key, &mut rng).unwrap()
    };
    KEYS.iter().map(|der| unwrap(der)).collect()
}

fn open(sealed: &SealedDomain<'_>, shares: &[DomainShare]) -> Result<(), OpenError> {
    let expect = ExpectedDomain::new(sealed.header().domain_id(), sealed.header().epoch());
    let shares: Vec<_> = shares.iter().collect();
    let mut out = vec![0; sealed.opened_len()];
    let opened = sealed.open(&expect, &shares, &mut out)?;
    opened.check()?.spend(OpenError::Fault)
}

#[test]
fn an_unsigned_file_gives_nothing() {
    let mut sealed = SealedDomain::parse(FILE).unwrap();
    let shares = shares(&sealed);
    assert_eq!(open(&sealed, &shares), Ok(()));
    let (custodian, wrapped) = sealed.wrapped_shares().next().unwrap();
    let (custodian, mut key) = (custodian.id, PrivateKey::from_pkcs8_der(KEYS[0]).unwrap());
    let mut plaintext = [0; crate::wrapped_share::PLAINTEXT_LEN];
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    crate::custodian::Identity::unwrap_key(
        &mut key,
        wrapped.as_bytes(),
        &[],
        &mut rng,
        &mut plaintext,
    )
    .unwrap();
    assert!(sealed.accept_share(custodian, &plaintext).is_ok());

    sealed.signed = Permit::REFUSED;
    assert_eq!(open(&sealed, &shares), Err(OpenError::Pending));
    let refused = sealed.accept_share(custodian, &plaintext).unwrap_err();
    assert_eq!(refused, ShareError::Fault);
}

#[test]
fn an_unconfirmed_share_is_no_part_of_a_quorum() {
    let sealed = SealedDomain::parse(FILE).unwrap();
    let mut shares = shares(&sealed);
    shares[1].confirmed = Permit::REFUSED;
    let refused = OpenError::ForeignShare(shares[1].custodian());
    assert_eq!(open(&sealed, &shares), Err(refused));
}

/// The permit needs all parts: the expected domain, not pending, and the quorum.
#[test]
fn nothing_is_decrypted_without_a_permit() {
    let sealed = SealedDomain::parse(FILE).unwrap();
    let shares = shares(&sealed);
    let all: Vec<_> = shares.iter().collect();
    let (quorum, _) = sealed.quorum(&all).unwrap();
    let mut data_key = Secret::zeroed();
    shamir::combine_into(sealed.header().quorum(), &quorum, &mut data_key).unwrap();
    let mut key = SealingKey::none();
    let salt = &sealed.header().core.salt;
    key.derive(salt, &data_key, sealed.release.unwrap())
        .unwrap();
    let mut out = vec![0xaa; sealed.opened_len()];
    let mut opened = Opened {
        root: Root::zeroed(),
        artifacts: sealed.header().artifacts(),
        body: &mut out,
        permit: Permit::REFUSED,
    };
    assert_eq!(
        sealed.open_body(&key, &mut NoGenerator, &mut opened),
        Err(OpenError::Fault)
    );
    assert!(opened.body.iter().all(|byte| *byte == 0xaa));
    assert_eq!(opened.root.secret().expose(), &[0; 32]);

    opened.permit = sealed.check_complete(()).unwrap();
    assert_eq!(
        sealed.open_body(&key, &mut NoGenerator, &mut opened),
        Ok(())
    );
    assert!(opened.check().is_ok());
    opened.permit = Permit::REFUSED;
    assert_eq!(opened.check().err(), Some(OpenError::Fault));
}

#[test]
fn an_artifact_that_is_missing_is_a_fault() {
    let sealed = SealedDomain::parse(FILE).unwrap();
    let mut out = vec![0; sealed.opened_len() - 1];
    let opened = Opened {
        root: Root::zeroed(),
        artifacts: sealed.header().artifacts(),
        body: &mut out,
        permit: sealed.check_complete(()).unwrap(),
    };
    let listed = sealed.header().artifacts().count();
    assert_eq!(opened.artifacts().count(), listed - 1);
    assert_eq!(opened.check().err(), Some(OpenError::Fault));
}
