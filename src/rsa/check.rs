// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that the numbers of a private key belong together, without a division.

use core::task::Poll;

use crypto_bigint::{U256, Word};

use super::crt::{Crt, Half, Private};
use super::mont::{Modulus, Multiplier, SquareOfR};
use super::product::mul_wide;
use super::scratch::Scratch;
use super::{KeyError, PublicKey, words};
use crate::ct::Mask;
use crate::hardened::{Fault, copy};

/// Words of the largest public exponent.
const EXPONENT_WORDS: usize = U256::LIMBS;

/// The integers of a private key, big-endian, as an encoding holds them, not yet checked.
pub(super) struct Numbers<'a> {
    pub(super) d: &'a [u8],
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
    pub(super) dp: &'a [u8],
    pub(super) dq: &'a [u8],
    pub(super) coefficient: &'a [u8],
}

impl Crt {
    /// Reads the numbers, and takes all steps of a [`Check`].
    ///
    /// Secret: the numbers. Public: the public key, their lengths, the check that fails. Leaks:
    /// nothing else.
    pub(super) fn read(
        &mut self,
        key: &PublicKey,
        numbers: &Numbers<'_>,
        mut scratch: Scratch<'_>,
    ) -> Result<(), KeyError> {
        let places = self.places(key.size())?;
        for (place, bytes, error) in [
            (places.p, numbers.p, KeyError::Prime),
            (places.dp, numbers.dp, KeyError::Exponent1),
            (places.q, numbers.q, KeyError::Prime),
            (places.dq, numbers.dq, KeyError::Exponent2),
            (places.d, numbers.d, KeyError::PrivateExponent),
            (
                places.coefficient,
                numbers.coefficient,
                KeyError::Coefficient,
            ),
        ] {
            words::from_be_bytes(place, bytes).map_err(|Fault| error)?;
        }
        let mut check = Check::START;
        scratch.finish(&mut |scratch| check.step(key, self, scratch))
    }
}

/// How far the check of a key's numbers is.
#[derive(Clone, Copy)]
pub(super) enum Check {
    SquareOfRP(SquareOfR),
    SquareOfRQ(SquareOfR),
    Product,
    Exponent1,
    Exponent2,
    /// Whether `d` fits the exponent of `p`, and of `q`.
    PrivateExponentP,
    PrivateExponentQ,
    Coefficient,
}

impl Check {
    pub(super) const START: Self = Self::SquareOfRP(SquareOfR::START);

    /// Takes the next step: computes what multiplying needs, and checks that the numbers belong together:
    /// that `p q = n`, that the exponents of the primes are inverses of `e` and remainders of `d`, and the
    /// coefficient. The primes are not tested for primality: numbers that are not a key fail when an
    /// [`Operation`](super::operation::Operation) checks its result.
    ///
    /// Secret: the numbers. Public: the public key, the check that fails. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        key: &PublicKey,
        secret: &mut Crt,
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, KeyError> {
        let size = key.size();
        match self {
            Self::SquareOfRP(square) => {
                let [_, p, r2, ..] = secret.split_mut(size)?;
                if square_of_r(square, p, r2, scratch)?.is_ready() {
                    *self = Self::SquareOfRQ(SquareOfR::START);
                }
                return Ok(Poll::Pending);
            }
            Self::SquareOfRQ(square) => {
                let [_, _, _, _, q, r2, ..] = secret.split_mut(size)?;
                if square_of_r(square, q, r2, scratch)?.is_ready() {
                    *self = Self::Product;
                }
                return Ok(Poll::Pending);
            }
            _ => {}
        }

        let private = secret.private(size)?;
        let Private { p, q, d, .. } = &private;
        let [n, wide] = scratch.numbers(d.len())?;
        words::from_be_bytes(n, key.modulus())?;
        *self = match self {
            Self::SquareOfRP(_) | Self::SquareOfRQ(_) => return Err(KeyError::Fault),
            Self::Product => {
                mul_wide(wide, p.prime.value(), q.prime.value())?;
                require(words::eq(wide, n), KeyError::Product)?;
                Self::Exponent1
            }
            Self::Exponent1 => {
                p.check_exponent(key, wide, KeyError::Exponent1, scratch)?;
                Self::Exponent2
            }
            Self::Exponent2 => {
                q.check_exponent(key, wide, KeyError::Exponent2, scratch)?;
                Self::PrivateExponentP
            }
            Self::PrivateExponentP => {
                copy(wide, d)?;
                let fits = words::lt(d, n) & p.leaves(wide, p.exponent, scratch)?;
                require(fits, KeyError::PrivateExponent)?;
                Self::PrivateExponentQ
            }
            Self::PrivateExponentQ => {
                copy(wide, d)?;
                require(
                    q.leaves(wide, q.exponent, scratch)?,
                    KeyError::PrivateExponent,
                )?;
                Self::Coefficient
            }
            Self::Coefficient => {
                private.check_coefficient(scratch)?;
                return Ok(Poll::Ready(()));
            }
        };
        Ok(Poll::Pending)
    }
}

/// Takes the next step of computing `R^2` modulo a prime.
fn square_of_r(
    square: &mut SquareOfR,
    prime: &[Word],
    r2: &mut [Word],
    scratch: Scratch<'_>,
) -> Result<Poll<()>, KeyError> {
    let modulus = Modulus::new(prime, &[]).ok_or(KeyError::Prime)?;
    Ok(square.step(modulus, r2, scratch)?)
}

impl Private<'_> {
    /// Checks that the coefficient is below `p`, and that its product with `q` leaves 1 modulo `p`.
    fn check_coefficient(&self, mut scratch: Scratch<'_>) -> Result<(), KeyError> {
        let p = self.p.prime;
        require(
            words::lt(self.coefficient, p.value()),
            KeyError::Coefficient,
        )?;
        let [coefficient, one] = scratch.numbers(p.value().len())?;
        copy(coefficient, self.coefficient)?;
        copy(one, self.q.prime.value())?;
        let mut multiplier = Multiplier::new(p, &mut scratch)?;
        multiplier.enter(coefficient)?;
        multiplier.mul(one, coefficient)?;
        multiplier.normalize(one);
        require(words::is_one(one), KeyError::Coefficient)
    }
}

impl Half<'_> {
    /// Checks that the exponent is below `p - 1`, and that its product with `e` leaves 1 modulo `p
    /// - 1`. Overwrites `wide`, which is twice as long.
    fn check_exponent(
        &self,
        key: &PublicKey,
        wide: &mut [Word],
        error: KeyError,
        mut scratch: Scratch<'_>,
    ) -> Result<(), KeyError> {
        let mut e = [0; EXPONENT_WORDS];
        words::from_be_bytes(&mut e, key.exponent())?;
        let len = self.exponent.len();
        let [one, order] = scratch.numbers(len)?;
        one.fill(0);
        *one.first_mut().ok_or(Fault)? = 1;
        self.order(order)?;
        // The product is shorter than the dividend.
        wide.fill(0);
        let product = wide.get_mut(..len + EXPONENT_WORDS).ok_or(Fault)?;
        mul_wide(product, self.exponent, &e)?;
        let below = words::lt(self.exponent, order);
        require(below & self.leaves(wide, one, scratch)?, error)
    }

    /// Returns true if `x`, below `p q`, leaves `residue`, below `p - 1`, modulo `p - 1`.
    /// Overwrites `x`. No `x` with another residue passes, however large.
    ///
    /// No division is needed: `x = residue + k (p - 1)` means that `k` is `residue - x` modulo `p`.
    /// With `R / 2 < p < R`, and likewise for `q`, `x < p q` gives `k < q + 2 <= R + 1 < 2 p`. So
    /// `k` is one of two numbers, and the equation is checked for both.
    ///
    /// Secret: everything. Public: the lengths. Leaks: nothing else.
    #[inline(never)]
    fn leaves(
        &self,
        x: &mut [Word],
        residue: &[Word],
        mut scratch: Scratch<'_>,
    ) -> Result<Mask, Fault> {
        let len = residue.len();
        let [reduced, k] = scratch.numbers(len)?;
        {
            let mut scratch = scratch.lend();
            let mut multiplier = Multiplier::new(self.prime, &mut scratch)?;
            multiplier.enter_wide(reduced, x)?;
            multiplier.leave(reduced)?;
        }
        copy(k, residue)?;
        let borrow = words::sub(k, reduced);
        let negative = Mask::from_bit(borrow as u32);
        words::add_if(negative, k, self.prime.value());

        // x - residue - k (p - 1) is 0, or p (p - 1) if p is missing in k.
        let (order, product) = (reduced, scratch.take(x.len())?);
        self.order(order)?;
        mul_wide(product, k, order)?;
        let (front, back) = product.split_at_mut_checked(len).ok_or(Fault)?;
        let carry = words::add(front, residue);
        words::add_word(back, carry);
        let borrow = words::sub(x, product);
        let negative = Mask::from_bit(borrow as u32);
        mul_wide(product, self.prime.value(), order)?;
        Ok(words::is_zero(x) | (!negative & words::eq(x, product)))
    }

    /// Computes `p - 1`; the prime is odd.
    fn order(&self, out: &mut [Word]) -> Result<(), Fault> {
        copy(out, self.prime.value())?;
        *out.first_mut().ok_or(Fault)? ^= 1;
        Ok(())
    }
}

/// From here on it is public whether the check succeeded.
fn require(holds: Mask, error: KeyError) -> Result<(), KeyError> {
    if holds.declassify() {
        Ok(())
    } else {
        Err(error)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crypto_bigint::{NonZero, U128};
    use proptest::prelude::*;

    use super::*;
    use crate::rng::NoGenerator;

    const P: usize = U128::LIMBS;

    /// Numbers that are small, near the largest, or any.
    fn numbers() -> impl Strategy<Value = u128> {
        prop_oneof![
            0..4u128,
            (0..4u128).prop_map(|x| u128::MAX - x),
            (0..8u128).prop_map(|x| (1 << 127) + x),
            any::<u128>()
        ]
    }

    fn leaves(p: u128, x: U256, residue: u128) -> bool {
        let (prime, mut r2, mut area) = (U128::from(p).to_words(), [0; P], [7; 10 * P]);
        let mut rng = NoGenerator;
        let mut scratch = Scratch::over(&mut area, &mut rng);
        let mut square = SquareOfR::START;
        scratch
            .finish(&mut |scratch| square_of_r(&mut square, &prime, &mut r2, scratch))
            .unwrap();
        let half = Half {
            prime: Modulus::new(&prime, &r2).unwrap(),
            exponent: &[],
        };
        let residue = U128::from(residue).to_words();
        let leaves = half.leaves(&mut x.to_words(), &residue, scratch);
        leaves.unwrap().declassify()
    }

    fn remainder(x: U256, p: u128) -> u128 {
        let order = NonZero::new(U256::from(p - 1)).unwrap();
        u128::from(x.rem_vartime(&order).resize::<P>())
    }

    proptest! {
        #[test]
        fn residues_agree_with_a_division(
            p in numbers(), q in numbers(), x in numbers(), k in numbers(), other in numbers(),
        ) {
            let [p, q] = [p, q].map(|prime| prime | 1 << 127 | 1);
            let wide = |a, b| U256::from(a).wrapping_mul(&U256::from(b));
            let product = wide(p, q);
            let last = product.wrapping_sub(&U256::ONE);
            // Anything of double width; multiples of p - 1 with little added; the largest.
            for x in [
                wide(x, k).wrapping_add(&U256::from(other)),
                wide(p - 1, k).wrapping_add(&U256::from(x)),
                wide(p - 1, p).wrapping_add(&U256::from(x)),
                wide(p - 1, q).wrapping_add(&U256::from(x)),
                last.wrapping_sub(&U256::from(x)),
                last,
                U256::from(x),
            ] {
                let right = remainder(x, p);
                if x < product {
                    prop_assert!(leaves(p, x, right));
                }
                for wrong in [other, right ^ 1, right + 1, right.wrapping_sub(1)] {
                    if wrong < p - 1 && wrong != right {
                        prop_assert!(!leaves(p, x, wrong));
                    }
                }
            }
        }
    }
}
