// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the fuzz targets do with their bytes. `tests/fuzz_replay.rs` calls the same on every
//! corpus.

mod approval;
mod backup;
mod custody;
mod domain;
mod drill;
mod file_drill;
mod files;
mod ids;
mod kem;
mod key;
mod keys;
mod lifecycle;
mod pem;
mod proposal;
mod record;
mod restore_session;
mod session;
mod sharing;

pub use approval::{act, approval};
pub use backup::backup;
pub use custody::{checkpoint, log_export, log_proof, log_record};
pub use domain::{sealed_domain, wrapped_share};
pub use drill::{drill_challenge, drill_response};
pub use file_drill::{file_challenge, file_response};
pub use files::{
    certificate_info, domain_file, json, jwe, restore_blob, share_words, transfer_key,
};
pub use ids::ids;
pub use kem::{kem_keys, kem_unwrap};
pub use keys::{certificate, der_keys};
pub use lifecycle::lifecycle;
pub use pem::pem;
pub use proposal::proposal;
pub use record::record;
pub use restore_session::{restore_contribution, restore_request};
pub use session::{contribution, request};
pub use sharing::{encoded_share, gf256_kernels, shamir_correct, shamir_split_combine, share_text};

/// A target's name and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 38] = [
    ("act", act),
    ("approval", approval),
    ("backup", backup),
    ("certificate", certificate),
    ("certificate_info", certificate_info),
    ("checkpoint", checkpoint),
    ("contribution", contribution),
    ("der_keys", der_keys),
    ("domain_file", domain_file),
    ("drill_challenge", drill_challenge),
    ("drill_response", drill_response),
    ("encoded_share", encoded_share),
    ("file_challenge", file_challenge),
    ("file_response", file_response),
    ("gf256_kernels", gf256_kernels),
    ("ids", ids),
    ("json", json),
    ("jwe", jwe),
    ("kem_keys", kem_keys),
    ("kem_unwrap", kem_unwrap),
    ("lifecycle", lifecycle),
    ("log_export", log_export),
    ("log_proof", log_proof),
    ("log_record", log_record),
    ("pem", pem),
    ("proposal", proposal),
    ("record", record),
    ("request", request),
    ("restore_blob", restore_blob),
    ("restore_contribution", restore_contribution),
    ("restore_request", restore_request),
    ("sealed_domain", sealed_domain),
    ("shamir_correct", shamir_correct),
    ("shamir_split_combine", shamir_split_combine),
    ("share_text", share_text),
    ("share_words", share_words),
    ("transfer_key", transfer_key),
    ("wrapped_share", wrapped_share),
];
