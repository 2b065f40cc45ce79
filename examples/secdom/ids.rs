// SPDX-License-Identifier: MIT OR Apache-2.0
//! Thumbprints as arguments.

use base64ct::{Base64UrlUnpadded, Encoding};
use security_domain::hex;
use security_domain::x509::Thumbprint;

/// Parses the thumbprint of a certificate, in base64url or in hexadecimal digits.
pub fn thumbprint(text: &str) -> Result<Thumbprint, &'static str> {
    let mut digest = [0; 32];
    let bytes = Base64UrlUnpadded::decode(text, &mut digest).ok();
    if bytes.is_some_and(|bytes| bytes.len() == 32) {
        return Ok(Thumbprint::new(digest));
    }
    let error = "expected 43 characters of base64url or 64 hexadecimal digits";
    hex::parse(text).map(Thumbprint::new).map_err(|_| error)
}
