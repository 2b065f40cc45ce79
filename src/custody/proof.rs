// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proofs that a record is in a log, and that one log continues another (RFC 6962 sections 2.1.1
//! and 2.1.2, verified as RFC 9162 sections 2.1.3.2 and 2.1.4.2 say).
//!
//! `docs/format.md`, "Proof", specifies the bytes.

mod consistency;
mod error;
mod file;
mod inclusion;

pub use consistency::Consistency;
pub use error::{ProofError, ProveError};
pub use file::{MAX_PROOF_LEN, ProofField, ProofFileError};
pub use inclusion::Inclusion;
