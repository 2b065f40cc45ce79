// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups: everything that an HSM keeps, or a single key, sealed under a key of its domain.
//!
//! A backup is a header that everyone can read, and chunks that only an HSM of the same domain
//! opens. It may be another HSM, in another epoch: the key depends only on the root and the header.
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, "Online
//! Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015) over AES-256-GCM.
//! `docs/format.md` specifies every byte.
//!
//! Everything happens in place, in the caller's buffer of at most [`SEALED_CHUNK_LEN`] bytes. A
//! [`Backup`](crate::lifecycle::Backup) takes exactly as many bytes as its header announces. A
//! [`Restore`](crate::lifecycle::Restore) returns a chunk only after it was authenticated. The
//! backup as a whole is authenticated only when [`finish`](crate::lifecycle::Restore::finish) has
//! returned `Ok`; nothing that was restored may take effect before.
//!
//! A header identifies a backup to an operator without an HSM:
//!
//! ```
//! use security_domain::backup::{BackupHeader, FRONT_MAX_LEN, Kind};
//!
//! # let backup = include_bytes!("../tests/vectors/backup/good.backup");
//! let front = &backup[..FRONT_MAX_LEN.min(backup.len())];
//! let header = BackupHeader::parse(front)?;
//! assert!(matches!(header.info().kind, Kind::Full(_)));
//! assert_eq!(header.sealed_len(), backup.len() as u64);
//! # Ok::<(), security_domain::backup::HeaderError>(())
//! ```

mod chunks;
mod error;
mod header;
mod key;
mod length;
mod name;
mod reader;
mod writer;

pub use error::{BeginError, Field, HeaderError, RestoreError, StreamError, WrongDomain};
pub use header::{BackupHeader, BackupId, BackupInfo, FRONT_MAX_LEN, Kind};
pub(crate) use key::BackupKey;
pub use length::{CHUNK_LEN, MAX_LEN, SEALED_CHUNK_LEN, TAG_LEN};
pub use name::Name;
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

/// Writes and reads backups without an HSM.
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat {
    pub use super::key::BackupKey;
    pub use super::reader::Reader;
    pub use super::writer::Writer;
}
