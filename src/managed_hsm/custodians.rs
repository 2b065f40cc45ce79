// SPDX-License-Identifier: MIT OR Apache-2.0
//! The custodians of a file: how many there are, and that they differ.

use super::error::WriteError;
use crate::quorum::{Quorum, ShareCount};
use crate::x509::Certificate;

/// The fewest custodians of a file.
pub const MIN_CUSTODIANS: usize = 3;

/// The most custodians of a file.
pub const MAX_CUSTODIANS: usize = 10;

/// Returns a number of custodians if the format allows it.
pub fn custodian_count(count: u8) -> Option<ShareCount> {
    let allowed = (MIN_CUSTODIANS..=MAX_CUSTODIANS).contains(&usize::from(count));
    ShareCount::new(count).ok().filter(|_| allowed)
}

/// Returns the quorum of `required` among `count` if it is valid.
pub fn quorum_of(required: u32, count: ShareCount) -> Option<Quorum> {
    Quorum::new(u8::try_from(required).ok()?, count.get()).ok()
}

/// Checks the custodians' certificates: 3 to 10, all different and with different keys.
pub fn check_certificates(certificates: &[Certificate<'_>]) -> Result<ShareCount, WriteError> {
    let count = u8::try_from(certificates.len()).ok();
    let count = count
        .and_then(custodian_count)
        .ok_or(WriteError::CertificateCount)?;
    let mut rest = certificates.iter();
    while let Some(one) = rest.next() {
        if rest.clone().any(|other| {
            other.thumbprint() == one.thumbprint()
                || other.public_key().modulus() == one.public_key().modulus()
        }) {
            return Err(WriteError::RepeatedCustodian);
        }
    }
    Ok(count)
}
