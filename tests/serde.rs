// SPDX-License-Identifier: MIT OR Apache-2.0
//! Feature `serde`: text in JSON, bytes in postcard, and nothing read that a constructor refuses.
#![cfg(feature = "serde")]

use std::fmt::Debug;

use security_domain::quorum::{Quorum, ShareCount, ShareIndex, Threshold};
use security_domain::shamir::ShareRow;
use security_domain::shamir::check::{SetId, ShareDigest};
use security_domain::shamir::encoded::{EncodedShare, encoded_len};
use security_domain::shamir::renew::Commitment;
use security_domain::shamir::text::{MAX_VALUE_LEN, text_len};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// `value` is `json` and `bytes`, and read from both again.
#[track_caller]
fn is<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, json: &str, bytes: &[u8]) {
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
    assert_eq!(postcard::to_allocvec(&value).unwrap(), bytes);
    assert_eq!(postcard::from_bytes::<T>(bytes).unwrap(), value);
}

#[track_caller]
fn refused<T: DeserializeOwned + Debug>(json: &str, why: &str) {
    let error = serde_json::from_str::<T>(json).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn numbers_and_quorums() {
    is(Threshold::new(3).unwrap(), "3", &[3]);
    is(ShareCount::new(255).unwrap(), "255", &[255]);
    is(ShareIndex::new(1).unwrap(), "1", &[1]);
    is(
        Quorum::of::<3, 5>(),
        r#"{"threshold":3,"count":5}"#,
        &[3, 5],
    );

    refused::<Threshold>("1", "the threshold is below 2");
    refused::<ShareCount>("0", "the number of shares is below 2");
    refused::<ShareIndex>("0", "the share index is 0");
    refused::<ShareIndex>("256", "256");
    let above = "the threshold is above the number of shares";
    refused::<Quorum>(r#"{"threshold":6,"count":5}"#, above);
    refused::<Quorum>(r#"{"threshold":3,"count":5,"of":1}"#, "unknown field");
    refused::<Quorum>(r#"{"threshold":3}"#, "missing field");
    assert!(postcard::from_bytes::<Quorum>(&[6, 5]).is_err());
}

#[test]
fn ids_digests_and_commitments() {
    let hex = |byte: &str, len| format!("\"{}\"", byte.repeat(len));
    // Binary formats have byte strings: postcard begins them with their length.
    let bytes = |byte, len: u8| [vec![len], vec![byte; len.into()]].concat();
    is(
        SetId::from_bytes([0xab; 16]),
        &hex("ab", 16),
        &bytes(0xab, 16),
    );
    is(
        ShareDigest::from_bytes([0xcd; 32]),
        &hex("cd", 32),
        &bytes(0xcd, 32),
    );
    is(
        Commitment::from_bytes([0xef; 32]),
        &hex("ef", 32),
        &bytes(0xef, 32),
    );
    for wrong in [hex("ab", 15), hex("ab", 17), hex("xy", 16)] {
        assert!(serde_json::from_str::<SetId>(&wrong).is_err(), "{wrong}");
    }
    assert!(postcard::from_bytes::<ShareDigest>(&bytes(0, 31)).is_err());
    assert!(postcard::from_bytes::<ShareDigest>(&bytes(0, 33)).is_err());
}

fn share(value: &[u8]) -> EncodedShare<'_> {
    let row = ShareRow {
        index: ShareIndex::new(4).unwrap(),
        value,
    };
    EncodedShare::new(
        SetId::from_bytes([0xab; 16]),
        Quorum::of::<3, 5>(),
        row,
        &[0xcd; 32],
    )
    .unwrap()
}

fn bytes(share: &EncodedShare<'_>) -> Vec<u8> {
    let mut out = vec![0; encoded_len(share.row().value.len())];
    share.encode(&mut out).unwrap();
    out
}

#[test]
fn a_share_is_text_in_json_and_bytes_in_postcard() {
    let share = share(b"value");
    let mut buffer = [0; text_len(5)];
    let text = share.encode_text(&mut buffer).unwrap();
    let json = serde_json::to_string(&share).unwrap();
    assert_eq!(json, format!("\"{text}\""));

    // What reads text is `parse_text`, into the caller's buffer.
    let borrowed: &str = serde_json::from_str(&json).unwrap();
    let mut out = [0; encoded_len(5)];
    let again = EncodedShare::parse_text(borrowed, &mut out).unwrap();
    assert_eq!(bytes(&again), bytes(&share));
    let refused = serde_json::from_str::<EncodedShare<'_>>(&json).unwrap_err();
    assert!(refused.to_string().contains("parse_text"), "{refused}");

    let packed = postcard::to_allocvec(&share).unwrap();
    let again: EncodedShare<'_> = postcard::from_bytes(&packed).unwrap();
    assert_eq!(bytes(&again), bytes(&share));
    assert!(packed.ends_with(&bytes(&share)));
    // A share in the place of its bytes is checked as well.
    let mut wrong = packed.clone();
    wrong[1] ^= 1;
    assert!(postcard::from_bytes::<EncodedShare<'_>>(&wrong).is_err());
}

#[test]
fn a_share_too_long_for_text_is_refused_in_both() {
    let value = [0x5a; MAX_VALUE_LEN + 1];
    for (len, fits) in [(MAX_VALUE_LEN, true), (MAX_VALUE_LEN + 1, false)] {
        let share = share(&value[..len]);
        assert_eq!(serde_json::to_string(&share).is_ok(), fits);
        assert_eq!(postcard::to_allocvec(&share).is_ok(), fits);
    }
}
