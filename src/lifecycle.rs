// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a security domain in an HSM, from its provisioning to its recovery in another.

mod contribute;
mod contribution;
mod event;
mod host;
mod id;
#[cfg_attr(
    not(feature = "hazmat"),
    allow(dead_code, reason = "the states that use it come next")
)]
pub(crate) mod record;
mod request;
mod session_file;
mod vet;

pub use contribute::{ContributeError, contribute, contribution_len};
pub use contribution::{Contribution, ContributionError};
pub use event::{Ended, Event};
pub use host::{FlashError, Host, SinkRefused, Slot};
pub use id::{ProposalDigest, RequestDigest, SessionId};
pub use record::RecordError;
pub use request::{Request, SessionPurpose};
pub use session_file::{SessionField, SessionFileError};
pub use vet::{Verifier, VetError, VettedRequest};

/// The HSM's side of a session, which no caller has business with but a test.
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat {
    pub use super::contribution::open_contribution;
    pub use super::request::{AskError, Asking};
}
