// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates keys from probable primes (FIPS 186-5 appendix A.1.3), with `e = 65537`.

use core::task::Poll;

use zeroize::Zeroize;

use super::assembly::Assembly;
use super::crt::Places;
use super::scratch::{self, Scratch, with_scratch};
use super::search::{Progress, Search};
use super::{GenerateError, ModulusSize, PrivateKey, prime};
use crate::burn::{self, burning};
use crate::rng::{Erased, Generator, Watched};

impl PrivateKey {
    /// Generates a key with `e = 65537` from probable primes (FIPS 186-5 appendix A.1.3).
    ///
    /// Secret: the key, what `rng` draws. Public: `size`, how many candidates fail and which of the checks.
    /// Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`GenerateError`].
    pub fn generate<R: Generator + ?Sized>(
        size: ModulusSize,
        rng: &mut R,
    ) -> Result<Self, GenerateError> {
        Self::generate_with_progress(size, rng, &mut |_| ())
    }

    /// Generates a key as [`generate`](Self::generate) does, and calls `progress` for each
    /// candidate, of which there are some hundreds for a key, and for each prime.
    ///
    /// Secret: the key, what `rng` draws. Public: `size`, how many candidates fail and which of the checks.
    /// Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`GenerateError`].
    pub fn generate_with_progress<R: Generator + ?Sized>(
        size: ModulusSize,
        rng: &mut R,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, GenerateError> {
        burning::<{ burn::RSA_KEY }, _>(move || {
            let mut key = Self::zeroed();
            key.make(size, &mut Erased(rng), progress)?;
            Ok(key)
        })
    }

    /// Generates in place what [`generate`](Self::generate) generates.
    pub(crate) fn make(
        &mut self,
        size: ModulusSize,
        rng: &mut dyn Watched,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), GenerateError> {
        let mut generation = Generation::new(size);
        let made = with_scratch::<{ scratch::KEY }, _>(size, rng, &mut |mut scratch| {
            scratch.finish(&mut |scratch| generation.step(self, progress, scratch))
        });
        if made.is_err() {
            self.secret.zeroize();
        }
        made
    }
}

/// How often two primes are drawn.
const ATTEMPTS: u32 = 4;

/// How far the generation of a key is.
pub(super) struct Generation {
    size: ModulusSize,
    attempts: u32,
    stage: Stage,
    search: Search,
}

#[derive(Clone, Copy)]
enum Stage {
    P,
    Q,
    Assembly(Assembly),
}

impl Generation {
    pub(super) fn new(size: ModulusSize) -> Self {
        Self {
            size,
            attempts: 1,
            stage: Stage::P,
            // The appendix gives up after this many candidates.
            search: Search::new(size, 5 * size.bits()),
        }
    }

    #[cfg(test)]
    pub(super) fn is_at_start(&self) -> bool {
        matches!(self.stage, Stage::P) && self.search.is_at_start()
    }

    /// Takes the next step of making `key`.
    ///
    /// Secret: `key`, what the generator draws. Public: the size, how many candidates fail and which of the
    /// checks. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        key: &mut PrivateKey,
        progress: &mut dyn FnMut(Progress),
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, GenerateError> {
        let size = self.size;
        let Places { p, q, .. } = key.secret.places(size)?;
        match &mut self.stage {
            Stage::P => {
                if self.search.step(p, progress, scratch)?.is_ready() {
                    self.search = Search::new(size, 10 * size.bits());
                    self.stage = Stage::Q;
                }
            }
            Stage::Q => {
                if self.search.step(q, progress, scratch.lend())?.is_ready() {
                    // The chance that they are too close is 2^-99.
                    if prime::far_apart(p, q, scratch)?.declassify() {
                        self.stage = Stage::Assembly(Assembly::START);
                    } else {
                        self.start_over()?;
                    }
                }
            }
            Stage::Assembly(assembly) => match assembly.step(key, size, scratch)? {
                Poll::Pending => {}
                Poll::Ready(true) => return Ok(Poll::Ready(())),
                // The chance that d is too small is 2^-1023.
                Poll::Ready(false) => self.start_over()?,
            },
        }
        Ok(Poll::Pending)
    }

    fn start_over(&mut self) -> Result<(), GenerateError> {
        if self.attempts >= ATTEMPTS {
            return Err(GenerateError::Exhausted);
        }
        let attempts = self.attempts + 1;
        *self = Self {
            attempts,
            ..Self::new(self.size)
        };
        Ok(())
    }
}
