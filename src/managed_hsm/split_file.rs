// SPDX-License-Identifier: MIT OR Apache-2.0
//! The security-domain file, version 1, of the preview in 2020. It is read, and nothing writes it.
//!
//! Two custodians open it: for each pair of custodians there are two halves, each sealed to one of
//! the two, and the master key is their XOR. This follows the published source of Azure PowerShell
//! (`SecurityDomainClient.cs`), which still reads such files.
//!
//! ```
//! use security_domain::managed_hsm::split_file::SplitFile;
//! use security_domain::rsa::PrivateKey;
//! use security_domain::x509::RecoveryCertificate;
//!
//! # macro_rules! vector { ($name:literal) => {
//! #     include_bytes!(concat!("../../tests/vectors/", $name))
//! # }; }
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_chacha::rand_core::SeedableRng>::from_seed([7; 32]);
//! # let text = vector!("split-keys/domain.json");
//! # let certificates = [vector!("rsa/keys/2048.cer.der").as_slice(), vector!("rsa/keys/3072.cer.der")];
//! # let keys = [vector!("rsa/keys/2048.pkcs8.der").as_slice(), vector!("rsa/keys/3072.pkcs8.der")];
//! let file = SplitFile::parse(text)?;
//! let [mut one, mut two] = [PrivateKey::from_pkcs8_der(keys[0])?, PrivateKey::from_pkcs8_der(keys[1])?];
//! let first = RecoveryCertificate::parse(certificates[0])?.thumbprint();
//! let second = RecoveryCertificate::parse(certificates[1])?.thumbprint();
//! let halves = [
//!     &file.open_half(&first, &second, &mut one, &mut rng)?,
//!     &file.open_half(&second, &first, &mut two, &mut rng)?,
//! ];
//! let master_key = file.combine(halves)?;
//! # let artifact = file.artifacts().next().unwrap();
//! # assert!(artifact.open(&master_key, &mut vec![0; artifact.max_len()]).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! As in version 2, nothing authenticates the list of custodians or of artifacts.

mod combine;
mod half;
mod pairs;

use core::fmt;

use super::custodians::MAX_CUSTODIANS;
use super::domain_file::{DamagedShare, ShareError};
use super::enc_data::{Artifact, EncData};
use super::error::{Fault, Field, FileError, UnknownMember};
use super::json::{self, Member, Reader, Report};
use super::key_transport::EncKey;
use super::shares::KEY;
use super::source::Text;
use crate::burn::{self, burning};
use crate::custodian::Identity;
use crate::list::List;
use crate::rng::Generator;
use crate::secret::Secret;
use crate::x509::{RecoveryCertificate, Thumbprint};
use pairs::{Pair, Pairs, read_pair};

pub use half::Half;

const KEY_ALGORITHM: &str = "xor_split";

const KEYS: Field = Field::new("SplitKeys.keys");

/// The most pairs of a file: two for any two of ten custodians.
const MAX_PAIRS: usize = MAX_CUSTODIANS * (MAX_CUSTODIANS - 1);

/// A security-domain file of version 1 whose form has been checked, as far as that is possible
/// without a key. The faults of single halves are kept.
#[derive(Clone)]
pub struct SplitFile<'a> {
    enc_data: EncData<'a>,
    custodians: List<Thumbprint, MAX_CUSTODIANS>,
    pairs: Pairs<'a>,
}

impl<'a> SplitFile<'a> {
    /// Parses a file. Any order of members and any spacing is accepted; everything else must follow
    /// the format. What is wrong inside a single `enc_key` or `x5t_256` is a fault of that pair
    /// alone.
    ///
    /// # Errors
    ///
    /// [`FileError`], which names the first wrong field that does not belong to a single pair, and its
    /// fault.
    pub fn parse(text: &'a [u8]) -> Result<Self, FileError> {
        Self::read(text, None)
    }

    /// Parses a file as [`parse`](Self::parse) does, but reports members that are not in the format
    /// and passes over them, as
    /// [`DomainFile::parse_ignoring_unknown`](super::domain_file::DomainFile::parse_ignoring_unknown)
    /// does.
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
        let [split_keys, version] = ["SplitKeys", "version"].map(Field::new);
        let members = [
            Member::new("EncData", Field::new("EncData")),
            Member::new("SplitKeys", split_keys),
            Member::new("version", version),
        ];
        let mut file = Self {
            enc_data: EncData::new(),
            custodians: List::new(),
            pairs: Pairs::new(),
        };
        json::document(text, top, report, |reader| {
            reader.object(top, &members, |reader, member| match member {
                0 => file.enc_data.read(reader),
                1 => file.read_split_keys(reader, split_keys),
                _ => match reader.integer(version)? {
                    1 => Ok(()),
                    _ => Err(version.has(Fault::Value)),
                },
            })
        })?;
        file.enc_data.check()?;
        Ok(file)
    }

    fn read_split_keys(
        &mut self,
        reader: &mut Reader<'_, Text<'a>>,
        at: Field,
    ) -> Result<(), FileError> {
        let algorithm = Field::new("SplitKeys.key_algorithm");
        let members = [
            Member::new("key_algorithm", algorithm),
            Member::new("keys", KEYS),
        ];
        reader.object(at, &members, |reader, member| match member {
            0 => reader.literal(algorithm, KEY_ALGORITHM),
            _ => self.read_pairs(reader),
        })
    }

    fn read_pairs(&mut self, reader: &mut Reader<'_, Text<'a>>) -> Result<(), FileError> {
        let mut first = reader.position();
        let count = reader.array(KEYS, |reader, index| {
            match index {
                0 => first = reader.position(),
                1..MAX_PAIRS => {}
                _ => return Err(KEYS.has(Fault::Count)),
            }
            for to in { read_pair(reader, index)? }.custodians() {
                if !self.custodians.iter().any(|earlier| *earlier == to) {
                    { self.custodians.push(to) }.map_err(|_| KEYS.has(Fault::Count))?;
                }
            }
            Ok(())
        })?;
        if count == 0 {
            return Err(KEYS.has(Fault::Count));
        }
        self.pairs = Pairs::at(first, count);
        Ok(())
    }

    /// Iterates over the custodians, by the digests of their certificates, in the order of the
    /// file, each once. Any two who have a pair open the file.
    pub fn custodians(&self) -> impl Iterator<Item = Thumbprint> + '_ {
        self.custodians.iter().copied()
    }

    /// Iterates over the artifacts, in the order of the file.
    pub fn artifacts(&self) -> impl Iterator<Item = Artifact<'a>> + '_ {
        self.enc_data.artifacts()
    }

    /// Iterates over the halves that cannot be opened, in the order of the file. The other half of
    /// the same pair is useless then; other pairs are not affected.
    pub fn damaged_halves(&self) -> impl Iterator<Item = DamagedShare> + '_ {
        self.pairs.clone().flat_map(Pair::damaged)
    }

    /// Checks that the certificate belongs to a custodian, who has an undamaged half that is sealed to
    /// a key of its size.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the file does not list the certificate, or the first fault of its halves if
    /// all of them have one.
    pub fn check_certificate(
        &self,
        certificate: &RecoveryCertificate<'_>,
    ) -> Result<(), FileError> {
        let mut result = Err(KEYS.has(Fault::NotListed));
        for pair in self.pairs.clone() {
            for (place, half) in pair.halves_of(&certificate.thumbprint()) {
                let checked =
                    half.and_then(|half| half.check_size(certificate.size(), place.enc_key));
                match (result, checked) {
                    (_, Ok(())) => return Ok(()),
                    (
                        Err(FileError {
                            fault: Fault::NotListed,
                            ..
                        }),
                        _,
                    ) => result = checked,
                    _ => {}
                }
            }
        }
        result
    }

    /// Opens a custodian's half of the pair with `partner`, with the custodian's key. Both halves of
    /// a pair give the master key, by [`combine`](Self::combine).
    ///
    /// Every failure from the RSA operation to the half has the same error,
    /// [`ShareError::DoesNotOpen`].
    ///
    /// Secret: the identity's key, the half. Public: the file, the custodians. Leaks: whether the
    /// half opens.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ShareError`]; [`ShareError::NotListed`] says that the two have no
    /// pair.
    pub fn open_half<I, R>(
        &self,
        custodian: &Thumbprint,
        partner: &Thumbprint,
        identity: &mut I,
        rng: &mut R,
    ) -> Result<Half, ShareError<I::Error>>
    where
        I: Identity,
        R: Generator + ?Sized,
    {
        burning::<{ burn::JWE }, _>(move || {
            let (pair, half) = { self.find(custodian, partner) }
                .map_err(ShareError::Damaged)?
                .ok_or(ShareError::NotListed)?;
            let mut bytes = Secret::zeroed();
            half.open::<{ KEY + 16 }, KEY, I, R>(identity, rng, &mut bytes)
                .map_err(ShareError::of)?
                .spend(ShareError::DoesNotOpen)?;
            Ok(Half::new(*custodian, pair, bytes))
        })
    }

    /// Returns the place of the first undamaged pair of the two and the custodian's half, or the
    /// fault of the first damaged one.
    fn find(
        &self,
        custodian: &Thumbprint,
        partner: &Thumbprint,
    ) -> Result<Option<(usize, EncKey<'a>)>, FileError> {
        let mut damaged = Ok(None);
        for (place, pair) in self.pairs.clone().enumerate() {
            match pair.half_of(custodian, partner) {
                Ok(Some(half)) => return Ok(Some((place, half))),
                Ok(None) => {}
                Err(error) if damaged.is_ok() => damaged = Err(error),
                Err(_) => {}
            }
        }
        damaged
    }

    /// Returns the artifacts.
    pub(super) fn enc_data(&self) -> &EncData<'a> {
        &self.enc_data
    }
}

impl fmt::Debug for SplitFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitFile")
            .field("custodians", &self.custodians.len())
            .finish_non_exhaustive()
    }
}
