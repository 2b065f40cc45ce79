// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ids and digests as arguments: 64 hexadecimal digits.

use security_domain::contribution::RequestDigest;
use security_domain::sealed_domain::DomainId;

/// Parses a domain's id, as noted when it was activated.
pub fn domain_id(text: &str) -> Result<DomainId, &'static str> {
    digits(text).map(DomainId::from_bytes)
}

/// Parses a request's digest, as the HSM shows it.
pub fn request_digest(text: &str) -> Result<RequestDigest, &'static str> {
    digits(text).map(RequestDigest::from_bytes)
}

/// Parses 32 bytes in hexadecimal digits.
pub fn digits(text: &str) -> Result<[u8; 32], &'static str> {
    const EXPECTED: &str = "expected 64 hexadecimal digits";
    let digit = |digit: &u8| char::from(*digit).to_digit(16).ok_or(EXPECTED);
    let (pairs, rest) = text.as_bytes().as_chunks();
    if pairs.len() != 32 || !rest.is_empty() {
        return Err(EXPECTED);
    }
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(high)? << 4 | digit(low)?) as u8;
    }
    Ok(bytes)
}
