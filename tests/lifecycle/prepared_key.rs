// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session with a transfer key that the host made beforehand.

use security_domain::contribution::Request;
use security_domain::custodian::{Algorithm, Recipient};
use security_domain::rsa::{KeyGeneration, ModulusSize, PrivateKey, Workspace};

use crate::flash::{Hsm, RsaEngine};
use crate::sealed::rng;
use crate::world::{Lost, has_artifacts, hsm, parse, rsa_transfer, vault};

const SIZE: ModulusSize = ModulusSize::Rsa2048;

/// Makes a key in steps, as firmware with a scheduler does.
fn made(seed: u8) -> PrivateKey {
    let mut workspace = Workspace::<{ KeyGeneration::workspace_len(SIZE) }>::new();
    let mut generation = KeyGeneration::new(SIZE, &mut workspace).unwrap();
    let mut rng = rng(seed);
    while generation.step(&mut rng).unwrap().is_pending() {}
    generation.into_key().unwrap()
}

fn with_key(seed: u8) -> (Hsm, Vec<u8>) {
    let mut hsm = hsm(2);
    let key = made(seed);
    let modulus = key.public_key().modulus().to_vec();
    hsm.prepared = Some(key);
    (hsm, modulus)
}

/// What is left in the host is no key: no number of it is there.
fn is_wiped(key: &PrivateKey) -> bool {
    let mut der = [0; PrivateKey::PKCS8_MAX_LEN];
    key.public_key().modulus().iter().all(|byte| *byte == 0) && key.to_pkcs8_der(&mut der).is_err()
}

#[test]
fn a_recovery_takes_the_key_and_wipes_it_where_it_was() {
    let lost = Lost::new(1);
    let (mut vault, (mut hsm, modulus)) = (vault(), with_key(5));
    let (mut domain, request) = lost.recovering(&mut vault, &mut hsm, 0);
    assert_eq!(rsa_transfer(&request).modulus(), modulus);
    assert!(is_wiped(hsm.prepared.as_ref().unwrap()));
    for place in [0, 1] {
        let contribution = lost.contribution(place, &request);
        domain
            .add(&lost.sealed(), &parse(&contribution), &mut hsm)
            .unwrap();
    }
    let domain = { domain.quorum().unwrap() }
        .open(&lost.sealed(), &mut hsm)
        .unwrap();
    assert!(has_artifacts(&domain, &mut hsm));
}

/// What was taken once is no key, and the next session has another.
#[test]
fn a_key_serves_one_session() {
    let lost = Lost::new(1);
    let (mut vault, (mut hsm, modulus)) = (vault(), with_key(5));
    let (domain, _) = lost.recovering(&mut vault, &mut hsm, 0);
    drop(domain.cancel(&mut hsm).unwrap());
    hsm.kind = Some(Algorithm::Rsa2048OaepSha256);
    let (domain, request) = lost.recovering(&mut vault, &mut hsm, 0);
    let next = rsa_transfer(&request);
    assert_ne!(next.modulus(), modulus);
    assert_eq!(next.size(), SIZE);
    drop(domain.cancel(&mut hsm).unwrap());
    // It counts as none when a kind is chosen, too.
    hsm.kind = None;
    let (_, request) = lost.recovering(&mut vault, &mut hsm, 0);
    let next = Request::parse(&request).unwrap().transfer().algorithm();
    assert_eq!(next == Algorithm::XWing, cfg!(feature = "pq"));
}

#[test]
fn a_device_comes_first() {
    let lost = Lost::new(1);
    let (mut vault, (mut hsm, modulus)) = (vault(), with_key(5));
    hsm.engine = Some(RsaEngine::new());
    let (_, request) = lost.recovering(&mut vault, &mut hsm, 0);
    assert_ne!(rsa_transfer(&request).modulus(), modulus);
    assert!(!is_wiped(hsm.prepared.as_ref().unwrap()));
}

#[cfg(feature = "managed-hsm")]
#[test]
fn an_import_takes_a_key_of_its_size_and_leaves_a_shorter_one() {
    use security_domain::lifecycle::ExpectedArtifact;
    use security_domain::sealed_domain::ArtifactTag;
    use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN};

    use crate::world::empty;

    let tag = ArtifactTag::new("artifact").unwrap();
    let expected = [ExpectedArtifact { tag, digest: None }];
    for size in [SIZE, ModulusSize::Rsa3072] {
        let (mut vault, (mut hsm, modulus)) = (vault(), with_key(5));
        hsm.now = 1_800_000_000;
        let mut out = [0; SELF_SIGNED_MAX_LEN];
        let (_, len) = empty(&mut vault, &mut hsm)
            .begin_import(size, &expected, None, &mut hsm, &mut out)
            .unwrap();
        let certificate = Certificate::parse(&out[..len]).unwrap();
        let fits = size == SIZE;
        assert_eq!(certificate.public_key().size(), size);
        assert_eq!(certificate.public_key().modulus() == modulus, fits);
        assert_eq!(is_wiped(hsm.prepared.as_ref().unwrap()), fits);
    }
}
