// SPDX-License-Identifier: MIT OR Apache-2.0
//! Base blinding: the private operation receives `c r^e` for a fresh random `r`, never `c` itself.

use crypto_bigint::{Odd, Uint, Word};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::error::Failure;
use super::mont::{Modulus, Multiplier};
use super::{PublicKey, words};
use crate::ct;
use crate::hardened::Fault;
use crate::rng;

/// How many draws may fall on or above the modulus before the generator counts as broken. Each draw
/// of an honest generator does so with a chance of at most 1/2.
const DRAWS: usize = 128;

/// `r^e` and `1/r` modulo `n`, in Montgomery's form; drawn in place, used once, and wiped.
pub(super) struct Blinding<const N: usize> {
    pub(super) factor: Zeroizing<[Word; N]>,
    pub(super) inverse: Zeroizing<[Word; N]>,
}

impl<const N: usize> Blinding<N> {
    /// Makes an empty value of zeros, to be filled by [`draw`](Self::draw).
    pub(super) fn zeroed() -> Self {
        Self {
            factor: Zeroizing::new([0; N]),
            inverse: Zeroizing::new([0; N]),
        }
    }

    /// Draws `r`.
    ///
    /// The inverse of `r` is computed as `s (r s)^-1` with a second random `s`. For a given `r` the
    /// product `r s` is uniform, so it reveals nothing about `r`, and its inversion may take a time
    /// that depends on it.
    ///
    /// Secret: `r`, `s`. Public: the key, the product `r s`, how many draws were above the modulus.
    /// Leaks: nothing else.
    #[inline(never)]
    pub(super) fn draw<R: TryCryptoRng + ?Sized>(
        &mut self,
        rng: &mut R,
        key: &PublicKey,
        modulus: &Modulus<N>,
        multiplier: &mut Multiplier<'_, N>,
    ) -> Result<(), Failure> {
        let Self { factor, inverse } = self;
        // A uniform number is the Montgomery form of a uniform number.
        uniform(rng, modulus, factor)?;
        uniform(rng, modulus, inverse)?;
        {
            let mut product = Zeroizing::new(**factor);
            multiplier.mul(&mut product, inverse)?;
            multiplier.normalize(&mut product);
            let product = ct::declassify_words(*product);
            // rsR inverted is (rsR)^-1; times sR over R is (rR)^-1.
            multiplier.mul(inverse, &invert_public(&product, modulus.value())?)?;
        }
        // (rR)^-1, then 1/r, then R/r.
        multiplier.enter(inverse)?;
        multiplier.enter(inverse)?;
        key.power(multiplier, factor)?;
        Ok(())
    }
}

/// Fills `out` with a uniform number below the modulus.
///
/// Secret: `out`, the modulus. Public: how many draws were above it. Leaks: nothing else.
pub(super) fn uniform<const N: usize, R: TryCryptoRng + ?Sized>(
    rng: &mut R,
    modulus: &Modulus<N>,
    out: &mut [Word; N],
) -> Result<(), Failure> {
    let mut bytes = Zeroizing::new([[0; words::BYTES]; N]);
    for _ in 0..DRAWS {
        rng::fill(rng, bytes.as_flattened_mut())?;
        words::from_be_bytes(out, bytes.as_flattened())?;
        if words::lt(out, modulus.value()).declassify() {
            return Ok(());
        }
    }
    Err(Failure::Rng)
}

/// Returns the inverse of a public number. With an honest generator, the chance that there is none
/// is about 2^-1023; such a number would factor the modulus.
#[inline(never)]
fn invert_public<const N: usize>(
    number: &[Word; N],
    modulus: &[Word; N],
) -> Result<[Word; N], Failure> {
    let modulus = Option::<Odd<_>>::from(Odd::new(Uint::from_words(*modulus))).ok_or(Fault)?;
    let inverse = Uint::from_words(*number).invert_odd_mod_vartime(&modulus);
    Option::<Uint<N>>::from(inverse)
        .map(|inverse| inverse.to_words())
        .ok_or(Failure::Rng)
}

#[cfg(all(test, target_arch = "x86_64"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::boxed::Box;
    use std::vec;

    use crypto_bigint::U1024;

    use super::*;
    use crate::secret::left::{self, Counting};

    #[test]
    fn the_drawn_bytes_are_wiped() {
        let modulus = Box::new(Modulus::new(&[Word::MAX; U1024::LIMBS]).unwrap().unwrap());
        let mut number = Box::new([0; U1024::LIMBS]);
        let mut rng = Box::new(Counting(1));
        let found = left::on_the_stack(&[("drawn", Counting(1).bytes(128))], || {
            uniform(&mut *rng, &modulus, &mut number).unwrap();
        });
        assert_eq!(found, [""; 0]);
        let mut drawn = vec![0; 128];
        words::to_be_bytes(&mut drawn, &*number).unwrap();
        assert_eq!(drawn, Counting(1).bytes(128));
    }
}
