// SPDX-License-Identifier: MIT OR Apache-2.0
//! Public keys and the public operation (RFC 8017 sections 3.1 and 5.1.1).

use core::fmt;
use core::task::Poll;

use crypto_bigint::Word;

use super::mont::{Modulus, Multiplier, SquareOfR};
use super::oaep::Seed;
use super::scratch::{self, Scratch, ready_if, with_scratch, words_len};
use super::{EncryptError, KeyError, ModulusSize, SignatureError};
use super::{oaep, pkcs1v15, words};
use crate::burn::{self, burning};
use crate::ct::{eq_bytes, is_zeros};
use crate::hardened::{Fault, Verdict, copy};
use crate::rng::{self, Erased, Generator, NoGenerator, Watched};
use crate::secret::{Secret, wipe};

/// The length of the largest public exponent, which is below 2^256 as FIPS 186-5 section 5.4
/// requires.
const EXPONENT_MAX: usize = 32;

/// The three sizes are two, three and four times as many bytes.
const UNIT: usize = ModulusSize::MAX_BYTES >> 2;

/// An RSA public key: an odd modulus of an accepted size, and an odd exponent of at least 65537 and
/// below 2^256.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    size: ModulusSize,
    /// Big-endian, followed by zeros: without an allocator, smaller keys cannot take less memory.
    modulus: [[u8; UNIT]; 4],
    exponent: [u8; EXPONENT_MAX],
}

impl PublicKey {
    /// The maximum length that [`to_spki_der`](Self::to_spki_der) writes.
    pub const SPKI_MAX_LEN: usize = ModulusSize::MAX_BYTES + EXPONENT_MAX + 40;

    /// Makes a key from two big-endian integers. The modulus has no leading zeros; those of the
    /// exponent are ignored.
    ///
    /// # Errors
    ///
    /// - [`KeyError::LeadingZero`], [`KeyError::ModulusSize`] or [`KeyError::EvenModulus`]: the
    ///   modulus is refused.
    /// - [`KeyError::SmallExponent`], [`KeyError::LargeExponent`] or [`KeyError::EvenExponent`]:
    ///   the exponent is refused.
    /// - [`KeyError::Fault`]: an internal check failed.
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let mut key = Self::zeroed();
        key.set(modulus, exponent)?;
        Ok(key)
    }

    /// Makes in place what [`new`](Self::new) makes. On failure nothing has changed.
    pub(super) fn set(&mut self, modulus: &[u8], exponent: &[u8]) -> Result<(), KeyError> {
        let (first, last) = match (modulus.first(), modulus.last()) {
            (Some(0), _) if modulus.len() > 1 => return Err(KeyError::LeadingZero),
            (Some(first), Some(last)) => (first, last),
            _ => return Err(KeyError::ModulusSize { bits: 0 }),
        };
        let bits = u32::try_from(modulus.len())
            .unwrap_or(u32::MAX)
            .saturating_mul(8)
            .saturating_sub(first.leading_zeros());
        let size = ModulusSize::from_bits(bits).ok_or(KeyError::ModulusSize { bits })?;
        if last & 1 == 0 {
            return Err(KeyError::EvenModulus);
        }

        let exponent = without_leading_zeros(exponent);
        match exponent {
            [.., last] if last & 1 == 0 => return Err(KeyError::EvenExponent),
            // 65537 is the smallest odd number of three bytes.
            [] | [_] | [_, _] => return Err(KeyError::SmallExponent),
            _ => {}
        }

        let zeros = { EXPONENT_MAX.checked_sub(exponent.len()) }.ok_or(KeyError::LargeExponent)?;
        *self = Self::zeroed();
        self.size = size;
        let place = self.modulus.as_flattened_mut().get_mut(..size.bytes());
        copy(place.ok_or(Fault)?, modulus)?;
        copy(self.exponent.get_mut(zeros..).ok_or(Fault)?, exponent)?;
        Ok(())
    }

    /// Makes what is not yet a key.
    pub(super) const fn zeroed() -> Self {
        Self {
            size: ModulusSize::Rsa2048,
            modulus: [[0; UNIT]; 4],
            exponent: [0; EXPONENT_MAX],
        }
    }

    /// Returns the size of the modulus.
    pub fn size(&self) -> ModulusSize {
        self.size
    }

    /// Returns the modulus, big-endian, with [`ModulusSize::bytes`] bytes.
    pub fn modulus(&self) -> &[u8] {
        let modulus: &[[u8; UNIT]] = match (self.size, &self.modulus) {
            (ModulusSize::Rsa2048, [front @ .., _, _]) => front,
            (ModulusSize::Rsa3072, [front @ .., _]) => front,
            (ModulusSize::Rsa4096, all) => all,
        };
        modulus.as_flattened()
    }

    /// Returns the exponent, big-endian, without leading zeros.
    pub fn exponent(&self) -> &[u8] {
        without_leading_zeros(&self.exponent)
    }

    /// Encrypts `message` with RSAES-OAEP (RFC 8017 section 7.1.1), SHA-256 for hash and MGF1, to
    /// the front of `out`, and returns the ciphertext's length, [`ModulusSize::bytes`].
    ///
    /// A message may have at most 66 bytes less than the modulus. The ciphertext is computed twice
    /// and leaves only if both results agree; on failure that much of `out` is wiped.
    ///
    /// Secret: `message`, what `rng` draws. Public: the key, `label`, the lengths. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`EncryptError`].
    pub fn encrypt_oaep_sha256<R: Generator + ?Sized>(
        &self,
        label: &[u8],
        message: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, EncryptError> {
        burning::<{ burn::RSA_BLOCK }, _>(move || {
            self.encrypt(label, message, &mut Erased(rng), out)
        })
    }

    fn encrypt(
        &self,
        label: &[u8],
        message: &[u8],
        rng: &mut dyn Watched,
        out: &mut [u8],
    ) -> Result<usize, EncryptError> {
        let size = self.size();
        let out = { out.get_mut(..size.bytes()) }.ok_or(EncryptError::BufferTooSmall)?;
        // Zeros stand here until there is a checked ciphertext.
        wipe(out);
        let max = oaep::max_message_len(size);
        if message.len() > max {
            return Err(EncryptError::MessageTooLong { max });
        }
        let mut seed = Seed::zeroed();
        rng::fill(rng, seed.expose_mut())?;
        let encrypted = self.encrypt_checked(&seed, label, message, rng, out);
        if encrypted.is_err() {
            wipe(out);
        }
        encrypted?;
        Ok(size.bytes())
    }

    /// Encrypts to `out`, which is as long as the modulus: computes the result twice, and checks
    /// that both agree and that it is not the encoded message itself.
    fn encrypt_checked(
        &self,
        seed: &Seed,
        label: &[u8],
        message: &[u8],
        watched: &mut dyn Watched,
        out: &mut [u8],
    ) -> Result<(), Fault> {
        let size = self.size();
        let mut block = Secret::zeroed();
        let block = size.front(block.expose_mut())?;
        // These are not ciphertexts until they have been checked.
        let (mut first, mut second) = (Secret::zeroed(), Secret::zeroed());
        let first = size.front(first.expose_mut())?;
        let second = size.front(second.expose_mut())?;
        for ciphertext in [&mut *first, &mut *second] {
            oaep::encode(block, seed, label, message)?;
            self.raise(block, watched, ciphertext)?;
        }
        // From here on it is public whether the computation was right.
        Verdict::twice(|| {
            let ciphertext = eq_bytes(first, second) & !eq_bytes(first, block) & !is_zeros(first);
            ciphertext & !is_zeros(seed.expose())
        })
        .or(Fault)?;
        copy(out, first)?;
        Verdict::twice(|| eq_bytes(out, second)).or(Fault)
    }

    /// Verifies an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2.2) with SHA-256. All is public.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if the signature does not verify.
    pub fn verify_pkcs1v15_sha256(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        // Both have the same length, so their bytes compare like the numbers.
        let size = self.size();
        if signature.len() != size.bytes() || signature >= self.modulus() {
            return Err(SignatureError);
        }
        let (mut block, mut expected) = ([0; ModulusSize::MAX_BYTES], [0; ModulusSize::MAX_BYTES]);
        let (block, expected) = (size.front(&mut block)?, size.front(&mut expected)?);
        self.raise(signature, &mut NoGenerator, block)?;
        pkcs1v15::encode(expected, message)?;
        Verdict::twice(|| eq_bytes(block, expected)).or(SignatureError)
    }

    /// Raises `from`, a big-endian number, to the public exponent, and writes the result to `to`.
    /// Both have as many bytes as the modulus.
    ///
    /// Secret: `from`. Public: the key. Leaks: nothing else.
    pub(super) fn raise(
        &self,
        from: &[u8],
        watched: &mut dyn Watched,
        to: &mut [u8],
    ) -> Result<(), Fault> {
        with_scratch::<{ scratch::PUBLIC }, _>(self.size(), watched, &mut |scratch| {
            self.raise_in(from, to, scratch)
        })
    }

    fn raise_in(&self, from: &[u8], to: &mut [u8], mut scratch: Scratch<'_>) -> Result<(), Fault> {
        let [n, r2, x] = scratch.numbers(words_len(self.size()))?;
        words::from_be_bytes(n, self.modulus())?;
        let mut square = SquareOfR::START;
        scratch.finish(&mut |scratch| {
            let modulus = Modulus::new(n, &[]).ok_or(Fault)?;
            square.step(modulus, r2, scratch)
        })?;
        let modulus = Modulus::new(n, r2).ok_or(Fault)?;
        let mut multiplier = Multiplier::new(modulus, &mut scratch)?;
        words::from_be_bytes(x, from)?;
        multiplier.enter(x)?;
        let mut power = PublicPower::START;
        scratch.finish(&mut |scratch| power.step(self, &mut multiplier, x, scratch))?;
        multiplier.leave(x)?;
        words::to_be_bytes(to, x)
    }
}

/// How far a power with the public exponent is: how many of its bits are done, after the first.
#[derive(Clone, Copy)]
pub(super) struct PublicPower(u32);

impl PublicPower {
    pub(super) const START: Self = Self(0);

    /// Takes the next step of `x = x^e`, in Montgomery's form: a bit of the exponent.
    ///
    /// Secret: `x`. Public: the key. Leaks: nothing else. For 65537 these are 16 squarings and a
    /// multiplication.
    pub(super) fn step(
        &mut self,
        key: &PublicKey,
        multiplier: &mut Multiplier<'_>,
        x: &mut [Word],
        mut scratch: Scratch<'_>,
    ) -> Result<Poll<()>, Fault> {
        let base = scratch.take(x.len())?;
        // The highest set bit stands for the base itself.
        if self.0 == 0 {
            copy(base, x)?;
        }
        self.0 += 1;
        let exponent = key.exponent();
        let first = exponent.first().ok_or(Fault)?;
        let bits = 8 * exponent.len() as u32 - first.leading_zeros();
        let place = bits.checked_sub(1 + self.0).ok_or(Fault)?;
        let byte = exponent.iter().rev().nth((place >> 3) as usize);
        multiplier.square(x)?;
        if byte.ok_or(Fault)? >> (place & 7) & 1 == 1 {
            multiplier.mul(x, base)?;
        }
        Ok(ready_if(place == 0))
    }
}

fn without_leading_zeros(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, ", self.size())?;
        for byte in self.modulus().iter().take(8) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::rsa::PrivateKey;
    use crate::secret::left::{self, Counting};

    use super::*;

    const KEY: &[u8] = include_bytes!("../../tests/vectors/rsa/keys/2048.pkcs8.der");
    const MESSAGE: &[u8] = b"a message of some length";

    #[test]
    fn padded_blocks_are_wiped() {
        let key = PrivateKey::from_pkcs8_der(KEY).unwrap();
        let (mut seed, mut block, mut sealed) = (Seed::zeroed(), [0; 256], [0; 256]);
        rng::fill(&mut Counting(1), seed.expose_mut()).unwrap();
        oaep::encode(&mut block, &seed, &[], MESSAGE).unwrap();
        let wiped = left::wiped(|| {
            let public = key.public_key();
            let encrypted = public.encrypt_oaep_sha256(&[], MESSAGE, &mut Counting(1), &mut sealed);
            assert_eq!(encrypted, Ok(256));
        });
        assert!(wiped.iter().any(|wiped| wiped.starts_with(&block)));

        let mut out = [0; MESSAGE.len()];
        let wiped = left::wiped(|| {
            let opened = key.decrypt_oaep_sha256(&[], &sealed, &mut Counting(1), &mut out);
            assert_eq!(opened, Ok(MESSAGE.len()));
        });
        let bare = |wiped: &[u8]| {
            wiped
                .get(..256)
                .is_some_and(|block| block.ends_with(MESSAGE))
        };
        assert!(wiped.iter().any(|wiped| bare(wiped)));
    }
}
