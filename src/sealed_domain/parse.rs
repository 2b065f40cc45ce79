// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parses a sealed domain: only one encoding is accepted, and its own domain key must have signed
//! it.

use super::error::{Field, ParseError};
use super::header::{Custodian, Header, VERSION};
use super::keys::signed_digest;
use super::root::Root;
use super::{MAX_CUSTODIANS, RELEASE_LEN};
use crate::aead::TAG_LEN;
use crate::cbor::{Reader, bytes_len, is_encoding};
use crate::ct::{Mask, eq_bytes};
use crate::ed25519::SIGNATURE_LEN;
use crate::hardened::{Permit, Verdict};
use crate::labels::Purpose;
use crate::list::List;
use crate::wrapped_share::{PLAINTEXT_LEN, WrappedShare};

/// A parsed sealed domain, consistent and signed by its own key. Whose domain it is, only an
/// [`ExpectedDomain`](super::ExpectedDomain) can tell.
pub struct SealedDomain<'a> {
    bytes: &'a [u8],
    header: Header<'a>,
    /// One for each custodian, in their order.
    wrapped: List<WrappedShare<'a>, MAX_CUSTODIANS>,
    pub(super) release: Option<&'a [u8; RELEASE_LEN]>,
    pub(super) commitment: &'a [u8; 32],
    /// The body without its authentication tag.
    pub(super) body: &'a [u8],
    pub(super) tag: &'a [u8; TAG_LEN],
    /// Shows that the domain key made the signature; tested again wherever the file is used.
    pub(super) signed: Permit,
}

impl<'a> SealedDomain<'a> {
    /// Parses a file and checks everything that can be checked without a secret, the signature
    /// last.
    ///
    /// A changed wrapped share is not an error here: [`changed`](Self::changed) names its
    /// custodian, and a quorum of the others opens the file.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ParseError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut parts: (&[u8], &[u8; SIGNATURE_LEN]) = (&[], &[0; SIGNATURE_LEN]);
        let mut read = Self::read(bytes, &mut parts);
        // The signature is checked in place: a move would take the value's size on the stack again.
        if let Ok(sealed) = &mut read {
            let (body, signature) = parts;
            let signed = Verdict::twice(|| sealed.is_signed(body, signature));
            sealed.signed = signed.permit(ParseError::Signature)?;
        }
        read
    }

    /// Reads everything, and fills in the body with its tag and the signature. Not inlined, so that
    /// its stack is free again when the signature is checked, which needs the most.
    #[inline(never)]
    fn read(
        bytes: &'a [u8],
        parts: &mut (&'a [u8], &'a [u8; SIGNATURE_LEN]),
    ) -> Result<Self, ParseError> {
        check_version(bytes)?;
        let mut reader = Reader::new(bytes);
        reader.array_of(6, Field::File)?;
        let header_bytes = reader.bytes(Field::Header)?;
        let header = Header::parse(header_bytes)?;
        let wrapped = wrapped_shares(&mut reader, &header)?;
        let release_bytes = reader.bytes(Field::Release)?;
        let commitment: &[u8; 32] = reader.fixed(Field::Commitment)?;
        let sealed_body = reader.bytes(Field::Body)?;
        let signature = reader.fixed::<SIGNATURE_LEN, _>(Field::Signature)?;
        let encoded = is_encoding(bytes, |encoder| {
            encoder.array(6)?.bytes(header_bytes)?;
            encoder.array(wrapped.len() as u64)?;
            for share in &wrapped {
                encoder.bytes(share.as_bytes())?;
            }
            encoder.bytes(release_bytes)?.bytes(commitment)?;
            encoder.bytes(sealed_body)?.bytes(signature)?;
            Ok(())
        });
        if !encoded {
            return Err(ParseError::NotDeterministic(Field::File));
        }
        let release = release(release_bytes, &header)?;
        let (body, tag) = body(sealed_body, &header)?;
        *parts = (sealed_body, signature);
        Ok(Self {
            bytes,
            header,
            wrapped,
            release,
            commitment,
            body,
            tag,
            signed: Permit::REFUSED,
        })
    }

    /// Returns whether `signature` is the domain key's over the header, the commitment and `body`.
    #[inline(never)]
    fn is_signed(&self, body: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Mask {
        let digest = signed_digest(&self.header.digest(), self.commitment, body);
        self.header.core.domain_key.verifies(&digest, signature)
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the header: all public data.
    pub const fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// Returns the release, if the file shows it.
    pub(crate) const fn release(&self) -> Option<&'a [u8; RELEASE_LEN]> {
        self.release
    }

    /// Returns whether the release is missing. Custodians can drill a pending domain, but no number
    /// of them can open it.
    pub const fn is_pending(&self) -> bool {
        self.release.is_none()
    }

    /// Returns a permit to open or recover the domain if it is signed and its release is filled in,
    /// otherwise `pending`.
    pub(crate) fn check_complete<E: Copy>(&self, pending: E) -> Result<Permit, E> {
        self.signed.test(pending)?;
        Verdict::twice(|| Mask::public(self.release.is_some())).permit(pending)
    }

    /// Returns a permit if the file shows as many bytes of its release: all, or none.
    pub(crate) fn check_shows<E: Copy>(&self, len: usize, refusal: E) -> Result<Permit, E> {
        self.signed.test(refusal)?;
        let shown = || self.release.map_or(0, |release| release.len());
        Verdict::twice(|| Mask::public(shown() == len)).permit(refusal)
    }

    /// Returns a permit if the file is signed and no wrapped share was changed, otherwise `refusal`.
    pub(crate) fn check_unchanged<E: Copy>(&self, refusal: E) -> Result<Permit, E> {
        self.signed.test(refusal)?;
        Verdict::twice(|| Mask::public(self.changed().next().is_none())).permit(refusal)
    }

    /// Returns a permit if the header names this release, otherwise `other`.
    ///
    /// Secret: `release`, until it has left. Public: the file. Leaks: whether it is that release.
    pub(crate) fn check_release<E>(&self, release: &[u8], other: E) -> Result<Permit, E> {
        Verdict::twice(|| is_release(release, &self.header)).permit(other)
    }

    /// Returns the parts of the complete file, which follow one another, or `other` if the header
    /// names another release. This file may be pending.
    pub(crate) fn completed<E: Copy>(
        &self,
        release: &'a [u8; RELEASE_LEN],
        other: E,
    ) -> Result<[&'a [u8]; 4], E> {
        self.signed.test(other)?;
        Verdict::twice(|| is_release(release, &self.header)).or(other)?;
        let body = self.body.len().saturating_add(TAG_LEN);
        let rest = [
            bytes_len(self.commitment.len()),
            bytes_len(body),
            bytes_len(SIGNATURE_LEN),
        ];
        let shown = self.release.map_or(0, |release| release.len());
        let after = rest.into_iter().fold(0, usize::saturating_add);
        let before = { self.bytes.len() }.checked_sub(after.saturating_add(bytes_len(shown)));
        let split = self.bytes.len().checked_sub(after);
        let front = before.and_then(|len| self.bytes.get(..len)).ok_or(other)?;
        let rest = split
            .and_then(|start| self.bytes.get(start..))
            .ok_or(other)?;
        Ok([front, &RELEASE_HEAD, release, rest])
    }

    /// Iterates over the custodians with their wrapped shares.
    pub fn wrapped_shares(&self) -> impl Iterator<Item = (Custodian, WrappedShare<'a>)> + '_ {
        self.header.custodians().zip(self.wrapped.iter().copied())
    }

    /// Iterates over the custodians whose wrapped share differs from the one that the header names.
    /// Such a share is unusable; if too many are, the domain is lost.
    pub fn changed(&self) -> impl Iterator<Item = Custodian> + '_ {
        let named = self.wrapped_shares().zip(&self.header.shares);
        named.filter_map(|((custodian, share), (_, digest))| {
            (share.digest() != **digest).then_some(custodian)
        })
    }
}

/// The head of the byte string of a release, in CBOR.
const RELEASE_HEAD: [u8; 2] = [0x58, RELEASE_LEN as u8];

/// Every version has its number in the same place, so that a file of a later version is named as
/// such.
fn check_version(bytes: &[u8]) -> Result<(), ParseError> {
    let mut reader = Reader::new(bytes);
    for (array, content) in [(Field::File, Field::Header), (Field::Header, Field::Core)] {
        reader.array(array)?;
        reader = Reader::new(reader.bytes(content)?);
    }
    reader.array(Field::Core)?;
    match reader.uint(Field::Version)? {
        version if version == u64::from(VERSION) => Ok(()),
        version => Err(ParseError::UnknownVersion(version)),
    }
}

fn wrapped_shares<'a>(
    reader: &mut Reader<'a>,
    header: &Header<'_>,
) -> Result<List<WrappedShare<'a>, MAX_CUSTODIANS>, ParseError> {
    let mut list = List::new();
    reader.array_of(header.shares.len() as u64, Field::Wrapped)?;
    for custodian in header.custodians() {
        let bytes = reader.bytes(Field::Wrapped)?;
        if bytes.len() != custodian.algorithm.wrapped_len(PLAINTEXT_LEN) {
            return Err(ParseError::WrappedLength(custodian.index));
        }
        list.push(WrappedShare::from_bytes(bytes))
            .map_err(|_| ParseError::Malformed(Field::Wrapped))?;
    }
    Ok(list)
}

fn release<'a>(
    bytes: &'a [u8],
    header: &Header<'_>,
) -> Result<Option<&'a [u8; RELEASE_LEN]>, ParseError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let release = bytes
        .try_into()
        .map_err(|_| ParseError::Malformed(Field::Release))?;
    Verdict::twice(|| is_release(bytes, header)).or(ParseError::OtherRelease)?;
    Ok(Some(release))
}

/// Returns whether the header names this release.
fn is_release(release: &[u8], header: &Header<'_>) -> Mask {
    let digest = Purpose::Release.digest([release]);
    eq_bytes(&digest, &header.core.release_digest)
}

fn body<'a>(
    bytes: &'a [u8],
    header: &Header<'_>,
) -> Result<(&'a [u8], &'a [u8; TAG_LEN]), ParseError> {
    let (body, tag) = bytes
        .split_last_chunk::<TAG_LEN>()
        .ok_or(ParseError::BodyLength)?;
    let lengths = header.artifacts().map(|(_, len)| u64::from(len));
    let expected = lengths.sum::<u64>() + Root::LEN as u64;
    if body.len() as u64 != expected || u32::try_from(bytes.len()).is_err() {
        return Err(ParseError::BodyLength);
    }
    Ok((body, tag))
}

impl core::fmt::Debug for SealedDomain<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("SealedDomain").field(&self.header).finish()
    }
}
