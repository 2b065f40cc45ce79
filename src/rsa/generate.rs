// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates keys from probable primes (FIPS 186-5 appendix A.1.3), with `e = 65537`.

use crypto_bigint::Word;
use zeroize::Zeroize;

use super::crt::Places;
use super::mont::{Modulus, Multiplier};
use super::product::mul_wide;
use super::residue::{E, invert_e};
use super::scratch::{self, Scratch, with_scratch};
use super::sieve::Sieve;
use super::{GenerateError, ModulusSize, PrivateKey, prime, words};
use crate::burn::{self, burning};
use crate::ct::declassify_words;
use crate::hardened::{Fault, copy};
use crate::rng::{Erased, Generator, Watched};

/// An event during key generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Progress {
    /// One more candidate is being tested.
    Candidate,
    /// A prime was found; two make a key.
    Prime,
}

impl PrivateKey {
    /// Generates a key with `e = 65537` from probable primes (FIPS 186-5 appendix A.1.3).
    ///
    /// Secret: the key, what `rng` draws. Public: `size`, how many candidates fail and which of the checks.
    /// Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`GenerateError`].
    pub fn generate<R: Generator + ?Sized>(
        size: ModulusSize,
        rng: &mut R,
    ) -> Result<Self, GenerateError> {
        Self::generate_with_progress(size, rng, &mut |_| ())
    }

    /// Generates a key as [`generate`](Self::generate) does, and calls `progress` for each
    /// candidate, of which there are some hundreds for a key, and for each prime.
    ///
    /// Secret: the key, what `rng` draws. Public: `size`, how many candidates fail and which of the checks.
    /// Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`GenerateError`].
    pub fn generate_with_progress<R: Generator + ?Sized>(
        size: ModulusSize,
        rng: &mut R,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, GenerateError> {
        burning::<{ burn::RSA_KEY }, _>(move || {
            let mut key = Self::zeroed();
            key.make(size, &mut Erased(rng), progress)?;
            Ok(key)
        })
    }

    /// Generates in place what [`generate`](Self::generate) generates.
    pub(crate) fn make(
        &mut self,
        size: ModulusSize,
        rng: &mut dyn Watched,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), GenerateError> {
        let made = with_scratch::<{ scratch::KEY }, _>(size, rng, &mut |mut scratch| {
            for _ in 0..ATTEMPTS {
                // The appendix gives up after this many candidates.
                let Places { p, q, .. } = self.secret.places(size)?;
                find(size, 5 * size.bits(), progress, p, scratch.lend())?;
                find(size, 10 * size.bits(), progress, q, scratch.lend())?;
                // The chance that they are too close is 2^-99, and that d is too small 2^-1023. Then
                // start over.
                if prime::far_apart(p, q, scratch.lend())?.declassify()
                    && self.assemble(size, scratch.lend())?
                {
                    return Ok(());
                }
            }
            Err(GenerateError::Exhausted)
        });
        if made.is_err() {
            self.secret.zeroize();
        }
        made
    }

    /// Computes the rest of the key from its primes, and checks it as an import does. Returns false if
    /// `d` is not above `2^(bits / 2)`.
    #[inline(never)]
    fn assemble(&mut self, size: ModulusSize, mut scratch: Scratch<'_>) -> Result<bool, Fault> {
        let Places {
            d,
            p,
            q,
            dp,
            dq,
            coefficient,
        } = self.secret.places(size)?;
        copy(dp, p)?;
        copy(dq, q)?;
        words::take_word(dp, 1);
        words::take_word(dq, 1);
        {
            // d is the inverse modulo lcm(p - 1, q - 1) = (p - 1) (q - 1) / gcd(p - 1, q - 1).
            let mut scratch = scratch.lend();
            let (divisor, other) = (scratch.take(p.len())?, scratch.take(p.len())?);
            copy(divisor, dp)?;
            copy(other, dq)?;
            words::gcd(divisor, other, &mut scratch);
            let (quotient, remainder) = (scratch.take(p.len())?, other);
            copy(quotient, dp)?;
            words::div_rem(quotient, remainder, divisor, &mut scratch);
            mul_wide(d, quotient, dq)?;
        }
        invert_e(d);
        invert_e(dp);
        invert_e(dq);
        let (_, d_high) = d.split_at_checked(p.len()).ok_or(Fault)?;
        if words::is_zero(d_high).declassify() {
            return Ok(false);
        }

        {
            // 1/q = q^(p - 2) mod p, and p is prime.
            let mut scratch = scratch.lend();
            let (exponent, r2) = (scratch.take(p.len())?, scratch.take(p.len())?);
            let modulus = Modulus::new(p, r2, scratch.lend())?.ok_or(Fault)?;
            let mut multiplier = Multiplier::new(modulus, &mut scratch)?;
            copy(exponent, p)?;
            words::take_word(exponent, 2);
            copy(coefficient, q)?;
            multiplier.enter(coefficient)?;
            multiplier.pow(coefficient, exponent, scratch)?;
            multiplier.leave(coefficient)?;
        }

        {
            // Only the product of the primes becomes public.
            let mut scratch = scratch.lend();
            let n = scratch.take(d.len())?;
            mul_wide(n, p, q)?;
            declassify_words(n);
            let mut bytes = [0; ModulusSize::MAX_BYTES];
            let bytes = size.front(&mut bytes)?;
            words::to_be_bytes(bytes, n)?;
            { self.public.set(bytes, &E.to_be_bytes()) }.map_err(|_| Fault)?;
        }
        self.secret
            .finish(&self.public, scratch)
            .map_err(|_| Fault)?;
        Ok(true)
    }
}

/// How often two primes are drawn.
const ATTEMPTS: u32 = 4;

/// Returns the rounds of the Miller-Rabin test for each prime (FIPS 186-5 table B.1): a composite
/// number passes with a chance below 2^-112, 2^-128 and 2^-144.
const fn rounds(size: ModulusSize) -> u32 {
    match size {
        ModulusSize::Rsa2048 => 5,
        ModulusSize::Rsa3072 | ModulusSize::Rsa4096 => 4,
    }
}

/// Finds a prime `p` with `p - 1` coprime to `e`, which is prime: `p` must not leave 1.
///
/// Secret: `out`. Public: how many candidates fail, and in which check. Leaks: nothing else.
#[inline(never)]
fn find(
    size: ModulusSize,
    candidates: u32,
    progress: &mut dyn FnMut(Progress),
    out: &mut [Word],
    mut scratch: Scratch<'_>,
) -> Result<(), GenerateError> {
    let start = scratch.take(out.len())?;
    let mut left = candidates;
    loop {
        prime::draw(scratch.rng(), start)?;
        let mut sieve = Sieve::new(start, scratch.rng());
        // A start that leaves nothing counts as a candidate too.
        left = left.checked_sub(1).ok_or(GenerateError::Exhausted)?;
        while let Some(position) = sieve.next() {
            left = left.checked_sub(1).ok_or(GenerateError::Exhausted)?;
            copy(out, start)?;
            words::add_word(out, 2 * Word::from(position));
            progress(Progress::Candidate);
            if prime::is_probably_prime(out, rounds(size), scratch.lend())? {
                progress(Progress::Prime);
                return Ok(());
            }
        }
    }
}
