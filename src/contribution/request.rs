// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests: what an HSM asks of its custodians (`docs/format.md`, "Request").
//!
//! `R = D("request", request)` identifies one session of one HSM, its transfer key, and the header
//! whose shares are requested. Answering a request wraps a share to the key in it, so a request is
//! only as trustworthy as what is known of its origin: see [`VettedRequest`](super::VettedRequest).

use core::fmt;
use core::num::NonZeroU64;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::id::{RequestDigest, SessionId};
use super::session_file::{SessionField as Field, SessionFileError};
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::ct::Mask;
use crate::ed25519::SIGNATURE_LEN;
use crate::labels::Purpose;
use crate::sealed_domain::{DomainId, Epoch, HeaderDigest, InstanceId, LedgerHead, ModuleVersion};

mod asking;
mod transfer;
mod write;

use asking::MAX_ENCODED_LEN;
pub use asking::{Asking, SessionPurpose};
pub(super) use asking::{VERSION, known_version};
pub(super) use transfer::MAX_TRANSFERRED_LEN;
pub use transfer::SessionPublicKey;
#[cfg(feature = "managed-hsm")]
pub(crate) use transfer::max_transferred_len;
pub(crate) use transfer::{MAX_SPKI_LEN, TRANSFER_KINDS};
pub use write::AskError;

/// Computes R from a request's encoding.
fn digest(request: &[u8]) -> RequestDigest {
    RequestDigest::from_bytes(Purpose::Request.digest([request]))
}

/// Returns what the domain key signs: `D("request signature", R)`.
pub(super) fn signed_digest(request: &RequestDigest) -> [u8; 32] {
    Purpose::RequestSignature.digest([request.as_bytes().as_slice()])
}

const fn file_len(request: usize, signature: usize) -> usize {
    bytes_len(request)
        .saturating_add(bytes_len(signature))
        .saturating_add(1)
}

fn encode_file<W: Write>(request: &[u8], signature: &[u8], encoder: &mut Encoder<W>) -> Encoded<W> {
    encoder.array(2)?.bytes(request)?.bytes(signature)?;
    Ok(())
}

/// A parsed request; only one encoding is accepted.
///
/// Nothing in it is proven, since anyone can write a request. Its signature, if it has one, is
/// verified by [`VettedRequest::signed`](super::VettedRequest::signed).
#[derive(Clone)]
pub struct Request<'a> {
    bytes: &'a [u8],
    asking: Asking<'a>,
    digest: RequestDigest,
    pub(super) signature: Option<&'a [u8; SIGNATURE_LEN]>,
}

impl<'a> Request<'a> {
    /// The maximum length of a request: 877 bytes, or 1993 with the feature `pq`, which has longer
    /// transfer keys.
    pub const MAX_LEN: usize = file_len(MAX_ENCODED_LEN, SIGNATURE_LEN);

    /// Parses a request and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SessionFileError`] that concerns a request.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SessionFileError> {
        check_version(bytes)?;
        let mut reader = Reader::new(bytes);
        reader.array_of(2, Field::File)?;
        let request = reader.bytes(Field::Request)?;
        let asking = Asking::decode(request)?;
        let signature = reader.bytes(Field::Signature)?;
        if !is_encoding(bytes, |encoder| encode_file(request, signature, encoder)) {
            return Err(SessionFileError::NotDeterministic(Field::File));
        }
        let signature = match signature {
            [] => None,
            bytes => {
                let signature = bytes.try_into();
                Some(signature.map_err(|_| SessionFileError::Malformed(Field::Signature))?)
            }
        };
        Ok(Self {
            bytes,
            asking,
            digest: digest(request),
            signature,
        })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns R, which identifies this request. A custodian compares it with what the HSM itself
    /// shows.
    pub const fn digest(&self) -> RequestDigest {
        self.digest
    }

    /// Returns the purpose of the session.
    pub const fn purpose(&self) -> SessionPurpose {
        self.asking.purpose
    }

    /// Returns whether the purpose is to recover.
    pub(super) fn is_for_recovery(&self) -> Mask {
        let recover = u32::from(SessionPurpose::Recover.code());
        Mask::eq(u32::from(self.asking.purpose.code()), recover)
    }

    /// Returns the session's name.
    pub const fn session(&self) -> SessionId {
        self.asking.session
    }

    /// Returns H, the digest of the header whose shares are requested.
    pub const fn header(&self) -> HeaderDigest {
        self.asking.header
    }

    /// Returns the id of that header's domain.
    pub const fn domain_id(&self) -> DomainId {
        self.asking.domain_id
    }

    /// Returns the epoch of that header.
    pub const fn epoch(&self) -> Epoch {
        self.asking.epoch
    }

    /// Returns the key to which shares are wrapped.
    pub const fn transfer(&self) -> SessionPublicKey<'a> {
        self.asking.transfer
    }

    /// Returns the id of the HSM that asks.
    pub const fn instance(&self) -> InstanceId {
        self.asking.instance
    }

    /// Returns the version of that HSM's firmware.
    pub const fn module_version(&self) -> ModuleVersion {
        self.asking.module_version
    }

    /// Returns when the HSM asked, in Unix seconds by its clock; 0 if it has none.
    pub const fn created(&self) -> u64 {
        self.asking.created
    }

    /// Returns the last second at which the request is valid, by the HSM's clock; `None` if it does
    /// not expire.
    pub const fn expires(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.asking.expires)
    }

    /// Returns the newest record of the HSM's ledger.
    #[doc(hidden)] // No HSM keeps a ledger yet.
    pub const fn ledger_head(&self) -> LedgerHead {
        self.asking.ledger_head
    }

    /// Returns whether the request carries a signature, which may be wrong.
    pub const fn is_signed(&self) -> bool {
        self.signature.is_some()
    }
}

/// Every version has its number in the same place, so that a request of a later version is named as
/// such.
fn check_version(bytes: &[u8]) -> Result<(), SessionFileError> {
    let mut reader = Reader::new(bytes);
    reader.array(Field::File)?;
    let mut reader = Reader::new(reader.bytes(Field::Request)?);
    reader.array(Field::Request)?;
    known_version(&mut reader)
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("digest", &self.digest)
            .field("asking", &self.asking)
            .finish_non_exhaustive()
    }
}
