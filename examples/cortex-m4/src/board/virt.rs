// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's RISC-V board `virt`: a 16550 UART, and a watchdog made of the timer interrupt, because the
//! board has none.

use core::ptr::{read_volatile, write_volatile};

use riscv::interrupt::Interrupt;
use riscv_rt::{core_interrupt, entry};

use super::TRIPPED;

/// The memory that stands in for a flash chip: a reset does not clear it.
pub const CHIP: *mut u8 = 0x8020_0000_u32 as _;

/// A word of memory that a reset does not clear.
pub const NOTE: *mut u32 = 0x8021_0010_u32 as _;

mod uart {
    pub const DATA: *mut u8 = 0x1000_0000 as _;
    pub const LINE_STATUS: *mut u8 = 0x1000_0005 as _;
    pub const RECEIVED: u8 = 1;
    pub const CAN_SEND: u8 = 0x20;
}

mod timer {
    /// Low and high half.
    pub const COMPARE: [*mut u32; 2] = [0x0200_4000 as _, 0x0200_4004 as _];
    pub const TIME: [*mut u32; 2] = [0x0200_bff8 as _, 0x0200_bffc as _];
    /// So many ticks are a second.
    pub const SECOND: u64 = 10_000_000;
}

/// Writing the word resets the board.
const RESET: (*mut u32, u32) = (0x0010_0000 as _, 0x7777);

#[entry]
fn main() -> ! {
    crate::run()
}

/// Arms the watchdog at one second.
pub fn start() {
    feed();
    // SAFETY: the interrupt has a handler, and the rest of the program does without critical sections.
    unsafe {
        riscv::register::mie::set_mtimer();
        riscv::interrupt::enable();
    }
}

/// Begins the watchdog's second anew.
pub fn feed() {
    let [low, high] = timer::TIME;
    // SAFETY: these are the registers of this board, and nothing else uses them.
    let now = unsafe {
        loop {
            let upper = read_volatile(high);
            let lower = read_volatile(low);
            if read_volatile(high) == upper {
                break u64::from(upper) << 32 | u64::from(lower);
            }
        }
    };
    let then = now + timer::SECOND;
    let [low, high] = timer::COMPARE;
    // SAFETY: the same. In between, the time is never later than what is there.
    unsafe {
        write_volatile(high, u32::MAX);
        write_volatile(low, then as u32);
        write_volatile(high, (then >> 32) as u32);
    }
}

/// The watchdog was not fed for a second.
#[core_interrupt(Interrupt::MachineTimer)]
fn tripped() {
    let (reset, word) = RESET;
    // SAFETY: as in `feed`.
    unsafe {
        write_volatile(NOTE, TRIPPED);
        write_volatile(reset, word);
    }
}

/// Waits for a byte.
pub fn receive() -> u8 {
    // SAFETY: as in `feed`.
    unsafe {
        while read_volatile(uart::LINE_STATUS) & uart::RECEIVED == 0 {
            feed();
        }
        read_volatile(uart::DATA)
    }
}

pub fn send(byte: u8) {
    // SAFETY: as in `feed`.
    unsafe {
        while read_volatile(uart::LINE_STATUS) & uart::CAN_SEND == 0 {
            feed();
        }
        write_volatile(uart::DATA, byte);
    }
}
