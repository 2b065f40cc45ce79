// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the real client was seen to accept, each refused here.

use security_domain::managed_hsm::Fault;
use security_domain::managed_hsm::domain_file::{CombineError, DomainFile, ShareError};

use super::fixtures::*;
use super::forge::{self, domain_file, jwe, pad, value, words};

const NAMES: [&str; 3] = ["s2048_0", "s2048_1", "s2048_2"];
const KEY: [u8; 32] = *b"a master key of thirty-two bytes";

/// A file in which these shares are sealed to the three custodians.
fn file_of(required: u32, shares: Vec<Vec<u8>>) -> String {
    let shares: Vec<_> = NAMES.into_iter().zip(shares).collect();
    domain_file(&KEY, required, &shares)
}

/// The faults of a file's form.
fn fault(text: &str) -> Option<(String, Fault)> {
    let error = DomainFile::parse(text.as_bytes()).err()?;
    Some((error.field.to_string(), error.fault))
}

#[test]
fn the_forge_makes_files_that_open() {
    let text = file_of(2, forge::shares(&KEY, &[5], 3));
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &NAMES);
    let combined = file.combine(&shares).unwrap();
    let artifacts = open_all(file.artifacts(), combined.master_key());
    assert_eq!(artifacts, [("a".to_owned(), b"artifact".to_vec())]);
}

#[test]
fn a_tag_that_is_not_32_bytes_does_not_switch_authentication_off() {
    let text = file_of(2, forge::shares(&KEY, &[5], 3));
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let whole = file["EncData"]["data"][0]["compact_jwe"].as_str().unwrap();
    let (rest, tag) = whole.rsplit_once('.').unwrap();
    let tag = [from_base64url(tag), vec![0; 40]].concat();
    for length in (0..=64).filter(|length| *length != 32) {
        let cut = format!("{rest}.{}", base64url(&tag[..length]));
        let found = fault(&text.replace(whole, &cut));
        let field = "EncData.data[0].compact_jwe (tag)".to_owned();
        assert_eq!(found, Some((field, Fault::Length)), "{length} bytes");
    }
}

#[test]
fn a_share_with_index_zero_is_refused() {
    let mut shares = forge::shares(&KEY, &[5], 3);
    shares[0] = words(0, KEY.map(u32::from));
    let text = file_of(2, shares);
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    assert_eq!(
        open_share(&file, NAMES[0]).err(),
        Some(ShareError::DoesNotOpen)
    );
}

/// RFC 7516 section 11.5: where the key does not unwrap, a random one takes its place. If it were one that
/// anybody knows, anybody could seal a share under it.
#[test]
fn what_is_sealed_under_zeros_does_not_open_where_the_key_does_not_unwrap() {
    let header = r#"{"alg":"RSA-OAEP-256","enc":"A256CBC-HS512","kid":"not used"}"#;
    let good = forge::shares(&KEY, &[5], 3);
    let text = file_of(2, good.clone());
    let genuine = forge::enc_key(&good[0], NAMES[0]);
    // A number below the modulus that is no encoding.
    let known = jwe(header, &[0x11; 256], &[0; 64], &pad(&good[0]));
    assert_eq!(text.matches(&genuine).count(), 1);
    let text = text.replace(&genuine, &known);
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let opened = open_share(&file, NAMES[0]);
    assert_eq!(opened.unwrap_err(), ShareError::DoesNotOpen);
    assert!(open_share(&file, NAMES[1]).is_ok());
}

#[test]
fn a_share_whose_words_name_two_indices_is_refused() {
    let good = forge::shares(&KEY, &[5], 3);
    for word in 0..32 {
        let mut mixed = good.clone();
        let other = good[1][2 * word..2 * word + 2].to_vec();
        mixed[0][2 * word..2 * word + 2].copy_from_slice(&other);
        let text = file_of(2, mixed);
        let file = DomainFile::parse(text.as_bytes()).unwrap();
        let opened = open_share(&file, NAMES[0]);
        assert_eq!(opened.unwrap_err(), ShareError::DoesNotOpen, "word {word}");
    }
}

/// Ten is the most. A smaller index may be above the number of entries, if others are missing from
/// the file.
#[test]
fn an_index_above_the_most_custodians_is_refused() {
    let polynomial = |x| words(x, KEY.map(|byte| value(&[u32::from(byte), 5], x)));
    for x in [4, 10, 11, 64, 127] {
        let text = file_of(2, vec![polynomial(1), polynomial(2), polynomial(x)]);
        let file = DomainFile::parse(text.as_bytes()).unwrap();
        let refused = open_share(&file, NAMES[2]).err();
        let expected = (x > 10).then_some(ShareError::DoesNotOpen);
        assert_eq!(refused, expected, "{x}");
    }
}

#[test]
fn equal_indices_do_not_combine_to_the_zero_key() {
    // The real client's Lagrange coefficients vanish, and what is left is a key of zeros.
    let one = forge::shares(&[0; 32], &[5], 1).remove(0);
    let shares: Vec<_> = NAMES.map(|name| (name, one.clone())).to_vec();
    let text = domain_file(&[0; 32], 2, &shares);
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &NAMES);
    for given in [&shares[..2], &shares] {
        assert_eq!(file.combine(given).err(), Some(CombineError::DoesNotOpen));
    }
}

#[test]
fn a_share_dealt_to_two_custodians_counts_once() {
    let mut shares = forge::shares(&KEY, &[5], 3);
    shares[1] = shares[0].clone();
    let text = file_of(2, shares);
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &NAMES);
    assert_eq!(
        file.combine(&shares[..2]).err(),
        Some(CombineError::DoesNotOpen)
    );
    let combined = file.combine(&shares).unwrap();
    assert_eq!(combined.left_out(), [thumbprint(NAMES[1])]);

    // Also where neither of the two is in the quorum that is found.
    let names = ["s2048_3", "s2048_4", "s2048_0", "s2048_1"];
    let mut words = forge::shares(&KEY, &[5], 4);
    words[3] = words[2].clone();
    let text = domain_file(&KEY, 2, &names.into_iter().zip(words).collect::<Vec<_>>());
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let combined = file.combine(&open_shares(&file, &names)).unwrap();
    assert_eq!(combined.left_out(), [thumbprint("s2048_1")]);
}

#[test]
fn a_custodian_listed_twice_does_not_meet_a_quorum_alone() {
    let mut shares = forge::shares(&KEY, &[5], 3).into_iter();
    let twice = ["s2048_0", "s2048_1", "s2048_0"].map(|name| (name, shares.next().unwrap()));
    let text = domain_file(&KEY, 2, &twice);
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let Err(ShareError::Damaged(error)) = open_share(&file, "s2048_0") else {
        panic!("one of the two was opened");
    };
    assert_eq!(
        (error.field.to_string().as_str(), error.fault),
        ("SharedKeys.enc_shares[2].x5t_256", Fault::Repeated)
    );
}

#[test]
fn one_custodian_does_not_count_twice_in_combining() {
    let text = file_of(2, forge::shares(&KEY, &[5], 3));
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &["s2048_0", "s2048_0"]);
    let same = CombineError::SameCustodian(thumbprint("s2048_0"));
    assert_eq!(file.combine(&shares).err(), Some(same));
}

#[test]
fn required_below_the_true_threshold_opens_nothing() {
    let text = file_of(2, forge::shares(&KEY, &[5, 7], 3));
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &NAMES);
    for given in [&shares[..2], &shares] {
        assert_eq!(file.combine(given).err(), Some(CombineError::DoesNotOpen));
    }
}

#[test]
fn required_above_the_true_threshold_is_refused() {
    // All coefficients of the highest power are zero: two shares would do where three are asked for.
    for text in [
        file_of(3, forge::shares(&KEY, &[5], 3)),
        file_of(2, forge::shares(&KEY, &[0], 3)),
    ] {
        let file = DomainFile::parse(text.as_bytes()).unwrap();
        let shares = open_shares(&file, &NAMES);
        assert_eq!(file.combine(&shares).err(), Some(CombineError::DoesNotOpen));
    }
}

#[test]
fn one_zero_among_the_highest_coefficients_is_no_defect() {
    let polynomial = |x| {
        let mut place = 0;
        words(
            x,
            KEY.map(|byte| {
                place += 1;
                value(&[u32::from(byte), if place == 32 { 9 } else { 0 }], x)
            }),
        )
    };
    let text = file_of(2, (1..=3).map(polynomial).collect());
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &NAMES);
    assert_eq!(file.combine(&shares).unwrap().left_out(), []);
}

#[test]
fn a_combined_byte_of_256_is_refused() {
    // Its low byte is 0, so a reader that cuts would find the key that opens the artifact.
    let mut key = KEY;
    key[31] = 0;
    let polynomial = |x| {
        let mut values = key.map(|byte| value(&[u32::from(byte), 5], x));
        values[31] = value(&[256, 5], x);
        words(x, values)
    };
    let shares: Vec<_> = NAMES.into_iter().zip((1..=3).map(polynomial)).collect();
    let text = domain_file(&key, 2, &shares);
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &NAMES);
    assert_eq!(file.combine(&shares).err(), Some(CombineError::DoesNotOpen));
}

#[test]
fn dropped_entries_are_what_the_format_cannot_tell() {
    // Nothing binds the list of artifacts. The tags are there for the operator to compare.
    let whole = bytes("valid/v01-2of3-2048/sd.json");
    let mut file: serde_json::Value = serde_json::from_slice(&whole).unwrap();
    file["EncData"]["data"].as_array_mut().unwrap().remove(0);
    let text = file.to_string();
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let shares = open_shares(&file, &NAMES);
    assert_eq!(file.combine(&shares).unwrap().left_out(), []);
    let tags: Vec<String> = file.artifacts().map(|a| a.tag().to_string()).collect();
    assert_eq!(tags, ["base_enclave_backup", "partition_enclave_backup"]);
}
