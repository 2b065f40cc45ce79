// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ids and digests as arguments: 64 hexadecimal digits.

use base64ct::{Base64UrlUnpadded, Encoding};
use security_domain::contribution::RequestDigest;
use security_domain::sealed_domain::DomainId;
use security_domain::x509::Thumbprint;

/// Parses a domain's id, as noted when it was activated.
pub fn domain_id(text: &str) -> Result<DomainId, &'static str> {
    digits(text).map(DomainId::from_bytes)
}

/// Parses a request's digest, as the HSM shows it.
pub fn request_digest(text: &str) -> Result<RequestDigest, &'static str> {
    digits(text).map(RequestDigest::from_bytes)
}

/// Parses the thumbprint of a certificate, in base64url or in hexadecimal digits.
pub fn thumbprint(text: &str) -> Result<Thumbprint, &'static str> {
    let mut digest = [0; 32];
    let bytes = Base64UrlUnpadded::decode(text, &mut digest).ok();
    if bytes.is_some_and(|bytes| bytes.len() == 32) {
        return Ok(Thumbprint::new(digest));
    }
    let error = "expected 43 characters of base64url or 64 hexadecimal digits";
    digits(text).map(Thumbprint::new).map_err(|_| error)
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
