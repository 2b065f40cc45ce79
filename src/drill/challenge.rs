// SPDX-License-Identifier: MIT OR Apache-2.0
//! A challenge: a fresh value for each custodian who is asked, wrapped to his key.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::file::{DrillField as Field, DrillFileError};
use super::id::{ChallengeDigest, ChallengeId};
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::ct::eq_bytes;
use crate::custodian::CustodianId;
use crate::hardened::{Permit, Verdict};
use crate::labels::Purpose;
use crate::list::List;
use crate::quorum::ShareIndex;
use crate::sealed_domain::{Header, HeaderDigest, MAX_CUSTODIANS};
use crate::wrapped_share::{MAX_LEN, WrappedShare};

pub(super) const VERSION: u8 = 1;

/// How many items a challenge has.
const ITEMS: u64 = 5;

/// What a challenge says besides the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Front {
    pub(super) id: ChallengeId,
    pub(super) header: HeaderDigest,
    pub(super) created: u64,
}

/// The value for one custodian.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) index: ShareIndex,
    pub(super) commitment: &'a [u8; 32],
    pub(super) wrapped: WrappedShare<'a>,
}

/// A parsed challenge; only one encoding is accepted.
///
/// Whoever verifies responses takes only a challenge of their own, and each once: whoever made the
/// challenge knows the values, and an answer that was heard before is no proof.
#[derive(Clone)]
pub struct Challenge<'a> {
    bytes: &'a [u8],
    front: Front,
    asked: List<Asked<'a>, MAX_CUSTODIANS>,
    digest: ChallengeDigest,
}

impl<'a> Challenge<'a> {
    /// The maximum length of a challenge: to ten custodians with the longest keys.
    pub const MAX_LEN: usize = {
        let each = asked_len(MAX_LEN).saturating_mul(MAX_CUSTODIANS);
        front_len().saturating_add(each)
    };

    /// Parses a challenge and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`DrillFileError`] that concerns a challenge.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DrillFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Field::File)?;
        known_version(&mut reader)?;
        if items != ITEMS {
            return Err(DrillFileError::Malformed(Field::File));
        }
        let front = Front {
            id: ChallengeId::from_bytes(*reader.fixed(Field::Challenge)?),
            header: HeaderDigest::from_bytes(*reader.fixed(Field::Header)?),
            created: reader.uint(Field::Created)?,
        };
        let asked = read_asked(&mut reader)?;
        let encoded = is_encoding(bytes, |encoder| {
            encode_front(&front, asked.len(), encoder)?;
            asked.iter().try_for_each(|asked| {
                let wrapped = asked.wrapped.as_bytes();
                encode_head(asked.index, asked.commitment, wrapped.len(), encoder)?;
                encoder
                    .writer_mut()
                    .write_all(wrapped)
                    .map_err(minicbor::encode::Error::write)
            })
        });
        if !encoded {
            return Err(DrillFileError::NotDeterministic);
        }
        Ok(Self {
            bytes,
            front,
            asked,
            digest: ChallengeDigest::from_bytes(Purpose::Challenge.digest([bytes])),
        })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the challenge's name.
    pub const fn id(&self) -> ChallengeId {
        self.front.id
    }

    /// Returns Q, the digest that responses name.
    pub const fn digest(&self) -> ChallengeDigest {
        self.digest
    }

    /// Returns H, the digest of the header whose shares are drilled.
    pub const fn header(&self) -> HeaderDigest {
        self.front.header
    }

    /// Returns when the challenge was made, in Unix seconds; 0 without a clock.
    pub const fn created(&self) -> u64 {
        self.front.created
    }

    /// Iterates over the indices of the custodians for whom there is a value, each with what is
    /// wrapped to his key. The others can show that they know their shares.
    pub fn values(&self) -> impl Iterator<Item = (ShareIndex, WrappedShare<'a>)> {
        self.asked.iter().map(|asked| (asked.index, asked.wrapped))
    }

    pub(super) fn asked(&self, index: ShareIndex) -> Option<&Asked<'a>> {
        self.asked.iter().find(|asked| asked.index == index)
    }

    /// Returns a permit if the challenge is for this header.
    pub(super) fn permit<E>(
        &self,
        header: &Header<'_>,
        refusal: impl FnOnce(HeaderDigest, HeaderDigest) -> E,
    ) -> Result<Permit, E> {
        let (have, want) = (self.header(), header.digest());
        Verdict::twice(|| eq_bytes(self.front.header.as_bytes(), header.digest().as_bytes()))
            .permit(refusal(have, want))
    }
}

impl fmt::Debug for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("digest", &self.digest)
            .field("front", &self.front)
            .finish_non_exhaustive()
    }
}

fn read_asked<'a>(
    reader: &mut Reader<'a>,
) -> Result<List<Asked<'a>, MAX_CUSTODIANS>, DrillFileError> {
    let mut list = List::<Asked<'a>, MAX_CUSTODIANS>::new();
    let mut last = 0;
    for _ in 0..reader.array(Field::Values)? {
        reader.array_of(3, Field::Values)?;
        let malformed = DrillFileError::Malformed(Field::Index);
        let index = index(reader.small(Field::Index)?).filter(|index| index.get() > last);
        let index = index.ok_or(malformed)?;
        last = index.get();
        let commitment = reader.fixed(Field::Commitment)?;
        let wrapped = reader.bytes(Field::Wrapped)?;
        if !(1..=MAX_LEN).contains(&wrapped.len()) {
            return Err(DrillFileError::Malformed(Field::Wrapped));
        }
        let asked = Asked {
            index,
            commitment,
            wrapped: WrappedShare::from_bytes(wrapped),
        };
        list.push(asked).map_err(|_| malformed)?;
    }
    Ok(list)
}

/// Returns the index of a custodian's share.
pub(super) fn index(index: u8) -> Option<ShareIndex> {
    let index = ShareIndex::new(index).ok()?;
    (usize::from(index.get()) <= MAX_CUSTODIANS).then_some(index)
}

/// Reads the version, which must be a supported one.
pub(super) fn known_version(reader: &mut Reader<'_>) -> Result<(), DrillFileError> {
    match reader.uint(Field::Version)? {
        version if version == u64::from(VERSION) => Ok(()),
        version => Err(DrillFileError::UnknownVersion(version)),
    }
}

/// The most bytes before the values.
pub(super) const fn front_len() -> usize {
    // Three heads of one byte, and a time of up to nine.
    12 + 2 * bytes_len(32)
}

/// The length of a value of which `wrapped` bytes are wrapped.
pub(super) const fn asked_len(wrapped: usize) -> usize {
    bytes_len(wrapped).saturating_add(2 + bytes_len(32))
}

/// Writes what stands before the values, of which there are `count`.
pub(super) fn encode_front<W: Write>(
    front: &Front,
    count: usize,
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encoder.array(ITEMS)?.u8(VERSION)?;
    encoder.bytes(front.id.as_bytes())?;
    encoder.bytes(front.header.as_bytes())?.u64(front.created)?;
    encoder.array(count as u64)?;
    Ok(())
}

/// Writes a value up to the `len` bytes that are wrapped.
pub(super) fn encode_head<W: Write>(
    index: ShareIndex,
    commitment: &[u8; 32],
    len: usize,
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encoder.array(3)?.u8(index.get())?.bytes(commitment)?;
    encoder.bytes_len(len as u64)?;
    Ok(())
}

/// Returns what a value is bound to: `D("drill", challenge-id, H, i, custodian-id)`.
pub(super) fn context(front: &Front, index: ShareIndex, custodian: CustodianId) -> [u8; 32] {
    let (id, header) = (front.id.as_bytes(), front.header.as_bytes());
    Purpose::Drill.digest([id.as_slice(), header, &[index.get()], custodian.as_bytes()])
}

/// Returns the commitment to a value: `D("drill value", context, value)`.
///
/// Secret: `value`. Public: `context`, the result. Leaks: nothing else.
pub(super) fn commitment(context: &[u8; 32], value: &[u8; 32]) -> [u8; 32] {
    Purpose::DrillValue.digest([context.as_slice(), value])
}

impl Challenge<'_> {
    /// Returns what the value for this custodian is bound to.
    pub(super) fn context(&self, index: ShareIndex, custodian: CustodianId) -> [u8; 32] {
        context(&self.front, index, custodian)
    }
}
