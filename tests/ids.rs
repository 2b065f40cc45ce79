// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ids and digests are read as they are printed.
#![cfg(feature = "sealed-domain")]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;
use security_domain::approval::{ActDigest, ActId, ActSubject};
use security_domain::backup::BackupId;
use security_domain::contribution::{RequestDigest, SessionId};
use security_domain::custodian::CustodianId;
use security_domain::custody::RecordHash;
use security_domain::drill::{ChallengeDigest, ChallengeId};
use security_domain::hex::{self, HexError};
use security_domain::lifecycle::ArtifactDigest;
use security_domain::sealed_domain::{
    BirthCommitment, DomainId, HeaderDigest, InstanceId, LedgerHead,
};
use security_domain::shamir::check::{SetId, ShareDigest};

fn comes_back<T: Display + FromStr<Err = HexError> + PartialEq + Debug>(id: T) {
    let text = id.to_string();
    assert_eq!(text.parse::<T>().as_ref(), Ok(&id));
    assert_eq!(text.to_uppercase().parse::<T>().as_ref(), Ok(&id));
    let want = text.len();
    for other in [&text[1..], &format!("{text}0"), ""] {
        let have = other.len();
        let refused = other.parse::<T>();
        assert_eq!(refused, Err(HexError::Length { have, want }));
    }
    for at in [0, 1, want - 1] {
        for wrong in ["g", " ", "-", "é", "\0"] {
            let other = [&text[..at], wrong, &text[at + 1..]].concat();
            assert_eq!(other.parse::<T>(), Err(HexError::Digit { at }), "{other}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_is_printed_is_read(bytes: [u8; 32]) {
        comes_back(DomainId::from_bytes(bytes));
        comes_back(LedgerHead::from_bytes(bytes));
        comes_back(RecordHash::from_bytes(bytes));
        comes_back(HeaderDigest::from_bytes(bytes));
        comes_back(BirthCommitment::from_bytes(bytes));
        comes_back(RequestDigest::from_bytes(bytes));
        comes_back(SessionId::from_bytes(bytes));
        comes_back(CustodianId::from_bytes(bytes));
        comes_back(ChallengeDigest::from_bytes(bytes));
        comes_back(ChallengeId::from_bytes(bytes));
        comes_back(ActDigest::from_bytes(bytes));
        comes_back(ArtifactDigest::from_bytes(bytes));
        comes_back(ActId::from_bytes(bytes));
        comes_back(ActSubject::from_bytes(bytes));
        let [half, _] = bytes.as_chunks().0 else { unreachable!() };
        comes_back(InstanceId::from_bytes(*half));
        comes_back(BackupId::from_bytes(bytes));
        let digits = DomainId::from_bytes(bytes).to_string();
        prop_assert_eq!(ShareDigest::from_bytes(bytes).to_string(), &digits[..]);
        prop_assert_eq!(SetId::from_bytes(*half).to_string(), &digits[..32]);
        prop_assert_eq!(hex::parse(&digits), Ok(bytes));
    }
}

#[test]
fn an_error_says_what_is_wrong() {
    let said = |text: &str| text.parse::<DomainId>().unwrap_err().to_string();
    let few = "63 characters, where 64 hexadecimal digits are expected";
    assert_eq!(said(&"0".repeat(63)), few);
    let wrong = "character 3 is not a hexadecimal digit";
    assert_eq!(said(&format!("00x{}", "0".repeat(61))), wrong);
}
