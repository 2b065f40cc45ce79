// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arm's MPS2 with a Cortex-M4 (AN386), as QEMU has it, with a CMSDK UART. The code for a
//! Cortex-M0 runs on it too.

use core::ptr::{read_volatile, write_volatile};

use cortex_m_rt::entry;

/// The memory that stands in for a flash chip: a reset does not clear it.
pub const CHIP: *mut u8 = 0x2100_0000 as _;

mod uart {
    pub const DATA: *mut u32 = 0x4000_4000 as _;
    pub const STATE: *mut u32 = 0x4000_4004 as _;
    pub const CONTROL: *mut u32 = 0x4000_4008 as _;
    pub const BAUD_DIVIDER: *mut u32 = 0x4000_4010 as _;
    pub const TX_FULL: u32 = 1;
    pub const RX_FULL: u32 = 2;
}

#[entry]
fn main() -> ! {
    crate::run()
}

/// Switches the UART on.
pub fn start() {
    // SAFETY: these are the registers of this board, and nothing else uses them.
    unsafe {
        write_volatile(uart::BAUD_DIVIDER, 16);
        write_volatile(uart::CONTROL, 0b11);
    }
}

/// Waits for a byte.
pub fn receive() -> u8 {
    // SAFETY: as in `start`.
    unsafe {
        while read_volatile(uart::STATE) & uart::RX_FULL == 0 {}
        read_volatile(uart::DATA) as u8
    }
}

pub fn send(byte: u8) {
    // SAFETY: as in `start`.
    unsafe {
        while read_volatile(uart::STATE) & uart::TX_FULL != 0 {}
        write_volatile(uart::DATA, byte.into());
    }
}
