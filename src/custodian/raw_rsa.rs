// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device that computes only the private operation of RSA (RFC 8017 section 5.1.2), as a PIV card
//! or a token with PKCS#11's `CKM_RSA_X_509`.
//!
//! ```
//! use security_domain::custodian::{Identity, RawDevice, RawRsa, UnwrapError};
//! use security_domain::rsa::PublicKey;
//!
//! /// A card in a reader. Here it was pulled out.
//! struct Card;
//!
//! #[derive(Debug, PartialEq)]
//! struct Absent;
//!
//! impl RawDevice for Card {
//!     type Error = Absent;
//!
//!     fn raw(&mut self, _ciphertext: &[u8], _block: &mut [u8]) -> Result<usize, Absent> {
//!         Err(Absent)
//!     }
//! }
//!
//! // From the custodian's certificate.
//! let spki = include_bytes!("../../tests/vectors/rsa/keys/2048.spki.der");
//! let mut identity = RawRsa::new(PublicKey::from_spki_der(spki)?, Card);
//! let mut out = [0; 65];
//! let answer = identity.unwrap_key(&[0; 256], &[], &mut getrandom::SysRng, &mut out);
//! assert_eq!(answer, Err(UnwrapError::Device(Absent)));
//! # Ok::<(), security_domain::rsa::KeyError>(())
//! ```

use super::{Identity, UnwrapError};
use crate::rng::{Erased, Generator};
use crate::rsa::{DecryptError, PublicKey};

/// A device that applies an RSA private key to a number.
pub trait RawDevice {
    /// What the device may report: token absent, PIN wrong. It must not depend on the result.
    type Error;

    /// Computes `ciphertext` to the power of the private exponent, modulo the modulus, and writes
    /// the result to the front of `block`, big-endian. Returns how many bytes it wrote.
    ///
    /// Both are as long as the modulus. A device that strips leading zeros writes fewer bytes.
    ///
    /// Secret: the key, `block`, the returned length. Public: `ciphertext`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// What the device reports.
    fn raw(&mut self, ciphertext: &[u8], block: &mut [u8]) -> Result<usize, Self::Error>;
}

/// An [`Identity`] from a [`RawDevice`]: decodes RSAES-OAEP with SHA-256 here, in constant time.
///
/// A result is used only if the public key confirms it: from another key, or after a fault in the
/// device, it is [`UnwrapError::Fault`]. An answer that is shorter than the modulus is padded with
/// leading zeros in constant time, and a longer one is a fault.
///
/// The decoded block is wiped. Copies in the device's driver are not reached.
#[derive(Debug)]
pub struct RawRsa<D> {
    public: PublicKey,
    device: D,
}

impl<D: RawDevice> RawRsa<D> {
    /// Joins a device with the public half of its key, which the custodian's certificate has.
    pub fn new(public: PublicKey, device: D) -> Self {
        Self { public, device }
    }

    /// Returns the public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Returns the device.
    pub fn into_device(self) -> D {
        self.device
    }
}

impl<D: RawDevice> Identity for RawRsa<D> {
    type Error = D::Error;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<D::Error>> {
        let Self { public, device } = self;
        let raw = &mut |ciphertext: &[u8], block: &mut [u8]| device.raw(ciphertext, block);
        public
            .decrypt_by(raw, wrapped, &mut Erased(rng), out)
            .map_err(UnwrapError::Device)?
            .map_err(|error| match error {
                DecryptError::Opaque => UnwrapError::Opaque,
                DecryptError::Rng | DecryptError::Fault => UnwrapError::Fault,
            })
    }
}
