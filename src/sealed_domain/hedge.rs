// SPDX-License-Identifier: MIT OR Apache-2.0
//! A random number generator hedged with a secret.
//!
//! A virtual machine restored from a snapshot repeats its generator's output, and a weak generator
//! may repeat by itself. So what is drawn also depends on a secret that no outsider has, and on the
//! purpose of the draw: two sealings that differ in anything share no key, and two HSMs with
//! different device keys share no root, even if their generators return the same bytes. A generator
//! that returns zeros, or the same block twice in a row, has failed.

use rand_core::{TryCryptoRng, TryRng};

use super::root::Root;
use crate::ct::eq_bytes;
use crate::hardened::{Verdict, copy};
use crate::labels::Purpose;
use crate::rng::{self, RngError, Watched};
use crate::secret::Secret;

/// How many bytes of the generator go into one draw.
const FRESH: usize = 32;

/// A generator that returns the same bytes in two consecutive blocks of this length is stuck.
const BLOCK: usize = 16;

/// Draws 32 bytes at a time: `X(generator output || secret, "draw", what, counter)`, with a
/// separate label for each kind of secret.
pub(crate) struct Hedged<'a> {
    rng: &'a mut dyn Watched,
    secret: &'a Secret<32>,
    label: Purpose,
    what: Secret<32>,
    counter: u64,
    /// The generator's last block; zeros at first.
    last: Secret<BLOCK>,
}

impl<'a> Hedged<'a> {
    /// Hedges `rng` with the root. `what` is a digest of what the draws are for.
    pub(crate) fn new(rng: &'a mut dyn Watched, root: &'a Root, what: Secret<32>) -> Self {
        Self::by(rng, root.secret(), Purpose::Draw, what)
    }

    /// Hedges `rng` with the device's secret for it, for draws before there is a root.
    pub(crate) fn with_device_key(
        rng: &'a mut dyn Watched,
        secret: &'a Secret<32>,
        what: Secret<32>,
    ) -> Self {
        Self::by(rng, secret, Purpose::DeviceDraw, what)
    }

    fn by(
        rng: &'a mut dyn Watched,
        secret: &'a Secret<32>,
        label: Purpose,
        what: Secret<32>,
    ) -> Self {
        Self {
            rng,
            secret,
            label,
            what,
            counter: 0,
            last: Secret::zeroed(),
        }
    }

    /// Draws from the generator itself, and checks what it returns.
    ///
    /// Secret: `fresh`. Public: whether the generator failed. Leaks: nothing else.
    fn draw(&mut self, fresh: &mut [u8; FRESH]) -> Result<(), RngError> {
        rng::fill(self.rng, fresh)?;
        let (first, second) = fresh.split_first_chunk::<BLOCK>().ok_or(RngError)?;
        Verdict::twice(|| {
            let stuck = eq_bytes(first, self.last.expose()) | eq_bytes(first, second);
            !(stuck | eq_bytes(second, &[0; BLOCK]))
        })
        .or(RngError)?;
        copy(self.last.expose_mut(), second).map_err(|_| RngError)
    }
}

impl TryRng for Hedged<'_> {
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

    /// Secret: `out`, the secret, the generator's output. Public: the length, whether the generator
    /// failed. Leaks: nothing else.
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        let mut key = Secret::<{ FRESH + 32 }>::zeroed();
        for chunk in out.chunks_mut(32) {
            let (fresh, secret) = key.expose_mut().split_first_chunk_mut().ok_or(RngError)?;
            self.draw(fresh)?;
            copy(secret, self.secret.expose()).map_err(|_| RngError)?;
            let counter = self.counter.to_be_bytes();
            self.counter = self.counter.checked_add(1).ok_or(RngError)?;
            let mut drawn = Secret::<32>::zeroed();
            let parts = [self.what.expose().as_slice(), &counter];
            self.label
                .derive(key.expose(), &[], parts, &mut drawn)
                .map_err(|_| RngError)?;
            let drawn = drawn.expose().get(..chunk.len()).ok_or(RngError)?;
            copy(chunk, drawn).map_err(|_| RngError)?;
        }
        Ok(())
    }
}

impl TryCryptoRng for Hedged<'_> {}

impl Watched for Hedged<'_> {
    fn tick(&mut self) {
        self.rng.tick();
    }
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;
    use std::vec::Vec;

    use super::*;
    use crate::rng::Erased;

    /// Gives these blocks of 16 bytes, each filled with one byte, and then all the others.
    struct Blocks(Vec<u8>, u8);

    impl TryRng for Blocks {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!()
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!()
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            for block in out.chunks_mut(BLOCK) {
                let byte = if self.0.is_empty() {
                    self.1 += 1;
                    self.1
                } else {
                    self.0.remove(0)
                };
                block.fill(byte);
            }
            Ok(())
        }
    }

    impl TryCryptoRng for Blocks {}

    fn secret(byte: u8) -> Secret<32> {
        let mut secret = Secret::zeroed();
        secret.expose_mut().fill(byte);
        secret
    }

    fn draws(blocks: &[u8], secret_byte: u8, label: Purpose, what: u8) -> Option<Vec<u8>> {
        let mut rng = Blocks(blocks.to_vec(), 100);
        let key = secret(secret_byte);
        let mut rng = Erased(&mut rng);
        let mut hedged = Hedged::by(&mut rng, &key, label, secret(what));
        let mut out = std::vec![0; 80];
        hedged.try_fill_bytes(&mut out).ok()?;
        Some(out)
    }

    #[test]
    fn a_generator_that_is_stuck_is_refused() {
        let refused = |blocks: &[u8]| draws(blocks, 1, Purpose::Draw, 1).is_none();
        // Draws of two blocks each: the first, the second, the third.
        for stuck in [
            &[0, 1][..],
            &[1, 0],
            &[1, 1],
            &[1, 2, 2, 3],
            &[1, 2, 0, 3],
            &[1, 2, 3, 0],
            &[1, 2, 3, 3],
            &[1, 2, 3, 4, 4, 5],
            &[1, 2, 3, 4, 5, 5],
        ] {
            assert!(refused(stuck), "{stuck:?}");
        }
        // The same block again later is chance, or a snapshot; the hedge answers that.
        for good in [&[][..], &[1, 2, 1, 2], &[1, 2, 3, 1]] {
            assert!(!refused(good), "{good:?}");
        }
    }

    #[test]
    fn equal_output_gives_other_draws_under_another_secret_or_use() {
        let base = draws(&[], 1, Purpose::Draw, 1).unwrap();
        assert_eq!(draws(&[], 1, Purpose::Draw, 1).unwrap(), base);
        for other in [
            draws(&[], 2, Purpose::Draw, 1),
            draws(&[], 1, Purpose::DeviceDraw, 1),
            draws(&[], 1, Purpose::Draw, 2),
            draws(&[9], 1, Purpose::Draw, 1),
        ] {
            let other = other.unwrap();
            for (a, b) in base.chunks(16).zip(other.chunks(16)).take(2) {
                assert_ne!(a, b);
            }
        }
        let blocks: std::collections::HashSet<_> = base.chunks(16).collect();
        assert_eq!(blocks.len(), 5);
    }
}
