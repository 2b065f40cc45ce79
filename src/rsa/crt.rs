// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private operation by the Chinese remainder theorem (RFC 8017 section 5.1.2), blinded and
//! checked.

use crypto_bigint::{U256, U2048, Word};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::error::Failure;
use super::mont::{self, Modulus, Multiplier};
use super::scratch::{Scratch, words_len};
use super::{KeyError, ModulusSize, PublicKey, blind, words};
use crate::ct::Mask;
use crate::hardened::{Fault, Verdict, copy};
use crate::rng::Generator;

/// Words of the largest public exponent.
const EXPONENT_WORDS: usize = U256::LIMBS;

/// The lengths of the private numbers, in halves of the modulus: d; for p and for q the prime, `R^2`
/// modulo it and `d` modulo the prime less one; the coefficient.
const LENGTHS: [usize; 8] = [2, 1, 1, 1, 1, 1, 1, 1];

/// The private numbers of a key of any size, one after another. Wiped when dropped.
pub(super) struct Crt([[Word; U2048::LIMBS]; 9]);

/// The private numbers of one key.
pub(super) struct Private<'k> {
    pub(super) d: &'k [Word],
    pub(super) p: Half<'k>,
    pub(super) q: Half<'k>,
    /// `1/q` modulo `p`.
    pub(super) coefficient: &'k [Word],
}

/// A prime, and `d` modulo the prime less one.
pub(super) struct Half<'k> {
    pub(super) prime: Modulus<'k>,
    pub(super) exponent: &'k [Word],
}

/// Where the numbers of a new key go. What multiplying needs besides is computed from them.
pub(super) struct Places<'k> {
    pub(super) d: &'k mut [Word],
    pub(super) p: &'k mut [Word],
    pub(super) q: &'k mut [Word],
    pub(super) dp: &'k mut [Word],
    pub(super) dq: &'k mut [Word],
    pub(super) coefficient: &'k mut [Word],
}

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
    pub(super) const fn zeroed() -> Self {
        Self([[0; U2048::LIMBS]; 9])
    }

    /// Returns the places for the numbers of a key of this size.
    pub(super) fn places(&mut self, size: ModulusSize) -> Result<Places<'_>, Fault> {
        let [d, p, _, dp, q, _, dq, coefficient] = self.split_mut(size)?;
        Ok(Places {
            d,
            p,
            q,
            dp,
            dq,
            coefficient,
        })
    }

    /// Reads the numbers, and checks them with [`finish`](Self::finish).
    ///
    /// Secret: the numbers. Public: the public key, their lengths, the check that fails. Leaks:
    /// nothing else.
    pub(super) fn read(
        &mut self,
        key: &PublicKey,
        numbers: &Numbers<'_>,
        scratch: Scratch<'_>,
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
        self.finish(key, scratch)
    }

    /// Computes what multiplying needs, and checks that the numbers belong together: that `p q = n`,
    /// that the exponents of the primes are inverses of `e` and remainders of `d`, and the
    /// coefficient. The primes are not tested for primality: numbers that are not a key fail when
    /// [`apply`](Self::apply) checks its result.
    ///
    /// Secret: the numbers. Public: the public key, the check that fails. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn finish(
        &mut self,
        key: &PublicKey,
        mut scratch: Scratch<'_>,
    ) -> Result<(), KeyError> {
        let [_, p, p_r2, _, q, q_r2, ..] = self.split_mut(key.size())?;
        Modulus::new(p, p_r2, scratch.lend())?.ok_or(KeyError::Prime)?;
        Modulus::new(q, q_r2, scratch.lend())?.ok_or(KeyError::Prime)?;

        let private = self.private(key.size())?;
        let Private { p, q, d, .. } = &private;
        let (n, wide) = (scratch.take(d.len())?, scratch.take(d.len())?);
        words::from_be_bytes(n, key.modulus())?;
        mont::mul_wide(wide, p.prime.value(), q.prime.value())?;
        require(words::eq(wide, n), KeyError::Product)?;
        p.check_exponent(key, wide, KeyError::Exponent1, scratch.lend())?;
        q.check_exponent(key, wide, KeyError::Exponent2, scratch.lend())?;

        copy(wide, d)?;
        let mut fits = words::lt(d, n) & p.leaves(wide, p.exponent, scratch.lend())?;
        copy(wide, d)?;
        fits &= q.leaves(wide, q.exponent, scratch.lend())?;
        require(fits, KeyError::PrivateExponent)?;
        private.check_coefficient(scratch)
    }

    /// Raises `from`, a big-endian number below the modulus, to the private exponent, and writes
    /// the result to `to`. Both have as many bytes as the modulus. On failure `to` is zeros.
    ///
    /// Secret: the key, `to`. Public: `from`. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn apply(
        &self,
        key: &PublicKey,
        from: &[u8],
        rng: &mut Generator<'_>,
        to: &mut [u8],
        mut scratch: Scratch<'_>,
    ) -> Result<(), Failure> {
        to.fill(0);
        let private = self.private(key.size())?;
        let len = private.d.len();
        let (n, r2) = (scratch.take(len)?, scratch.take(len)?);
        words::from_be_bytes(n, key.modulus())?;
        let x = scratch.take(len)?;
        words::from_be_bytes(x, from)?;
        if !words::lt(x, n).declassify() {
            return Err(Failure::TooLarge);
        }

        let modulus = Modulus::new(n, r2, scratch.lend())?.ok_or(Fault)?;
        let mut multiplier = Multiplier::new(modulus, &mut scratch)?;
        let (factor, inverse) = (scratch.take(len)?, scratch.take(len)?);
        blind::draw(key, &mut multiplier, rng, factor, inverse, scratch.lend())?;
        multiplier.mul(x, factor)?;
        multiplier.normalize(x);

        let y = scratch.take(len)?;
        private.power(y, x, scratch.lend())?;

        // With the result of a fault in one half of the computation, anyone could factor the
        // modulus (Boneh, DeMillo, Lipton). So the result is checked before it leaves.
        let check = factor;
        copy(check, y)?;
        multiplier.enter(check)?;
        key.power(&mut multiplier, check, scratch)?;
        multiplier.leave(check)?;
        // From here on it is public whether the computation was right.
        Verdict::twice(|| words::eq(check, x)).or(Failure::Fault)?;

        multiplier.mul(y, inverse)?;
        multiplier.normalize(y);
        words::to_be_bytes(to, y)?;
        Ok(())
    }

    /// Returns the numbers of a key of this size.
    pub(super) fn private(&self, size: ModulusSize) -> Result<Private<'_>, Fault> {
        let mut rest = self.0.as_flattened();
        let half = words_len(size) >> 1;
        let mut parts = [&[][..]; LENGTHS.len()];
        for (part, length) in parts.iter_mut().zip(LENGTHS) {
            *part = rest.split_off(..length * half).ok_or(Fault)?;
        }
        let [d, p, p_r2, dp, q, q_r2, dq, coefficient] = parts;
        Ok(Private {
            d,
            p: Half {
                prime: Modulus::with_r2(p, p_r2)?,
                exponent: dp,
            },
            q: Half {
                prime: Modulus::with_r2(q, q_r2)?,
                exponent: dq,
            },
            coefficient,
        })
    }

    fn split_mut(&mut self, size: ModulusSize) -> Result<[&mut [Word]; LENGTHS.len()], Fault> {
        let mut rest = self.0.as_flattened_mut();
        let half = words_len(size) >> 1;
        let mut parts = LENGTHS.map(|_| &mut [][..]);
        for (part, length) in parts.iter_mut().zip(LENGTHS) {
            *part = rest.split_off_mut(..length * half).ok_or(Fault)?;
        }
        Ok(parts)
    }
}

impl Private<'_> {
    /// Checks that the coefficient is below `p`, and that its product with `q` leaves 1 modulo `p`.
    fn check_coefficient(&self, mut scratch: Scratch<'_>) -> Result<(), KeyError> {
        let p = self.p.prime;
        require(
            words::lt(self.coefficient, p.value()),
            KeyError::Coefficient,
        )?;
        let (coefficient, one) = (
            scratch.take(p.value().len())?,
            scratch.take(p.value().len())?,
        );
        copy(coefficient, self.coefficient)?;
        copy(one, self.q.prime.value())?;
        let mut multiplier = Multiplier::new(p, &mut scratch)?;
        multiplier.enter(coefficient)?;
        multiplier.mul(one, coefficient)?;
        multiplier.normalize(one);
        require(words::is_one(one), KeyError::Coefficient)
    }

    /// Computes `out = x^d`, below `n`, for `x` below `n`: Garner's formula `y = yq + q (1/q (yp -
    /// yq) mod p)`.
    #[inline(never)]
    fn power(&self, out: &mut [Word], x: &[Word], mut scratch: Scratch<'_>) -> Result<(), Fault> {
        #[cfg(test)]
        tests::see(x);
        let (p, q) = (self.p.prime, self.q.prime);
        let (high, low) = (
            scratch.take(p.value().len())?,
            scratch.take(p.value().len())?,
        );
        self.p.power(high, x, scratch.lend())?;
        self.q.power(low, x, scratch.lend())?;

        // low < q < R < 2p: one subtraction brings it below p, and one addition what is negative above 0.
        let reduced = scratch.take(low.len())?;
        copy(reduced, low)?;
        let mut multiplier = Multiplier::new(p, &mut scratch)?;
        multiplier.normalize(reduced);
        let negative = words::lt(high, reduced);
        words::sub(high, reduced);
        words::add_if(negative, high, p.value());
        copy(reduced, self.coefficient)?;
        multiplier.enter(reduced)?;
        multiplier.mul(high, reduced)?;
        multiplier.normalize(high);

        // yq < q and the multiple of q is at most p - 1: the sum is below n.
        mont::mul_wide(out, high, q.value())?;
        let (front, back) = out.split_at_mut_checked(low.len()).ok_or(Fault)?;
        let carry = words::add(front, low);
        words::add_word(back, carry);
        Ok(())
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
        let (one, order) = (scratch.take(len)?, scratch.take(len)?);
        *one.first_mut().ok_or(Fault)? = 1;
        self.order(order)?;
        // The product is shorter than the dividend.
        wide.fill(0);
        let product = wide.get_mut(..len + EXPONENT_WORDS).ok_or(Fault)?;
        mont::mul_wide(product, self.exponent, &e)?;
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
        let (reduced, k) = (scratch.take(len)?, scratch.take(len)?);
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
        mont::mul_wide(product, k, order)?;
        let (front, back) = product.split_at_mut_checked(len).ok_or(Fault)?;
        let carry = words::add(front, residue);
        words::add_word(back, carry);
        let borrow = words::sub(x, product);
        let negative = Mask::from_bit(borrow as u32);
        mont::mul_wide(product, self.prime.value(), order)?;
        Ok(words::is_zero(x) | (!negative & words::eq(x, product)))
    }

    /// Computes `p - 1`; the prime is odd.
    fn order(&self, out: &mut [Word]) -> Result<(), Fault> {
        copy(out, self.prime.value())?;
        *out.first_mut().ok_or(Fault)? ^= 1;
        Ok(())
    }

    /// Computes `out = x^exponent`, below the prime, for an `x` of double width.
    fn power(&self, out: &mut [Word], x: &[Word], mut scratch: Scratch<'_>) -> Result<(), Fault> {
        let mut multiplier = Multiplier::new(self.prime, &mut scratch)?;
        multiplier.enter_wide(out, x)?;
        multiplier.pow(out, self.exponent, scratch)?;
        multiplier.leave(out)
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

impl Zeroize for Crt {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for Crt {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Crt {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use core::cell::RefCell;
    use std::vec::Vec;

    use crypto_bigint::{NonZero, U128, U256, U2048};
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::rsa::{PrivateKey, pkcs1v15};

    const P: usize = U128::LIMBS;

    std::thread_local! {
        static BASES: RefCell<Vec<Vec<Word>>> = const { RefCell::new(Vec::new()) };
    }

    /// Keeps what is raised to the private exponent.
    pub(super) fn see(base: &[Word]) {
        BASES.with_borrow_mut(|bases| bases.push(base.to_vec()));
    }

    /// The result does not show whether the base was blinded.
    #[test]
    fn the_base_is_blinded_anew_each_time() {
        let der = include_bytes!("../../tests/vectors/rsa/keys/2048.pkcs8.der");
        let key = PrivateKey::from_pkcs8_der(der).unwrap();
        let mut block = [0; 256];
        pkcs1v15::encode(&mut block, b"a message").unwrap();
        let mut bare = [0; U2048::LIMBS];
        words::from_be_bytes(&mut bare, &block).unwrap();
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        BASES.take();
        for _ in 0..3 {
            key.sign_pkcs1v15_sha256(b"a message", &mut rng, &mut block)
                .unwrap();
        }
        let bases = BASES.take();
        assert_eq!(bases.len(), 3);
        for (place, base) in bases.iter().enumerate() {
            assert!(
                !bases[..place].contains(base) && base.as_slice() != bare,
                "{place}"
            );
        }
    }

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
        let mut scratch = Scratch::over(&mut area);
        let prime = Modulus::new(&prime, &mut r2, scratch.lend());
        let half = Half {
            prime: prime.unwrap().unwrap(),
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
