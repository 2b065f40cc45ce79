// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domain files of version 1, in which any two custodians have two halves of the master key.

use security_domain::hazmat::managed_hsm::expose_master_key;
use security_domain::managed_hsm::domain_file::{DomainFile, ShareError};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::split_file::{Half, SplitFile};
use security_domain::managed_hsm::{Fault, FileError, MasterKey, OpenError};
use security_domain::rng::RngError;
use security_domain::rsa::PrivateKey;
use security_domain::x509::{Certificate, RecoveryCertificate, Thumbprint};
use serde_json::{Value, json};

use super::fixtures::*;
use super::forge;

const TEXT: &str = include_str!("../vectors/split-keys/domain.json");

/// The custodians: their certificates and keys.
const CUSTODIANS: [(&[u8], &[u8]); 3] = [
    (
        include_bytes!("../vectors/rsa/keys/2048.cer.der"),
        include_bytes!("../vectors/rsa/keys/2048.pkcs8.der"),
    ),
    (
        include_bytes!("../vectors/rsa/keys/3072.cer.der"),
        include_bytes!("../vectors/rsa/keys/3072.pkcs8.der"),
    ),
    (
        include_bytes!("../vectors/rsa/keys/4096.cer.der"),
        include_bytes!("../vectors/rsa/keys/4096.pkcs8.der"),
    ),
];
const PAIRS: [[usize; 2]; 3] = [[0, 1], [0, 2], [1, 2]];

fn custodian(place: usize) -> Thumbprint {
    Thumbprint::of(CUSTODIANS[place].0)
}

fn half(file: &SplitFile<'_>, of: usize, with: usize) -> Result<Half, ShareError<RngError>> {
    let mut key = PrivateKey::from_pkcs8_der(CUSTODIANS[of].1).unwrap();
    file.open_half(&custodian(of), &custodian(with), &mut key, &mut rng())
}

fn open(file: &SplitFile<'_>, [one, two]: [usize; 2]) -> Result<MasterKey, OpenError> {
    let halves = [half(file, one, two).unwrap(), half(file, two, one).unwrap()];
    file.combine([&halves[0], &halves[1]])
}

fn artifacts() -> Vec<(String, Vec<u8>)> {
    case_artifacts(&serde_json::from_str(include_str!("../vectors/split-keys/case.json")).unwrap())
}

fn vector() -> Value {
    serde_json::from_str(TEXT).unwrap()
}

/// The vector with a change.
fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut file = vector();
    change(&mut file);
    file.to_string()
}

fn in_words(error: FileError) -> (String, Fault) {
    (error.field.to_string(), error.fault)
}

fn refused(text: &str) -> (String, Fault) {
    in_words(SplitFile::parse(text.as_bytes()).unwrap_err())
}

#[test]
fn every_pair_opens_the_vector_in_either_order() {
    let file = SplitFile::parse(TEXT.as_bytes()).unwrap();
    let listed: Vec<_> = file.custodians().collect();
    assert_eq!(listed, [custodian(0), custodian(1), custodian(2)]);
    assert_eq!(file.damaged_halves().count(), 0);
    for (place, [one, two]) in PAIRS.into_iter().enumerate() {
        for pair in [[one, two], [two, one]] {
            assert_eq!(half(&file, pair[0], pair[1]).unwrap().pair(), place);
            let key = open(&file, pair).unwrap();
            assert_eq!(open_all(file.artifacts(), &key), artifacts());
        }
    }
    for (der, _) in CUSTODIANS {
        let certificate = RecoveryCertificate::parse(der).unwrap();
        assert_eq!(file.check_certificate(&certificate), Ok(()));
    }
    let stranger = certificate_der("s2048_0");
    let stranger = RecoveryCertificate::parse(&stranger).unwrap();
    assert_eq!(
        in_words(file.check_certificate(&stranger).unwrap_err()),
        ("SplitKeys.keys".to_owned(), Fault::NotListed)
    );
}

#[test]
fn a_restore_blob_is_made_of_it() {
    let file = SplitFile::parse(TEXT.as_bytes()).unwrap();
    let key = open(&file, [1, 0]).unwrap();
    let der = certificate_der("stransfer2048");
    let transfer = Certificate::parse(&der).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    let written = restore_blob::write(&file, &key, &transfer, &mut rng(), &mut blob);
    assert_eq!(written, Ok(blob.len()));
    let blob = RestoreBlob::parse(&blob).unwrap();
    let key = open_blob(&blob, "stransfer2048");
    assert_eq!(open_all(blob.artifacts(), &key), artifacts());
}

#[test]
fn halves_that_do_not_belong_together_open_nothing() {
    let file = SplitFile::parse(TEXT.as_bytes()).unwrap();
    let of = |one, two| half(&file, one, two).unwrap();
    for halves in [
        [of(0, 1), of(2, 1)],
        [of(0, 1), of(1, 2)],
        [of(0, 1), of(0, 2)],
        [of(0, 1), of(0, 1)],
    ] {
        let combined = file.combine([&halves[0], &halves[1]]);
        assert_eq!(combined.err(), Some(OpenError::DoesNotOpen));
    }
    // The wrong key, and custodians who have no pair.
    let mut key = PrivateKey::from_pkcs8_der(CUSTODIANS[1].1).unwrap();
    let mut open = |of, with| {
        file.open_half(&of, &with, &mut key, &mut rng())
            .unwrap_err()
    };
    assert_eq!(open(custodian(0), custodian(1)), ShareError::DoesNotOpen);
    assert_eq!(open(custodian(0), custodian(0)), ShareError::NotListed);
    let stranger = thumbprint("s2048_0");
    assert_eq!(open(stranger, custodian(0)), ShareError::NotListed);
    assert_eq!(open(custodian(0), stranger), ShareError::NotListed);
    // A half of another file, and a file that was altered.
    let altered = with(|file| {
        let jwe = text(&file["EncData"]["data"][2]["compact_jwe"]);
        let mut parts: Vec<_> = jwe.split('.').collect();
        let iv = base64url(&[7; 16]);
        parts[2] = &iv;
        file["EncData"]["data"][2]["compact_jwe"] = json!(parts.join("."));
    });
    let altered = SplitFile::parse(altered.as_bytes()).unwrap();
    let halves = [half(&altered, 0, 1).unwrap(), half(&altered, 1, 0).unwrap()];
    let combined = altered.combine([&halves[0], &halves[1]]);
    assert_eq!(combined.err(), Some(OpenError::DoesNotOpen));
}

/// A file of version 1 in which these secrets are sealed to two custodians, and `key` opens.
fn forged(key: &[u8; 32], halves: [&[u8]; 2]) -> String {
    let shared = forge::domain_file(key, 2, &[]);
    let mut file: Value = serde_json::from_str(&shared).unwrap();
    let object = file.as_object_mut().unwrap();
    object.remove("SharedKeys");
    let names = ["s2048_0", "s2048_1"];
    let [key1, key2] = [0, 1].map(|place| {
        let to = thumbprint(names[place]).to_string();
        json!({ "enc_key": forge::enc_key(halves[place], names[place]), "x5t_256": to })
    });
    let keys = json!([{ "key1": key1, "key2": key2 }]);
    object.insert(
        "SplitKeys".into(),
        json!({ "key_algorithm": "xor_split", "keys": keys }),
    );
    object.insert("version".into(), json!(1));
    file.to_string()
}

fn open_forged(text: &str) -> Result<MasterKey, OpenError> {
    let file = SplitFile::parse(text.as_bytes()).unwrap();
    let [one, two] = ["s2048_0", "s2048_1"];
    let half = |of, with| {
        let (mut key, mut rng) = (private_key(of), rng());
        let opened = file.open_half(&thumbprint(of), &thumbprint(with), &mut key, &mut rng);
        opened.unwrap()
    };
    file.combine([&half(one, two), &half(two, one)])
}

#[test]
fn the_master_key_is_the_xor_of_the_halves_and_never_zero() {
    let (one, two): ([u8; 32], [u8; 32]) = ([0x5a; 32], core::array::from_fn(|i| i as u8));
    let key: [u8; 32] = core::array::from_fn(|i| one[i] ^ two[i]);
    let opened = open_forged(&forged(&key, [&one, &two])).unwrap();
    assert_eq!(expose_master_key(&opened).expose(), &key);
    let zero = open_forged(&forged(&[0; 32], [&one, &one]));
    assert_eq!(zero.err(), Some(OpenError::DoesNotOpen));
    for length in [0, 31, 33, 48] {
        let text = forged(&key, [&vec![1; length], &two]);
        let file = SplitFile::parse(text.as_bytes()).unwrap();
        let mut key = private_key("s2048_0");
        let [one, two] = ["s2048_0", "s2048_1"].map(thumbprint);
        let opened = file.open_half(&one, &two, &mut key, &mut rng());
        assert!(opened.is_err(), "{length}");
    }
}

#[test]
fn a_damaged_half_stops_its_pair_alone() {
    type Case = (fn(&mut Value), &'static str, Fault);
    #[rustfmt::skip]
    let cases: [Case; 8] = [
        (|p| p["key2"]["enc_key"] = json!("..."), ".key2.enc_key", Fault::Parts),
        (|p| p["key2"]["enc_key"] = json!(7), ".key2.enc_key", Fault::NotAString),
        (|p| p["key1"]["x5t_256"] = json!("x"), ".key1.x5t_256", Fault::Base64),
        (|p| drop(p["key1"].as_object_mut().unwrap().remove("x5t_256")), ".key1.x5t_256", Fault::Missing),
        (|p| drop(p.as_object_mut().unwrap().remove("key2")), ".key2", Fault::Missing),
        (|p| p["key1"] = json!([]), ".key1", Fault::NotAnObject),
        (|p| *p = json!("pair"), "", Fault::NotAnObject),
        (|p| p["key2"]["x5t_256"] = p["key1"]["x5t_256"].clone(), ".key2.x5t_256", Fault::Repeated),
    ];
    for (change, place, fault) in cases {
        let text = with(|file| change(&mut file["SplitKeys"]["keys"][1]));
        let file = SplitFile::parse(text.as_bytes()).unwrap();
        assert_eq!(file.custodians().count(), 3, "{place}");
        let expected = (format!("SplitKeys.keys[1]{place}"), fault);
        let damaged: Vec<_> = file
            .damaged_halves()
            .map(|half| in_words(half.error))
            .collect();
        let both = place.is_empty() || fault == Fault::Repeated;
        assert_eq!(damaged, vec![expected.clone(); 1 + usize::from(both)]);

        for (of, with) in [(0, 2), (2, 0)] {
            match half(&file, of, with).unwrap_err() {
                ShareError::Damaged(error) => assert_eq!(in_words(error), expected),
                ShareError::NotListed => assert!(!place.contains("enc_key"), "{place}"),
                other => panic!("{place}: {other}"),
            }
        }
        for pair in [[0, 1], [1, 2]] {
            let key = open(&file, pair).unwrap();
            assert_eq!(open_all(file.artifacts(), &key), artifacts());
        }
    }
}

#[test]
fn a_certificate_is_checked_against_all_its_halves() {
    let certificate = RecoveryCertificate::parse(CUSTODIANS[0].0).unwrap();
    let spoilt = |pairs: &[usize]| {
        with(|file| {
            for pair in pairs {
                let jwe = text(&file["SplitKeys"]["keys"][pair]["key1"]["enc_key"]).to_owned();
                let mut parts: Vec<_> = jwe.split('.').map(str::to_owned).collect();
                parts[1] = base64url(&[7; 384]);
                file["SplitKeys"]["keys"][pair]["key1"]["enc_key"] = json!(parts.join("."));
            }
        })
    };
    let text = spoilt(&[0]);
    let file = SplitFile::parse(text.as_bytes()).unwrap();
    assert_eq!(file.check_certificate(&certificate), Ok(()));
    let text = spoilt(&[0, 1]);
    let file = SplitFile::parse(text.as_bytes()).unwrap();
    let field = "SplitKeys.keys[0].key1.enc_key (encrypted key)".to_owned();
    let error = file.check_certificate(&certificate).unwrap_err();
    assert_eq!(in_words(error), (field, Fault::Length));
}

#[test]
fn what_is_not_one_pairs_fault_refuses_the_file() {
    let keys = || "SplitKeys.keys".to_owned();
    type Change = fn(&mut Value);
    let cases: [(Change, &str, Fault); 8] = [
        (|f| f["version"] = json!(2), "version", Fault::Value),
        (
            |f| f["version"] = json!("1"),
            "version",
            Fault::NotAnInteger,
        ),
        (
            |f| f["SplitKeys"]["key_algorithm"] = json!("shamir_share"),
            "SplitKeys.key_algorithm",
            Fault::Value,
        ),
        (
            |f| f["SplitKeys"]["keys"] = json!([]),
            "SplitKeys.keys",
            Fault::Count,
        ),
        (
            |f| f["SplitKeys"]["keys"] = json!({}),
            "SplitKeys.keys",
            Fault::NotAnArray,
        ),
        (
            |f| f["SplitKeys"] = json!(null),
            "SplitKeys",
            Fault::NotAnObject,
        ),
        (
            |f| f["EncData"]["data"] = json!([]),
            "EncData.data",
            Fault::Count,
        ),
        (
            |f| f["EncData"]["kdf"] = json!("hkdf"),
            "EncData.kdf",
            Fault::Value,
        ),
    ];
    for (change, field, fault) in cases {
        assert_eq!(refused(&with(change)), (field.to_owned(), fault));
    }
    for member in ["EncData", "SplitKeys", "version"] {
        let text = with(|file| drop(file.as_object_mut().unwrap().remove(member)));
        assert_eq!(refused(&text), (member.to_owned(), Fault::Missing));
    }
    let pairs = |count: usize| {
        let pair = vector()["SplitKeys"]["keys"][0].clone();
        with(|file| file["SplitKeys"]["keys"] = json!(vec![pair; count]))
    };
    assert!(SplitFile::parse(pairs(90).as_bytes()).is_ok());
    assert_eq!(refused(&pairs(91)), (keys(), Fault::Count));
    let custodians = |count: u8| {
        let of = |place| json!({ "enc_key": "", "x5t_256": base64url(&[place; 32]) });
        let pair = |place: u8| json!({ "key1": of(place), "key2": of(place + 1) });
        let pairs: Vec<_> = (1..count).map(pair).collect();
        with(|file| file["SplitKeys"]["keys"] = json!(pairs))
    };
    assert!(SplitFile::parse(custodians(10).as_bytes()).is_ok());
    assert_eq!(refused(&custodians(11)), (keys(), Fault::Count));
    for end in 0..TEXT.len() {
        if TEXT.is_char_boundary(end) {
            assert!(SplitFile::parse(&TEXT.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}

#[test]
fn unknown_members_are_refused_by_name_or_passed_over() {
    for (object, field) in [
        ("", "security domain"),
        ("/SplitKeys", "SplitKeys"),
        ("/SplitKeys/keys/1", "SplitKeys.keys[1]"),
        ("/SplitKeys/keys/1/key2", "SplitKeys.keys[1].key2"),
    ] {
        let text = with(|file| file.pointer_mut(object).unwrap()["new"] = json!([{}]));
        let refused = SplitFile::parse(text.as_bytes()).unwrap_err();
        let expected = format!("{field}: the member \"new\" is not in the format");
        assert_eq!(refused.to_string(), expected);
        let mut reported = Vec::new();
        let mut report = |member| reported.push(member);
        let file = SplitFile::parse_ignoring_unknown(text.as_bytes(), &mut report).unwrap();
        let key = open(&file, [2, 0]).unwrap();
        assert_eq!(open_all(file.artifacts(), &key), artifacts());
        let [member] = reported[..] else {
            panic!("{reported:?}");
        };
        assert_eq!(member.object.to_string(), field);
    }
}

#[test]
fn each_reader_names_the_other_version() {
    let old = DomainFile::parse(TEXT.as_bytes()).unwrap_err();
    assert_eq!(in_words(old).1, Fault::Version1);
    let new = bytes("valid/v01-2of3-2048/sd.json");
    let refused = SplitFile::parse(&new).unwrap_err();
    assert!(matches!(refused.fault, Fault::UnknownMember(name) if name.as_str() == "SharedKeys"));
}
