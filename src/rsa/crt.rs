// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private operation by the Chinese remainder theorem (RFC 8017 section 5.1.2), blinded and
//! checked.

use crypto_bigint::{U2048, Word};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::error::Failure;
use super::mont::{Modulus, Multiplier};
use super::product::mul_wide;
use super::scratch::{Scratch, words_len};
use super::{ModulusSize, PublicKey, blind, words};
use crate::hardened::{Fault, Verdict, copy};

/// The lengths of the private numbers, in halves of the modulus: d; for p and for q the prime, `R^2`
/// modulo it and `d` modulo the prime less one; the coefficient.
const LENGTHS: [usize; 8] = [2, 1, 1, 1, 1, 1, 1, 1];

/// The private numbers of a key of any size, one after another. Wiped when dropped.
pub(super) struct Crt([[Word; U2048::LIMBS]; 9]);

/// The private numbers of one key.
pub(super) struct Private<'k> {
    pub(super) d: &'k [Word],
    pub(super) p: Half<'k>,
    pub(super) q: Half<'k>,
    /// `1/q` modulo `p`.
    pub(super) coefficient: &'k [Word],
}

/// A prime, and `d` modulo the prime less one.
pub(super) struct Half<'k> {
    pub(super) prime: Modulus<'k>,
    pub(super) exponent: &'k [Word],
}

/// Where the numbers of a new key go. What multiplying needs besides is computed from them.
pub(super) struct Places<'k> {
    pub(super) d: &'k mut [Word],
    pub(super) p: &'k mut [Word],
    pub(super) q: &'k mut [Word],
    pub(super) dp: &'k mut [Word],
    pub(super) dq: &'k mut [Word],
    pub(super) coefficient: &'k mut [Word],
}

impl Crt {
    pub(super) const fn zeroed() -> Self {
        Self([[0; U2048::LIMBS]; 9])
    }

    /// Returns the places for the numbers of a key of this size.
    pub(super) fn places(&mut self, size: ModulusSize) -> Result<Places<'_>, Fault> {
        let [d, p, _, dp, q, _, dq, coefficient] = self.split_mut(size)?;
        Ok(Places {
            d,
            p,
            q,
            dp,
            dq,
            coefficient,
        })
    }

    /// Raises `from`, a big-endian number below the modulus, to the private exponent, and writes
    /// the result to `to`. Both have as many bytes as the modulus. On failure `to` is zeros.
    ///
    /// Secret: the key, `to`. Public: `from`. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn apply(
        &self,
        key: &PublicKey,
        from: &[u8],
        to: &mut [u8],
        mut scratch: Scratch<'_>,
    ) -> Result<(), Failure> {
        to.fill(0);
        let private = self.private(key.size())?;
        let len = private.d.len();
        let (n, r2) = (scratch.take(len)?, scratch.take(len)?);
        words::from_be_bytes(n, key.modulus())?;
        let x = scratch.take(len)?;
        words::from_be_bytes(x, from)?;
        if !words::lt(x, n).declassify() {
            return Err(Failure::TooLarge);
        }

        let modulus = Modulus::new(n, r2, scratch.lend())?.ok_or(Fault)?;
        let mut multiplier = Multiplier::new(modulus, &mut scratch)?;
        let (factor, inverse) = (scratch.take(len)?, scratch.take(len)?);
        blind::draw(key, &mut multiplier, factor, inverse, scratch.lend())?;
        multiplier.mul(x, factor)?;
        multiplier.normalize(x);

        let y = scratch.take(len)?;
        scratch.tick();
        private.power(y, x, scratch.lend())?;
        scratch.tick();

        // With the result of a fault in one half of the computation, anyone could factor the
        // modulus (Boneh, DeMillo, Lipton). So the result is checked before it leaves.
        let check = factor;
        copy(check, y)?;
        multiplier.enter(check)?;
        key.power(&mut multiplier, check, scratch.lend())?;
        multiplier.leave(check)?;
        scratch.tick();
        // From here on it is public whether the computation was right.
        Verdict::twice(|| words::eq(check, x)).or(Failure::Fault)?;

        multiplier.mul(y, inverse)?;
        multiplier.normalize(y);
        words::to_be_bytes(to, y)?;
        Ok(())
    }

    /// Returns the numbers of a key of this size.
    pub(super) fn private(&self, size: ModulusSize) -> Result<Private<'_>, Fault> {
        let mut rest = self.0.as_flattened();
        let half = words_len(size) >> 1;
        let mut parts = [&[][..]; LENGTHS.len()];
        for (part, length) in parts.iter_mut().zip(LENGTHS) {
            *part = rest.split_off(..length * half).ok_or(Fault)?;
        }
        let [d, p, p_r2, dp, q, q_r2, dq, coefficient] = parts;
        Ok(Private {
            d,
            p: Half {
                prime: Modulus::with_r2(p, p_r2)?,
                exponent: dp,
            },
            q: Half {
                prime: Modulus::with_r2(q, q_r2)?,
                exponent: dq,
            },
            coefficient,
        })
    }

    pub(super) fn split_mut(
        &mut self,
        size: ModulusSize,
    ) -> Result<[&mut [Word]; LENGTHS.len()], Fault> {
        let mut rest = self.0.as_flattened_mut();
        let half = words_len(size) >> 1;
        let mut parts = LENGTHS.map(|_| &mut [][..]);
        for (part, length) in parts.iter_mut().zip(LENGTHS) {
            *part = rest.split_off_mut(..length * half).ok_or(Fault)?;
        }
        Ok(parts)
    }
}

impl Private<'_> {
    /// Computes `out = x^d`, below `n`, for `x` below `n`: Garner's formula `y = yq + q (1/q (yp -
    /// yq) mod p)`.
    #[inline(never)]
    fn power(&self, out: &mut [Word], x: &[Word], mut scratch: Scratch<'_>) -> Result<(), Fault> {
        #[cfg(test)]
        tests::see(x);
        let (p, q) = (self.p.prime, self.q.prime);
        let (high, low) = (
            scratch.take(p.value().len())?,
            scratch.take(p.value().len())?,
        );
        self.p.power(high, x, scratch.lend())?;
        self.q.power(low, x, scratch.lend())?;
        scratch.tick();

        // low < q < R < 2p: one subtraction brings it below p, and one addition what is negative above 0.
        let reduced = scratch.take(low.len())?;
        copy(reduced, low)?;
        let mut multiplier = Multiplier::new(p, &mut scratch)?;
        multiplier.normalize(reduced);
        let negative = words::lt(high, reduced);
        words::sub(high, reduced);
        words::add_if(negative, high, p.value());
        copy(reduced, self.coefficient)?;
        multiplier.enter(reduced)?;
        multiplier.mul(high, reduced)?;
        multiplier.normalize(high);

        // yq < q and the multiple of q is at most p - 1: the sum is below n.
        mul_wide(out, high, q.value())?;
        let (front, back) = out.split_at_mut_checked(low.len()).ok_or(Fault)?;
        let carry = words::add(front, low);
        words::add_word(back, carry);
        Ok(())
    }
}

impl Half<'_> {
    /// Computes `out = x^exponent`, below the prime, for an `x` of double width.
    fn power(&self, out: &mut [Word], x: &[Word], mut scratch: Scratch<'_>) -> Result<(), Fault> {
        let mut multiplier = Multiplier::new(self.prime, &mut scratch)?;
        multiplier.enter_wide(out, x)?;
        scratch.tick();
        multiplier.pow(out, self.exponent, scratch)?;
        multiplier.leave(out)
    }
}

impl Zeroize for Crt {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for Crt {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Crt {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use core::cell::RefCell;
    use std::vec::Vec;

    use crypto_bigint::U2048;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::rsa::{PrivateKey, pkcs1v15};

    std::thread_local! {
        static BASES: RefCell<Vec<Vec<Word>>> = const { RefCell::new(Vec::new()) };
    }

    /// Keeps what is raised to the private exponent.
    pub(super) fn see(base: &[Word]) {
        BASES.with_borrow_mut(|bases| bases.push(base.to_vec()));
    }

    /// The result does not show whether the base was blinded.
    #[test]
    fn the_base_is_blinded_anew_each_time() {
        let der = include_bytes!("../../tests/vectors/rsa/keys/2048.pkcs8.der");
        let key = PrivateKey::from_pkcs8_der(der).unwrap();
        let mut block = [0; 256];
        pkcs1v15::encode(&mut block, b"a message").unwrap();
        let mut bare = [0; U2048::LIMBS];
        words::from_be_bytes(&mut bare, &block).unwrap();
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        BASES.take();
        for _ in 0..3 {
            key.sign_pkcs1v15_sha256(b"a message", &mut rng, &mut block)
                .unwrap();
        }
        let bases = BASES.take();
        assert_eq!(bases.len(), 3);
        for (place, base) in bases.iter().enumerate() {
            assert!(
                !bases[..place].contains(base) && base.as_slice() != bare,
                "{place}"
            );
        }
    }
}
