// SPDX-License-Identifier: MIT OR Apache-2.0
//! The security-domain file, version 2: what leaves the HSM when its domain is downloaded.
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
//! Nothing authenticates the quorum or the list of artifacts: the format has no means to. Who must
//! know that a file is the one that was downloaded pins its digest.

mod combine;
mod make;

use core::fmt;
use heapless::Vec;
use rand_core::TryCryptoRng;

use super::enc_data::{Artifact, EncData};
use super::error::{Fault, Field, FileError, OpenError};
use super::json::{self, Member, Reader};
use super::key_transport::{EncKey, Failure, Place};
use super::shares::{SHARE, Share};
use super::source::Text;
use super::{MAX_CUSTODIANS, MIN_CUSTODIANS, MasterKey};
use crate::burn::{self, burning};
use crate::custodian::Identity;
use crate::hardened::Permit;
use crate::quorum::{Quorum, ShareCount};
use crate::rng::RngError;
use crate::secret::Secret;
use crate::x509::{Certificate, Thumbprint};

pub use combine::{CombineError, Combined};
pub(super) use make::check_certificates;
pub use make::{encoded_len, write};

const KEY_ALGORITHM: &str = "shamir_share";

/// A security-domain file whose form has been checked: everything that can be told without a key.
#[derive(Clone)]
pub struct DomainFile<'a> {
    enc_data: EncData<'a>,
    shares: Vec<EncKey<'a>, MAX_CUSTODIANS>,
    quorum: Quorum,
}

impl<'a> DomainFile<'a> {
    /// Reads a file. It takes any order of members and any spacing, and nothing else that the format
    /// does not allow.
    pub fn parse(text: &'a [u8]) -> Result<Self, FileError> {
        let top = Field::new("security domain");
        let version = Field::new("version");
        let members = [
            Member::new("EncData", Field::new("EncData")),
            Member::new("SharedKeys", Field::new("SharedKeys")),
            Member::new("version", version),
            // Version 1 has this in the place of `SharedKeys`.
            Member::optional("SplitKeys", Field::new("SplitKeys")),
        ];
        let mut enc_data = EncData::new();
        let mut shares = Vec::new();
        let mut required = 0;
        json::document(text, top, |reader| {
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
            enc_data,
            quorum: check_quorum(required, shares.len())?,
            shares,
        })
    }

    /// How many custodians there are, and how many of them it takes. The format authenticates
    /// neither.
    pub fn quorum(&self) -> Quorum {
        self.quorum
    }

    /// The custodians, by the digest of their certificates, in the order of the file.
    pub fn custodians(&self) -> impl Iterator<Item = Thumbprint> + '_ {
        self.shares.iter().map(EncKey::to)
    }

    /// The artifacts, in the order of the file.
    pub fn artifacts(&self) -> impl Iterator<Item = Artifact<'a>> + '_ {
        self.enc_data.artifacts()
    }

    /// Checks that the certificate is a custodian's, and his share wrapped to a key of its size.
    pub fn check_certificate(&self, certificate: &Certificate<'_>) -> Result<(), FileError> {
        let thumbprint = certificate.thumbprint();
        let found = { self.shares.iter().enumerate() }.find(|(_, share)| share.to() == thumbprint);
        let Some((index, share)) = found else {
            return Err(Field::new("SharedKeys.enc_shares").has(Fault::NotListed));
        };
        share.check_certificate(certificate, share_at(index).enc_key)
    }

    /// Opens one custodian's share with his key.
    ///
    /// From the RSA operation to the parsed share there is one error, [`ShareError::DoesNotOpen`].
    /// Whoever combines goes on with the other custodians.
    ///
    /// Secret: the identity's key, the share. Public: the file, the custodian. Leaks: whether the
    /// share opens, and its index then.
    pub fn open_share<I, R>(
        &self,
        custodian: &Thumbprint,
        identity: &mut I,
        rng: &mut R,
    ) -> Result<Share, ShareError<I::Error>>
    where
        I: Identity,
        R: TryCryptoRng + ?Sized,
    {
        burning::<{ burn::JWE }, _>(move || {
            let share = { self.shares.iter() }
                .find(|share| share.to() == *custodian)
                .ok_or(ShareError::NotListed)?;
            let mut words = Secret::zeroed();
            share
                .open::<{ SHARE + 16 }, SHARE, I, R>(identity, rng, &mut words)
                .map_err(|failure| match failure {
                    Failure::Opaque => ShareError::DoesNotOpen,
                    Failure::Device(error) => ShareError::Device(error),
                    Failure::Rng => ShareError::Rng,
                    Failure::Fault => ShareError::Fault,
                })?
                .spend(ShareError::DoesNotOpen)?;
            Share::from_words(*custodian, self.quorum, &words).ok_or(ShareError::DoesNotOpen)
        })
    }

    /// A permit if every artifact opens with this key.
    pub(super) fn opens(&self, key: &MasterKey) -> Result<Permit, OpenError> {
        self.enc_data.opens(key)
    }
}

impl fmt::Debug for DomainFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainFile")
            .field("quorum", &self.quorum)
            .finish_non_exhaustive()
    }
}

/// Where a custodian's share is.
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
    reader: &mut Reader<Text<'a>>,
    shares: &mut Vec<EncKey<'a>, MAX_CUSTODIANS>,
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
            let read = |reader: &mut Reader<Text<'a>>, index| {
                let share = EncKey::read(reader, share_at(index), SHARE)?;
                if shares.iter().any(|earlier| earlier.to() == share.to()) {
                    return Err(share_at(index).x5t_256.has(Fault::Repeated));
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

/// Checks the number of custodians, and that a quorum of `required` can be met.
fn check_quorum(required: u32, custodians: usize) -> Result<Quorum, FileError> {
    let count = u8::try_from(custodians).ok().and_then(custodian_count);
    let count = count.ok_or(Field::new("SharedKeys.enc_shares").has(Fault::Count))?;
    quorum_of(required, count).ok_or(Field::new("SharedKeys.required").has(Fault::Required))
}

/// A number of custodians, if the format allows it.
pub(super) fn custodian_count(count: u8) -> Option<ShareCount> {
    let allowed = (MIN_CUSTODIANS..=MAX_CUSTODIANS).contains(&usize::from(count));
    ShareCount::new(count).ok().filter(|_| allowed)
}

/// The quorum of `required` among `count`, if it can be met.
pub(super) fn quorum_of(required: u32, count: ShareCount) -> Option<Quorum> {
    Quorum::new(u8::try_from(required).ok()?, count.get()).ok()
}

/// Why a custodian's share did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShareError<E> {
    /// The file has no share for this custodian.
    NotListed,
    /// It does not open with this key. Nothing more can be told without the key.
    DoesNotOpen,
    /// The device that holds the key failed.
    Device(E),
    /// The random number generator failed.
    Rng,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl<E: fmt::Display> fmt::Display for ShareError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("the file has no share for this custodian"),
            Self::DoesNotOpen => f.write_str("the share of this custodian does not open"),
            Self::Device(error) => write!(f, "the key's device failed: {error}"),
            Self::Rng => RngError.fmt(f),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for ShareError<E> {}
