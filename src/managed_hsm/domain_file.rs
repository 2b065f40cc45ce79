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

use core::fmt;
use heapless::Vec;
use rand_core::TryCryptoRng;
use zeroize::Zeroize;

use super::enc_data::{self, Artifact, EncData, Spacing};
use super::error::{Fault, Field, FileError, WriteError};
use super::json::{self, Member, Reader, Text};
use super::key_transport::{self, DIGEST_LEN, EncKey, Failure, Place};
use super::shares::{SHARE, Selection, Share, deal};
use super::tag::Tag;
use super::writer::{self, Writer};
use super::{MAX_CUSTODIANS, MIN_CUSTODIANS, MasterKey};
use crate::custodian::Identity;
use crate::quorum::{Quorum, ShareCount, Threshold};
use crate::rng::RngError;
use crate::x509::{Certificate, Thumbprint};

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
        let share = { self.shares.iter() }
            .find(|share| share.to() == *custodian)
            .ok_or(ShareError::NotListed)?;
        let words = share
            .open::<{ SHARE + 16 }, SHARE, I, R>(identity, rng)
            .map_err(|failure| match failure {
                Failure::Opaque => ShareError::DoesNotOpen,
                Failure::Device(error) => ShareError::Device(error),
                Failure::Rng => ShareError::Rng,
            })?;
        Share::from_words(*custodian, self.quorum, &words).ok_or(ShareError::DoesNotOpen)
    }

    /// Combines shares of at least a quorum of custodians to the master key, and checks that it opens
    /// every artifact.
    ///
    /// With more shares than it takes, all are checked: every choice of a quorum among them (at most
    /// 252) is tried against the file, and the shares that do not lie on the polynomials of the one
    /// that opens it are named and left out. With exactly as many as it takes, nobody can tell which
    /// one is wrong.
    ///
    /// Secret: the shares' values, the master key. Public: the file, the custodians and indices.
    /// Leaks: whether it opens, and which shares are wrong then.
    pub fn combine(&self, shares: &[Share]) -> Result<Combined, CombineError> {
        self.check_shares(shares)?;
        let threshold = u32::from(self.quorum.threshold().get());
        let mut found: Option<Found<'_>> = None;
        for subset in 0..1u16 << shares.len() {
            if subset.count_ones() != threshold {
                continue;
            }
            if let Some(selection) = Selection::new(shares, subset) {
                let (key, good) = selection.combine();
                // That these shares open the file, or not, is what `left_out` tells.
                if (good & self.enc_data.suits(&key)).declassify() {
                    let next = Found::new(selection, key, shares);
                    let better =
                        { found.as_ref() }.is_none_or(|best| best.agreeing < next.agreeing);
                    found = if better { Some(next) } else { found };
                }
            }
        }
        let found = found.ok_or(CombineError::DoesNotOpen)?;
        if found.selection.is_degenerate().declassify() || !self.enc_data.opens(&found.key) {
            return Err(CombineError::DoesNotOpen);
        }
        let mut left_out = Vec::new();
        for share in shares.iter().filter(|share| !found.agrees(share)) {
            let pushed = left_out.push(share.custodian());
            pushed.map_err(|_| CombineError::DoesNotOpen)?;
        }
        Ok(Combined {
            left_out,
            master_key: found.key,
        })
    }

    /// Checks that there are enough shares, of this file's custodians, of each no more than one.
    fn check_shares(&self, shares: &[Share]) -> Result<(), CombineError> {
        let mut rest = shares.iter();
        while let Some(custodian) = rest.next().map(Share::custodian) {
            if !self.custodians().any(|listed| listed == custodian) {
                return Err(CombineError::NotListed(custodian));
            }
            if rest.clone().any(|other| other.custodian() == custodian) {
                return Err(CombineError::SameCustodian(custodian));
            }
        }
        let need = usize::from(self.quorum.threshold().get());
        let have = shares.len();
        if have < need {
            return Err(CombineError::TooFewShares { have, need });
        }
        Ok(())
    }

    /// Whether every artifact opens with this key.
    pub(super) fn opens(&self, key: &MasterKey) -> bool {
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
    let threshold = Threshold::new(u8::try_from(required).ok()?).ok()?;
    Quorum::new(threshold, count).ok()
}

/// A quorum of shares that opens the file. Wrong shares can make the right key, if their errors
/// cancel out, so the quorum that most shares agree with is the one that is believed.
struct Found<'s> {
    selection: Selection<'s>,
    key: MasterKey,
    agreeing: usize,
}

impl<'s> Found<'s> {
    fn new(selection: Selection<'s>, key: MasterKey, shares: &[Share]) -> Self {
        let mut found = Self {
            selection,
            key,
            agreeing: 0,
        };
        found.agreeing = shares.iter().filter(|share| found.agrees(share)).count();
        found
    }

    /// Whether a share is one of the quorum, or lies on its polynomials at an index of its own.
    fn agrees(&self, share: &Share) -> bool {
        let quorum = self.selection.shares();
        match quorum.iter().find(|used| used.index() == share.index()) {
            Some(used) => used.custodian() == share.custodian(),
            None => self.selection.agrees_with(share).declassify(),
        }
    }
}

/// What shares combined to.
#[derive(Debug)]
pub struct Combined {
    master_key: MasterKey,
    left_out: Vec<Thumbprint, MAX_CUSTODIANS>,
}

impl Combined {
    /// The key, which opens every artifact of the file.
    pub fn master_key(&self) -> &MasterKey {
        &self.master_key
    }

    /// The custodians whose shares are wrong. They were not used.
    pub fn left_out(&self) -> &[Thumbprint] {
        &self.left_out
    }
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
}

impl<E: fmt::Display> fmt::Display for ShareError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("the file has no share for this custodian"),
            Self::DoesNotOpen => f.write_str("the share of this custodian does not open"),
            Self::Device(error) => write!(f, "the key's device failed: {error}"),
            Self::Rng => RngError.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for ShareError<E> {}

/// Why shares did not combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CombineError {
    /// There are fewer shares than the quorum takes.
    TooFewShares {
        /// How many there are.
        have: usize,
        /// How many it takes.
        need: usize,
    },
    /// Two shares are of the same custodian.
    SameCustodian(Thumbprint),
    /// A share is of a custodian whom the file does not name.
    NotListed(Thumbprint),
    /// No quorum among the shares opens every artifact. Nothing more can be told.
    DoesNotOpen,
}

impl fmt::Display for CombineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewShares { have, need } => {
                write!(f, "{have} shares where the quorum takes {need}")
            }
            Self::SameCustodian(custodian) => write!(f, "two shares of custodian {custodian}"),
            Self::NotListed(custodian) => write!(f, "the file has no custodian {custodian}"),
            Self::DoesNotOpen => f.write_str("the artifacts do not open with these shares"),
        }
    }
}

impl core::error::Error for CombineError {}

/// How many bytes [`write()`] writes.
pub fn encoded_len(
    artifacts: &[(Tag<'_>, &[u8])],
    threshold: Threshold,
    certificates: &[Certificate<'_>],
) -> usize {
    let entries = { artifacts.iter() }.map(|(tag, a)| (*tag, enc_data::ciphertext_len(a)));
    let shares = { certificates.iter() }.map(|certificate| {
        let frame = "{\"enc_key\":\"\",\"x5t_256\":\"\"}".len();
        frame + key_transport::sealed_to_len(certificate, SHARE) + DIGEST_LEN
    });
    let frame =
        "{,\"SharedKeys\":{\"enc_shares\":[],\"key_algorithm\":\"\",\"required\":},\"version\":2}";
    let commas = certificates.len().saturating_sub(1);
    let digits = if threshold.get() < 10 { 1 } else { 2 };
    enc_data::encoded_len(&Spacing::COMPACT, entries)
        + shares.sum::<usize>()
        + frame.len()
        + KEY_ALGORITHM.len()
        + commas
        + digits
}

/// Writes a security-domain file, as the HSM does: seals the artifacts under a fresh master key, and
/// a share of it to each of the certificates, any `threshold` of which open the file.
///
/// The artifacts have distinct tags, 1 to 32; the certificates distinct keys, 3 to 10. `out` has room
/// for [`encoded_len`] bytes and is wiped on an error.
///
/// Secret: the artifacts. Public: their tags and lengths, the quorum, the certificates. Leaks:
/// nothing else.
pub fn write<R: TryCryptoRng + ?Sized>(
    artifacts: &[(Tag<'_>, &[u8])],
    threshold: Threshold,
    certificates: &[Certificate<'_>],
    rng: &mut R,
    out: &mut [u8],
) -> Result<usize, WriteError> {
    let checked = enc_data::check(artifacts.iter().map(|(tag, _)| *tag))
        .and_then(|()| check_certificates(certificates))
        .and_then(|count| Ok(Quorum::new(threshold, count)?));
    let quorum = match checked {
        Ok(quorum) => quorum,
        Err(error) => {
            out.zeroize();
            return Err(error);
        }
    };
    let needed = encoded_len(artifacts, threshold, certificates);
    writer::write(out, needed, |writer| {
        let key = MasterKey::new(crate::secret::Secret::random(rng)?);
        let shares = deal(&key, quorum, rng)?;

        writer.put("{")?;
        let entries = artifacts.iter().map(|(tag, artifact)| (*tag, *artifact));
        enc_data::write(
            writer,
            &Spacing::COMPACT,
            &key,
            rng,
            entries,
            |sealer, _, artifact| sealer.plaintext(artifact),
        )?;
        writer.put(",\"SharedKeys\":{\"enc_shares\":[")?;
        let mut before = "";
        for (share, certificate) in shares.iter().zip(certificates) {
            writer.put(before)?;
            writer.put("{\"enc_key\":\"")?;
            key_transport::seal(writer, share.expose(), certificate, rng)?;
            writer.put("\",\"x5t_256\":\"")?;
            key_transport::put_digest(writer, certificate.thumbprint())?;
            writer.put("\"}")?;
            before = ",";
        }
        put_tail(writer, threshold)
    })
}

/// Writes what follows the shares.
fn put_tail(writer: &mut Writer<'_>, threshold: Threshold) -> Result<(), WriteError> {
    writer.put("],\"key_algorithm\":\"")?;
    writer.put(KEY_ALGORITHM)?;
    writer.put("\",\"required\":")?;
    writer.put_number(threshold.get())?;
    writer.put("},\"version\":2}")
}

/// Checks the certificates of the custodians: 3 to 10, none twice and no key twice.
pub(super) fn check_certificates(
    certificates: &[Certificate<'_>],
) -> Result<ShareCount, WriteError> {
    let count = u8::try_from(certificates.len()).ok();
    let count = count
        .and_then(custodian_count)
        .ok_or(WriteError::CertificateCount)?;
    let mut rest = certificates.iter();
    while let Some(one) = rest.next() {
        if rest.clone().any(|other| {
            other.thumbprint() == one.thumbprint()
                || other.public_key().modulus() == one.public_key().modulus()
        }) {
            return Err(WriteError::RepeatedCustodian);
        }
    }
    Ok(count)
}
