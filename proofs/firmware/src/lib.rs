// SPDX-License-Identifier: MIT OR Apache-2.0
//! The crate as firmware links it: no standard library, no allocator, machine code for a Cortex-M4.
//!
//! That this builds as a static library shows that nothing needs an allocator: the compiler refuses
//! one without. Then `trace` is run by an emulator that records every address, `stack` by one that
//! looks at how deep the stack was painted, and `reach` is searched for ways to the panic handler.

#![no_std]

mod entry;
mod masking;
mod memory;
mod pace;
mod panic;
mod planted;
mod reach;
mod reach_files;
mod reach_lifecycle;
mod reach_managed_hsm;
mod reach_storage;
mod residue;
mod rng;
mod stack;
mod stack_demand;
mod stack_domain;
mod stack_lifecycle;
mod stack_rotation;
mod statics;
mod trace;
mod trace_backup;
mod trace_domain;
mod trace_jwe;
mod trace_kdf;
mod trace_record;
mod trace_shamir;
mod trace_wrap;

#[cfg(feature = "plant-alloc")]
extern crate alloc;

#[cfg(feature = "plant-alloc")]
#[unsafe(no_mangle)]
extern "C" fn plant_alloc(byte: u8) -> usize {
    alloc::vec![byte; usize::from(byte)].len()
}
