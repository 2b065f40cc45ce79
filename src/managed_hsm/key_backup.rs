// SPDX-License-Identifier: MIT OR Apache-2.0
//! A single key's backup: one compact JWE, encrypted directly under a key that the HSM has.
//!
//! The HSM defines the meaning of the plaintext, which is not described here.
//!
//! ```
//! use security_domain::managed_hsm::key_backup::{self, KeyBackup};
//! use security_domain::secret::Secret;
//!
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_chacha::rand_core::SeedableRng>::from_seed([7; 32]);
//! let key = Secret::random(&mut rng).unwrap();
//! let mut text = [0; 256];
//! let length = key_backup::seal(&key, b"a wrapped key", &mut rng, &mut text).unwrap();
//! assert_eq!(length, key_backup::encoded_len(13));
//!
//! let backup = KeyBackup::parse(&text[..length]).unwrap();
//! let mut out = [0; 15];
//! assert_eq!(backup.open(&key, &mut out), Ok(13));
//! assert_eq!(&out[..13], b"a wrapped key");
//! ```

use core::fmt;

use super::error::{Field, FileError, OpenError, WriteError};
pub use super::jwe::ContentKey;
use super::jwe::{Algorithm, Jwe, Sealer, padded_len, sealed_len};
use super::source::Text;
use super::writer;
use crate::burn::{self, burning};
use crate::rng::Generator;

const KID: &str = "backup-protection-key";

/// A key backup whose form has been checked.
pub struct KeyBackup<'a> {
    jwe: Jwe<Text<'a>>,
}

impl<'a> KeyBackup<'a> {
    /// Parses a backup: only the JWE, without even a line end.
    ///
    /// # Errors
    ///
    /// [`FileError`], which names the first wrong part and its fault.
    pub fn parse(text: &'a [u8]) -> Result<Self, FileError> {
        let at = Field::new("key backup");
        let jwe = Jwe::parse(Text(text), Algorithm::Direct, KID.bytes(), at)?;
        Ok(Self { jwe })
    }

    /// Returns the length of the ciphertext in bytes, a multiple of 16.
    pub fn ciphertext_len(&self) -> usize {
        self.jwe.ciphertext_len()
    }

    /// Returns the maximum length of the plaintext, which is the buffer that [`open`](Self::open)
    /// needs.
    pub fn max_len(&self) -> usize {
        self.ciphertext_len().saturating_sub(1)
    }

    /// Opens the backup into the front of `out`, and returns the plaintext's length.
    ///
    /// Secret: `key`, the plaintext. Public: the backup. Leaks: whether it opens, and the plaintext's
    /// length then.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`OpenError`].
    pub fn open(&self, key: &ContentKey, out: &mut [u8]) -> Result<usize, OpenError> {
        burning::<{ burn::JWE }, _>(move || self.jwe.open(key, out))
    }
}

impl fmt::Debug for KeyBackup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBackup")
            .field("ciphertext_len", &self.ciphertext_len())
            .finish_non_exhaustive()
    }
}

/// Returns how many bytes [`seal`] writes for a plaintext of this length.
pub fn encoded_len(plaintext: usize) -> usize {
    sealed_len(Algorithm::Direct, KID.chars(), 0, padded_len(plaintext))
}

/// Seals a backup. `out` needs [`encoded_len`] bytes, and is wiped on an error.
///
/// Secret: `key`, `plaintext`. Public: the length. Leaks: nothing else.
///
/// # Errors
///
/// - [`WriteError::BufferTooSmall`]: `out` is too short.
/// - [`WriteError::Rng`]: the generator failed.
/// - [`WriteError::Fault`]: an internal check failed.
pub fn seal<R: Generator + ?Sized>(
    key: &ContentKey,
    plaintext: &[u8],
    rng: &mut R,
    out: &mut [u8],
) -> Result<usize, WriteError> {
    burning::<{ burn::JWE }, _>(move || {
        writer::write(out, encoded_len(plaintext.len()), |writer| {
            Sealer::begin(writer, Algorithm::Direct, KID.chars(), &[], key, rng)?
                .plaintext(plaintext)
        })
    })
}
