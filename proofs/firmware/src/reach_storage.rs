// SPDX-License-Identifier: MIT OR Apache-2.0
//! The entry point of the state at rest on NOR flash, for `proofs/reach.py`.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use security_domain::storage::{Flash, NorStorage, Slot};

use crate::entry::entry;

/// A chip in memory, as small as its memory.
struct Chip<'a>(&'a mut [u8]);

impl Chip<'_> {
    fn at(&mut self, from: u32, len: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let rest = self.0.get_mut(from as usize..);
        let there = rest.and_then(|rest| rest.get_mut(..len));
        there.ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ErrorType for Chip<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip<'_> {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let from = self.at(offset, bytes.len())?;
        bytes
            .iter_mut()
            .zip(from)
            .for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Chip<'_> {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 2048;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        self.at(from, to.saturating_sub(from) as usize)?.fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let there = self.at(offset, bytes.len())?;
        there
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to &= from);
        Ok(())
    }
}

entry!(reach_storage_nor, |input, out| {
    let (chip, record) = out.split_at_mut_checked(input.len()).unwrap_or_default();
    let Ok(mut storage) = NorStorage::new(Chip(chip), record.len()) else {
        return 0;
    };
    let counted = storage
        .counter()
        .and_then(|counter| storage.advance(counter ^ input.len() as u64));
    let written = storage.write(Slot::A, input);
    let read = storage.read(Slot::B, record);
    let erased = storage.erase(Slot::B);
    usize::from(counted.and(written).and(erased).is_ok()) + read.unwrap_or(0)
});
