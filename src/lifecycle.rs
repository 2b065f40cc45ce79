// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state machine of a security domain in an HSM: provisioned, sealed to its custodians, and
//! recovered in another HSM after the first is lost. `docs/lifecycle.md` describes every state and
//! every step.
//!
//! ```
//! # #[cfg(feature = "hazmat")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use security_domain::hazmat::testing::{RamHost, TestRng}; // the board's own in firmware
//! use security_domain::lifecycle::{AnyDomain, LifecycleError, Stage, Vault, vault_room};
//! use security_domain::sealed_domain::ArtifactTag;
//! use security_domain::self_test;
//!
//! // Room for two artifacts of 64 bytes in total.
//! const ROOM: usize = vault_room(2, 64);
//! let mut host = RamHost::<_, ROOM>::new(TestRng::seeded(1));
//! let mut vault = Vault::<ROOM>::new();
//!
//! // Power-up: the self-tests, then the state on the flash. This HSM is blank.
//! let AnyDomain::Empty(domain) = vault.start(self_test::run()?, &mut host)? else {
//!     panic!("there is a domain already");
//! };
//! let artifacts: [(_, &[u8]); 2] = [
//!     (ArtifactTag::new("signing-key")?, &[7; 32]),
//!     (ArtifactTag::new("wrapping-key")?, &[8; 32]),
//! ];
//! let provisioned = domain.provision(&artifacts, &mut host).map_err(LifecycleError::from)?;
//! let id = provisioned.status().domain;
//! drop(provisioned);
//!
//! // The next power-up finds the same domain, which waits to be sealed to its custodians.
//! let domain = vault.start(self_test::run()?, &mut host)?;
//! assert_eq!(domain.status().stage, Stage::Provisioned);
//! assert_eq!(domain.status().domain, id);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "hazmat"))]
//! # fn main() {}
//! ```
//!
//! The type of a [`Domain`] names its state, and its secrets stay in a [`Vault`] that the caller
//! places. The HSM provides randomness, time, flash, and a sink for audit events through a
//! [`Host`]; the sink receives every step before it takes effect.
//!
//! `examples/cortex-m4` is firmware that runs on this module, and
//! `examples/firmware_restore.rs` an HSM that is recovered by it. Custodians answer its
//! request, after vetting it, with [`contribute`](crate::contribution::contribute).
//!
//! A step that its state does not allow does not compile. A domain is activated only after it was
//! sealed:
//!
//! ```compile_fail,E0599
//! # use security_domain::sealed_domain::SealedDomain;
//! # use security_domain::lifecycle::{Domain, Host, Provisioned};
//! # fn early<H: Host>(fresh: Domain<'_, Provisioned, 9>, stored: &SealedDomain, host: &mut H) {
//! let active = fresh.activate(stored, host);
//! # }
//! ```
//!
//! It is activated once:
//!
//! ```compile_fail,E0599
//! # use security_domain::sealed_domain::SealedDomain;
//! # use security_domain::lifecycle::{Active, Domain, Host};
//! # fn twice<H: Host>(active: Domain<'_, Active, 9>, stored: &SealedDomain, host: &mut H) {
//! let activated_again = active.activate(stored, host);
//! # }
//! ```
//!
//! Only a quorum opens a sealed domain:
//!
//! ```compile_fail,E0599
//! # use security_domain::sealed_domain::SealedDomain;
//! # use security_domain::lifecycle::{Domain, Host, Recovering};
//! # fn early<H: Host>(session: Domain<'_, Recovering, 9>, sealed: &SealedDomain, host: &mut H) {
//! let opened = session.open(sealed, host);
//! # }
//! ```
//!
//! An imported domain must be confirmed before it is used:
//!
//! ```compile_fail,E0599
//! # use security_domain::lifecycle::{Domain, Host, Imported};
//! # fn early<H: Host>(imported: Domain<'_, Imported, 9>, host: &mut H) {
//! let secrets = imported.artifacts(host);
//! # }
//! ```
//!
//! A domain cannot be cloned or displayed:
//!
//! ```compile_fail,E0599
//! # use security_domain::lifecycle::{Active, Domain};
//! # fn copy(domain: Domain<'_, Active, 9>) {
//! let second = domain.clone();
//! # }
//! ```
//!
//! ```compile_fail,E0277
//! # use security_domain::lifecycle::{Active, Domain};
//! # fn print(domain: Domain<'_, Active, 9>) {
//! println!("{domain}");
//! # }
//! ```

mod activate;
mod ask;
mod audit;
mod backup;
mod contents;
mod demand;
mod device;
mod draw;
mod end;
mod endorse;
mod error;
mod event;
mod health;
mod holding;
mod host;
#[cfg(feature = "managed-hsm")]
mod import;
mod instance;
mod ledger;
mod logged;
mod provision;
mod recover;
mod rehearse;
mod rotate;
mod service;
mod session;
mod session_key;
mod sink;
mod stage;
mod standing;
mod start;
mod state;
mod transfer_key;
mod vault;

pub use crate::ed25519::VerifyKey;
pub use activate::{Activation, Sealable};
pub use backup::{Backup, Restore};
pub use demand::DemandError;
pub use end::{Expiry, InSession};
pub use error::{LifecycleError, Unconfirmed};
pub use event::{Ended, Event, Outcome, Step};
pub use holding::Artifacts;
pub use host::Host;
#[cfg(feature = "managed-hsm")]
pub use import::{ExpectedArtifact, MAX_IMPORT_FAILURES, ROOT_TAG};
pub use ledger::{Endorsement, Ledger, PinsDigest};
pub use recover::{Added, Gathers};
pub use rehearse::ArtifactDigest;
pub use rotate::{Adopted, Proofs, Proposed, Reason, RotationError, RotationStatus};
pub use sink::SinkAnswer;
pub use stage::Stage;
pub use start::AnyDomain;
pub use state::{
    Active, Committed, Domain, Empty, InUse, Provisioned, QuorumMet, Recovering, Refused,
    Rehearsing, Rotating, Sealed, State, Status,
};
#[cfg(feature = "managed-hsm")]
pub use state::{Imported, Importing};
pub use transfer_key::{TransferKey, TransferKeyError};
pub use vault::{Vault, vault_room};

/// The HSM's side of a session, which only tests call directly.
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat {
    pub use super::provision::{Fresh, session_instance};
}
