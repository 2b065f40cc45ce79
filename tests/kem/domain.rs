// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealed domains whose custodians hold keys of these kinds.

use std::fs;

use security_domain::both::{Both, BothPublicKeys};
use security_domain::custodian::{CustodianId, Identity, Recipient};
use security_domain::kem::{Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey, XWing};
use security_domain::rsa;
use security_domain::sealed_domain::{DomainShare, Epoch, ExpectedDomain, Root, SealedDomain};
use serde_json::Value;

use super::interop::{bytes, file};
use super::key;
use super::sealed::{artifacts, rng, scratch, sealing, vectors};

fn opens<K: Kem>() {
    let root = Root::random(&mut rng(1)).unwrap();
    let artifacts = artifacts();
    let mut keys: Vec<PrivateKey<K>> = (1..=3).map(key).collect();
    let public: Vec<PublicKey<K>> = keys.iter().map(|key| key.public_key().unwrap()).collect();
    let sealing = sealing(&root, &artifacts, &public, 2);
    let mut file = vec![0; sealing.sealed_len().unwrap()];
    sealing
        .seal(&mut rng(2), &mut scratch(&sealing), &mut file)
        .unwrap();
    let sealed = SealedDomain::parse(&file).unwrap();
    let kind = public[0].algorithm();
    for ((custodian, wrapped), public) in sealed.wrapped_shares().zip(&public) {
        assert_eq!((custodian.id, custodian.algorithm), (public.id(), kind));
        assert_eq!(wrapped.as_bytes().len(), kind.wrapped_len(65));
    }
    let shares: Vec<_> = { keys.iter_mut().zip(&public) }
        .map(|(key, public)| sealed.unwrap_share(public.id(), key, &mut rng(0)).unwrap())
        .collect();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let mut out = vec![0; file.len()];
    for pair in [[0, 1], [1, 2], [0, 2]] {
        let chosen = pair.map(|at| &shares[at]);
        let opened = sealed.open(&expect, &chosen, &mut out).unwrap();
        assert_eq!(
            opened.root().domain_id().unwrap(),
            root.domain_id().unwrap()
        );
    }
    // The share of one custodian does not open with another's key.
    assert!(
        sealed
            .unwrap_share(public[0].id(), &mut keys[1], &mut rng(0))
            .is_err()
    );
}

#[test]
fn custodians_of_each_kind_open_a_domain() {
    opens::<P256>();
    opens::<XWing>();
    opens::<MlKem1024P384>();
    opens::<MlKem1024>();
}

fn share(sealed: &SealedDomain<'_>, id: CustodianId, key: &mut impl Identity) -> DomainShare {
    let Ok(share) = sealed.unwrap_share(id, key, &mut rng(0)) else {
        panic!("the share of {id} does not open");
    };
    share
}

fn share_of<K: Kem>(sealed: &SealedDomain<'_>, seed: &[u8]) -> DomainShare {
    let mut key = PrivateKey::<K>::from_seed(seed).unwrap();
    share(sealed, key.public_key().unwrap().id(), &mut key)
}

/// The file was written by `tests/interop/kinds.py`: an RSA key, one of each other kind, and two
/// that are both needed.
#[test]
fn a_foreign_file_with_a_custodian_of_every_kind_opens() {
    let facts = fs::read(file("every-kind.json")).unwrap();
    let file = fs::read(file("every-kind.sealed")).unwrap();
    let facts: Value = serde_json::from_slice(&facts).unwrap();
    let sealed = SealedDomain::parse(&file).unwrap();
    let rsa_key = |name: &str| {
        let der = fs::read(vectors().join(format!("keys/{name}.p8"))).unwrap();
        rsa::PrivateKey::from_pkcs8_der(&der).unwrap()
    };
    let mut first = rsa_key("b");
    let mut shares = vec![share(&sealed, first.public_key().id(), &mut first)];
    for row in facts["seeds"].as_array().unwrap() {
        let seed = bytes(row, 1);
        shares.push(match row[0].as_str().unwrap() {
            "p256" => share_of::<P256>(&sealed, &seed),
            "x-wing" => share_of::<XWing>(&sealed, &seed),
            "mlkem1024-p384" => share_of::<MlKem1024P384>(&sealed, &seed),
            "ml-kem-1024" => share_of::<MlKem1024>(&sealed, &seed),
            kind => {
                assert_eq!(kind, "a+x-wing");
                let mut token = rsa_key("a");
                let mut paper = PrivateKey::<XWing>::from_seed(&seed).unwrap();
                let keys =
                    BothPublicKeys::new(token.public_key().clone(), paper.public_key().unwrap());
                share(
                    &sealed,
                    keys.id(),
                    &mut Both::new(&keys, &mut token, &mut paper),
                )
            }
        });
    }
    assert_eq!(shares.len(), sealed.header().custodians().count());
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    for (at, one) in shares.iter().enumerate() {
        for other in &shares[at + 1..] {
            let mut out = vec![0; file.len()];
            let opened = sealed.open(&expect, &[one, other], &mut out).unwrap();
            assert_eq!(opened.root().secret().expose()[..], bytes(&facts, "root"));
            let wanted = facts["artifacts"].as_array().unwrap();
            for ((tag, found), want) in opened.artifacts().zip(wanted) {
                assert_eq!(tag.as_str(), want[0]);
                assert_eq!(found, bytes(want, 1));
            }
            assert_eq!(opened.artifacts().count(), 3);
        }
    }
}
