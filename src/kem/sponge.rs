// SPDX-License-Identifier: MIT OR Apache-2.0
//! SHAKE256 and SHA3-256 (FIPS 202), as hybrid KEMs use them (draft-irtf-cfrg-concrete-hybrid-kems
//! section 3).

use sha3::digest::FixedOutput;
use sha3::{Digest, Sha3_256};
use shake::Shake256;
use shake::digest::{ExtendableOutput, Update, XofReader};

use super::mechanism::Shared;
use crate::ct::is_zeros;
use crate::hardened::{Fault, Verdict};

/// Fills `out` with SHAKE256 of `seed`.
///
/// Secret: both. Public: the lengths. Leaks: nothing else.
pub fn stretch(seed: &[u8], out: &mut [u8]) {
    let mut sponge = Shake256::default();
    sponge.update(seed);
    sponge.finalize_xof().read(out);
}

/// Fills `shared` with SHA3-256 of the secrets of both halves, the curve's ciphertext and public
/// key, and the label.
///
/// Secret: the first two parts, `shared`. Public: the rest, the lengths. Leaks: nothing else.
pub fn combine(parts: [&[u8]; 5], shared: &mut Shared) -> Result<(), Fault> {
    let mut hash = Sha3_256::new();
    for part in parts {
        Digest::update(&mut hash, part);
    }
    FixedOutput::finalize_into(hash, shared.expose_mut().into());
    Verdict::twice(|| !is_zeros(shared.expose())).or(Fault)
}
