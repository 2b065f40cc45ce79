// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests, their vetting, and contributions: from the HSM that asks to the session that takes them.
#![cfg(all(feature = "sealed-domain", feature = "hazmat"))]

#[path = "../chain/mod.rs"]
mod chain;
#[path = "../known_answer/mod.rs"]
mod known_answer;
#[path = "../sealed/mod.rs"]
mod sealed;

mod answers;
mod bytes;
mod contributions;
#[cfg(all(feature = "p256", feature = "pq"))]
mod kinds;
mod refusals;
mod vectors;
mod world;
