// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's share on its way to the collector that asked for it (`docs/format.md`, "Restore
//! contribution").
//!
//! The share is wrapped to the session's key and bound to the request. Nothing signs it: an Azure
//! share has no possession key. Whose share it is, and whether it is the right one, only combining
//! shows.

use minicbor::Encoder;
use minicbor::encode::Write;

use super::file_error::{Part, RestoreFileError};
use super::request::{encode_head, known_version};
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::contribution::{RequestDigest, max_transferred_len};
use crate::hardened::{Fault, copy};
use crate::labels::Purpose;
use crate::managed_hsm::shares::SHARE;
use crate::secret::Secret;
use crate::x509::Thumbprint;

/// How many items a contribution has.
const ITEMS: u64 = 4;

/// The length of what is wrapped: the context, then the words of the share.
pub(super) const PLAINTEXT_LEN: usize = 32 + SHARE;

/// The maximum length of a share that is wrapped to a session's key of this build.
pub(super) const MAX_WRAPPED: usize = max_transferred_len(PLAINTEXT_LEN);

/// A parsed contribution; only one encoding is accepted. The collector finds out whether it is
/// valid.
#[derive(Clone, Copy, Debug)]
pub struct Contribution<'a> {
    bytes: &'a [u8],
    request: RequestDigest,
    custodian: Thumbprint,
    wrapped: &'a [u8],
}

impl<'a> Contribution<'a> {
    /// The maximum length of a contribution: 585 bytes, or 1850 with the feature `pq`, which has
    /// longer session's keys.
    pub const MAX_LEN: usize = encoded_len(MAX_WRAPPED);

    /// Parses a contribution and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`RestoreFileError`] that concerns a contribution.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RestoreFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Part::File)?;
        known_version(&mut reader)?;
        if items != ITEMS {
            return Err(RestoreFileError::Malformed(Part::File));
        }
        let request = RequestDigest::from_bytes(*reader.fixed(Part::Request)?);
        let custodian = Thumbprint::new(*reader.fixed(Part::Custodian)?);
        let wrapped = reader.bytes(Part::Wrapped)?;
        if !(1..=MAX_WRAPPED).contains(&wrapped.len()) {
            return Err(RestoreFileError::Malformed(Part::Wrapped));
        }
        if !is_encoding(bytes, |encoder| {
            encode(request, custodian, wrapped, encoder)
        }) {
            return Err(RestoreFileError::NotDeterministic);
        }
        Ok(Self {
            bytes,
            request,
            custodian,
            wrapped,
        })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the digest of the request that it answers.
    pub const fn request(&self) -> RequestDigest {
        self.request
    }

    /// Returns the thumbprint of the custodian whose share it claims to hold.
    pub const fn custodian(&self) -> Thumbprint {
        self.custodian
    }

    /// Returns the wrapped share.
    pub(super) const fn wrapped(&self) -> &'a [u8] {
        self.wrapped
    }
}

/// Returns the length of a contribution whose wrapped share has `wrapped` bytes.
pub(super) const fn encoded_len(wrapped: usize) -> usize {
    bytes_len(wrapped).saturating_add(2 + 2 * bytes_len(32))
}

pub(super) fn encode<W: Write>(
    request: RequestDigest,
    custodian: Thumbprint,
    wrapped: &[u8],
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encode_head(ITEMS, encoder)?;
    encoder.bytes(request.as_bytes())?;
    encoder.bytes(custodian.as_bytes())?.bytes(wrapped)?;
    Ok(())
}

/// Returns what a contributed share is bound to: `D("restore contribution", R, thumbprint)`.
pub(super) fn context(request: &RequestDigest, custodian: &Thumbprint) -> [u8; 32] {
    Purpose::RestoreContribution.digest([request.as_bytes().as_slice(), custodian.as_bytes()])
}

/// Writes what is wrapped.
///
/// Secret: `words`, `plaintext`. Public: `context`. Leaks: nothing else.
pub(super) fn write_plaintext(
    context: &[u8; 32],
    words: &Secret<SHARE>,
    plaintext: &mut Secret<PLAINTEXT_LEN>,
) -> Result<(), Fault> {
    let (bound, share) = { plaintext.expose_mut() }
        .split_first_chunk_mut::<32>()
        .ok_or(Fault)?;
    *bound = *context;
    copy(share, words.expose())
}
