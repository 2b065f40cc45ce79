// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a generator gave is a secret too.

use rand_chacha::ChaCha20Rng;
use rand_core::{TryCryptoRng, TryRng};

use crate::Secrets;
use crate::sealed::rng;
use crate::stack::{dead, found};

/// A generator that keeps what it gave, elsewhere than on the stack.
pub struct Kept {
    rng: ChaCha20Rng,
    drawn: Vec<u8>,
}

impl Kept {
    pub fn new(seed: u8) -> Box<Self> {
        Box::new(Self {
            rng: rng(seed),
            drawn: Vec::with_capacity(1 << 16),
        })
    }
}

impl TryRng for Kept {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.rng.try_next_u32()
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.rng.try_next_u64()
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.rng.try_fill_bytes(out)?;
        self.drawn.extend_from_slice(out);
        Ok(())
    }
}

impl TryCryptoRng for Kept {}

/// As [`left`](crate::stack::left), for everything that `work` drew as well.
pub fn left_of_draws(secrets: &Secrets, work: impl FnOnce(&mut Kept)) -> Vec<&'static str> {
    left_of_draws_after(0, secrets, work)
}

/// The same, where the first `public` bytes that are drawn are no secret.
pub fn left_of_draws_after(
    public: usize,
    secrets: &Secrets,
    work: impl FnOnce(&mut Kept),
) -> Vec<&'static str> {
    let (mut rng, mut secrets) = (Kept::new(6), secrets.clone());
    let seen = dead(|| work(&mut rng));
    secrets.push(("draws", rng.drawn.split_off(public)));
    found(&seen, &secrets)
}
