// SPDX-License-Identifier: MIT OR Apache-2.0
//! Montgomery's multiplication and fixed-window powers (Handbook of Applied Cryptography, section
//! 14.3.2 and algorithm 14.82), constant-time and in place.
//!
//! A big-integer library would leave the powers of a secret where they were computed. Here every
//! intermediate value is in a buffer that is wiped.
//!
//! # What is reduced
//!
//! A modulus `m` of `L` words is odd and has its top bit set. With `R = 2^(bits of L words)` this
//! means `R / 2 < m < R`. Products are reduced below `R`, not below `m` ("almost", see S. Gueron,
//! <https://eprint.iacr.org/2011/239>): a value below `R` is below `2m`, so one subtraction, made by
//! [`Multiplier::normalize`], brings any of them below `m`.

use crypto_bigint::{WideWord, Word};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::words;
use crate::ct::Mask;
use crate::hardened::{Fault, copy};

/// Bits of the exponent that one step of [`Multiplier::pow`] processes. Four halve the table of
/// five, at the cost of 3 % more multiplications.
const WINDOW: u32 = 4;

/// An odd modulus with its top bit set, and the values needed to multiply modulo it. Wiped when
/// dropped.
pub(super) struct Modulus<const L: usize> {
    value: [Word; L],
    /// `R^2 mod m`, or that plus `m`.
    r2: [Word; L],
    /// `-m^-1` modulo one word.
    neg_inverse: Word,
}

impl<const L: usize> Modulus<L> {
    /// Returns `None` if `value` is even or its top bit is clear.
    ///
    /// Secret: `value`. Public: its size, and whether this succeeds. Leaks: nothing else.
    pub(super) fn new(value: &[Word; L]) -> Result<Option<Self>, Fault> {
        let (Some(first), Some(last)) = (value.first(), value.last()) else {
            return Err(Fault);
        };
        let acceptable = Mask::from_bit((first & last >> (Word::BITS - 1)) as u32 & 1);
        if !acceptable.declassify() {
            return Ok(None);
        }
        // Newton's iteration doubles the number of correct bits; an odd word is its own inverse to
        // 3 bits.
        let mut inverse = *first;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul((2 as Word).wrapping_sub(first.wrapping_mul(inverse)));
        }
        let mut modulus = Self {
            value: *value,
            r2: [0; L],
            neg_inverse: inverse.wrapping_neg(),
        };
        modulus.set_r2()?;
        Ok(Some(modulus))
    }

    /// Returns the modulus.
    pub(super) fn value(&self) -> &[Word; L] {
        &self.value
    }

    /// Computes `R^2 mod m` without a division.
    ///
    /// `R mod m` is `R - m`. With `R = 2^bits`, doubling it `bits / 32` times makes it Montgomery's form of
    /// `2^(bits / 32)`; five squarings make that the form of `2^bits = R`, which is `R^2 mod m`. Doubling is
    /// cheap and squaring is not; 32 balances the two.
    fn set_r2(&mut self) -> Result<(), Fault> {
        let mut x = Zeroizing::new([0; L]);
        words::sub(&mut *x, &self.value);
        for _ in 0..(L as u32 * Word::BITS) >> 5 {
            // x < R < 2m: one subtraction makes it x < m, and one more is needed if doubling
            // carries.
            let below = words::lt(&*x, &self.value);
            words::sub_if(!below, &mut *x, &self.value);
            let carry = words::shl1(&mut *x, 0);
            words::sub_if(Mask::from_bit(carry as u32), &mut *x, &self.value);
        }
        let mut multiplier = Multiplier::new(self);
        for _ in 0..5 {
            multiplier.square(&mut x)?;
        }
        drop(multiplier);
        self.r2 = *x;
        Ok(())
    }
}

impl<const L: usize> Drop for Modulus<L> {
    fn drop(&mut self) {
        self.value.zeroize();
        self.r2.zeroize();
        self.neg_inverse.zeroize();
    }
}

impl<const L: usize> ZeroizeOnDrop for Modulus<L> {}

/// Multiplies modulo a [`Modulus`]. It holds the double-width product, which is wiped when dropped.
///
/// Every method: Secret: the numbers, and the modulus. Public: `L`. Leaks: nothing else.
pub(super) struct Multiplier<'m, const L: usize> {
    modulus: &'m Modulus<L>,
    wide: Zeroizing<[[Word; L]; 2]>,
}

impl<'m, const L: usize> Multiplier<'m, L> {
    pub(super) fn new(modulus: &'m Modulus<L>) -> Self {
        Self {
            modulus,
            wide: Zeroizing::new([[0; L]; 2]),
        }
    }

    /// Sets `a = a b / R`, below `R`.
    pub(super) fn mul(&mut self, a: &mut [Word; L], b: &[Word; L]) -> Result<(), Fault> {
        mul_wide(self.wide.as_flattened_mut(), a, b)?;
        self.reduce(a)
    }

    /// Sets `a = a^2 / R`, below `R`.
    pub(super) fn square(&mut self, a: &mut [Word; L]) -> Result<(), Fault> {
        square_wide(self.wide.as_flattened_mut(), a)?;
        self.reduce(a)
    }

    /// Sets `a = a R`, below `R`: converts to Montgomery's form.
    pub(super) fn enter(&mut self, a: &mut [Word; L]) -> Result<(), Fault> {
        self.mul(a, &self.modulus.r2)
    }

    /// Sets `a = a / R`, below the modulus: converts from Montgomery's form.
    pub(super) fn leave(&mut self, a: &mut [Word; L]) -> Result<(), Fault> {
        let [low, high] = &mut *self.wide;
        *low = *a;
        high.fill(0);
        self.reduce(a)?;
        self.normalize(a);
        Ok(())
    }

    /// Sets `out = x R` for an `x` of double width: converts to Montgomery's form, below `R`.
    pub(super) fn enter_wide(&mut self, out: &mut [Word; L], x: &[Word]) -> Result<(), Fault> {
        copy(self.wide.as_flattened_mut(), x)?;
        // x / R, then x, then x R.
        self.reduce(out)?;
        self.enter(out)?;
        self.enter(out)
    }

    /// Reduces `a`, below `R`, to below the modulus.
    pub(super) fn normalize(&self, a: &mut [Word; L]) {
        let below = words::lt(a, &self.modulus.value);
        words::sub_if(!below, a, &self.modulus.value);
    }

    /// Sets `base = base^exponent`, both in Montgomery's form. Every bit of the words of `exponent`
    /// takes the same time, which hides its length.
    ///
    /// Secret: `base`, `exponent`. Public: the number of words. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn pow(&mut self, base: &mut [Word; L], exponent: &[Word]) -> Result<(), Fault> {
        // powers[i] = base^i.
        let mut powers = Zeroizing::new([[0; L]; 1 << WINDOW]);
        let mut power = Zeroizing::new([0; L]);
        *power.first_mut().ok_or(Fault)? = 1;
        self.enter(&mut power)?;
        for slot in powers.iter_mut() {
            *slot = *power;
            self.mul(&mut power, base)?;
        }

        let [one, ..] = &*powers;
        *base = *one;
        for word in exponent.iter().rev() {
            for shift in (0..Word::BITS).step_by(WINDOW as usize).rev() {
                for _ in 0..WINDOW {
                    self.square(base)?;
                }
                // The whole table is read; `wanted` is true for one entry.
                let window = (word >> shift) as u32 & ((1 << WINDOW) - 1);
                for (i, candidate) in (0..).zip(powers.iter()) {
                    let wanted = Mask::eq(i, window);
                    for (to, from) in power.iter_mut().zip(candidate) {
                        *to = wanted.select_word(*from, *to);
                    }
                }
                self.mul(base, &power)?;
            }
        }
        Ok(())
    }

    /// Montgomery's reduction of the product in `wide`.
    fn reduce(&mut self, out: &mut [Word; L]) -> Result<(), Fault> {
        let Modulus {
            value, neg_inverse, ..
        } = self.modulus;
        let carry = reduce_wide(self.wide.as_flattened_mut(), value, *neg_inverse)?;
        let [_, high] = &*self.wide;
        *out = *high;
        // Above R there is at most one m: (R^2 + R m) / R = R + m.
        words::sub_if(carry, out, value);
        Ok(())
    }
}

/// `wide = a b`; `wide` has as many words as both.
///
/// Secret: `a`, `b`. Public: their lengths. Leaks: nothing else. A step is at most
/// `(B - 1)^2 + 2 (B - 1) = B^2 - 1`, which fits a wide word.
#[inline(never)]
pub(super) fn mul_wide(wide: &mut [Word], a: &[Word], b: &[Word]) -> Result<(), Fault> {
    if wide.len() != a.len() + b.len() {
        return Err(Fault);
    }
    wide.fill(0);
    for (i, x) in a.iter().enumerate() {
        mul_add_row(wide.get_mut(i..).ok_or(Fault)?, *x, b)?;
    }
    Ok(())
}

/// Sets `wide = a^2`; `wide` has twice the words of `a`. The products of different words are
/// computed once and doubled, then the squares are added.
///
/// Secret: `a`. Public: its length. Leaks: nothing else.
#[inline(never)]
fn square_wide(wide: &mut [Word], a: &[Word]) -> Result<(), Fault> {
    if wide.len() != 2 * a.len() {
        return Err(Fault);
    }
    wide.fill(0);
    let mut rest = a;
    let mut i = 0;
    while let Some((x, above)) = rest.split_first() {
        mul_add_row(wide.get_mut(2 * i + 1..).ok_or(Fault)?, *x, above)?;
        rest = above;
        i += 1;
    }

    let (mut shifted_out, mut carry) = (0, 0);
    for (pair, x) in wide.as_chunks_mut::<2>().0.iter_mut().zip(a) {
        let [low, high] = *pair;
        let square = WideWord::from(*x) * WideWord::from(*x);
        let sum = WideWord::from(low << 1 | shifted_out)
            + WideWord::from(square as Word)
            + WideWord::from(carry);
        let upper = WideWord::from(high << 1 | low >> (Word::BITS - 1))
            + (square >> Word::BITS)
            + (sum >> Word::BITS);
        *pair = [sum as Word, upper as Word];
        carry = (upper >> Word::BITS) as Word;
        shifted_out = high >> (Word::BITS - 1);
    }
    Ok(())
}

/// Makes the lower half of `wide` zero by adding multiples of `m`. The upper half is then the
/// result, except for the returned carry.
///
/// Secret: `wide`, `m`. Public: the lengths. Leaks: nothing else.
#[inline(never)]
fn reduce_wide(wide: &mut [Word], m: &[Word], neg_inverse: Word) -> Result<Mask, Fault> {
    if wide.len() != 2 * m.len() {
        return Err(Fault);
    }
    let mut carry = 0;
    for i in 0..m.len() {
        let row = wide.get_mut(i..).ok_or(Fault)?;
        let (row, above) = row.split_at_mut_checked(m.len()).ok_or(Fault)?;
        let low = row.first().ok_or(Fault)?;
        let factor = low.wrapping_mul(neg_inverse);
        let mut c = 0;
        for (to, y) in row.iter_mut().zip(m) {
            let step = WideWord::from(factor) * WideWord::from(*y)
                + WideWord::from(*to)
                + WideWord::from(c);
            *to = step as Word;
            c = (step >> Word::BITS) as Word;
        }
        let to = above.first_mut().ok_or(Fault)?;
        let sum = WideWord::from(*to) + WideWord::from(c) + WideWord::from(carry);
        *to = sum as Word;
        carry = (sum >> Word::BITS) as Word;
    }
    Ok(Mask::from_bit(carry as u32))
}

/// `row += x b`, where the word above those of `b` is still zero.
#[inline(always)]
fn mul_add_row(row: &mut [Word], x: Word, b: &[Word]) -> Result<(), Fault> {
    let (row, above) = row.split_at_mut_checked(b.len()).ok_or(Fault)?;
    let mut carry = 0;
    for (to, y) in row.iter_mut().zip(b) {
        let step =
            WideWord::from(x) * WideWord::from(*y) + WideWord::from(*to) + WideWord::from(carry);
        *to = step as Word;
        carry = (step >> Word::BITS) as Word;
    }
    *above.first_mut().ok_or(Fault)? = carry;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
    use crypto_bigint::{Odd, Uint};
    use proptest::prelude::*;

    use super::*;

    /// Numbers of four words with long runs of ones and zeros, where carries go wrong.
    fn numbers() -> impl Strategy<Value = [Word; 4]> {
        let word = prop_oneof![
            Just(0),
            Just(1),
            Just(Word::MAX),
            Just(1 << (Word::BITS - 1)),
            any::<Word>()
        ];
        prop::array::uniform4(word)
    }

    proptest! {
        #[test]
        fn agrees_with_crypto_bigint(
            mut m in numbers(), x in numbers(), y in numbers(), e in numbers(),
        ) {
            m[0] |= 1;
            m[3] |= 1 << (Word::BITS - 1);
            let modulus = Modulus::new(&m).unwrap().unwrap();
            let params = FixedMontyParams::new(Odd::new(Uint::from_words(m)).unwrap());
            let form = |words| FixedMontyForm::new(&Uint::from_words(words), &params);
            let mut multiplier = Multiplier::new(&modulus);

            // Numbers above the modulus enter too.
            let (mut a, mut b) = (x, y);
            multiplier.enter(&mut a).unwrap();
            multiplier.enter(&mut b).unwrap();
            let mut left = a;
            multiplier.leave(&mut left).unwrap();
            prop_assert_eq!(left, form(x).retrieve().to_words());

            let mut product = a;
            multiplier.mul(&mut product, &b).unwrap();
            multiplier.leave(&mut product).unwrap();
            prop_assert_eq!(product, (form(x) * form(y)).retrieve().to_words());

            let mut square = a;
            multiplier.square(&mut square).unwrap();
            multiplier.leave(&mut square).unwrap();
            prop_assert_eq!(square, form(x).square().retrieve().to_words());

            let mut power = a;
            multiplier.pow(&mut power, &e).unwrap();
            multiplier.leave(&mut power).unwrap();
            prop_assert_eq!(power, form(x).pow(&Uint::from_words(e)).retrieve().to_words());

            // x R + y, of double width.
            let wide = [y, x];
            let mut sum = [0; 4];
            multiplier.enter_wide(&mut sum, wide.as_flattened()).unwrap();
            multiplier.leave(&mut sum).unwrap();
            let r = form([Word::MAX; 4]) + form([1, 0, 0, 0]);
            prop_assert_eq!(sum, (form(x) * r + form(y)).retrieve().to_words());
        }
    }

    #[test]
    fn a_modulus_is_odd_and_has_its_top_bit_set() {
        let top = 1 << (Word::BITS - 1);
        assert!(Modulus::new(&[1, top]).unwrap().is_some());
        assert!(Modulus::new(&[2, top]).unwrap().is_none());
        assert!(Modulus::new(&[1, top - 1]).unwrap().is_none());
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let [a, b] = [[1; 2], [Word::MAX; 2]];
        for len in (0..7).filter(|len| *len != 4) {
            let wide = &mut [0; 7][..len];
            assert_eq!(mul_wide(wide, &a, &b), Err(Fault));
            assert_eq!(square_wide(wide, &a), Err(Fault));
            assert_eq!(reduce_wide(wide, &a, 1).err(), Some(Fault));
            let modulus = Modulus::new(&b).unwrap().unwrap();
            let entered = Multiplier::new(&modulus).enter_wide(&mut [0; 2], wide);
            assert_eq!(entered, Err(Fault));
        }
    }
}
