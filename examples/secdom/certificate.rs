// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificate files, in PEM, DER, PKCS#7 or PKCS#12.

mod curve;
mod near;
mod pfx;
mod pkcs7;

use std::fmt;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tagged};
use security_domain::x509::{Certificate, RecoveryCertificate, Thumbprint};
use zeroize::Zeroizing;

use crate::kem::Kind;
use crate::key::{self, Lock};
use crate::kind::{self, FileKind};
use crate::report::{Outcome, Refusal};
use crate::{clock, pem, show, text};

pub use near::{missing, near};

/// The labels that OpenSSL reads. What may follow a trusted certificate does not belong to it.
const LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];

/// The labels of PKCS#7 with certificates.
pub const PKCS7_LABELS: [&str; 3] = ["PKCS7", "CMS", "PKCS #7 SIGNED DATA"];

/// The most certificates in a file: they are compared with each other.
const MOST: usize = 256;

/// A certificate in DER from a file, for [`parse`](Self::parse).
#[derive(Clone)]
pub struct CertificateFile {
    pub path: PathBuf,
    der: Zeroizing<Vec<u8>>,
    /// How many other certificates the file has.
    others: usize,
    /// Whether the file has a private key, too.
    pub has_key: bool,
}

impl CertificateFile {
    /// Reads `path`. If the file has several certificates, the one that issued none of the others is
    /// taken, in whatever order they are. If there is no such one, or more than one, the file is refused.
    pub fn read(path: &Path) -> Outcome<Self> {
        Self::of_text(path, &text::read(path)?)
    }

    /// The same for `bytes`, the text of the file `path`.
    pub fn of_text(path: &Path, bytes: &[u8]) -> Outcome<Self> {
        let mut all = Self::each_of_text(path, bytes)?;
        let names = all.iter().map(|one| Names::of(&one.der));
        let names = names.collect::<der::Result<Vec<_>>>().unwrap_or_default();
        if all.len() == 1 {
            return Ok(all.swap_remove(0));
        }
        let issued_none = |place: &usize| {
            let others = names.iter().enumerate();
            !{ others }.any(|(other, names_of)| {
                other != *place && names_of.issuer == names[*place].subject
            })
        };
        let leaves: Vec<usize> = (0..names.len()).filter(issued_none).collect();
        match leaves.as_slice() {
            [leaf] => Ok(all.swap_remove(*leaf)),
            _ => Err(Refusal::file(
                path,
                format!(
                    "holds {}, and which one is meant is not clear: give a file with that one alone",
                    show::count(all.len(), "certificate"),
                ),
            )),
        }
    }

    /// Reads each different certificate in `path`.
    pub fn read_each(path: &Path) -> Outcome<Vec<Self>> {
        Self::each_of_text(path, &text::read(path)?)
    }

    fn each_of_text(path: &Path, bytes: &[u8]) -> Outcome<Vec<Self>> {
        let mut lock = Lock::of_certificates(path, bytes);
        let all = Self::find(path, bytes, Some(&mut lock))?;
        if all.is_empty() {
            let error = "holds no certificate in PEM or DER";
            return Err(kind::refusal(path, bytes, &FileKind::Certificate, error));
        }
        Ok(all)
    }

    /// Returns each different certificate in `bytes`, which may hold none. Encrypted ones are found only with
    /// a `lock`.
    pub fn find(path: &Path, bytes: &[u8], lock: Option<&mut Lock<'_>>) -> Outcome<Vec<Self>> {
        let mut ders: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        let mut of_file = bytes;
        ders.extend(of_der(bytes));
        for block in pem::blocks(bytes) {
            let is_list = PKCS7_LABELS.contains(&block.label);
            if is_list || LABELS.contains(&block.label) {
                let der = block.decode().ok_or_else(|| {
                    Refusal::file(path, "the certificate's PEM block is not base64")
                })?;
                if is_list {
                    ders.extend(of_der(&der));
                } else {
                    ders.push(der);
                }
            }
        }
        let base64;
        if ders.is_empty()
            && let Some(der) = pem::base64(bytes)
        {
            ders.extend(of_der(&der));
            base64 = der;
            of_file = &base64;
        }
        if let Some(lock) = lock
            && FileKind::of(of_file) == FileKind::Pfx
        {
            ders.extend(lock.open(|lock| pfx::encrypted(of_file, lock))?);
        }
        if ders.len() > MOST {
            return Err(Refusal::file(
                path,
                format!("holds more than {MOST} certificates"),
            ));
        }
        let has_key = key::is_in(path, bytes);
        let mut all: Vec<Self> = Vec::new();
        for der in ders {
            if !all.iter().any(|one| one.der == der) {
                let path = path.into();
                all.push(Self {
                    path,
                    der,
                    others: 0,
                    has_key,
                });
            }
        }
        let others = all.len().saturating_sub(1);
        all.iter_mut().for_each(|one| one.others = others);
        Ok(all)
    }

    /// Reads `paths`.
    pub fn read_all(paths: &[PathBuf]) -> Outcome<Vec<Self>> {
        paths.iter().map(|path| Self::read(path)).collect()
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn parse(&self) -> Outcome<Certificate<'_>> {
        Certificate::parse(&self.der).map_err(|error| Refusal::file(&self.path, error))
    }

    /// Parses the certificate of a custodian of an existing domain.
    pub fn parse_for_recovery(&self) -> Outcome<RecoveryCertificate<'_>> {
        RecoveryCertificate::parse(&self.der).map_err(|error| Refusal::file(&self.path, error))
    }

    /// Returns the digest that Terraform's `azurerm` provider sends for this certificate.
    pub fn digest_of_base64(&self) -> Outcome<Thumbprint> {
        let mut base64 = vec![0; Base64::encoded_len(&self.der)];
        let text = Base64::encode(&self.der, &mut base64);
        let text = text.map_err(|error| Refusal::file(&self.path, error.to_string()))?;
        Ok(Thumbprint::of(text.as_bytes()))
    }

    /// Says what is wrong in a certificate, but does not matter for a recovery.
    pub fn warnings(&self, certificate: &RecoveryCertificate<'_>) -> Option<String> {
        let warnings: Vec<_> = { certificate.warnings().iter() }
            .map(|warning| warning.to_string())
            .collect();
        let path = show::path(&self.path);
        (!warnings.is_empty()).then(|| {
            format!(
                "{path}: the certificate is unusual: {}",
                warnings.join("; ")
            )
        })
    }

    /// Says which certificate was taken from the file.
    pub fn taken(&self, holder: &Holder) -> String {
        let of = match self.others {
            0 => String::new(),
            others => format!(" (one of {} in the file)", others + 1),
        };
        format!("{}: {holder}{of}", show::path(&self.path))
    }
}

/// Returns the certificate that `bytes` are in DER, or those in them as PKCS#7 or, not encrypted, as PKCS#12.
fn of_der(bytes: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    match (FileKind::of(bytes), bytes) {
        // No certificate is shorter than 128 bytes or longer than 65,535, so DER begins like this.
        (FileKind::Certificate, [0x30, 0x81 | 0x82, ..]) => {
            vec![Zeroizing::new(bytes.to_vec())]
        }
        (FileKind::P7b, _) => pkcs7::certificates(bytes).unwrap_or_default(),
        (FileKind::Pfx, _) => pfx::plain(bytes),
        _ => Vec::new(),
    }
}

/// The names in a certificate.
struct Names<'d> {
    issuer: &'d [u8],
    subject: &'d [u8],
}

impl<'d> Names<'d> {
    fn of(der: &'d [u8]) -> der::Result<Self> {
        let failed = || der::Error::from(der::ErrorKind::Failed);
        let certificate = elements(AnyRef::from_der(der)?.value())?;
        let signed = elements(certificate.first().ok_or_else(failed)?.value())?;
        // Version 1 has no version. Then come serial number, algorithm, issuer, validity, subject.
        let start =
            usize::from({ signed.first() }.is_some_and(|first| first.tag().is_context_specific()));
        let [_, _, issuer, _, subject, ..] = signed.get(start..).unwrap_or_default() else {
            return Err(failed());
        };
        Ok(Self {
            issuer: issuer.value(),
            subject: subject.value(),
        })
    }
}

/// Parses the custodians' certificates, which must all have different keys.
pub fn with_distinct_keys(files: &[CertificateFile]) -> Outcome<Vec<Certificate<'_>>> {
    let mut certificates = Vec::<Certificate<'_>>::new();
    for file in files {
        let certificate = file.parse()?;
        let same = |other: &Certificate<'_>| other.public_key() == certificate.public_key();
        if let Some(earlier) = certificates.iter().position(same) {
            return Err(same_key(&file.path, &files[earlier].path));
        }
        certificates.push(certificate);
    }
    Ok(certificates)
}

/// The refusal of a key or certificate whose key `earlier` has, too.
pub fn same_key(path: &Path, earlier: &Path) -> Refusal {
    let reason = match path == earlier {
        true => "is given twice".into(),
        false => format!("has the same key as {}", show::path(earlier)),
    };
    Refusal::file(path, reason)
}

/// The holder and the key in a certificate.
pub struct Holder {
    pub thumbprint: Thumbprint,
    /// The subject's distinguished name as in the file; escape it before showing it.
    pub subject: String,
    pub key: HolderKey,
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
}

/// The kind of a holder's key, and its size.
#[derive(Clone, Copy)]
pub enum HolderKey {
    Rsa { bits: u32 },
    P256,
}

impl HolderKey {
    pub fn bits(self) -> u32 {
        match self {
            Self::Rsa { bits } => bits,
            Self::P256 => 256,
        }
    }
}

impl fmt::Display for HolderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "{bits} bits"),
            Self::P256 => f.write_str(Kind::P256.name()),
        }
    }
}

impl Holder {
    pub fn of(certificate: &Certificate<'_>) -> Self {
        Self {
            thumbprint: certificate.thumbprint(),
            subject: name(certificate.subject_der())
                .unwrap_or_else(|_| "(an unreadable name)".into()),
            key: HolderKey::Rsa {
                bits: certificate.public_key().size().bits(),
            },
            not_before: Some(certificate.not_before()),
            not_after: Some(certificate.not_after()),
        }
    }

    pub fn recovered(certificate: &RecoveryCertificate<'_>) -> Self {
        Self {
            thumbprint: certificate.thumbprint(),
            subject: name(certificate.subject_der())
                .unwrap_or_else(|_| "(an unreadable name)".into()),
            key: HolderKey::Rsa {
                bits: certificate.size().bits(),
            },
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.not_after.map(clock::rfc3339);
        let until = until.unwrap_or_else(|| "an unreadable time".into());
        let subject = show::text(&self.subject);
        write!(
            f,
            "{}  {subject}  {}  valid until {until}",
            self.thumbprint, self.key
        )
    }
}

/// Returns a distinguished name (RFC 5280 section 4.1.2.4) in its order, `CN=Ada, O=Example`.
fn name(der: &[u8]) -> der::Result<String> {
    let mut parts = Vec::new();
    for set in elements(AnyRef::from_der(der)?.value())? {
        for attribute in elements(set.value())? {
            let pair = elements(attribute.value())?;
            let [oid, value] = pair.as_slice() else {
                return Err(der::ErrorKind::Failed.into());
            };
            let oid = oid.decode_as::<ObjectIdentifier>()?.to_string();
            let label = match oid.as_str() {
                "2.5.4.3" => "CN",
                "2.5.4.6" => "C",
                "2.5.4.7" => "L",
                "2.5.4.8" => "ST",
                "2.5.4.10" => "O",
                "2.5.4.11" => "OU",
                "0.9.2342.19200300.100.1.25" => "DC",
                "1.2.840.113549.1.9.1" => "E",
                other => other,
            };
            parts.push(format!(
                "{label}={}",
                String::from_utf8_lossy(value.value())
            ));
        }
    }
    Ok(parts.join(", "))
}

/// Splits `der` into its DER elements.
pub fn elements(der: &[u8]) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(der)?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(AnyRef::decode(&mut reader)?);
    }
    Ok(elements)
}
