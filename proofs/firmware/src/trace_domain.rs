// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sealed domain, as functions of 32 secret bytes; `proofs/trace.py` has each one's answer.

use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, DomainShare, ExpectedDomain, InstanceId, Lineage, ModuleFloor, Root,
    SealedDomain, Sealing,
};

use crate::masking::Masking;
use crate::rng::Xorshift;
use crate::trace::{Bytes, published, secret, trace};

const CUSTODIANS: [Masking; 3] = [Masking(1), Masking(2), Masking(3)];

/// How long the file is at most.
const ROOM: usize = 2048;

/// A domain of this root, with the root as its artifact.
fn sealed<'o>(bytes: &Bytes, out: &'o mut [u8; ROOM]) -> Option<SealedDomain<'o>> {
    let sealing = Sealing {
        root: &Root::from_secret(secret(bytes)),
        artifacts: &[(ArtifactTag::new("a").ok()?, bytes)],
        custodians: &CUSTODIANS,
        threshold: Threshold::new(2).ok()?,
        label: DomainLabel::new("trace").ok()?,
        lineage: Lineage::FIRST,
        floor: ModuleFloor::NONE,
        break_glass: None,
        created: 0,
        instance: InstanceId::from_bytes([7; 16]),
    };
    sealing.seal(&mut Xorshift(7), &mut [0; ROOM], out).ok()
}

fn share(file: &SealedDomain<'_>, place: usize) -> Option<DomainShare> {
    let (custodian, _) = file.wrapped_shares().nth(place)?;
    let mut key = CUSTODIANS
        .into_iter()
        .find(|key| security_domain::custodian::Recipient::id(key) == custodian.id)?;
    file.unwrap_share(custodian.id, &mut key, &mut Xorshift(9))
        .ok()
}

// Sealed, its shares unwrapped, opened.
trace!(trace_domain_seal_open, |bytes, out| {
    let mut text = [0; ROOM];
    let file = sealed(bytes, &mut text)?;
    published(file.as_bytes());
    let (a, b) = (share(&file, 0)?, share(&file, 1)?);
    let mut room = [0; 256];
    let opened = file
        .open(&ExpectedDomain::unpinned(), &[&a, &b], &mut room)
        .ok()?;
    let (_, artifact) = opened.artifacts().next()?;
    *out = *opened.root().secret().expose();
    // Half of each.
    let (_, half) = out.split_at_mut(16);
    half.copy_from_slice(artifact.get(16..)?);
    Some(())
});
