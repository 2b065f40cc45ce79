// SPDX-License-Identifier: MIT OR Apache-2.0
//! Confirming an import.

use core::hint::black_box;

use security_domain::hazmat::record::{self, Loaded};
use security_domain::lifecycle::{Active, AnyDomain, Domain, ExpectedArtifact, Imported, Refused};
use security_domain::sealed_domain::{ArtifactTag, DomainId, InstanceId};

use crate::act::{ARTIFACT, In, empty, start, start_tested, tested};
use crate::host::{Hsm, ROOM};
use crate::scene::Outcome;
use crate::{scene, window};

/// The SHA-256 of the artifact.
const DIGEST: [u8; 32] = [
    0x6d, 0xc9, 0xb7, 0xdb, 0x14, 0x58, 0x42, 0x49, 0x93, 0xe8, 0xc9, 0x08, 0x32, 0xca, 0x87, 0x27,
    0xe7, 0x6f, 0xeb, 0xcb, 0xab, 0xe3, 0x13, 0xed, 0x7f, 0xf5, 0xcd, 0x97, 0x09, 0xd2, 0xc9, 0xca,
];
const TAG: &[u8; 7] = b"hsm-key";

/// An HSM with an imported domain that waits to be confirmed. Drawing the transfer key would take longer than all
/// else, so the state is written as `docs/format.md` says, "Contents".
fn imported(hsm: &mut Hsm) -> Option<In<Imported>> {
    drop(empty(hsm)?);
    let mut buffer = [0; ROOM];
    let Ok(Loaded::Blank { mut position }) = record::load(hsm, &mut buffer) else {
        return None;
    };
    let artifact_len = 1 + TAG.len() + 2 + ARTIFACT.len();
    let parts: [&[u8]; 19] = [
        &[0x8a, 1, 4, 0x50],
        &[7; 16],
        &[0x58, 32],
        &[8; 32],
        &[0, 0x83, 0x58, 32],
        &[9; 32],
        &[0x58, 32],
        &[0; 32],
        &[0x58, artifact_len as u8, 0x67],
        TAG,
        &[0x58, 32],
        &ARTIFACT,
        &[0xf6, 0xf6, 0x83, 0, 0, 0x84, 0xf6, 0x58, 32],
        &[6; 32],
        &[1, 0x81, 0x82, 0x67],
        TAG,
        &[0xf6],
        &[0x58, 32],
        &[0; 32],
    ];
    let mut len = 0;
    for part in parts {
        buffer[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    let instance = InstanceId::from_bytes([7; 16]);
    record::save(hsm, instance, &mut position, &mut buffer, len).ok()?;
    match start(0, hsm)? {
        AnyDomain::Imported(domain) => Some(domain),
        _ => None,
    }
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_confirm(
    domain: In<Imported>,
    id: DomainId,
    digests: &[ExpectedArtifact<'_>],
    hsm: &mut Hsm,
) -> Result<Domain<'static, Active, ROOM>, Refused<In<Imported>>> {
    domain.confirm(id, digests, hsm)
}

/// Confirms the domain that the HSM shows, or another; and the artifact, or another.
fn confirm(hsm: &mut Hsm, other_domain: bool, other_artifact: bool) -> Option<Outcome> {
    let domain = imported(hsm)?;
    let tested = tested()?;
    let id = if other_domain {
        DomainId::from_bytes([0x31; 32])
    } else {
        domain.status().domain?
    };
    let mut digest = DIGEST;
    if other_artifact {
        digest[31] ^= 1;
    }
    let named = black_box([ExpectedArtifact {
        tag: ArtifactTag::new("hsm-key").ok()?,
        digest: Some(digest),
    }]);
    Some(
        match window!(act_confirm(domain, black_box(id), &named, hsm)) {
            Ok(domain) => {
                drop(domain);
                let started = start_tested(1, tested, hsm);
                Outcome::took_effect(matches!(started, Some(AnyDomain::Active(_))))
            }
            Err(_) => Outcome::Refused,
        },
    )
}

scene!(
    /// A confirmation that names another domain.
    fault_confirm_domain,
    |wrong, hsm| { confirm(hsm, wrong, false) }
);

scene!(
    /// A confirmation that names another artifact.
    fault_confirm_artifact,
    |wrong, hsm| { confirm(hsm, false, wrong) }
);
