// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing: draw a data key, split it, wrap the shares, seal the body, sign, and open it all again
//! before anything leaves.
//!
//! Nothing flows backwards: release and salt -> core -> its digest C -> shares, possession keys (they
//! depend on C) and wrapped shares -> header -> its digest H -> commitment and body key -> signature.

use core::convert::Infallible;
use core::iter;
use core::num::NonZeroU32;

use heapless::Vec;
use minicbor::Encoder;
use rand_core::TryCryptoRng;
use zeroize::Zeroize;

use super::error::{SealError, ShareError};
use super::header::{Core, Header, NO_HEADER, encode_shares};
use super::hedge::Hedged;
use super::id::{DomainId, Epoch, HeaderDigest, InstanceId, Suite};
use super::keys::{SealingKey, possession_key, share_context, signed_digest};
use super::parse::SealedDomain;
use super::root::Root;
use super::slots::{Lengths, Slots};
use super::text::{ArtifactTag, DomainLabel};
use super::{CUSTODIANS, MAX_ARTIFACTS, MAX_CUSTODIANS};
use crate::aead::{self, TAG_LEN};
use crate::cbor::Count;
use crate::ct::{Mask, declassify_bytes, eq_bytes};
use crate::custodian::{Algorithm, CustodianId, Recipient, WrapError};
use crate::ed25519::VerifyKey;
use crate::hardened::Verdict;
use crate::purpose::Purpose;
use crate::quorum::{Quorum, ShareCount, Threshold};
use crate::rng;
use crate::secret::Secret;
use crate::shamir::{self, Share};
use crate::wrap::WrappedShare;

/// What a sealed domain holds, and for whom.
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
    /// After how many seconds the HSM may rotate the quorum without its consent; none: never.
    pub break_glass: Option<NonZeroU32>,
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
        Ok(self.lengths(&self.core()?)?.file)
    }

    /// Seals into `out`, and gives the sealed domain as it is read back from there.
    ///
    /// On an error nothing is left in `out`. What is drawn is hedged with the root, so that a generator
    /// that repeats itself repeats no key. The data key and the shares are wiped.
    ///
    /// Secret: the root, the artifacts. Public: the artifacts' lengths, everything else. Leaks: nothing
    /// else.
    pub fn seal<'o, R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        out: &'o mut [u8],
    ) -> Result<SealedDomain<'o>, SealError> {
        let core = self.core()?;
        let lengths = self.lengths(&core)?;
        let needed = lengths.file;
        let out = out
            .get_mut(..needed)
            .ok_or(SealError::BufferTooSmall { needed })?;
        self.seal_into(core, &lengths, rng, out)
            .inspect_err(|_| out.zeroize())?;
        SealedDomain::parse(out).map_err(|_| SealError::Fault)
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
        let quorum = ShareCount::new(custodians.len() as u8)
            .and_then(|count| Quorum::new(self.threshold, count))
            .map_err(SealError::Quorum)?;
        let domain_key = self.root.domain_key()?.verify_key();
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
            break_glass: self.break_glass,
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

    fn seal_into<R: TryCryptoRng + ?Sized>(
        &self,
        mut core: Core<'_>,
        lengths: &Lengths,
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), SealError> {
        let mut slots = Slots::cut(lengths, &core.custodians, out)?;

        let what = self.what(&core, lengths, slots.header)?;
        let mut rng = Hedged::new(rng, self.root, what);
        let data_key = Secret::<32>::random(&mut rng)?;
        let release = Secret::<32>::random(&mut rng)?;
        rng::fill(&mut rng, &mut core.salt)?;
        core.release_digest = Purpose::Release.digest([release.expose().as_slice()]);
        fill(slots.release, release.expose());

        let core_digest = self.write_header(&core, lengths, &[], slots.header)?;
        let mut shares = [const { None }; MAX_CUSTODIANS];
        let shares = shares.get_mut(..core.custodians.len()).unwrap_or_default();
        shamir::split(&data_key, core.quorum, &mut rng, shares).map_err(|_| SealError::Rng)?;
        let listed = self.wrap_shares(&core_digest, shares, &mut rng, &mut slots.wrapped)?;
        self.write_header(&core, lengths, &listed, slots.header)?;
        let header = HeaderDigest::from_bytes(Purpose::Header.digest([&*slots.header]));

        let mut key = SealingKey::zeroed();
        key.derive(&core.salt, &data_key, release.expose())?;
        let mut commitment = Secret::zeroed();
        key.commitment(&header, &mut commitment)?;
        fill(slots.commitment, commitment.expose());
        self.seal_body(&key, &header, slots.body)?;

        let rebuilt = rebuild(&data_key, core.quorum, shares)?;
        key.derive(&core.salt, &rebuilt, release.expose())?;
        Verdict::twice(|| key.is_committed(&header, slots.commitment)).or(SealError::Fault)?;
        self.check_body(&key, &header, slots.body)?;

        // From here on the file is public, and signed as such.
        let mut digest = signed_digest(&header, slots.commitment, slots.body);
        declassify_bytes(&mut digest);
        let signature = self.root.domain_key()?.sign(&digest);
        fill(slots.signature, &signature.map_err(|_| SealError::Fault)?);
        drop(slots);
        declassify_bytes(out);
        read_back(out, shares)
    }

    /// What the draws are for: a digest of everything that is sealed.
    ///
    /// Secret: the artifacts, the result. Public: the rest. Leaks: nothing else.
    fn what(
        &self,
        core: &Core<'_>,
        lengths: &Lengths,
        header: &mut [u8],
    ) -> Result<Secret<32>, SealError> {
        let core_digest = self.write_header(core, lengths, &[], header)?;
        let artifacts = self.artifacts.iter().map(|(_, artifact)| *artifact);
        let mut digest = Purpose::Sealing.digest(iter::once(&core_digest[..]).chain(artifacts));
        let mut what = Secret::zeroed();
        what.expose_mut().copy_from_slice(&digest);
        digest.zeroize();
        Ok(what)
    }

    /// Writes the header with as many items of the shares list as there are, and gives C.
    fn write_header(
        &self,
        core: &Core<'_>,
        lengths: &Lengths,
        listed: &[(VerifyKey, [u8; 32])],
        header: &mut [u8],
    ) -> Result<[u8; 32], SealError> {
        let mut encoder = Encoder::new(&mut *header);
        let written = (|| {
            encoder.array(2)?.bytes_len(lengths.core as u64)?;
            core.encode(self.listed_artifacts(), &mut encoder)?;
            encode_shares(
                listed.iter().map(|(key, digest)| (key, digest)),
                &mut encoder,
            )
        })();
        written.map_err(|_| SealError::Fault)?;
        let core = header.get(lengths.core_in_header()).unwrap_or_default();
        Ok(Purpose::Core.digest([core]))
    }

    /// Wraps each share to its custodian; gives its verify key and the digest of what was wrapped.
    ///
    /// Secret: the shares. Public: the rest. Leaks: nothing else.
    fn wrap_shares<R: TryCryptoRng + ?Sized>(
        &self,
        core_digest: &[u8; 32],
        shares: &[Option<Share<32>>],
        rng: &mut R,
        slots: &mut [&mut [u8]],
    ) -> Result<Vec<(VerifyKey, [u8; 32]), MAX_CUSTODIANS>, SealError> {
        let mut listed = Vec::new();
        for ((share, recipient), slot) in shares.iter().flatten().zip(self.custodians).zip(slots) {
            let id = recipient.id();
            let context = share_context(core_digest, share.index(), &id);
            let wrapped =
                WrappedShare::wrap(share, &context, recipient, rng, slot).map_err(|error| {
                    match error {
                        WrapError::Rng => SealError::Rng,
                        error => SealError::Wrap(id, error),
                    }
                })?;
            let key = possession_key(core_digest, share)?.verify_key();
            listed
                .push((key, wrapped.digest()))
                .map_err(|_| SealError::Fault)?;
        }
        Ok(listed)
    }

    /// Writes root and artifacts and encrypts them.
    ///
    /// Secret: the key, root and artifacts. Public: the lengths. Leaks: nothing else.
    fn seal_body(
        &self,
        key: &SealingKey,
        header: &HeaderDigest,
        body: &mut [u8],
    ) -> Result<(), SealError> {
        let (text, tag) = body.split_last_chunk_mut().ok_or(SealError::Fault)?;
        let mut rest = &mut *text;
        for part in self.plaintext() {
            let (slot, after) = rest
                .split_at_mut_checked(part.len())
                .ok_or(SealError::Fault)?;
            fill(slot, part);
            rest = after;
        }
        let mut body_key = Secret::zeroed();
        key.body_key(header, &mut body_key)?;
        *tag = aead::seal(body_key, text).map_err(|_| SealError::TooLong)?;
        Ok(())
    }

    /// Opens the body in place with a key that was rebuilt from the shares, compares what is inside, and
    /// encrypts it again: the same key and the same plaintext give the same tag.
    ///
    /// Secret: the key, root and artifacts. Public: the lengths. Leaks: whether it opened.
    fn check_body(
        &self,
        key: &SealingKey,
        header: &HeaderDigest,
        body: &mut [u8],
    ) -> Result<(), SealError> {
        let (text, tag) = body.split_last_chunk_mut().ok_or(SealError::Fault)?;
        let mut body_key = Secret::zeroed();
        key.body_key(header, &mut body_key)?;
        if !aead::open(&body_key, text, tag).declassify() {
            return Err(SealError::Fault);
        }
        Verdict::twice(|| {
            let mut rest = &*text;
            let mut equal = Mask::public(true);
            for part in self.plaintext() {
                let (have, after) = rest.split_at_checked(part.len()).unwrap_or_default();
                equal &= eq_bytes(have, part);
                rest = after;
            }
            equal & Mask::public(rest.is_empty())
        })
        .or(SealError::Fault)?;
        let again = aead::seal(body_key, text).map_err(|_| SealError::TooLong)?;
        Verdict::twice(|| eq_bytes(&again, tag)).or(SealError::Fault)
    }

    /// The body in the clear: the root, then the artifacts.
    fn plaintext(&self) -> impl Iterator<Item = &[u8]> {
        let artifacts = self.artifacts.iter().map(|(_, artifact)| *artifact);
        iter::once(self.root.secret().expose().as_slice()).chain(artifacts)
    }
}

/// Rebuilds the data key from the first shares, after a check that every further one lies on the same
/// polynomial and that all of them together give the same key.
///
/// Secret: the key, the shares. Public: the quorum. Leaks: whether they agree.
fn rebuild(
    data_key: &Secret<32>,
    quorum: Quorum,
    shares: &[Option<Share<32>>],
) -> Result<Secret<32>, SealError> {
    let all: Vec<&Share<32>, MAX_CUSTODIANS> = shares.iter().flatten().collect();
    Verdict::twice(|| match shamir::combine(quorum, &all) {
        Ok(rebuilt) => eq_bytes(rebuilt.expose(), data_key.expose()),
        Err(_) => Mask::public(false),
    })
    .or(SealError::Fault)?;
    let threshold = usize::from(quorum.threshold().get());
    let first = all.get(..threshold).ok_or(SealError::Fault)?;
    shamir::combine(quorum, first).map_err(|_| SealError::Fault)
}

/// Reads the finished file as any reader does, and checks every share against it.
fn read_back(file: &[u8], shares: &[Option<Share<32>>]) -> Result<(), SealError> {
    let sealed = SealedDomain::parse(file).map_err(|_| SealError::Fault)?;
    for (custodian, share) in sealed.header().custodians().zip(shares) {
        let share = share.as_ref().ok_or(SealError::Fault)?;
        sealed
            .check_share(custodian.id, share)
            .map_err(|_: ShareError<Infallible>| SealError::Fault)?
            .spend(SealError::Fault)?;
    }
    Ok(())
}

fn fill(slot: &mut [u8], bytes: &[u8]) {
    for (to, from) in slot.iter_mut().zip(bytes) {
        *to = *from;
    }
}
