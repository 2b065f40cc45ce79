// SPDX-License-Identifier: MIT OR Apache-2.0
//! NOR flash in memory that holds its users to the contract of `embedded-storage`: erasing sets all bits of a page, writing
//! only clears bits, and a word is written once after it was erased. Each page erased and each word written is an operation
//! at which it can fail.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// What the power failure leaves of the operation in which it happens.
#[derive(Clone, Copy, Debug)]
pub enum Tear {
    /// Nothing happened yet.
    Before,
    /// Some bits have changed.
    SomeBits,
    /// The first half has changed.
    HalfDone,
    /// The contents are anything.
    Anything,
    /// It cannot be read, as flash with an error-correcting code.
    Unreadable,
    /// It reads as if it were complete, but a page does not take new words.
    Weak,
    /// It is complete.
    After,
}

pub const TEARS: [Tear; 7] = [
    Tear::Before,
    Tear::SomeBits,
    Tear::HalfDone,
    Tear::Anything,
    Tear::Unreadable,
    Tear::Weak,
    Tear::After,
];

/// What a page that is worn out does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wear {
    /// Erasing and writing fail, without an effect.
    Fails,
    /// Erasing succeeds and leaves bits.
    KeepsBits,
    /// Writing succeeds and loses bits.
    LosesBits,
}

pub const WEARS: [Wear; 3] = [Wear::Fails, Wear::KeepsBits, Wear::LosesBits];

#[derive(Clone)]
pub struct Nor<const READ: usize, const WRITE: usize, const ERASE: usize> {
    pub bytes: Vec<u8>,
    /// The words that were written since they were erased.
    written: Vec<bool>,
    unreadable: Vec<bool>,
    /// How often each page was erased.
    pub erases: Vec<usize>,
    pub worn: Vec<Option<Wear>>,
    /// A word that loses bits when it is written.
    pub bad_word: Option<usize>,
    /// How many pages were erased and words written.
    pub operations: usize,
    cut: Option<(usize, Tear)>,
    pub is_off: bool,
    /// How many more reads succeed, and how many fail then.
    pub reads: Option<(usize, usize)>,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Nor<READ, WRITE, ERASE> {
    pub fn new(len: usize) -> Self {
        let (words, pages) = (len / WRITE, len / ERASE);
        assert_eq!((words * WRITE, pages * ERASE), (len, len));
        Self {
            bytes: vec![0xff; len],
            written: vec![false; words],
            unreadable: vec![false; words],
            erases: vec![0; pages],
            worn: vec![None; pages],
            bad_word: None,
            operations: 0,
            cut: None,
            is_off: false,
            reads: None,
        }
    }

    /// Lets the power fail in the operation with this number, from 0 for the next.
    pub fn cut(&mut self, operation: usize, tear: Tear) {
        self.cut = Some((self.operations + operation, tear));
    }

    /// Switches the power on.
    pub fn switch_on(&mut self) {
        (self.cut, self.is_off) = (None, false);
    }

    pub fn flip(&mut self, bit: usize) {
        self.bytes[bit / 8] ^= 1 << (bit % 8);
    }

    /// Begins an operation: how the power fails in it, if it does.
    fn next(&mut self) -> Result<Option<Tear>, NorFlashErrorKind> {
        if self.is_off {
            return Err(NorFlashErrorKind::Other);
        }
        let tear = self.cut.filter(|(at, _)| *at == self.operations);
        self.operations += 1;
        self.is_off = tear.is_some();
        Ok(tear.map(|(_, tear)| tear))
    }

    /// Changes `bytes[at..]` to `new`, as far as the tear says.
    fn change(&mut self, at: usize, new: &[u8], tear: Option<Tear>) {
        let held = &mut self.bytes[at..at + new.len()];
        let words = at / WRITE..(at + new.len()) / WRITE;
        self.unreadable[words.clone()].fill(false);
        match tear {
            Some(Tear::Before) => {}
            Some(Tear::SomeBits) => {
                for (i, (held, new)) in held.iter_mut().zip(new).enumerate() {
                    let changes = 0x5a_u8.rotate_left(i as u32 % 8);
                    *held = *held & !changes | *new & changes;
                }
            }
            Some(Tear::HalfDone) => {
                let half = new.len() / 2;
                held[..half].copy_from_slice(&new[..half]);
            }
            Some(Tear::Anything) => {
                for (i, held) in held.iter_mut().enumerate() {
                    *held = (i as u8).wrapping_mul(89) ^ 0x3c;
                }
            }
            Some(Tear::Unreadable) => self.unreadable[words].fill(true),
            Some(Tear::Weak | Tear::After) | None => held.copy_from_slice(new),
        }
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType
    for Nor<READ, WRITE, ERASE>
{
    type Error = NorFlashErrorKind;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash
    for Nor<READ, WRITE, ERASE>
{
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, out: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, out.len()).expect("a read in bounds, of whole words");
        if self.is_off {
            return Err(NorFlashErrorKind::Other);
        }
        let fails = match &mut self.reads {
            Some((0, failing)) if *failing > 0 => {
                *failing -= 1;
                true
            }
            Some((good, _)) => {
                *good = good.saturating_sub(1);
                false
            }
            None => false,
        };
        let range = offset as usize..offset as usize + out.len();
        let words = range.start / WRITE..range.end.div_ceil(WRITE);
        if fails || !out.is_empty() && self.unreadable[words].contains(&true) {
            return Err(NorFlashErrorKind::Other);
        }
        out.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash
    for Nor<READ, WRITE, ERASE>
{
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to).expect("whole pages in bounds");
        for page in from as usize / ERASE..to as usize / ERASE {
            let tear = self.next()?;
            let at = page * ERASE;
            let mut new = [0xff; ERASE];
            match self.worn[page] {
                Some(Wear::Fails) => return Err(NorFlashErrorKind::Other),
                Some(Wear::KeepsBits) => new[ERASE / 2] &= self.bytes[at + ERASE / 2] & 0xfe,
                Some(Wear::LosesBits) | None => {}
            }
            self.erases[page] += 1;
            self.change(at, &new, tear);
            if matches!(tear, None | Some(Tear::After)) {
                self.written[at / WRITE..(at + ERASE) / WRITE].fill(false);
            }
            if self.is_off {
                return Err(NorFlashErrorKind::Other);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len()).expect("whole words in bounds");
        for (i, word) in bytes.chunks(WRITE).enumerate() {
            let tear = self.next()?;
            let at = offset as usize + i * WRITE;
            let mut new = word.to_vec();
            let is_bad = self.bad_word == Some(at / WRITE);
            match self.worn[at / ERASE].or(is_bad.then_some(Wear::LosesBits)) {
                Some(Wear::Fails) => return Err(NorFlashErrorKind::Other),
                // It sticks at 1.
                Some(Wear::LosesBits) => new[0] |= 0x10,
                Some(Wear::KeepsBits) | None => {}
            }
            assert!(
                !self.written[at / WRITE],
                "the word at {at} is written twice"
            );
            for (new, held) in new.iter_mut().zip(&self.bytes[at..]) {
                *new &= held;
            }
            self.written[at / WRITE] = !matches!(tear, Some(Tear::Before));
            self.change(at, &new, tear);
            if self.is_off {
                return Err(NorFlashErrorKind::Other);
            }
        }
        Ok(())
    }
}
