// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that an operation computes in. Without an allocator, and with numbers whose length is
//! known at run time only, every intermediate value is a part of one area, which is wiped as a whole.

use crypto_bigint::{U1024, U1536, U2048, Word};
use zeroize::Zeroize;

use super::ModulusSize;
use crate::burn::{self, burning};
use crate::hardened::Fault;
use crate::rng::Watched;

/// The areas, counted in numbers of half the length of the modulus.
pub(super) const PUBLIC: usize = 12;
pub(super) const PRIVATE: usize = 37;
pub(super) const KEY: usize = 26;

/// Returns the number of words in a modulus of this size.
pub(super) const fn words_len(size: ModulusSize) -> usize {
    (size.bits() >> Word::BITS.trailing_zeros()) as usize
}

/// What an operation works with: words, and the caller's generator. A function gets it by value, and
/// takes the words it needs; its caller can use them again afterwards.
pub(super) struct Scratch<'w> {
    words: &'w mut [Word],
    rng: &'w mut dyn Watched,
}

impl<'w> Scratch<'w> {
    #[cfg(test)]
    pub(super) fn over(words: &'w mut [Word], rng: &'w mut dyn Watched) -> Self {
        Self { words, rng }
    }

    /// Returns the next `len` words, all zero.
    pub(super) fn take(&mut self, len: usize) -> Result<&'w mut [Word], Fault> {
        let taken = self.words.split_off_mut(..len).ok_or(Fault)?;
        taken.fill(0);
        Ok(taken)
    }

    /// Lends what is left.
    pub(super) fn lend(&mut self) -> Scratch<'_> {
        Scratch {
            words: self.words,
            rng: self.rng,
        }
    }

    /// Returns the generator.
    pub(super) fn rng(&mut self) -> &mut dyn Watched {
        self.rng
    }

    /// Tells the caller that another piece of the work is done: on a Cortex-M4, after some 100,000
    /// instructions.
    pub(super) fn tick(&mut self) {
        self.rng.tick();
    }
}

/// Calls `work` with an area of `NUMBERS` numbers of half the length of a modulus of this size. Then
/// wipes the area, and burns the stack that `work` used.
///
/// `work` is a reference, so that its code exists once for all sizes.
pub(super) fn with_scratch<const NUMBERS: usize, T>(
    size: ModulusSize,
    rng: &mut dyn Watched,
    work: &mut dyn FnMut(Scratch<'_>) -> T,
) -> T {
    match size {
        ModulusSize::Rsa2048 => area::<NUMBERS, { U1024::LIMBS }, T>(rng, work),
        ModulusSize::Rsa3072 => area::<NUMBERS, { U1536::LIMBS }, T>(rng, work),
        ModulusSize::Rsa4096 => area::<NUMBERS, { U2048::LIMBS }, T>(rng, work),
    }
}

/// In a frame of its own, which exists only for the size that is used.
#[inline(never)]
fn area<const NUMBERS: usize, const WORDS: usize, T>(
    rng: &mut dyn Watched,
    work: &mut dyn FnMut(Scratch<'_>) -> T,
) -> T {
    // Wiped here, and not by a destructor: a value that is made to be wiped is made elsewhere, and moved.
    let mut words = [[0; WORDS]; NUMBERS];
    let done = burning::<{ burn::RSA }, _>(|| {
        work(Scratch {
            words: words.as_flattened_mut(),
            rng,
        })
    });
    words.as_flattened_mut().zeroize();
    done
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rng::NoGenerator;

    #[test]
    fn it_gives_zeros_and_no_more_than_it_has() {
        let mut words = [7; 5];
        let mut rng = NoGenerator;
        let mut scratch = Scratch::over(&mut words, &mut rng);
        assert_eq!(scratch.lend().take(5).unwrap(), [0; 5]);
        let (two, three) = (scratch.take(2).unwrap(), scratch.take(3).unwrap());
        two.fill(2);
        assert_eq!(three, [0; 3]);
        assert!(scratch.take(1).is_err() && scratch.take(0).is_ok());
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_area_is_wiped() {
        use crate::secret::left;

        let mark: Word = 0x5aa5_c33c_9669_f00f;
        for size in [
            ModulusSize::Rsa2048,
            ModulusSize::Rsa3072,
            ModulusSize::Rsa4096,
        ] {
            let marks = [("a mark", mark.to_le_bytes().repeat(4))];
            let found = left::on_the_stack(&marks, || {
                with_scratch::<{ KEY }, _>(size, &mut NoGenerator, &mut |mut scratch| {
                    scratch
                        .take((KEY * words_len(size)) >> 1)
                        .unwrap()
                        .fill(mark);
                    assert!(scratch.take(1).is_err());
                });
            });
            assert_eq!(found, [""; 0], "{size:?}");
        }
    }
}
