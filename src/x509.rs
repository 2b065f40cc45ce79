// SPDX-License-Identifier: MIT OR Apache-2.0
//! X.509 certificates (RFC 5280): read as the carrier of a custodian's RSA key, and written for
//! transfer keys.
//!
//! A certificate carries a key here, and its digest names the custodian. Signatures of issuers are
//! not verified, and validity is read but not enforced.
//!
//! There are two readers. [`Certificate`] is strict DER throughout: it is for certificates that a
//! domain is about to be sealed to. [`RecoveryCertificate`] finds the key in a certificate that an
//! existing domain was sealed to, and only warns of the rest.
//!
//! ```
//! use security_domain::x509::{Certificate, CertificateError};
//!
//! assert_eq!(Certificate::parse(b"-----BEGIN").unwrap_err(), CertificateError::Encoding);
//! ```

mod read;
mod recovery;
mod write;

use core::fmt;

use sha2::{Digest, Sha256};

use crate::rsa::{KeyError, PublicKey};

pub use recovery::{RecoveryCertificate, Warning, Warnings};
#[cfg(feature = "managed-hsm")]
pub(crate) use write::write_signed_by;
pub use write::{SELF_SIGNED_MAX_LEN, SelfSigned, SelfSignedError, write_self_signed};

/// The SHA-256 digest of a certificate's DER, which names a custodian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Makes a thumbprint from a digest.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Computes the digest of a certificate's DER.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// Returns the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Prints base64url without padding, 43 characters, as in JSON files (RFC 7515 section 4.1.8).
impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = [0; 43];
        for (to, from) in text.chunks_mut(4).zip(self.0.chunks(3)) {
            // The last group has two bytes.
            let padded = from.iter().chain(&[0]).take(3);
            let group = padded.fold(0, |group, byte| group << 8 | usize::from(*byte));
            for (character, shift) in to.iter_mut().zip([18, 12, 6, 0]) {
                *character = *ALPHABET.get(group >> shift & 63).ok_or(fmt::Error)?;
            }
        }
        f.pad(core::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// A certificate that carries an RSA key of an accepted size. Its whole structure has been checked.
///
/// It holds the key, about 560 bytes, and borrows the rest from the DER.
#[derive(Clone, Debug)]
pub struct Certificate<'a> {
    der: &'a [u8],
    thumbprint: Thumbprint,
    public_key: PublicKey,
    serial: &'a [u8],
    subject: &'a [u8],
    common_name: Option<&'a str>,
    not_before: i64,
    not_after: i64,
}

impl<'a> Certificate<'a> {
    /// Returns the whole certificate in DER.
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Returns the key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Computes the SHA-256 digest of [`der`](Self::der).
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// Returns the serial number: a big-endian two's complement integer.
    pub fn serial(&self) -> &'a [u8] {
        self.serial
    }

    /// Returns the subject, a `Name` in DER.
    pub fn subject_der(&self) -> &'a [u8] {
        self.subject
    }

    /// Returns the subject's last common name, if it is text in UTF-8 or ASCII. Whoever made the
    /// certificate chose it, so escape it before showing it.
    pub fn common_name(&self) -> Option<&'a str> {
        self.common_name
    }

    /// Returns the first second of the validity, in Unix time.
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// Returns the last second of the validity, in Unix time.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }
}

/// Why a certificate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CertificateError {
    /// The bytes are not the DER encoding of a certificate.
    Encoding,
    /// Bytes follow the certificate, or a structure inside it.
    TrailingData,
    /// The version is not 1 or 3, or a field is not allowed in this version.
    Version,
    /// The signature's algorithm differs from the one that was signed.
    SignatureAlgorithm,
    /// A time is invalid or before 1970, or the end is before the beginning.
    Validity,
    /// The key is not an RSA key.
    NotRsa,
    /// The RSA key is refused.
    Key(KeyError),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "the certificate is not in its DER encoding",
            Self::TrailingData => "bytes follow the certificate or a structure inside it",
            Self::Version => "the certificate has a version other than 1 and 3",
            Self::SignatureAlgorithm => "the certificate's two signature algorithms differ",
            Self::Validity => "the certificate's validity is not a period of time",
            Self::NotRsa => "the certificate's key is not an RSA key",
            Self::Key(_) => "the certificate's key is refused",
        })
    }
}

impl core::error::Error for CertificateError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Key(error) => Some(error),
            _ => None,
        }
    }
}
