// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians, and the interface behind which their key types differ.
//!
//! A custodian's public key is used only through [`Recipient`], the private key only through
//! [`Identity`]: a key in memory, a token, a KMS. Both handle raw bytes; the layers above check
//! what they mean. So the same interface serves content keys, shares and tokens.
//!
//! ```
//! use security_domain::custodian::{Identity, UnwrapError};
//! use security_domain::rng::Generator;
//!
//! /// A key in a token: here its driver always says that the token is not there.
//! struct Token;
//!
//! #[derive(Debug, PartialEq)]
//! struct Absent;
//!
//! impl Identity for Token {
//!     type Error = Absent;
//!
//!     fn unwrap_key<R: Generator + ?Sized>(
//!         &mut self,
//!         _wrapped: &[u8],
//!         _context: &[u8],
//!         _rng: &mut R,
//!         _out: &mut [u8],
//!     ) -> Result<usize, UnwrapError<Absent>> {
//!         Err(UnwrapError::Device(Absent))
//!     }
//! }
//!
//! let mut out = [0; 64];
//! let answer = Token.unwrap_key(&[0; 256], &[], &mut getrandom::SysRng, &mut out);
//! assert_eq!(answer, Err(UnwrapError::Device(Absent)));
//! ```

use core::fmt;
use core::str::FromStr;

use crate::hardened::Fault;
use crate::hex::{self, HexError};
use crate::labels::Purpose;
use crate::rng::{Generator, RngError};
use crate::rsa;

mod algorithm;
mod raw_rsa;

pub use algorithm::{Algorithm, MAX_MESSAGE_LEN, MAX_WRAPPED_LEN, PostQuantum};
pub use raw_rsa::{RawDevice, RawRsa};

/// Identifies a custodian: a digest of the algorithm and the public key.
///
/// It is not the digest of a certificate: two certificates with one key belong to the same
/// custodian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustodianId([u8; 32]);

impl CustodianId {
    /// Computes the id of the key whose SubjectPublicKeyInfo (RFC 5280 section 4.1) in DER is
    /// `spki`: `D("custodian", algorithm, spki)` (`docs/format.md`). For two keys that are both
    /// needed, `spki` is the id of the first key followed by the id of the second.
    pub fn new(algorithm: Algorithm, spki: &[u8]) -> Self {
        Self::of_pieces(algorithm, [spki])
    }

    /// The same for an `spki` in pieces.
    pub(crate) fn of_pieces<const N: usize>(algorithm: Algorithm, spki: [&[u8]; N]) -> Self {
        Self(Purpose::Custodian.digest_pieces(&algorithm.code().to_be_bytes(), &spki))
    }

    /// Makes an id from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Prints 64 hexadecimal digits.
impl fmt::Display for CustodianId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::print(&self.0, f)
    }
}

/// Reads 64 hexadecimal digits, in capitals or not.
impl FromStr for CustodianId {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        hex::parse(text).map(Self)
    }
}

/// The public half of a custodian's key pair.
pub trait Recipient {
    /// Returns the algorithm with which the key wraps.
    fn algorithm(&self) -> Algorithm;

    /// Returns the custodian's id, as [`CustodianId::new`] computes it.
    fn id(&self) -> CustodianId;

    /// Returns the ids of the keys that the custodian holds: one, or two that are both needed. No
    /// key may serve two custodians of one domain.
    fn key_ids(&self) -> [Option<CustodianId>; 2] {
        [Some(self.id()), None]
    }

    /// Wraps `message` into `out`, which is [`Algorithm::wrapped_len`] bytes long and is filled.
    /// This crate passes at most [`MAX_MESSAGE_LEN`] bytes. Implementations must not write any byte
    /// of `message` to `out` along the way, and an error must leave nothing there that depends on
    /// it.
    ///
    /// `context` names what the message belongs to. HPKE keys take it as `info` (RFC 9180 section
    /// 5.1). RSA keys ignore it, so that every token can unwrap: a share's message repeats it.
    ///
    /// Secret: `message`. Public: its length, `context`, the key, `out`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`WrapError`].
    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError>;
}

/// Keys that lie elsewhere serve by reference.
impl<K: Recipient> Recipient for &K {
    fn algorithm(&self) -> Algorithm {
        (*self).algorithm()
    }

    fn id(&self) -> CustodianId {
        (*self).id()
    }

    fn key_ids(&self) -> [Option<CustodianId>; 2] {
        (*self).key_ids()
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        (*self).wrap(message, context, rng, out)
    }
}

/// Why a [`Recipient`] did not wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WrapError {
    /// The random number generator failed.
    Rng,
    /// The message is too long for the key.
    MessageTooLong,
    /// The output buffer is not as long as a wrapped message.
    WrongLength,
    /// The result is invalid: a hardware fault or a bug. The output buffer is wiped.
    Fault,
}

impl From<Fault> for WrapError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<RngError> for WrapError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for WrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rng => "the random number generator failed",
            Self::MessageTooLong => "the message is too long for the key",
            Self::WrongLength => "the output buffer is not as long as a wrapped message",
            Self::Fault => "an internal check failed: a hardware fault or a bug",
        })
    }
}

impl core::error::Error for WrapError {}

/// The private half of a custodian's key pair, wherever it is stored.
///
/// [`RawRsa`] makes one from a device that computes RSA without padding, and `kem::EcdhP256` from
/// one that computes ECDH.
pub trait Identity {
    /// What the device that holds the key may report: token absent, PIN wrong. It must not depend
    /// on the decrypted bytes.
    type Error;

    /// Unwraps `wrapped` into the front of `out` and returns how many bytes it wrote.
    ///
    /// RSA keys: RSAES-OAEP (RFC 8017 section 7.1.2) with SHA-256 for hash and MGF1 and an empty
    /// label; they ignore `context`. Other kinds of keys need the same `context` that
    /// [`Recipient::wrap`] was given. `rng` is for blinding. Implementations must answer every
    /// decryption failure, and a message that does not fit `out`, with [`UnwrapError::Opaque`], and
    /// must leave no plaintext in `out` then.
    ///
    /// Secret: the key, the unwrapped bytes. Public: `wrapped`, `context`, the lengths. Leaks:
    /// whether it opened.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`UnwrapError`].
    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Self::Error>>;
}

/// A private key in memory: only the random number generator can fail as a device.
impl Identity for rsa::PrivateKey {
    type Error = RngError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<RngError>> {
        self.decrypt_oaep_sha256(&[], wrapped, rng, out)
            .map_err(|error| match error {
                rsa::DecryptError::Rng => UnwrapError::Device(RngError),
                rsa::DecryptError::Opaque => UnwrapError::Opaque,
                rsa::DecryptError::Fault => UnwrapError::Fault,
            })
    }
}

/// Why an [`Identity`] did not unwrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UnwrapError<E> {
    /// The wrapped bytes do not open with this key. Deliberately gives no reason.
    Opaque,
    /// The device that holds the key failed before any decryption.
    Device(E),
    /// The device computed an impossible result: a fault in the device.
    Fault,
}

impl<E> UnwrapError<E> {
    /// Changes what the device reports.
    #[cfg(any(feature = "p256", feature = "pq"))]
    pub(crate) fn map<F>(self, change: impl FnOnce(E) -> F) -> UnwrapError<F> {
        match self {
            Self::Opaque => UnwrapError::Opaque,
            Self::Device(error) => UnwrapError::Device(change(error)),
            Self::Fault => UnwrapError::Fault,
        }
    }
}

impl<E> From<Fault> for UnwrapError<E> {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl<E> fmt::Display for UnwrapError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opaque => f.write_str("the wrapped bytes do not open with this key"),
            Self::Device(_) => f.write_str("the key's device failed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for UnwrapError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            _ => None,
        }
    }
}
