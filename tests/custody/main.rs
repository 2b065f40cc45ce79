// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log of an HSM: its tree, proofs and checkpoints.
#![cfg(feature = "sealed-domain")]

mod checkpoint;
mod tree;
