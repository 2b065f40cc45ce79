// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates: read as the openssl command (3.0) made them, and written.
#![cfg(feature = "sealed-domain")]

mod fields;
mod forms;
mod recovery;
mod written;

/// Certificates in DER, and the keys that they are of.
const CERTIFICATES: [(&[u8], &[u8]); 3] = [
    (
        include_bytes!("../vectors/rsa/keys/2048.cer.der"),
        include_bytes!("../vectors/rsa/keys/2048.pkcs8.der"),
    ),
    (
        include_bytes!("../vectors/rsa/keys/3072.cer.der"),
        include_bytes!("../vectors/rsa/keys/3072.pkcs8.der"),
    ),
    (
        include_bytes!("../vectors/rsa/keys/4096.cer.der"),
        include_bytes!("../vectors/rsa/keys/4096.pkcs8.der"),
    ),
];
