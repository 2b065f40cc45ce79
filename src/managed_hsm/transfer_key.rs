// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transfer key: a public key, in a self-signed certificate, that an HSM hands out so that a
//! domain can be sealed to it.
//!
//! ```
//! use security_domain::managed_hsm::MAX_CERTIFICATE_LEN;
//! use security_domain::managed_hsm::transfer_key::TransferKey;
//!
//! let text = include_bytes!("../../tests/vectors/managed-hsm/transfer/stransfer2048.cli.json");
//! let mut der = [0; MAX_CERTIFICATE_LEN];
//! let key = TransferKey::parse(text, &mut der)?;
//! assert_eq!(
//!     key.certificate().thumbprint().to_string(),
//!     "Rng9Ab-CGSixR32p4gK0eeV-gGTYBjglQfcFjQkZTio",
//! );
//! # Ok::<(), security_domain::managed_hsm::FileError>(())
//! ```
//!
//! Nothing here proves that the key belongs to the target HSM. Its operator must read the
//! certificate's digest from the HSM over a separate channel, and compare.

use core::fmt;

use super::error::{Fault, Field, FileError, WriteError};
use super::json::{self, Member, Reader};
use super::jwk::{self, Form, Role};
use super::writer::{self, Writer};
use crate::x509::Certificate;

/// A transfer key whose JWK agrees with its certificate.
#[derive(Clone)]
pub struct TransferKey<'d> {
    certificate: Certificate<'d>,
}

impl<'d> TransferKey<'d> {
    /// Parses a transfer key in either form: the JWK as an object, or as a string that contains its
    /// JSON.
    ///
    /// The certificate is decoded into `der`; [`MAX_CERTIFICATE_LEN`](super::MAX_CERTIFICATE_LEN)
    /// bytes are enough for any.
    ///
    /// # Errors
    ///
    /// [`FileError`], which names the first wrong field and its fault.
    pub fn parse(text: &[u8], der: &'d mut [u8]) -> Result<Self, FileError> {
        let top = Field::new("transfer key document");
        let format = Field::new("key_format");
        let key = Field::new("transfer_key");
        let members = [
            Member::new("key_format", format),
            Member::new("transfer_key", key),
        ];
        // A repeated member is refused before it is read again, so the buffer is taken once.
        let mut der = Some(der);
        let mut certificate = None;
        json::document(text, top, None, |reader| {
            reader.object(top, &members, |reader, member| {
                if member == 0 {
                    return reader.literal(format, "jwk");
                }
                let der = der.take().ok_or(key.has(Fault::Duplicate))?;
                certificate = Some(if reader.peek() == Some(b'"') {
                    let mut inner = Reader::new(reader.string(key)?.bytes());
                    let jwk = jwk::read(&mut inner, key, Role::TransferKey, der)?;
                    inner.end(key)?;
                    jwk.certificate
                } else {
                    jwk::read(reader, key, Role::TransferKey, der)?.certificate
                });
                Ok(())
            })
        })?;
        let certificate = certificate.ok_or(key.has(Fault::Missing))?;
        Ok(Self { certificate })
    }

    /// Returns the certificate.
    pub fn certificate(&self) -> &Certificate<'d> {
        &self.certificate
    }
}

impl fmt::Debug for TransferKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferKey")
            .field("thumbprint", &self.certificate.thumbprint())
            .finish_non_exhaustive()
    }
}

/// Returns how many bytes [`write()`] writes.
pub fn encoded_len(kid: &str, certificate: &Certificate<'_>) -> usize {
    writer::count(|writer| fill(writer, kid, certificate))
}

/// Writes a transfer key as the service does, the JWK as a string.
///
/// `kid` is a URL, for example `https://<hsm>/transfer_key`. `out` needs [`encoded_len`] bytes, and
/// is wiped on an error.
///
/// # Errors
///
/// - [`WriteError::BufferTooSmall`]: `out` is too short.
/// - [`WriteError::Fault`]: an internal check failed.
pub fn write(
    kid: &str,
    certificate: &Certificate<'_>,
    out: &mut [u8],
) -> Result<usize, WriteError> {
    writer::write(out, encoded_len(kid, certificate), |writer| {
        fill(writer, kid, certificate)
    })
}

fn fill(
    writer: &mut Writer<'_>,
    kid: &str,
    certificate: &Certificate<'_>,
) -> Result<(), WriteError> {
    let form = Form {
        quote: "\\\"",
        kid: Some(kid),
        key_ops: "[\"encrypt\"]",
    };
    writer.put("{\"key_format\":\"jwk\",\"transfer_key\":\"")?;
    form.write(writer, certificate)?;
    writer.put("\"}")
}
