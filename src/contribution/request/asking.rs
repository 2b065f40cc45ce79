// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contents of a request.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::transfer::{MAX_SPKI_LEN, SessionPublicKey};
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::contribution::id::{ProposalDigest, SessionId};
use crate::contribution::session_file::{SessionField as Field, SessionFileError};
use crate::custodian::{Algorithm, Recipient};
use crate::sealed_domain::{DomainId, Epoch, HeaderDigest, InstanceId, LedgerHead, ModuleVersion};

/// The version of the format.
pub const VERSION: u8 = 1;

/// How many items a request has.
const ITEMS: u64 = 13;

/// The maximum length of a request without its file: of the integers, the epoch and the module version
/// take 5 bytes each, and the two times 9 each.
pub(super) const MAX_ENCODED_LEN: usize = {
    // The longest code is that of X-Wing.
    let code = if cfg!(feature = "pq") { 3 } else { 1 };
    let transfer = 1 + code + bytes_len(MAX_SPKI_LEN);
    3 + 5 * bytes_len(32) + 2 * 5 + transfer + bytes_len(16) + 2 * 9
};

/// The purpose of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SessionPurpose {
    /// To open the domain and make its HSM active.
    Recover,
    /// To change the quorum as proposed.
    Rotate(ProposalDigest),
    /// To rehearse a recovery: the HSM reports what the quorum opens, and nothing becomes active.
    Rehearse,
}

impl SessionPurpose {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Recover => 1,
            Self::Rotate(_) => 2,
            Self::Rehearse => 3,
        }
    }
}

impl fmt::Display for SessionPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recover => "recover",
            Self::Rotate(_) => "rotate",
            Self::Rehearse => "rehearse",
        })
    }
}

/// Everything that a request contains.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "hazmat",
    expect(clippy::exhaustive_structs, reason = "in `hazmat` only")
)]
pub struct Asking<'a> {
    /// The purpose of the session.
    pub purpose: SessionPurpose,
    /// The session's name, drawn for it.
    pub session: SessionId,
    /// H, the digest of the header whose shares are requested.
    pub header: HeaderDigest,
    /// The id of that header's domain.
    pub domain_id: DomainId,
    /// The epoch of that header.
    pub epoch: Epoch,
    /// The session's own key, to which shares are wrapped.
    pub transfer: SessionPublicKey<'a>,
    /// The HSM that asks.
    pub instance: InstanceId,
    /// The version of that HSM's firmware.
    pub module_version: ModuleVersion,
    /// When the HSM asks, in Unix seconds; 0 without a clock.
    pub created: u64,
    /// The last second at which the request is valid; 0 if it does not expire, as without a clock.
    pub expires: u64,
    /// The newest record of the HSM's ledger.
    pub ledger_head: LedgerHead,
}

impl<'a> Asking<'a> {
    /// Returns whether the request expires after it was made. Without a clock it must not expire.
    pub(super) const fn ends_after_it_began(&self) -> bool {
        self.expires == 0 || (self.created != 0 && self.created <= self.expires)
    }

    pub(super) fn encode<W: Write>(&self, encoder: &mut Encoder<W>) -> Encoded<W> {
        encoder.array(ITEMS)?.u8(VERSION)?;
        encoder.u8(self.purpose.code())?;
        encoder
            .bytes(self.session.as_bytes())?
            .bytes(self.header.as_bytes())?;
        encoder
            .bytes(self.domain_id.as_bytes())?
            .u32(self.epoch.get())?;
        encoder.array(2)?.u32(self.transfer.algorithm().code())?;
        encoder.bytes(self.transfer.as_spki_der())?;
        encoder.bytes(self.instance.as_bytes())?;
        encoder.u32(self.module_version.get())?;
        encoder.u64(self.created)?.u64(self.expires)?;
        encoder.bytes(self.ledger_head.as_bytes())?;
        match self.purpose {
            SessionPurpose::Rotate(proposal) => encoder.bytes(proposal.as_bytes())?,
            SessionPurpose::Recover | SessionPurpose::Rehearse => encoder.null()?,
        };
        Ok(())
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, SessionFileError> {
        let mut reader = Reader::new(bytes);
        reader.array_of(ITEMS, Field::Request)?;
        reader.uint(Field::Version)?;
        let purpose = reader.uint(Field::Purpose)?;
        let session = SessionId::from_bytes(*reader.fixed(Field::Session)?);
        let header = HeaderDigest::from_bytes(*reader.fixed(Field::Header)?);
        let domain_id = DomainId::from_bytes(*reader.fixed(Field::Domain)?);
        let epoch = Epoch::new(reader.small(Field::Epoch)?)
            .ok_or(SessionFileError::Malformed(Field::Epoch))?;
        let transfer = transfer(&mut reader)?;
        let instance = InstanceId::from_bytes(*reader.fixed(Field::Instance)?);
        let module_version = ModuleVersion::new(reader.small(Field::ModuleVersion)?);
        let created = reader.uint(Field::Created)?;
        let expires = reader.uint(Field::Expires)?;
        let ledger_head = LedgerHead::from_bytes(*reader.fixed(Field::LedgerHead)?);
        let purpose = match purpose {
            1 => reader
                .null(Field::Proposal)
                .map(|()| SessionPurpose::Recover)?,
            2 => {
                let proposal = ProposalDigest::from_bytes(*reader.fixed(Field::Proposal)?);
                SessionPurpose::Rotate(proposal)
            }
            3 => reader
                .null(Field::Proposal)
                .map(|()| SessionPurpose::Rehearse)?,
            other => return Err(SessionFileError::UnknownPurpose(other)),
        };
        let asking = Self {
            purpose,
            session,
            header,
            domain_id,
            epoch,
            transfer,
            instance,
            module_version,
            created,
            expires,
            ledger_head,
        };
        if !is_encoding(bytes, |encoder| asking.encode(encoder)) {
            return Err(SessionFileError::NotDeterministic(Field::Request));
        }
        if !asking.ends_after_it_began() {
            return Err(SessionFileError::Expiry);
        }
        Ok(asking)
    }
}

/// Reads the version, which must be a supported one.
pub fn known_version(reader: &mut Reader<'_>) -> Result<(), SessionFileError> {
    match reader.uint(Field::Version)? {
        version if version == u64::from(VERSION) => Ok(()),
        version => Err(SessionFileError::UnknownVersion(version)),
    }
}

/// Reads the transfer key: its algorithm, then a SubjectPublicKeyInfo of that algorithm.
fn transfer<'a>(reader: &mut Reader<'a>) -> Result<SessionPublicKey<'a>, SessionFileError> {
    reader.array_of(2, Field::Transfer)?;
    let code = reader.uint(Field::Transfer)?;
    let algorithm = u32::try_from(code).ok().and_then(Algorithm::from_code);
    let algorithm = algorithm.ok_or(SessionFileError::UnknownAlgorithm(code))?;
    SessionPublicKey::new(algorithm, reader.bytes(Field::Transfer)?)
}
