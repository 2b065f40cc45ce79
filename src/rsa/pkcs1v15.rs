// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 9.2).

use sha2::{Digest, Sha256};

use crate::hardened::{Fault, copy};

/// The DER of a `DigestInfo` with SHA-256, up to the digest (RFC 8017 section 9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// Fills `block` with `00 01 FF .. FF 00 || DigestInfo`. All is public.
pub(super) fn encode(block: &mut [u8], message: &[u8]) -> Result<(), Fault> {
    block.fill(0xff);
    let (rest, digest) = block.split_last_chunk_mut::<32>().ok_or(Fault)?;
    *digest = Sha256::digest(message).into();
    let at = rest.len().checked_sub(DIGEST_INFO.len()).ok_or(Fault)?;
    let (padding, info) = rest.split_at_mut_checked(at).ok_or(Fault)?;
    copy(info, &DIGEST_INFO)?;
    let [first, second, .., last] = padding else {
        return Err(Fault);
    };
    [*first, *second, *last] = [0, 1, 0];
    Ok(())
}
