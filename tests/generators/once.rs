// SPDX-License-Identifier: MIT OR Apache-2.0
//! The generator that fails once.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

use crate::sealed::Failed;

/// A generator that fails at one call, after it has written something, or changes what it gives there.
pub struct Once {
    rng: ChaCha20Rng,
    failing: Option<usize>,
    changed: Option<usize>,
    pub calls: usize,
}

impl Once {
    /// One that never fails.
    pub fn steady(seed: u8) -> Self {
        Self {
            rng: ChaCha20Rng::from_seed([seed; 32]),
            failing: None,
            changed: None,
            calls: 0,
        }
    }

    pub fn failing(seed: u8, call: usize) -> Self {
        Self {
            failing: Some(call),
            ..Self::steady(seed)
        }
    }

    pub fn changed(seed: u8, call: usize) -> Self {
        Self {
            changed: Some(call),
            ..Self::steady(seed)
        }
    }
}

impl TryRng for Once {
    type Error = Failed;

    fn try_next_u32(&mut self) -> Result<u32, Failed> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Failed> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Failed> {
        let call = self.calls;
        self.calls += 1;
        self.rng.fill_bytes(out);
        if self.failing == Some(call) {
            let half = out.len() / 2;
            out[half..].fill(0);
            return Err(Failed);
        }
        if self.changed == Some(call) {
            out.iter_mut().take(1).for_each(|byte| *byte = !*byte);
        }
        Ok(())
    }
}

impl TryCryptoRng for Once {}
