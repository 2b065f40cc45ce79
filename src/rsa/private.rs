// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private key, for all three sizes.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::crt::Crt;
use super::error::Failure;
use super::operation::Operation;
use super::scratch::{self, with_scratch};
use super::{DecryptError, PublicKey, SignError, oaep, pkcs1v15};
use crate::burn::{self, burning};
use crate::ct::eq_bytes;
use crate::hardened::{Fault, Verdict, copy};
use crate::rng::{Erased, Generator, Watched};
use crate::secret::{Secret, wipe};

/// An RSA private key with two primes. It takes 2.9 KB, and is wiped when dropped.
///
/// Wiping reaches only the key's last location: moving the key, as returning it from a constructor
/// may do, leaves an unwiped copy.
pub struct PrivateKey {
    pub(super) public: PublicKey,
    pub(super) secret: Crt,
}

impl PrivateKey {
    /// Makes what is not yet a key, to be read or generated in place.
    pub(crate) const fn zeroed() -> Self {
        Self {
            public: PublicKey::zeroed(),
            secret: Crt::zeroed(),
        }
    }

    /// Sets the public half alone, of a key that is elsewhere.
    pub(crate) fn set_public(&mut self, public: &PublicKey) {
        self.public = public.clone();
    }

    /// Returns whether it is a key, and not what is not yet one.
    pub(crate) fn is_whole(&self) -> bool {
        self.public.modulus().first() != Some(&0)
    }

    /// Moves another key here, and wipes it there.
    ///
    /// Secret: the key. Leaks: nothing.
    pub(crate) fn take(&mut self, from: &mut Self) -> Result<(), Fault> {
        self.secret.copy(&from.secret)?;
        self.public = from.public.clone();
        from.wipe();
        Ok(())
    }

    /// Makes it what is not yet a key again.
    pub(crate) fn wipe(&mut self) {
        self.public = PublicKey::zeroed();
        self.secret.zeroize();
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
    pub fn decrypt_oaep_sha256<R: Generator + ?Sized>(
        &self,
        label: &[u8],
        ciphertext: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, DecryptError> {
        burning::<{ burn::RSA_BLOCK }, _>(move || {
            self.decrypt(label, ciphertext, &mut Erased(rng), out)
        })
    }

    fn decrypt(
        &self,
        label: &[u8],
        ciphertext: &[u8],
        rng: &mut dyn Watched,
        out: &mut [u8],
    ) -> Result<usize, DecryptError> {
        let mut block = Secret::zeroed();
        let block = self.public.size().front(block.expose_mut())?;
        if ciphertext.len() != block.len() {
            return Err(DecryptError::Opaque);
        }
        self.apply(ciphertext, rng, block)?;
        oaep::decode(block, label, out)
    }

    /// Signs with RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.1) and SHA-256, writes the signature to
    /// the front of `out`, and returns its length, [`ModulusSize::bytes`](super::ModulusSize::bytes).
    /// `rng` is for blinding.
    /// The signature is verified before it leaves; on failure the output is wiped.
    ///
    /// Secret: the key. Public: `message`, the signature. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SignError`].
    pub fn sign_pkcs1v15_sha256<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, SignError> {
        burning::<{ burn::RSA_BLOCK }, _>(move || {
            let size = self.public.size();
            let out = { out.get_mut(..size.bytes()) }.ok_or(SignError::BufferTooSmall)?;
            wipe(out);
            let signed = self.sign_checked(message, &mut Erased(rng), out);
            if signed.is_err() {
                wipe(out);
            }
            signed.map(|()| size.bytes())
        })
    }

    fn sign_checked(
        &self,
        message: &[u8],
        rng: &mut dyn Watched,
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
        self.apply(block, rng, signature)?;
        self.public.raise(signature, rng, verified)?;
        Verdict::twice(|| eq_bytes(block, verified)).or(Fault)?;
        copy(out, signature)?;
        Ok(())
    }

    /// Applies the private operation to a block of as many bytes as the modulus. On failure `to` is zeros.
    fn apply(&self, from: &[u8], rng: &mut dyn Watched, to: &mut [u8]) -> Result<(), Failure> {
        to.fill(0);
        with_scratch::<{ scratch::PRIVATE }, _>(self.public.size(), rng, &mut |mut scratch| {
            let mut operation = Operation::begin(&self.public, from, scratch.lend())?;
            scratch.finish(&mut |scratch| operation.step(&self.public, &self.secret, to, scratch))
        })
    }
}

impl ZeroizeOnDrop for PrivateKey {}

/// Prints the public half only.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?}, ..)", self.public)
    }
}
