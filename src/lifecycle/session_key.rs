// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transfer key of a session in its place in the vault, where it is made and read, and never
//! moved. If a device holds the key, its public half is there.

use core::cell::RefCell;

use rand_core::{TryCryptoRng, TryRng};

use super::error::LifecycleError;
use super::host::Host;
use super::transfer_key::{TransferKey, TransferKeyError};
use crate::contribution::{MAX_SPKI_LEN, SessionPublicKey};
use crate::ct::Mask;
#[cfg(any(feature = "p256", feature = "pq"))]
use crate::custodian::WrapError;
use crate::custodian::{Algorithm, Identity, Recipient, UnwrapError};
use crate::hardened::{Fault, Verdict};
#[cfg(any(feature = "p256", feature = "pq"))]
use crate::kem::{self, AnyPrivateKey};
use crate::rng::{Erased, Generator, RngError, Watched};
use crate::rsa::{KeyError, ModulusSize, PrivateKey, PublicKey};
use crate::secret::wipe;

/// A transfer key, or none. It wipes itself.
pub(super) struct SessionKey {
    /// An RSA key. Only the public half counts if a device holds the key.
    key: PrivateKey,
    /// A key of another kind.
    #[cfg(any(feature = "p256", feature = "pq"))]
    kem: AnyPrivateKey,
    holder: Holder,
    /// Whether a key that should be gone may still be in the device.
    is_left: bool,
}

/// Who holds the transfer key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// There is no key.
    Nobody = 0,
    /// The vault holds an RSA key.
    Vault = 1,
    /// The host's device.
    Device = 2,
    /// The vault holds a key of another kind.
    #[cfg(any(feature = "p256", feature = "pq"))]
    VaultKem = 3,
}

impl SessionKey {
    pub(super) const NONE: Self = Self {
        key: PrivateKey::zeroed(),
        #[cfg(any(feature = "p256", feature = "pq"))]
        kem: AnyPrivateKey::NONE,
        holder: Holder::Nobody,
        is_left: false,
    };

    /// Returns the key if it is an RSA key and the vault holds it.
    pub(super) fn rsa(&self) -> Option<&PrivateKey> {
        (self.holder == Holder::Vault).then_some(&self.key)
    }

    /// Returns the public half of an RSA key, wherever the private one is.
    pub(super) fn rsa_public_key(&self) -> Option<&PublicKey> {
        let is_rsa = matches!(self.holder, Holder::Vault | Holder::Device);
        is_rsa.then_some(self.key.public_key())
    }

    /// Returns the key if it is of another kind.
    #[cfg(any(feature = "p256", feature = "pq"))]
    pub(super) fn kem(&self) -> Option<&AnyPrivateKey> {
        (self.holder == Holder::VaultKem).then_some(&self.kem)
    }

    /// Returns the kind of the key; `None` without a key.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        #[cfg(any(feature = "p256", feature = "pq"))]
        if let Some(key) = self.kem() {
            return key.algorithm();
        }
        self.rsa_public_key().map(Recipient::algorithm)
    }

    /// Writes the SubjectPublicKeyInfo of the key to the front of `out`, and returns it.
    ///
    /// Secret: the key. Public: the result. Leaks: nothing else.
    pub(super) fn write_public<'o>(
        &self,
        out: &'o mut [u8; MAX_SPKI_LEN],
    ) -> Result<SessionPublicKey<'o>, Fault> {
        let len = self.write_spki(out)?;
        let algorithm = self.algorithm().ok_or(Fault)?;
        let spki = out.get(..len).ok_or(Fault)?;
        Ok(SessionPublicKey::unchecked(algorithm, spki))
    }

    fn write_spki(&self, out: &mut [u8]) -> Result<usize, Fault> {
        #[cfg(any(feature = "p256", feature = "pq"))]
        if let Some(key) = self.kem() {
            return key.write_spki(out).map_err(|_| Fault);
        }
        let key = self.rsa_public_key().ok_or(Fault)?;
        key.to_spki_der(out).map_err(|_| Fault)
    }

    pub(super) fn is_in_device(&self) -> bool {
        self.holder == Holder::Device
    }

    pub(super) const fn is_left(&self) -> bool {
        self.is_left
    }

    /// Notes whether a key that should be gone may still be in the device.
    pub(super) const fn set_left(&mut self, is_left: bool) {
        self.is_left = is_left;
    }

    /// Generates a key of this kind.
    ///
    /// Secret: the key, what `rng` draws. Public: `kind`. Leaks: what generating a key leaks.
    pub(super) fn generate(
        &mut self,
        kind: Algorithm,
        rng: &mut dyn Watched,
    ) -> Result<(), LifecycleError> {
        self.wipe();
        let Some(size) = kind.rsa_size() else {
            return self.generate_kem(kind, rng);
        };
        self.key.make(size, rng, &mut |_| ())?;
        self.holder = Holder::Vault;
        Ok(())
    }

    #[cfg(any(feature = "p256", feature = "pq"))]
    fn generate_kem(
        &mut self,
        kind: Algorithm,
        rng: &mut dyn Watched,
    ) -> Result<(), LifecycleError> {
        self.kem.generate(kind, rng).map_err(|error| match error {
            WrapError::Rng => LifecycleError::Rng,
            _ => LifecycleError::Fault,
        })?;
        self.holder = Holder::VaultKem;
        Ok(())
    }

    #[cfg(not(any(feature = "p256", feature = "pq")))]
    fn generate_kem(&mut self, _: Algorithm, _: &mut dyn Watched) -> Result<(), LifecycleError> {
        Err(LifecycleError::Fault)
    }

    /// Reads a key by its kind and seed.
    ///
    /// Secret: `seed`. Public: `kind`, the length, whether it gives a key. Leaks: nothing else.
    #[cfg(any(feature = "p256", feature = "pq"))]
    pub(super) fn read_kem(&mut self, kind: Algorithm, seed: &[u8]) -> Result<(), kem::KeyError> {
        self.wipe();
        self.kem.set(kind, seed)?;
        self.holder = Holder::VaultKem;
        Ok(())
    }

    /// Takes a key that was made before, and wipes it there. Returns false, and leaves it, if it is shorter
    /// than `size`, or no key.
    ///
    /// Secret: the key. Public: its size. Leaks: nothing else.
    pub(super) fn take(
        &mut self,
        prepared: &mut PrivateKey,
        size: ModulusSize,
    ) -> Result<bool, Fault> {
        if !prepared.is_whole() || prepared.public_key().size() < size {
            return Ok(false);
        }
        self.wipe();
        self.key.take(prepared)?;
        self.holder = Holder::Vault;
        Ok(true)
    }

    /// Reads a key from PKCS#8.
    ///
    /// Secret: the key. Public: the lengths of its integers, what is wrong. Leaks: nothing else.
    pub(super) fn read(&mut self, der: &[u8], watched: &mut dyn Watched) -> Result<(), KeyError> {
        self.wipe();
        self.key.read_pkcs8_der(der, watched)?;
        self.holder = Holder::Vault;
        Ok(())
    }

    #[cfg(not(any(feature = "p256", feature = "pq")))]
    pub(super) fn read_kem(&mut self, _: Algorithm, _: &[u8]) -> Result<(), Fault> {
        Err(Fault)
    }

    /// Notes that the device holds the key with this public half.
    pub(super) fn set_in_device(&mut self, public: &PublicKey) {
        self.wipe();
        self.key.set_public(public);
        self.holder = Holder::Device;
    }

    /// Not inlined: many callers wipe a key of 2.9 KB.
    #[inline(never)]
    pub(super) fn wipe(&mut self) {
        self.holder = Holder::Nobody;
        self.key.wipe();
        #[cfg(any(feature = "p256", feature = "pq"))]
        self.kem.wipe();
    }

    /// Returns the device of a host, if it holds this key.
    pub(super) fn device<'h, H: Host + ?Sized>(
        &self,
        host: &'h mut H,
    ) -> Result<&'h mut dyn TransferKey, TransferKeyError> {
        let device = host.transfer_key().ok_or(TransferKeyError::Missing)?;
        let held = device.public_key()?.ok_or(TransferKeyError::Missing)?;
        Verdict::twice(|| Mask::public(held == *self.key.public_key()))
            .or(TransferKeyError::OtherKey)?;
        Ok(device)
    }
}

/// The transfer key of a session, in the vault or in the host's device, to open what comes in.
///
/// The generator is the host's, too, so both borrow the host in turn.
pub(super) struct Opener<'a, 'h, H: ?Sized> {
    key: &'a mut SessionKey,
    host: &'a RefCell<&'h mut H>,
}

impl<'a, 'h, H: ?Sized> Opener<'a, 'h, H> {
    /// Returns `None` without a key.
    pub(super) fn new(key: &'a mut SessionKey, host: &'a RefCell<&'h mut H>) -> Option<Self> {
        (key.holder != Holder::Nobody).then_some(Self { key, host })
    }
}

impl<H: Host + ?Sized> Identity for Opener<'_, '_, H> {
    type Error = TransferKeyError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<TransferKeyError>> {
        #[cfg(any(feature = "p256", feature = "pq"))]
        if let Some(key) = self.key.kem() {
            let opened = key.unwrap_key(wrapped, context, rng, out);
            return opened.map_err(|error| match error {
                UnwrapError::Opaque => UnwrapError::Opaque,
                UnwrapError::Device(never) => match never {},
                UnwrapError::Fault => UnwrapError::Fault,
            });
        }
        if !self.key.is_in_device() {
            let opened = self.key.key.unwrap_key(wrapped, context, rng, out);
            return opened.map_err(|error| match error {
                UnwrapError::Opaque => UnwrapError::Opaque,
                UnwrapError::Device(RngError) => UnwrapError::Device(TransferKeyError::Rng),
                UnwrapError::Fault => UnwrapError::Fault,
            });
        }
        let mut host = self.host.try_borrow_mut().map_err(|_| Fault)?;
        let device = self.key.device(&mut **host).map_err(UnwrapError::Device)?;
        device.unwrap_key(wrapped, out).inspect_err(|_| wipe(out))
    }
}

/// The generator of a host that an [`Opener`] borrows, too.
pub(super) struct SharedRng<'a, 'h, H: ?Sized>(pub(super) &'a RefCell<&'h mut H>);

impl<H: Host + ?Sized> TryRng for SharedRng<'_, '_, H> {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        let mut host = self.0.try_borrow_mut().map_err(|_| RngError)?;
        Erased(Host::rng(&mut **host)).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        let mut host = self.0.try_borrow_mut().map_err(|_| RngError)?;
        Erased(Host::rng(&mut **host)).try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        let mut host = self.0.try_borrow_mut().map_err(|_| RngError)?;
        Erased(Host::rng(&mut **host)).try_fill_bytes(out)
    }
}

impl<H: Host + ?Sized> TryCryptoRng for SharedRng<'_, '_, H> {}

impl<H: Host + ?Sized> Watched for SharedRng<'_, '_, H> {
    fn tick(&mut self) {
        if let Ok(mut host) = self.0.try_borrow_mut() {
            host.progress();
        }
    }
}
