// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator hedged with the root.
//!
//! A virtual machine that is restored from a snapshot repeats its generator, and a weak generator may
//! repeat by itself. What a sealing draws therefore depends on the root, which no outsider has, and on
//! everything that is sealed: two sealings that differ in anything share no key, though their
//! generators give the same bytes.

use rand_core::{TryCryptoRng, TryRng};

use super::root::Root;
use crate::purpose::Purpose;
use crate::rng::{self, RngError};
use crate::secret::Secret;

/// Draws, 32 bytes at a time, `X(generator output || root, "draw", what, counter)`.
pub(crate) struct Hedged<'a, R: ?Sized> {
    rng: &'a mut R,
    root: &'a Root,
    what: Secret<32>,
    counter: u64,
}

impl<'a, R: TryCryptoRng + ?Sized> Hedged<'a, R> {
    /// Hedges `rng` for `what`, a digest of what the draws are for.
    pub(crate) fn new(rng: &'a mut R, root: &'a Root, what: Secret<32>) -> Self {
        Self {
            rng,
            root,
            what,
            counter: 0,
        }
    }
}

impl<R: TryCryptoRng + ?Sized> TryRng for Hedged<'_, R> {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        let mut bytes = Secret::<4>::zeroed();
        self.try_fill_bytes(bytes.expose_mut())?;
        Ok(u32::from_le_bytes(*bytes.expose()))
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        let mut bytes = Secret::<8>::zeroed();
        self.try_fill_bytes(bytes.expose_mut())?;
        Ok(u64::from_le_bytes(*bytes.expose()))
    }

    /// Secret: `out`, the root, the generator's output. Public: the length, whether the generator
    /// failed. Leaks: nothing else.
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        let mut key = Secret::<64>::zeroed();
        for chunk in out.chunks_mut(32) {
            let (fresh, root) = key.expose_mut().split_at_mut(32);
            rng::fill(self.rng, fresh)?;
            root.copy_from_slice(self.root.secret().expose());
            let counter = self.counter.to_be_bytes();
            self.counter = self.counter.wrapping_add(1);
            let mut drawn = Secret::<32>::zeroed();
            let parts = [self.what.expose().as_slice(), &counter];
            Purpose::Draw
                .derive(key.expose(), &[], parts, &mut drawn)
                .map_err(|_| RngError)?;
            for (to, from) in chunk.iter_mut().zip(drawn.expose()) {
                *to = *from;
            }
        }
        Ok(())
    }
}

impl<R: TryCryptoRng + ?Sized> TryCryptoRng for Hedged<'_, R> {}
