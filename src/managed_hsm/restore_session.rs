// SPDX-License-Identifier: MIT OR Apache-2.0
//! Restore sessions: how custodians of a domain file who never meet restore it together.
//!
//! A *collector*, which may be an enclave, draws a key for one session and writes a [`Request`]
//! ([`ask`]). It names the domain file by its digest and the HSM to restore by the thumbprint of
//! its transfer certificate. Each custodian vets the request, which gives a [`VettedRequest`], and
//! answers with [`contribute`]: the custodian's share of that file, wrapped to the session's key
//! and bound to the request. The [`Collector`] opens the answers one by one. With a quorum of them
//! it [seals the domain](Collector::restore) to the transfer key, as a client with all the
//! custodians' keys does.
//!
//! No custodian's key leaves its place, and a contribution opens for the collector alone. The
//! collector combines the master key, and has it for as long as it seals the artifacts again:
//! whoever controls the collector then controls the domain. An HSM that speaks the native format
//! needs no collector: see [`contribution`](crate::contribution).
//!
//! Azure shares have no possession keys, so nothing signs a contribution. Anyone who knows the
//! request can send a wrong share in a custodian's name. Such a share does no harm if there are
//! others: the collector leaves it out and names it, as soon as there is one contribution more than
//! the quorum.

mod collect_error;
mod collector;
mod contribute;
mod contribution;
mod file_error;
mod request;
mod vet;

pub use collect_error::{CollectError, FinishError};
pub use collector::{Added, Collector, Restored};
pub use contribute::{ContributeError, contribute, contribution_len};
pub use contribution::Contribution;
pub use file_error::{Part, RestoreFileError};
pub use request::{AskError, Request, Times, ask};
pub use vet::{VetError, VettedRequest};

/// The collector's side without a generator, which only tests call.
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat {
    pub use super::request::Asking;
}
