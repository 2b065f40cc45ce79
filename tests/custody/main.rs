// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log of an HSM: its tree, proofs, checkpoints and records, how it is kept and verified.
#![cfg(feature = "sealed-domain")]

mod checkpoint;
#[path = "../known_answer/mod.rs"]
mod known_answer;
mod large;
mod log;
mod present;
mod record;
mod tree;
mod vectors;
mod verify;
mod world;
