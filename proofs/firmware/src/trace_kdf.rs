// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key derivation, as functions of 32 secret bytes; `proofs/trace.py` has each one's answer.

use security_domain::hazmat::kdf::{Pseudorandom, sp800_108_hmac_sha512};

use crate::trace::{secret, trace};

trace!(trace_kdf_sp800_108, |bytes, out| {
    let mut key = secret(&[0; 32]);
    sp800_108_hmac_sha512(bytes, *b"label", b"context", &mut key).ok()?;
    *out = *key.expose();
    Some(())
});

trace!(trace_kdf_hkdf, |bytes, out| {
    let (mut extracted, mut key) = (Pseudorandom::none(), secret(&[0; 32]));
    extracted.extract(b"salt", bytes).ok()?;
    extracted.expand(&[b"info"], &mut key).ok()?;
    *out = *key.expose();
    Some(())
});
