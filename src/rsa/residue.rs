// SPDX-License-Identifier: MIT OR Apache-2.0
//! Remainders of a big number by small primes, and its inverse modulo the public exponent.

use crypto_bigint::{WideWord, Word};

use super::words;
use crate::ct::Mask;

/// The public exponent of generated keys: a prime.
pub(super) const E: u32 = 65537;

/// Returns `x` modulo an odd `prime` below 2^16.
///
/// Secret: `x`. Public: its length, `prime`. Leaks: nothing else.
pub(super) fn mod_prime(x: &[Word], prime: u32) -> u32 {
    #[allow(clippy::integer_division, clippy::integer_division_remainder_used)] // Both are public.
    let reciprocal = u64::from(u32::MAX / prime);
    let mut remainder = 0;
    for word in x.iter().rev() {
        for shift in (0..Word::BITS).step_by(16).rev() {
            // remainder < prime < 2^16. The estimated quotient is too small by less than 2, so what is
            // left is below 2 prime.
            let step = remainder << 16 | (word >> shift) as u32 & 0xffff;
            let quotient = ((u64::from(step) * reciprocal) >> 32) as u32;
            remainder = step - quotient * prime;
            remainder -= (!Mask::lt(remainder, prime)).select(prime, 0);
        }
    }
    remainder
}

/// Replaces an even `m` that `e` does not divide by `1/e` modulo `m`.
///
/// With `k = -1/m mod e`, the number `1 + k m` is a multiple of `e`, and its quotient `x`, below `m`,
/// has `e x = 1 mod m`.
///
/// Secret: `m`. Public: its length. Leaks: nothing else.
pub(super) fn invert_e(m: &mut [Word]) {
    let k = Word::from(E - inverse_mod_e(mod_e(m)));
    // m = 1 + k m, of one word more.
    let mut carry = 1;
    for x in m.iter_mut() {
        let step = WideWord::from(*x) * WideWord::from(k) + WideWord::from(carry);
        *x = step as Word;
        carry = (step >> Word::BITS) as Word;
    }
    // The division has no remainder, so it can be done from the low end, one word at a time: each
    // word of the quotient is what is left there, times 1/e modulo a word. It consumes the highest
    // word.
    let mut borrow = 0;
    for x in m.iter_mut() {
        let (left, under) = x.overflowing_sub(borrow);
        *x = left.wrapping_mul(INVERSE_OF_E);
        let product = WideWord::from(*x) * WideWord::from(E as Word);
        borrow = (product >> Word::BITS) as Word + Word::from(under);
    }
}

/// `1/e` modulo a word.
const INVERSE_OF_E: Word = words::neg_inverse(E as Word).wrapping_neg();

/// Returns `x mod e`: `2^16 = -1 mod e`, so 16-bit digits are alternately added and subtracted.
///
/// Secret: `x`. Public: its length. Leaks: nothing else.
pub(super) fn mod_e(x: &[Word]) -> u32 {
    let mut sum = 0;
    for word in x.iter().rev() {
        for shift in (0..Word::BITS).step_by(16).rev() {
            // sum = digit - sum
            let digit = (word >> shift) as u32 & 0xffff;
            sum = mod_e_sum(digit, E - sum);
        }
    }
    sum
}

/// `a + b mod e` for `a` and `b` up to `e`, their sum below `2 e`.
fn mod_e_sum(a: u32, b: u32) -> u32 {
    let sum = a + b;
    sum - (!Mask::lt(sum, E)).select(E, 0)
}

/// `1/x mod e` for an `x` that is not 0: `x^(e - 2)`, and `e - 2` is 2^16 - 1, sixteen ones.
///
/// Secret: `x`. Leaks: nothing.
fn inverse_mod_e(x: u32) -> u32 {
    let product = |a: u32, b: u32| {
        // Below 2^33: three digits of 16 bits, the last of which is 0 or 1.
        let wide = u64::from(a) * u64::from(b);
        let low = mod_e_sum(wide as u32 & 0xffff, (wide >> 32) as u32);
        mod_e_sum(low, E - ((wide >> 16) as u32 & 0xffff))
    };
    (0..16).fold(1, |power, _| product(product(power, power), x))
}

#[cfg(test)]
#[allow(clippy::integer_division_remainder_used, clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn residues_modulo_small_primes() {
        for prime in [3, 5, 257, 16411, 32749, 65521] {
            for x in [0, 1, 2, u64::MAX, u64::MAX - 1, 1 << 63]
                .into_iter()
                .chain((0..7).map(|k| u64::MAX - u64::MAX % u64::from(prime) - k))
            {
                let words = crypto_bigint::U64::from(x).to_words();
                assert_eq!(
                    u64::from(mod_prime(&words, prime)),
                    x % u64::from(prime),
                    "{x} {prime}"
                );
            }
        }
    }

    #[test]
    fn residues_and_inverses_modulo_e() {
        for x in (1..E).step_by(7).chain([1, 2, 65535, 65536]) {
            assert_eq!(
                u64::from(x) * u64::from(inverse_mod_e(x)) % u64::from(E),
                1,
                "{x}"
            );
        }
        for x in [
            0,
            1,
            65536,
            65537,
            65538,
            0xffff_0000,
            0x1_0000_ffff,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let words = crypto_bigint::U64::from(x).to_words();
            assert_eq!(u64::from(mod_e(&words)), x % u64::from(E), "{x}");
        }
    }

    #[test]
    fn e_is_inverted_modulo_even_numbers() {
        for m in [4u64, 65536, 65538, 1 << 40, u64::MAX - 1, u64::MAX - 65535] {
            let mut words = crypto_bigint::U64::from(m).to_words();
            invert_e(&mut words);
            let inverse = u64::from(crypto_bigint::U64::from_words(words));
            assert!(inverse < m);
            assert_eq!(
                u128::from(inverse) * u128::from(E) % u128::from(m),
                1,
                "{m}"
            );
        }
    }
}
