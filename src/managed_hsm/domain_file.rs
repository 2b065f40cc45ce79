// SPDX-License-Identifier: MIT OR Apache-2.0
//! The security-domain file, version 2, in which a domain leaves its HSM at a download. Of version
//! 1 is [`SplitFile`](super::split_file::SplitFile).
//!
//! ```
//! use security_domain::managed_hsm::domain_file::DomainFile;
//!
//! let text = include_bytes!("../../tests/vectors/managed-hsm/valid/v01-2of3-2048/sd.json");
//! let file = DomainFile::parse(text)?;
//! assert_eq!(file.quorum().to_string(), "2 of 3");
//! let tags: Vec<_> = file.artifacts().map(|artifact| artifact.tag().to_string()).collect();
//! assert_eq!(tags, ["hsm_backup", "base_enclave_backup", "partition_enclave_backup"]);
//! # Ok::<(), security_domain::managed_hsm::FileError>(())
//! ```
//!
//! A custodian's share may be damaged, by a flipped bit or a cut, or missing. The file is read all
//! the same, since the others may be a quorum: [`DomainFile::damaged_shares`] names the damaged
//! ones, and only [`DomainFile::open_share`] and [`DomainFile::check_certificate`] refuse them. A
//! share whose digest alone is damaged is still of use to the custodian whose key opens it:
//! [`DomainFile::assign`].
//!
//! Nothing authenticates the quorum or the list of artifacts: the format has no means for it. To
//! know that a file is the downloaded one, keep and compare its digest.

mod combine;
mod make;
mod wrapping;

use core::fmt;

use super::custodians::{MAX_CUSTODIANS, quorum_of};
use super::enc_data::{Artifact, EncData};
use super::error::{Fault, Field, FileError, UnknownMember};
use super::file_digest::FileDigest;
use super::json::{self, Member, Reader, Report};
use super::key_transport::{EncKey, Entry, Failure, Place};
use super::shares::{SHARE, Share};
use super::source::Text;
use crate::burn::{self, burning};
use crate::custodian::Identity;
use crate::list::List;
use crate::quorum::{Quorum, ShareCount};
use crate::rng::{Generator, RngError};
use crate::rsa::ModulusSize;
use crate::secret::Secret;
use crate::x509::{RecoveryCertificate, Thumbprint};

pub use combine::{CombineError, Combined};
pub use make::{encoded_len, write};

const KEY_ALGORITHM: &str = "shamir_share";

/// A security-domain file whose form has been checked, as far as that is possible without a key.
/// The faults of single shares are kept.
#[derive(Clone)]
pub struct DomainFile<'a> {
    text: &'a [u8],
    enc_data: EncData<'a>,
    shares: List<Entry<'a>, MAX_CUSTODIANS>,
    quorum: Quorum,
}

impl<'a> DomainFile<'a> {
    /// Parses a file. Any order of members and any spacing is accepted; everything else must follow
    /// the format. What is wrong inside a single `enc_key` or `x5t_256` is a fault of that share
    /// alone, which [`damaged_shares`](Self::damaged_shares) names.
    ///
    /// # Errors
    ///
    /// [`FileError`], which names the first wrong field that does not belong to a single share, and
    /// its fault.
    pub fn parse(text: &'a [u8]) -> Result<Self, FileError> {
        Self::read(text, None)
    }

    /// Parses a file as [`parse`](Self::parse) does, but calls `report` with each member that is
    /// not in the format, and passes over it: at most 16 of one object. A service that adds a
    /// member does not stop a recovery then.
    ///
    /// Headers of JWEs are not affected: a member there can change what the sealed bytes mean (RFC
    /// 7516 section 4.1). A member that is given twice is refused, whether it is known or not.
    ///
    /// # Errors
    ///
    /// [`FileError`], as from [`parse`](Self::parse).
    pub fn parse_ignoring_unknown(
        text: &'a [u8],
        report: &mut dyn FnMut(UnknownMember),
    ) -> Result<Self, FileError> {
        Self::read(text, Some(report))
    }

    fn read(text: &'a [u8], report: Option<Report<'_>>) -> Result<Self, FileError> {
        let top = Field::new("security domain");
        let version = Field::new("version");
        let members = [
            Member::new("EncData", Field::new("EncData")),
            Member::new("SharedKeys", Field::new("SharedKeys")),
            Member::new("version", version),
            // In version 1 this member stands in place of `SharedKeys`.
            Member::optional("SplitKeys", Field::new("SplitKeys")),
        ];
        let mut enc_data = EncData::new();
        let mut shares = List::new();
        let mut required = 0;
        json::document(text, top, report, |reader| {
            reader.object(top, &members, |reader, member| match member {
                0 => enc_data.read(reader),
                1 => {
                    required = read_shared_keys(reader, &mut shares)?;
                    Ok(())
                }
                2 => match reader.integer(version)? {
                    2 => Ok(()),
                    1 => Err(version.has(Fault::Version1)),
                    _ => Err(version.has(Fault::Value)),
                },
                _ => Err(version.has(Fault::Version1)),
            })
        })?;
        enc_data.check()?;
        Ok(Self {
            text,
            enc_data,
            quorum: check_quorum(required, shares.len())?,
            shares,
        })
    }

    /// Computes the digest of the file's bytes, which names the file.
    pub fn digest(&self) -> FileDigest {
        FileDigest::of(self.text)
    }

    /// Returns the quorum of the custodians. The format does not authenticate it.
    pub fn quorum(&self) -> Quorum {
        self.quorum
    }

    /// Iterates over the custodians, by the digests of their certificates, in the order of the
    /// file. One whose digest cannot be read is left out, and one that is listed twice comes once.
    pub fn custodians(&self) -> impl Iterator<Item = Thumbprint> + '_ {
        let listed = |place| self.shares.iter().take(place).filter_map(|s| s.to().ok());
        { self.shares.iter().enumerate() }
            .filter_map(|(place, share)| Some((place, share.to().ok()?)))
            .filter(move |(place, to)| !listed(*place).any(|earlier| earlier == *to))
            .map(|(_, to)| to)
    }

    /// Iterates over the digests of the certificates to which the shares are sealed, in the order
    /// of the file. A digest may be damaged without being unreadable; then no custodian has it.
    pub fn digests(&self) -> impl Iterator<Item = Result<Thumbprint, FileError>> + '_ {
        self.shares.iter().map(Entry::to)
    }

    /// Reads the share at `place`, counted from 0, as one of `custodian`, whatever digest the file
    /// has there. This is for a file in which that digest is damaged. It proves nothing:
    /// [`open_share`](Self::open_share) does, with the custodian's key.
    ///
    /// # Errors
    ///
    /// [`FileError`] if there is no such share, or if another one belongs to `custodian`.
    pub fn assign(&mut self, place: usize, custodian: Thumbprint) -> Result<(), FileError> {
        if self.digests().any(|to| to == Ok(custodian)) {
            return Err(share_at(place).x5t_256.has(Fault::Repeated));
        }
        let all = Field::new("SharedKeys.enc_shares");
        let share = { self.shares.get_mut(place) }.ok_or(all.has(Fault::Count))?;
        *share = share.sealed_to(custodian);
        Ok(())
    }

    /// Iterates over the shares that cannot be opened, in the order of the file. The other shares
    /// are not affected.
    pub fn damaged_shares(&self) -> impl Iterator<Item = DamagedShare> + '_ {
        self.shares.iter().filter_map(DamagedShare::of)
    }

    /// Iterates over the artifacts, in the order of the file.
    pub fn artifacts(&self) -> impl Iterator<Item = Artifact<'a>> + '_ {
        self.enc_data.artifacts()
    }

    /// Checks that the certificate belongs to a custodian, whose share is undamaged and wrapped to
    /// a key of its size.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the file does not list the certificate, the share is damaged, or the
    /// wrapped key has another length. If a digest in the file cannot be read, that is the fault of
    /// a certificate that is not listed: the digest may have been its own.
    pub fn check_certificate(
        &self,
        certificate: &RecoveryCertificate<'_>,
    ) -> Result<(), FileError> {
        match self.find(&certificate.thumbprint())? {
            Some((place, share)) => share.check_size(certificate.size(), share_at(place).enc_key),
            None => Err(Field::new("SharedKeys.enc_shares").has(Fault::NotListed)),
        }
    }

    /// Returns a custodian's share and its place in the file, or why there is none: it is damaged
    /// or listed twice, or another entry's digest cannot be read.
    fn find(&self, custodian: &Thumbprint) -> Result<Option<(usize, EncKey<'a>)>, FileError> {
        let (mut found, mut unreadable) = (None, None);
        for (place, share) in self.shares.iter().enumerate() {
            match share.to() {
                Ok(to) if to == *custodian => found = Some((place, share.enc_key()?)),
                Ok(_) => {}
                Err(error) => unreadable = unreadable.or(Some(error)),
            }
        }
        match (found, unreadable) {
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// Writes a custodian's wrapped content key to the front of `out`, and returns it.
    ///
    /// It is as long as the modulus of the custodian's key, which unwraps it to 64 bytes with
    /// RSAES-OAEP (RFC 8017 section 7.1.2), SHA-256 for hash and MGF1, and no label. An
    /// [`Identity`] that answers these 64 bytes opens the share with
    /// [`open_share`](Self::open_share), and no other one: so the key can stay where it is.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the file does not list the custodian, or the share is damaged.
    pub fn wrapped_content_key<'o>(
        &self,
        custodian: &Thumbprint,
        out: &'o mut [u8; ModulusSize::MAX_BYTES],
    ) -> Result<&'o [u8], FileError> {
        match self.find(custodian)? {
            Some((place, share)) => share.wrapped(out, share_at(place).enc_key),
            None => Err(Field::new("SharedKeys.enc_shares").has(Fault::NotListed)),
        }
    }

    /// Opens one custodian's share with the custodian's key.
    ///
    /// Every failure from the RSA operation to the parsed share has the same error,
    /// [`ShareError::DoesNotOpen`]. A caller can go on with the other custodians.
    ///
    /// Secret: the identity's key, the share. Public: the file, the custodian. Leaks: whether the
    /// share opens, and its index then.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ShareError`].
    pub fn open_share<I, R>(
        &self,
        custodian: &Thumbprint,
        identity: &mut I,
        rng: &mut R,
    ) -> Result<Share, ShareError<I::Error>>
    where
        I: Identity,
        R: Generator + ?Sized,
    {
        burning::<{ burn::JWE }, _>(move || {
            let (_, share) = { self.find(custodian) }
                .map_err(ShareError::Damaged)?
                .ok_or(ShareError::NotListed)?;
            let mut words = Secret::zeroed();
            share
                .open::<{ SHARE + 16 }, SHARE, I, R>(identity, rng, &mut words)
                .map_err(ShareError::of)?
                .spend(ShareError::DoesNotOpen)?;
            // An entry may be missing from the file: of how many the share is one is not known.
            let threshold = self.quorum.threshold().get();
            let most = Quorum::new(threshold, MAX_CUSTODIANS as u8);
            let most = most.map_err(|_| ShareError::Fault)?;
            Share::from_words(*custodian, most, &words).ok_or(ShareError::DoesNotOpen)
        })
    }

    /// Returns the artifacts.
    pub(super) fn enc_data(&self) -> &EncData<'a> {
        &self.enc_data
    }
}

impl fmt::Debug for DomainFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainFile")
            .field("quorum", &self.quorum)
            .finish_non_exhaustive()
    }
}

/// Returns where a custodian's share is in the file.
fn share_at(index: usize) -> Place {
    let object = Field::element("SharedKeys.enc_shares[]", index);
    Place {
        object,
        enc_key: object.path("SharedKeys.enc_shares[].enc_key"),
        x5t_256: object.path("SharedKeys.enc_shares[].x5t_256"),
    }
}

/// Reads the member `SharedKeys`, and returns `required`.
fn read_shared_keys<'a>(
    reader: &mut Reader<'_, Text<'a>>,
    shares: &mut List<Entry<'a>, MAX_CUSTODIANS>,
) -> Result<u32, FileError> {
    let [all, algorithm, threshold] = [
        "SharedKeys.enc_shares",
        "SharedKeys.key_algorithm",
        "SharedKeys.required",
    ]
    .map(Field::new);
    let members = [
        Member::new("enc_shares", all),
        Member::new("key_algorithm", algorithm),
        Member::new("required", threshold),
    ];
    let mut required = 0;
    let object = Field::new("SharedKeys");
    reader.object(object, &members, |reader, member| match member {
        0 => {
            let read = |reader: &mut Reader<'_, Text<'a>>, index| {
                let mut share = Entry::read(reader, share_at(index), SHARE)?;
                if let Ok(to) = share.to()
                    && shares.iter().any(|earlier| earlier.to() == Ok(to))
                {
                    share = share.refused(share_at(index).x5t_256.has(Fault::Repeated));
                }
                shares.push(share).map_err(|_| all.has(Fault::Count))
            };
            reader.array(all, read).map(|_| ())
        }
        1 => reader.literal(algorithm, KEY_ALGORITHM),
        _ => {
            required = reader.integer(threshold)?;
            Ok(())
        }
    })?;
    Ok(required)
}

/// Checks that `required` of the custodians are a valid quorum. There are fewer than a domain has
/// if entries are missing from the file; those that are left may suffice.
fn check_quorum(required: u32, custodians: usize) -> Result<Quorum, FileError> {
    let count = u8::try_from(custodians).ok();
    let count = count.and_then(|count| ShareCount::new(count).ok());
    let count = count.ok_or(Field::new("SharedKeys.enc_shares").has(Fault::Count))?;
    quorum_of(required, count).ok_or(Field::new("SharedKeys.required").has(Fault::Required))
}

/// A share that cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct DamagedShare {
    /// The custodian, by the digest of the certificate, if the digest can be read.
    pub custodian: Option<Thumbprint>,
    /// The place in the file, which has the share's index, and what is wrong there.
    pub error: FileError,
}

impl DamagedShare {
    /// Returns the damage of a share, if there is any.
    pub(super) fn of(share: &Entry<'_>) -> Option<Self> {
        Some(Self {
            custodian: share.to().ok(),
            error: share.enc_key().err()?,
        })
    }
}

/// Why a custodian's share did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ShareError<E> {
    /// The file has no share for this custodian.
    NotListed,
    /// The share is damaged or listed twice. Or the file does not list the custodian, and this
    /// digest in it, which may have been his, cannot be read.
    Damaged(FileError),
    /// The share does not open with this key. Deliberately gives no reason.
    DoesNotOpen,
    /// The device that holds the key failed.
    Device(E),
    /// The random number generator failed.
    Rng,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl<E> ShareError<E> {
    /// Says of a share why it was not unsealed.
    pub(super) fn of(failure: Failure<E>) -> Self {
        match failure {
            Failure::Opaque => Self::DoesNotOpen,
            Failure::Device(error) => Self::Device(error),
            Failure::Rng => Self::Rng,
            Failure::Fault => Self::Fault,
        }
    }
}

impl<E> fmt::Display for ShareError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("the file has no share for this custodian"),
            Self::Damaged(_) => f.write_str("the share of this custodian cannot be read"),
            Self::DoesNotOpen => f.write_str("the share of this custodian does not open"),
            Self::Device(_) => f.write_str("the key's device failed"),
            Self::Rng => RngError.fmt(f),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ShareError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            Self::Damaged(error) => Some(error),
            _ => None,
        }
    }
}
