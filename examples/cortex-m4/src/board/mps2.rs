// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arm's MPS2 with a Cortex-M4 (AN386), as QEMU has it: a CMSDK UART and a CMSDK watchdog. The code
//! for a Cortex-M0 runs on it too.

use core::ptr::{read_volatile, write_volatile};

use cortex_m::peripheral::SCB;
use cortex_m_rt::{entry, exception};

use super::TRIPPED;

/// The memory that stands in for a flash chip: a reset does not clear it.
pub const CHIP: *mut u8 = 0x2100_0000 as _;

/// A word of memory that a reset does not clear.
pub const NOTE: *mut u32 = 0x2101_0010 as _;

mod uart {
    pub const DATA: *mut u32 = 0x4000_4000 as _;
    pub const STATE: *mut u32 = 0x4000_4004 as _;
    pub const CONTROL: *mut u32 = 0x4000_4008 as _;
    pub const BAUD_DIVIDER: *mut u32 = 0x4000_4010 as _;
    pub const TX_FULL: u32 = 1;
    pub const RX_FULL: u32 = 2;
}

mod watchdog {
    pub const LOAD: *mut u32 = 0x4000_8000 as _;
    pub const CONTROL: *mut u32 = 0x4000_8008 as _;
    pub const CLEAR: *mut u32 = 0x4000_800c as _;
    /// The board's clock: so many ticks are a second.
    pub const SECOND: u32 = 25_000_000;
}

#[entry]
fn main() -> ! {
    crate::run()
}

/// Switches the UART on, and arms the watchdog at one second.
pub fn start() {
    // SAFETY: these are the registers of this board, and nothing else uses them.
    unsafe {
        write_volatile(uart::BAUD_DIVIDER, 16);
        write_volatile(uart::CONTROL, 0b11);
        write_volatile(watchdog::LOAD, watchdog::SECOND);
        write_volatile(watchdog::CONTROL, 0b11);
    }
}

/// Begins the watchdog's second anew.
pub fn feed() {
    // SAFETY: as in `start`.
    unsafe { write_volatile(watchdog::CLEAR, 1) }
}

/// The watchdog was not fed for a second.
#[exception]
unsafe fn NonMaskableInt() {
    // SAFETY: as in `start`.
    unsafe { write_volatile(NOTE, TRIPPED) }
    SCB::sys_reset()
}

/// Waits for a byte.
pub fn receive() -> u8 {
    // SAFETY: as in `start`.
    unsafe {
        while read_volatile(uart::STATE) & uart::RX_FULL == 0 {
            feed();
        }
        read_volatile(uart::DATA) as u8
    }
}

pub fn send(byte: u8) {
    // SAFETY: as in `start`.
    unsafe {
        while read_volatile(uart::STATE) & uart::TX_FULL != 0 {
            feed();
        }
        write_volatile(uart::DATA, byte.into());
    }
}
