// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log of an HSM: who held what, what was done, and proofs of both that an auditor can check
//! without trusting the HSM's operator.
//!
//! Each HSM keeps one log, a Merkle tree of its records as in Certificate Transparency (RFC 6962).
//! The HSM signs the tree's [`Head`] in a [`Checkpoint`], which any witness of transparency logs
//! can cosign. An [`Inclusion`] proof shows that a record is in the log, and a [`Consistency`]
//! proof that one state of the log continues another. `docs/format.md`, "Log", specifies every
//! byte.
//!
//! ```
//! use security_domain::custody::{Inclusion, MAX_PROOF_LEN, RecordHash, Tree};
//!
//! let records = ["provision", "activate", "hand-off"].map(|text| RecordHash::of(text.as_bytes()));
//! let mut tree = Tree::EMPTY;
//! for record in &records {
//!     tree.append(record)?;
//! }
//! let mut buffer = [0; MAX_PROOF_LEN];
//! let record = |number: u32| records.get(number as usize).copied().ok_or(std::fmt::Error);
//! let proof = Inclusion::write(1, tree.size(), record, &mut buffer)?;
//! Inclusion::parse(proof)?.verify(&records[1], &tree.head())?;
//! assert!(Inclusion::parse(proof)?.verify(&records[2], &tree.head()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checkpoint;
mod export;
mod log;
mod log_error;
mod present;
mod proof;
mod record;
mod sign;
mod store;
mod tree;
mod verify;

pub use checkpoint::{
    Checkpoint, CheckpointError, CheckpointField, CheckpointFileError, CheckpointText,
};
pub use export::{ExportError, MAGIC, MAX_EXPORTED_CHECKPOINT_LEN};
pub use log::{Log, MAX_ENTRY_LEN, RESERVED};
pub use log_error::LogError;
pub use present::{Holder, Holding, Present};
pub use proof::{
    Consistency, Inclusion, MAX_PROOF_LEN, ProofError, ProofField, ProofFileError, ProveError,
};
pub use record::{
    Body, Cause, Closed, Concern, Detail, DetailError, DrillResult, Fact, HandOff, Loss, LossKind,
    MAX_DETAIL_LEN, MAX_RECORD_LEN, Name, PinnedHead, Record, RecordField, RecordFileError, Review,
};
pub use store::{Store, StoreError};
pub use tree::{Head, MAX_RECORDS, RecordHash, Tree, TreeFull};
pub use verify::{BadRecord, Expected, Verified, Verifier, VerifyError};
