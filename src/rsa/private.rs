// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private key type, for all three sizes.

use core::fmt;

use crypto_bigint::{U1024, U1536, U2048, U3072, U4096};
use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use super::crt::{Crt, Numbers};
use super::error::Failure;
use super::{
    DecryptError, ExportError, GenerateError, KeyError, ModulusSize, Progress, PublicKey, SignError,
};
use super::{encoding, generate, oaep, pkcs1v15};
use crate::burn::{self, burning};
use crate::ct::eq_bytes;
use crate::hardened::{Fault, Verdict, copy};
use crate::secret::{Secret, wipe};

/// An RSA private key with two primes. It takes about 4 KiB, and is wiped when dropped.
///
/// Wiping reaches only the key's last location: moving the key, as returning it from a constructor
/// may do, leaves an unwiped copy.
pub struct PrivateKey {
    public: PublicKey,
    secret: Private,
}

// One size for all keys: without an allocator, smaller keys cannot take less memory.
#[allow(clippy::large_enum_variant)]
enum Private {
    Rsa2048(Crt<{ U1024::LIMBS }, { U2048::LIMBS }>),
    Rsa3072(Crt<{ U1536::LIMBS }, { U3072::LIMBS }>),
    Rsa4096(Crt<{ U2048::LIMBS }, { U4096::LIMBS }>),
}

impl PrivateKey {
    /// The maximum length that [`to_pkcs8_der`](Self::to_pkcs8_der) writes.
    pub const PKCS8_MAX_LEN: usize = encoding::PKCS8_MAX_LEN;

    /// Reads a PKCS#8 `PrivateKeyInfo` in DER, version 0, not encrypted (RFC 5208 section 5).
    /// Attributes are ignored.
    ///
    /// Secret: the integers. Public: their lengths, what is wrong. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`KeyError`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        burning_key(size_of_key(der), move || {
            encoding::private_key_from_pkcs8(der)
        })
    }

    /// Reads a PKCS#1 `RSAPrivateKey` in DER, version 0 (RFC 8017 appendix A.1.2).
    ///
    /// Secret: the integers. Public: their lengths, what is wrong. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`KeyError`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        burning_key(size_of_key(der), move || {
            encoding::private_key_from_pkcs1(der)
        })
    }

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
                generate::key::<{ U1024::LIMBS }, { U2048::LIMBS }, R>(size, rng, progress)
            }
            ModulusSize::Rsa3072 => {
                generate::key::<{ U1536::LIMBS }, { U3072::LIMBS }, R>(size, rng, progress)
            }
            ModulusSize::Rsa4096 => {
                generate::key::<{ U2048::LIMBS }, { U4096::LIMBS }, R>(size, rng, progress)
            }
        })
    }

    /// Makes a key from numbers that are checked against each other.
    pub(super) fn new(public: PublicKey, numbers: &Numbers<'_>) -> Result<Self, KeyError> {
        let secret = match public.size() {
            ModulusSize::Rsa2048 => Private::Rsa2048(Crt::new(&public, numbers)?),
            ModulusSize::Rsa3072 => Private::Rsa3072(Crt::new(&public, numbers)?),
            ModulusSize::Rsa4096 => Private::Rsa4096(Crt::new(&public, numbers)?),
        };
        Ok(Self { public, secret })
    }

    /// Writes an unencrypted PKCS#8 `PrivateKeyInfo` in DER to the front of `out`, and returns its
    /// length, at most [`PKCS8_MAX_LEN`](Self::PKCS8_MAX_LEN). On failure `out` holds nothing of
    /// the key.
    ///
    /// Secret: the key, `out`. Public: the lengths of the integers. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ExportError`].
    pub fn to_pkcs8_der(&self, out: &mut [u8]) -> Result<usize, ExportError> {
        let public = &self.public;
        burning::<{ burn::RSA_EXPORT }, _>(move || match &self.secret {
            Private::Rsa2048(secret) => encoding::private_key_to_pkcs8(public, secret, out),
            Private::Rsa3072(secret) => encoding::private_key_to_pkcs8(public, secret, out),
            Private::Rsa4096(secret) => encoding::private_key_to_pkcs8(public, secret, out),
        })
    }

    /// Returns the public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Decrypts with RSAES-OAEP (RFC 8017 section 7.1.2), SHA-256 for hash and MGF1, to the front
    /// of `out`, and returns the message's length. `rng` is for blinding. On failure `out` is
    /// unchanged.
    ///
    /// Secret: the key, the message. Public: `ciphertext`, `label`, the length of `out`. Leaks: whether
    /// it opened, and then the message's length.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`DecryptError`].
    pub fn decrypt_oaep_sha256<R: TryCryptoRng + ?Sized>(
        &self,
        label: &[u8],
        ciphertext: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, DecryptError> {
        burning_private(self.public.size(), move || {
            let mut block = Secret::zeroed();
            let block = self.public.size().front(block.expose_mut())?;
            if ciphertext.len() != block.len() {
                return Err(DecryptError::Opaque);
            }
            self.apply(rng, ciphertext, block)?;
            oaep::decode(block, label, out)
        })
    }

    /// Signs with RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.1) and SHA-256, writes the signature to
    /// the front of `out`, and returns its length, [`ModulusSize::bytes`]. `rng` is for blinding.
    /// The signature is verified before it leaves; on failure the output is wiped.
    ///
    /// Secret: the key. Public: `message`, the signature. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SignError`].
    pub fn sign_pkcs1v15_sha256<R: TryCryptoRng + ?Sized>(
        &self,
        message: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, SignError> {
        burning_private(self.public.size(), move || {
            let size = self.public.size();
            let out = { out.get_mut(..size.bytes()) }.ok_or(SignError::BufferTooSmall)?;
            wipe(out);
            let signed = self.sign_checked(message, rng, out);
            if signed.is_err() {
                wipe(out);
            }
            signed.map(|()| size.bytes())
        })
    }

    fn sign_checked<R: TryCryptoRng + ?Sized>(
        &self,
        message: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), SignError> {
        let size = self.public.size();
        let mut block = Secret::zeroed();
        let block = size.front(block.expose_mut())?;
        // This is not a signature until it has been verified.
        let (mut signature, mut verified) = (Secret::zeroed(), Secret::zeroed());
        let signature = size.front(signature.expose_mut())?;
        let verified = size.front(verified.expose_mut())?;
        pkcs1v15::encode(block, message)?;
        self.apply(rng, block, signature)?;
        self.public.raise(signature, verified)?;
        Verdict::twice(|| eq_bytes(block, verified)).or(Fault)?;
        copy(out, signature)?;
        Ok(())
    }

    /// Applies the private operation to a block of as many bytes as the modulus.
    fn apply<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        from: &[u8],
        to: &mut [u8],
    ) -> Result<(), Failure> {
        match &self.secret {
            Private::Rsa2048(secret) => secret.apply(rng, &self.public, from, to),
            Private::Rsa3072(secret) => secret.apply(rng, &self.public, from, to),
            Private::Rsa4096(secret) => secret.apply(rng, &self.public, from, to),
        }
    }
}

/// Runs a private operation and burns its stack.
fn burning_private<T>(size: ModulusSize, work: impl FnOnce() -> T) -> T {
    match size {
        ModulusSize::Rsa2048 => burning::<{ burn::RSA_PRIVATE_2048 }, _>(work),
        ModulusSize::Rsa3072 => burning::<{ burn::RSA_PRIVATE_3072 }, _>(work),
        ModulusSize::Rsa4096 => burning::<{ burn::RSA_PRIVATE_4096 }, _>(work),
    }
}

/// Estimates the size of the key in this encoding, which is about 4.6 times as long as the modulus.
fn size_of_key(der: &[u8]) -> ModulusSize {
    match der.len() {
        ..1_500 => ModulusSize::Rsa2048,
        1_500..2_100 => ModulusSize::Rsa3072,
        _ => ModulusSize::Rsa4096,
    }
}

/// Imports or generates a key, and burns the stack.
fn burning_key<T>(size: ModulusSize, work: impl FnOnce() -> T) -> T {
    match size {
        ModulusSize::Rsa2048 => burning::<{ burn::RSA_KEY_2048 }, _>(work),
        ModulusSize::Rsa3072 => burning::<{ burn::RSA_KEY_3072 }, _>(work),
        ModulusSize::Rsa4096 => burning::<{ burn::RSA_KEY_4096 }, _>(work),
    }
}

impl ZeroizeOnDrop for PrivateKey {}

/// Prints the public half only.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?}, ..)", self.public)
    }
}
