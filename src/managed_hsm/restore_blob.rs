// SPDX-License-Identifier: MIT OR Apache-2.0
//! The restore blob: the artifacts of a domain, sealed again to one HSM's transfer key.
//!
//! The client makes it from a domain file and a quorum of custodian keys. The HSM that is being
//! recovered opens it and takes all artifacts or none.
//!
//! ```
//! use security_domain::managed_hsm::restore_blob::RestoreBlob;
//!
//! let text = include_bytes!("../../tests/vectors/managed-hsm/valid/v01-2of3-2048/restore-0-1.json");
//! let blob = RestoreBlob::parse(text)?;
//! assert_eq!(blob.artifacts().count(), 3);
//! # Ok::<(), security_domain::managed_hsm::FileError>(())
//! ```

use core::fmt;

use super::domain_file::DomainFile;
use super::enc_data::{self, Artifact, EncData, Spacing, reseal};
use super::error::{Fault, Field, FileError, OpenError, WriteError};
use super::json::{self, Member};
use super::key_transport::{self, DIGEST_LEN, EncKey, Entry, Failure, Place};
use super::master_key::MasterKey;
use super::shares::KEY;
use super::split_file::SplitFile;
use super::writer;
use crate::burn::{self, burning};
use crate::ct::eq_bytes;
use crate::custodian::Identity;
use crate::hardened::Verdict;
use crate::rng::{Generator, RngError};
use crate::secret::{Secret, wipe};
use crate::x509::{Certificate, Thumbprint};

const WRAPPED_KEY: Place = Place {
    object: Field::new("WrappedKey"),
    enc_key: Field::new("WrappedKey.enc_key"),
    x5t_256: Field::new("WrappedKey.x5t_256"),
};

/// A restore blob whose form has been checked, as far as that is possible without a key.
#[derive(Clone)]
pub struct RestoreBlob<'a> {
    enc_data: EncData<'a>,
    wrapped_key: EncKey<'a>,
}

impl<'a> RestoreBlob<'a> {
    /// Parses a blob. Any order of members and any spacing is accepted; everything else must follow
    /// the format.
    ///
    /// # Errors
    ///
    /// [`FileError`], which names the first wrong field and its fault.
    pub fn parse(text: &'a [u8]) -> Result<Self, FileError> {
        let top = Field::new("restore blob");
        let members = [
            Member::new("EncData", Field::new("EncData")),
            Member::new("WrappedKey", WRAPPED_KEY.object),
        ];
        let mut enc_data = EncData::new();
        let mut wrapped_key = None;
        json::document(text, top, None, |reader| {
            reader.object(top, &members, |reader, member| {
                if member == 0 {
                    return enc_data.read(reader);
                }
                wrapped_key = Some(Entry::read(reader, WRAPPED_KEY, KEY)?.enc_key()?);
                Ok(())
            })
        })?;
        enc_data.check()?;
        Ok(Self {
            enc_data,
            wrapped_key: wrapped_key.ok_or(WRAPPED_KEY.object.has(Fault::Missing))?,
        })
    }

    /// Returns the digest of the certificate of the transfer key to which the blob is sealed.
    pub fn transfer_thumbprint(&self) -> Thumbprint {
        self.wrapped_key.to()
    }

    /// Iterates over the artifacts, in the order of the blob.
    pub fn artifacts(&self) -> impl Iterator<Item = Artifact<'a>> + '_ {
        self.enc_data.artifacts()
    }

    /// Checks that the blob is sealed to this certificate, and to a key of its size.
    ///
    /// # Errors
    ///
    /// [`FileError`] if it is sealed to another certificate, or the wrapped key has another length.
    pub fn check_certificate(&self, certificate: &Certificate<'_>) -> Result<(), FileError> {
        if certificate.thumbprint() != self.transfer_thumbprint() {
            return Err(WRAPPED_KEY.x5t_256.has(Fault::NotListed));
        }
        self.wrapped_key
            .check_size(certificate.public_key().size(), WRAPPED_KEY.enc_key)
    }

    /// Opens the blob with the private transfer key whose certificate has the digest `transfer`.
    /// Returns the key that opens the artifacts, after checking that it opens all of them.
    ///
    /// Secret: the identity's key, the master key. Public: the blob. Leaks: whether all of it opens.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`RestoreError`].
    pub fn open<I, R>(
        &self,
        transfer: &Thumbprint,
        identity: &mut I,
        rng: &mut R,
    ) -> Result<MasterKey, RestoreError<I::Error>>
    where
        I: Identity,
        R: Generator + ?Sized,
    {
        burning::<{ burn::JWE }, _>(move || {
            let (have, want) = (*transfer, self.transfer_thumbprint());
            Verdict::twice(|| eq_bytes(transfer.as_bytes(), self.transfer_thumbprint().as_bytes()))
                .or(RestoreError::OtherTransferKey { have, want })?;
            // If no master key is unwrapped, a random one stays, so that the artifacts are still
            // tried and timing does not show what failed.
            let mut key = Secret::random(rng).map_err(|_| RestoreError::Rng)?;
            let unsealed = self
                .wrapped_key
                .open::<{ KEY + 16 }, KEY, I, R>(identity, rng, &mut key);
            let unsealed = match unsealed {
                Ok(permit) => Ok(permit),
                Err(Failure::Opaque) => Err(RestoreError::DoesNotOpen),
                Err(Failure::Device(error)) => return Err(RestoreError::Device(error)),
                Err(Failure::Rng) => return Err(RestoreError::Rng),
                Err(Failure::Fault) => return Err(RestoreError::Fault),
            };
            let key = MasterKey::new(key);
            let opens = self.enc_data.opens(&key).map_err(|error| match error {
                OpenError::DoesNotOpen => RestoreError::DoesNotOpen,
                OpenError::BufferTooSmall { .. } | OpenError::Fault => RestoreError::Fault,
            });
            unsealed?.and(opens?).spend(RestoreError::DoesNotOpen)?;
            Ok(key)
        })
    }
}

impl fmt::Debug for RestoreBlob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreBlob")
            .field("transfer_thumbprint", &self.transfer_thumbprint())
            .finish_non_exhaustive()
    }
}

/// Why a restore blob did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RestoreError<E> {
    /// The blob is sealed to another transfer key.
    OtherTransferKey {
        /// The transfer key that was to open it.
        have: Thumbprint,
        /// The transfer key to which it is sealed.
        want: Thumbprint,
    },
    /// The blob does not open with this key. Deliberately gives no reason.
    DoesNotOpen,
    /// The device that holds the key failed.
    Device(E),
    /// The random number generator failed.
    Rng,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl<E> fmt::Display for RestoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherTransferKey { have, want } => {
                write!(f, "the blob is sealed to transfer key {want}, not {have}")
            }
            Self::DoesNotOpen => f.write_str("the blob does not open with this transfer key"),
            Self::Device(_) => f.write_str("the key's device failed"),
            Self::Rng => RngError.fmt(f),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for RestoreError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            _ => None,
        }
    }
}

/// A domain file of either version, whose artifacts a restore blob seals again.
#[derive(Clone, Copy)]
pub struct Origin<'f>(&'f EncData<'f>);

impl<'f> From<&'f DomainFile<'_>> for Origin<'f> {
    fn from(file: &'f DomainFile<'_>) -> Self {
        Self(file.enc_data())
    }
}

impl<'f> From<&'f SplitFile<'_>> for Origin<'f> {
    fn from(file: &'f SplitFile<'_>) -> Self {
        Self(file.enc_data())
    }
}

impl fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.artifacts()).finish()
    }
}

/// Returns how many bytes [`write()`] writes.
pub fn encoded_len<'f>(file: impl Into<Origin<'f>>, transfer: &Certificate<'_>) -> usize {
    let entries =
        { file.into().0.artifacts() }.map(|artifact| (artifact.tag(), artifact.ciphertext_len()));
    let frame = "{, \"WrappedKey\": {\"enc_key\": \"\", \"x5t_256\": \"\"}}".len();
    enc_data::encoded_len(&Spacing::PYTHON, entries)
        + frame
        + key_transport::sealed_to_len(transfer, KEY)
        + DIGEST_LEN
}

/// Writes a restore blob as the client does: seals every artifact of `file`, which `key` opens,
/// under a fresh master key, and that key to the transfer certificate.
///
/// Only one chunk of 192 bytes of plaintext exists at a time. `out` needs [`encoded_len`] bytes,
/// and is wiped on an error.
///
/// Secret: `key`, the artifacts. Public: the file, the certificate. Leaks: whether `key` opens the
/// file.
///
/// # Errors
///
/// - [`WriteError::BufferTooSmall`]: `out` is too short.
/// - [`WriteError::DoesNotOpen`]: `key` does not open `file`.
/// - [`WriteError::Rng`]: the generator failed.
/// - [`WriteError::Fault`]: an internal check failed.
pub fn write<'f, R: Generator + ?Sized>(
    file: impl Into<Origin<'f>>,
    key: &MasterKey,
    transfer: &Certificate<'_>,
    rng: &mut R,
    out: &mut [u8],
) -> Result<usize, WriteError> {
    burning::<{ burn::JWE }, _>(move || {
        let file = file.into();
        let opens = { file.0.opens(key) }
            .map_err(WriteError::from)
            .and_then(|permit| permit.spend(WriteError::DoesNotOpen));
        if let Err(error) = opens {
            wipe(out);
            return Err(error);
        }
        writer::write(out, encoded_len(file, transfer), |writer| {
            let fresh = MasterKey::drawn(rng)?;
            writer.put("{")?;
            let artifacts = file.0.artifacts();
            let entries = artifacts.map(|artifact| (artifact.tag(), artifact));
            enc_data::write(
                writer,
                &Spacing::PYTHON,
                &fresh,
                rng,
                entries,
                |sealer, _, artifact| reseal(&artifact, key, sealer),
            )?;
            writer.put(", \"WrappedKey\": {\"enc_key\": \"")?;
            key_transport::seal(writer, fresh.secret().expose(), transfer, rng)?;
            writer.put("\", \"x5t_256\": \"")?;
            key_transport::put_digest(writer, transfer.thumbprint())?;
            writer.put("\"}}")
        })
    })
}
