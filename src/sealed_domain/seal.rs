// SPDX-License-Identifier: MIT OR Apache-2.0
//! Seals a domain: draws a data key, splits it, wraps the shares, seals the body, signs, and opens
//! everything again before anything leaves.
//!
//! Each step depends only on earlier ones: release and salt -> core -> its digest C -> shares,
//! possession keys (they depend on C) and wrapped shares -> header -> its digest H -> commitment
//! and body key -> signature.

use core::num::NonZeroU32;

use heapless::Vec;
use minicbor::Encoder;
use zeroize::Zeroize;

use super::error::SealError;
use super::header::{Core, Custodians, Header, NO_HEADER};
use super::id::{DomainId, Epoch, HeaderDigest, InstanceId, Suite};
use super::module::ModuleFloor;
use super::parse::SealedDomain;
use super::root::Root;
use super::slots::Lengths;
use super::text::{ArtifactTag, DomainLabel};
use super::{CUSTODIANS, MAX_ARTIFACTS, MAX_CUSTODIANS, RELEASE_LEN};
use crate::aead::TAG_LEN;
use crate::burn::{self, burning};
use crate::cbor::Count;
use crate::ct::declassify_bytes;
use crate::custodian::{CustodianId, Recipient};
use crate::ed25519::SigningKey;
use crate::quorum::{Quorum, Threshold};
use crate::rng::{Erased, Generator, Watched};
use crate::secret::Secret;

mod body;
mod make;

/// What to seal into a domain, and for which custodians.
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller must fill in every field"
)]
pub struct Sealing<'a, K> {
    /// The root of the domain.
    pub root: &'a Root,
    /// The secrets that make up the domain, each with its tag.
    pub artifacts: &'a [(ArtifactTag<'a>, &'a [u8])],
    /// The custodians, all different, as many as [`CUSTODIANS`] allows.
    pub custodians: &'a [K],
    /// How many custodians open the domain.
    pub threshold: Threshold,
    /// The operator's name for the domain.
    pub label: DomainLabel<'a>,
    /// Whether this is the domain's first header, or the one after another.
    pub lineage: Lineage,
    /// The time in Unix seconds; 0 if the HSM has no clock.
    pub created: u64,
    /// The HSM that seals.
    pub instance: InstanceId,
    /// The firmware of that HSM, and the lowest version that can use the domain.
    pub floor: ModuleFloor<'a>,
    /// After how many seconds an HSM of the domain may change the quorum without its consent, if no
    /// custodian objects; `None` means never.
    pub break_glass: Option<NonZeroU32>,
}

/// Prints the public parts only.
impl<K> core::fmt::Debug for Sealing<'_, K> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sealing")
            .field("threshold", &self.threshold)
            .field("label", &self.label)
            .field("lineage", &self.lineage)
            .field("created", &self.created)
            .field("instance", &self.instance)
            .field("floor", &self.floor)
            .field("break_glass", &self.break_glass)
            .finish_non_exhaustive()
    }
}

/// The position of a header in the sequence of a domain's headers.
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

    /// Returns the position after `header`; `None` after the last epoch.
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
    /// Returns the length of the sealed domain in bytes.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SealError`] except `BufferTooSmall`, `ScratchTooSmall`, `Rng` and
    /// `Wrap`.
    pub fn sealed_len(&self) -> Result<usize, SealError> {
        burning::<{ burn::DOMAIN }, _>(move || Ok(self.lengths(&self.core()?)?.file))
    }

    /// Returns how many bytes of private memory [`seal`](Self::seal) needs as scratch: the header,
    /// and either the body both sealed and in the clear, or a wrapped share if that is longer.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SealError`] except `BufferTooSmall`, `ScratchTooSmall`, `Rng` and
    /// `Wrap`.
    pub fn scratch_len(&self) -> Result<usize, SealError> {
        burning::<{ burn::DOMAIN }, _>(move || Ok(self.lengths(&self.core()?)?.scratch()))
    }

    /// Seals into `out`, and returns the sealed domain as read back from there.
    ///
    /// `scratch` holds the domain in the clear for a while, so nobody else may read or write that
    /// memory; it is wiped. `out` may be a mailbox or a DMA buffer: no secret is written to it, and
    /// nothing that is signed is read from it. On an error it is left empty.
    ///
    /// All draws are hedged with the root, so that a generator that repeats itself does not repeat
    /// a key. The data key and the shares are wiped.
    ///
    /// Secret: the root, the artifacts. Public: the artifacts' lengths, everything else. Leaks: nothing
    /// else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SealError`].
    pub fn seal<'o, R: Generator + ?Sized>(
        &self,
        rng: &mut R,
        scratch: &mut [u8],
        out: &'o mut [u8],
    ) -> Result<SealedDomain<'o>, SealError> {
        self.seal_holding_back(&mut Erased(rng), scratch, out, None)
    }

    /// The same. The release goes to `held_back` alone if there is one: the file is then pending, and no
    /// number of custodians can open it. On an error the caller must wipe `held_back`.
    pub(crate) fn seal_holding_back<'o>(
        &self,
        rng: &mut dyn Watched,
        scratch: &mut [u8],
        out: &'o mut [u8],
        held_back: Option<&mut Secret<RELEASE_LEN>>,
    ) -> Result<SealedDomain<'o>, SealError> {
        burning::<{ burn::SEALING }, _>(move || {
            let mut core = self.core()?;
            rng.tick();
            let lengths = self.lengths(&core)?;
            let needed = lengths.scratch();
            let scratch = scratch
                .get_mut(..needed)
                .ok_or(SealError::ScratchTooSmall { needed })?;
            let needed = match held_back {
                Some(_) => lengths.pending(),
                None => lengths.file,
            };
            let out = out
                .get_mut(..needed)
                .ok_or(SealError::BufferTooSmall { needed })?;
            let made = self
                .make(&mut core, &lengths, rng, scratch, out, held_back)
                .and_then(|permit| permit.spend(SealError::Fault));
            scratch.zeroize();
            made.inspect_err(|_| out.zeroize())?;
            rng.tick();
            SealedDomain::parse(out).map_err(|_| SealError::Fault)
        })
    }

    /// Returns the core before anything is drawn: salt and release digest are zeros.
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
        let commitment = *self.root.commitment();
        let id = DomainId::new(self.lineage.birth_suite, &domain_key, &commitment);
        // The id stands in the header, so it is public from here on.
        let mut id = *id.as_bytes();
        declassify_bytes(&mut id);
        let domain_id = DomainId::from_bytes(id);
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
            break_glass: self.break_glass,
            custodians,
            floor: self.floor,
            commitment,
        })
    }

    fn listed_custodians(&self) -> Result<Custodians, SealError> {
        if !CUSTODIANS.contains(&self.custodians.len()) {
            return Err(SealError::CustodianCount);
        }
        let mut list = Custodians::new();
        // Custodians with two keys have no key in common either.
        let mut keys = Vec::<CustodianId, { 2 * MAX_CUSTODIANS }>::new();
        for custodian in self.custodians {
            for id in custodian.key_ids().into_iter().flatten() {
                if keys.contains(&id) {
                    return Err(SealError::SameCustodian(id));
                }
                keys.push(id).map_err(|_| SealError::CustodianCount)?;
            }
            list.push((custodian.id(), custodian.algorithm()))
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

    /// Iterates over the tag and length of each artifact. The lengths fit: they were summed before
    /// the core is encoded.
    fn listed_artifacts(&self) -> impl ExactSizeIterator<Item = (ArtifactTag<'_>, u32)> {
        let artifacts = self.artifacts.iter();
        artifacts.map(|(tag, artifact)| (*tag, artifact.len() as u32))
    }
}
