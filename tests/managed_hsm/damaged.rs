// SPDX-License-Identifier: MIT OR Apache-2.0
//! A damaged share is refused when it is asked for, and the other custodians restore.

use security_domain::managed_hsm::domain_file::{CombineError, DomainFile, ShareError};
use security_domain::managed_hsm::{Fault, FileError};
use security_domain::x509::RecoveryCertificate;
use serde_json::{Value, json};

use super::fixtures::*;

const CASE: &str = "valid/v01-2of3-2048";
const NAMES: [&str; 3] = ["s2048_0", "s2048_1", "s2048_2"];
/// The place of the damaged share.
const DAMAGED: usize = 1;

fn file() -> Value {
    json(&format!("{CASE}/sd.json"))
}

/// The text of the file with a change in one share.
fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut file = file();
    change(&mut file["SharedKeys"]["enc_shares"][DAMAGED]);
    file.to_string()
}

fn in_words(error: FileError) -> (String, Fault) {
    (error.field.to_string(), error.fault)
}

/// Two custodians restore the domain.
fn restore(file: &DomainFile<'_>, names: [&str; 2]) {
    let combined = file.combine(&open_shares(file, &names)).unwrap();
    let artifacts = open_all(file.artifacts(), combined.master_key());
    let case = json(&format!("{CASE}/case.json"));
    assert_eq!(artifacts, case_artifacts(&case));
}

fn edit(share: &mut Value, member: &str, change: impl FnOnce(&str) -> String) {
    share[member] = json!(change(text(&share[member])));
}

/// A JWE with another encrypted key.
fn with_encrypted_key(jwe: &str, length: usize) -> String {
    let mut parts: Vec<_> = jwe.split('.').map(str::to_owned).collect();
    parts[1] = base64url(&vec![7; length]);
    parts.join(".")
}

/// A change in a share, and the fault that it is, at this place in the share.
type Case = (&'static str, fn(&mut Value), &'static str, Fault);

#[rustfmt::skip]
const CASES: [Case; 13] = [
    ("not base64url", |s| edit(s, "enc_key", |t| t.replacen(&t[4..8], "+/+/", 1)), ".enc_key (header)", Fault::Base64),
    ("padding", |s| edit(s, "enc_key", |t| format!("{t}=")), ".enc_key (tag)", Fault::Base64),
    ("cut in the tag", |s| edit(s, "enc_key", |t| t[..t.len() - 3].into()), ".enc_key (tag)", Fault::Length),
    ("cut in the encrypted key", |s| edit(s, "enc_key", |t| t[..200].into()), ".enc_key", Fault::Parts),
    ("an empty enc_key", |s| s["enc_key"] = json!(""), ".enc_key", Fault::Parts),
    ("an encrypted key of 257 bytes", |s| edit(s, "enc_key", |t| with_encrypted_key(t, 257)), ".enc_key (encrypted key)", Fault::Length),
    ("an enc_key that is no string", |s| s["enc_key"] = json!([1, { "a": [-2.5e-3, 0, true, "x"], "b": {} }, []]), ".enc_key", Fault::NotAString),
    ("no enc_key", |s| drop(s.as_object_mut().unwrap().remove("enc_key")), ".enc_key", Fault::Missing),
    ("an empty digest", |s| s["x5t_256"] = json!(""), ".x5t_256", Fault::Length),
    ("a digest of SHA-1", |s| s["x5t_256"] = json!(base64url(&[1; 20])), ".x5t_256", Fault::Length),
    ("no digest", |s| drop(s.as_object_mut().unwrap().remove("x5t_256")), ".x5t_256", Fault::Missing),
    ("a digest that is null", |s| s["x5t_256"] = Value::Null, ".x5t_256", Fault::NotAString),
    ("null in place of the share", |s| *s = Value::Null, "", Fault::NotAnObject),
];

#[test]
fn a_damaged_share_is_refused_when_it_is_asked_for_and_the_others_restore() {
    let der = certificate_der(NAMES[DAMAGED]);
    let certificate = RecoveryCertificate::parse(&der).unwrap();
    for (name, change, place, fault) in CASES {
        let text = with(change);
        let file = DomainFile::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(file.quorum().to_string(), "2 of 3", "{name}");

        let damaged: Vec<_> = file.damaged_shares().collect();
        let [damaged] = damaged[..] else {
            panic!("{name}: {damaged:?}");
        };
        let expected = (format!("SharedKeys.enc_shares[{DAMAGED}]{place}"), fault);
        assert_eq!(in_words(damaged.error), expected, "{name}");
        let named = place
            .starts_with(".enc_key")
            .then(|| thumbprint(NAMES[DAMAGED]));
        assert_eq!(damaged.custodian, named, "{name}");
        assert_eq!(
            file.custodians().any(|one| Some(one) == named),
            named.is_some()
        );

        let asked = open_share(&file, NAMES[DAMAGED]).unwrap_err();
        assert_eq!(asked, ShareError::Damaged(damaged.error), "{name}");
        let checked = file.check_certificate(&certificate);
        assert_eq!(checked, Err(damaged.error), "{name}");
        restore(&file, [NAMES[0], NAMES[2]]);
    }
}

#[test]
fn a_custodian_who_is_listed_twice_is_refused_and_the_others_restore() {
    let first = file()["SharedKeys"]["enc_shares"][0]["x5t_256"].clone();
    let text = with(|share| share["x5t_256"] = first);
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let damaged: Vec<_> = file.damaged_shares().collect();
    let [damaged] = damaged[..] else {
        panic!("{damaged:?}");
    };
    let field = "SharedKeys.enc_shares[1].x5t_256".to_owned();
    assert_eq!(in_words(damaged.error), (field, Fault::Repeated));
    assert_eq!(damaged.custodian, Some(thumbprint(NAMES[0])));
    // Neither of the two entries is taken, and the third custodian is not enough.
    let asked = open_share(&file, NAMES[0]).unwrap_err();
    assert_eq!(asked, ShareError::Damaged(damaged.error));
    let not_listed = open_share(&file, NAMES[1]).unwrap_err();
    assert_eq!(not_listed, ShareError::NotListed);
    let few = file.combine(&open_shares(&file, &[NAMES[2]])).unwrap_err();
    assert_eq!(few, CombineError::TooFewShares { have: 1, need: 2 });
    let listed: Vec<_> = file.custodians().collect();
    assert_eq!(listed, [thumbprint(NAMES[0]), thumbprint(NAMES[2])]);
}

#[test]
fn a_share_whose_digest_is_damaged_opens_with_the_custodians_key() {
    for digest in [json!(""), Value::Null, json!(base64url(&[9; 32]))] {
        let text = with(|share| share["x5t_256"] = digest.clone());
        let mut file = DomainFile::parse(text.as_bytes()).unwrap();
        let ours = thumbprint(NAMES[DAMAGED]);
        assert!(!file.digests().any(|to| to == Ok(ours)));
        assert_eq!(file.digests().count(), 3);
        // Of another custodian: no share is given away, whoever asks.
        let mut wrong = file.clone();
        wrong.assign(DAMAGED, thumbprint("s2048_3")).unwrap();
        let opened = open_share(&wrong, "s2048_3").unwrap_err();
        assert_eq!(opened, ShareError::DoesNotOpen);

        file.assign(DAMAGED, ours).unwrap();
        assert_eq!(file.damaged_shares().count(), 0);
        restore(&file, [NAMES[0], NAMES[DAMAGED]]);
        let repeated = file.assign(0, ours).unwrap_err();
        let field = "SharedKeys.enc_shares[0].x5t_256".to_owned();
        assert_eq!(in_words(repeated), (field, Fault::Repeated));
        let beyond = file.assign(3, thumbprint("s2048_3")).unwrap_err();
        let field = "SharedKeys.enc_shares".to_owned();
        assert_eq!(in_words(beyond), (field, Fault::Count));
    }
}

/// The entry is not there. The index of a share may then be above the number of entries.
#[test]
fn a_share_that_is_missing_stops_nobody_else() {
    for (missing, name) in NAMES.into_iter().enumerate() {
        let mut text = file();
        let shares = text["SharedKeys"]["enc_shares"].as_array_mut();
        shares.unwrap().remove(missing);
        let text = text.to_string();
        let file = DomainFile::parse(text.as_bytes()).unwrap();
        let [first, second] = [(missing + 1) % 3, (missing + 2) % 3];
        restore(&file, [NAMES[first], NAMES[second]]);
        let refused = open_share(&file, name).unwrap_err();
        assert_eq!(refused, ShareError::NotListed);
    }
    let five = json("valid/v04-3of5-2048/sd.json");
    let entries = &five["SharedKeys"]["enc_shares"];
    let mut left = five.clone();
    left["SharedKeys"]["enc_shares"] = json!([entries[1], entries[3], entries[4]]);
    let text = left.to_string();
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &["s2048_1", "s2048_3", "s2048_4"]);
    assert!(file.combine(&shares).is_ok());
    // Too few are left.
    left["SharedKeys"]["enc_shares"] = json!([entries[1], entries[3]]);
    let refused = DomainFile::parse(left.to_string().as_bytes()).unwrap_err();
    assert_eq!(
        in_words(refused),
        ("SharedKeys.required".into(), Fault::Required)
    );
}

#[test]
fn a_flipped_bit_in_an_absent_share_stops_nobody_who_can_read_the_json() {
    let whole = String::from_utf8(bytes(&format!("{CASE}/sd.json"))).unwrap();
    let file = file();
    let share = &file["SharedKeys"]["enc_shares"][DAMAGED];
    let (mut kept, mut damaged, mut restored) = (0, 0, 0);
    for member in ["enc_key", "x5t_256"] {
        let value = text(&share[member]);
        let start = whole.find(value).unwrap();
        for at in (start..start + value.len()).step_by(7) {
            for bit in 0..8 {
                let mut flipped = whole.clone().into_bytes();
                flipped[at] ^= 1 << bit;
                if serde_json::from_slice::<Value>(&flipped).is_err() {
                    continue;
                }
                let file = DomainFile::parse(&flipped)
                    .unwrap_or_else(|e| panic!("{member}, byte {at}, bit {bit}: {e}"));
                kept += 1;
                damaged += file.damaged_shares().count();
                if (at + bit) % 61 == 0 {
                    restore(&file, [NAMES[2], NAMES[0]]);
                    restored += 1;
                }
            }
        }
    }
    assert!(
        kept > 500 && damaged > 100 && damaged < kept,
        "{kept} {damaged}"
    );
    assert!(restored > 5, "{restored}");
}

#[test]
fn what_is_not_one_shares_fault_refuses_the_file() {
    let refused = |text: &str| in_words(DomainFile::parse(text.as_bytes()).unwrap_err());
    let share = |field: &str| format!("SharedKeys.enc_shares[{DAMAGED}]{field}");
    let text = with(|share| share["enc_kez"] = json!(1));
    let (field, fault) = refused(&text);
    assert!(matches!(fault, Fault::UnknownMember(name) if name.as_str() == "enc_kez"));
    assert_eq!(field, share(""));

    let marked = with(|share| share["enc_key"] = json!("MARK"));
    let with_value = |value: &str| marked.replace("\"MARK\"", value);
    let twice = with_value("1,\"enc_key\":2");
    assert_eq!(refused(&twice), (share(".enc_key"), Fault::Duplicate));
    for broken in [
        "",
        "nul",
        "nulx",
        "truf",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "[1,]",
        "[1 2]",
        "[",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{1:2}",
        "{\"a\":1,}",
        "{\"a\":1]",
        "[1}",
        "'a'",
        "\"a",
        "[\"a]",
        "NaN",
    ] {
        let json = with_value(broken);
        assert!(serde_json::from_str::<Value>(&json).is_err(), "{broken}");
        let (field, fault) = refused(&json);
        assert_eq!(fault, Fault::Syntax, "{broken}: {field}");
    }
    for sound in [
        "null",
        "0",
        "-0",
        "1e5",
        "0.5E-7",
        " [ ] ",
        "{ }",
        "[[],{}]",
        "{\"\":{\"\":[]}}",
    ] {
        let json = with_value(sound);
        let file = DomainFile::parse(json.as_bytes()).unwrap_or_else(|e| panic!("{sound}: {e}"));
        assert_eq!(file.damaged_shares().count(), 1, "{sound}");
    }
    let nested = |depth: usize| with_value(&("[".repeat(depth) + &"]".repeat(depth)));
    assert!(DomainFile::parse(nested(63).as_bytes()).is_ok());
    assert_eq!(refused(&nested(64)), (share(".enc_key"), Fault::TooDeep));
    let endless = with_value(&"[".repeat(100_000));
    assert_eq!(refused(&endless), (share(".enc_key"), Fault::TooDeep));
}
