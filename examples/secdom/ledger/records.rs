// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of an export or a shown record: each with its length before it, zeros, and the rest.

use security_domain::custody::MAGIC;
use security_domain::sealed_domain::InstanceId;

/// Returns the bytes of each record of an export that was verified, and those of its checkpoint.
pub fn records(export: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let header = MAGIC.len() + size_of::<InstanceId>();
    frames(export.get(header..).unwrap_or_default())
}

/// Returns the parts before the zeros, and what follows; nothing follows if there are no zeros.
pub fn frames(mut rest: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut parts = Vec::new();
    while let Some((len, after)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes(*len));
        match after.split_at_checked(len) {
            Some(([], after)) => return (parts, after),
            Some((part, after)) => {
                parts.push(part);
                rest = after;
            }
            None => break,
        }
    }
    (parts, &[])
}
