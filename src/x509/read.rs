// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads certificates as RFC 5280 section 4.1 defines them, from the outside in.

use der::asn1::{BitStringRef, GeneralizedTime, IntRef, OctetStringRef, UtcTime};
use der::{Decode, ErrorKind, Header, Length, Reader, SliceReader, Tag, TagNumber};

use super::{Certificate, CertificateError, Thumbprint};
use crate::rsa::{KeyError, PublicKey};

/// The object identifier of `rsaEncryption`, 1.2.840.113549.1.1.1.
pub const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// The object identifier of `commonName`, 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// `UniversalString`, the only kind of text in names for which the library has no tag.
const UNIVERSAL_STRING: u8 = 0x1c;

/// The tag of the version, which is absent in version 1.
pub const VERSION: Tag = context(0, true);

pub type Result<T> = core::result::Result<T, Error>;

/// Why reading stops: the encoding is wrong, or its meaning.
#[derive(Debug)]
pub(super) enum Error {
    Der(der::Error),
    Meaning(CertificateError),
}

impl From<der::Error> for Error {
    fn from(error: der::Error) -> Self {
        Self::Der(error)
    }
}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::Meaning(error)
    }
}

impl From<Error> for CertificateError {
    fn from(error: Error) -> Self {
        match error {
            Error::Meaning(error) => error,
            Error::Der(error) => match error.kind() {
                ErrorKind::TrailingData { .. } => Self::TrailingData,
                _ => Self::Encoding,
            },
        }
    }
}

impl<'a> Certificate<'a> {
    /// Parses a certificate of version 1 or 3 in strict DER, with nothing after it.
    ///
    /// This is the reader for certificates that a domain is sealed to: the custodians' at a download,
    /// and transfer keys. A mistake made here is found only when the domain is to be restored, and a
    /// new certificate costs nothing yet. Each rule has a reason:
    ///
    /// - DER throughout, nothing after it: one certificate has one digest, which every reader
    ///   computes, and other readers, the service's among them, read it.
    /// - Version 1 or 3, extensions only in 3, the same algorithm inside and outside: RFC 5280
    ///   requires it, and other readers refuse anything else.
    /// - A validity since 1970 that does not end before it begins: what is shown to the operator
    ///   must be true.
    /// - `rsaEncryption` with NULL (RFC 3279 section 2.3.1), a size and an exponent that the service
    ///   accepts: `id-RSASSA-PSS` is for signatures (RFC 4055 section 1.2), and the key is to
    ///   decrypt.
    ///
    /// Extensions are not interpreted, not even critical ones: a custodian's certificate has no use
    /// that they could restrict. Its signature is not verified.
    /// [`RecoveryCertificate`](super::RecoveryCertificate) reads the certificates of existing domains.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`CertificateError`].
    pub fn parse(der: &'a [u8]) -> core::result::Result<Self, CertificateError> {
        certificate(der).map_err(CertificateError::from)
    }
}

fn certificate(der: &[u8]) -> Result<Certificate<'_>> {
    let mut reader = SliceReader::new(der)?;
    let certificate = reader.sequence(|reader| {
        let (certificate, signed_with) = to_be_signed(reader, der)?;
        if algorithm(reader)? != signed_with {
            return Err(CertificateError::SignatureAlgorithm.into());
        }
        whole_bytes(reader.decode()?)?;
        Ok::<_, Error>(certificate)
    })?;
    reader.finish()?;
    Ok(certificate)
}

fn to_be_signed<'a>(
    reader: &mut SliceReader<'a>,
    der: &'a [u8],
) -> Result<(Certificate<'a>, Algorithm<'a>)> {
    reader.sequence(|reader| {
        let version_3 = optional(reader, VERSION, version)?.is_some();
        let serial = reader.decode::<IntRef<'_>>()?.as_bytes();
        let signed_with = algorithm(reader)?;
        name(reader)?;
        let (not_before, not_after) = validity(reader)?;
        let subject = reader.tlv_bytes()?;
        let common_name = name(&mut SliceReader::new(subject)?)?;
        let public_key = public_key(reader)?;

        // Unique identifiers exist in versions 2 and 3, extensions in version 3.
        if after_the_key(reader)? && !version_3 {
            return Err(CertificateError::Version.into());
        }

        let certificate = Certificate {
            der,
            thumbprint: Thumbprint::of(der),
            public_key,
            serial,
            subject,
            common_name,
            not_before,
            not_after,
        };
        Ok((certificate, signed_with))
    })
}

/// Reads unique identifiers and extensions, and returns whether there are any.
pub fn after_the_key(reader: &mut SliceReader<'_>) -> Result<bool> {
    let issuer = optional(reader, context(1, false), unique_identifier)?;
    let subject = optional(reader, context(2, false), unique_identifier)?;
    let extensions = optional(reader, context(3, true), extensions)?;
    Ok(issuer.is_some() || subject.is_some() || extensions.is_some())
}

/// Reads a version. Only version 3, whose number is 2, is written: version 1 is the default, which
/// DER omits.
pub fn version(reader: &mut SliceReader<'_>) -> Result<()> {
    match reader.decode::<u8>()? {
        2 => Ok(()),
        0 => Err(reader
            .error(ErrorKind::Noncanonical { tag: Tag::Integer })
            .into()),
        _ => Err(CertificateError::Version.into()),
    }
}

/// Reads a `Name`, and returns its last common name.
pub fn name<'a>(reader: &mut SliceReader<'a>) -> Result<Option<&'a str>> {
    let mut common_name = None;
    reader.sequence(|reader| {
        while !reader.is_finished() {
            tagged(reader, Tag::Set, |reader| {
                relative_name(reader, &mut common_name)
            })?;
        }
        Ok(common_name)
    })
}

/// Reads a set of attributes: at least one, in the order of their encodings.
fn relative_name<'a>(
    reader: &mut SliceReader<'a>,
    common_name: &mut Option<&'a str>,
) -> Result<()> {
    let mut previous: &[u8] = &[];
    loop {
        let attribute = reader.tlv_bytes()?;
        if attribute <= previous {
            return Err(reader.error(ErrorKind::SetOrdering).into());
        }
        previous = attribute;
        let mut inner = SliceReader::new(attribute)?;
        inner.sequence(|reader| {
            let kind = object_identifier(reader)?;
            if reader.peek_byte() == Some(UNIVERSAL_STRING) {
                reader.read_byte()?;
                let length = Length::decode(reader)?;
                reader.read_slice(length)?;
                return Ok(());
            }
            let tag = Tag::peek(reader)?;
            let value = any(reader)?;
            if kind == COMMON_NAME
                && matches!(tag, Tag::Utf8String | Tag::PrintableString | Tag::Ia5String)
            {
                *common_name = core::str::from_utf8(value).ok();
            }
            Ok::<_, Error>(())
        })?;
        if reader.is_finished() {
            return Ok(());
        }
    }
}

pub fn validity(reader: &mut SliceReader<'_>) -> Result<(i64, i64)> {
    let (not_before, not_after) =
        reader.sequence(|reader| Ok::<_, Error>((time(reader)?, time(reader)?)))?;
    if not_before > not_after {
        return Err(CertificateError::Validity.into());
    }
    Ok((not_before, not_after))
}

/// Reads a `UTCTime` or a `GeneralizedTime`, and returns Unix seconds.
pub fn time(reader: &mut SliceReader<'_>) -> Result<i64> {
    let since_1970 = match Tag::peek(reader)? {
        Tag::UtcTime => reader
            .decode::<UtcTime>()
            .map(|time| time.to_unix_duration()),
        _ => reader
            .decode::<GeneralizedTime>()
            .map(|time| time.to_unix_duration()),
    };
    match since_1970 {
        Ok(time) => i64::try_from(time.as_secs()).map_err(|_| CertificateError::Validity.into()),
        Err(error) => match error.kind() {
            ErrorKind::DateTime | ErrorKind::Value { .. } => Err(CertificateError::Validity.into()),
            _ => Err(error.into()),
        },
    }
}

/// Reads a `SubjectPublicKeyInfo`. Its algorithm is checked first.
fn public_key(reader: &mut SliceReader<'_>) -> Result<PublicKey> {
    let spki = reader.tlv_bytes()?;
    let algorithm = SliceReader::new(spki)?.sequence(|reader| {
        let algorithm = algorithm(reader)?;
        whole_bytes(reader.decode()?)?;
        Ok::<_, Error>(algorithm)
    })?;
    if algorithm.name != RSA_ENCRYPTION {
        return Err(CertificateError::NotRsa.into());
    }
    PublicKey::from_spki_der(spki).map_err(|error| match error {
        KeyError::Encoding => CertificateError::Encoding.into(),
        error => CertificateError::Key(error).into(),
    })
}

/// Reads the bits of an implicitly tagged `BIT STRING`: the number of unused bits, which DER
/// requires to be clear, and the bytes.
fn unique_identifier(reader: &mut SliceReader<'_>) -> Result<()> {
    let unused = reader.read_byte()?;
    let bytes = reader.read_slice(reader.remaining_len())?;
    BitStringRef::new(unused, bytes)?;
    match bytes.last() {
        Some(last) if last.trailing_zeros() < u32::from(unused) => {
            Err(Error::Der(reader.error(ErrorKind::Noncanonical {
                tag: Tag::BitString,
            })))
        }
        _ => Ok(()),
    }
}

/// Reads at least one extension: its name, whether it is critical, and its value, which is ignored.
fn extensions(reader: &mut SliceReader<'_>) -> Result<()> {
    reader.sequence(|reader| {
        loop {
            reader.sequence(|reader| {
                object_identifier(reader)?;
                if reader.decode::<Option<bool>>()? == Some(false) {
                    // The default, which DER omits.
                    return Err(reader
                        .error(ErrorKind::Noncanonical { tag: Tag::Boolean })
                        .into());
                }
                reader.decode::<&OctetStringRef>()?;
                Ok::<_, Error>(())
            })?;
            if reader.is_finished() {
                return Ok(());
            }
        }
    })
}

/// An `AlgorithmIdentifier`. Two are equal if their encodings are.
#[derive(PartialEq)]
pub struct Algorithm<'a> {
    all: &'a [u8],
    /// The content of its object identifier.
    name: &'a [u8],
}

/// Reads an `AlgorithmIdentifier`. The structure of its parameters is checked, and they are
/// ignored.
pub fn algorithm<'a>(reader: &mut SliceReader<'a>) -> Result<Algorithm<'a>> {
    let all = reader.tlv_bytes()?;
    let name = SliceReader::new(all)?.sequence(|reader| {
        let name = object_identifier(reader)?;
        if !reader.is_finished() {
            any(reader)?;
        }
        Ok::<_, Error>(name)
    })?;
    Ok(Algorithm { all, name })
}

/// Reads an `OBJECT IDENTIFIER` with numbers of any size, since those made from a UUID have 128
/// bits. Returns its content.
pub fn object_identifier<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8]> {
    tagged(reader, Tag::ObjectIdentifier, |reader| {
        let content = reader.read_slice(reader.remaining_len())?;
        // The last byte of a number has its top bit clear, and the first byte is not a leading
        // zero.
        let mut first = true;
        for byte in content {
            if first && *byte == 0x80 {
                return Err(reader.error(ErrorKind::OidMalformed).into());
            }
            first = byte & 0x80 == 0;
        }
        if content.is_empty() || !first {
            return Err(reader.error(ErrorKind::OidMalformed).into());
        }
        Ok(content)
    })
}

/// Reads any value, checks its structure, and returns its content. The reader bounds the depth.
fn any<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8]> {
    let header = Header::decode(reader)?;
    let content = reader.clone().read_slice(header.length())?;
    reader.read_nested(header.length(), |reader| {
        if header.is_constructed() {
            while !reader.is_finished() {
                any(reader)?;
            }
        } else {
            reader.read_slice(header.length())?;
        }
        Ok::<_, Error>(())
    })?;
    Ok(content)
}

/// Reads a structure under a tag that must come next.
pub fn tagged<'a, T>(
    reader: &mut SliceReader<'a>,
    tag: Tag,
    structure: impl FnOnce(&mut SliceReader<'a>) -> Result<T>,
) -> Result<T> {
    let header = Header::decode(reader)?;
    header.tag().assert_eq(tag)?;
    reader.read_nested(header.length(), structure)
}

/// Reads a structure under a tag if that comes next.
fn optional<'a, T>(
    reader: &mut SliceReader<'a>,
    tag: Tag,
    structure: impl FnOnce(&mut SliceReader<'a>) -> Result<T>,
) -> Result<Option<T>> {
    if reader.is_finished() || Tag::peek(reader)? != tag {
        return Ok(None);
    }
    tagged(reader, tag, structure).map(Some)
}

const fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific {
        constructed,
        number: TagNumber(number),
    }
}

/// Returns the bytes of a `BIT STRING` without unused bits.
pub fn whole_bytes(bits: BitStringRef<'_>) -> Result<&[u8]> {
    let bytes = bits.as_bytes();
    bytes.ok_or(Error::Der(Tag::BitString.value_error().into()))
}
