// SPDX-License-Identifier: MIT OR Apache-2.0
//! Computes a key from its two primes (FIPS 186-5 appendix A.1.1), in steps.

use core::task::Poll;

use super::check::Check;
use super::crt::Places;
use super::divide::{Division, Gcd};
use super::mont::{Modulus, Multiplier, Power, SquareOfR};
use super::product::mul_wide;
use super::residue::{E, invert_e};
use super::scratch::Scratch;
use super::{ModulusSize, PrivateKey, words};
use crate::ct::declassify_words;
use crate::hardened::{Fault, copy};

/// How far a key is.
#[derive(Clone, Copy)]
pub(super) enum Assembly {
    Orders,
    Gcd(Gcd),
    Divide(Division),
    Exponents,
    SquareOfR(SquareOfR),
    Coefficient(Power),
    Modulus,
    Check(Check),
}

impl Assembly {
    pub(super) const START: Self = Self::Orders;

    /// Takes the next step of computing the rest of `key` from its primes, and of checking it as an import
    /// does. Ends with false if `d` is not above `2^(bits / 2)`.
    ///
    /// Secret: the key. Public: its size, the public key. Leaks: whether `d` is too small.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        key: &mut PrivateKey,
        size: ModulusSize,
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<bool>, Fault> {
        if let Self::Check(check) = self {
            let checked = check.step(&key.public, &mut key.secret, scratch);
            return Ok(checked.map_err(|_| Fault)?.map(|()| true));
        }
        let Places {
            d,
            p,
            q,
            dp,
            dq,
            coefficient,
        } = key.secret.places(size)?;
        let [divisor, quotient, remainder, r2] = scratch.numbers(p.len())?;
        *self = match *self {
            Self::Orders => {
                for (order, prime) in [(&mut *dp, &*p), (&mut *dq, &*q)] {
                    copy(order, prime)?;
                    words::take_word(order, 1);
                }
                copy(divisor, dp)?;
                copy(remainder, dq)?;
                Self::Gcd(Gcd::START)
            }
            // d is the inverse modulo lcm(p - 1, q - 1) = (p - 1) (q - 1) / gcd(p - 1, q - 1).
            Self::Gcd(mut gcd) => {
                let twos = scratch.take(1)?.first_mut().ok_or(Fault)?;
                match gcd.step(divisor, remainder, twos) {
                    Poll::Pending => Self::Gcd(gcd),
                    Poll::Ready(()) => {
                        copy(quotient, dp)?;
                        Self::Divide(Division::START)
                    }
                }
            }
            Self::Divide(mut division) => match division.step(quotient, remainder, divisor)? {
                Poll::Pending => Self::Divide(division),
                Poll::Ready(()) => Self::Exponents,
            },
            Self::Exponents => {
                mul_wide(d, quotient, dq)?;
                invert_e(d);
                invert_e(dp);
                invert_e(dq);
                let (_, d_high) = d.split_at_checked(p.len()).ok_or(Fault)?;
                if words::is_zero(d_high).declassify() {
                    return Ok(Poll::Ready(false));
                }
                Self::SquareOfR(SquareOfR::START)
            }
            Self::SquareOfR(mut square) => {
                let modulus = Modulus::new(p, &[]).ok_or(Fault)?;
                match square.step(modulus, r2, scratch.lend())? {
                    Poll::Pending => Self::SquareOfR(square),
                    Poll::Ready(()) => {
                        let modulus = Modulus::new(p, r2).ok_or(Fault)?;
                        copy(coefficient, q)?;
                        Multiplier::new(modulus, &mut scratch)?.enter(coefficient)?;
                        Self::Coefficient(Power::START)
                    }
                }
            }
            // 1/q = q^(p - 2) mod p, and p is prime.
            Self::Coefficient(mut power) => {
                let exponent = divisor;
                copy(exponent, p)?;
                words::take_word(exponent, 2);
                let modulus = Modulus::new(p, r2).ok_or(Fault)?;
                let mut multiplier = Multiplier::new(modulus, &mut scratch)?;
                match power.step(&mut multiplier, coefficient, exponent, scratch)? {
                    Poll::Pending => Self::Coefficient(power),
                    Poll::Ready(()) => {
                        multiplier.leave(coefficient)?;
                        Self::Modulus
                    }
                }
            }
            Self::Modulus => {
                // Only the product of the primes becomes public.
                let n = scratch.take(d.len())?;
                mul_wide(n, p, q)?;
                declassify_words(n);
                let mut bytes = [0; ModulusSize::MAX_BYTES];
                let bytes = size.front(&mut bytes)?;
                words::to_be_bytes(bytes, n)?;
                { key.public.set(bytes, &E.to_be_bytes()) }.map_err(|_| Fault)?;
                Self::Check(Check::START)
            }
            Self::Check(_) => return Err(Fault),
        };
        Ok(Poll::Pending)
    }
}
