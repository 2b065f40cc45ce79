// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests: what a collector asks of the custodians of a domain file (`docs/format.md`, "Restore
//! request").
//!
//! `R = D("restore request", request)` identifies one session of one collector, its key, the domain
//! file and the transfer key to which it is to be sealed. Answering a request wraps a share to the
//! key in it, so a request is only as trustworthy as what is known of its origin: see
//! [`VettedRequest`](super::VettedRequest).

use core::fmt;
use core::num::NonZeroU64;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::file_error::{Part, RestoreFileError};
use crate::cbor::{Count, Encoded, Reader, bytes_len, is_encoding};
use crate::contribution::{MAX_SPKI_LEN, RequestDigest, SessionId, SessionPublicKey};
use crate::ct::Mask;
use crate::custodian::{Algorithm, Recipient};
use crate::hardened::Verdict;
use crate::labels::Purpose;
use crate::managed_hsm::domain_file::DomainFile;
use crate::managed_hsm::file_digest::FileDigest;
use crate::rng::{Generator, RngError, fill};
use crate::x509::{Certificate, Thumbprint};

/// The version of requests and contributions.
const VERSION: u8 = 1;

/// How many items a request has.
const ITEMS: u64 = 7;

/// A parsed request; only one encoding is accepted.
///
/// Nothing in it is proven, since anyone can write a request.
#[derive(Clone)]
pub struct Request<'a> {
    bytes: &'a [u8],
    asking: Asking<'a>,
    digest: RequestDigest,
}

impl<'a> Request<'a> {
    /// The maximum length of a request: 715 bytes, or 1829 with the feature `pq`, which has longer
    /// session's keys.
    pub const MAX_LEN: usize = 2 + 3 * bytes_len(32) + 1 + 5 + bytes_len(MAX_SPKI_LEN) + 2 * 9;

    /// Parses a request and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`RestoreFileError`] that concerns a request.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RestoreFileError> {
        let asking = Asking::decode(bytes)?;
        let digest = RequestDigest::from_bytes(Purpose::RestoreRequest.digest([bytes]));
        Ok(Self {
            bytes,
            asking,
            digest,
        })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns R, which identifies this request. A custodian compares it with what the collector
    /// itself shows.
    pub const fn digest(&self) -> RequestDigest {
        self.digest
    }

    /// Returns the session's name.
    pub const fn session(&self) -> SessionId {
        self.asking.session
    }

    /// Returns the digest of the domain file whose shares are requested.
    pub const fn file(&self) -> FileDigest {
        self.asking.file
    }

    /// Returns the thumbprint of the transfer certificate to which the domain is to be sealed.
    pub const fn transfer(&self) -> Thumbprint {
        self.asking.transfer
    }

    /// Returns the session's key, to which shares are wrapped.
    pub const fn key(&self) -> SessionPublicKey<'a> {
        self.asking.key
    }

    /// Returns when the collector asked, in Unix seconds by its clock; 0 if it has none.
    pub const fn created(&self) -> u64 {
        self.asking.created
    }

    /// Returns the last second at which the request is valid, by the collector's clock; `None` if
    /// it does not expire.
    pub const fn expires(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.asking.expires)
    }

    /// Returns whether the request is still valid at `now`, in Unix seconds. Without a clock, 0, or
    /// an expiry it is.
    pub(super) fn is_valid_at(&self, now: u64) -> Mask {
        Mask::public(now <= self.expires().map_or(u64::MAX, NonZeroU64::get))
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("digest", &self.digest)
            .field("asking", &self.asking)
            .finish_non_exhaustive()
    }
}

/// Everything that a request contains.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "hazmat",
    expect(clippy::exhaustive_structs, reason = "in `hazmat` only")
)]
pub struct Asking<'a> {
    /// The session's name, drawn for it.
    pub session: SessionId,
    /// The digest of the domain file whose shares are requested.
    pub file: FileDigest,
    /// The thumbprint of the transfer certificate to which the domain is to be sealed.
    pub transfer: Thumbprint,
    /// The session's key, to which shares are wrapped.
    pub key: SessionPublicKey<'a>,
    /// When the collector asks, in Unix seconds; 0 without a clock.
    pub created: u64,
    /// The last second at which the request is valid; 0 if it does not expire.
    pub expires: u64,
}

impl<'a> Asking<'a> {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>) -> Encoded<W> {
        encode_head(ITEMS, encoder)?;
        encoder.bytes(self.session.as_bytes())?;
        encoder.bytes(self.file.as_bytes())?;
        encoder.bytes(self.transfer.as_bytes())?;
        encoder.array(2)?.u32(self.key.algorithm().code())?;
        encoder.bytes(self.key.as_spki_der())?;
        encoder.u64(self.created)?.u64(self.expires)?;
        Ok(())
    }

    fn decode(bytes: &'a [u8]) -> Result<Self, RestoreFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Part::File)?;
        known_version(&mut reader)?;
        if items != ITEMS {
            return Err(RestoreFileError::Malformed(Part::File));
        }
        let asking = Self {
            session: SessionId::from_bytes(*reader.fixed(Part::Session)?),
            file: FileDigest::from_bytes(*reader.fixed(Part::DomainFile)?),
            transfer: Thumbprint::new(*reader.fixed(Part::Transfer)?),
            key: key(&mut reader)?,
            created: reader.uint(Part::Created)?,
            expires: reader.uint(Part::Expires)?,
        };
        if !is_encoding(bytes, |encoder| asking.encode(encoder)) {
            return Err(RestoreFileError::NotDeterministic);
        }
        if !asking.ends_after_it_began() {
            return Err(RestoreFileError::Expiry);
        }
        Ok(asking)
    }

    /// Returns whether the request expires after it was made. Without a clock it must not expire.
    fn ends_after_it_began(&self) -> bool {
        self.expires == 0 || (self.created != 0 && self.created <= self.expires)
    }

    /// Writes the request to the front of `out`. On an error `out` is left empty.
    ///
    /// # Errors
    ///
    /// [`AskError::Expiry`], [`AskError::BufferTooSmall`] or [`AskError::Fault`].
    pub fn write<'o>(&self, out: &'o mut [u8]) -> Result<Request<'o>, AskError> {
        if !self.ends_after_it_began() {
            return Err(AskError::Expiry);
        }
        let mut count = Encoder::new(Count(0));
        self.encode(&mut count).map_err(|_| AskError::Fault)?;
        let needed = count.writer().0;
        let out = { out.get_mut(..needed) }.ok_or(AskError::BufferTooSmall { needed })?;
        let written = self.encode(&mut Encoder::new(&mut *out));
        if written.is_err() {
            out.fill(0);
            return Err(AskError::Fault);
        }
        Request::parse(out).map_err(|_| AskError::Fault)
    }
}

/// Reads the version, which must be a supported one.
pub(super) fn known_version(reader: &mut Reader<'_>) -> Result<(), RestoreFileError> {
    match reader.uint(Part::Version)? {
        version if version == u64::from(VERSION) => Ok(()),
        version => Err(RestoreFileError::UnknownVersion(version)),
    }
}

/// Writes the number of items and the version.
pub(super) fn encode_head<W: Write>(items: u64, encoder: &mut Encoder<W>) -> Encoded<W> {
    encoder.array(items)?.u8(VERSION)?;
    Ok(())
}

/// Reads the session's key: its algorithm, then a SubjectPublicKeyInfo of that algorithm.
fn key<'a>(reader: &mut Reader<'a>) -> Result<SessionPublicKey<'a>, RestoreFileError> {
    reader.array_of(2, Part::Key)?;
    let code = reader.uint(Part::Key)?;
    let algorithm = u32::try_from(code).ok().and_then(Algorithm::from_code);
    let algorithm = algorithm.ok_or(RestoreFileError::UnknownAlgorithm(code))?;
    let spki = reader.bytes(Part::Key)?;
    SessionPublicKey::new(algorithm, spki).map_err(RestoreFileError::of_key)
}

/// When a request is made, and until when it is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the caller makes it")]
pub struct Times {
    /// When the collector asks, in Unix seconds; 0 without a clock.
    pub created: u64,
    /// The last second at which the request is valid; 0 if it does not expire, as without a clock.
    pub expires: u64,
}

/// Writes a request for the shares of `file`, which is to be sealed to `transfer`, to the front of
/// `out`, which needs at most [`Request::MAX_LEN`] bytes. On an error `out` is left empty.
///
/// `key` is the public half of a key that is drawn for this session and used in no other. It must
/// be as strong as every custodian's key, and `transfer` must not be a custodian's certificate.
///
/// # Errors
///
/// Fails for each reason in [`AskError`].
pub fn ask<'o, R: Generator + ?Sized>(
    file: &DomainFile<'_>,
    transfer: &Certificate<'_>,
    key: SessionPublicKey<'_>,
    times: Times,
    rng: &mut R,
    out: &'o mut [u8],
) -> Result<Request<'o>, AskError> {
    let transfer = transfer.thumbprint();
    if file.custodians().any(|custodian| custodian == transfer) {
        return Err(AskError::TransferOfCustodian(transfer));
    }
    for custodian in file.key_kinds() {
        let session = key.algorithm();
        Verdict::twice(|| Mask::public(key.algorithm().is_as_strong_as(custodian)))
            .or(AskError::WeakerKey { session, custodian })?;
    }
    let mut session = [0; 32];
    fill(rng, &mut session).map_err(|RngError| AskError::Rng)?;
    let asking = Asking {
        session: SessionId::from_bytes(session),
        file: file.digest(),
        transfer,
        key,
        created: times.created,
        expires: times.expires,
    };
    asking.write(out)
}

/// Why a request was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AskError {
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The transfer certificate is a custodian's, who alone would receive the domain.
    TransferOfCustodian(Thumbprint),
    /// The session's key is of a weaker kind than a custodian's.
    WeakerKey {
        /// The kind of the session's key.
        session: Algorithm,
        /// The kind of the custodian's key.
        custodian: Algorithm,
    },
    /// The request expires before it was made, or it expires and the collector has no clock.
    Expiry,
    /// The random number generator failed.
    Rng,
    /// The result is not a request: a hardware fault or a bug in this crate.
    Fault,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::TransferOfCustodian(thumbprint) => {
                write!(f, "the transfer certificate {thumbprint} is a custodian's")
            }
            Self::WeakerKey { session, custodian } => write!(
                f,
                "the session's key is {session}, weaker than a custodian's {custodian}"
            ),
            Self::Expiry => f.write_str("expires is before created, or there is no clock"),
            Self::Rng => RngError.fmt(f),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for AskError {}
