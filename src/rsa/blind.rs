// SPDX-License-Identifier: MIT OR Apache-2.0
//! Base blinding: the private operation receives `c r^e` for a fresh random `r`, never `c` itself.

use core::task::Poll;

use crypto_bigint::Word;

use super::error::Failure;
use super::inverse::Inversion;
use super::mont::Multiplier;
use super::public::PublicPower;
use super::scratch::Scratch;
use super::{ModulusSize, PublicKey, words};
use crate::ct::declassify_words;
use crate::hardened::{Fault, copy};
use crate::rng::{self, Watched};
use crate::secret::Secret;

/// How many draws may fall on or above the modulus before the generator counts as broken. Each draw
/// of an honest generator does so with a chance of at most 1/2.
const DRAWS: usize = 128;

/// How far the blinding of one operation is.
#[derive(Clone, Copy)]
pub(super) enum Blinding {
    Draw,
    Invert(Inversion),
    Multiply,
    /// Entering Montgomery's form, twice.
    Enter,
    EnterAgain,
    Power(PublicPower),
}

impl Blinding {
    /// Takes the next step of drawing `r`, and computing `factor = r^e` and `inverse = 1/r` modulo the
    /// modulus of `multiplier`, in Montgomery's form. They are for one use.
    ///
    /// The inverse of `r` is computed as `s (r s)^-1` with a second random `s`. For a given `r` the
    /// product `r s` is uniform, so it reveals nothing about `r`, and its inversion may take a time
    /// that depends on it.
    ///
    /// Secret: `r`, `s`. Public: the key, the product `r s`, how many draws were above the modulus.
    /// Leaks: nothing else.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        key: &PublicKey,
        multiplier: &mut Multiplier<'_>,
        factor: &mut [Word],
        inverse: &mut [Word],
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, Failure> {
        let modulus = multiplier.modulus().value();
        let product = scratch.take(factor.len())?;
        *self = match *self {
            Self::Draw => {
                // A uniform number is the Montgomery form of a uniform number.
                uniform(modulus, scratch.rng(), factor)?;
                uniform(modulus, scratch.rng(), inverse)?;
                copy(product, factor)?;
                multiplier.mul(product, inverse)?;
                multiplier.normalize(product);
                declassify_words(product);
                Self::Invert(Inversion::START)
            }
            Self::Invert(mut inversion) => match inversion.step(product, modulus, scratch)? {
                Poll::Pending => Self::Invert(inversion),
                Poll::Ready(true) => Self::Multiply,
                // With an honest generator, the chance that there is none is about 2^-1023; such a
                // number would factor the modulus.
                Poll::Ready(false) => return Err(Failure::Rng),
            },
            Self::Multiply => {
                // rsR inverted is (rsR)^-1; times sR over R is (rR)^-1.
                multiplier.mul(inverse, product)?;
                Self::Enter
            }
            // (rR)^-1, then 1/r, then R/r.
            Self::Enter => {
                multiplier.enter(inverse)?;
                Self::EnterAgain
            }
            Self::EnterAgain => {
                multiplier.enter(inverse)?;
                Self::Power(PublicPower::START)
            }
            Self::Power(mut power) => {
                if power.step(key, multiplier, factor, scratch)?.is_ready() {
                    return Ok(Poll::Ready(()));
                }
                Self::Power(power)
            }
        };
        Ok(Poll::Pending)
    }
}

/// Fills `out` with a uniform number below the modulus.
///
/// Secret: `out`, the modulus. Public: how many draws were above it. Leaks: nothing else.
pub(super) fn uniform(
    modulus: &[Word],
    rng: &mut dyn Watched,
    out: &mut [Word],
) -> Result<(), Failure> {
    let mut drawn = Secret::<{ ModulusSize::MAX_BYTES }>::zeroed();
    let drawn = { drawn.expose_mut().get_mut(..size_of_val(out)) }.ok_or(Fault)?;
    for _ in 0..DRAWS {
        rng::fill(rng, drawn)?;
        words::from_be_bytes(out, drawn)?;
        if words::lt(out, modulus).declassify() {
            return Ok(());
        }
    }
    Err(Failure::Rng)
}

#[cfg(all(test, target_arch = "x86_64"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::boxed::Box;
    use std::vec;

    use crypto_bigint::U1024;

    use super::*;
    use crate::rng::Erased;
    use crate::secret::left::{self, Counting};

    #[test]
    fn the_drawn_bytes_are_wiped() {
        let modulus = Box::new([Word::MAX; U1024::LIMBS]);
        let mut number = Box::new([0; U1024::LIMBS]);
        let mut rng = Box::new(Counting(1));
        let found = left::on_the_stack(&[("drawn", Counting(1).bytes(128))], || {
            uniform(&*modulus, &mut Erased(&mut *rng), &mut *number).unwrap();
        });
        assert_eq!(found, [""; 0]);
        let mut drawn = vec![0; 128];
        words::to_be_bytes(&mut drawn, &*number).unwrap();
        assert_eq!(drawn, Counting(1).bytes(128));
    }
}
