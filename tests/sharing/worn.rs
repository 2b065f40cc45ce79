// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator that works for a number of calls.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

/// Works for a number of calls, then fails; what it wrote by then stays.
pub struct Failing {
    rng: ChaCha20Rng,
    pub calls: usize,
    left: usize,
}

impl Failing {
    pub fn after(left: usize) -> Self {
        Self {
            rng: ChaCha20Rng::seed_from_u64(1),
            calls: 0,
            left,
        }
    }

    /// Counts the calls that `work` makes, then has each of them fail.
    pub fn at_every_call<T>(
        mut work: impl FnMut(&mut Self) -> T,
        mut refused: impl FnMut(usize, T),
    ) {
        let mut counter = Self::after(usize::MAX);
        work(&mut counter);
        assert!(counter.calls > 0);
        for call in 0..counter.calls {
            refused(counter.calls, work(&mut Self::after(call)));
        }
    }
}

impl TryRng for Failing {
    type Error = core::fmt::Error;
    fn try_next_u32(&mut self) -> Result<u32, core::fmt::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, core::fmt::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), core::fmt::Error> {
        self.rng.fill_bytes(out);
        self.calls += 1;
        self.left = self.left.checked_sub(1).ok_or(core::fmt::Error)?;
        Ok(())
    }
}

impl TryCryptoRng for Failing {}
