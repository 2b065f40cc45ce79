// SPDX-License-Identifier: MIT OR Apache-2.0
//! The inverse of a public number, in variable time: the division steps of D. Bernstein and B.-Y. Yang,
//! "Fast constant-time gcd computation and modular inversion" (2019), many at a time, where those that
//! would change nothing are skipped.
//!
//! A big-integer library has this too, but uses twice as much stack as all the rest of a private
//! operation, and has a copy of its code for each size.

use core::task::Poll;

use crypto_bigint::{WideWord, Word};

use super::scratch::Scratch;
use super::words;
use crate::hardened::{Fault, copy};

/// Steps that are made on the lowest words alone, before all words follow. The factors that come of
/// them have one bit more, and a sign; the other bits of a word let their products be added up.
const STEPS: u32 = Word::BITS - 4;

/// What so many steps do to two numbers, but for a division by `2^STEPS`: `f` becomes `a f + b g` with
/// the first two factors, `g` with the other two. A factor whose top bit is set is negative.
type Factors = [[Word; 2]; 2];

/// How many rounds of [`STEPS`] make a step of the inversion.
const ROUNDS: u32 = 8;

/// How far an inversion is.
#[derive(Clone, Copy)]
pub(super) struct Inversion {
    rounds: u32,
    delta: i32,
}

impl Inversion {
    pub(super) const START: Self = Self {
        rounds: 0,
        delta: 1,
    };

    /// Takes the next step of replacing `number`, below an odd `modulus` of the same length, by its
    /// inverse. Ends with false, and leaves some other number, if it has none.
    ///
    /// Public: everything.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        number: &mut [Word],
        modulus: &[Word],
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<bool>, Fault> {
        // One word more than the modulus has, for a sign. At each step f = d number and g = e number,
        // modulo the modulus, and no step changes their greatest common divisor.
        let [f, g, d, e] = scratch.numbers(modulus.len() + 1)?;
        if self.rounds == 0 {
            for (place, from) in [(&mut *f, modulus), (&mut *g, number)] {
                place.fill(0);
                copy(place.get_mut(..from.len()).ok_or(Fault)?, from)?;
            }
            d.fill(0);
            e.fill(0);
            *e.first_mut().ok_or(Fault)? = 1;
        }
        let neg_inverse = words::neg_inverse(low(modulus)?);

        // The paper's bound is below 3 steps for each bit, in section 11.
        let all = (3 * modulus.len() as u32 * Word::BITS) >> 4;
        let end = all.min(self.rounds + ROUNDS);
        let mut done = end == all;
        for _ in self.rounds..end {
            if g.iter().all(|word| *word == 0) {
                done = true;
                break;
            }
            let factors = steps(&mut self.delta, low(f)?, low(g)?);
            combine(f, g, &factors, modulus, [0, 0]);
            // Multiples of the modulus make what d and e become divisible by 2^STEPS.
            let mut multiples = [0; 2];
            for (multiple, [a, b]) in multiples.iter_mut().zip(factors) {
                let sum = { a.wrapping_mul(low(d)?) }.wrapping_add(b.wrapping_mul(low(e)?));
                // As if negative numbers had been made positive with the modulus before.
                let started = (a & sign(d)).wrapping_add(b & sign(e));
                let excess = started.wrapping_sub(sum.wrapping_mul(neg_inverse));
                *multiple = started.wrapping_sub(excess & ((1 << STEPS) - 1));
            }
            combine(d, e, &factors, modulus, multiples);
        }
        self.rounds = end;
        if !done {
            return Ok(Poll::Pending);
        }

        // d is above minus twice the modulus, and below it.
        add_if_negative(d, modulus)?;
        if sign(f) != 0 {
            negate(f);
            negate(d);
        }
        add_if_negative(d, modulus)?;
        copy(number, d.get(..modulus.len()).ok_or(Fault)?)?;
        Ok(Poll::Ready(words::is_one(f).declassify()))
    }
}

/// Makes [`STEPS`] steps on the lowest words of `f`, which is odd, and `g`.
fn steps(delta: &mut i32, mut f: Word, mut g: Word) -> Factors {
    let ([mut a, mut b], [mut c, mut d]): ([Word; 2], [Word; 2]) = ([1, 0], [0, 1]);
    let mut left = STEPS;
    loop {
        // While g is even, a step halves it. Instead of the lower row being halved, the upper is doubled.
        let zeros = (g | Word::MAX << left).trailing_zeros();
        g >>= zeros;
        a <<= zeros;
        b <<= zeros;
        *delta += zeros as i32;
        left -= zeros;
        if left == 0 {
            return [[a, b], [c, d]];
        }
        // Both are odd. If g counts as the shorter one, they change places.
        if *delta > 0 {
            *delta = -*delta;
            (f, g) = (g, f.wrapping_neg());
            (a, c) = (c, a.wrapping_neg());
            (b, d) = (d, b.wrapping_neg());
        }
        g = g.wrapping_add(f);
        c = c.wrapping_add(a);
        d = d.wrapping_add(b);
    }
}

/// Sets `x` and `y` to what the factors make of them, plus a multiple of the modulus each, divided by
/// `2^STEPS`, which leaves no remainder.
fn combine(
    x: &mut [Word],
    y: &mut [Word],
    factors: &Factors,
    modulus: &[Word],
    multiples: [Word; 2],
) {
    let [[a, b], [c, d]] = *factors;
    let [of_x, of_y] = multiples;
    let (mut sum_x, mut sum_y) = (0, 0);
    let pairs = x.iter_mut().zip(y.iter_mut());
    for ((x, y), m) in pairs.zip(modulus.iter().chain(&[0])) {
        for (sum, [a, b, multiple]) in [(&mut sum_x, [a, b, of_x]), (&mut sum_y, [c, d, of_y])] {
            *sum = extend(a)
                .wrapping_mul(WideWord::from(*x))
                .wrapping_add(*sum);
            *sum = extend(b)
                .wrapping_mul(WideWord::from(*y))
                .wrapping_add(*sum);
            *sum = extend(multiple)
                .wrapping_mul(WideWord::from(*m))
                .wrapping_add(*sum);
        }
        (*x, sum_x) = (sum_x as Word, extend((sum_x >> Word::BITS) as Word));
        (*y, sum_y) = (sum_y as Word, extend((sum_y >> Word::BITS) as Word));
    }
    shift_right(x);
    shift_right(y);
}

/// Divides by `2^STEPS`.
fn shift_right(x: &mut [Word]) {
    let mut above = sign(x);
    for word in x.iter_mut().rev() {
        (*word, above) = (*word >> STEPS | above << (Word::BITS - STEPS), *word);
    }
}

/// Adds the modulus to a negative number.
fn add_if_negative(x: &mut [Word], modulus: &[Word]) -> Result<(), Fault> {
    if sign(x) != 0 {
        let (front, back) = x.split_at_mut_checked(modulus.len()).ok_or(Fault)?;
        let carry = words::add(front, modulus);
        words::add_word(back, carry);
    }
    Ok(())
}

fn negate(x: &mut [Word]) {
    for word in x.iter_mut() {
        *word = !*word;
    }
    words::add_word(x, 1);
}

/// Returns a word of which all bits are the sign.
fn sign(x: &[Word]) -> Word {
    x.last()
        .map_or(0, |last| (extend(*last) >> Word::BITS) as Word)
}

/// Repeats the sign in the upper half of a wide word.
fn extend(x: Word) -> WideWord {
    let sign = (x >> (Word::BITS - 1)).wrapping_neg();
    WideWord::from(sign) << Word::BITS | WideWord::from(x)
}

fn low(x: &[Word]) -> Result<Word, Fault> {
    x.first().copied().ok_or(Fault)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crypto_bigint::{Odd, U256, U2048, Uint};
    use proptest::prelude::*;

    use super::*;
    use crate::rng::NoGenerator;

    fn inverse<const N: usize>(number: &Uint<N>, modulus: &Uint<N>) -> Option<Uint<N>> {
        let mut words = number.to_words();
        let mut area = [7; 200];
        let mut rng = NoGenerator;
        let (mut inversion, modulus) = (Inversion::START, modulus.to_words());
        let mut step = |scratch: Scratch<'_>| inversion.step(&mut words, &modulus, scratch);
        let inverted = Scratch::over(&mut area, &mut rng).finish(&mut step);
        inverted.unwrap().then(|| Uint::from_words(words))
    }

    /// Words with long runs of ones and zeros.
    fn word() -> impl Strategy<Value = Word> {
        prop_oneof![
            Just(0),
            Just(1),
            Just(Word::MAX),
            Just(1 << (Word::BITS - 1)),
            any::<Word>()
        ]
    }

    fn check<const N: usize>(mut m: [Word; N], x: [Word; N]) {
        m[0] |= 1;
        m[N - 1] |= 1 << (Word::BITS - 1);
        let modulus = Uint::from_words(m);
        let number = Uint::from_words(x).rem_vartime(modulus.as_nz_vartime().as_ref().unwrap());
        let expected = number.invert_odd_mod_vartime(&Odd::new(modulus).unwrap());
        assert_eq!(
            inverse(&number, &modulus),
            expected.into(),
            "{number} {modulus}"
        );
    }

    proptest! {
        #[test]
        fn agrees_with_crypto_bigint(
            m in prop::array::uniform4(word()), x in prop::array::uniform4(word()),
            large in prop::array::uniform32(word()), other in prop::array::uniform32(word()),
        ) {
            check(m, x);
            check(large, other);
        }
    }

    #[test]
    fn what_has_no_inverse_is_told() {
        let modulus = U256::MAX;
        for number in [U256::ZERO, U256::from(3u32), U256::from(5u32), modulus] {
            assert_eq!(inverse(&number, &modulus), None);
        }
        let modulus = U2048::MAX;
        for number in [
            U2048::ONE,
            U2048::from(2u32),
            modulus.wrapping_sub(&U2048::ONE),
        ] {
            assert!(inverse(&number, &modulus).is_some());
        }
    }
}
