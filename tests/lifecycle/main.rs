// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a domain in an HSM, step by step: `docs/lifecycle.md`.

#[cfg(feature = "managed-hsm")]
#[path = "../managed_hsm/fixtures.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod fixtures;
#[path = "../flash/mod.rs"]
mod flash;
#[path = "../sealed/mod.rs"]
mod sealed;

mod expire;
mod failures;
mod health;
#[cfg(feature = "managed-hsm")]
mod import;
mod life;
mod memory;
mod room;
mod sessions;
mod world;
