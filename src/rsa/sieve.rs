// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sieve over the odd numbers from a secret start on, so that few of them need the Miller-Rabin test.
//!
//! The start is a prime less an offset that will be known to nobody, so whatever shows of the sieve shows
//! something of the prime: which divisions come out even, and where (T. Finke, M. Gebhardt, W. Schindler,
//! "A new side-channel attack on RSA prime generation", CHES 2009). Here each prime is divided by and
//! marked the same way whatever the remainder is, and the next number without a mark is searched for among
//! all of them. Only how many are tested shows.

use core::task::Poll;

use crypto_bigint::Word;
use zeroize::Zeroizing;

use super::residue::{E, mod_e, mod_prime};
use crate::ct::Mask;

/// How many odd numbers a sieve covers. Among so many of 1024 bits there is a prime in 19 of 20 cases.
pub(super) const SPAN: u32 = 1024;

/// Primes below this bound are sieved with: about 101 of 1000 odd numbers remain.
const BOUND: usize = 1 << 16;

/// Whether `2 i + 1` is a prime: bit `i` of this set. The compiler computes it.
#[cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        reason = "an index that is not there does not compile"
    )
)]
static PRIMES: [u32; BOUND >> 6] = {
    let mut primes = [u32::MAX; BOUND >> 6];
    primes[0] ^= 1;
    let mut n = 3;
    while n * n < BOUND {
        let mut multiple = n * n;
        while multiple < BOUND {
            primes[multiple >> 6] &= !(1 << (multiple >> 1 & 31));
            multiple += 2 * n;
        }
        n += 2;
    }
    primes
};

/// The marks on `start`, `start + 2`, .., a bit each, and how many steps they took. A step covers eight
/// numbers: the smallest primes have so many multiples that no more fit one.
pub(super) struct Sieve {
    marks: Zeroizing<[u32; SPAN as usize >> 5]>,
    steps: u32,
}

impl Sieve {
    pub(super) fn new() -> Self {
        Self {
            marks: Zeroizing::new([0; _]),
            steps: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.marks.iter().all(|mark| *mark == 0)
    }

    /// Takes the next step of marking the numbers that a small prime divides, and those that leave 1 modulo
    /// `e`, with which they would make no key. `start` is odd, and greater than the small primes.
    ///
    /// Secret: `start`. Public: its length. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn step(&mut self, start: &[Word]) -> Poll<()> {
        let Some(bits) = PRIMES.get((self.steps >> 3) as usize) else {
            // One less leaves 0 where this leaves 1.
            let residue = mod_e(start);
            self.mark_all(E, Mask::is_zero(residue).select(E, residue) - 1);
            return Poll::Ready(());
        };
        let (bits, first) = (bits >> (4 * (self.steps & 7)), 8 * self.steps + 1);
        for bit in (0..4).filter(|bit| bits >> bit & 1 == 1) {
            let prime = first + 2 * bit;
            self.mark_all(prime, mod_prime(start, prime));
        }
        self.steps += 1;
        Poll::Pending
    }

    /// Marks the numbers that `prime` divides, where `residue` is what the start leaves.
    fn mark_all(&mut self, prime: u32, residue: u32) {
        // start + 2 k is a multiple: k is half of -residue, or of that and the prime, whichever is even.
        let missing = Mask::is_zero(residue).select(0, prime - residue);
        let odd = Mask::from_bit(missing & 1);
        let mut position = (missing + odd.select(prime, 0)) >> 1;
        // The first position is below the prime, so that there are no more than this. The prime is odd:
        // its lowest bit is set once more for the compiler, which then sees a width that is not zero.
        for _ in (0..SPAN).step_by(prime as usize | 1) {
            self.mark(position);
            position += prime;
        }
    }

    /// Marks a position, if the sieve has it.
    fn mark(&mut self, position: u32) {
        for (place, word) in (0..).zip(self.marks.iter_mut()) {
            *word |= Mask::eq(place, position >> 5).select(1 << (position & 31), 0);
        }
    }

    /// Marks the first number without a mark, and returns its position, or `None` if all have one.
    ///
    /// Secret: the position. Leaks: whether there is one.
    pub(super) fn next(&mut self) -> Option<u32> {
        let mut position = SPAN;
        for (first, word) in (0..).step_by(32).zip(self.marks.iter()) {
            for bit in 0..32 {
                let free = !Mask::from_bit(word >> bit & 1) & Mask::eq(position, SPAN);
                position = free.select(first + bit, position);
            }
        }
        if Mask::eq(position, SPAN).declassify() {
            return None;
        }
        self.mark(position);
        Some(position)
    }
}

#[cfg(test)]
#[allow(
    clippy::integer_division_remainder_used,
    clippy::manual_is_multiple_of,
    clippy::unwrap_used
)]
mod tests {
    use crypto_bigint::U128;
    use proptest::prelude::*;

    use super::*;

    /// Makes the sieve from a start on.
    fn sieve(start: &[Word]) -> Sieve {
        let mut sieve = Sieve::new();
        while sieve.step(start).is_pending() {}
        sieve
    }

    #[test]
    fn the_primes_are_the_primes() {
        let listed = (1..BOUND as u32).step_by(2);
        let listed = listed.filter(|n| PRIMES[*n as usize >> 6] >> (n >> 1 & 31) & 1 == 1);
        let primes = (3..BOUND as u32).step_by(2);
        let primes = primes.filter(|n| {
            (3..)
                .step_by(2)
                .take_while(|d| d * d <= *n)
                .all(|d| n % d != 0)
        });
        assert!(listed.eq(primes));
    }

    /// The first odd number above 2^100 with this residue modulo `e` that no small prime divides.
    fn number_with_residue(residue: u128) -> u128 {
        let e = u128::from(E);
        let first = (1u128 << 100) - (1u128 << 100) % (2 * e) + residue;
        let first = if first % 2 == 1 { first } else { first + e };
        let free = |n: &u128| (3..BOUND as u128).step_by(2).all(|d| n % d != 0);
        (0..).map(|k| first + 2 * e * k).find(free).unwrap()
    }

    #[test]
    fn what_leaves_one_modulo_e_is_marked() {
        for residue in [0, 1, 2, 3, u128::from(E) - 1] {
            let number = number_with_residue(residue);
            // As the start itself, and further on.
            for before in [0, 1, 1000] {
                let start = U128::from(number - 2 * before).to_words();
                let mut sieve = sieve(&start);
                let found = (0..=before).any(|_| sieve.next() == Some(before as u32));
                assert_eq!(found, residue != 1, "{residue} {before}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn what_remains_has_no_small_divisor(
            start in (1u128 << 100..u128::MAX >> 1), near in 0u128..3, by in prop_oneof![Just(3u128), Just(1021), Just(1031), Just(32749), Just(65521), Just(u128::from(E))],
        ) {
            // Any number, and one next to a multiple.
            for start in [start | 1, (start - start % (2 * by) + near * by) | 1, start - start % (2 * by) + by] {
                let mut sieve = sieve(&U128::from(start).to_words());
                let mut previous = None;
                for position in 0..SPAN {
                    let number = start + 2 * u128::from(position);
                    let divided = (3..BOUND as u128).step_by(2).any(|d| number % d == 0);
                    if !divided && number % u128::from(E) != 1 {
                        prop_assert_eq!(sieve.next(), Some(position));
                        prop_assert!(previous < Some(position));
                        previous = Some(position);
                    }
                }
                prop_assert_eq!(sieve.next(), None);
            }
        }
    }
}
