// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares in bytes: one encoding, everything else refused, and shares of different sets told apart.

use proptest::prelude::*;
use security_domain::quorum::{Quorum, QuorumError};
use security_domain::shamir::check::SetId;
use security_domain::shamir::encoded::{
    EncodedShare, EncodedShareError, MixedShares, combine_encoded, encoded_len,
};
use security_domain::shamir::{CombineError, ShareRow, split_rows};

use crate::dealing::{index, quorum};

fn encode(set: [u8; 16], quorum: Quorum, at: u8, value: &[u8], blind: [u8; 32]) -> Vec<u8> {
    let row = ShareRow {
        index: index(at),
        value,
    };
    let share = EncodedShare::new(SetId::from_bytes(set), quorum, row, &blind).unwrap();
    let mut out = vec![0x77; encoded_len(value.len()) + 3];
    assert_eq!(share.encode(&mut out), Ok(encoded_len(value.len())));
    assert_eq!(out.split_off(encoded_len(value.len())), [0x77; 3]);
    let mut short = vec![0x77; out.len() - 1];
    assert_eq!(
        share.encode(&mut short),
        Err(EncodedShareError::BufferTooSmall)
    );
    assert!(short.iter().all(|&byte| byte == 0x77));
    out
}

#[test]
fn the_bytes_are_those_that_the_format_says() {
    let bytes = encode([0xab; 16], quorum(3, 5), 4, b"value", [0xcd; 32]);
    let mut want = b"sdshare\x01".to_vec();
    want.extend([0xab; 16]);
    want.extend([3, 5, 4, 0, 0, 0, 5]);
    want.extend(b"value");
    want.extend([0xcd; 32]);
    assert_eq!(bytes, want);
    let share = EncodedShare::parse(&bytes).unwrap();
    assert_eq!(
        (share.set(), share.quorum()),
        (SetId::from_bytes([0xab; 16]), quorum(3, 5))
    );
    assert_eq!(
        (share.row().index.get(), share.row().value),
        (4, &b"value"[..])
    );
    let printed = format!("{share:?}");
    assert!(printed.starts_with("EncodedShare(4, 3 of 5, "), "{printed}");
    assert!(!printed.contains("118"), "prints the value: {printed}");
}

#[test]
fn every_defect_has_its_name() {
    use EncodedShareError::*;
    let good = encode([1; 16], quorum(3, 5), 4, b"value", [2; 32]);
    for len in 0..good.len() {
        assert_eq!(
            EncodedShare::parse(&good[..len]).unwrap_err(),
            Truncated,
            "{len}"
        );
    }
    let with = |at: usize, byte: u8| {
        let mut bad = good.clone();
        bad[at] = byte;
        EncodedShare::parse(&bad).unwrap_err()
    };
    assert_eq!(with(0, b'S'), NotAShare);
    assert_eq!(with(7, 2), Version(2));
    assert_eq!(with(24, 1), Quorum(QuorumError::ThresholdBelowTwo));
    assert_eq!(with(24, 6), Quorum(QuorumError::ThresholdAboveCount));
    assert_eq!(with(25, 0), Quorum(QuorumError::CountBelowTwo));
    assert_eq!(with(26, 0), Quorum(QuorumError::IndexZero));
    assert_eq!(with(26, 6), IndexAboveCount);
    assert_eq!(with(30, 4), TrailingBytes);
    assert_eq!(with(30, 6), Truncated);
    assert_eq!(with(27, 0xff), Truncated);
    let row = ShareRow {
        index: index(6),
        value: b"",
    };
    let above = EncodedShare::new(SetId::from_bytes([0; 16]), quorum(3, 5), row, &[0; 32]);
    assert_eq!(above.unwrap_err(), IndexAboveCount);
}

proptest! {
    #[test]
    fn whatever_parses_is_the_one_encoding(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..120), valid: bool,
    ) {
        if valid && bytes.len() >= 63 {
            bytes[..8].copy_from_slice(b"sdshare\x01");
            bytes[24..27].copy_from_slice(&[2, 3, 1]);
            let len = (bytes.len() - 63) as u32;
            bytes[27..31].copy_from_slice(&len.to_be_bytes());
        }
        match EncodedShare::parse(&bytes) {
            Ok(share) => {
                let mut again = vec![0; bytes.len()];
                prop_assert_eq!(share.encode(&mut again), Ok(bytes.len()));
                prop_assert_eq!(again, bytes);
            }
            Err(_) => prop_assert!(!valid || bytes.len() < 63),
        }
    }
}

#[test]
fn shares_of_different_sets_are_told_apart_before_they_are_combined() {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    let mut rows = [[0; 6]; 3];
    let [a, b, c] = &mut rows;
    split_rows(b"secret", quorum(2, 3), &mut rng, &mut [a, b, c]).unwrap();
    let encoded =
        |set, quorum, at: u8| encode(set, quorum, at, &rows[usize::from(at) - 1], [0; 32]);
    let first = encoded([1; 16], quorum(2, 3), 1);
    let third = encoded([1; 16], quorum(2, 3), 3);
    let foreign = encoded([2; 16], quorum(2, 3), 3);
    let other = encoded([1; 16], quorum(3, 3), 3);
    fn parse(bytes: &[u8]) -> EncodedShare<'_> {
        EncodedShare::parse(bytes).unwrap()
    }
    for (given, want) in [
        (vec![&first, &third], Ok(())),
        (vec![&first], Err(CombineError::TooFewShares)),
        (vec![], Err(CombineError::TooFewShares)),
        (
            vec![&first, &foreign],
            Err(CombineError::Mixed(MixedShares::Set(index(3)))),
        ),
        (
            vec![&first, &other],
            Err(CombineError::Mixed(MixedShares::Quorum(index(3)))),
        ),
        (
            vec![&third, &third],
            Err(CombineError::EqualIndices(index(3))),
        ),
    ] {
        let shares: Vec<_> = given.into_iter().map(|bytes| parse(bytes)).collect();
        let mut out = [0x77; 6];
        assert_eq!(combine_encoded(&shares, &mut out), want);
        assert_eq!(&out, if want.is_ok() { b"secret" } else { &[0; 6] });
    }
}

#[test]
fn an_error_that_wraps_another_gives_it_as_its_source() {
    use std::error::Error;

    use security_domain::shamir::check::CorrectError;
    use security_domain::shamir::renew::ConfirmError;

    let mixed = CombineError::Mixed(MixedShares::Set(index(3)));
    let quorum = EncodedShareError::Quorum(QuorumError::IndexZero);
    for (error, inner) in [
        (&mixed as &dyn Error, "share 3 is of another set"),
        (&quorum, "the share index is 0"),
        (&CorrectError::Shares(mixed), &mixed.to_string()),
        (&ConfirmError::Shares(mixed), &mixed.to_string()),
    ] {
        let source = error.source().expect("it wraps one").to_string();
        assert_eq!(source, inner);
        assert_ne!(error.to_string(), source);
    }
    assert!(CombineError::TooFewShares.source().is_none());
}
