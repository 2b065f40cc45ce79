// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing: draw a data key, split it, wrap the shares, seal the body, sign, and open it all again
//! before anything leaves.
//!
//! Nothing flows backwards: release and salt -> core -> its digest C -> shares, possession keys (they
//! depend on C) and wrapped shares -> header -> its digest H -> commitment and body key -> signature.

use heapless::Vec;
use minicbor::Encoder;
use rand_core::TryCryptoRng;
use zeroize::Zeroize;

use super::error::SealError;
use super::header::{Core, Header, NO_HEADER};
use super::id::{DomainId, Epoch, HeaderDigest, InstanceId, Suite};
use super::parse::SealedDomain;
use super::root::Root;
use super::slots::Lengths;
use super::text::{ArtifactTag, DomainLabel};
use super::{CUSTODIANS, MAX_ARTIFACTS, MAX_CUSTODIANS};
use crate::aead::TAG_LEN;
use crate::burn::{self, burning};
use crate::cbor::Count;
use crate::custodian::{Algorithm, CustodianId, Recipient};
use crate::ed25519::SigningKey;
use crate::quorum::{Quorum, Threshold};

mod body;
mod make;

/// What a sealed domain holds, and for whom.
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller fills it in, and is to miss nothing new"
)]
pub struct Sealing<'a, K> {
    /// The root of the domain.
    pub root: &'a Root,
    /// The secrets that make up the domain, each with its tag.
    pub artifacts: &'a [(ArtifactTag<'a>, &'a [u8])],
    /// The custodians, as many as [`CUSTODIANS`] allows, no two the same.
    pub custodians: &'a [K],
    /// How many of them it takes.
    pub threshold: Threshold,
    /// What the operator calls the domain.
    pub label: DomainLabel<'a>,
    /// The first header, or the one after another.
    pub lineage: Lineage,
    /// When: Unix seconds, 0 if the HSM has no clock.
    pub created: u64,
    /// The HSM that seals.
    pub instance: InstanceId,
}

/// Where a header stands in a domain's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    epoch: Epoch,
    previous: HeaderDigest,
    birth_suite: Suite,
    domain_id: Option<DomainId>,
}

impl Lineage {
    /// The first header of a domain.
    pub const FIRST: Self = Self {
        epoch: Epoch::FIRST,
        previous: NO_HEADER,
        birth_suite: Suite::One,
        domain_id: None,
    };

    /// The header after `header`; none after the last epoch.
    #[doc(hidden)] // No HSM rotates its quorum yet.
    pub fn after(header: &Header<'_>) -> Option<Self> {
        Some(Self {
            epoch: header.epoch().next()?,
            previous: header.digest(),
            birth_suite: header.birth_suite(),
            domain_id: Some(header.domain_id()),
        })
    }
}

impl<K: Recipient> Sealing<'_, K> {
    /// How many bytes the sealed domain takes.
    pub fn sealed_len(&self) -> Result<usize, SealError> {
        burning::<{ burn::DOMAIN }, _>(move || Ok(self.lengths(&self.core()?)?.file))
    }

    /// How many bytes of private memory [`seal`](Self::seal) needs to work in: the header, and the body
    /// sealed and in the clear, or a wrapped share if that is longer.
    pub fn scratch_len(&self) -> Result<usize, SealError> {
        burning::<{ burn::DOMAIN }, _>(move || Ok(self.lengths(&self.core()?)?.scratch()))
    }

    /// Seals into `out`, and gives the sealed domain as it is read back from there.
    ///
    /// The domain stands in the clear in `scratch` for a while, so that is memory that nobody else reads
    /// or writes; it is wiped. `out` may be a mailbox or a buffer for DMA: nothing secret is ever written
    /// to it, and nothing that is signed is read from it. On an error nothing is left there.
    ///
    /// What is drawn is hedged with the root, so that a generator that repeats itself repeats no key. The
    /// data key and the shares are wiped.
    ///
    /// Secret: the root, the artifacts. Public: the artifacts' lengths, everything else. Leaks: nothing
    /// else.
    pub fn seal<'o, R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        scratch: &mut [u8],
        out: &'o mut [u8],
    ) -> Result<SealedDomain<'o>, SealError> {
        burning::<{ burn::SEALING }, _>(move || {
            let core = self.core()?;
            let lengths = self.lengths(&core)?;
            let needed = lengths.scratch();
            let scratch = scratch
                .get_mut(..needed)
                .ok_or(SealError::ScratchTooSmall { needed })?;
            let needed = lengths.file;
            let out = out
                .get_mut(..needed)
                .ok_or(SealError::BufferTooSmall { needed })?;
            let made = self
                .make(core, &lengths, rng, scratch, out)
                .and_then(|permit| permit.spend(SealError::Fault));
            scratch.zeroize();
            made.inspect_err(|_| out.zeroize())?;
            SealedDomain::parse(out).map_err(|_| SealError::Fault)
        })
    }

    /// The core before anything is drawn: salt and release digest are zeros.
    fn core(&self) -> Result<Core<'_>, SealError> {
        if !(1..=MAX_ARTIFACTS).contains(&self.artifacts.len()) {
            return Err(SealError::ArtifactCount);
        }
        for (place, (tag, _)) in self.artifacts.iter().enumerate() {
            let mut earlier = self.artifacts.iter().take(place);
            if earlier.any(|(earlier, _)| earlier == tag) {
                return Err(SealError::SameTag(place as u8));
            }
        }
        let custodians = self.listed_custodians()?;
        let quorum =
            Quorum::new(self.threshold.get(), custodians.len() as u8).map_err(SealError::Quorum)?;
        let mut key = SigningKey::zeroed();
        self.root.domain_key(&mut key)?;
        let domain_key = key.verify_key();
        let domain_id = DomainId::new(self.lineage.birth_suite, &domain_key);
        if self.lineage.domain_id.is_some_and(|id| id != domain_id) {
            return Err(SealError::OtherDomain);
        }
        Ok(Core {
            birth_suite: self.lineage.birth_suite,
            label: self.label,
            domain_key,
            epoch: self.lineage.epoch,
            previous: self.lineage.previous,
            created: self.created,
            instance: self.instance,
            salt: [0; 32],
            release_digest: [0; 32],
            quorum,
            break_glass: None,
            custodians,
        })
    }

    fn listed_custodians(
        &self,
    ) -> Result<Vec<(CustodianId, Algorithm), MAX_CUSTODIANS>, SealError> {
        if !CUSTODIANS.contains(&self.custodians.len()) {
            return Err(SealError::CustodianCount);
        }
        let mut list = Vec::<(CustodianId, Algorithm), MAX_CUSTODIANS>::new();
        for custodian in self.custodians {
            let id = custodian.id();
            if list.iter().any(|(earlier, _)| *earlier == id) {
                return Err(SealError::SameCustodian(id));
            }
            list.push((id, custodian.algorithm()))
                .map_err(|_| SealError::CustodianCount)?;
        }
        Ok(list)
    }

    fn lengths(&self, core: &Core<'_>) -> Result<Lengths, SealError> {
        let artifacts = self.artifacts.iter();
        let body = artifacts
            .map(|(_, artifact)| artifact.len() as u64)
            .fold((Root::LEN + TAG_LEN) as u64, u64::saturating_add);
        let body = u32::try_from(body).map_err(|_| SealError::TooLong)?;
        let mut encoder = Encoder::new(Count(0));
        core.encode(self.listed_artifacts(), &mut encoder)
            .map_err(|_| SealError::Fault)?;
        let core_len = encoder.writer().0;
        Ok(Lengths::new(core_len, &core.custodians, body as usize))
    }

    /// Tag and length of each artifact. The lengths fit: the core is encoded after they were summed.
    fn listed_artifacts(&self) -> impl ExactSizeIterator<Item = (ArtifactTag<'_>, u32)> {
        let artifacts = self.artifacts.iter();
        artifacts.map(|(tag, artifact)| (*tag, artifact.len() as u32))
    }
}
