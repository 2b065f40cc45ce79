// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private operation by the Chinese remainder theorem (RFC 8017 section 5.1.2), blinded and
//! checked, in steps.

use core::task::Poll;

use crypto_bigint::Word;

use super::blind::Blinding;
use super::crt::{Crt, Half, Private};
use super::error::Failure;
use super::mont::{Modulus, Multiplier, Power, SquareOfR};
use super::product::mul_wide;
use super::public::PublicPower;
use super::scratch::{Scratch, words_len};
use super::{PublicKey, words};
use crate::hardened::{Fault, Verdict, copy};

/// How far an operation is.
pub(super) struct Operation(Stage);

#[derive(Clone, Copy)]
enum Stage {
    SquareOfR(SquareOfR),
    Blinding(Blinding),
    Blind,
    PowerP(Power),
    PowerQ(Power),
    Join,
    Check(PublicPower),
    Leave,
    Release,
}

impl Operation {
    /// Begins to raise `from`, a big-endian number below the modulus, to the private exponent. It has as
    /// many bytes as the modulus.
    ///
    /// Public: everything.
    pub(super) fn begin(
        key: &PublicKey,
        from: &[u8],
        mut scratch: Scratch<'_>,
    ) -> Result<Self, Failure> {
        let [n, x] = scratch.numbers(words_len(key.size()))?;
        words::from_be_bytes(n, key.modulus())?;
        words::from_be_bytes(x, from)?;
        if !words::lt(x, n).declassify() {
            return Err(Failure::TooLarge);
        }
        Ok(Self(Stage::SquareOfR(SquareOfR::START)))
    }

    /// Takes the next step. The last writes the result to `to`, which has as many bytes as the modulus.
    ///
    /// Secret: the key, `to`. Public: the number that was begun with. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        key: &PublicKey,
        secret: &Crt,
        to: &mut [u8],
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, Failure> {
        let [n, x, r2, factor, inverse, y] = scratch.numbers(words_len(key.size()))?;
        if let Stage::SquareOfR(mut square) = self.0 {
            let modulus = Modulus::new(n, &[]).ok_or(Fault)?;
            self.0 = match square.step(modulus, r2, scratch)? {
                Poll::Pending => Stage::SquareOfR(square),
                Poll::Ready(()) => Stage::Blinding(Blinding::Draw),
            };
            return Ok(Poll::Pending);
        }
        let modulus = Modulus::new(n, r2).ok_or(Fault)?;
        let mut multiplier = Multiplier::new(modulus, &mut scratch)?;
        let private = secret.private(key.size())?;
        self.0 = match self.0 {
            Stage::SquareOfR(_) => return Err(Failure::Fault),
            Stage::Blinding(mut blinding) => {
                match blinding.step(key, &mut multiplier, factor, inverse, scratch)? {
                    Poll::Pending => Stage::Blinding(blinding),
                    Poll::Ready(()) => Stage::Blind,
                }
            }
            Stage::Blind => {
                multiplier.mul(x, factor)?;
                multiplier.normalize(x);
                #[cfg(test)]
                tests::see(x);
                Stage::PowerP(Power::START)
            }
            Stage::PowerP(mut power) => {
                let [high, _] = scratch.numbers(y.len() >> 1)?;
                match private.p.power(&mut power, high, x, scratch)? {
                    Poll::Pending => Stage::PowerP(power),
                    Poll::Ready(()) => Stage::PowerQ(Power::START),
                }
            }
            Stage::PowerQ(mut power) => {
                let [_, low] = scratch.numbers(y.len() >> 1)?;
                match private.q.power(&mut power, low, x, scratch)? {
                    Poll::Pending => Stage::PowerQ(power),
                    Poll::Ready(()) => Stage::Join,
                }
            }
            Stage::Join => {
                private.join(y, scratch)?;
                // With the result of a fault in one half of the computation, anyone could factor the
                // modulus (Boneh, DeMillo, Lipton). So the result is checked before it leaves.
                copy(factor, y)?;
                multiplier.enter(factor)?;
                Stage::Check(PublicPower::START)
            }
            Stage::Check(mut power) => match power.step(key, &mut multiplier, factor, scratch)? {
                Poll::Pending => Stage::Check(power),
                Poll::Ready(()) => Stage::Leave,
            },
            Stage::Leave => {
                multiplier.leave(factor)?;
                Stage::Release
            }
            Stage::Release => {
                // From here on it is public whether the computation was right.
                Verdict::twice(|| words::eq(factor, x)).or(Failure::Fault)?;

                multiplier.mul(y, inverse)?;
                multiplier.normalize(y);
                words::to_be_bytes(to, y)?;
                return Ok(Poll::Ready(()));
            }
        };
        Ok(Poll::Pending)
    }
}

impl Half<'_> {
    /// Takes the next step of `out = x^exponent`, below the prime, for an `x` of double width.
    fn power(
        &self,
        power: &mut Power,
        out: &mut [Word],
        x: &[Word],
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, Fault> {
        let mut multiplier = Multiplier::new(self.prime, &mut scratch)?;
        if power.is_at_start() {
            multiplier.enter_wide(out, x)?;
        }
        let done = power.step(&mut multiplier, out, self.exponent, scratch)?;
        if done.is_ready() {
            multiplier.leave(out)?;
        }
        Ok(done)
    }
}

impl Private<'_> {
    /// Computes `out` from the results modulo the two primes, which [`Half::power`] left: Garner's formula
    /// `y = yq + q (1/q (yp - yq) mod p)`, below `n`.
    fn join(&self, out: &mut [Word], mut scratch: Scratch<'_>) -> Result<(), Fault> {
        let (p, q) = (self.p.prime, self.q.prime);
        let [high, low, reduced] = scratch.numbers(p.value().len())?;
        // low < q < R < 2p: one subtraction brings it below p, and one addition what is negative above 0.
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
