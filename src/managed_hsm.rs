// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of Azure Managed HSM: a security domain that leaves an HSM, and enters another.
//!
//! | file | who writes it | module |
//! |---|---|---|
//! | request for a download | client | [`certificate_info`] |
//! | security-domain file | HSM | [`domain_file`] |
//! | transfer key | HSM | [`transfer_key`] |
//! | restore blob | client | [`restore_blob`] |
//! | single key's backup | HSM | [`key_backup`] |
//!
//! Both sides of each are here. The readers work on the caller's bytes where they stand, take any
//! order of members and any spacing, and refuse everything that the format does not allow, naming the
//! field. What it takes a key to know has one opaque error. The writers fill the caller's buffer,
//! all or nothing.

mod base64;
mod enc_data;
mod error;
mod json;
mod jwe;
mod jwk;
mod key_transport;
mod shares;
mod tag;
mod writer;

pub mod certificate_info;
pub mod domain_file;
pub mod key_backup;
pub mod restore_blob;
pub mod transfer_key;

use crate::secret::Secret;

pub use enc_data::{Artifact, MAX_ENTRIES};
pub use error::{Fault, Field, FileError, OpenError, WriteError};
pub use shares::Share;
pub use tag::{MAX_TAG_LEN, Tag, TagError};

/// The fewest custodians that a file can have.
pub const MIN_CUSTODIANS: usize = 3;

/// The most custodians that a file can have.
pub const MAX_CUSTODIANS: usize = 10;

/// The longest certificate that is read, in bytes of DER.
pub const MAX_CERTIFICATE_LEN: usize = 8192;

/// The key that opens every artifact of one file. It comes from a quorum of shares, or from a restore
/// blob, and is wiped when dropped.
pub struct MasterKey(Secret<32>);

impl MasterKey {
    const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    fn secret(&self) -> &Secret<32> {
        &self.0
    }
}

impl core::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// What the tests and the checks of constant time reach.
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat {
    use super::MasterKey;
    use super::shares::{SHARE, Share};
    use crate::quorum::Quorum;
    use crate::secret::Secret;
    use crate::x509::Thumbprint;

    pub use super::shares::{Selection, deal};

    /// A master key with these bytes.
    pub fn master_key(bytes: Secret<32>) -> MasterKey {
        MasterKey::new(bytes)
    }

    /// The bytes of a master key.
    pub fn expose_master_key(key: &MasterKey) -> &Secret<32> {
        key.secret()
    }

    /// Reads the words of a share, as it is done when one has been opened.
    pub fn share_from_words(
        custodian: Thumbprint,
        quorum: Quorum,
        words: &Secret<SHARE>,
    ) -> Option<Share> {
        Share::from_words(custodian, quorum, words)
    }

    /// The words of a share.
    pub fn share_words(share: &Share) -> Secret<SHARE> {
        share.to_words()
    }
}
