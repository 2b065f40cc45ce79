// SPDX-License-Identifier: MIT OR Apache-2.0
//! A NOR flash chip. QEMU's boards have none that firmware can write, so memory that a reset does
//! not clear stands in for it, and does what NOR flash does: an erase sets all bits of a page, a
//! write only clears bits.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

use crate::board::hardware::CHIP;

const CAPACITY: usize = 64 * 1024;

/// What is behind the pages once the chip was used.
const USED: u32 = 0x4e4f_5221;

pub struct Chip(());

impl Chip {
    /// The partition of the HSM: the whole chip.
    pub fn new() -> Self {
        let chip = Self(());
        let used = CHIP.wrapping_add(CAPACITY).cast::<u32>();
        // SAFETY: nothing else uses this memory.
        unsafe {
            if used.read_volatile() != USED {
                // A chip comes from its factory erased; memory does not.
                (0..CAPACITY).for_each(|at| chip.set(at, 0xff));
                used.write_volatile(USED);
            }
        }
        chip
    }

    fn byte(&self, at: usize) -> u8 {
        // SAFETY: callers have checked that it is in the chip.
        unsafe { CHIP.wrapping_add(at).read_volatile() }
    }

    fn set(&self, at: usize, byte: u8) {
        // SAFETY: the same.
        unsafe { CHIP.wrapping_add(at).write_volatile(byte) }
    }
}

impl ErrorType for Chip {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        for (at, byte) in (offset as usize..).zip(bytes) {
            *byte = self.byte(at);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        (from as usize..to as usize).for_each(|at| self.set(at, 0xff));
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        for (at, byte) in (offset as usize..).zip(bytes) {
            self.set(at, self.byte(at) & byte);
        }
        Ok(())
    }
}
