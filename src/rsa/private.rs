// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private key type, for all three sizes.

use core::fmt;

use crypto_bigint::{U1024, U1536, U2048, U3072, U4096};
use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use super::crt::{Crt, Numbers};
use super::error::Failure;
use super::{DecryptError, KeyError, ModulusSize, PublicKey, SignError, oaep, pkcs1v15};
use crate::burn::{self, burning};
use crate::ct::eq_bytes;
use crate::hardened::{Fault, Verdict, copy};
use crate::secret::{Secret, wipe};

/// An RSA private key with two primes. It takes about 4 KiB, and is wiped when dropped.
///
/// Wiping reaches only the key's last location: moving the key, as returning it from a constructor
/// may do, leaves an unwiped copy.
pub struct PrivateKey {
    pub(super) public: PublicKey,
    pub(super) secret: Private,
}

// One size for all keys: without an allocator, smaller keys cannot take less memory.
#[allow(clippy::large_enum_variant)]
pub(super) enum Private {
    Rsa2048(Crt<{ U1024::LIMBS }, { U2048::LIMBS }>),
    Rsa3072(Crt<{ U1536::LIMBS }, { U3072::LIMBS }>),
    Rsa4096(Crt<{ U2048::LIMBS }, { U4096::LIMBS }>),
}

impl PrivateKey {
    /// Makes a key from numbers that are checked against each other.
    pub(super) fn new(public: PublicKey, numbers: &Numbers<'_>) -> Result<Self, KeyError> {
        let secret = match public.size() {
            ModulusSize::Rsa2048 => Private::Rsa2048(Crt::new(&public, numbers)?),
            ModulusSize::Rsa3072 => Private::Rsa3072(Crt::new(&public, numbers)?),
            ModulusSize::Rsa4096 => Private::Rsa4096(Crt::new(&public, numbers)?),
        };
        Ok(Self { public, secret })
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

/// Imports or generates a key, and burns the stack.
pub(super) fn burning_key<T>(size: ModulusSize, work: impl FnOnce() -> T) -> T {
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
