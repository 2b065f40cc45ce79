// SPDX-License-Identifier: MIT OR Apache-2.0
//! Division with a remainder, and the greatest common divisor, of numbers that may be even, which
//! Montgomery's multiplication refuses. Both go bit by bit. That is slow, and needed once for a key.

use core::task::Poll;

use crypto_bigint::Word;

use super::scratch::ready_if;
use super::words;
use crate::ct::Mask;
use crate::hardened::Fault;

/// How many bits make a step.
const BITS: u32 = 64;

/// How far a division is: how many bits of the quotient are known.
#[derive(Clone, Copy)]
pub(super) struct Division(u32);

impl Division {
    pub(super) const START: Self = Self(0);

    /// Takes the next step of `x = x / m` and `remainder = x mod m`, by shifting and subtracting.
    /// `remainder` is as long as `m`.
    ///
    /// Secret: `x`, `m`. Public: the lengths. Leaks: nothing else. `remainder < m` before each bit, so
    /// that twice of it and a bit is below `2m`: one subtraction, and it is due too if doubling carries.
    pub(super) fn step(
        &mut self,
        x: &mut [Word],
        remainder: &mut [Word],
        m: &[Word],
    ) -> Result<Poll<()>, Fault> {
        if self.0 == 0 {
            remainder.fill(0);
        }
        let all = x.len() as u32 * Word::BITS;
        let end = all.min(self.0 + BITS);
        for _ in self.0..end {
            let bit = words::shl1(x, 0);
            let carry = words::shl1(remainder, bit);
            let due = Mask::from_bit(carry as u32) | !words::lt(remainder, m);
            words::sub_if(due, remainder, m);
            *x.first_mut().ok_or(Fault)? |= due.select_word(1, 0);
        }
        self.0 = end;
        Ok(ready_if(end == all))
    }
}

/// How far a greatest common divisor is: how many halvings were tried, and then how many doublings.
#[derive(Clone, Copy)]
pub(super) struct Gcd(u32);

impl Gcd {
    pub(super) const START: Self = Self(0);

    /// Takes the next step of `a = gcd(a, b)` for `a` and `b` that are not 0, odd or even; overwrites
    /// `b`. `twos` keeps how many halvings both shared.
    ///
    /// Secret: `a`, `b`, `twos`. Public: their length. Leaks: nothing else. Stein's algorithm: each round
    /// halves at least one of them, so that twice their bits are enough.
    pub(super) fn step(&mut self, a: &mut [Word], b: &mut [Word], twos: &mut Word) -> Poll<()> {
        let bits = a.len() as u32 * Word::BITS;
        let (halvings, all) = (2 * bits, 3 * bits);
        if self.0 == 0 {
            *twos = 0;
        }
        let end = all.min(self.0 + BITS);
        for i in self.0..end {
            match i.checked_sub(halvings) {
                None => halve(a, b, twos),
                Some(doubling) => {
                    if doubling == 0 {
                        // One of them is now 0, the other the odd part.
                        for (x, y) in a.iter_mut().zip(b.iter()) {
                            *x |= y;
                        }
                    }
                    words::shl1_if(Mask::lt(doubling, *twos as u32), a);
                }
            }
        }
        self.0 = end;
        ready_if(end == all)
    }
}

/// If both are odd, makes the greater the difference, which is even. Then halves what is even; a
/// difference of 0 stays 0.
fn halve(a: &mut [Word], b: &mut [Word], twos: &mut Word) {
    let (a_odd, b_odd) = (words::is_odd(a), words::is_odd(b));
    let both = a_odd & b_odd;
    let a_less = words::lt(a, b);
    words::sub_if(both & !a_less, a, b);
    words::sub_if(both & a_less, b, a);
    *twos = (!a_odd & !b_odd).select_word(*twos + 1, *twos);
    words::shr1_if(!words::is_odd(a), a);
    words::shr1_if(!words::is_odd(b), b);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crypto_bigint::{NonZero, Uint};
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = Uint<3>> {
        let word = prop_oneof![
            Just(0),
            Just(1),
            Just(Word::MAX),
            Just(1 << (Word::BITS - 1)),
            any::<Word>()
        ];
        prop::array::uniform3(word).prop_map(Uint::from_words)
    }

    proptest! {
        #[test]
        fn agree_with_crypto_bigint(x in numbers(), y in numbers(), shift in 0u32..100) {
            if let Some(divisor) = Option::<NonZero<_>>::from(NonZero::new(y)) {
                let (mut quotient, mut remainder) = (x.to_words(), [7; 3]);
                let mut division = Division::START;
                while division.step(&mut quotient, &mut remainder, &y.to_words()).unwrap().is_pending() {}
                let (q, r) = x.div_rem_vartime(&divisor);
                prop_assert_eq!((quotient, remainder), (q.to_words(), r.to_words()));
            }

            // With a common factor of many twos.
            let (x, y) = (x.wrapping_shl_vartime(shift), y.wrapping_shl_vartime(shift));
            if x != Uint::ZERO && y != Uint::ZERO {
                let (mut divisor, mut other, mut twos) = (x.to_words(), y.to_words(), 7);
                let mut gcd = Gcd::START;
                while gcd.step(&mut divisor, &mut other, &mut twos).is_pending() {}
                prop_assert_eq!(divisor, x.gcd_vartime(&y).to_words());
            }
        }
    }
}
