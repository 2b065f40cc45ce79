// SPDX-License-Identifier: MIT OR Apache-2.0
//! The text of the files: JSON's corners, tags in any spelling, versions.

use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::{Fault, Tag, TagError};
use serde_json::Value;

use super::fixtures::*;

fn file() -> String {
    String::from_utf8(bytes("valid/v14-one-entry/sd.json")).unwrap()
}

fn fault(text: &[u8]) -> Option<(String, Fault)> {
    let error = DomainFile::parse(text).err()?;
    Some((error.field.to_string(), error.fault))
}

/// The file with one piece of text replaced, which occurs once.
fn with(old: &str, new: &str) -> String {
    let text = file();
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

#[test]
fn integers_are_plain_digits() {
    for number in [
        "2.0", "2e0", "2E0", "02", "-2", "+2", "0x2", "2 2", "", "\"2\"", "[2]", "true",
    ] {
        let found = fault(with("\"required\":2", &format!("\"required\":{number}")).as_bytes());
        let (field, fault) = found.unwrap_or_else(|| panic!("{number} was taken"));
        assert!(field.starts_with("SharedKeys"), "{number}: {field}");
        let expected = match number {
            "+2" | "0x2" | "2 2" | "" => Fault::Syntax,
            _ => Fault::NotAnInteger,
        };
        assert_eq!(fault, expected, "{number}");
    }
    for number in ["0", "1", "4", "258", "4294967298", "18446744073709551618"] {
        let text = with("\"required\":2", &format!("\"required\":{number}"));
        let expected = ("SharedKeys.required".to_owned(), Fault::Required);
        assert_eq!(fault(text.as_bytes()), Some(expected), "{number}");
    }
}

#[test]
fn other_versions_are_named() {
    let version = |new: &str| fault(with("\"version\":2", new).as_bytes());
    let at = |fault| Some(("version".to_owned(), fault));
    assert_eq!(version("\"version\":1"), at(Fault::Version1));
    for other in ["0", "3", "22", "4294967298"] {
        assert_eq!(version(&format!("\"version\":{other}")), at(Fault::Value));
    }
    let old = r#"{"EncData":{"data":[],"kdf":"sp108_kdf"},"SplitKeys":{"key_algorithm":"xor_split","keys":[]},"version":1}"#;
    assert_eq!(fault(old.as_bytes()), at(Fault::Version1));
}

#[test]
fn any_cut_is_refused() {
    let text = file();
    for end in 0..text.len() {
        assert!(fault(&text.as_bytes()[..end]).is_some(), "cut after {end}");
    }
    assert_eq!(fault(format!(" \t\r\n{text} \t\r\n").as_bytes()), None);
}

#[test]
fn spaces_are_those_of_json() {
    for space in ["\u{b}", "\u{c}", "\u{a0}", "\u{feff}", "//", "\0"] {
        let text = with(",\"version\"", &format!(",{space}\"version\""));
        let expected = ("security domain".to_owned(), Fault::Syntax);
        assert_eq!(fault(text.as_bytes()), Some(expected), "{space:?}");
    }
    for broken in [",,\"version\"", "\"version\"", ",\"version\"\"x\""] {
        let text = with(",\"version\"", broken);
        assert!(fault(text.as_bytes()).is_some(), "{broken}");
    }
    assert!(fault(with("\"version\":2}", "\"version\":2,}").as_bytes()).is_some());
}

#[test]
fn names_and_values_may_be_escaped_and_are_compared_unescaped() {
    let text = with("\"version\"", "\"v\\u0065rsion\"");
    assert_eq!(fault(text.as_bytes()), None);
    let text = with("\"version\":2", "\"v\\u0065rsion\":2,\"version\":2");
    assert_eq!(
        fault(text.as_bytes()),
        Some(("version".into(), Fault::Duplicate))
    );
    let text = with("\"shamir_share\"", "\"sh\\u0061mir_share\"");
    assert_eq!(fault(text.as_bytes()), None);
    let text = with("\"shamir_share\"", "\"xor_split\"");
    let at = "SharedKeys.key_algorithm".to_owned();
    assert_eq!(fault(text.as_bytes()), Some((at, Fault::Value)));
}

#[test]
fn a_file_escaped_in_every_character_still_opens() {
    let mut escaped = String::new();
    let mut inside = false;
    for c in file().chars() {
        match c {
            '"' => {
                inside = !inside;
                escaped.push('"');
            }
            c if inside => escaped.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    let file = DomainFile::parse(escaped.as_bytes()).unwrap();
    let case = json("valid/v14-one-entry/case.json");
    let shares = open_shares(&file, &["s2048_0", "s2048_2"]);
    let combined = file.combine(&shares).unwrap();
    assert_eq!(
        open_all(file.artifacts(), combined.master_key()),
        case_artifacts(&case)
    );
}

#[test]
fn strings_that_json_does_not_have_are_refused() {
    let sound: Value = serde_json::from_str(&file()).unwrap();
    let tag = text(&sound["EncData"]["data"][0]["tag"]).to_owned();
    for bad in [
        "\\ud800",
        "\\udc00",
        "\\ud800\\u0041",
        "\\ud83dx",
        "\\udd11\\ud83d",
        "\\x41",
        "\\u12g4",
        "\\u+123",
        "\t",
        "\n",
        "\u{1f}",
        "\\",
    ] {
        let text = with(&format!("\"tag\":\"{tag}\""), &format!("\"tag\":\"{bad}\""));
        let (_, fault) = fault(text.as_bytes()).unwrap();
        assert!(
            matches!(fault, Fault::BadString | Fault::Syntax),
            "{bad:?}: {fault:?}"
        );
        if bad != "\\" {
            assert_eq!(fault, Fault::BadString, "{bad:?}");
        }
    }
    let mut text = file().into_bytes();
    let at = text.windows(5).position(|w| w == b"\"tag\"").unwrap();
    for bad in [
        &b"\xff"[..],
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ] {
        let mut spoilt = text.clone();
        spoilt.splice(at + 1..at + 1, bad.iter().copied());
        assert_eq!(
            fault(&spoilt),
            Some(("security domain".into(), Fault::NotUtf8))
        );
    }
    text.clear();
    assert_eq!(
        fault(&text),
        Some(("security domain".into(), Fault::Syntax))
    );
}

#[test]
fn tags_are_equal_if_their_characters_are() {
    // The same tag, spelt with escapes and without, in an entry of its own: given twice.
    let sound: Value = serde_json::from_str(&file()).unwrap();
    let entry = sound["EncData"]["data"][0].to_string();
    let tag = text(&sound["EncData"]["data"][0]["tag"]);
    let (first, rest) = tag.split_at(1);
    let code = u32::from(first.chars().next().unwrap());
    let again = entry.replace(&format!("\"{tag}\""), &format!("\"\\u{code:04x}{rest}\""));
    assert_ne!(entry, again);
    let text = sound
        .to_string()
        .replace(&entry, &format!("{entry},{again}"));
    let at = "EncData.data[1].tag".to_owned();
    assert_eq!(fault(text.as_bytes()), Some((at, Fault::Repeated)));
}

#[test]
fn a_header_may_hold_its_kid_in_utf_8() {
    // As .NET writes it. The tag beside it is escaped, as Python writes it.
    let tag = "cl\u{e9}_\u{1f511}";
    let sound: Value = serde_json::from_str(&file()).unwrap();
    let entry = sound["EncData"]["data"][0].to_string();
    let raw = super::forge::entry(tag);
    let escaped = raw.replace(&format!("\"{tag}\""), "\"cl\\u00e9_\\ud83d\\uDD11\"");
    assert_ne!(raw, escaped);
    for new in [raw, escaped] {
        let text = sound.to_string().replace(&entry, &new);
        let file = DomainFile::parse(text.as_bytes()).unwrap();
        let read = file.artifacts().next().unwrap().tag();
        assert_eq!(read, Tag::new(tag).unwrap());
    }
}

#[test]
fn what_is_accepted_is_json_with_the_same_members() {
    // Every byte of a file replaced, removed or preceded by another: what is still taken is JSON for
    // another reader too, and differs in nothing but the sealed bytes and white space.
    let text = file().into_bytes();
    let blank = |text: &[u8]| -> Option<String> {
        let mut value: Value = serde_json::from_slice(text).ok()?;
        value["EncData"]["data"][0]["compact_jwe"] = Value::Null;
        for share in value["SharedKeys"]["enc_shares"].as_array_mut()? {
            share["enc_key"] = Value::Null;
            share["x5t_256"] = Value::Null;
        }
        value["SharedKeys"]["required"] = Value::Null;
        Some(value.to_string())
    };
    let whole = blank(&text);
    let mut taken = 0;
    // In the middle of sealed bytes one place is like another: every eighth will do.
    let sealed = |at: usize| {
        let around = text.iter().skip(at.saturating_sub(20)).take(40);
        { around }.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    for at in (0..text.len()).filter(|at| at % 8 == 0 || !sealed(*at)) {
        for new in [
            &b""[..],
            b" ",
            b"\"",
            b"\\",
            b"}",
            b",",
            b"3",
            b"A",
            b"\x00",
            b"\xc3",
        ] {
            for length in [0, 1] {
                let mut other = text.clone();
                other.splice(at..at + length, new.iter().copied());
                if DomainFile::parse(&other).is_ok() {
                    assert_eq!(blank(&other), whole, "{at} {new:?}");
                    taken += 1;
                }
            }
        }
    }
    assert!(
        taken > 500,
        "sealed bytes can be anything before a key is tried: {taken}"
    );
}

#[test]
fn tags_have_their_limits() {
    assert_eq!(Tag::new("").err(), Some(TagError::Empty));
    assert_eq!(Tag::new("a\0b").err(), Some(TagError::Nul));
    let longest = "\u{e9}".repeat(127) + "x";
    assert_eq!(longest.len(), 255);
    let tag = Tag::new(&longest).unwrap();
    assert_eq!(tag.to_string(), longest);
    assert_eq!(tag.bytes().collect::<Vec<_>>(), longest.as_bytes());
    assert_eq!(Tag::new(&(longest + "y")).err(), Some(TagError::TooLong));
    let text = "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}";
    assert_eq!(Tag::new(text).unwrap().chars().collect::<String>(), text);
}

#[test]
fn thirty_three_artifacts_are_too_many() {
    let text = format!(
        r#"{{"EncData":{{"data":[{}],"kdf":"sp108_kdf"}}"#,
        (0..33)
            .map(|i| super::forge::entry(&i.to_string()))
            .collect::<Vec<_>>()
            .join(",")
    );
    assert_eq!(
        fault(text.as_bytes()),
        Some(("EncData.data".into(), Fault::Count))
    );
}
