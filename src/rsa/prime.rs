// SPDX-License-Identifier: MIT OR Apache-2.0
//! Probable primes: candidates, trial division and the Miller-Rabin test (FIPS 186-5 appendices A.1.3
//! and B.3.1).
//!
//! The test is our own because a prime that passes it becomes a secret key. Published tests compute
//! their Montgomery parameters in variable time, branch on the number of twos in `p - 1`, and leave
//! copies.

use crypto_bigint::Word;
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::blind;
use super::error::Failure;
use super::mont::{Modulus, Multiplier};
use super::words;
use crate::ct::Mask;
use crate::hardened::Fault;
use crate::rng;

/// How many draws below the bound are accepted before the generator counts as broken. An honest
/// generator draws such a number with a chance of 0.41.
const DRAWS: usize = 128;

/// The first 64 bits of `sqrt(2) 2^63`. A number whose first 64 bits are greater is above `sqrt(2)`
/// times the power of two. Numbers whose bits are equal, 2^-64 of all, are rejected to keep the
/// comparison short.
const SQRT_2: u64 = 0xb504_f333_f9de_6484;

/// Odd primes below this bound are tried as divisors.
const TRIAL_BOUND: usize = 2048;

/// How many factors of two `p - 1` may have. Primes with more, 2^-32 of all, count as composite.
const TWOS: u32 = 32;

/// The number of odd primes below the bound.
const TRIAL_COUNT: usize = 308;

/// Each of these primes, with `2^32` divided by it. The compiler sieves them.
#[allow(clippy::integer_division, clippy::integer_division_remainder_used)]
#[cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        clippy::disallowed_macros,
        reason = "an index that is not there does not compile"
    )
)]
const SMALL_PRIMES: [(u32, u64); TRIAL_COUNT] = {
    let mut composite = [false; TRIAL_BOUND];
    let mut primes = [(0, 0); TRIAL_COUNT];
    let (mut n, mut count) = (3, 0);
    while n < TRIAL_BOUND {
        if !composite[n] {
            primes[count] = (n as u32, (1 << 32) / n as u64);
            count += 1;
            let mut multiple = n * n;
            while multiple < TRIAL_BOUND {
                composite[multiple] = true;
                multiple += 2 * n;
            }
        }
        n += 2;
    }
    assert!(count == TRIAL_COUNT);
    primes
};

/// Fills `out` with a uniform odd number of at least `sqrt(2)` times half its range.
///
/// Secret: the number. Public: how many draws were below the bound. Leaks: nothing else.
pub(super) fn candidate<const L: usize, R: TryCryptoRng + ?Sized>(
    rng: &mut R,
    out: &mut [Word; L],
) -> Result<(), Failure> {
    let mut bytes = Zeroizing::new([[0; words::BYTES]; L]);
    for _ in 0..DRAWS {
        rng::fill(rng, bytes.as_flattened_mut())?;
        // Big-endian: the first byte has the top bit, the last byte makes the number odd or even.
        let [first, .., last] = bytes.as_flattened_mut() else {
            return Err(Failure::Fault);
        };
        *first |= 0x80;
        *last |= 1;
        let top = leading_u128(bytes.as_flattened()) >> 64;
        if above(top as u64, SQRT_2).declassify() {
            words::from_be_bytes(out, bytes.as_flattened())?;
            return Ok(());
        }
    }
    Err(Failure::Rng)
}

/// Returns true if one of the small primes divides `candidate`, which is greater than all of them.
///
/// Secret: `candidate`, if none does. Public: else, the first that does. Leaks: nothing else.
pub(super) fn has_small_divisor(candidate: &[Word]) -> bool {
    SMALL_PRIMES.iter().any(|&(prime, reciprocal)| {
        // remainder < 2 prime < 2^12, so a step is below 2^28. The estimated quotient is too small
        // by less than 2, so the rest is below 2 prime again.
        let mut remainder = 0;
        for word in candidate.iter().rev() {
            for shift in (0..Word::BITS).step_by(16).rev() {
                let step = remainder << 16 | (word >> shift) as u32 & 0xffff;
                let quotient = ((u64::from(step) * reciprocal) >> 32) as u32;
                remainder = step - quotient * prime;
            }
        }
        (Mask::is_zero(remainder) | Mask::eq(remainder, prime)).declassify()
    })
}

/// Runs the Miller-Rabin test with `rounds` random bases; returns false if `candidate` is
/// composite.
///
/// Secret: `candidate`, if it passes. Public: the rounds, and which of them fails. Leaks: nothing else.
#[inline(never)]
pub(super) fn is_probably_prime<const L: usize, R: TryCryptoRng + ?Sized>(
    rng: &mut R,
    candidate: &Modulus<L>,
    rounds: u32,
) -> Result<bool, Failure> {
    let mut multiplier = Multiplier::new(candidate);
    // 1 and -1 in Montgomery's form, below the modulus.
    let mut one = Zeroizing::new([0; L]);
    *one.first_mut().ok_or(Fault)? = 1;
    multiplier.enter(&mut one)?;
    multiplier.normalize(&mut one);
    let mut minus_one = Zeroizing::new(*candidate.value());
    words::sub(&mut *minus_one, &*one);

    // candidate - 1 = odd 2^twos: halved while it is even, equally often for every candidate.
    let mut odd = Zeroizing::new(*candidate.value());
    let mut twos = 0;
    let mut even = Mask::public(true);
    for _ in 0..TWOS {
        words::shr1_if(even, &mut *odd);
        twos = even.select(twos + 1, twos);
        even &= !words::is_odd(&*odd);
    }
    if even.declassify() {
        return Ok(false);
    }

    let mut x = Zeroizing::new([0; L]);
    for _ in 0..rounds {
        // A uniform number is the Montgomery form of a uniform base. The chance that it is 0, 1 or -1
        // is less than 2^-1021.
        blind::uniform(rng, candidate, &mut x)?;
        multiplier.pow(&mut x, &*odd)?;
        multiplier.normalize(&mut x);
        // passed: the power is 1, or one of its squares before the last is -1.
        let mut passed = words::eq(&*x, &*one);
        for i in 0..TWOS {
            passed |= words::eq(&*x, &*minus_one) & Mask::lt(i, twos);
            multiplier.square(&mut x)?;
            multiplier.normalize(&mut x);
        }
        if !passed.declassify() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns true if `p` and `q` differ in their first 100 bits by more than a carry: `|p - q| >=
/// 2^(bits - 100)`.
///
/// Secret: `p`, `q`. Leaks: nothing.
pub(super) fn far_apart<const L: usize>(p: &[Word; L], q: &[Word; L]) -> Result<Mask, Fault> {
    let mut difference = Zeroizing::new(*p);
    let negative = Mask::from_bit(words::sub(&mut *difference, q) as u32);
    let mut opposite = Zeroizing::new(*q);
    words::sub(&mut *opposite, p);
    for (x, y) in difference.iter_mut().zip(opposite.iter()) {
        *x = negative.select_word(*y, *x);
    }
    let mut bytes = Zeroizing::new([[0; words::BYTES]; L]);
    words::to_be_bytes(bytes.as_flattened_mut(), &*difference)?;
    let first_100 = leading_u128(bytes.as_flattened()) >> 28;
    let folded = first_100 | first_100 >> 32 | first_100 >> 64 | first_100 >> 96;
    Ok(!Mask::is_zero(folded as u32))
}

/// Returns the first 16 bytes of a big-endian number.
fn leading_u128(bytes: &[u8]) -> u128 {
    let fold = |x, byte: &u8| x << 8 | u128::from(*byte);
    bytes.iter().take(16).fold(0, fold)
}

/// Returns true if `a > b`: the subtraction in 128 bits borrows, which sets its top bit.
fn above(a: u64, b: u64) -> Mask {
    Mask::from_bit((u128::from(b).wrapping_sub(u128::from(a)) >> 127) as u32)
}

#[cfg(test)]
#[allow(clippy::integer_division_remainder_used, clippy::unwrap_used)]
mod tests {
    use crypto_bigint::U128;
    use crypto_primes::Flavor;
    use getrandom::SysRng;

    use super::*;

    const LIMBS: usize = U128::LIMBS;

    fn judge(candidate: &U128) -> bool {
        let modulus = Modulus::new(&candidate.to_words()).unwrap().unwrap();
        is_probably_prime(&mut SysRng, &modulus, 40).unwrap()
    }

    #[test]
    fn agrees_with_crypto_primes() {
        let (mut primes, mut smooth) = (0, 0);
        for _ in 0..4000 {
            let mut words = [0; LIMBS];
            candidate(&mut SysRng, &mut words).unwrap();
            let number = U128::from_words(words);
            let value = u128::from(number);
            assert!(value & 1 == 1 && (value >> 64) as u64 > SQRT_2);
            let divided = (3..TRIAL_BOUND as u128)
                .step_by(2)
                .any(|divisor| value % divisor == 0);
            assert_eq!(has_small_divisor(&words), divided, "{value}");
            let prime = crypto_primes::is_prime(Flavor::Any, &number);
            assert_eq!(judge(&number), prime, "{value}");
            primes += usize::from(prime);
            smooth += usize::from(divided);
        }
        assert!(primes > 20 && smooth > 2000, "{primes} {smooth}");
    }

    #[test]
    fn primes_next_to_many_twos_pass() {
        // p - 1 = 2^twos * odd.
        for twos in 1..=TWOS {
            let mut odd = (u128::MAX >> twos) | 1;
            loop {
                let number = U128::from((odd << twos) + 1);
                if crypto_primes::is_prime(Flavor::Any, &number) {
                    assert!(judge(&number), "{twos}: {number}");
                    break;
                }
                odd -= 2;
            }
        }
    }

    #[test]
    fn far_apart_means_the_first_hundred_bits() {
        let apart = |p: u128, q: u128| {
            let (p, q) = (U128::from(p).to_words(), U128::from(q).to_words());
            let [there, back] =
                [(p, q), (q, p)].map(|(a, b)| far_apart(&a, &b).unwrap().declassify());
            assert_eq!(there, back);
            there
        };
        let p = u128::MAX;
        assert!(!apart(p, p));
        assert!(!apart(p, p - (1 << 28) + 1));
        assert!(apart(p, p - (1 << 28)));
        assert!(apart(p, 0));
    }
}
