// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kinds of keys beside RSA, as firmware links them, in an image of their own: the lifecycle's
//! buffers are larger with the feature `pq`, and its figures would say nothing of a firmware
//! without.
//!
//! The image has what `proofs/measure.py` measures (`stack_`), what `proofs/residue.py` looks
//! behind (`residue_`), and where `proofs/reach.py` begins (`reach_`).

#![no_std]

mod device;
mod each;
#[path = "../../firmware/src/entry.rs"]
mod entry;
#[path = "../../firmware/src/pace.rs"]
mod pace;
#[path = "../../firmware/src/panic.rs"]
mod panic;
mod reach;
mod recovery;
#[path = "../../firmware/src/rng.rs"]
mod rng;
#[path = "../../firmware/src/statics.rs"]
mod statics;
