// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Managed HSM interchange, on the vectors in `tests/vectors/managed-hsm` and beyond them.
#![cfg(all(feature = "managed-hsm", feature = "hazmat"))]

#[path = "../chain/mod.rs"]
mod chain;
#[path = "../known_answer/mod.rs"]
mod known_answer;
#[path = "../sealed/mod.rs"]
mod sealed;

mod custodians;
mod damaged;
mod drill;
mod drill_vectors;
mod fixtures;
mod forge;
mod jwks;
mod malformed;
mod our_files;
mod real_files;
mod split_files;
mod text;
mod unknown_members;
mod weak_points;
