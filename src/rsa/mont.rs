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

use crypto_bigint::Word;

use super::product::{mul_wide, reduce_wide, square_wide};
use super::scratch::Scratch;
use super::words;
use crate::ct::Mask;
use crate::hardened::{Fault, copy};

/// Bits of the exponent that one step of [`Multiplier::pow`] processes. Four halve the table of
/// five, at the cost of 3 % more multiplications.
const WINDOW: u32 = 4;

/// An odd modulus with its top bit set, and the values needed to multiply modulo it. The words are
/// others', who wipe them.
#[derive(Clone, Copy)]
pub(super) struct Modulus<'a> {
    value: &'a [Word],
    /// `R^2 mod m`, or that plus `m`.
    r2: &'a [Word],
    /// `-m^-1` modulo one word.
    neg_inverse: Word,
}

impl<'a> Modulus<'a> {
    /// Computes `r2`, which has as many words as `value`. Returns `None` if `value` is even or its top
    /// bit is clear.
    ///
    /// Secret: `value`. Public: its size, and whether this succeeds. Leaks: nothing else.
    pub(super) fn new(
        value: &'a [Word],
        r2: &'a mut [Word],
        scratch: Scratch<'_>,
    ) -> Result<Option<Self>, Fault> {
        let (Some(first), Some(last)) = (value.first(), value.last()) else {
            return Err(Fault);
        };
        let acceptable = Mask::from_bit((first & last >> (Word::BITS - 1)) as u32 & 1);
        if !acceptable.declassify() {
            return Ok(None);
        }
        set_r2(r2, value, scratch)?;
        Self::with_r2(value, r2).map(Some)
    }

    /// Takes the `r2` that [`new`](Self::new) computed earlier for this modulus.
    ///
    /// Secret: `value`, `r2`. Public: their size. Leaks: nothing else.
    pub(super) fn with_r2(value: &'a [Word], r2: &'a [Word]) -> Result<Self, Fault> {
        let neg_inverse = words::neg_inverse(*value.first().ok_or(Fault)?);
        Ok(Self {
            value,
            r2,
            neg_inverse,
        })
    }

    /// Returns the modulus.
    pub(super) fn value(&self) -> &'a [Word] {
        self.value
    }
}

/// Computes `R^2 mod m` without a division.
///
/// `R mod m` is `R - m`. With `R = 2^bits`, doubling it `bits / 32` times makes it Montgomery's form of
/// `2^(bits / 32)`; five squarings make that the form of `2^bits = R`, which is `R^2 mod m`. Doubling is
/// cheap and squaring is not; 32 balances the two.
///
/// Secret: `m`. Public: its size. Leaks: nothing else.
fn set_r2(x: &mut [Word], m: &[Word], mut scratch: Scratch<'_>) -> Result<(), Fault> {
    x.fill(0);
    words::sub(x, m);
    for i in 0..(m.len() as u32 * Word::BITS) >> 5 {
        // x < R < 2m: one subtraction makes it x < m, and one more is needed if doubling carries.
        let below = words::lt(x, m);
        words::sub_if(!below, x, m);
        let carry = words::shl1(x, 0);
        words::sub_if(Mask::from_bit(carry as u32), x, m);
        if i & 31 == 31 {
            scratch.tick();
        }
    }
    let mut multiplier = Multiplier::new(Modulus::with_r2(m, &[])?, &mut scratch)?;
    for _ in 0..5 {
        multiplier.square(x)?;
        scratch.tick();
    }
    Ok(())
}

/// Multiplies modulo a [`Modulus`]. Numbers have as many words as the modulus; other lengths are
/// refused.
///
/// Every method: Secret: the numbers, and the modulus. Public: the lengths. Leaks: nothing else.
pub(super) struct Multiplier<'m> {
    modulus: Modulus<'m>,
    /// The product of double width.
    wide: &'m mut [Word],
}

impl<'m> Multiplier<'m> {
    pub(super) fn new<'w: 'm>(
        modulus: Modulus<'m>,
        scratch: &mut Scratch<'w>,
    ) -> Result<Self, Fault> {
        let wide = scratch.take(2 * modulus.value.len())?;
        Ok(Self { modulus, wide })
    }

    pub(super) fn modulus(&self) -> Modulus<'m> {
        self.modulus
    }

    /// Sets `a = a b / R`, below `R`.
    pub(super) fn mul(&mut self, a: &mut [Word], b: &[Word]) -> Result<(), Fault> {
        mul_wide(self.wide, a, b)?;
        self.reduce(a)
    }

    /// Sets `a = a^2 / R`, below `R`.
    pub(super) fn square(&mut self, a: &mut [Word]) -> Result<(), Fault> {
        square_wide(self.wide, a)?;
        self.reduce(a)
    }

    /// Sets `a = a R`, below `R`: converts to Montgomery's form.
    pub(super) fn enter(&mut self, a: &mut [Word]) -> Result<(), Fault> {
        self.mul(a, self.modulus.r2)
    }

    /// Sets `a = a / R`, below the modulus: converts from Montgomery's form.
    pub(super) fn leave(&mut self, a: &mut [Word]) -> Result<(), Fault> {
        self.wide.fill(0);
        copy(self.wide.get_mut(..a.len()).ok_or(Fault)?, a)?;
        self.reduce(a)?;
        self.normalize(a);
        Ok(())
    }

    /// Sets `out = x R` for an `x` of double width: converts to Montgomery's form, below `R`.
    pub(super) fn enter_wide(&mut self, out: &mut [Word], x: &[Word]) -> Result<(), Fault> {
        copy(self.wide, x)?;
        // x / R, then x, then x R.
        self.reduce(out)?;
        self.enter(out)?;
        self.enter(out)
    }

    /// Reduces `a`, below `R`, to below the modulus.
    pub(super) fn normalize(&self, a: &mut [Word]) {
        let below = words::lt(a, self.modulus.value);
        words::sub_if(!below, a, self.modulus.value);
    }

    /// Sets `base = base^exponent`, both in Montgomery's form. Every bit of the words of `exponent`
    /// takes the same time, which hides its length.
    ///
    /// Secret: `base`, `exponent`. Public: the number of words. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn pow(
        &mut self,
        base: &mut [Word],
        exponent: &[Word],
        mut scratch: Scratch<'_>,
    ) -> Result<(), Fault> {
        // powers: base^0, base^1, ..
        let powers = scratch.take(base.len() << WINDOW)?;
        let power = scratch.take(base.len())?;
        *power.first_mut().ok_or(Fault)? = 1;
        self.enter(power)?;
        let mut rest = &mut *powers;
        for _ in 0..1 << WINDOW {
            copy(rest.split_off_mut(..power.len()).ok_or(Fault)?, power)?;
            self.mul(power, base)?;
            scratch.tick();
        }

        copy(base, powers.get(..power.len()).ok_or(Fault)?)?;
        for word in exponent.iter().rev() {
            for shift in (0..Word::BITS).step_by(WINDOW as usize).rev() {
                for _ in 0..WINDOW {
                    self.square(base)?;
                }
                // The whole table is read; `wanted` is true for one entry.
                let window = (word >> shift) as u32 & ((1 << WINDOW) - 1);
                let mut rest = &*powers;
                for i in 0..1 << WINDOW {
                    let candidate = rest.split_off(..power.len()).ok_or(Fault)?;
                    let wanted = Mask::eq(i, window);
                    for (to, from) in power.iter_mut().zip(candidate) {
                        *to = wanted.select_word(*from, *to);
                    }
                }
                self.mul(base, power)?;
                scratch.tick();
            }
        }
        Ok(())
    }

    /// Sets `x = 2^exponent`, in Montgomery's form, for an `x` that is 1 in that form, below the
    /// modulus. Doubling takes the place of the multiplications of [`pow`](Self::pow).
    ///
    /// Secret: `exponent`. Public: the number of words. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn raise_two(
        &mut self,
        x: &mut [Word],
        exponent: &[Word],
        mut scratch: Scratch<'_>,
    ) -> Result<(), Fault> {
        for word in exponent.iter().rev() {
            for shift in (0..Word::BITS).rev() {
                self.square(x)?;
                // Below the modulus, twice of it is below R plus the modulus.
                self.normalize(x);
                let set = Mask::from_bit((word >> shift) as u32 & 1);
                let carry = words::shl1_if(set, x);
                words::sub_if(Mask::from_bit(carry as u32), x, self.modulus.value);
                if shift & 3 == 0 {
                    scratch.tick();
                }
            }
        }
        Ok(())
    }

    /// Montgomery's reduction of the product in `wide`.
    fn reduce(&mut self, out: &mut [Word]) -> Result<(), Fault> {
        let Modulus {
            value, neg_inverse, ..
        } = self.modulus;
        let carry = reduce_wide(self.wide, value, neg_inverse)?;
        copy(out, self.wide.get(value.len()..).ok_or(Fault)?)?;
        // Above R there is at most one m: (R^2 + R m) / R = R + m.
        words::sub_if(carry, out, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
    use crypto_bigint::{Odd, Uint};
    use proptest::prelude::*;

    use super::*;
    use crate::rng::NoGenerator;

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
            let (mut r2, mut area) = ([0; 4], [7; 100]);
            let mut rng = NoGenerator;
            let mut scratch = Scratch::over(&mut area, &mut rng);
            let modulus = Modulus::new(&m, &mut r2, scratch.lend()).unwrap().unwrap();
            let params = FixedMontyParams::new(Odd::new(Uint::from_words(m)).unwrap());
            let form = |words| FixedMontyForm::new(&Uint::from_words(words), &params);
            let mut multiplier = Multiplier::new(modulus, &mut scratch).unwrap();

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
            multiplier.pow(&mut power, &e, scratch.lend()).unwrap();
            multiplier.leave(&mut power).unwrap();
            prop_assert_eq!(power, form(x).pow(&Uint::from_words(e)).retrieve().to_words());

            let mut power = [0; 4];
            power[0] = 1;
            multiplier.enter(&mut power).unwrap();
            multiplier.normalize(&mut power);
            multiplier.raise_two(&mut power, &e, scratch.lend()).unwrap();
            multiplier.leave(&mut power).unwrap();
            let two = form([2, 0, 0, 0]);
            prop_assert_eq!(power, two.pow(&Uint::from_words(e)).retrieve().to_words());

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
        let accepted = |value: [Word; 2]| {
            let (mut area, mut rng) = ([0; 4], NoGenerator);
            let scratch = Scratch::over(&mut area, &mut rng);
            Modulus::new(&value, &mut [0; 2], scratch)
                .unwrap()
                .is_some()
        };
        let top = 1 << (Word::BITS - 1);
        assert!(accepted([1, top]));
        assert!(!accepted([2, top]) && !accepted([1, top - 1]));
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let [a, b] = [[1; 2], [Word::MAX; 2]];
        let (mut r2, mut area) = ([0; 2], [7; 100]);
        let mut rng = NoGenerator;
        let mut scratch = Scratch::over(&mut area, &mut rng);
        let modulus = Modulus::new(&b, &mut r2, scratch.lend()).unwrap().unwrap();
        let mut multiplier = Multiplier::new(modulus, &mut scratch).unwrap();
        for len in (0..7).filter(|len| *len != 4) {
            let wide = &mut [0; 7][..len];
            assert_eq!(multiplier.enter_wide(&mut [0; 2], wide), Err(Fault));
        }
        for len in [0, 1, 3] {
            let other = &mut [1; 3][..len];
            assert_eq!(multiplier.square(other), Err(Fault));
            assert_eq!(multiplier.mul(other, &a), Err(Fault));
            assert_eq!(multiplier.leave(other), Err(Fault));
            assert_eq!(multiplier.pow(other, &[3], scratch.lend()), Err(Fault));
        }
    }
}
