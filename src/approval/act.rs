// SPDX-License-Identifier: MIT OR Apache-2.0
//! An act: what an HSM asks custodians to approve.

use core::fmt;
use core::num::NonZeroU64;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::file::{ApprovalField as Field, ApprovalFileError};
use super::id::{ActDigest, ActId, ActSubject};
use super::kind::ActKind;
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};
use crate::labels::Purpose;
use crate::sealed_domain::{DomainId, Epoch, Header, HeaderDigest, InstanceId, SealedDomain};

pub(super) const VERSION: u8 = 1;

/// How many items an act has.
const ITEMS: u64 = 10;

/// What an act says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Items {
    pub(super) kind: ActKind,
    pub(super) domain: DomainId,
    pub(super) epoch: Epoch,
    pub(super) header: HeaderDigest,
    pub(super) instance: InstanceId,
    pub(super) id: ActId,
    pub(super) subject: ActSubject,
    pub(super) created: u64,
    pub(super) expires: u64,
}

impl Items {
    /// Returns whether the act expires after it was written. Without a clock it must not expire.
    pub(super) const fn ends_after_it_began(&self) -> bool {
        self.expires == 0 || (self.created != 0 && self.created <= self.expires)
    }

    pub(super) fn encode<W: Write>(&self, encoder: &mut Encoder<W>) -> Encoded<W> {
        encoder.array(ITEMS)?.u8(VERSION)?.u8(self.kind.code())?;
        encoder.bytes(self.domain.as_bytes())?;
        encoder.u32(self.epoch.get())?;
        encoder.bytes(self.header.as_bytes())?;
        encoder.bytes(self.instance.as_bytes())?;
        encoder.bytes(self.id.as_bytes())?;
        encoder.bytes(self.subject.as_bytes())?;
        encoder.u64(self.created)?.u64(self.expires)?;
        Ok(())
    }
}

/// A parsed act; only one encoding is accepted.
///
/// Anyone can write an act. An HSM takes approvals only of an act that it wrote itself, and each
/// once.
#[derive(Clone)]
pub struct Act<'a> {
    bytes: &'a [u8],
    items: Items,
    digest: ActDigest,
}

impl<'a> Act<'a> {
    /// The maximum length of an act.
    // Three heads of one byte, an epoch of up to five, and two times of up to nine.
    pub const MAX_LEN: usize = 26 + 4 * bytes_len(32) + bytes_len(16);

    /// Parses an act and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ApprovalFileError`] that concerns an act.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ApprovalFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Field::File)?;
        known_version(&mut reader)?;
        let kind = reader.uint(Field::Kind)?;
        let kind = ActKind::from_code(kind).ok_or(ApprovalFileError::UnknownKind(kind))?;
        if items != ITEMS {
            return Err(ApprovalFileError::Malformed(Field::File));
        }
        let items = Items {
            kind,
            domain: DomainId::from_bytes(*reader.fixed(Field::Domain)?),
            epoch: Epoch::new(reader.small(Field::Epoch)?)
                .ok_or(ApprovalFileError::Malformed(Field::Epoch))?,
            header: HeaderDigest::from_bytes(*reader.fixed(Field::Header)?),
            instance: InstanceId::from_bytes(*reader.fixed(Field::Instance)?),
            id: ActId::from_bytes(*reader.fixed(Field::Id)?),
            subject: ActSubject::from_bytes(*reader.fixed(Field::Subject)?),
            created: reader.uint(Field::Created)?,
            expires: reader.uint(Field::Expires)?,
        };
        if !is_encoding(bytes, |encoder| items.encode(encoder)) {
            return Err(ApprovalFileError::NotDeterministic);
        }
        if !items.ends_after_it_began() {
            return Err(ApprovalFileError::Expiry);
        }
        Ok(Self {
            bytes,
            items,
            digest: ActDigest::from_bytes(Purpose::Act.digest([bytes])),
        })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the digest that approvals name.
    pub const fn digest(&self) -> ActDigest {
        self.digest
    }

    /// Returns what is to be done.
    pub const fn kind(&self) -> ActKind {
        self.items.kind
    }

    /// Returns the domain's id.
    pub const fn domain_id(&self) -> DomainId {
        self.items.domain
    }

    /// Returns the epoch, whose custodians approve.
    pub const fn epoch(&self) -> Epoch {
        self.items.epoch
    }

    /// Returns H, the digest of the header whose custodians approve.
    pub const fn header(&self) -> HeaderDigest {
        self.items.header
    }

    /// Returns the id of the HSM that is to act.
    pub const fn instance(&self) -> InstanceId {
        self.items.instance
    }

    /// Returns the act's name.
    pub const fn id(&self) -> ActId {
        self.items.id
    }

    /// Returns what the act is about.
    pub const fn subject(&self) -> ActSubject {
        self.items.subject
    }

    /// Returns when the act was written, in Unix seconds; 0 without a clock.
    pub const fn created(&self) -> u64 {
        self.items.created
    }

    /// Returns the last second in which the act can be approved; `None` if it does not expire.
    pub const fn expires(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.items.expires)
    }

    /// Checks that the custodians of `sealed` can approve the act at `now`, in Unix seconds, 0 if
    /// there is no clock. [`approve`](super::approve) does this itself.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`UnfitAct`].
    pub fn check(&self, sealed: &SealedDomain<'_>, now: u64) -> Result<(), UnfitAct> {
        let fits = self.fits(sealed.header())?;
        self.lasts(now).map(|lasts| drop(fits.and(lasts)))
    }

    /// Returns a permit if the act is for the custodians of this header.
    #[inline(never)]
    pub(super) fn fits(&self, header: &Header<'_>) -> Result<Permit, UnfitAct> {
        let (have, want) = (self.domain_id(), header.domain_id());
        let domain = Verdict::twice(|| {
            let have = self.items.domain.as_bytes();
            eq_bytes(have, header.domain_id().as_bytes())
        })
        .permit(UnfitAct::OtherDomain { have, want })?;
        let (have, want) = (self.epoch(), header.epoch());
        let epoch = Verdict::twice(|| Mask::eq(self.items.epoch.get(), header.epoch().get()))
            .permit(UnfitAct::OtherEpoch { have, want })?;
        let (have, want) = (self.header(), header.digest());
        let header = Verdict::twice(|| {
            let have = self.items.header.as_bytes();
            eq_bytes(have, header.digest().as_bytes())
        })
        .permit(UnfitAct::OtherHeader { have, want })?;
        Ok(domain.and(epoch).and(header))
    }

    /// Returns a permit if the act has not expired at `now`, in Unix seconds.
    #[inline(never)]
    pub(super) fn lasts(&self, now: u64) -> Result<Permit, UnfitAct> {
        let expires = || self.expires().map_or(u64::MAX, NonZeroU64::get);
        Verdict::twice(|| Mask::public(now <= expires())).permit(UnfitAct::Expired {
            expires: expires(),
            now,
        })
    }
}

impl fmt::Debug for Act<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Act")
            .field("digest", &self.digest)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}

/// Reads the version, which must be a supported one.
pub(super) fn known_version(reader: &mut Reader<'_>) -> Result<(), ApprovalFileError> {
    match reader.uint(Field::Version)? {
        version if version == u64::from(VERSION) => Ok(()),
        version => Err(ApprovalFileError::UnknownVersion(version)),
    }
}

/// Why an act is not one that the custodians of a sealed domain can approve now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UnfitAct {
    /// The act is for another domain.
    OtherDomain {
        /// The domain that the act is for.
        have: DomainId,
        /// The given domain.
        want: DomainId,
    },
    /// The act is for the custodians of another epoch.
    OtherEpoch {
        /// The epoch that the act is for.
        have: Epoch,
        /// The epoch of the given sealed domain.
        want: Epoch,
    },
    /// The act is for another header.
    OtherHeader {
        /// The header that the act is for.
        have: HeaderDigest,
        /// The header of the given sealed domain.
        want: HeaderDigest,
    },
    /// The act has expired.
    Expired {
        /// The last second in which it could be approved.
        expires: u64,
        /// The time now.
        now: u64,
    },
}

impl fmt::Display for UnfitAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherDomain { have, want } => {
                write!(f, "the act is for domain {have}, not {want}")
            }
            Self::OtherEpoch { have, want } => {
                write!(f, "the act is for epoch {}, not {}", have.get(), want.get())
            }
            Self::OtherHeader { have, want } => {
                write!(f, "the act is for header {have}, not {want}")
            }
            Self::Expired { expires, now } => {
                write!(f, "the act expired at {expires}; it is {now}")
            }
        }
    }
}

impl core::error::Error for UnfitAct {}
