// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator whose every byte is secret.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::valgrind;

/// SplitMix64 (Steele, Lea, Flood 2014), its output marked secret. Good enough to prove with; not a
/// generator for keys.
pub struct SecretRng(pub u64);

impl SecretRng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl TryRng for SecretRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes(valgrind::hidden(
            self.next().to_ne_bytes(),
        )))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        valgrind::hide(out);
        Ok(())
    }
}

impl TryCryptoRng for SecretRng {}
