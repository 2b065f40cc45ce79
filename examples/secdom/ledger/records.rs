// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of an export that was verified.

use security_domain::custody::MAGIC;
use security_domain::sealed_domain::InstanceId;

/// Returns the bytes of each record, and those of the checkpoint.
pub fn records(export: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let header = MAGIC.len() + size_of::<InstanceId>();
    let (mut records, mut rest) = (Vec::new(), export.get(header..).unwrap_or_default());
    while let Some((len, after)) = rest.split_first_chunk() {
        rest = after;
        let len = usize::from(u16::from_be_bytes(*len));
        let Some((record, after)) = rest.split_at_checked(len).filter(|_| len != 0) else {
            break;
        };
        records.push(record);
        rest = after;
    }
    (records, rest)
}
