// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one joint where custodians' key types differ.
//!
//! A custodian's private key is reached only through [`Identity`]: a key in memory, a token, a KMS.
//! It hands out raw bytes; what they mean is checked above it, so that one joint serves content
//! keys, shares and tokens alike.

use rand_core::TryCryptoRng;

use crate::rng::RngError;
use crate::rsa;

/// The private half of a custodian's key pair, wherever it lives.
pub trait Identity {
    /// What the device behind the key may report: token absent, PIN wrong. Never anything that
    /// depends on the decrypted bytes.
    type Error;

    /// Unwraps `wrapped` into the front of `out` and returns how many bytes it wrote.
    ///
    /// RSA keys: RSAES-OAEP (RFC 8017 section 7.1.2) with SHA-256 for hash and MGF1 and an empty
    /// label. `rng` serves blinding. Implementations answer every decryption failure, and a message
    /// that does not fit `out`, with [`Unwrap::Opaque`], and leave no plaintext in `out` then.
    ///
    /// Secret: the key, the unwrapped bytes. Public: `wrapped`, the lengths. Leaks: whether it opened.
    fn unwrap<R: TryCryptoRng + ?Sized>(
        &mut self,
        rng: &mut R,
        wrapped: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Unwrap<Self::Error>>;
}

/// A private key in memory: the device that may fail is the random number generator.
impl Identity for rsa::PrivateKey {
    type Error = RngError;

    fn unwrap<R: TryCryptoRng + ?Sized>(
        &mut self,
        rng: &mut R,
        wrapped: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Unwrap<RngError>> {
        self.decrypt_oaep_sha256(rng, &[], wrapped, out)
            .map_err(|error| match error {
                rsa::DecryptError::Rng => Unwrap::Device(RngError),
                rsa::DecryptError::Opaque => Unwrap::Opaque,
            })
    }
}

/// Why an [`Identity`] did not unwrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unwrap<E> {
    /// It does not open with this key. Nothing more can be told without the key.
    Opaque,
    /// The device that holds the key failed, before any decryption.
    Device(E),
}

impl<E: core::fmt::Display> core::fmt::Display for Unwrap<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Opaque => f.write_str("it does not open with this key"),
            Self::Device(error) => write!(f, "the key's device failed: {error}"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Unwrap<E> {}
