// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key derivation.

use security_domain::hazmat::kdf::{Pseudorandom, sp800_108_hmac_sha512};
use security_domain::secret::Secret;

use crate::Operation;
use crate::valgrind::{hidden, revealed};

pub const OPERATIONS: &[Operation] = &[
    ("kdf: SP 800-108, HMAC-SHA-512", sp800_108),
    ("kdf: HKDF-SHA-256", hkdf),
];

fn zeros<const N: usize>() -> Secret<N> {
    Secret::from_bytes(&mut [0; N])
}

fn sp800_108() {
    let mut derived = zeros::<32>();
    sp800_108_hmac_sha512(&hidden([0x41; 32]), *b"label", b"context", &mut derived).unwrap();
    // The interchange format's known answer.
    assert_eq!(revealed(derived.expose())[..4], [0xf0, 0xca, 0x51, 0xf6]);
}

fn hkdf() {
    // RFC 5869 appendix A.1.
    let salt: [u8; 13] = core::array::from_fn(|i| i as u8);
    let info: [u8; 10] = core::array::from_fn(|i| 0xf0 + i as u8);
    let (mut pseudorandom, mut key) = (Pseudorandom::none(), zeros::<32>());
    pseudorandom.extract(&salt, &hidden([0x0b; 22])).unwrap();
    pseudorandom.expand(&[&info], &mut key).unwrap();
    assert_eq!(revealed(key.expose())[..4], [0x3c, 0xb2, 0x5f, 0x25]);
}
