// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware of an HSM: it answers commands that come over a UART, one after the other, and loses
//! nothing when the power fails.
//!
//! `cargo run --release` runs it in QEMU. `operator.py` is everything around the HSM: the operator,
//! three custodians with the tool `secdom`, and the power switch.
//!
//! - `hsm` is what the HSM does: the steps of the lifecycle. It is the same on every board.
//! - `board` is what the library asks of a board: flash, randomness, time, a device key.
//! - `board/mps2.rs` and `board/virt.rs` are the drivers.
//! - `frame` is the protocol on the UART, and `chip` stands in for the flash.

#![no_std]
#![no_main]

mod board;
mod chip;
mod frame;
mod hsm;

use core::panic::PanicInfo;

use board::{Board, hardware};
use frame::{MAX_BODY, REFUSED, SERVED, STARTED, Text, receive, send};
use security_domain::lifecycle::Vault;
use security_domain::self_test;

/// All memory that the firmware gives to its domain and its messages. It never moves.
struct Memory {
    vault: Vault<{ hsm::ROOM }>,
    request: [u8; MAX_BODY],
    answer: [u8; MAX_BODY],
}

static mut MEMORY: Memory = Memory {
    vault: Vault::new(),
    request: [0; MAX_BODY],
    answer: [0; MAX_BODY],
};

/// What the reset handler calls.
fn run() -> ! {
    let memory = &raw mut MEMORY;
    // SAFETY: this is the only use of MEMORY, and `run` is entered once after each reset.
    let memory = unsafe { &mut *memory };
    hardware::start();
    send(STARTED, board::cause_of_reset());
    // A board without a noise source and a clock gets both from its operator.
    let (_, given) = receive(&mut memory.request);
    let mut board = Board::new(given);
    loop {
        serve(memory, &mut board);
    }
}

/// Starts the HSM from its flash, and serves commands until one is refused.
fn serve(memory: &mut Memory, board: &mut Board) {
    let (request, answer) = (&mut memory.request, &mut memory.answer);
    let started = self_test::run().map_err(hsm::Refusal::from);
    let started = started.and_then(|tested| Ok(memory.vault.start(tested, board)?));
    let mut hsm = match started {
        Ok(domain) => hsm::Hsm::At(domain),
        Err(refusal) => {
            // A real HSM would offer to discard the state.
            receive(request);
            send(REFUSED, Text::new(answer).print(&refusal));
            return;
        }
    };
    loop {
        let (command, body) = receive(request);
        match hsm::serve(hsm, command, body, board, answer) {
            Ok((next, len)) => {
                send(SERVED, answer.get(..len).unwrap_or_default());
                hsm = next;
            }
            // Dropping the domain wiped the vault; the next start brings the state back.
            Err(refusal) => return send(REFUSED, Text::new(answer).print(&refusal)),
        }
    }
}

/// A panic is a bug, and nothing is known about the state: the watchdog restarts the board.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
