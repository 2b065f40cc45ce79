// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads and writes of any length, in whole words.

use embedded_storage::nor_flash::NorFlash;

use super::layout::{MAX_WORD_LEN, place, word_len};
use crate::hardened::copy;
use crate::storage::flash::FlashError;

/// A byte of erased flash.
pub(super) const BLANK: u8 = 0xff;

/// Returns the offset `by` bytes after `at`.
pub(super) fn after(at: u32, by: usize) -> Result<u32, FlashError> {
    place(by)
        .and_then(|by| at.checked_add(by))
        .ok_or(FlashError)
}

/// Returns how many of `len` bytes are in whole words.
fn whole<F: NorFlash>(len: usize) -> usize {
    len & !word_len::<F>().saturating_sub(1)
}

/// Fills `out` from `at`, where a word begins.
pub(super) fn read<F: NorFlash>(flash: &mut F, at: u32, out: &mut [u8]) -> Result<(), FlashError> {
    let whole = whole::<F>(out.len());
    let (words, rest) = out.split_at_mut_checked(whole).ok_or(FlashError)?;
    flash.read(at, words).map_err(|_| FlashError)?;
    if rest.is_empty() {
        return Ok(());
    }
    let mut last = [0; MAX_WORD_LEN];
    let last = last.get_mut(..word_len::<F>()).ok_or(FlashError)?;
    let read = flash.read(after(at, whole)?, last);
    read.map_err(|_| FlashError)?;
    let front = last.get(..rest.len()).ok_or(FlashError)?;
    copy(rest, front).map_err(|_| FlashError)
}

/// Writes `bytes` at `at`, where a word begins. The rest of the last word stays blank.
pub(super) fn write<F: NorFlash>(flash: &mut F, at: u32, bytes: &[u8]) -> Result<(), FlashError> {
    let whole = whole::<F>(bytes.len());
    let (words, rest) = bytes.split_at_checked(whole).ok_or(FlashError)?;
    flash.write(at, words).map_err(|_| FlashError)?;
    if rest.is_empty() {
        return Ok(());
    }
    let mut last = [BLANK; MAX_WORD_LEN];
    let last = last.get_mut(..word_len::<F>()).ok_or(FlashError)?;
    let front = last.get_mut(..rest.len()).ok_or(FlashError)?;
    copy(front, rest).map_err(|_| FlashError)?;
    let written = flash.write(after(at, whole)?, last);
    written.map_err(|_| FlashError)
}

/// Returns whether `len` bytes from `at`, in whole words, are erased.
pub(super) fn is_blank<F: NorFlash>(
    flash: &mut F,
    at: u32,
    len: usize,
) -> Result<bool, FlashError> {
    let mut buffer = [0; MAX_WORD_LEN];
    for done in (0..len).step_by(MAX_WORD_LEN) {
        let part = MAX_WORD_LEN.min(len.saturating_sub(done));
        let part = buffer.get_mut(..part).ok_or(FlashError)?;
        let read = flash.read(after(at, done)?, part);
        read.map_err(|_| FlashError)?;
        if part.iter().any(|byte| *byte != BLANK) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Erases `len` bytes from `at`, in whole pages, and reads them back.
pub(super) fn erase<F: NorFlash>(flash: &mut F, at: u32, len: usize) -> Result<(), FlashError> {
    flash.erase(at, after(at, len)?).map_err(|_| FlashError)?;
    match is_blank(flash, at, len)? {
        true => Ok(()),
        false => Err(FlashError),
    }
}
