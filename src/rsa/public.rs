// SPDX-License-Identifier: MIT OR Apache-2.0
//! Public keys and the public operation (RFC 8017 sections 3.1 and 5.1.1).

use core::fmt;

use crypto_bigint::{U2048, U3072, U4096, Word};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::mont::{Modulus, Multiplier};
use super::{BufferTooSmall, EncryptError, KeyError, ModulusSize, SignatureError};
use super::{encoding, oaep, pkcs1v15, words};
use crate::rng::RngError;

/// The bytes of the largest public exponent: below 2^256, as FIPS 186-5 section 5.4 asks.
const EXPONENT_MAX: usize = 32;

/// An RSA public key: an odd modulus of an accepted size, and an odd exponent from 65537 to below 2^256.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    size: ModulusSize,
    modulus: [u8; ModulusSize::MAX_BYTES],
    exponent: [u8; EXPONENT_MAX],
    exponent_len: usize,
}

impl PublicKey {
    /// The longest encoding that [`to_spki_der`](Self::to_spki_der) writes.
    pub const SPKI_MAX_LEN: usize = ModulusSize::MAX_BYTES + EXPONENT_MAX + 40;

    /// A key of two big-endian integers, the modulus without leading zeros; those of the exponent
    /// are ignored.
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
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

        let zeros = exponent.iter().take_while(|byte| **byte == 0).count();
        let exponent = exponent.get(zeros..).unwrap_or_default();
        match exponent {
            [.., last] if last & 1 == 0 => return Err(KeyError::EvenExponent),
            // 65537 is the smallest odd number of three bytes.
            [] | [_] | [_, _] => return Err(KeyError::SmallExponent),
            _ => {}
        }

        let mut key = Self {
            size,
            modulus: [0; ModulusSize::MAX_BYTES],
            exponent: [0; EXPONENT_MAX],
            exponent_len: exponent.len(),
        };
        for (to, from) in key.modulus.iter_mut().zip(modulus) {
            *to = *from;
        }
        key.exponent
            .get_mut(..exponent.len())
            .ok_or(KeyError::LargeExponent)?
            .copy_from_slice(exponent);
        Ok(key)
    }

    /// Reads an X.509 `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1, RFC 3279 section 2.3.1).
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        encoding::public_key_from_spki(der)
    }

    /// Reads a PKCS#1 `RSAPublicKey` in DER (RFC 8017 appendix A.1.1).
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        encoding::public_key_from_pkcs1(der)
    }

    /// Writes an X.509 `SubjectPublicKeyInfo` in DER to the front of `out`, and returns its length, at
    /// most [`SPKI_MAX_LEN`](Self::SPKI_MAX_LEN).
    pub fn to_spki_der(&self, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        encoding::public_key_to_spki(self, out)
    }

    /// The size of the modulus.
    pub fn size(&self) -> ModulusSize {
        self.size
    }

    /// The modulus, big-endian, [`ModulusSize::bytes`] bytes.
    pub fn modulus(&self) -> &[u8] {
        self.modulus.get(..self.size.bytes()).unwrap_or_default()
    }

    /// The exponent, big-endian, without leading zeros.
    pub fn exponent(&self) -> &[u8] {
        self.exponent.get(..self.exponent_len).unwrap_or_default()
    }

    /// Encrypts `message` with RSAES-OAEP (RFC 8017 section 7.1.1), SHA-256 for hash and MGF1, to the
    /// front of `out`, and returns the ciphertext's length, [`ModulusSize::bytes`].
    ///
    /// A message has at most 66 bytes less than the modulus.
    ///
    /// Secret: `message`, what `rng` draws. Public: the key, `label`, the lengths. Leaks: nothing else.
    pub fn encrypt_oaep_sha256<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        label: &[u8],
        message: &[u8],
        out: &mut [u8],
    ) -> Result<usize, EncryptError> {
        let out = out
            .get_mut(..self.size.bytes())
            .ok_or(EncryptError::BufferTooSmall)?;
        let mut block = Zeroizing::new([0; ModulusSize::MAX_BYTES]);
        let block = block.get_mut(..out.len()).unwrap_or_default();
        let max = oaep::max_message_len(self.size);
        if message.len() > max {
            return Err(EncryptError::MessageTooLong { max });
        }
        oaep::encode(block, rng, label, message).map_err(|RngError| EncryptError::Rng)?;
        self.apply(block);
        out.copy_from_slice(block);
        Ok(out.len())
    }

    /// Verifies an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2.2) with SHA-256. All is public.
    pub fn verify_pkcs1v15_sha256(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let mut block = [0; ModulusSize::MAX_BYTES];
        let block = block.get_mut(..self.size.bytes()).unwrap_or_default();
        // Both have the same length, so their bytes compare as the numbers do.
        if signature.len() != block.len() || signature >= self.modulus() {
            return Err(SignatureError);
        }
        block.copy_from_slice(signature);
        self.apply(block);

        let mut expected = [0; ModulusSize::MAX_BYTES];
        let expected = expected.get_mut(..block.len()).unwrap_or_default();
        pkcs1v15::encode(expected, message);
        if block == expected {
            Ok(())
        } else {
            Err(SignatureError)
        }
    }

    /// Raises a big-endian number of as many bytes as the modulus to the public exponent, in place.
    ///
    /// Secret: `block`. Public: the key. Leaks: nothing else.
    fn apply(&self, block: &mut [u8]) {
        match self.size {
            ModulusSize::Rsa2048 => self.apply_sized::<{ U2048::LIMBS }>(block),
            ModulusSize::Rsa3072 => self.apply_sized::<{ U3072::LIMBS }>(block),
            ModulusSize::Rsa4096 => self.apply_sized::<{ U4096::LIMBS }>(block),
        }
    }

    #[inline(never)]
    fn apply_sized<const N: usize>(&self, block: &mut [u8]) {
        let mut x = Zeroizing::new([0; N]);
        words::from_be_bytes(&mut *x, self.modulus());
        // The constructor refuses what this would refuse.
        let Some(modulus) = Modulus::new(&x) else {
            return;
        };
        words::from_be_bytes(&mut *x, block);
        let mut multiplier = Multiplier::new(&modulus);
        multiplier.enter(&mut x);
        self.power(&mut multiplier, &mut x);
        multiplier.leave(&mut x);
        words::to_be_bytes(block, &*x);
    }

    /// `x = x^e`, in Montgomery's form.
    ///
    /// Secret: `x`. Public: the key. Leaks: nothing else. For 65537 these are 16 squarings and a
    /// multiplication.
    pub(super) fn power<const N: usize>(
        &self,
        multiplier: &mut Multiplier<'_, N>,
        x: &mut [Word; N],
    ) {
        let base = Zeroizing::new(*x);
        let [first, rest @ ..] = self.exponent() else {
            return;
        };
        // The highest bit that is set stands for the base itself.
        let first_bits = 7u32.saturating_sub(first.leading_zeros());
        for (byte, bits) in [(first, first_bits)]
            .into_iter()
            .chain(rest.iter().map(|byte| (byte, 8)))
        {
            for bit in (0..bits).rev() {
                multiplier.square(x);
                if byte >> bit & 1 == 1 {
                    multiplier.mul(x, &base);
                }
            }
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, ", self.size)?;
        for byte in self.modulus().iter().take(8) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("..)")
    }
}
