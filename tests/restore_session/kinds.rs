// SPDX-License-Identifier: MIT OR Apache-2.0
//! Session's keys of every kind.

use std::fs;

use security_domain::contribution::SessionPublicKey;
use security_domain::custodian::{Algorithm, Recipient};
use security_domain::hazmat::managed_hsm::Asking;
use security_domain::kem::{Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, XWing};
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{
    Added, AskError, CollectError, Collector, Contribution, Request, ask, contribute,
};
use security_domain::x509::Certificate;
use serde_json::{Value, json};

use crate::fixtures::{certificate_der, private_key, thumbprint};
use crate::known_answer;
use crate::vectors::folder;
use crate::world::{NOW, TRANSFER, asked, compared, contributed, domain, rng, text};

/// A key, and its public half, which lives as long as the test.
fn key_of<K: Kem>(seed: u8) -> (PrivateKey<K>, SessionPublicKey<'static>) {
    let key = PrivateKey::<K>::generate(&mut rng(seed)).unwrap();
    let mut spki = vec![0; 1700];
    let public = key.public_key().unwrap();
    let len = public.to_spki_der(&mut spki).unwrap();
    spki.truncate(len);
    let public = SessionPublicKey::new(public.algorithm(), spki.leak()).unwrap();
    (key, public)
}

/// A share comes back through a key of this kind, and through no other key of it.
fn takes<K: Kem>() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let ((mut key, public), (mut other, _)) = (key_of::<K>(2), key_of::<K>(3));
    let request = asked(&file, public, 4);
    let parsed = Request::parse(&request).unwrap();
    assert_eq!(parsed.key(), public);

    let given = contributed(&file, &request, "s2048_2").unwrap();
    let kind = public.algorithm();
    let head = if kind == Algorithm::DhKemP256 { 2 } else { 3 };
    assert_eq!(given.len(), 70 + head + kind.wrapped_len(96));
    assert!(given.len() <= Contribution::MAX_LEN);
    let given = Contribution::parse(&given).unwrap();
    let mut collector = Collector::new(&file, parsed).unwrap();
    // ML-KEM rejects implicitly, the curves give another secret: all look alike.
    let refused = collector.add(&given, &mut other, NOW, &mut rng(5));
    assert_eq!(
        refused,
        Err(CollectError::DoesNotOpen(thumbprint("s2048_2")))
    );
    let added = collector.add(&given, &mut key, NOW, &mut rng(5));
    assert_eq!(added, Ok(Added::New(thumbprint("s2048_2"))));
}

#[test]
fn contributions_come_back_through_a_key_of_each_kind() {
    takes::<P256>();
    takes::<XWing>();
    takes::<MlKem1024P384>();
    takes::<MlKem1024>();
}

fn unhex(text: &str) -> Vec<u8> {
    { 0..text.len() / 2 }
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn opens<K: Kem>(kind: &str, seed: &[u8], contribution: &[u8]) {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let request = fs::read(folder().join(format!("request-to-a-key-of-{kind}.cbor"))).unwrap();
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let contribution = Contribution::parse(contribution).unwrap();
    let mut key = PrivateKey::<K>::from_seed(seed).unwrap();
    let added = collector.add(&contribution, &mut key, NOW, &mut rng(1));
    assert_eq!(added, Ok(Added::New(thumbprint("s2048_1"))), "{kind}");
}

/// What `tests/interop/restore_session.py` wrote opens here, and it opens what is written here: the
/// second file is compared with what the crate writes, and read by the script.
#[test]
fn contributions_of_the_independent_writer_open() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let rows: Vec<Value> =
        serde_json::from_slice(&fs::read(folder().join("contributions.json")).unwrap()).unwrap();
    assert_eq!(rows.len(), 4);
    let mut made = Vec::new();
    for row in &rows {
        let [kind, seed, contribution] =
            ["kind", "seed", "contribution"].map(|name| row[name].as_str().unwrap());
        let open = match kind {
            "p256" => opens::<P256>,
            "x-wing" => opens::<XWing>,
            "mlkem1024-p384" => opens::<MlKem1024P384>,
            _ => opens::<MlKem1024>,
        };
        open(kind, &unhex(seed), &unhex(contribution));
        let request = fs::read(folder().join(format!("request-to-a-key-of-{kind}.cbor"))).unwrap();
        let (vetted, mut key) = (compared(&request), private_key("s2048_1"));
        let mut out = [0; Contribution::MAX_LEN];
        let custodian = thumbprint("s2048_1");
        let given = contribute(
            &file,
            &vetted,
            &custodian,
            &mut key,
            NOW,
            &mut rng(9),
            &mut out,
        );
        let given: String = { given.unwrap().as_bytes().iter() }
            .map(|byte| format!("{byte:02x}"))
            .collect();
        open(kind, &unhex(seed), &unhex(&given));
        made.push(json!({ "kind": kind, "seed": seed, "contribution": given }));
    }
    let known = folder().join("known-contributions.json");
    if known_answer::rewritten() {
        let pretty = serde_json::to_string_pretty(&made).unwrap();
        fs::write(&known, pretty + "\n").unwrap();
    }
    let written: Vec<Value> = serde_json::from_slice(&fs::read(known).unwrap()).unwrap();
    assert_eq!(made, written);
}

/// The order of `docs/format.md`: a P-256 key is as strong as RSA-3072, and weaker than RSA-4096.
#[test]
fn a_session_key_is_as_strong_as_every_custodians() {
    let der = certificate_der(TRANSFER);
    let transfer = Certificate::parse(&der).unwrap();
    let times = crate::asking::WITHOUT_A_CLOCK;
    for (case, bits, p256_is_enough) in [
        ("v02-2of3-3072", 3072, true),
        ("v03-2of3-4096", 4096, false),
    ] {
        let text = text(case);
        let file = DomainFile::parse(&text).unwrap();
        let mut out = [0; Request::MAX_LEN];
        let (_, key) = key_of::<P256>(1);
        let asked = ask(&file, &transfer, key, times, &mut rng(1), &mut out);
        let weaker = AskError::WeakerKey {
            session: Algorithm::DhKemP256,
            custodian: Algorithm::Rsa4096OaepSha256,
        };
        match asked {
            Ok(_) => assert!(p256_is_enough, "{bits}"),
            Err(error) => assert!(!p256_is_enough && error == weaker, "{bits}"),
        }
        let (_, key) = key_of::<XWing>(1);
        assert!(ask(&file, &transfer, key, times, &mut rng(1), &mut out).is_ok());
    }
}

#[test]
fn the_longest_files_are_as_long_as_promised() {
    let (_, key) = key_of::<MlKem1024P384>(1);
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let asking = Asking {
        session: security_domain::contribution::SessionId::from_bytes([1; 32]),
        file: file.digest(),
        transfer: thumbprint(TRANSFER),
        key,
        created: u64::MAX,
        expires: u64::MAX,
    };
    let mut out = [0; Request::MAX_LEN];
    // The code of this kind takes 2 bytes, and there is room for the 5 of two keys' kinds.
    let len = asking.write(&mut out).unwrap().as_bytes().len();
    assert_eq!(len, Request::MAX_LEN - 3);
    assert_eq!(
        contributed(&file, &out[..len], "s2048_0").unwrap().len(),
        Contribution::MAX_LEN
    );
}
