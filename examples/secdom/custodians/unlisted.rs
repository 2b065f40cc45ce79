// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian whose certificate the file does not list, because the digest in the file was damaged or the
//! certificate was renewed. The custodian's key finds the share.

use getrandom::SysRng;

use super::Custodian;
use crate::domain::File;

/// Tries the key on each share that no custodian present has, and assigns the one that it opens. Returns
/// whether there is one, of which the custodian's warnings say where it is.
pub fn find_share(file: &mut File<'_>, custodian: &mut Custodian, present: &[Custodian]) -> bool {
    let File::Shared(file) = file else {
        return false;
    };
    let digests: Vec<_> = file.digests().collect();
    for (place, digest) in digests.into_iter().enumerate() {
        if present.iter().any(|other| Ok(other.thumbprint) == digest) {
            continue;
        }
        let mut assigned = file.clone();
        let opens = assigned.assign(place, custodian.thumbprint).is_ok() && {
            assigned.open_share(&custodian.thumbprint, &mut custodian.key, &mut SysRng)
        }
        .is_ok();
        if !opens {
            continue;
        }
        *file = assigned;
        let why = match digest {
            Ok(other) => format!(
                "SharedKeys.enc_shares[{place}].x5t_256 is {other}, so either it is damaged, or the \
                 certificate was renewed"
            ),
            Err(error) => error.to_string(),
        };
        custodian.warnings.push(format!(
            "the share of {} is found by its key alone: {why}; other programs do not find it",
            custodian.name()
        ));
        return true;
    }
    false
}
