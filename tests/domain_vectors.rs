// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files under `tests/vectors/sealed-domain`, each named by its defect. They were written by
//! `tests/interop/sealed_domain.py`, which shares no line with the crate; `cases.json` says where each
//! is refused, and in which words.
#![cfg(feature = "sealed-domain")]

mod chain;
mod known_answer;
mod sealed;

use std::fs;

use chain::chain;
use sealed::{rng, vectors};
use security_domain::custodian::Recipient;
use security_domain::quorum::Threshold;
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{
    ArtifactTag, BirthCommitment, DomainLabel, DomainShare, ExpectedDomain, InstanceId, Lineage,
    ModuleFloor, ModuleName, ModuleVersion, Root, SealedDomain, Sealing,
};
use security_domain::secret::Secret;

fn keys() -> Vec<PrivateKey> {
    ["a", "b", "c", "d", "e"]
        .map(|name| fs::read(vectors().join(format!("keys/{name}.p8"))).unwrap())
        .map(|der| PrivateKey::from_pkcs8_der(&der).unwrap())
        .into()
}

/// How far a file gets, and what stops it.
fn verdict(file: &[u8], keys: &mut [PrivateKey]) -> (&'static str, String) {
    let sealed = match SealedDomain::parse(file) {
        Ok(sealed) => sealed,
        Err(error) => return ("parse", chain(&error)),
    };
    let mut shares = Vec::<DomainShare>::new();
    let mut stopped = None;
    for custodian in sealed.header().custodians() {
        let key = keys
            .iter_mut()
            .find(|key| key.public_key().id() == custodian.id)
            .unwrap();
        match sealed.unwrap_share(custodian.id, key, &mut rng(0)) {
            Ok(share) => shares.push(share),
            Err(error) => stopped = stopped.or(Some(chain(&error))),
        }
    }
    let given: Vec<_> = shares.iter().collect();
    let mut out = vec![0xaa; sealed.opened_len()];
    let opened = sealed
        .open(&ExpectedDomain::unpinned(), &given, &mut out)
        .map(drop);
    if let Some(error) = stopped {
        // The others open it: a wrong share is named and hurts nobody else.
        if given.len() >= usize::from(sealed.header().quorum().threshold().get()) {
            assert_eq!(opened, Ok(()));
        }
        return ("share", error);
    }
    match opened {
        Ok(()) => ("opens", String::new()),
        Err(error) => {
            assert!(out.iter().all(|byte| [0, 0xaa].contains(byte)));
            ("open", chain(&error))
        }
    }
}

#[test]
fn every_file_is_judged_as_its_name_says() {
    let cases = fs::read_to_string(vectors().join("cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&cases).unwrap();
    let mut keys = keys();
    let mut seen = 0;
    for case in cases.as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let file = fs::read(vectors().join(format!("{name}.sealed"))).unwrap();
        let (step, says) = verdict(&file, &mut keys);
        assert_eq!(step, case["step"], "{name}: {says}");
        assert_eq!(says, case["says"], "{name}");
        seen += 1;
    }
    let files = fs::read_dir(vectors()).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "sealed")
    });
    assert_eq!(
        files.count(),
        seen + 1,
        "every file but the known answer has a case"
    );
}

/// The commitment of the known answer's domain to its post-quantum identity.
fn commitment() -> BirthCommitment {
    BirthCommitment::from_bytes([
        0x4f, 0x63, 0xa0, 0xf9, 0x10, 0xdc, 0x4c, 0x27, 0x4a, 0xba, 0x8d, 0x71, 0x5f, 0xf8, 0x8a,
        0xbf, 0x81, 0x53, 0xb4, 0x68, 0x94, 0x39, 0x76, 0x9f, 0xa2, 0xde, 0x7e, 0x31, 0xac, 0xfc,
        0xfe, 0x1a,
    ])
}

#[cfg(feature = "pq-identity")]
#[test]
fn the_root_gives_the_commitment() {
    let known = || Root::from_secret(Secret::random(&mut rng(0x2a)).unwrap());
    let mut root = known();
    root.commit_to_post_quantum_identity().unwrap();
    assert_eq!(*root.commitment(), commitment());
    assert_eq!(
        root.domain_id(),
        known().committed(commitment()).domain_id()
    );
    assert_ne!(root.domain_id(), known().domain_id());
    let mut other = Root::from_secret(Secret::random(&mut rng(0x2b)).unwrap());
    other.commit_to_post_quantum_identity().unwrap();
    assert_ne!(other.commitment(), root.commitment());
}

/// The whole format with fixed draws. A change of one byte is a change of the format, or of the order
/// in which things are drawn.
#[test]
fn known_answer() {
    let keys = keys();
    let custodians: Vec<_> = keys[..3]
        .iter()
        .map(|key| key.public_key().clone())
        .collect();
    let root = Root::from_secret(Secret::random(&mut rng(0x2a)).unwrap()).committed(commitment());
    let artifacts: [(&str, &[u8]); 3] = [
        ("signing-key", &[0x5a; 32]),
        ("data-key", &[0xc3; 48]),
        ("notes", b""),
    ];
    let artifacts = artifacts.map(|(tag, bytes)| (ArtifactTag::new(tag).unwrap(), bytes));
    let sealing = Sealing {
        root: &root,
        artifacts: &artifacts,
        custodians: &custodians,
        threshold: Threshold::new(2).unwrap(),
        label: DomainLabel::new("known answer").unwrap(),
        lineage: Lineage::FIRST,
        floor: ModuleFloor {
            module: ModuleName::new("example-hsm").unwrap(),
            minimum: ModuleVersion::new(3),
        },
        break_glass: None,
        created: 1_790_000_000,
        instance: InstanceId::from_bytes(*b"0123456789abcdef"),
    };
    let mut file = vec![0; sealing.sealed_len().unwrap()];
    let sealed = sealing
        .seal(&mut rng(0x2b), &mut sealed::scratch(&sealing), &mut file)
        .unwrap();

    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let artifacts = artifacts.map(|(tag, bytes)| serde_json::json!([tag.as_str(), hex(bytes)]));
    let facts = serde_json::json!({
        "root": hex(root.secret().expose()),
        "domain_id": sealed.header().domain_id().to_string(),
        "header_digest": sealed.header().digest().to_string(),
        "artifacts": artifacts,
    });
    if known_answer::rewritten() {
        let pretty = serde_json::to_string_pretty(&facts).unwrap();
        fs::write(vectors().join("known-answer.json"), pretty + "\n").unwrap();
        fs::write(vectors().join("known-answer.sealed"), sealed.as_bytes()).unwrap();
    }
    let want = fs::read_to_string(vectors().join("known-answer.json")).unwrap();
    assert_eq!(
        facts,
        serde_json::from_str::<serde_json::Value>(&want).unwrap()
    );
    let want = fs::read(vectors().join("known-answer.sealed")).unwrap();
    assert_eq!(sealed.as_bytes(), want);
}
