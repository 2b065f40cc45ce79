// SPDX-License-Identifier: MIT OR Apache-2.0
//! Members that are not in the format: refused by name, or reported and passed over.

use security_domain::managed_hsm::domain_file::{DomainFile, ShareError};
use security_domain::managed_hsm::{Fault, FileError, UnknownMember};
use serde_json::{Value, json};

use super::fixtures::*;

const CASE: &str = "valid/v01-2of3-2048";

/// The objects of a file, as pointers and as errors name them.
const OBJECTS: [(&str, &str); 5] = [
    ("", "security domain"),
    ("/EncData", "EncData"),
    ("/EncData/data/2", "EncData.data[2]"),
    ("/SharedKeys", "SharedKeys"),
    ("/SharedKeys/enc_shares/1", "SharedKeys.enc_shares[1]"),
];

/// The text of the file with members in one object. They may repeat each other.
fn with(object: &str, members: &str) -> String {
    let mut file = json(&format!("{CASE}/sd.json"));
    file.pointer_mut(object).unwrap()["MARK"] = Value::Null;
    let text = file.to_string();
    assert_eq!(text.matches("\"MARK\":null").count(), 1);
    text.replace("\"MARK\":null", members)
}

fn ignoring(text: &str) -> Result<(DomainFile<'_>, Vec<UnknownMember>), FileError> {
    let mut reported = Vec::new();
    let file =
        DomainFile::parse_ignoring_unknown(text.as_bytes(), &mut |member| reported.push(member))?;
    Ok((file, reported))
}

fn restores(file: &DomainFile<'_>) {
    let shares = open_shares(file, &["s2048_0", "s2048_1"]);
    let combined = file.combine(&shares).unwrap();
    let artifacts = open_all(file.artifacts(), combined.master_key());
    let case = json(&format!("{CASE}/case.json"));
    assert_eq!(artifacts, case_artifacts(&case));
}

#[test]
fn an_unknown_member_is_refused_by_name_or_passed_over_in_every_object() {
    for (object, field) in OBJECTS {
        for value in [
            "null",
            "-1.5e3",
            "\"x\"",
            "[]",
            r#"{"EncData":[{"a":true}],"version":2}"#,
        ] {
            let text = with(object, &format!("\"new\":{value}"));
            let refused = DomainFile::parse(text.as_bytes()).unwrap_err();
            let expected = format!("{field}: the member \"new\" is not in the format");
            assert_eq!(refused.to_string(), expected);

            let (file, reported) = ignoring(&text).unwrap();
            let [member] = reported[..] else {
                panic!("{field}: {reported:?}");
            };
            assert_eq!(member.object.to_string(), field);
            assert_eq!(member.name.as_str(), "new");
            assert_eq!(member.to_string(), format!("{field}: the member \"new\""));
            if value == "null" {
                restores(&file);
            }
        }
    }
}

#[test]
fn members_are_reported_in_the_order_of_the_file() {
    let mut file = json(&format!("{CASE}/sd.json"));
    for (object, field) in OBJECTS {
        file.pointer_mut(object).unwrap()[field] = json!([object]);
    }
    let text = file.to_string();
    let (file, reported) = ignoring(&text).unwrap();
    let mut names: Vec<_> = reported
        .iter()
        .map(|m| m.name.as_str().to_owned())
        .collect();
    assert!(
        reported
            .iter()
            .all(|m| m.object.to_string() == m.name.as_str())
    );
    names.sort();
    let mut expected = OBJECTS.map(|(_, field)| field);
    expected.sort();
    assert_eq!(names, expected);
    restores(&file);
    assert!(ignoring(&with("", "\"a\":1")).unwrap().1.len() == 1);
    let none = String::from_utf8(bytes(&format!("{CASE}/sd.json"))).unwrap();
    assert_eq!(ignoring(&none).unwrap().1, []);
}

#[test]
fn a_member_that_is_given_twice_is_refused_all_the_same() {
    for (object, field) in OBJECTS {
        let twice = [
            (r#""new":1,"new":1"#, "new"),
            (r#""a":1,"new":{"b":1},"b":2,"n\u0065w":[]"#, "new"),
            (r#""":1,"new":1,"":2"#, ""),
        ];
        for (members, name) in twice {
            let refused = ignoring(&with(object, members)).unwrap_err();
            assert!(
                matches!(refused.fault, Fault::UnknownTwice(twice) if twice.as_str() == name),
                "{members}: {refused}"
            );
            assert_eq!(refused.field.to_string(), field);
        }
        // A name inside another value, or that goes on, is another name.
        assert!(ignoring(&with(object, r#""new":{"new":1},"new2":1,"ne":1"#)).is_ok());
    }
    let version = ignoring(&with("", r#""new":1,"version":2"#)).unwrap_err();
    assert_eq!(version.to_string(), "version: given twice");
}

#[test]
fn there_are_at_most_sixteen_in_one_object() {
    let members = |count: usize| {
        let members: Vec<_> = (0..count).map(|i| format!("\"new{i}\":{i}")).collect();
        members.join(",")
    };
    for (object, field) in OBJECTS {
        assert_eq!(ignoring(&with(object, &members(16))).unwrap().1.len(), 16);
        let refused = ignoring(&with(object, &members(17))).unwrap_err();
        assert_eq!(
            (refused.field.to_string().as_str(), refused.fault),
            (field, Fault::Count)
        );
    }
}

#[test]
fn what_is_passed_over_must_be_json() {
    for (members, fault) in [
        ("\"new\"", Fault::Syntax),
        ("\"new\":", Fault::Syntax),
        ("\"new\":nil", Fault::Syntax),
        ("\"new\":[1,]", Fault::Syntax),
        ("\"new\":1 2", Fault::Syntax),
        ("\"new\":\"\\x\"", Fault::BadString),
        (&format!("\"new\":{}", "[".repeat(64)), Fault::TooDeep),
    ] {
        let refused = ignoring(&with("", members)).unwrap_err();
        assert_eq!(refused.fault, fault, "{members}");
    }
}

#[test]
fn the_headers_of_sealed_bytes_stay_strict() {
    for name in ["data-zip", "data-crit"] {
        let text = String::from_utf8(bytes(&format!("malformed/{name}.json"))).unwrap();
        let refused = ignoring(&text).unwrap_err();
        assert_eq!(refused.field.part, "header", "{name}");
    }
    let text = String::from_utf8(bytes("malformed/share-crit.json")).unwrap();
    let (file, reported) = ignoring(&text).unwrap();
    assert_eq!(reported, []);
    let asked = open_share(&file, "s2048_0").unwrap_err();
    assert!(matches!(asked, ShareError::Damaged(error) if error.field.part == "header"));
}

#[test]
fn nothing_else_is_let_pass() {
    let mut accepted = Vec::new();
    for entry in entries("malformed") {
        if entry["target"] == "sd" {
            let document = bytes(text(&entry["file"]));
            let strict = DomainFile::parse(&document).is_ok();
            let lenient = DomainFile::parse_ignoring_unknown(&document, &mut |_| ()).is_ok();
            assert!(lenient || !strict);
            if lenient && !strict {
                accepted.push(text(&entry["id"]).to_owned());
            }
        }
    }
    assert_eq!(accepted, ["json-unknown-member"]);
}

#[test]
fn a_name_is_shown_escaped_and_cut() {
    let shown = |name: &str| {
        let member = format!("{}:1", json!(name));
        let text = with("", &member);
        let refused = DomainFile::parse(text.as_bytes()).unwrap_err();
        let (_, reported) = ignoring(&text).unwrap();
        assert_eq!(refused.fault, Fault::UnknownMember(reported[0].name));
        reported[0].name.to_string()
    };
    assert_eq!(shown(""), "\"\"");
    assert_eq!(
        shown("a\"\\\u{1b}[2J\u{202e}\u{e9}"),
        "\"a\\\"\\\\\\u{1b}[2J\\u{202e}\u{e9}\""
    );
    let thirty = "123456789012345678901234567890";
    assert_eq!(shown(thirty), format!("\"{thirty}\""));
    assert_eq!(shown(&format!("{thirty}1")), format!("\"{thirty}...\""));
    // A character that does not fit whole is left out.
    let cut = &thirty[..29];
    assert_eq!(shown(&format!("{cut}\u{e9}")), format!("\"{cut}...\""));
}
