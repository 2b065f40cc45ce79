// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of Azure Managed HSM, in which a security domain leaves one HSM and enters another.
//!
//! | file | who writes it | module |
//! |---|---|---|
//! | request for a download | client | [`certificate_info`] |
//! | security-domain file | HSM | [`domain_file`] |
//! | the same, version 1 of 2020 | HSM | [`split_file`] |
//! | transfer key | HSM | [`transfer_key`] |
//! | restore blob | client | [`restore_blob`] |
//! | single key's backup | HSM | [`key_backup`] |
//!
//! Custodians who do not meet exchange two files of this crate's own, in a [`restore_session`].
//!
//! Both sides of each file are here, but nothing writes version 1. The readers work on the caller's
//! bytes in place, accept any order of members and any spacing, and refuse everything that the
//! format does not allow, naming the field. Failures that depend on a key have one opaque error.
//! The writers fill the caller's buffer, all or nothing.
//!
//! A quorum of custodians opens a file, and seals it to the transfer key of the target HSM:
//!
//! ```
//! use security_domain::managed_hsm::{domain_file::DomainFile, restore_blob};
//! use security_domain::rsa::PrivateKey;
//! use security_domain::x509::{Certificate, RecoveryCertificate};
//!
//! # macro_rules! vector { ($name:literal) => {
//! #     include_str!(concat!("../tests/vectors/managed-hsm/", $name))
//! # }; }
//! # fn der(pem: &str) -> Vec<u8> {
//! #     let body: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
//! #     let mut der = vec![0; body.len()];
//! #     <base64ct::Base64 as base64ct::Encoding>::decode(&body, &mut der).unwrap().to_vec()
//! # }
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_chacha::rand_core::SeedableRng>::from_seed([7; 32]);
//! # let text = vector!("valid/v01-2of3-2048/sd.json").as_bytes();
//! # let custodians = [
//! #     (vector!("keys/s2048_0.cer"), vector!("keys/s2048_0.key")),
//! #     (vector!("keys/s2048_2.cer"), vector!("keys/s2048_2.key")),
//! # ].map(|(certificate, key)| (der(certificate), der(key)));
//! # let transfer = der(vector!("keys/stransfer2048.cer"));
//! let file = DomainFile::parse(text)?;
//! let mut shares = Vec::new();
//! for (certificate, key) in custodians {
//!     let custodian = RecoveryCertificate::parse(&certificate)?.thumbprint();
//!     let mut identity = PrivateKey::from_pkcs8_der(&key)?;
//!     shares.push(file.open_share(&custodian, &mut identity, &mut rng)?);
//! }
//! let combined = file.combine(&shares)?;
//! assert!(combined.left_out().is_empty());
//!
//! let transfer = Certificate::parse(&transfer)?;
//! let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
//! restore_blob::write(&file, combined.master_key(), &transfer, &mut rng, &mut blob)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base64;
mod custodians;
mod enc_data;
mod error;
mod file_digest;
mod json;
mod jwe;
mod jwk;
mod key_transport;
mod master_key;
mod member_name;
mod shares;
mod source;
mod tag;
mod writer;

pub mod certificate_info;
pub mod domain_file;
pub mod drill;
pub mod key_backup;
pub mod restore_blob;
pub mod restore_session;
pub mod split_file;
pub mod transfer_key;

pub use custodians::{MAX_CUSTODIANS, MIN_CUSTODIANS};
pub use enc_data::{Artifact, MAX_ENTRIES};
pub use error::{Fault, Field, FileError, OpenError, TagError, UnknownMember, WriteError};
pub use file_digest::FileDigest;
pub use master_key::MasterKey;
pub use member_name::MemberName;
pub use shares::Share;
pub use tag::{MAX_TAG_LEN, Tag};

/// The maximum length of a certificate, in bytes of DER.
pub const MAX_CERTIFICATE_LEN: usize = 8192;

/// Internals for the tests and the checks of constant time.
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat {
    use super::MasterKey;
    use super::shares::{SHARE, Share};
    use super::split_file::Half;
    use crate::quorum::Quorum;
    use crate::secret::Secret;
    use crate::x509::Thumbprint;

    pub use super::shares::{Selection, deal};

    /// Makes a master key from its bytes.
    pub fn master_key(bytes: Secret<32>) -> MasterKey {
        MasterKey::new(bytes)
    }

    /// Returns the bytes of a master key.
    pub fn expose_master_key(key: &MasterKey) -> &Secret<32> {
        key.secret()
    }

    /// Reads the words of a share, as is done after it has been opened.
    pub fn share_from_words(
        custodian: Thumbprint,
        quorum: Quorum,
        words: &Secret<SHARE>,
    ) -> Option<Share> {
        Share::from_words(custodian, quorum, words)
    }

    /// Returns the words of a share.
    pub fn share_words(share: &Share) -> Secret<SHARE> {
        share.to_words()
    }

    /// Returns the bytes of a half.
    pub fn half_bytes(half: &Half) -> &Secret<32> {
        half.bytes()
    }
}
