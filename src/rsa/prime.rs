// SPDX-License-Identifier: MIT OR Apache-2.0
//! Probable primes: drawing a number, and the Miller-Rabin test (FIPS 186-5 appendices A.1.3
//! and B.3.1).
//!
//! The test is our own because a prime that passes it becomes a secret key. Published tests compute
//! their Montgomery parameters in variable time, branch on the number of twos in `p - 1`, and leave
//! copies.

use core::task::Poll;

use crypto_bigint::{U128, Word};

use super::error::Failure;
use super::mont::{Modulus, Multiplier, Power, PowerOfTwo, SquareOfR};
use super::scratch::Scratch;
use super::{ModulusSize, blind, words};
use crate::ct::Mask;
use crate::hardened::{Fault, copy};
use crate::rng::{self, Watched};
use crate::secret::Secret;

/// How many draws below the bound are accepted before the generator counts as broken. An honest
/// generator draws such a number with a chance of 0.41.
const DRAWS: usize = 128;

/// The first 64 bits of `sqrt(2) 2^63`. A number whose first 64 bits are greater is above `sqrt(2)`
/// times the power of two. Numbers whose bits are equal, 2^-64 of all, are rejected to keep the
/// comparison short.
const SQRT_2: u64 = 0xb504_f333_f9de_6484;

/// How many factors of two `p - 1` may have. Primes with more, 2^-32 of all, count as composite.
const TWOS: u32 = 32;

/// How many squarings of the power make a step of the test.
const SQUARES: u32 = 4;

/// Fills `out` with a uniform odd number of at least `sqrt(2)` times half its range.
///
/// Secret: the number. Public: how many draws were below the bound. Leaks: nothing else.
pub(super) fn draw(rng: &mut dyn Watched, out: &mut [Word]) -> Result<(), Failure> {
    let mut drawn = Secret::<{ ModulusSize::MAX_BYTES }>::zeroed();
    let drawn = { drawn.expose_mut().get_mut(..size_of_val(out)) }.ok_or(Fault)?;
    for _ in 0..DRAWS {
        rng::fill(rng, drawn)?;
        // Big-endian: the first byte has the top bit, the last byte makes the number odd or even.
        let [first, .., last] = &mut *drawn else {
            return Err(Failure::Fault);
        };
        *first |= 0x80;
        *last |= 1;
        let top = (leading_u128(drawn) >> 64) as u64;
        // Below the very end, so that there are numbers after it.
        if (above(top, SQRT_2) & above(u64::MAX, top)).declassify() {
            words::from_be_bytes(out, drawn)?;
            return Ok(());
        }
    }
    Err(Failure::Rng)
}

/// How far a Miller-Rabin test is.
#[derive(Clone, Copy)]
pub(super) struct MillerRabin {
    /// Which of the bases is tried: first 2, which almost every composite number fails, and which needs no
    /// table.
    round: u32,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    SquareOfR(SquareOfR),
    Two(PowerOfTwo),
    Draw,
    Power(Power),
    /// How many squarings of the power are done.
    Squares(u32),
}

impl MillerRabin {
    pub(super) const START: Self = Self {
        round: 0,
        stage: Stage::SquareOfR(SquareOfR::START),
    };

    /// Takes the next step of testing `candidate`, odd and with its top bit set, with the base 2 and then
    /// `rounds` random bases. Ends with false if it is composite.
    ///
    /// Secret: `candidate`, if it passes. Public: the rounds, and which of them fails. Leaks: nothing
    /// else.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        candidate: &[Word],
        rounds: u32,
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<bool>, Failure> {
        let [r2, one, minus_one, odd, x] = scratch.numbers(candidate.len())?;
        // How many twos candidate - 1 has, and whether this round is passed.
        let [[twos], [passed]] = scratch.numbers(1)? else {
            return Err(Failure::Fault);
        };
        if let Stage::SquareOfR(mut square) = self.stage {
            let modulus = Modulus::new(candidate, &[]).ok_or(Fault)?;
            self.stage = match square.step(modulus, r2, scratch.lend())? {
                Poll::Pending => Stage::SquareOfR(square),
                Poll::Ready(()) => {
                    let modulus = Modulus::new(candidate, r2).ok_or(Fault)?;
                    if !prepare(modulus, one, minus_one, odd, twos, scratch)? {
                        return Ok(Poll::Ready(false));
                    }
                    copy(x, one)?;
                    Stage::Two(PowerOfTwo::START)
                }
            };
            return Ok(Poll::Pending);
        }
        let modulus = Modulus::new(candidate, r2).ok_or(Fault)?;
        let mut multiplier = Multiplier::new(modulus, &mut scratch)?;
        self.stage = match self.stage {
            Stage::SquareOfR(_) => return Err(Failure::Fault),
            Stage::Two(mut power) => match power.step(&mut multiplier, x, odd)? {
                Poll::Pending => Stage::Two(power),
                Poll::Ready(()) => Stage::Squares(0),
            },
            Stage::Draw => {
                // A uniform number is the Montgomery form of a uniform base. The chance that it is 0, 1
                // or -1 is less than 2^-1021.
                blind::uniform(candidate, scratch.rng(), x)?;
                Stage::Power(Power::START)
            }
            Stage::Power(mut power) => match power.step(&mut multiplier, x, odd, scratch)? {
                Poll::Pending => Stage::Power(power),
                Poll::Ready(()) => Stage::Squares(0),
            },
            Stage::Squares(done) => {
                // passed: the power is 1, or one of its squares before the last is -1.
                if done == 0 {
                    multiplier.normalize(x);
                    *passed = words::eq(x, one).select_word(1, 0);
                }
                for i in done..done + SQUARES {
                    let passes = words::eq(x, minus_one) & Mask::lt(i, *twos as u32);
                    *passed |= passes.select_word(1, 0);
                    multiplier.square(x)?;
                    multiplier.normalize(x);
                }
                if done + SQUARES < TWOS {
                    Stage::Squares(done + SQUARES)
                } else if !Mask::from_bit(*passed as u32).declassify() {
                    return Ok(Poll::Ready(false));
                } else if self.round >= rounds {
                    return Ok(Poll::Ready(true));
                } else {
                    self.round += 1;
                    Stage::Draw
                }
            }
        };
        Ok(Poll::Pending)
    }
}

/// Computes 1 and -1 in Montgomery's form, below the modulus, and the odd part of `candidate - 1`, which
/// is halved `twos` times. Returns false if that has more twos than are looked for.
///
/// Secret: everything, if it passes. Public: the lengths. Leaks: nothing else.
fn prepare(
    candidate: Modulus<'_>,
    one: &mut [Word],
    minus_one: &mut [Word],
    odd: &mut [Word],
    twos: &mut Word,
    mut scratch: Scratch<'_>,
) -> Result<bool, Fault> {
    let mut multiplier = Multiplier::new(candidate, &mut scratch)?;
    one.fill(0);
    *one.first_mut().ok_or(Fault)? = 1;
    multiplier.enter(one)?;
    multiplier.normalize(one);
    copy(minus_one, candidate.value())?;
    words::sub(minus_one, one);

    // Halved while it is even, equally often for every candidate.
    copy(odd, candidate.value())?;
    *twos = 0;
    let mut even = Mask::public(true);
    for _ in 0..TWOS {
        words::shr1_if(even, odd);
        *twos = even.select_word(*twos + 1, *twos);
        even &= !words::is_odd(odd);
    }
    Ok(!even.declassify())
}

/// Returns true if `p` and `q` differ in their first 100 bits by more than a carry: `|p - q| >=
/// 2^(bits - 100)`.
///
/// Secret: `p`, `q`. Leaks: nothing.
pub(super) fn far_apart(p: &[Word], q: &[Word], mut scratch: Scratch<'_>) -> Result<Mask, Fault> {
    let [difference, opposite] = scratch.numbers(p.len())?;
    copy(difference, p)?;
    copy(opposite, q)?;
    let negative = Mask::from_bit(words::sub(difference, q) as u32);
    words::sub(opposite, p);
    for (x, y) in difference.iter_mut().zip(opposite.iter()) {
        *x = negative.select_word(*y, *x);
    }
    // Of the first 128 bits, all but the last 28.
    let first = difference
        .last_chunk_mut::<{ U128::LIMBS }>()
        .ok_or(Fault)?;
    *first.first_mut().ok_or(Fault)? >>= 28;
    Ok(!words::is_zero(first))
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
    use crypto_primes::Flavor;
    use getrandom::SysRng;

    use super::*;
    use crate::rng::{Erased, NoGenerator};

    const LIMBS: usize = U128::LIMBS;

    fn judge(candidate: &U128) -> bool {
        let mut area = [7; 30 * LIMBS];
        let (mut system, candidate) = (SysRng, candidate.to_words());
        let mut rng = Erased(&mut system);
        let mut test = MillerRabin::START;
        Scratch::over(&mut area, &mut rng)
            .finish(&mut |scratch| test.step(&candidate, 40, scratch))
            .unwrap()
    }

    #[test]
    fn agrees_with_crypto_primes() {
        let mut primes = 0;
        for _ in 0..4000 {
            let mut words = [0; LIMBS];
            draw(&mut Erased(&mut SysRng), &mut words).unwrap();
            let number = U128::from_words(words);
            let value = u128::from(number);
            assert!(value & 1 == 1 && (value >> 64) as u64 > SQRT_2);
            let prime = crypto_primes::is_prime(Flavor::Any, &number);
            assert_eq!(judge(&number), prime, "{value}");
            primes += usize::from(prime);
        }
        assert!(primes > 20, "{primes}");
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
            let [there, back] = [(p, q), (q, p)].map(|(a, b)| {
                let mut area = [7; 2 * LIMBS];
                let apart = far_apart(&a, &b, Scratch::over(&mut area, &mut NoGenerator));
                apart.unwrap().declassify()
            });
            assert_eq!(there, back);
            there
        };
        let p = u128::MAX;
        assert!(!apart(p, p));
        assert!(!apart(p, p - (1 << 28) + 1));
        assert!(apart(p, p - (1 << 28)));
        assert!(apart(p, 0));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_drawn_bytes_are_wiped() {
        use crate::secret::left::{self, Counting};

        let mut number = std::boxed::Box::new([0; 4 * LIMBS]);
        // Large enough at once.
        let mut rng = std::boxed::Box::new(Counting(1));
        let found = left::on_the_stack(&[("drawn", Counting(1).bytes(64)[1..63].to_vec())], || {
            draw(&mut Erased(&mut *rng), &mut *number).unwrap();
        });
        assert_eq!(found, [""; 0]);
        assert_eq!(number.last().unwrap() >> (Word::BITS - 16), 0xf6bf);
    }
}
