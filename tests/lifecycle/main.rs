// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a domain in an HSM, step by step: `docs/lifecycle.md`.
#![cfg(all(feature = "sealed-domain", feature = "hazmat"))]

#[cfg(feature = "managed-hsm")]
#[path = "../managed_hsm/fixtures.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod fixtures;
#[path = "../flash/mod.rs"]
mod flash;
#[path = "../sealed/mod.rs"]
mod sealed;

mod audit;
mod birth;
mod demands;
mod ends;
mod expire;
mod failures;
mod health;
#[cfg(feature = "managed-hsm")]
mod import;
#[cfg(feature = "managed-hsm")]
mod import_tries;
#[cfg(feature = "managed-hsm")]
mod imported;
#[cfg(all(feature = "p256", feature = "pq"))]
mod kem_sessions;
mod kinds;
mod ledger;
mod life;
mod memory;
mod module;
mod pairs;
mod prepared_key;
mod progress;
mod read_only;
mod rehearsal;
mod room;
mod rotation;
mod sealing;
mod sessions;
mod transfer_key;
mod wiping;
mod world;
