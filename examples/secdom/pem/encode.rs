// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes PEM (RFC 7468).

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

/// Encodes `der` as a PEM block, in a buffer that is wiped.
pub fn encode(label: &str, der: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut base64 = Zeroizing::new(vec![0; Base64::encoded_len(der)]);
    let encoded = Base64::encode(der, &mut base64).map_or(0, str::len);
    // There is room for all of it, so that growing leaves no copy behind.
    let mut pem = Zeroizing::new(Vec::with_capacity(
        encoded + encoded / 64 + 2 * label.len() + 64,
    ));
    pem.extend(format!("-----BEGIN {label}-----\n").bytes());
    for line in base64[..encoded].chunks(64) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend(format!("-----END {label}-----\n").bytes());
    pem
}
