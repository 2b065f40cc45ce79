// SPDX-License-Identifier: MIT OR Apache-2.0
//! The request for a download, `certificate_info`: the custodians' certificates and the quorum.
//!
//! ```
//! use security_domain::managed_hsm::MAX_CERTIFICATE_LEN;
//! use security_domain::managed_hsm::certificate_info::CertificateInfo;
//!
//! let text =
//!     include_bytes!("../../tests/vectors/managed-hsm/requests/certificate-info-2-of-3.json");
//! let mut der = [0; MAX_CERTIFICATE_LEN];
//! let request = CertificateInfo::parse(text, &mut der)?;
//! assert_eq!(request.quorum().to_string(), "2 of 3");
//! # Ok::<(), security_domain::managed_hsm::FileError>(())
//! ```

use core::fmt;
use sha2::{Digest, Sha256};

use super::custodians::{MAX_CUSTODIANS, check_certificates, custodian_count, quorum_of};
use super::error::{Fault, Field, FileError, WriteError};
use super::json::{self, Member, Reader, Str};
use super::jwk::{self, Form, Role};
use super::source::Text;
use super::writer::{self, Writer};
use crate::list::List;
use crate::quorum::{Quorum, Threshold};
use crate::secret::wipe;
use crate::x509::{Certificate, Thumbprint};

const CERTIFICATES: Field = Field::new("certificates");
const REQUIRED: Field = Field::new("required");

/// A request whose certificates have been checked.
#[derive(Clone, Copy)]
pub struct CertificateInfo<'a> {
    custodians: List<Custodian<'a>, MAX_CUSTODIANS>,
    quorum: Quorum,
}

#[derive(Clone, Copy)]
struct Custodian<'a> {
    x5c: Str<Text<'a>>,
    thumbprint: Thumbprint,
    /// The digest of the modulus.
    key: [u8; 32],
}

impl<'a> CertificateInfo<'a> {
    /// Parses a request with 3 to 10 certificates, all different and with different keys. Expired
    /// certificates are accepted, as by the service.
    ///
    /// Everything that a request says of a certificate must agree with it. The exception is the request
    /// of Terraform's `azurerm` provider, which has the certificate alone and as `x5t#S256` a
    /// digest of its base64. There the certificate counts: this crate names the custodian by the
    /// certificate's own digest.
    ///
    /// `der` holds one certificate at a time; [`MAX_CERTIFICATE_LEN`](super::MAX_CERTIFICATE_LEN)
    /// bytes are enough for any.
    ///
    /// # Errors
    ///
    /// [`FileError`], which names the first wrong field and its fault.
    pub fn parse(text: &'a [u8], der: &mut [u8]) -> Result<Self, FileError> {
        let top = Field::new("certificate_info");
        let members = [
            Member::new("certificates", CERTIFICATES),
            Member::new("required", REQUIRED),
        ];
        let mut custodians = List::new();
        let mut required = 0;
        json::document(text, top, None, |reader| {
            reader.object(top, &members, |reader, member| {
                if member == 1 {
                    required = reader.integer(REQUIRED)?;
                    return Ok(());
                }
                let read = |reader: &mut Reader<'_, Text<'a>>, index| {
                    let at = Field::element("certificates[]", index);
                    let custodian = Custodian::read(reader, at, der)?;
                    { custodians.push(custodian) }.map_err(|_| CERTIFICATES.has(Fault::Count))
                };
                reader.array(CERTIFICATES, read).map(|_| ())
            })
        })?;
        let count = u8::try_from(custodians.len())
            .ok()
            .and_then(custodian_count);
        let count = count.ok_or(CERTIFICATES.has(Fault::Count))?;
        let quorum = quorum_of(required, count).ok_or(REQUIRED.has(Fault::Required))?;
        check_distinct(&custodians)?;
        Ok(Self { custodians, quorum })
    }

    /// Returns the quorum that is requested.
    pub fn quorum(&self) -> Quorum {
        self.quorum
    }

    /// Iterates over the custodians, by the digests of their certificates, in the order of the
    /// request.
    pub fn custodians(&self) -> impl Iterator<Item = Thumbprint> + '_ {
        self.custodians.iter().map(|custodian| custodian.thumbprint)
    }

    /// Decodes the certificate of a custodian into `der`, which must be as long as for
    /// [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// [`FileError`] if the request has no such custodian, or `der` is too short for the
    /// certificate.
    pub fn certificate<'d>(
        &self,
        custodian: &Thumbprint,
        der: &'d mut [u8],
    ) -> Result<Certificate<'d>, FileError> {
        let custodians = self.custodians.iter().enumerate();
        let found = { custodians }.find(|(_, listed)| listed.thumbprint == *custodian);
        let (index, custodian) = found.ok_or(CERTIFICATES.has(Fault::NotListed))?;
        let at = Field::element("certificates[]", index).part("x5c");
        jwk::read_certificate(&custodian.x5c, at, der)
    }
}

impl<'a> Custodian<'a> {
    /// Reads a JWK.
    fn read(
        reader: &mut Reader<'_, Text<'a>>,
        at: Field,
        der: &mut [u8],
    ) -> Result<Self, FileError> {
        let jwk = jwk::read(reader, at, Role::Custodian, der)?;
        Ok(Self {
            x5c: jwk.x5c,
            thumbprint: jwk.certificate.thumbprint(),
            key: Sha256::digest(jwk.certificate.public_key().modulus()).into(),
        })
    }
}

/// Checks that no certificate and no key appears twice.
fn check_distinct(custodians: &List<Custodian<'_>, MAX_CUSTODIANS>) -> Result<(), FileError> {
    for (index, custodian) in custodians.iter().enumerate() {
        let at = Field::element("certificates[]", index);
        for earlier in custodians.iter().take(index) {
            if earlier.thumbprint == custodian.thumbprint {
                return Err(at.part("x5c").has(Fault::Repeated));
            }
            if earlier.key == custodian.key {
                return Err(at.part("n").has(Fault::Repeated));
            }
        }
    }
    Ok(())
}

impl fmt::Debug for CertificateInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateInfo")
            .field("quorum", &self.quorum)
            .finish_non_exhaustive()
    }
}

/// Returns how many bytes [`write()`] writes.
pub fn encoded_len(certificates: &[Certificate<'_>], threshold: Threshold) -> usize {
    writer::count(|writer| fill(writer, certificates, threshold))
}

/// Writes a request as the client does: any `threshold` of the custodians are to open the file.
///
/// There are 3 to 10 certificates with different keys. `out` needs [`encoded_len`] bytes, and is
/// wiped on an error.
///
/// # Errors
///
/// - [`WriteError::CertificateCount`]: there are not 3 to 10 certificates.
/// - [`WriteError::RepeatedCustodian`]: two certificates are the same, or have the same key.
/// - [`WriteError::Quorum`]: `threshold` is above the number of certificates.
/// - [`WriteError::BufferTooSmall`]: `out` is too short.
/// - [`WriteError::Fault`]: an internal check failed.
pub fn write(
    certificates: &[Certificate<'_>],
    threshold: Threshold,
    out: &mut [u8],
) -> Result<usize, WriteError> {
    let checked = check_certificates(certificates)
        .and_then(|count| Ok(Quorum::new(threshold.get(), count.get())?));
    if let Err(error) = checked {
        wipe(out);
        return Err(error);
    }
    writer::write(out, encoded_len(certificates, threshold), |writer| {
        fill(writer, certificates, threshold)
    })
}

fn fill(
    writer: &mut Writer<'_>,
    certificates: &[Certificate<'_>],
    threshold: Threshold,
) -> Result<(), WriteError> {
    let form = Form {
        quote: "\"",
        kid: None,
        key_ops: "[\"verify\",\"encrypt\",\"wrapKey\"]",
    };
    writer.put("{\"certificates\":[")?;
    let mut before = "";
    for certificate in certificates {
        writer.put(before)?;
        form.write(writer, certificate)?;
        before = ",";
    }
    writer.put("],\"required\":")?;
    writer.put_number(threshold.get())?;
    writer.put("}")
}
