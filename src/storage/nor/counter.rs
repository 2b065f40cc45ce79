// SPDX-License-Identifier: MIT OR Apache-2.0
//! A counter in two pages of NOR flash.
//!
//! Each value takes the next cell of a page: two copies of the value, each with its complement. The
//! counter is the highest value of any copy. When a page is full, the other one, which has lower
//! values only, is erased and continues. So the page with the counter's value is never erased, and a
//! power failure leaves the old value or the new one. A changed bit costs one copy.

use embedded_storage::nor_flash::NorFlash;

use super::layout::{pages_len, words_len};
use super::words::{self, BLANK};
use crate::storage::flash::FlashError;

/// One copy: the value and its complement, 8 bytes each, little endian.
const COPY_LEN: usize = 16;

/// The least number of cells in a page.
const MIN_CELLS: usize = 8;

/// The largest number of cells in a page that are used. A slot is erased for every value, so the
/// pages of the counter wear more slowly than the slots; more cells would take longer to read.
const MAX_CELLS: usize = 64;

/// Where the counter's two pages are.
#[derive(Clone, Copy, Debug)]
pub(super) struct CounterPages {
    at: u32,
    page_len: usize,
    copy_len: usize,
    cells: usize,
}

/// One of the two pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    First,
    Second,
}

impl Page {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// One copy of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Blank,
    Value(u64),
    /// A write that was cut off, changed bits, or a word that cannot be read.
    Torn,
}

/// What the pages hold.
struct Found {
    value: u64,
    /// The page with the value.
    page: Page,
    /// Its first cell after those that were used.
    free: usize,
}

impl CounterPages {
    /// Returns the length of both pages.
    pub(super) const fn len<F: NorFlash>() -> Option<usize> {
        match Self::page_len::<F>() {
            Some(len) => len.checked_mul(2),
            None => None,
        }
    }

    /// Takes the pages that begin at `at`.
    pub(super) fn new<F: NorFlash>(at: u32) -> Option<Self> {
        let (page_len, copy_len) = (Self::page_len::<F>()?, words_len::<F>(COPY_LEN)?);
        let cells = page_len.checked_div(copy_len.checked_mul(2)?)?;
        Some(Self {
            at,
            page_len,
            copy_len,
            cells: cells.min(MAX_CELLS),
        })
    }

    /// Returns the counter's value.
    pub(super) fn value<F: NorFlash>(&self, flash: &mut F) -> Result<u64, FlashError> {
        self.find(flash).map(|found| found.value)
    }

    /// Sets the counter to `to`, which must be above its value.
    pub(super) fn advance<F: NorFlash>(&self, flash: &mut F, to: u64) -> Result<(), FlashError> {
        let Found { value, page, free } = self.find(flash)?;
        if to <= value {
            return Err(FlashError);
        }
        if self.append(flash, page, free, to).is_ok() {
            return Ok(());
        }
        let other = page.other();
        words::erase(flash, self.start(other)?, self.page_len)?;
        self.append(flash, other, 0, to)
    }

    const fn page_len<F: NorFlash>() -> Option<usize> {
        match words_len::<F>(COPY_LEN) {
            // Two copies a cell.
            Some(len) => pages_len::<F>(len.checked_mul(2 * MIN_CELLS)),
            None => None,
        }
    }

    fn start(&self, page: Page) -> Result<u32, FlashError> {
        match page {
            Page::First => Ok(self.at),
            Page::Second => words::after(self.at, self.page_len),
        }
    }

    /// Returns where the copies of a cell are.
    fn copies(&self, page: Page, cell: usize) -> Result<[u32; 2], FlashError> {
        let first = self
            .copy_len
            .checked_mul(2)
            .and_then(|len| len.checked_mul(cell));
        let first = words::after(self.start(page)?, first.ok_or(FlashError)?)?;
        Ok([first, words::after(first, self.copy_len)?])
    }

    fn find<F: NorFlash>(&self, flash: &mut F) -> Result<Found, FlashError> {
        let mut highest = None;
        let mut used = [0; 2];
        let mut is_lost = false;
        for (page, used) in [Page::First, Page::Second].into_iter().zip(&mut used) {
            for cell in 0..self.cells {
                let [first, second] = self.copies(page, cell)?.map(|at| look(flash, at));
                if (first, second) == (Held::Blank, Held::Blank) {
                    continue;
                }
                *used = cell.saturating_add(1);
                match first.value().max(second.value()) {
                    Some(value) => highest = highest.max(Some((value, page == Page::Second))),
                    // A first copy that was cut off has a blank second one.
                    None => is_lost |= (first, second) == (Held::Torn, Held::Torn),
                }
            }
        }
        let (value, is_second) = match highest {
            Some(highest) => highest,
            None if is_lost => return Err(FlashError),
            None => (0, false),
        };
        let [first, second] = used;
        let (page, free) = match is_second {
            false => (Page::First, first),
            true => (Page::Second, second),
        };
        Ok(Found { value, page, free })
    }

    /// Writes `value` to the first cell from `free` on that takes it.
    fn append<F: NorFlash>(
        &self,
        flash: &mut F,
        page: Page,
        free: usize,
        value: u64,
    ) -> Result<(), FlashError> {
        (free..self.cells)
            .find(|cell| self.put(flash, page, *cell, value).is_ok())
            .map(|_| ())
            .ok_or(FlashError)
    }

    /// Writes both copies of a cell, and reads them back.
    fn put<F: NorFlash>(
        &self,
        flash: &mut F,
        page: Page,
        cell: usize,
        value: u64,
    ) -> Result<(), FlashError> {
        let copies = self.copies(page, cell)?;
        for at in copies {
            words::write(flash, at, &encode(value))?;
        }
        match copies.map(|at| look(flash, at)) == [Held::Value(value); 2] {
            true => Ok(()),
            false => Err(FlashError),
        }
    }
}

impl Held {
    const fn value(self) -> Option<u64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Blank | Self::Torn => None,
        }
    }
}

/// Reads a copy. A word that cannot be read twice over counts as torn: flash with an error-correcting
/// code fails to read what was cut off.
fn look<F: NorFlash>(flash: &mut F, at: u32) -> Held {
    let mut bytes = [0; COPY_LEN];
    let read = words::read(flash, at, &mut bytes).or_else(|_| words::read(flash, at, &mut bytes));
    match read {
        Err(FlashError) => Held::Torn,
        Ok(()) if bytes == [BLANK; COPY_LEN] => Held::Blank,
        Ok(()) => decode(bytes).map_or(Held::Torn, Held::Value),
    }
}

fn encode(value: u64) -> [u8; COPY_LEN] {
    let copy = u128::from(value) | u128::from(!value) << 64;
    copy.to_le_bytes()
}

/// Returns the value, unless a bit has changed.
fn decode(bytes: [u8; COPY_LEN]) -> Option<u64> {
    let (value, complement) = bytes.split_first_chunk::<8>()?;
    let value = u64::from_le_bytes(*value);
    let complement = u64::from_le_bytes(complement.try_into().ok()?);
    (complement == !value).then_some(value)
}
