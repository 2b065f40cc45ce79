// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests of the sealed domain share: generators, and keys that are fast and no secret.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::convert::Infallible;
use std::path::PathBuf;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use security_domain::custodian::Recipient;
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, DomainShare, InstanceId, Lineage, ModuleFloor, Root, SealedDomain,
    Sealing,
};

mod fast;

#[allow(unused_imports, reason = "each test uses a part of it")]
pub use fast::{FastKey, fast_keys};

pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

pub fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealed-domain")
}

/// A generator that fails at one call.
pub struct FailsAt<R>(pub R, pub usize);

#[derive(Debug)]
pub struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

impl<R: TryRng<Error = Infallible>> TryRng for FailsAt<R> {
    type Error = Failed;
    fn try_next_u32(&mut self) -> Result<u32, Failed> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Failed> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Failed> {
        self.1 = self.1.checked_sub(1).ok_or(Failed)?;
        let Ok(()) = self.0.try_fill_bytes(out);
        Ok(())
    }
}

impl<R: TryRng<Error = Infallible>> TryCryptoRng for FailsAt<R> {}

pub const ARTIFACTS: [(&str, &[u8]); 3] = [
    ("hsm-key", b"thirty-two bytes of key material"),
    ("empty", b""),
    ("credentials", b"user:password"),
];

pub fn artifacts() -> Vec<(ArtifactTag<'static>, &'static [u8])> {
    ARTIFACTS
        .iter()
        .map(|(tag, bytes)| (ArtifactTag::new(tag).unwrap(), *bytes))
        .collect()
}

/// A sealing to be changed by the test that asks for it.
pub fn sealing<'a, K>(
    root: &'a Root,
    artifacts: &'a [(ArtifactTag<'a>, &'a [u8])],
    custodians: &'a [K],
    threshold: u8,
) -> Sealing<'a, K> {
    Sealing {
        root,
        artifacts,
        custodians,
        threshold: Threshold::new(threshold).unwrap(),
        label: DomainLabel::new("test").unwrap(),
        lineage: Lineage::FIRST,
        floor: ModuleFloor::NONE,
        break_glass: None,
        created: 1_790_000_000,
        instance: InstanceId::from_bytes([7; 16]),
    }
}

/// Seals the artifacts above, and gives the root and the file.
pub fn sealed(seed: u8, custodians: &[FastKey], threshold: u8) -> (Root, Vec<u8>) {
    let root = Root::random(&mut rng(seed)).unwrap();
    let artifacts = artifacts();
    let sealing = sealing(&root, &artifacts, custodians, threshold);
    let mut file = vec![0; sealing.sealed_len().unwrap()];
    sealing
        .seal(&mut rng(seed), &mut scratch(&sealing), &mut file)
        .unwrap();
    (root, file)
}

/// Room to seal in.
pub fn scratch<K: Recipient>(sealing: &Sealing<'_, K>) -> Vec<u8> {
    vec![0xaa; sealing.scratch_len().unwrap()]
}

pub fn share(sealed: &SealedDomain<'_>, key: &FastKey) -> DomainShare {
    sealed
        .unwrap_share(key.id(), &mut key.clone(), &mut rng(0))
        .unwrap()
}
