// SPDX-License-Identifier: MIT OR Apache-2.0
//! Base blinding: the private operation sees `c r^e` for a fresh random `r`, and never `c`.

use crypto_bigint::{Odd, Uint, Word};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::error::Failure;
use super::mont::{Modulus, Multiplier};
use super::{PublicKey, words};
use crate::ct;
use crate::hardened::Fault;
use crate::rng;

/// Draws that may fall on or above the modulus before the generator is given up. An honest one fails
/// each with a chance of at most 1/2.
const DRAWS: usize = 128;

/// `r^e` and `1/r` modulo `n`, in Montgomery's form; used once, and wiped.
pub(super) struct Blinding<const N: usize> {
    pub(super) factor: Zeroizing<[Word; N]>,
    pub(super) inverse: Zeroizing<[Word; N]>,
}

impl<const N: usize> Blinding<N> {
    /// Draws `r`.
    ///
    /// The inverse of `r` is computed as `s (r s)^-1` with a second random `s`. For a given `r` the
    /// product `r s` is uniform, so it tells nothing of `r`, and may be inverted in a time that
    /// depends on it.
    ///
    /// Secret: `r`, `s`. Public: the key, the product `r s`, how many draws were above the modulus.
    /// Leaks: nothing else.
    #[inline(never)]
    pub(super) fn draw<R: TryCryptoRng + ?Sized>(
        rng: &mut R,
        key: &PublicKey,
        modulus: &Modulus<N>,
        multiplier: &mut Multiplier<'_, N>,
    ) -> Result<Self, Failure> {
        // A uniform number is the Montgomery form of a uniform number.
        let mut factor = uniform(rng, modulus)?;
        let mut inverse = uniform(rng, modulus)?;
        {
            let mut product = Zeroizing::new(*factor);
            multiplier.mul(&mut product, &inverse)?;
            multiplier.normalize(&mut product);
            let product = ct::declassify_words(*product);
            // rsR inverted is (rsR)^-1; times sR over R is (rR)^-1.
            multiplier.mul(&mut inverse, &invert_public(&product, modulus.value())?)?;
        }
        // (rR)^-1, then 1/r, then R/r.
        multiplier.enter(&mut inverse)?;
        multiplier.enter(&mut inverse)?;
        key.power(multiplier, &mut factor)?;
        Ok(Self { factor, inverse })
    }
}

/// A uniform number below the modulus.
///
/// Secret: the number, the modulus. Public: how many draws were above it. Leaks: nothing else.
pub(super) fn uniform<const N: usize, R: TryCryptoRng + ?Sized>(
    rng: &mut R,
    modulus: &Modulus<N>,
) -> Result<Zeroizing<[Word; N]>, Failure> {
    let mut number = Zeroizing::new([0; N]);
    let mut bytes = Zeroizing::new([[0; words::BYTES]; N]);
    for _ in 0..DRAWS {
        rng::fill(rng, bytes.as_flattened_mut())?;
        words::from_be_bytes(&mut *number, bytes.as_flattened())?;
        if words::lt(&*number, modulus.value()).declassify() {
            return Ok(number);
        }
    }
    Err(Failure::Rng)
}

/// The inverse of a public number. That there is none has a chance of about 2^-1023 if the generator
/// is honest, and would factor the modulus.
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
