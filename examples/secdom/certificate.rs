// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificate files, in PEM or DER.

use std::fmt;
use std::path::{Path, PathBuf};

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};
use security_domain::x509::{Certificate, RecoveryCertificate, Thumbprint};
use zeroize::Zeroizing;

use crate::report::{Outcome, Refusal};
use crate::{clock, input, pem, show};

/// The DER of a certificate file, for [`parse`](Self::parse).
pub struct CertificateFile {
    pub path: PathBuf,
    der: Zeroizing<Vec<u8>>,
}

impl CertificateFile {
    /// Reads `path`. If the file has several certificates, the first one counts, since a chain
    /// begins with its end entity.
    pub fn read(path: &Path) -> Outcome<Self> {
        let bytes = input::read(path)?;
        // No certificate is shorter than 256 bytes, so DER begins with a two-byte length.
        let der = if bytes.starts_with(&[0x30, 0x82]) {
            bytes
        } else {
            pem::blocks(&bytes)
                .iter()
                .find(|block| block.label == "CERTIFICATE")
                .ok_or_else(|| Refusal::file(path, "holds no certificate in PEM or DER"))?
                .decode()
                .ok_or_else(|| Refusal::file(path, "the certificate's PEM block is not base64"))?
        };
        Ok(Self {
            path: path.into(),
            der,
        })
    }

    /// Reads `paths`.
    pub fn read_all(paths: &[PathBuf]) -> Outcome<Vec<Self>> {
        paths.iter().map(|path| Self::read(path)).collect()
    }

    pub fn parse(&self) -> Outcome<Certificate<'_>> {
        Certificate::parse(&self.der).map_err(|error| Refusal::file(&self.path, error))
    }
}

impl CertificateFile {
    /// Parses the certificate of a custodian of an existing domain.
    pub fn parse_for_recovery(&self) -> Outcome<RecoveryCertificate<'_>> {
        RecoveryCertificate::parse(&self.der).map_err(|error| Refusal::file(&self.path, error))
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
}

/// Parses the custodians' certificates, which must all have different keys.
pub fn with_distinct_keys(files: &[CertificateFile]) -> Outcome<Vec<Certificate<'_>>> {
    let mut certificates = Vec::<Certificate<'_>>::new();
    for file in files {
        let certificate = file.parse()?;
        let same = |other: &Certificate<'_>| other.public_key() == certificate.public_key();
        if let Some(earlier) = certificates.iter().position(same) {
            let earlier = show::path(&files[earlier].path);
            return Err(Refusal::file(
                &file.path,
                format!("has the same key as {earlier}"),
            ));
        }
        certificates.push(certificate);
    }
    Ok(certificates)
}

/// The holder and the key in a certificate.
pub struct Holder {
    pub thumbprint: Thumbprint,
    /// The subject's distinguished name as in the file; escape it before showing it.
    pub subject: String,
    pub key_bits: u32,
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
}

impl Holder {
    pub fn of(certificate: &Certificate<'_>) -> Self {
        Self {
            thumbprint: certificate.thumbprint(),
            subject: name(certificate.subject_der())
                .unwrap_or_else(|_| "(an unreadable name)".into()),
            key_bits: certificate.public_key().size().bits(),
            not_before: Some(certificate.not_before()),
            not_after: Some(certificate.not_after()),
        }
    }

    pub fn recovered(certificate: &RecoveryCertificate<'_>) -> Self {
        Self {
            thumbprint: certificate.thumbprint(),
            subject: name(certificate.subject_der())
                .unwrap_or_else(|_| "(an unreadable name)".into()),
            key_bits: certificate.size().bits(),
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
            "{}  {subject}  {} bits  valid until {until}",
            self.thumbprint, self.key_bits
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
fn elements(der: &[u8]) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(der)?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(AnyRef::decode(&mut reader)?);
    }
    Ok(elements)
}
