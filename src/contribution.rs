// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contributions: how custodians who never meet send their shares to an HSM that they have vetted.
//!
//! An HSM that is to be recovered writes a [`Request`]. Each custodian vets it in one of three
//! ways, which gives a [`VettedRequest`], and answers with [`contribute`]: the custodian's share,
//! wrapped to the HSM's transfer key. The HSM parses the answer as a [`Contribution`] and takes the
//! share from it (`Domain::<Recovering>::add`). Custodians need neither a vault nor a host.

mod answer;
mod contribute;
mod id;
mod request;
mod session_file;
mod vet;

pub(crate) use answer::open_contribution;
pub use answer::{Contribution, ContributionError};
pub use contribute::{ContributeError, contribute, contribution_len};
pub use id::{ProposalDigest, RequestDigest, SessionId};
#[cfg(feature = "managed-hsm")]
pub(crate) use request::max_transferred_len;
pub(crate) use request::{AskError, Asking, MAX_SPKI_LEN, TRANSFER_KINDS};
pub use request::{Request, SessionPublicKey, SessionPurpose};
pub use session_file::{SessionField, SessionFileError};
pub use vet::{Verifier, VetError, VettedRequest};

/// The HSM's side, which only tests call directly.
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat {
    pub use super::answer::open_contribution;
    pub use super::request::{AskError, Asking};
}
