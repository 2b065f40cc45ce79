// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rotates a domain: an active HSM seals its domain to another quorum, in two phases, so that the
//! domain can be neither lost nor stolen on the way.
//!
//! 1. `propose` writes the pending file of the next epoch, which nobody can open, and a request to the
//!    present custodians.
//! 2. The present custodians consent: a quorum of them contribute to that request (`consent`). They
//!    thereby agree to the new keys and the new threshold, which the request names. If they cannot, the
//!    operator can do without them (`break_glass`): only if the present file allows it, after the delay
//!    that it names, and unless one of them vetoes it (`veto`).
//! 3. The new custodians prove that they can use the pending file: they answer a challenge of this HSM
//!    (`challenge`, `prove`).
//! 4. `commit` lets the release leave, so the file can be completed; and `confirm`, with the complete
//!    file as read back from where it is stored, makes the new epoch the valid one.
//!
//! Until it is confirmed the old epoch is valid, also after a power failure at any point. Before the
//! commit, `abandon` makes the pending file void for ever. After it there is only one way, because
//! others may have the complete file.
//!
//! The other HSMs of the domain take the new file with `adopt`.
//!
//! # What a rotation cannot do
//!
//! An old file and its old quorum still open the old file. If a quorum of shares is in wrong hands,
//! only a new domain helps.

mod adopt;
mod break_glass;
mod commit;
mod consent;
mod error;
mod glass;
mod propose;
mod prove;
mod reason;
mod rotation;
mod status;
mod tally;

pub use adopt::Adopted;
pub use error::RotationError;
pub(super) use glass::Glass;
pub use propose::{Proofs, Proposed};
pub use reason::Reason;
pub(super) use rotation::Rotation;
pub use status::RotationStatus;
pub(super) use tally::Tally;
