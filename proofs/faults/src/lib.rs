// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scenes for the single-fault simulator (`proofs/faults/run.py`), as machine code for a Cortex-M4.
//!
//! A function `fault_NAME` sets a scene up, with the right input or, if told so, with a wrong one.
//! It opens the window, takes the act through a function `act_..`, closes the window, and finds out
//! what became of it. The simulator skips instructions and turns branches around while the window
//! is open, in the library and in the acts, which hold nothing but a call of the library. The scene
//! itself and the machine around it, in [`host`], are never disturbed.

#![no_std]

mod act;
mod approval;
mod backup;
mod demand;
mod domain;
mod drill;
mod expect;
mod host;
mod import;
mod kem;
mod kinds;
mod record;
mod rehearsal;
mod restore;
mod rotation;
mod scene;
mod sealing;
mod self_tests;
mod session;
mod vet;
mod wrap;

/// Where the panic handler would go there is no memory: an image that panics stops.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn panic_is_reachable() -> !;
    }
    panic_is_reachable()
}
