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

use core::task::Poll;

use crypto_bigint::Word;

use super::product::{mul_wide, reduce_wide, square_wide};
use super::scratch::{Scratch, ready_if};
use super::words;
use crate::ct::Mask;
use crate::hardened::{Fault, copy};

/// Bits of the exponent that one step of [`Power`] processes. Four halve the table of
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
    /// Takes `r2`, which [`SquareOfR`] computes, and which has as many words as `value`. Returns `None` if
    /// `value` is even or its top bit is clear.
    ///
    /// Secret: `value`, `r2`. Public: their size, and whether this succeeds. Leaks: nothing else.
    pub(super) fn new(value: &'a [Word], r2: &'a [Word]) -> Option<Self> {
        let (first, last) = (value.first()?, value.last()?);
        let acceptable = Mask::from_bit((first & last >> (Word::BITS - 1)) as u32 & 1);
        acceptable.declassify().then(|| Self {
            value,
            r2,
            neg_inverse: words::neg_inverse(*first),
        })
    }

    /// Returns the modulus.
    pub(super) fn value(&self) -> &'a [Word] {
        self.value
    }
}

/// How far computing `R^2 mod m` is, without a division.
///
/// `R mod m` is `R - m`. With `R = 2^bits`, doubling it `bits / 32` times makes it Montgomery's form of
/// `2^(bits / 32)`; five squarings make that the form of `2^bits = R`, which is `R^2 mod m`. Doubling is
/// cheap and squaring is not; 32 balances the two.
#[derive(Clone, Copy)]
pub(super) struct SquareOfR(u32);

impl SquareOfR {
    pub(super) const START: Self = Self(0);

    /// Takes the next step: some doublings, or a squaring of `x`, in which the result will be. The
    /// modulus needs no `r2` yet.
    ///
    /// Secret: the modulus, `x`. Public: the size. Leaks: nothing else.
    pub(super) fn step(
        &mut self,
        modulus: Modulus<'_>,
        x: &mut [Word],
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, Fault> {
        let m = modulus.value;
        let doublings = (m.len() as u32 * Word::BITS) >> 5;
        if self.0 == 0 {
            x.fill(0);
            words::sub(x, m);
        }
        if self.0 >= doublings {
            Multiplier::new(modulus, &mut scratch)?.square(x)?;
            self.0 += 1;
            return Ok(ready_if(self.0 >= doublings + 5));
        }
        let end = doublings.min(self.0 + DOUBLINGS);
        for _ in self.0..end {
            // x < R < 2m: one subtraction makes it x < m, and one more is needed if doubling carries.
            let below = words::lt(x, m);
            words::sub_if(!below, x, m);
            let carry = words::shl1(x, 0);
            words::sub_if(Mask::from_bit(carry as u32), x, m);
        }
        self.0 = end;
        Ok(Poll::Pending)
    }
}

/// How many doublings make a step.
const DOUBLINGS: u32 = 32;

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

/// How far a power with a secret exponent is: how many steps were taken.
#[derive(Clone, Copy)]
pub(super) struct Power(u32);

impl Power {
    pub(super) const START: Self = Self(0);

    /// Returns true if no step was taken yet.
    pub(super) fn is_at_start(self) -> bool {
        self.0 == 0
    }

    /// Takes the next step of `base = base^exponent`, both in Montgomery's form: an entry of the table of
    /// powers, or a window of the exponent. Every bit of the words of `exponent` takes the same time,
    /// which hides its length.
    ///
    /// Secret: `base`, `exponent`. Public: the number of words. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        multiplier: &mut Multiplier<'_>,
        base: &mut [Word],
        exponent: &[Word],
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, Fault> {
        // powers: base^0, base^1, ..
        let len = base.len();
        let (powers, power) = (scratch.take(len << WINDOW)?, scratch.take(len)?);
        let step = self.0;
        self.0 += 1;
        let Some(window) = step.checked_sub(1 << WINDOW) else {
            if step == 0 {
                power.fill(0);
                *power.first_mut().ok_or(Fault)? = 1;
                multiplier.enter(power)?;
            } else {
                multiplier.mul(power, base)?;
            }
            let (_, rest) = { powers.split_at_mut_checked(step as usize * len) }.ok_or(Fault)?;
            copy(rest.get_mut(..len).ok_or(Fault)?, power)?;
            return Ok(Poll::Pending);
        };

        if window == 0 {
            copy(base, powers.get(..len).ok_or(Fault)?)?;
        }
        let (wanted, last) = bits(exponent, window * WINDOW, WINDOW)?;
        for _ in 0..WINDOW {
            multiplier.square(base)?;
        }
        // The whole table is read; `this` is true for one entry.
        let mut rest = &*powers;
        for i in 0..1 << WINDOW {
            let candidate = rest.split_off(..len).ok_or(Fault)?;
            let this = Mask::eq(i, wanted);
            for (to, from) in power.iter_mut().zip(candidate) {
                *to = this.select_word(*from, *to);
            }
        }
        multiplier.mul(base, power)?;
        Ok(ready_if(last))
    }
}

/// How far a power of two with a secret exponent is: how many of its bits are done.
#[derive(Clone, Copy)]
pub(super) struct PowerOfTwo(u32);

impl PowerOfTwo {
    pub(super) const START: Self = Self(0);

    /// Takes the next step of `x = 2^exponent`, in Montgomery's form, below `R`, for an `x` that is 1 in that
    /// form: four bits of the exponent. Doubling takes the place of the multiplications of
    /// [`Power`].
    ///
    /// Secret: `exponent`. Public: the number of words. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        multiplier: &mut Multiplier<'_>,
        x: &mut [Word],
        exponent: &[Word],
    ) -> Result<Poll<()>, Fault> {
        let m = multiplier.modulus.value;
        loop {
            let (bit, last) = bits(exponent, self.0, 1)?;
            self.0 += 1;
            multiplier.square(x)?;
            words::double_if(Mask::from_bit(bit), x, m);
            if self.0 & 3 == 0 {
                return Ok(ready_if(last));
            }
        }
    }
}

/// Returns `len` bits of the exponent, after the first `done`, and whether they are the last.
///
/// Secret: the bits. Public: everything else. Leaks: nothing else.
fn bits(exponent: &[Word], done: u32, len: u32) -> Result<(u32, bool), Fault> {
    let all = exponent.len() as u32 * Word::BITS;
    let place = all.checked_sub(done + len).ok_or(Fault)?;
    let word = exponent.get((place >> Word::BITS.trailing_zeros()) as usize);
    let bits = word.ok_or(Fault)? >> (place & (Word::BITS - 1));
    Ok((bits as u32 & ((1 << len) - 1), place == 0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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

    fn modulus<'a>(
        value: &'a [Word],
        r2: &'a mut [Word],
        scratch: &mut Scratch<'_>,
    ) -> Modulus<'a> {
        let (mut square, bare) = (SquareOfR::START, Modulus::new(value, &[]).unwrap());
        scratch
            .finish(&mut |scratch| square.step(bare, r2, scratch))
            .unwrap();
        Modulus::new(value, r2).unwrap()
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
            let modulus = modulus(&m, &mut r2, &mut scratch);
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
            let mut steps = Power::START;
            scratch
                .finish(&mut |scratch| steps.step(&mut multiplier, &mut power, &e, scratch))
                .unwrap();
            multiplier.leave(&mut power).unwrap();
            prop_assert_eq!(power, form(x).pow(&Uint::from_words(e)).retrieve().to_words());

            let mut power = [0; 4];
            power[0] = 1;
            multiplier.enter(&mut power).unwrap();
            multiplier.normalize(&mut power);
            let mut steps = PowerOfTwo::START;
            scratch
                .finish(&mut |_| steps.step(&mut multiplier, &mut power, &e))
                .unwrap();
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
        let top = 1 << (Word::BITS - 1);
        assert!(Modulus::new(&[1, top], &[]).is_some());
        for value in [&[2, top][..], &[1, top - 1], &[]] {
            assert!(Modulus::new(value, &[]).is_none());
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let [a, b] = [[1; 2], [Word::MAX; 2]];
        let (mut r2, mut area) = ([0; 2], [7; 100]);
        let mut rng = NoGenerator;
        let mut scratch = Scratch::over(&mut area, &mut rng);
        let modulus = modulus(&b, &mut r2, &mut scratch);
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
            let (mut power, mut of_two) = (Power::START, PowerOfTwo::START);
            let step = power.step(&mut multiplier, other, &[3], scratch.lend());
            assert_eq!(step, Err(Fault));
            let step = of_two.step(&mut multiplier, other, &[3]);
            assert_eq!(step, Err(Fault));
        }
    }

    /// Nothing is left to do after the last step, and no step begins anew.
    #[test]
    fn a_power_that_is_done_goes_no_further() {
        let (mut r2, mut area, mut x) = ([0; 2], [7; 100], [1; 2]);
        let mut rng = NoGenerator;
        let mut scratch = Scratch::over(&mut area, &mut rng);
        let modulus = modulus(&[Word::MAX; 2], &mut r2, &mut scratch);
        let mut multiplier = Multiplier::new(modulus, &mut scratch).unwrap();
        let mut power = Power::START;
        let mut step = |scratch: Scratch<'_>| power.step(&mut multiplier, &mut x, &[3], scratch);
        scratch.finish(&mut step).unwrap();
        assert_eq!(step(scratch.lend()), Err(Fault));
        let mut power = PowerOfTwo::START;
        let mut step = || power.step(&mut multiplier, &mut x, &[3]);
        while step().unwrap().is_pending() {}
        assert_eq!(step(), Err(Fault));
    }
}
