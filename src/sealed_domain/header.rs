// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header: all public data of a sealed domain.
//!
//! `header = [core, shares]`. The core is what was known before the data key was split. The shares
//! list holds a verify key and the digest of the wrapped share for each custodian.

use core::num::NonZeroU32;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::error::{Field, ParseError};
use super::id::{BirthCommitment, DomainId, Epoch, HeaderDigest, InstanceId, Suite};
use super::module::{ModuleFloor, ModuleName, ModuleVersion};
use super::text::{ArtifactTag, DomainLabel};
use super::{CUSTODIANS, MAX_ARTIFACTS, MAX_CUSTODIANS};
use crate::cbor::{Encoded, Reader, is_encoding};
use crate::custodian::{Algorithm, CustodianId};
use crate::ed25519::VerifyKey;
use crate::labels::Purpose;
use crate::list::List;
use crate::quorum::{Quorum, ShareIndex};

/// The version of the format.
pub(super) const VERSION: u8 = 1;

/// How many items a core has.
const CORE_ITEMS: u64 = 17;

/// The custodians, in the order of their shares.
pub(super) type Custodians = List<(CustodianId, Algorithm), MAX_CUSTODIANS>;

/// The core without the artifacts, which the sealer and the parser hold differently.
pub(super) struct Core<'a> {
    pub(super) birth_suite: Suite,
    pub(super) label: DomainLabel<'a>,
    pub(super) domain_key: VerifyKey,
    pub(super) epoch: Epoch,
    /// Zeros in the first epoch, and only there.
    pub(super) previous: HeaderDigest,
    pub(super) created: u64,
    pub(super) instance: InstanceId,
    pub(super) salt: [u8; 32],
    pub(super) release_digest: [u8; 32],
    pub(super) quorum: Quorum,
    pub(super) break_glass: Option<NonZeroU32>,
    /// As many as the quorum's share count, in the order of their shares.
    pub(super) custodians: Custodians,
    pub(super) floor: ModuleFloor<'a>,
    pub(super) commitment: BirthCommitment,
}

/// Stands for no header.
pub(super) const NO_HEADER: HeaderDigest = HeaderDigest::from_bytes([0; 32]);

impl<'a> Core<'a> {
    pub(super) fn encode<'t, W: Write>(
        &self,
        artifacts: impl ExactSizeIterator<Item = (ArtifactTag<'t>, u32)>,
        encoder: &mut Encoder<W>,
    ) -> Encoded<W> {
        encoder
            .array(CORE_ITEMS)?
            .u8(VERSION)?
            .u8(Suite::One.code())?;
        encoder
            .u8(self.birth_suite.code())?
            .str(self.label.as_str())?;
        encoder.bytes(self.domain_key.as_bytes())?;
        encoder
            .u32(self.epoch.get())?
            .bytes(self.previous.as_bytes())?;
        encoder.u64(self.created)?.bytes(self.instance.as_bytes())?;
        encoder.bytes(&self.salt)?.bytes(&self.release_digest)?;
        encoder.u8(self.quorum.threshold().get())?;
        match self.break_glass {
            Some(delay) => encoder.u32(delay.get())?,
            None => encoder.null()?,
        };
        encoder.array(self.custodians.len() as u64)?;
        for (id, algorithm) in &self.custodians {
            encoder
                .array(2)?
                .bytes(id.as_bytes())?
                .u32(algorithm.code())?;
        }
        encoder.array(artifacts.len() as u64)?;
        for (tag, len) in artifacts {
            encoder.array(2)?.str(tag.as_str())?.u32(len)?;
        }
        encoder.array(2)?.str(self.floor.module.as_str())?;
        encoder.u32(self.floor.minimum.get())?;
        encoder.bytes(self.commitment.as_bytes())?;
        Ok(())
    }

    fn decode(bytes: &'a [u8]) -> Result<(Self, Artifacts<'a>), ParseError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Field::Core)?;
        reader.uint(Field::Version)?;
        // Before the number of items: a suite to come may have others.
        suite(&mut reader, Field::Suite)?;
        let birth_suite = suite(&mut reader, Field::BirthSuite)?;
        if items != CORE_ITEMS {
            return Err(ParseError::Malformed(Field::Core));
        }
        let label = DomainLabel::new(reader.text(Field::Label)?)
            .map_err(|error| ParseError::Text(Field::Label, error))?;
        let domain_key = verify_key(&mut reader, Field::DomainKey)?;
        let epoch =
            Epoch::new(reader.small(Field::Epoch)?).ok_or(ParseError::Malformed(Field::Epoch))?;
        let previous = HeaderDigest::from_bytes(*reader.fixed(Field::Previous)?);
        if (epoch == Epoch::FIRST) != (previous == NO_HEADER) {
            return Err(ParseError::Lineage);
        }
        let created = reader.uint(Field::Created)?;
        let instance = InstanceId::from_bytes(*reader.fixed(Field::Instance)?);
        let salt = *reader.fixed(Field::Salt)?;
        let release_digest = *reader.fixed(Field::ReleaseDigest)?;
        let threshold = reader.small(Field::Threshold)?;
        let break_glass = reader
            .optional(Field::BreakGlass)?
            .map(|delay| u32::try_from(delay).and_then(NonZeroU32::try_from))
            .transpose()
            .map_err(|_| ParseError::Malformed(Field::BreakGlass))?;
        let custodians = custodians(&mut reader)?;
        let quorum = Quorum::new(threshold, custodians.len() as u8).map_err(ParseError::Quorum)?;
        let artifacts = Artifacts::decode(&mut reader)?;
        let floor = floor(&mut reader)?;
        let commitment = BirthCommitment::from_bytes(*reader.fixed(Field::BirthCommitment)?);
        let core = Self {
            birth_suite,
            label,
            domain_key,
            epoch,
            previous,
            created,
            instance,
            salt,
            release_digest,
            quorum,
            break_glass,
            custodians,
            floor,
            commitment,
        };
        if !is_encoding(bytes, |encoder| core.encode(artifacts.clone(), encoder)) {
            return Err(ParseError::NotDeterministic(Field::Core));
        }
        Ok((core, artifacts))
    }
}

fn suite(reader: &mut Reader<'_>, field: Field) -> Result<Suite, ParseError> {
    Suite::from_code(reader.uint(field)?)
        .map_err(|unknown| ParseError::UnknownSuite(field, unknown))
}

fn floor<'a>(reader: &mut Reader<'a>) -> Result<ModuleFloor<'a>, ParseError> {
    reader.array_of(2, Field::ModuleFloor)?;
    let module = ModuleName::new(reader.text(Field::ModuleFloor)?)
        .map_err(|error| ParseError::Text(Field::ModuleFloor, error))?;
    let minimum = ModuleVersion::new(reader.small(Field::ModuleFloor)?);
    Ok(ModuleFloor { module, minimum })
}

fn verify_key(reader: &mut Reader<'_>, field: Field) -> Result<VerifyKey, ParseError> {
    VerifyKey::new(reader.fixed(field)?).ok_or(ParseError::WeakKey(field))
}

fn custodians(reader: &mut Reader<'_>) -> Result<Custodians, ParseError> {
    let malformed = ParseError::Malformed(Field::Custodians);
    let mut list = Custodians::new();
    let count = reader.array(Field::Custodians)?;
    if !usize::try_from(count).is_ok_and(|count| CUSTODIANS.contains(&count)) {
        return Err(malformed);
    }
    for _ in 0..count {
        reader.array_of(2, Field::Custodians)?;
        let id = CustodianId::from_bytes(*reader.fixed(Field::Custodians)?);
        let code = reader.uint(Field::Custodians)?;
        let algorithm = u32::try_from(code).ok().and_then(Algorithm::from_code);
        let algorithm = algorithm.ok_or(ParseError::UnknownAlgorithm {
            custodian: id,
            code,
        })?;
        if list.iter().any(|(earlier, _)| *earlier == id) {
            return Err(ParseError::SameCustodian(id));
        }
        list.push((id, algorithm)).map_err(|_| malformed)?;
    }
    Ok(list)
}

/// The artifacts that a header lists: the tag and length of each.
#[derive(Clone)]
pub struct Artifacts<'a> {
    /// The items not yet returned; checked when the header was parsed.
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Artifacts<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let count = reader.array(Field::Artifacts)?;
        let left = usize::try_from(count)
            .ok()
            .filter(|count| (1..=MAX_ARTIFACTS).contains(count))
            .ok_or(ParseError::Malformed(Field::Artifacts))?;
        let list = Self {
            reader: reader.clone(),
            left,
        };
        for place in 0..left {
            let (tag, _) = artifact(reader)?;
            if list.clone().take(place).any(|(earlier, _)| earlier == tag) {
                return Err(ParseError::SameTag(place as u8));
            }
        }
        Ok(list)
    }
}

fn artifact<'a>(reader: &mut Reader<'a>) -> Result<(ArtifactTag<'a>, u32), ParseError> {
    reader.array_of(2, Field::Artifacts)?;
    let tag = ArtifactTag::new(reader.text(Field::Artifacts)?)
        .map_err(|error| ParseError::Text(Field::Artifacts, error))?;
    Ok((tag, reader.small(Field::Artifacts)?))
}

impl<'a> Iterator for Artifacts<'a> {
    type Item = (ArtifactTag<'a>, u32);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        artifact(&mut self.reader).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Artifacts<'_> {}

/// Prints the tags and lengths that were not yet returned.
impl core::fmt::Debug for Artifacts<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

/// A custodian as listed in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Custodian {
    /// The index of the custodian's share.
    pub index: ShareIndex,
    /// The custodian's id.
    pub id: CustodianId,
    /// The algorithm that wraps the share.
    pub algorithm: Algorithm,
}

/// The header of a sealed domain.
pub struct Header<'a> {
    pub(super) core: Core<'a>,
    /// C, the digest of the core.
    pub(super) core_digest: [u8; 32],
    /// Verify key and digest of each custodian's wrapped share, in the same order.
    pub(super) shares: List<(VerifyKey, &'a [u8; 32]), MAX_CUSTODIANS>,
    artifacts: Artifacts<'a>,
    digest: HeaderDigest,
    domain_id: DomainId,
}

impl<'a> Header<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        reader.array_of(2, Field::Header)?;
        let core_bytes = reader.bytes(Field::Core)?;
        let (core, artifacts) = Core::decode(core_bytes)?;
        let shares = shares(&mut reader, &core)?;
        let encoded = is_encoding(bytes, |encoder| {
            encoder.array(2)?.bytes(core_bytes)?;
            encode_shares(shares.iter().map(|(key, digest)| (key, *digest)), encoder)
        });
        if !encoded {
            return Err(ParseError::NotDeterministic(Field::Header));
        }
        Ok(Self {
            core_digest: Purpose::Core.digest([core_bytes]),
            digest: HeaderDigest::from_bytes(Purpose::Header.digest([bytes])),
            domain_id: DomainId::new(core.birth_suite, &core.domain_key, &core.commitment),
            core,
            shares,
            artifacts,
        })
    }

    /// Returns H, the digest of the header.
    pub const fn digest(&self) -> HeaderDigest {
        self.digest
    }

    /// Returns the domain's id, computed from its verify key.
    pub const fn domain_id(&self) -> DomainId {
        self.domain_id
    }

    /// Returns the algorithms in use.
    pub const fn suite(&self) -> Suite {
        Suite::One
    }

    /// Returns the algorithms of the first sealing, on which the id depends.
    pub const fn birth_suite(&self) -> Suite {
        self.core.birth_suite
    }

    /// Returns the operator's name for the domain.
    pub const fn label(&self) -> DomainLabel<'a> {
        self.core.label
    }

    /// Returns the epoch: which of the domain's successive quorums this is.
    pub const fn epoch(&self) -> Epoch {
        self.core.epoch
    }

    /// Returns the digest of the previous header; `None` in the first epoch.
    pub fn previous(&self) -> Option<HeaderDigest> {
        (self.core.epoch != Epoch::FIRST).then_some(self.core.previous)
    }

    /// Returns the time of sealing in Unix seconds by the sealing HSM's clock; 0 if it had none.
    pub const fn created(&self) -> u64 {
        self.core.created
    }

    /// Returns the id of the HSM that sealed.
    pub const fn instance(&self) -> InstanceId {
        self.core.instance
    }

    /// Returns the quorum of the custodians.
    pub const fn quorum(&self) -> Quorum {
        self.core.quorum
    }

    /// Returns after how many seconds the domain's HSM may rotate the quorum without the quorum's
    /// consent; `None` means never.
    pub const fn break_glass(&self) -> Option<NonZeroU32> {
        self.core.break_glass
    }

    /// Returns the firmware that sealed, and the lowest version that can use the domain.
    pub const fn module_floor(&self) -> ModuleFloor<'a> {
        self.core.floor
    }

    /// Returns what the domain committed to when it was born.
    pub const fn commitment(&self) -> &BirthCommitment {
        &self.core.commitment
    }

    /// Iterates over the custodians, in the order of their shares.
    pub fn custodians(&self) -> impl Iterator<Item = Custodian> + '_ {
        let listed = self.core.quorum.indices().zip(&self.core.custodians);
        listed.map(|(index, (id, algorithm))| Custodian {
            index,
            id: *id,
            algorithm: *algorithm,
        })
    }

    /// Returns the custodian of the share at `index`, if there is one.
    pub(crate) fn custodian(&self, index: ShareIndex) -> Option<Custodian> {
        self.custodians().find(|custodian| custodian.index == index)
    }

    /// Returns the verify key of the share at `index`, if there is one.
    pub(crate) fn share_key(&self, index: ShareIndex) -> Option<&VerifyKey> {
        let mut listed = self.core.quorum.indices().zip(&self.shares);
        listed
            .find(|(listed, _)| *listed == index)
            .map(|(_, (key, _))| key)
    }

    /// Returns the key that signs for the domain.
    pub(crate) const fn domain_key(&self) -> &VerifyKey {
        &self.core.domain_key
    }

    /// Returns the artifacts, in their order in the body.
    pub fn artifacts(&self) -> Artifacts<'a> {
        self.artifacts.clone()
    }
}

fn shares<'a>(
    reader: &mut Reader<'a>,
    core: &Core<'_>,
) -> Result<List<(VerifyKey, &'a [u8; 32]), MAX_CUSTODIANS>, ParseError> {
    let mut list = List::<(VerifyKey, &[u8; 32]), MAX_CUSTODIANS>::new();
    reader.array_of(core.custodians.len() as u64, Field::Shares)?;
    for _ in &core.custodians {
        reader.array_of(2, Field::Shares)?;
        let key = verify_key(reader, Field::Shares)?;
        if key == core.domain_key || list.iter().any(|(earlier, _)| *earlier == key) {
            return Err(ParseError::EqualKeys);
        }
        list.push((key, reader.fixed(Field::Shares)?))
            .map_err(|_| ParseError::Malformed(Field::Shares))?;
    }
    Ok(list)
}

pub(super) fn encode_shares<'s, W: Write>(
    shares: impl Iterator<Item = (&'s VerifyKey, &'s [u8; 32])> + Clone,
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encoder.array(shares.clone().count() as u64)?;
    for (key, digest) in shares {
        encoder.array(2)?.bytes(key.as_bytes())?.bytes(digest)?;
    }
    Ok(())
}

impl core::fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Header")
            .field("domain_id", &self.domain_id)
            .field("epoch", &self.core.epoch)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
