// SPDX-License-Identifier: MIT OR Apache-2.0
//! Restore sessions of Azure files: from the collector that asks to the blob that it writes.
#![cfg(all(feature = "managed-hsm", feature = "hazmat"))]

#[path = "../chain/mod.rs"]
mod chain;
#[path = "../managed_hsm/fixtures.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod fixtures;
#[path = "../known_answer/mod.rs"]
mod known_answer;

mod asking;
mod bytes;
mod collecting;
#[cfg(all(feature = "p256", feature = "pq"))]
mod kinds;
mod quorums;
mod refusals;
#[cfg(all(feature = "p256", feature = "pq"))]
mod vectors;
mod world;
