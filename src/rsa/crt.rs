// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private operation by the Chinese remainder theorem (RFC 8017 section 5.1.2), blinded and
//! checked.

use crypto_bigint::{U256, Word};
use rand_core::TryCryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::blind::Blinding;
use super::error::Failure;
use super::mont::{self, Modulus, Multiplier};
use super::{KeyError, PublicKey, words};
use crate::ct::Mask;
use crate::hardened::{Fault, Verdict};

/// Words of the largest public exponent.
const EXPONENT_WORDS: usize = U256::LIMBS;

/// The private numbers of a key with primes of `P` words and a modulus of `N = 2 P`. Wiped when dropped.
pub(super) struct Crt<const P: usize, const N: usize> {
    pub(super) n: Modulus<N>,
    pub(super) d: [Word; N],
    pub(super) p: Half<P>,
    pub(super) q: Half<P>,
    /// `1/q` modulo `p`, in Montgomery's form.
    coefficient: [Word; P],
}

/// A prime, and `d` modulo the prime less one.
pub(super) struct Half<const P: usize> {
    pub(super) prime: Modulus<P>,
    pub(super) exponent: [Word; P],
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

impl<const P: usize, const N: usize> Crt<P, N> {
    /// Checks that the numbers belong together: that `p q = n`, that the exponents of the primes
    /// are inverses of `e` and remainders of `d`, and the coefficient. The primes are not tested
    /// for primality: numbers that are not a key fail when [`apply`](Self::apply) checks its
    /// result.
    ///
    /// Secret: the numbers. Public: the public key, their lengths, the check that fails. Leaks:
    /// nothing else.
    #[inline(never)]
    pub(super) fn new(key: &PublicKey, numbers: &Numbers<'_>) -> Result<Self, KeyError> {
        let mut wide = Zeroizing::new([0; N]);
        words::from_be_bytes(&mut *wide, key.modulus())?;
        let n = Modulus::new(&wide)?.ok_or(KeyError::EvenModulus)?;

        let p = Half::new(numbers.p, numbers.dp, KeyError::Exponent1)?;
        let q = Half::new(numbers.q, numbers.dq, KeyError::Exponent2)?;
        mont::mul_wide(&mut *wide, p.prime.value(), q.prime.value())?;
        require(words::eq(&*wide, n.value()), KeyError::Product)?;
        p.check_exponent(key, &mut wide, KeyError::Exponent1)?;
        q.check_exponent(key, &mut wide, KeyError::Exponent2)?;

        let d = Zeroizing::new(read(numbers.d, KeyError::PrivateExponent)?);
        *wide = *d;
        let mut fits = words::lt(&*d, n.value()) & p.leaves(&mut wide, &p.exponent)?;
        *wide = *d;
        fits &= q.leaves(&mut wide, &q.exponent)?;
        require(fits, KeyError::PrivateExponent)?;

        let mut coefficient = Zeroizing::new(read(numbers.coefficient, KeyError::Coefficient)?);
        require(
            words::lt(&*coefficient, p.prime.value()),
            KeyError::Coefficient,
        )?;
        let mut multiplier = Multiplier::new(&p.prime);
        multiplier.enter(&mut coefficient)?;
        let mut one = Zeroizing::new(*q.prime.value());
        multiplier.mul(&mut one, &coefficient)?;
        multiplier.normalize(&mut one);
        require(words::is_one(&*one), KeyError::Coefficient)?;
        drop(multiplier);

        Ok(Self {
            n,
            d: *d,
            p,
            q,
            coefficient: *coefficient,
        })
    }

    /// Returns `1/q` modulo `p`, not in Montgomery's form.
    pub(super) fn coefficient(&self) -> Result<Zeroizing<[Word; P]>, Fault> {
        let mut coefficient = Zeroizing::new(self.coefficient);
        Multiplier::new(&self.p.prime).leave(&mut coefficient)?;
        Ok(coefficient)
    }

    /// Raises `from`, a big-endian number below the modulus, to the private exponent, and writes
    /// the result to `to`. Both have as many bytes as the modulus. On failure `to` is zeros.
    ///
    /// Secret: the key, `to`. Public: `from`. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn apply<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        key: &PublicKey,
        from: &[u8],
        to: &mut [u8],
    ) -> Result<(), Failure> {
        to.fill(0);
        let mut x = Zeroizing::new([0; N]);
        words::from_be_bytes(&mut *x, from)?;
        if !words::lt(&*x, self.n.value()).declassify() {
            return Err(Failure::TooLarge);
        }

        let mut multiplier = Multiplier::new(&self.n);
        let mut blinding = Blinding::zeroed();
        blinding.draw(rng, key, &self.n, &mut multiplier)?;
        multiplier.mul(&mut x, &blinding.factor)?;
        multiplier.normalize(&mut x);

        let mut y = Zeroizing::new([0; N]);
        self.power(&mut y, &x)?;

        // With the result of a fault in one half of the computation, anyone could factor the
        // modulus (Boneh, DeMillo, Lipton). So the result is checked before it leaves.
        let mut check = Zeroizing::new(*y);
        multiplier.enter(&mut check)?;
        key.power(&mut multiplier, &mut check)?;
        multiplier.leave(&mut check)?;
        // From here on it is public whether the computation was right.
        Verdict::twice(|| words::eq(&*check, &*x)).or(Failure::Fault)?;

        multiplier.mul(&mut y, &blinding.inverse)?;
        multiplier.normalize(&mut y);
        words::to_be_bytes(to, &*y)?;
        Ok(())
    }

    /// Computes `out = x^d`, below `n`, for `x` below `n`: Garner's formula `y = yq + q (1/q (yp -
    /// yq) mod p)`.
    #[inline(never)]
    fn power(&self, out: &mut [Word; N], x: &[Word; N]) -> Result<(), Fault> {
        #[cfg(test)]
        tests::see(x);
        let mut high = Zeroizing::new([0; P]);
        let mut low = Zeroizing::new([0; P]);
        self.p.power(&mut high, x)?;
        self.q.power(&mut low, x)?;

        // low < q < R < 2p: one subtraction brings it below p, and one addition what is negative above 0.
        let mut multiplier = Multiplier::new(&self.p.prime);
        let mut reduced = Zeroizing::new(*low);
        multiplier.normalize(&mut reduced);
        let negative = words::lt(&*high, &*reduced);
        words::sub(&mut *high, &*reduced);
        words::add_if(negative, &mut *high, self.p.prime.value());
        multiplier.mul(&mut high, &self.coefficient)?;
        multiplier.normalize(&mut high);

        // yq < q and the multiple of q is at most p - 1: the sum is below n.
        mont::mul_wide(out, &*high, self.q.prime.value())?;
        let (front, back) = out.split_at_mut_checked(P).ok_or(Fault)?;
        let carry = words::add(front, &*low);
        words::add_word(back, carry);
        Ok(())
    }
}

impl<const P: usize> Half<P> {
    /// Reads a prime of exactly `P` words, and an exponent that is not longer.
    fn new(prime: &[u8], exponent: &[u8], error: KeyError) -> Result<Self, KeyError> {
        let prime = Zeroizing::new(read(prime, KeyError::Prime)?);
        Ok(Self {
            prime: Modulus::new(&prime)?.ok_or(KeyError::Prime)?,
            exponent: read(exponent, error)?,
        })
    }

    /// Checks that the exponent is below `p - 1`, and that its product with `e` leaves 1 modulo `p
    /// - 1`.
    fn check_exponent<const N: usize>(
        &self,
        key: &PublicKey,
        wide: &mut [Word; N],
        error: KeyError,
    ) -> Result<(), KeyError> {
        let mut e = [0; EXPONENT_WORDS];
        words::from_be_bytes(&mut e, key.exponent())?;
        let mut one = [0; P];
        words::from_be_bytes(&mut one, &[1])?;
        // The product is shorter than the dividend.
        wide.fill(0);
        let product = wide.get_mut(..P + EXPONENT_WORDS).ok_or(Fault)?;
        mont::mul_wide(product, &self.exponent, &e)?;
        require(
            words::lt(&self.exponent, &*self.order()?) & self.leaves(wide, &one)?,
            error,
        )
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
    fn leaves<const N: usize>(
        &self,
        x: &mut [Word; N],
        residue: &[Word; P],
    ) -> Result<Mask, Fault> {
        let mut multiplier = Multiplier::new(&self.prime);
        let mut reduced = Zeroizing::new([0; P]);
        multiplier.enter_wide(&mut reduced, x)?;
        multiplier.leave(&mut reduced)?;
        drop(multiplier);
        let mut k = Zeroizing::new(*residue);
        let borrow = words::sub(&mut *k, &*reduced);
        let negative = Mask::from_bit(borrow as u32);
        words::add_if(negative, &mut *k, self.prime.value());

        // x - residue - k (p - 1) is 0, or p (p - 1) if p is missing in k.
        let order = self.order()?;
        let mut product = Zeroizing::new([0; N]);
        mont::mul_wide(&mut *product, &*k, &*order)?;
        let (front, back) = product.split_at_mut_checked(P).ok_or(Fault)?;
        let carry = words::add(front, residue);
        words::add_word(back, carry);
        let borrow = words::sub(x, &*product);
        let negative = Mask::from_bit(borrow as u32);
        mont::mul_wide(&mut *product, self.prime.value(), &*order)?;
        Ok(words::is_zero(x) | (!negative & words::eq(x, &*product)))
    }

    /// Returns `p - 1`; the prime is odd.
    fn order(&self) -> Result<Zeroizing<[Word; P]>, Fault> {
        let mut order = Zeroizing::new(*self.prime.value());
        *order.first_mut().ok_or(Fault)? ^= 1;
        Ok(order)
    }

    /// Computes `out = x^exponent`, below the prime, for an `x` of double width.
    fn power(&self, out: &mut [Word; P], x: &[Word]) -> Result<(), Fault> {
        let mut multiplier = Multiplier::new(&self.prime);
        multiplier.enter_wide(out, x)?;
        multiplier.pow(out, &self.exponent)?;
        multiplier.leave(out)
    }
}

/// Reads a big-endian integer; returns `error` if it has more bytes than the words hold.
fn read<const L: usize>(bytes: &[u8], error: KeyError) -> Result<[Word; L], KeyError> {
    let mut words = [0; L];
    words::from_be_bytes(&mut words, bytes).map_err(|Fault| error)?;
    Ok(words)
}

/// From here on it is public whether the check succeeded.
fn require(holds: Mask, error: KeyError) -> Result<(), KeyError> {
    if holds.declassify() {
        Ok(())
    } else {
        Err(error)
    }
}

impl<const P: usize> Drop for Half<P> {
    fn drop(&mut self) {
        self.exponent.zeroize();
    }
}

impl<const P: usize, const N: usize> Drop for Crt<P, N> {
    fn drop(&mut self) {
        self.d.zeroize();
        self.coefficient.zeroize();
    }
}

impl<const P: usize> ZeroizeOnDrop for Half<P> {}
impl<const P: usize, const N: usize> ZeroizeOnDrop for Crt<P, N> {}

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

    fn half(prime: u128) -> Half<P> {
        Half {
            prime: Modulus::new(&U128::from(prime).to_words())
                .unwrap()
                .unwrap(),
            exponent: [0; P],
        }
    }

    fn leaves(p: u128, x: U256, residue: u128) -> bool {
        half(p)
            .leaves(&mut x.to_words(), &U128::from(residue).to_words())
            .unwrap()
            .declassify()
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
