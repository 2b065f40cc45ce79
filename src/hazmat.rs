// SPDX-License-Identifier: MIT OR Apache-2.0
//! The building blocks, for tests and experts. Not covered by semver.
//!
//! ```
//! use security_domain::hazmat::ct::Mask;
//!
//! let smaller = Mask::lt(3, 5);
//! assert_eq!(smaller.select(3, 5), 3);
//! assert!(smaller.declassify());
//! ```

#[cfg(feature = "sealed-domain")]
mod host;
mod rng;

/// An HSM in memory and a generator that fails, for tests of firmware.
pub mod testing {
    #[cfg(feature = "sealed-domain")]
    pub use super::host::{RamHost, RamSlots};
    pub use super::rng::TestRng;
}

/// Constant-time primitives.
pub mod ct {
    pub use crate::ct::{Mask, eq_bytes};
}

/// The integers mod 257.
pub mod gf257 {
    pub use crate::gf257::{Element, evaluate, leading_weight, weight};
}

/// Key derivation.
#[cfg(feature = "sealed-domain")]
pub mod kdf {
    pub use crate::kdf::{Pseudorandom, sp800_108_hmac_sha512};
}

/// GF(2^8): public and secret elements, and every kernel.
pub mod gf256 {
    pub use crate::gf256::{Backend, Element, Public, Store, Term, mul_add_row, mul_row, sum_rows};
}

/// The power-up self-tests on hardware that fails.
#[cfg(feature = "sealed-domain")]
pub mod self_test {
    pub use crate::self_test::hazmat::{Compare, Judge, Wrong, run_judged};
}

/// The draws of an HSM.
#[cfg(feature = "sealed-domain")]
pub mod lifecycle {
    pub use crate::lifecycle::hazmat::{Fresh, session_instance};
}

/// Requests and contributions without an HSM.
#[cfg(feature = "sealed-domain")]
pub mod contribution {
    pub use crate::contribution::hazmat::{AskError, Asking, open_contribution};
}

/// The state at rest.
#[cfg(feature = "sealed-domain")]
pub mod record {
    use crate::lifecycle::Host;
    use crate::sealed_domain::InstanceId;
    use crate::storage::{RecordError, record};

    pub use crate::storage::record::{Loaded, OVERHEAD, Position};

    /// Reads the newest state into `buffer`, and writes it again two numbers higher.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`RecordError`].
    pub fn load<H: Host + ?Sized>(host: &mut H, buffer: &mut [u8]) -> Result<Loaded, RecordError> {
        let (loaded, permit) = record::load(host, buffer)?;
        permit.spend(RecordError::Fault)?;
        Ok(loaded)
    }

    /// Makes `buffer[..len]` the current state, and wipes the buffer.
    ///
    /// After an error of the flash the next call may fail too: it only moves the current state past
    /// the number that failed.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`RecordError`] except `NotErased`.
    pub fn save<H: Host + ?Sized>(
        host: &mut H,
        instance: InstanceId,
        position: &mut Position,
        buffer: &mut [u8],
        len: usize,
    ) -> Result<(), RecordError> {
        let saved = record::save(host, instance, position, buffer, len)?;
        saved.stands.spend(RecordError::Fault)
    }

    /// Like [`save`], but returns [`RecordError::NotErased`] if the new state is stored and the old
    /// one is not erased.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`RecordError`].
    pub fn save_and_erase<H: Host + ?Sized>(
        host: &mut H,
        instance: InstanceId,
        position: &mut Position,
        buffer: &mut [u8],
        len: usize,
    ) -> Result<(), RecordError> {
        let saved = record::save(host, instance, position, buffer, len)?;
        saved.stands.spend(RecordError::Fault)?;
        let erased = saved.erased.ok_or(RecordError::NotErased)?;
        erased.spend(RecordError::NotErased)
    }
}

/// The shares and the master key of the Azure format.
#[cfg(feature = "managed-hsm")]
pub mod managed_hsm {
    pub use crate::managed_hsm::hazmat::{
        Selection, deal, expose_master_key, half_bytes, master_key, share_from_words, share_words,
    };
    pub use crate::managed_hsm::restore_session::hazmat::Asking;
}

/// Backups without an HSM.
#[cfg(feature = "sealed-domain")]
pub mod backup {
    pub use crate::backup::hazmat::{BackupKey, Reader, Writer};
    use crate::backup::{BackupHeader, BackupInfo, BeginError, RestoreError};
    use crate::rng::{Erased, Generator};
    use crate::sealed_domain::Root;

    /// Begins a backup in the domain of `root`, and derives its key in `key`.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`BeginError`].
    pub fn write<R: Generator + ?Sized>(
        root: &Root,
        info: &BackupInfo<'_>,
        rng: &mut R,
        key: &mut BackupKey,
    ) -> Result<Writer, BeginError> {
        Writer::begin(root, info, 0, &mut Erased(rng), key)
    }

    /// Begins to restore a backup into the domain of `root`, and derives its key in `key`.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`RestoreError`].
    pub fn read(
        root: &Root,
        header: &BackupHeader<'_>,
        key: &mut BackupKey,
    ) -> Result<Reader, RestoreError> {
        Reader::begin(root, header, key)
    }
}
