// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transfer key of a session, as a device holds it: an RSA engine or a secure element.

use core::fmt;

use crate::custodian::UnwrapError;
use crate::rng::RngError;
use crate::rsa::{ModulusSize, PublicKey};

/// A device that holds the transfer key of a session, so that its private half is never in memory.
///
/// A host without one returns `None` from [`Host::transfer_key`](super::Host::transfer_key); the
/// vault then generates and holds the key. The device holds one key at a time, also without power,
/// and uses it for nothing else.
///
/// What the device returns is checked: a generated key must open what is encrypted to it, the
/// public key must be the session's before each use, a signature must verify, and what was unwrapped
/// is checked like bytes from a file. The device must feed the host's watchdog during a long
/// operation.
pub trait TransferKey {
    /// Generates a key of this size, in place of any that the device holds.
    ///
    /// # Errors
    ///
    /// [`TransferKeyError::Failed`] if the device failed.
    fn generate(&mut self, size: ModulusSize) -> Result<(), TransferKeyError>;

    /// Returns the public half of the key that the device holds; `None` if it holds no key.
    ///
    /// # Errors
    ///
    /// [`TransferKeyError::Failed`] if the device failed.
    fn public_key(&mut self) -> Result<Option<PublicKey>, TransferKeyError>;

    /// Unwraps `wrapped` into the front of `out` with RSAES-OAEP and SHA-256, as
    /// [`Identity::unwrap_key`] describes, and returns how many bytes it wrote.
    ///
    /// Secret: the key, the unwrapped bytes. Public: `wrapped`, the lengths. Leaks: whether it opened.
    ///
    /// # Errors
    ///
    /// [`UnwrapError::Opaque`] for every decryption failure, and [`UnwrapError::Device`] if the
    /// device failed before.
    ///
    /// [`Identity::unwrap_key`]: crate::custodian::Identity::unwrap_key
    fn unwrap_key(
        &mut self,
        wrapped: &[u8],
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<TransferKeyError>>;

    /// Signs `message` with RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.1) and SHA-256, into `out`, which
    /// is as long as the modulus. Only the certificate for an import is signed.
    ///
    /// # Errors
    ///
    /// [`TransferKeyError::Failed`] if the device failed.
    fn sign(&mut self, message: &[u8], out: &mut [u8]) -> Result<(), TransferKeyError>;

    /// Destroys the key, if the device holds one. Its private half must not be recoverable when this
    /// returns, and [`public_key`](Self::public_key) must return `None`.
    ///
    /// The end of a session calls this, when the generator and the flash may have failed. So it must
    /// need neither.
    ///
    /// # Errors
    ///
    /// [`TransferKeyError::Failed`] if the device may still hold the key.
    fn destroy(&mut self) -> Result<(), TransferKeyError>;
}

/// What is wrong with a transfer key or its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TransferKeyError {
    /// The random number generator, which blinds a key in the vault, failed.
    Rng,
    /// The device failed.
    Failed,
    /// A device holds the session's key, and there is no such device, or it holds no key.
    Missing,
    /// The device holds another key than the session's.
    OtherKey,
    /// The device generated a key of another size, or one that does not open what is encrypted to
    /// it, or its signature does not verify.
    Unusable,
    /// What was to end has ended in the vault and on the flash, but the device may still hold the
    /// transfer key. Zeroizing the HSM and starting it again both try again.
    NotDestroyed,
}

impl fmt::Display for TransferKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rng => return RngError.fmt(f),
            Self::Failed => "the device that holds the transfer key failed",
            Self::Missing => "no device holds the session's transfer key any more",
            Self::OtherKey => "the device holds another transfer key than the session's",
            Self::Unusable => "the transfer key that the device generated does not work",
            Self::NotDestroyed => {
                "the device may still hold the transfer key: zeroize the HSM, or start it again"
            }
        })
    }
}

impl core::error::Error for TransferKeyError {}
