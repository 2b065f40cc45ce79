// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contents of a request, and how an HSM writes it.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;
use minicbor::encode::write::Cursor;

use super::{Request, VERSION, digest, encode_file, file_len, signed_digest};
use crate::cbor::{Count, Encoded, Reader, bytes_len, is_encoding};
use crate::contribution::id::{ProposalDigest, SessionId};
use crate::contribution::session_file::{SessionField as Field, SessionFileError};
use crate::custodian::{Algorithm, Recipient};
use crate::ed25519::{SIGNATURE_LEN, SigningKey};
use crate::rsa::PublicKey;
use crate::sealed_domain::{DomainId, Epoch, HeaderDigest, InstanceId, LedgerHead, Root};

/// How many items a request has.
const ITEMS: u64 = 12;

/// The maximum length of a request without its file: of the integers, the epoch takes 5 bytes and
/// the two times take 9 each.
pub(super) const MAX_ENCODED_LEN: usize = {
    let transfer = 2 + bytes_len(PublicKey::SPKI_MAX_LEN);
    3 + 5 * bytes_len(32) + 5 + transfer + bytes_len(16) + 2 * 9
};

/// The purpose of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionPurpose {
    /// To open the domain and make its HSM active.
    Recover,
    /// To change the quorum as proposed.
    #[doc(hidden)] // No HSM asks for it yet, and custodians refuse it.
    Rotate(ProposalDigest),
    /// To show that the domain can be opened; nothing becomes active.
    #[doc(hidden)] // No HSM asks for it yet, and custodians refuse it.
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
pub struct Asking {
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
    pub transfer: PublicKey,
    /// The HSM that asks.
    pub instance: InstanceId,
    /// When the HSM asks, in Unix seconds; 0 without a clock.
    pub created: u64,
    /// The last second at which the request is valid; 0 if it does not expire, as without a clock.
    pub expires: u64,
    /// The newest record of the HSM's ledger.
    pub ledger_head: LedgerHead,
}

impl Asking {
    /// Returns how many bytes [`write`](Self::write) needs, with or without a signature; at most
    /// [`Request::MAX_LEN`].
    ///
    /// # Errors
    ///
    /// [`AskError::Fault`] if the encoding has no length, which would be a bug.
    pub fn request_len(&self, signed: bool) -> Result<usize, AskError> {
        let mut encoder = Encoder::new(Count(0));
        self.encode(&mut encoder).map_err(|_| AskError::Fault)?;
        let signature = if signed { SIGNATURE_LEN } else { 0 };
        Ok(file_len(encoder.writer().0, signature))
    }

    /// Writes the request to the front of `out`, signed by the domain key of `signer` if there is
    /// one. An active HSM signs a request to rotate or to rehearse; a request to recover is not
    /// signed. On an error `out` is left empty.
    ///
    /// Secret: the root of `signer`. Public: everything else. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`AskError`].
    pub fn write<'o>(
        &self,
        signer: Option<&Root>,
        out: &'o mut [u8],
    ) -> Result<Request<'o>, AskError> {
        if !self.ends_after_it_began() {
            return Err(AskError::Expiry);
        }
        if signer.is_some() && self.purpose == SessionPurpose::Recover {
            return Err(AskError::SignedRecovery);
        }
        let needed = self.request_len(signer.is_some())?;
        let out = out
            .get_mut(..needed)
            .ok_or(AskError::BufferTooSmall { needed })?;
        self.write_into(signer, out).inspect_err(|_| out.fill(0))?;
        Request::parse(out).map_err(|_| AskError::Fault)
    }

    fn write_into(&self, signer: Option<&Root>, out: &mut [u8]) -> Result<(), AskError> {
        let mut encoder = Encoder::new(Cursor::new([0; MAX_ENCODED_LEN]));
        self.encode(&mut encoder).map_err(|_| AskError::Fault)?;
        let (len, buffer) = (encoder.writer().position(), encoder.writer().get_ref());
        let request = buffer.get(..len).ok_or(AskError::Fault)?;
        let sign = |root: &Root| {
            let mut key = SigningKey::zeroed();
            root.domain_key(&mut key).map_err(|_| AskError::Fault)?;
            let signature = key.sign(&signed_digest(&digest(request)));
            signature.map_err(|_| AskError::Fault)
        };
        let signature = signer.map(sign).transpose()?;
        encode_file(
            request,
            signature.as_ref().map_or(&[][..], |signature| signature),
            &mut Encoder::new(out),
        )
        .map_err(|_| AskError::Fault)
    }

    /// Returns whether the request expires after it was made. Without a clock it must not expire.
    const fn ends_after_it_began(&self) -> bool {
        self.expires == 0 || (self.created != 0 && self.created <= self.expires)
    }

    fn encode<W: Write>(&self, encoder: &mut Encoder<W>) -> Encoded<W> {
        let mut buffer = [0; PublicKey::SPKI_MAX_LEN];
        let spki = { self.transfer.to_spki_der(&mut buffer) }
            .ok()
            .and_then(|len| buffer.get(..len))
            .ok_or(minicbor::encode::Error::message("the transfer key"))?;
        encoder.array(ITEMS)?.u8(VERSION)?;
        encoder.u8(self.purpose.code())?;
        encoder
            .bytes(self.session.as_bytes())?
            .bytes(self.header.as_bytes())?;
        encoder
            .bytes(self.domain_id.as_bytes())?
            .u32(self.epoch.get())?;
        encoder.array(2)?.u8(self.transfer.algorithm().code())?;
        encoder.bytes(spki)?;
        encoder.bytes(self.instance.as_bytes())?;
        encoder.u64(self.created)?.u64(self.expires)?;
        encoder.bytes(self.ledger_head.as_bytes())?;
        match self.purpose {
            SessionPurpose::Rotate(proposal) => encoder.bytes(proposal.as_bytes())?,
            SessionPurpose::Recover | SessionPurpose::Rehearse => encoder.null()?,
        };
        Ok(())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, SessionFileError> {
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

/// Reads the transfer key: its algorithm, then a SubjectPublicKeyInfo of that algorithm.
fn transfer(reader: &mut Reader<'_>) -> Result<PublicKey, SessionFileError> {
    reader.array_of(2, Field::Transfer)?;
    let code = reader.uint(Field::Transfer)?;
    let algorithm = u8::try_from(code).ok().and_then(Algorithm::from_code);
    let algorithm = algorithm.ok_or(SessionFileError::UnknownAlgorithm(code))?;
    let key = PublicKey::from_spki_der(reader.bytes(Field::Transfer)?)
        .map_err(SessionFileError::TransferKey)?;
    if key.algorithm() != algorithm {
        return Err(SessionFileError::Malformed(Field::Transfer));
    }
    Ok(key)
}

/// Why a request was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskError {
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The request expires before it was made, or it expires and the HSM has no clock.
    Expiry,
    /// A request to recover must not be signed by the domain key.
    SignedRecovery,
    /// The result is not a request, or its signature does not verify: a hardware fault or a bug in
    /// this crate.
    Fault,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Expiry => f.write_str("expires is before created, or there is no clock"),
            Self::SignedRecovery => f.write_str("a request to recover must not be signed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for AskError {}
