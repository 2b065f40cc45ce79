// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that an operation computes in. Without an allocator, and with numbers whose length is
//! known at run time only, every intermediate value is a part of one area, which is wiped as a whole.
//!
//! Long work is done in steps, which are short enough for a watchdog or a scheduler. What must last from
//! one step to the next is in the area: each step takes the same places from it again.

use core::task::Poll;

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
    pub(super) fn over(words: &'w mut [Word], rng: &'w mut dyn Watched) -> Self {
        Self { words, rng }
    }

    /// Returns the next `len` words, as they were left.
    pub(super) fn take(&mut self, len: usize) -> Result<&'w mut [Word], Fault> {
        self.words.split_off_mut(..len).ok_or(Fault)
    }

    /// Returns the next `N` numbers of `len` words each, as they were left.
    pub(super) fn numbers<const N: usize>(
        &mut self,
        len: usize,
    ) -> Result<[&'w mut [Word]; N], Fault> {
        let mut numbers = [(); N].map(|()| &mut [][..]);
        for number in &mut numbers {
            *number = self.take(len)?;
        }
        Ok(numbers)
    }

    /// Lends what is left.
    pub(super) fn lend(&mut self) -> Scratch<'_> {
        Scratch {
            words: self.words,
            rng: self.rng,
        }
    }

    /// Takes one step of some work after another until it is done, and tells the caller of each.
    pub(super) fn finish<T, E>(
        &mut self,
        step: &mut dyn FnMut(Scratch<'_>) -> Result<Poll<T>, E>,
    ) -> Result<T, E> {
        loop {
            let step = step(self.lend())?;
            self.rng.tick();
            if let Poll::Ready(done) = step {
                return Ok(done);
            }
        }
    }

    /// Returns the generator.
    pub(super) fn rng(&mut self) -> &mut dyn Watched {
        self.rng
    }
}

/// Returns that some work is done, or that there is more to do.
pub(super) fn ready_if(done: bool) -> Poll<()> {
    if done { Poll::Ready(()) } else { Poll::Pending }
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
    fn it_gives_the_same_places_again_and_no_more_than_it_has() {
        let mut words = [7; 5];
        let mut rng = NoGenerator;
        let mut scratch = Scratch::over(&mut words, &mut rng);
        let [two, also_two] = scratch.lend().numbers(2).unwrap();
        two.fill(2);
        also_two.fill(3);
        let (one, four) = (scratch.take(1).unwrap(), scratch.take(4).unwrap());
        assert_eq!((&*one, &*four), (&[2][..], &[2, 3, 3, 7][..]));
        assert!(scratch.take(1).is_err() && scratch.take(0).is_ok());
        assert!(scratch.numbers::<2>(1).is_err());
    }

    #[test]
    fn work_goes_on_until_it_is_done() {
        let mut ticks = 0;
        let mut rng = crate::rng::WithProgress {
            rng: &mut NoGenerator,
            progress: &mut || ticks += 1,
        };
        let mut steps = 0;
        let done = Scratch::over(&mut [], &mut rng).finish(&mut |_| {
            steps += 1;
            Ok::<_, Fault>(ready_if(steps == 4).map(|()| steps))
        });
        assert_eq!((done, ticks), (Ok(4), 4));
        let failed =
            Scratch::over(&mut [], &mut NoGenerator).finish(&mut |_| Err::<Poll<()>, _>(Fault));
        assert_eq!(failed, Err(Fault));
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
