// SPDX-License-Identifier: MIT OR Apache-2.0
//! The search for a prime of a key (FIPS 186-5 appendix A.1.3), in steps.

use core::task::Poll;

use crypto_bigint::Word;

use super::prime::{self, MillerRabin};
use super::scratch::Scratch;
use super::sieve::Sieve;
use super::{GenerateError, ModulusSize, words};
use crate::hardened::copy;

/// An event during key generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Progress {
    /// One more candidate is being tested.
    Candidate,
    /// A prime was found; two make a key.
    Prime,
}

/// How far a search is.
pub(super) struct Search {
    rounds: u32,
    /// How many more candidates are tried.
    left: u32,
    sieve: Sieve,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Draw,
    Sieve,
    Choose,
    Test(MillerRabin),
}

impl Search {
    pub(super) fn new(size: ModulusSize, candidates: u32) -> Self {
        Self {
            rounds: rounds(size),
            left: candidates,
            sieve: Sieve::new(),
            stage: Stage::Draw,
        }
    }

    #[cfg(test)]
    pub(super) fn is_at_start(&self) -> bool {
        matches!(self.stage, Stage::Draw) && self.sieve.is_empty()
    }

    /// Takes the next step of finding a prime `p` with `p - 1` coprime to `e`, which is prime: `p` must not
    /// leave 1.
    ///
    /// Secret: `out`. Public: how many candidates fail, and in which check. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        out: &mut [Word],
        progress: &mut dyn FnMut(Progress),
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, GenerateError> {
        let start = scratch.take(out.len())?;
        match &mut self.stage {
            Stage::Draw => {
                // A start that leaves nothing counts as a candidate too.
                self.count()?;
                prime::draw(scratch.rng(), start)?;
                self.sieve = Sieve::new();
                self.stage = Stage::Sieve;
            }
            Stage::Sieve => {
                if self.sieve.step(start).is_ready() {
                    self.stage = Stage::Choose;
                }
            }
            Stage::Choose => match self.sieve.next() {
                None => self.stage = Stage::Draw,
                Some(position) => {
                    self.count()?;
                    copy(out, start)?;
                    words::add_word(out, 2 * Word::from(position));
                    progress(Progress::Candidate);
                    self.stage = Stage::Test(MillerRabin::START);
                }
            },
            Stage::Test(test) => match test.step(out, self.rounds, scratch)? {
                Poll::Pending => {}
                Poll::Ready(false) => self.stage = Stage::Choose,
                Poll::Ready(true) => {
                    progress(Progress::Prime);
                    return Ok(Poll::Ready(()));
                }
            },
        }
        Ok(Poll::Pending)
    }

    fn count(&mut self) -> Result<(), GenerateError> {
        self.left = self.left.checked_sub(1).ok_or(GenerateError::Exhausted)?;
        Ok(())
    }
}

/// Returns the rounds of the Miller-Rabin test for each prime (FIPS 186-5 table B.1): a composite
/// number passes with a chance below 2^-112, 2^-128 and 2^-144.
const fn rounds(size: ModulusSize) -> u32 {
    match size {
        ModulusSize::Rsa2048 => 5,
        ModulusSize::Rsa3072 | ModulusSize::Rsa4096 => 4,
    }
}
