// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Managed HSM interchange, on the vectors in `tests/vectors/managed-hsm` and beyond them.
#![cfg(all(feature = "managed-hsm", feature = "hazmat"))]

mod custodians;
mod damaged;
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
