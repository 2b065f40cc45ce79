// SPDX-License-Identifier: MIT OR Apache-2.0
//! A challenge to the custodians of a domain file: a fresh value for each who is asked, wrapped to
//! his key.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::ct::eq_bytes;
use crate::drill::{ChallengeDigest, ChallengeId, DrillField as Field, DrillFileError};
use crate::hardened::{Permit, Verdict};
use crate::labels::Purpose;
use crate::list::List;
use crate::managed_hsm::custodians::MAX_CUSTODIANS;
use crate::managed_hsm::domain_file::DomainFile;
use crate::managed_hsm::file_digest::FileDigest;
use crate::rsa::ModulusSize;
use crate::x509::Thumbprint;

const VERSION: u8 = 1;

/// How many items a challenge has.
const ITEMS: u64 = 5;

/// The length of what is wrapped: the context, then the value.
pub(super) const PLAINTEXT_LEN: usize = 64;

/// What a challenge says besides the values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front {
    pub(super) id: ChallengeId,
    pub(super) file: FileDigest,
    pub(super) created: u64,
}

/// The value for one custodian.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) custodian: Thumbprint,
    pub(super) commitment: &'a [u8; 32],
    pub(super) wrapped: &'a [u8],
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
        let each = asked_len(ModulusSize::MAX_BYTES).saturating_mul(MAX_CUSTODIANS);
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
            file: FileDigest::from_bytes(*reader.fixed(Field::DomainFile)?),
            created: reader.uint(Field::Created)?,
        };
        let asked = read_asked(&mut reader)?;
        let encoded = is_encoding(bytes, |encoder| {
            encode_front(&front, asked.len(), encoder)?;
            asked.iter().try_for_each(|asked| {
                encode_head(asked.custodian, asked.commitment, encoder)?;
                encoder.bytes(asked.wrapped)?;
                Ok(())
            })
        });
        if !encoded {
            return Err(DrillFileError::NotDeterministic);
        }
        Ok(Self {
            bytes,
            front,
            asked,
            digest: ChallengeDigest::from_bytes(Purpose::FileChallenge.digest([bytes])),
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

    /// Returns the digest that responses name.
    pub const fn digest(&self) -> ChallengeDigest {
        self.digest
    }

    /// Returns the digest of the domain file whose custodians are asked.
    pub const fn file(&self) -> FileDigest {
        self.front.file
    }

    /// Returns when the challenge was made, in Unix seconds; 0 without a clock.
    pub const fn created(&self) -> u64 {
        self.front.created
    }

    /// Iterates over the custodians who are asked, each with what is wrapped to his key. It is as
    /// long as the modulus, and unwraps to 64 bytes with RSAES-OAEP (RFC 8017 section 7.1.2),
    /// SHA-256 for hash and MGF1, and no label.
    pub fn values(&self) -> impl Iterator<Item = (Thumbprint, &'a [u8])> {
        { self.asked.iter() }.map(|asked| (asked.custodian, asked.wrapped))
    }

    /// Returns what the challenge holds for this custodian.
    pub(super) fn asked(&self, custodian: &Thumbprint) -> Option<&Asked<'a>> {
        { self.asked.iter() }.find(|asked| asked.custodian == *custodian)
    }

    /// Returns what the value for this custodian is bound to.
    pub(super) fn context(&self, custodian: &Thumbprint) -> [u8; 32] {
        context(&self.front, custodian)
    }

    /// Returns a permit if the challenge is for this file.
    #[inline(never)]
    pub(super) fn permit<E>(
        &self,
        file: &DomainFile<'_>,
        refusal: impl FnOnce(FileDigest, FileDigest) -> E,
    ) -> Result<Permit, E> {
        let (have, want) = (self.file(), file.digest());
        Verdict::twice(|| eq_bytes(self.front.file.as_bytes(), file.digest().as_bytes()))
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
    let mut last = None;
    for _ in 0..reader.array(Field::Values)? {
        reader.array_of(3, Field::Values)?;
        let custodian = Thumbprint::new(*reader.fixed(Field::Custodian)?);
        if last.is_some_and(|last| last >= custodian) {
            return Err(DrillFileError::Malformed(Field::Custodian));
        }
        last = Some(custodian);
        let commitment = reader.fixed(Field::Commitment)?;
        let wrapped = reader.bytes(Field::Wrapped)?;
        if !(1..=ModulusSize::MAX_BYTES).contains(&wrapped.len()) {
            return Err(DrillFileError::Malformed(Field::Wrapped));
        }
        let asked = Asked {
            custodian,
            commitment,
            wrapped,
        };
        { list.push(asked) }.map_err(|_| DrillFileError::Malformed(Field::Values))?;
    }
    if list.is_empty() {
        return Err(DrillFileError::Malformed(Field::Values));
    }
    Ok(list)
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
    bytes_len(wrapped).saturating_add(1 + 2 * bytes_len(32))
}

/// Writes the number of items and the version.
pub(super) fn encode_start<W: Write>(items: u64, encoder: &mut Encoder<W>) -> Encoded<W> {
    encoder.array(items)?.u8(VERSION)?;
    Ok(())
}

/// Writes what stands before the values, of which there are `count`.
pub(super) fn encode_front<W: Write>(
    front: &Front,
    count: usize,
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encode_start(ITEMS, encoder)?;
    encoder.bytes(front.id.as_bytes())?;
    encoder.bytes(front.file.as_bytes())?.u64(front.created)?;
    encoder.array(count as u64)?;
    Ok(())
}

/// Writes a value up to what is wrapped.
pub(super) fn encode_head<W: Write>(
    custodian: Thumbprint,
    commitment: &[u8; 32],
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encoder.array(3)?.bytes(custodian.as_bytes())?;
    encoder.bytes(commitment)?;
    Ok(())
}

/// Returns what a value is bound to: `D("domain file drill", challenge-id, file, thumbprint)`.
pub(super) fn context(front: &Front, custodian: &Thumbprint) -> [u8; 32] {
    let (id, file) = (front.id.as_bytes(), front.file.as_bytes());
    Purpose::FileDrill.digest([id.as_slice(), file, custodian.as_bytes()])
}

/// Returns the commitment to a value: `D("domain file drill value", context, value)`.
///
/// Secret: `value`. Public: `context`, the result. Leaks: nothing else.
pub(super) fn commitment(context: &[u8; 32], value: &[u8; 32]) -> [u8; 32] {
    Purpose::FileDrillValue.digest([context.as_slice(), value])
}
