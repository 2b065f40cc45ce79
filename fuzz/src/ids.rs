// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ids and digests as hexadecimal digits.

use security_domain::custodian::CustodianId;
use security_domain::hex::HexError;

/// What is read is printed as it was, in small letters; and what is refused has another length, or
/// no digit at the place that is named.
pub fn ids(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    match text.parse::<CustodianId>() {
        Ok(id) => assert_eq!(id.to_string(), text.to_ascii_lowercase()),
        Err(HexError::Digit { at }) => {
            let character = text.chars().nth(at);
            assert!(character.is_some_and(|character| !character.is_ascii_hexdigit()));
        }
        Err(HexError::Length { have, want }) => {
            assert_eq!((have, want), (text.chars().count(), 64));
            assert_ne!(have, want);
        }
        Err(_) => unreachable!("there is no other error"),
    }
}
