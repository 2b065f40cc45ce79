// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transfer keys of every kind.

use std::fs;

use security_domain::contribution::{
    Contribution, ContributionError, ProposalDigest, Request, SessionField, SessionFileError,
    SessionPublicKey, SessionPurpose, VettedRequest, contribute,
};
use security_domain::custodian::{Algorithm, PostQuantum, Recipient};
use security_domain::hazmat::contribution::open_contribution;
use security_domain::kem::{Kem, KeyError, MlKem1024, MlKem1024P384, P256, PrivateKey, XWing};
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::{Epoch, ExpectedDomain, SealedDomain};
use serde_json::{Value, json};

use crate::known_answer;
use crate::sealed::{rng, vectors};
use crate::world::{World, rsa, session_key, written};

/// A key, and its SubjectPublicKeyInfo, which lives as long as the test.
fn key_of<K: Kem>(seed: u8) -> (PrivateKey<K>, &'static [u8]) {
    let key = PrivateKey::<K>::generate(&mut rng(seed)).unwrap();
    let mut spki = vec![0; 1700];
    let len = key.public_key().unwrap().to_spki_der(&mut spki).unwrap();
    spki.truncate(len);
    (key, spki.leak())
}

fn kind_of<K: Kem>() -> Algorithm {
    let (key, _) = key_of::<K>(1);
    key.public_key().unwrap().algorithm()
}

/// A share comes back through a key of this kind, and through no other key of it.
fn takes<K: Kem>() {
    let world = World::new(1);
    let kind = kind_of::<K>();
    let ((mut key, spki), (mut other, _)) = (key_of::<K>(2), key_of::<K>(3));
    let mut asking = world.asking();
    asking.transfer = SessionPublicKey::new(kind, spki).unwrap();
    let bytes = written(&asking);
    let request = Request::parse(&bytes).unwrap();
    assert_eq!(request.transfer(), asking.transfer);
    assert_eq!(request.transfer().algorithm(), kind);
    assert_eq!(request.transfer().as_spki_der(), spki);
    assert_eq!(request.transfer().id(), key.public_key().unwrap().id());

    let contribution = world.contribution(1, &bytes).unwrap();
    let head = if kind == Algorithm::DhKemP256 { 2 } else { 3 };
    assert_eq!(contribution.len(), 103 + head + kind.wrapped_len(65));
    assert!(contribution.len() <= Contribution::MAX_LEN);
    let share = world.open_with(request.digest(), &contribution, &mut key);
    assert_eq!(share.unwrap().custodian(), world.id(1));

    // ML-KEM rejects implicitly, the curves give another secret: all look alike.
    let refused = world.open_with(request.digest(), &contribution, &mut other);
    let does_not_open = ContributionError::DoesNotOpen(world.id(1));
    assert_eq!(refused.unwrap_err(), does_not_open);
}

#[test]
fn contributions_come_back_through_a_key_of_each_kind() {
    takes::<P256>();
    takes::<XWing>();
    takes::<MlKem1024P384>();
    takes::<MlKem1024>();
}

/// What `tests/interop/sessions.py` wrote, to the keys that it names.
fn written_by_python(name: &str) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let file = vectors().parent().unwrap().join("kem").join(name);
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let bytes = |row: &Value, name: &str| -> Vec<u8> {
        let text = row[name].as_str().unwrap();
        { 0..text.len() / 2 }
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    };
    rows.iter()
        .map(|row| {
            let kind = row["kind"].as_str().unwrap().to_owned();
            (kind, bytes(row, "seed"), bytes(row, "contribution"))
        })
        .collect()
}

/// The digest of the request whose transfer key is of this kind.
fn request_to(kind: &str) -> Vec<u8> {
    fs::read(vectors().join(format!("request-transfer-of-{kind}.cbor"))).unwrap()
}

fn opens<K: Kem>(kind: &str, seed: &[u8], contribution: &[u8], place: usize) {
    let file = fs::read(vectors().join("good.sealed")).unwrap();
    let sealed = SealedDomain::parse(&file).unwrap();
    let request = request_to(kind);
    let digest = Request::parse(&request).unwrap().digest();
    let mut key = PrivateKey::<K>::from_seed(seed).unwrap();
    let contribution = Contribution::parse(contribution).unwrap();
    let opened = open_contribution(&contribution, &sealed, digest, &mut key, &mut rng(0));
    let custodian = sealed.header().custodians().nth(place).unwrap();
    assert_eq!(opened.unwrap().custodian(), custodian.id, "{kind}");
}

#[test]
fn what_python_contributed_is_taken() {
    let rows = written_by_python("contributions.json");
    assert_eq!(rows.len(), 4);
    for (kind, seed, contribution) in rows {
        match kind.as_str() {
            "p256" => opens::<P256>(&kind, &seed, &contribution, 1),
            "x-wing" => opens::<XWing>(&kind, &seed, &contribution, 1),
            "mlkem1024-p384" => opens::<MlKem1024P384>(&kind, &seed, &contribution, 1),
            _ => opens::<MlKem1024>(&kind, &seed, &contribution, 1),
        }
    }
}

/// With fixed draws. A change of one byte is a change of the format.
#[test]
fn known_contributions() {
    let file = fs::read(vectors().join("good.sealed")).unwrap();
    let sealed = SealedDomain::parse(&file).unwrap();
    let mut custodian = rsa("c");
    let id = custodian.public_key().id();
    let share = sealed
        .unwrap_share(id, &mut custodian, &mut rng(0))
        .unwrap();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let keys = written_by_python("contributions.json");
    let made: Vec<Value> = keys
        .iter()
        .map(|(kind, seed, _)| {
            let request = request_to(kind);
            let request = Request::parse(&request).unwrap();
            let shown = request.digest();
            let vetted = VettedRequest::compared(request, shown).unwrap();
            let mut out = [0; Contribution::MAX_LEN];
            let given = contribute(&sealed, &expect, &vetted, &share, 0, &mut rng(9), &mut out);
            let given = given.unwrap();
            json!({ "kind": kind, "seed": hex(seed), "contribution": hex(given.as_bytes()) })
        })
        .collect();
    let known = vectors()
        .parent()
        .unwrap()
        .join("kem/known-contributions.json");
    if known_answer::rewritten() {
        let pretty = serde_json::to_string_pretty(&made).unwrap();
        fs::write(&known, pretty + "\n").unwrap();
    }
    let written: Vec<Value> = serde_json::from_slice(&fs::read(known).unwrap()).unwrap();
    assert_eq!(made, written);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_transfer_key_is_of_the_kind_that_the_request_states() {
    let spkis = [
        (Algorithm::DhKemP256, key_of::<P256>(1).1),
        (Algorithm::XWing, key_of::<XWing>(1).1),
        (Algorithm::MlKem1024P384, key_of::<MlKem1024P384>(1).1),
        (Algorithm::MlKem1024Kwp, key_of::<MlKem1024>(1).1),
    ];
    for (kind, _) in spkis {
        for (other, spki) in spkis {
            let taken = SessionPublicKey::new(kind, spki);
            let refused = SessionFileError::KemTransferKey(KeyError::Encoding);
            match kind == other {
                true => assert!(taken.is_ok(), "{kind}"),
                false => assert_eq!(taken, Err(refused), "{kind} and {other}"),
            }
        }
        let key = session_key(rsa("d").public_key());
        assert!(SessionPublicKey::new(kind, key.as_spki_der()).is_err());
    }
    let key = session_key(rsa("d").public_key());
    assert_eq!(
        SessionPublicKey::new(Algorithm::Rsa3072OaepSha256, key.as_spki_der()),
        Err(SessionFileError::Malformed(SessionField::Transfer))
    );
    let both = Algorithm::Both {
        rsa: ModulusSize::Rsa2048,
        other: PostQuantum::XWing,
    };
    let refused = Err(SessionFileError::UnsupportedTransferKey(both));
    assert_eq!(SessionPublicKey::new(both, spkis[1].1), refused);
    assert_eq!(SessionPublicKey::new(both, key.as_spki_der()), refused);
}

#[test]
fn a_transfer_key_that_is_no_key_is_refused() {
    let invalid = Err(SessionFileError::KemTransferKey(KeyError::Invalid));
    let changed = |spki: &[u8], range: std::ops::Range<usize>, byte: u8| {
        let mut spki = spki.to_vec();
        spki[range].fill(byte);
        spki
    };
    // A point of low order, one that is not below the prime, one off the curve, and coefficients
    // above the modulus.
    let (_, x_wing) = key_of::<XWing>(1);
    let end = x_wing.len();
    for (range, byte) in [(end - 32..end, 0), (end - 32..end, 0xff), (24..27, 0xff)] {
        let spki = changed(x_wing, range, byte);
        assert_eq!(SessionPublicKey::new(Algorithm::XWing, &spki), invalid);
    }
    let (_, p256) = key_of::<P256>(1);
    let spki = changed(p256, p256.len() - 8..p256.len(), 7);
    assert_eq!(SessionPublicKey::new(Algorithm::DhKemP256, &spki), invalid);
    let (_, hybrid) = key_of::<MlKem1024P384>(1);
    let spki = changed(hybrid, hybrid.len() - 8..hybrid.len(), 7);
    let taken = SessionPublicKey::new(Algorithm::MlKem1024P384, &spki);
    assert_eq!(taken, invalid);
}

#[test]
fn the_longest_request_is_as_long_as_promised() {
    let world = World::new(1);
    let mut asking = world.asking();
    asking.purpose = SessionPurpose::Rotate(ProposalDigest::from_bytes([9; 32]));
    asking.epoch = Epoch::new(u32::MAX).unwrap();
    asking.module_version = security_domain::sealed_domain::ModuleVersion::new(u32::MAX);
    (asking.created, asking.expires) = (u64::MAX, u64::MAX);
    let (_, spki) = key_of::<MlKem1024P384>(1);
    asking.transfer = SessionPublicKey::new(Algorithm::MlKem1024P384, spki).unwrap();
    let len = asking.request_len(true).unwrap();
    // The code of this kind takes 2 bytes, and there is room for the 3 of X-Wing's.
    assert_eq!(len, Request::MAX_LEN - 1);
    let mut out = vec![0; len];
    assert!(asking.write(Some(&world.root), &mut out).is_ok());
    // Their documentation has the numbers.
    assert_eq!((Request::MAX_LEN, Contribution::MAX_LEN), (1993, 1852));
}
