// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealed domains whose custodians hold keys of these kinds.

use security_domain::custodian::Recipient;
use security_domain::kem::{Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey, XWing};
use security_domain::sealed_domain::{Epoch, ExpectedDomain, Root, SealedDomain};

use super::key;
use super::sealed::{artifacts, rng, scratch, sealing};

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
