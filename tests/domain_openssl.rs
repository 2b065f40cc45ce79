// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian unwraps with the openssl command, as with any token that has OAEP with SHA-256.

mod sealed;

use std::fs;

use sealed::{artifacts, openssl_unwraps, rng, sealing, vectors};
use security_domain::custodian::Recipient;
use security_domain::domain::{Epoch, Expect, Root};
use security_domain::rsa::{ModulusSize, PrivateKey, PublicKey};
use security_domain::wrap::PLAINTEXT_LEN;

#[test]
fn keys_of_every_size_and_a_share_by_openssl() {
    let root = Root::random(&mut rng(1)).unwrap();
    let rsa = vectors().parent().unwrap().join("rsa/keys");
    let paths = ["2048", "3072", "4096"].map(|bits| rsa.join(format!("{bits}.pkcs8.der")));
    let mut keys = paths
        .each_ref()
        .map(|path| PrivateKey::from_pkcs8_der(&fs::read(path).unwrap()).unwrap());
    let custodians: Vec<PublicKey> = keys.iter().map(|key| key.public_key().clone()).collect();
    assert_eq!(custodians[2].size(), ModulusSize::Rsa4096);
    let artifacts = artifacts();
    let sealing = sealing(&root, &artifacts, &custodians, 2);
    let mut file = vec![0; sealing.sealed_len().unwrap()];
    let sealed = sealing.seal(&mut rng(2), &mut file).unwrap();

    let mut out = vec![0; sealed.opened_len()];
    let expect = Expect::new(root.domain_id(), Epoch::FIRST);
    for (place, (custodian, wrapped)) in sealed.wrapped_shares().enumerate() {
        let plaintext = openssl_unwraps(&paths[place], wrapped.as_bytes());
        assert_eq!(plaintext.len(), PLAINTEXT_LEN);
        let ours = sealed.accept_share(custodian.id, &plaintext).unwrap();
        let other = (place + 1) % 3;
        let theirs = sealed
            .unwrap_share(custodians[other].id(), &mut keys[other], &mut rng(3))
            .unwrap();
        assert!(sealed.open(&expect, &[&ours, &theirs], &mut out).is_ok());
    }
}
