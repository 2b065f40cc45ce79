// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's RISC-V board `virt`, with a 16550 UART.

use core::ptr::{read_volatile, write_volatile};

use riscv_rt::entry;

/// The memory that stands in for a flash chip: a reset does not clear it.
pub const CHIP: *mut u8 = 0x8020_0000_u32 as _;

mod uart {
    pub const DATA: *mut u8 = 0x1000_0000 as _;
    pub const LINE_STATUS: *mut u8 = 0x1000_0005 as _;
    pub const RECEIVED: u8 = 1;
    pub const CAN_SEND: u8 = 0x20;
}

#[entry]
fn main() -> ! {
    crate::run()
}

/// The UART is on.
pub fn start() {}

/// Waits for a byte.
pub fn receive() -> u8 {
    // SAFETY: these are the registers of this board, and nothing else uses them.
    unsafe {
        while read_volatile(uart::LINE_STATUS) & uart::RECEIVED == 0 {}
        read_volatile(uart::DATA)
    }
}

pub fn send(byte: u8) {
    // SAFETY: these are the registers of this board, and nothing else uses them.
    unsafe {
        while read_volatile(uart::LINE_STATUS) & uart::CAN_SEND == 0 {}
        write_volatile(uart::DATA, byte);
    }
}
