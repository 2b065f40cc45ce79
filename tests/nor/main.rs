// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest on NOR flash that holds its users to the contract, and that fails.
#![cfg(all(
    feature = "embedded-storage",
    feature = "managed-hsm",
    feature = "hazmat"
))]

#[path = "../sealed/mod.rs"]
mod sealed;

#[allow(dead_code, reason = "some of it is used here")]
#[path = "../managed_hsm/fixtures.rs"]
mod fixtures;

mod board;
mod counter;
mod cuts;
mod double;
mod faults;
mod layout;
mod slots;
mod steps;
