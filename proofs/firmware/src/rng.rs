// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator that needs no memory but a word.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Xorshift (Marsaglia 2003). Good enough to prove with; not a generator for keys.
pub struct Xorshift(pub u32);

impl TryRng for Xorshift {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        Ok(self.0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from(self.try_next_u32()?) << 32 | u64::from(self.try_next_u32()?))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = self.try_next_u32()? as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Xorshift {}
