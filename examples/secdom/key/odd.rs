// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSA keys that the library accepts nowhere, but to which a Managed HSM domain may have been sealed: with
//! public exponents like 3 and 17 or of any length, and with primes of different lengths.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, Odd, Resize};
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::rng::{Generator, RngError};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

const HASH_LEN: usize = 32;

/// A private key for unwrapping alone.
pub struct OddKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    private: Zeroizing<BoxedUint>,
    arithmetic: BoxedMontyParams,
}

impl OddKey {
    /// Makes a key of big-endian numbers without leading zeros, if `p * q = n`.
    pub fn new(n: &[u8], e: &[u8], d: &[u8], primes: [&[u8]; 2]) -> Option<Self> {
        let number = |bytes| BoxedUint::from_be_slice_vartime(bytes);
        let [p, q] = primes.map(|prime| Zeroizing::new(number(prime)));
        let product = Zeroizing::new(p.concatenating_mul(&*q));
        let modulus = number(n);
        let precision = modulus.bits_precision().max(product.bits_precision());
        if (&*product).resize(precision) != (&modulus).resize(precision) {
            return None;
        }
        let odd = Odd::new(modulus).into_option()?;
        Some(Self {
            modulus: n.into(),
            exponent: e.into(),
            private: Zeroizing::new(number(d)),
            arithmetic: BoxedMontyParams::new(odd),
        })
    }

    pub fn public(&self) -> [&[u8]; 2] {
        [&self.modulus, &self.exponent]
    }

    pub fn bits(&self) -> u32 {
        self.arithmetic.modulus().bits()
    }

    /// Returns the block that was encrypted to this key, if the public exponent confirms it.
    fn decrypt(&self, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let precision = self.arithmetic.bits_precision();
        let ciphertext = BoxedUint::from_be_slice(wrapped, precision).ok()?;
        if wrapped.len() != self.modulus.len() || ciphertext >= **self.arithmetic.modulus() {
            return None;
        }
        let base = BoxedMontyForm::new(ciphertext.clone(), &self.arithmetic);
        // The time depends on the lengths of the numbers alone.
        let plain = base.pow(&self.private);
        let exponent = BoxedUint::from_be_slice_vartime(&self.exponent);
        if plain.pow(&exponent).retrieve() != ciphertext {
            return None;
        }
        let plain = Zeroizing::new(plain.retrieve());
        let bytes = Zeroizing::new(plain.to_be_bytes().into_vec());
        Some(Zeroizing::new(
            bytes[bytes.len() - self.modulus.len()..].to_vec(),
        ))
    }
}

impl Identity for OddKey {
    type Error = RngError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _context: &[u8],
        _rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<RngError>> {
        let mut block = self.decrypt(wrapped).ok_or(UnwrapError::Opaque)?;
        let message = decode(&mut block).ok_or(UnwrapError::Opaque)?;
        let out = { out.get_mut(..message.len()) }.ok_or(UnwrapError::Opaque)?;
        out.copy_from_slice(message);
        Ok(message.len())
    }
}

/// Decodes EME-OAEP with SHA-256 and an empty label (RFC 8017 section 7.1.2): `00 || seed || hash || 00 .. 00
/// || 01 || message`, masked except for the first byte. Branches only on the verdict.
fn decode(block: &mut [u8]) -> Option<&[u8]> {
    let (first, masked) = block.split_first_mut()?;
    let (seed, data) = masked.split_at_mut_checked(HASH_LEN)?;
    mask(seed, data);
    mask(data, seed);
    let (hash, padded) = data.split_at_checked(HASH_LEN)?;
    let mut right = first.ct_eq(&0) & hash.ct_eq(&Sha256::digest(b""));
    let (mut start, mut found) = (0u32, Choice::from(0));
    for (place, byte) in padded.iter().enumerate() {
        let (is_zero, is_one) = (byte.ct_eq(&0), byte.ct_eq(&1));
        right &= found | is_zero | is_one;
        start.conditional_assign(&(place as u32 + 1), !found & is_one);
        found |= is_one;
    }
    bool::from(right & found).then(|| &padded[start as usize..])
}

/// Adds MGF1 (RFC 8017 section B.2.1) of `seed` to `data`.
fn mask(data: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in data.chunks_mut(HASH_LEN).enumerate() {
        let counter = (counter as u32).to_be_bytes();
        let hash = Sha256::new()
            .chain_update(seed)
            .chain_update(counter)
            .finalize();
        for (byte, mask) in chunk.iter_mut().zip(hash) {
            *byte ^= mask;
        }
    }
}
