// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads a custodian's certificate at a recovery, whatever is wrong in the fields that nobody uses.

use core::fmt;

use der::asn1::{BitStringRef, IntRef, UintRef};
use der::{Decode, Reader, SliceReader, Tag};

use super::read::{self, Error, Result};
use super::{CertificateError, Thumbprint};
use crate::rsa::{KeyError, ModulusSize, PublicKey};

/// The object identifier of `id-RSASSA-PSS`, 1.2.840.113549.1.1.10.
const RSASSA_PSS: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];

/// A parameter NULL.
const NULL: [u8; 2] = [5, 0];

/// A custodian's certificate at a recovery: its digest, which names the custodian in a file, and the
/// RSA key.
///
/// A recovery is the last chance, and the key already exists, so nothing else decides. The
/// certificate must be DER at the levels that lead to the key: the certificate, its three parts,
/// the fields of the first, and the key. What is wrong below, or in a field that nobody uses, is a
/// [`Warning`]. [`Certificate::parse`](super::Certificate::parse) is the strict reader, for
/// certificates that a domain is about to be sealed to.
#[derive(Clone, Copy, Debug)]
pub struct RecoveryCertificate<'a> {
    der: &'a [u8],
    thumbprint: Thumbprint,
    subject: &'a [u8],
    common_name: Option<&'a str>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    modulus: &'a [u8],
    exponent: &'a [u8],
    size: ModulusSize,
    warnings: Warnings,
}

impl<'a> RecoveryCertificate<'a> {
    /// Parses a certificate with nothing after it.
    ///
    /// # Errors
    ///
    /// - [`CertificateError::Encoding`], [`CertificateError::TrailingData`]: the bytes are not DER on
    ///   the way to the key.
    /// - [`CertificateError::NotRsa`]: the key is neither `rsaEncryption` nor `id-RSASSA-PSS`.
    /// - [`CertificateError::Key`]: the modulus is even or does not have an accepted size.
    pub fn parse(der: &'a [u8]) -> core::result::Result<Self, CertificateError> {
        read(der).map_err(CertificateError::from)
    }

    /// Returns the whole certificate.
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Returns the SHA-256 digest of [`der`](Self::der).
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// Returns the modulus of the key, big-endian, without leading zeros.
    pub fn modulus(&self) -> &'a [u8] {
        self.modulus
    }

    /// Returns the public exponent of the key, big-endian, without leading zeros. It can have any
    /// size.
    pub fn exponent(&self) -> &'a [u8] {
        self.exponent
    }

    /// Returns the size of the modulus.
    pub fn size(&self) -> ModulusSize {
        self.size
    }

    /// Returns the subject, a `Name` that may not be DER inside.
    pub fn subject_der(&self) -> &'a [u8] {
        self.subject
    }

    /// Returns the subject's last common name, if the subject is a well-formed name and the common
    /// name is text in UTF-8 or ASCII. Escape it before showing it.
    pub fn common_name(&self) -> Option<&'a str> {
        self.common_name
    }

    /// Returns the first second of the validity in Unix time, if it is a time since 1970.
    pub fn not_before(&self) -> Option<i64> {
        self.not_before
    }

    /// Returns the last second of the validity in Unix time, if it is a time since 1970.
    pub fn not_after(&self) -> Option<i64> {
        self.not_after
    }

    /// Returns what the strict reader would refuse.
    pub fn warnings(&self) -> Warnings {
        self.warnings
    }
}

/// What the strict reader would refuse in a certificate, and a recovery does not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Warning {
    /// The version is not 1 or 3, or extensions or unique identifiers are in a certificate of
    /// version 1.
    Version,
    /// The serial number is not a DER integer.
    Serial,
    /// An algorithm of the signature is not DER, or the inner and the outer one differ.
    SignatureAlgorithm,
    /// The issuer or the subject is not a DER name.
    Name,
    /// A time is invalid or before 1970, or the end is before the beginning.
    Validity,
    /// The key's algorithm is not `rsaEncryption` with parameters NULL.
    KeyAlgorithm,
    /// The public exponent is even, below 65537, or above 256 bits.
    Exponent,
    /// What follows the key is not a list of DER extensions, or the list is empty.
    Extensions,
    /// The signature is not a number of whole bytes.
    Signature,
}

impl Warning {
    const ALL: [Self; 9] = [
        Self::Version,
        Self::Serial,
        Self::SignatureAlgorithm,
        Self::Name,
        Self::Validity,
        Self::KeyAlgorithm,
        Self::Exponent,
        Self::Extensions,
        Self::Signature,
    ];
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the version is unknown, or does not allow the fields after the key",
            Self::Serial => "the serial number is not a DER integer",
            Self::SignatureAlgorithm => "the two signature algorithms are not DER, or differ",
            Self::Name => "the issuer or the subject is not a DER name",
            Self::Validity => "the validity is not a period of time since 1970",
            Self::KeyAlgorithm => "the key's algorithm is not rsaEncryption with NULL",
            Self::Exponent => "the public exponent is even, below 65537 or above 256 bits",
            Self::Extensions => "the extensions are empty or not DER",
            Self::Signature => "the signature is not whole bytes",
        })
    }
}

/// The warnings about one certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings(u16);

impl Warnings {
    /// Returns whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Iterates over the warnings, in the order of the certificate.
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL
            .into_iter()
            .filter(move |warning| self.0 >> *warning as u16 & 1 == 1)
    }

    /// Adds a warning unless `sound`.
    fn unless(&mut self, sound: bool, warning: Warning) {
        self.0 |= u16::from(!sound) << warning as u16;
    }
}

/// The fields of a certificate, each a DER element that has been walked over.
struct Fields<'a> {
    version: Option<&'a [u8]>,
    serial: &'a [u8],
    inner_algorithm: &'a [u8],
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: &'a [u8],
    key: &'a [u8],
    /// All elements after the key.
    rest: &'a [u8],
    outer_algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(der: &'a [u8]) -> Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let fields = reader.sequence(|reader| {
            let signed = reader.sequence(|reader| {
                let version = Tag::peek(reader)? == read::VERSION;
                Ok::<_, Error>(Self {
                    version: version.then(|| reader.tlv_bytes()).transpose()?,
                    serial: element(reader, Tag::Integer)?,
                    inner_algorithm: element(reader, Tag::Sequence)?,
                    issuer: element(reader, Tag::Sequence)?,
                    validity: element(reader, Tag::Sequence)?,
                    subject: element(reader, Tag::Sequence)?,
                    key: element(reader, Tag::Sequence)?,
                    rest: rest(reader)?,
                    outer_algorithm: &[],
                    signature: &[],
                })
            })?;
            Ok::<_, Error>(Self {
                outer_algorithm: element(reader, Tag::Sequence)?,
                signature: element(reader, Tag::BitString)?,
                ..signed
            })
        })?;
        reader.finish()?;
        Ok(fields)
    }

    /// Returns what is wrong in the fields outside the key.
    fn warnings(&self) -> Warnings {
        let mut warnings = Warnings::default();
        let known = self.version.is_none_or(|version| {
            strict(version, |r| read::tagged(r, read::VERSION, read::version)).is_some()
        });
        let allowed = self.version.is_some() || self.rest.is_empty();
        warnings.unless(known && allowed, Warning::Version);
        let serial = strict(self.serial, |r| Ok(IntRef::decode(r)?));
        warnings.unless(serial.is_some(), Warning::Serial);
        let algorithm = strict(self.outer_algorithm, read::algorithm);
        warnings.unless(
            algorithm.is_some() && self.inner_algorithm == self.outer_algorithm,
            Warning::SignatureAlgorithm,
        );
        let names = [self.issuer, self.subject].map(|name| strict(name, read::name));
        warnings.unless(names.iter().all(Option::is_some), Warning::Name);
        let validity = strict(self.validity, read::validity);
        warnings.unless(validity.is_some(), Warning::Validity);
        let extensions = strict(self.rest, |r| read::after_the_key(r).map(|_| ()));
        warnings.unless(extensions.is_some(), Warning::Extensions);
        let signature = strict(self.signature, |r| read::whole_bytes(r.decode()?));
        warnings.unless(signature.is_some(), Warning::Signature);
        warnings
    }

    /// Returns the two times, each if it can be read.
    fn times(&self) -> [Option<i64>; 2] {
        let times = || {
            SliceReader::new(self.validity)?.sequence(|reader| {
                let times = [reader.tlv_bytes()?, reader.tlv_bytes()?];
                Ok::<_, Error>(times.map(|time| strict(time, read::time)))
            })
        };
        times().unwrap_or_default()
    }
}

fn read(der: &[u8]) -> Result<RecoveryCertificate<'_>> {
    let fields = Fields::read(der)?;
    let mut warnings = fields.warnings();
    let [modulus, exponent] = public_key(fields.key, &mut warnings)?;
    let [not_before, not_after] = fields.times();
    Ok(RecoveryCertificate {
        der,
        thumbprint: Thumbprint::of(der),
        subject: fields.subject,
        common_name: strict(fields.subject, read::name).flatten(),
        not_before,
        not_after,
        modulus,
        exponent,
        size: size(modulus)?,
        warnings,
    })
}

/// Reads a `SubjectPublicKeyInfo` (RFC 4055 section 1.2), and returns modulus and exponent.
fn public_key<'a>(spki: &'a [u8], warnings: &mut Warnings) -> Result<[&'a [u8]; 2]> {
    let key = SliceReader::new(spki)?.sequence(|reader| {
        let (name, parameters) = reader.sequence(|reader| {
            let name = read::object_identifier(reader)?;
            Ok::<_, Error>((name, rest(reader)?))
        })?;
        if name != read::RSA_ENCRYPTION && name != RSASSA_PSS {
            return Err(CertificateError::NotRsa.into());
        }
        let usual = name == read::RSA_ENCRYPTION && parameters == NULL;
        warnings.unless(usual, Warning::KeyAlgorithm);
        read::whole_bytes(BitStringRef::decode(reader)?)
    })?;
    let mut reader = SliceReader::new(key)?;
    let [modulus, exponent] = reader.sequence(|reader| {
        let numbers = [UintRef::decode(reader)?, UintRef::decode(reader)?];
        Ok::<_, Error>(numbers.map(|number| number.as_bytes()))
    })?;
    reader.finish()?;
    let exact = PublicKey::new(modulus, exponent).map(|_| ());
    warnings.unless(exact.is_ok(), Warning::Exponent);
    Ok([modulus, exponent])
}

/// Returns the size of a modulus, which must be odd.
fn size(modulus: &[u8]) -> Result<ModulusSize> {
    let leading = modulus.first().map_or(0, |first| first.leading_zeros());
    let bits = u32::try_from(modulus.len()).unwrap_or(u32::MAX >> 3) * 8 - leading;
    match modulus.last() {
        Some(last) if last & 1 == 1 => {}
        _ => return Err(CertificateError::Key(KeyError::EvenModulus).into()),
    }
    let error = CertificateError::Key(KeyError::ModulusSize { bits });
    ModulusSize::from_bits(bits).ok_or(error.into())
}

/// Reads an element with a tag, and returns all of it.
fn element<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<&'a [u8]> {
    Tag::peek(reader)?.assert_eq(tag)?;
    Ok(reader.tlv_bytes()?)
}

/// Walks over all elements that are left, and returns them.
fn rest<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8]> {
    let all = reader.clone().read_slice(reader.remaining_len())?;
    while !reader.is_finished() {
        reader.tlv_bytes()?;
    }
    Ok(all)
}

/// Returns what the strict reader reads from an element, or `None` if it would refuse it.
fn strict<'a, T>(
    element: &'a [u8],
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T>,
) -> Option<T> {
    let mut reader = SliceReader::new(element).ok()?;
    let value = read(&mut reader).ok()?;
    reader.is_finished().then_some(value)
}
