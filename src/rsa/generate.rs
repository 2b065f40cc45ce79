// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates keys from probable primes (FIPS 186-5 appendix A.1.3), with `e = 65537`.

use crypto_bigint::{U1024, U1536, U2048, U3072, U4096, WideWord, Word};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::crt::Numbers;
use super::mont::{self, Modulus, Multiplier};
use super::private::burning_key;
use super::{GenerateError, ModulusSize, PrivateKey, PublicKey, prime, words};
use crate::ct::{self, Mask};
use crate::hardened::Fault;

/// An event during key generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// One more candidate is being tested.
    Candidate,
    /// A prime was found; two make a key.
    Prime,
}

/// The public exponent: a prime.
const E: u32 = 65537;

impl PrivateKey {
    /// Generates a key with `e = 65537` from probable primes (FIPS 186-5 appendix A.1.3).
    ///
    /// Secret: the key, what `rng` draws. Public: `size`, how many candidates fail and which of the checks.
    /// Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`GenerateError`].
    pub fn generate<R: TryCryptoRng + ?Sized>(
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
    pub fn generate_with_progress<R: TryCryptoRng + ?Sized>(
        size: ModulusSize,
        rng: &mut R,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, GenerateError> {
        burning_key(size, move || match size {
            ModulusSize::Rsa2048 => {
                key::<{ U1024::LIMBS }, { U2048::LIMBS }, R>(size, rng, progress)
            }
            ModulusSize::Rsa3072 => {
                key::<{ U1536::LIMBS }, { U3072::LIMBS }, R>(size, rng, progress)
            }
            ModulusSize::Rsa4096 => {
                key::<{ U2048::LIMBS }, { U4096::LIMBS }, R>(size, rng, progress)
            }
        })
    }
}

/// Returns the rounds of the Miller-Rabin test for each prime (FIPS 186-5 table B.1): a composite
/// number passes with a chance below 2^-112, 2^-128 and 2^-144.
const fn rounds(size: ModulusSize) -> u32 {
    match size {
        ModulusSize::Rsa2048 => 5,
        ModulusSize::Rsa3072 | ModulusSize::Rsa4096 => 4,
    }
}

fn key<const P: usize, const N: usize, R: TryCryptoRng + ?Sized>(
    size: ModulusSize,
    rng: &mut R,
    progress: &mut dyn FnMut(Progress),
) -> Result<PrivateKey, GenerateError> {
    loop {
        let mut p = Zeroizing::new([0; P]);
        let mut q = Zeroizing::new([0; P]);
        // The appendix gives up after this many candidates.
        find(size, 5 * size.bits(), rng, progress, &mut p)?;
        find(size, 10 * size.bits(), rng, progress, &mut q)?;
        // The chance that they are too close is 2^-99, and that d is too small 2^-1023. Then start
        // over.
        if prime::far_apart(&p, &q)?.declassify()
            && let Some(key) = assemble::<P, N>(&p, &q)?
        {
            return Ok(key);
        }
    }
}

/// Finds a prime `p` with `p - 1` coprime to `e`.
///
/// Secret: `out`. Public: how many candidates fail, and in which check. Leaks: nothing else.
#[inline(never)]
fn find<const P: usize, R: TryCryptoRng + ?Sized>(
    size: ModulusSize,
    candidates: u32,
    rng: &mut R,
    progress: &mut dyn FnMut(Progress),
    out: &mut [Word; P],
) -> Result<(), GenerateError> {
    for _ in 0..candidates {
        prime::candidate(rng, out)?;
        // e is prime, so it shares a factor with p - 1 exactly if it divides it.
        let residue = order_mod_e(out);
        if prime::has_small_divisor(out) || Mask::is_zero(residue).declassify() {
            continue;
        }
        // Odd, and with its top bit set.
        let modulus = Modulus::new(out)?.ok_or(Fault)?;
        progress(Progress::Candidate);
        if prime::is_probably_prime(rng, &modulus, rounds(size))? {
            progress(Progress::Prime);
            return Ok(());
        }
    }
    Err(GenerateError::Exhausted)
}

/// Computes the rest of the key in the form of an encoding, and reads it with all the checks of an
/// import. `None` if `d` is not above `2^(bits / 2)`.
#[inline(never)]
fn assemble<const P: usize, const N: usize>(
    p: &[Word; P],
    q: &[Word; P],
) -> Result<Option<PrivateKey>, Fault> {
    let mut n = [0; N];
    mont::mul_wide(&mut n, p, q)?;
    // Only the product of the primes becomes public.
    let n = ct::declassify_words(n);

    let (p_order, q_order) = (order(p), order(q));
    let mut dp = Zeroizing::new(*p_order);
    let mut dq = Zeroizing::new(*q_order);
    invert_e(&mut *dp);
    invert_e(&mut *dq);

    // d is the inverse modulo lcm(p - 1, q - 1) = (p - 1) (q - 1) / gcd(p - 1, q - 1).
    let mut divisor = Zeroizing::new(*p_order);
    words::gcd(&mut *divisor, &mut *Zeroizing::new(*q_order));
    let mut quotient = Zeroizing::new(*p_order);
    words::div_rem(&mut *quotient, &mut *Zeroizing::new([0; P]), &*divisor);
    let mut d = Zeroizing::new([0; N]);
    mont::mul_wide(&mut *d, &*quotient, &*q_order)?;
    invert_e(&mut *d);
    let (_, d_high) = d.split_at_checked(P).ok_or(Fault)?;
    if words::is_zero(d_high).declassify() {
        return Ok(None);
    }

    // 1/q = q^(p - 2) mod p, and p is prime.
    let modulus = Modulus::new(p)?.ok_or(Fault)?;
    let mut multiplier = Multiplier::new(&modulus);
    let mut exponent = Zeroizing::new(*p);
    words::take_word(&mut *exponent, 2);
    let mut coefficient = Zeroizing::new(*q);
    multiplier.enter(&mut coefficient)?;
    multiplier.pow(&mut coefficient, &*exponent)?;
    multiplier.leave(&mut coefficient)?;

    let n = bytes(&n)?;
    let d = bytes(&d)?;
    let (p, q) = (bytes(p)?, bytes(q)?);
    let (dp, dq) = (bytes(&dp)?, bytes(&dq)?);
    let coefficient = bytes(&coefficient)?;
    let public = PublicKey::new(n.as_flattened(), &E.to_be_bytes()).map_err(|_| Fault)?;
    let numbers = Numbers {
        d: d.as_flattened(),
        p: p.as_flattened(),
        q: q.as_flattened(),
        dp: dp.as_flattened(),
        dq: dq.as_flattened(),
        coefficient: coefficient.as_flattened(),
    };
    let key = PrivateKey::new(public, &numbers).map_err(|_| Fault)?;
    Ok(Some(key))
}

/// Replaces an even `m` that `e` does not divide by `1/e` modulo `m`.
///
/// With `k = -1/m mod e`, the number `1 + k m` is a multiple of `e`, and its quotient `x`, below `m`,
/// has `e x = 1 mod m`.
///
/// Secret: `m`. Public: its length. Leaks: nothing else.
fn invert_e(m: &mut [Word]) {
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

/// `1/e` modulo a word, by Newton's iteration.
const INVERSE_OF_E: Word = {
    let (e, mut inverse, mut i) = (E as Word, E as Word, 0);
    while i < 5 {
        inverse = inverse.wrapping_mul((2 as Word).wrapping_sub(e.wrapping_mul(inverse)));
        i += 1;
    }
    inverse
};

/// `p - 1` for an odd `p`.
fn order<const P: usize>(p: &[Word; P]) -> Zeroizing<[Word; P]> {
    let mut order = Zeroizing::new(*p);
    words::take_word(&mut *order, 1);
    order
}

/// `p - 1 mod e`.
fn order_mod_e(p: &[Word]) -> u32 {
    mod_e_sum(mod_e(p), E - 1)
}

/// Returns `x mod e`: `2^16 = -1 mod e`, so 16-bit digits are alternately added and subtracted.
///
/// Secret: `x`. Public: its length. Leaks: nothing else.
fn mod_e(x: &[Word]) -> u32 {
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

/// Returns a number in big-endian bytes, wiped after use.
fn bytes<const L: usize>(words: &[Word; L]) -> Result<Zeroizing<[[u8; words::BYTES]; L]>, Fault> {
    let mut bytes = Zeroizing::new([[0; words::BYTES]; L]);
    words::to_be_bytes(bytes.as_flattened_mut(), words)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::integer_division_remainder_used, clippy::unwrap_used)]
mod tests {
    use super::*;

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
