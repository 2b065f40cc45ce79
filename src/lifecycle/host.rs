// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interface to the firmware around a domain: randomness, time, a device key and a sink for
//! audit events, besides its [`Flash`].

use rand_core::{TryCryptoRng, TryRng};

use super::event::Event;
use super::ledger::Ledger;
use super::sink::SinkAnswer;
use super::transfer_key::TransferKey;
use crate::custodian::Algorithm;
use crate::rng::{Erased, RngError, Watched};
use crate::rsa::PrivateKey;
use crate::sealed_domain::ModuleVersion;
use crate::storage::{DeviceKey, Flash, Medium};

/// The HSM around a domain. Every operation that draws, writes or changes something takes one.
pub trait Host: Flash {
    /// The random number generator.
    type Rng: TryCryptoRng + ?Sized;

    /// Returns the random number generator.
    fn rng(&mut self) -> &mut Self::Rng;

    /// Returns the time in Unix seconds; 0 if the HSM has no trusted clock.
    fn now(&mut self) -> u64;

    /// Returns the key that only this device has, in hardware or as a
    /// [`Secret`](crate::secret::Secret) of 32 bytes. It must have no other use.
    fn device_key(&mut self) -> &mut dyn DeviceKey;

    /// Returns the version of this HSM's firmware, as the vendor counts; without a count, as by
    /// default, it is the lowest. A sealed domain that needs a later version is not recovered
    /// ([`ModuleFloor`](crate::sealed_domain::ModuleFloor)).
    fn module_version(&self) -> ModuleVersion {
        ModuleVersion::NONE
    }

    /// Returns the device that holds the transfer keys of sessions; `None` if the vault holds them,
    /// as by default. It must be the same for as long as a session lasts.
    fn transfer_key(&mut self) -> Option<&mut dyn TransferKey> {
        None
    }

    /// Returns the kind of transfer key that a recovery is to have. With `None`, as by default, it
    /// is the first that is as strong as every custodian's key among: RSA, if a device holds
    /// transfer keys ([`transfer_key`](Self::transfer_key)); the key that is prepared
    /// ([`prepared_key`](Self::prepared_key)); X-Wing and MLKEM1024-P384 (feature `pq`); P-256
    /// (feature `p256`); RSA.
    ///
    /// An RSA key takes long to generate, half a minute and more on a microcontroller; a key of
    /// another kind takes as long as a few of its operations. On a Cortex-M4 a key of X-Wing needs
    /// 44 KB of stack, and a key of P-256 less than 8 KB (`docs/footprint.md`).
    fn transfer_kind(&mut self) -> Option<Algorithm> {
        None
    }

    /// Returns an RSA key that was made beforehand, to be the transfer key of the session that
    /// begins, where the vault holds it. `None`, as by default, lets the vault generate a key. An
    /// RSA key takes long: [`KeyGeneration`](crate::rsa::KeyGeneration) makes one in steps.
    ///
    /// The vault copies the key and wipes it here, also if the session does not begin then. It leaves a key
    /// that is shorter than the longest key of the custodians, or than the import asks for, and generates
    /// one. The key must have no other use.
    fn prepared_key(&mut self) -> Option<&mut PrivateKey> {
        None
    }

    /// Receives every operation before it takes effect. A refused operation does not happen, except
    /// for protective ones, the end of a session and zeroizing: these happen, and are reported
    /// again later.
    ///
    /// ```
    /// use security_domain::lifecycle::{Event, SinkAnswer};
    ///
    /// fn report(log: &mut Vec<String>, event: &Event) -> SinkAnswer {
    ///     if log.len() == 1000 {
    ///         return SinkAnswer::REFUSED;
    ///     }
    ///     log.push(format!("{event:?}"));
    ///     SinkAnswer::AGREED
    /// }
    /// ```
    fn report(&mut self, event: &Event) -> SinkAnswer;

    /// Returns the log of this HSM, which receives each event after [`report`](Self::report) has
    /// agreed to it, and must agree as well. `None`, as by default, if there is none.
    fn ledger(&mut self) -> Option<&mut dyn Ledger> {
        None
    }

    /// Called at public, evenly spaced points of every long operation, for example to feed a watchdog.
    /// It must not take long. `docs/footprint.md` says how far apart the points are.
    fn progress(&mut self) {}
}

/// The generator of a host, which is told of the progress of what draws from it.
pub(super) struct HostRng<'h, H: ?Sized>(pub(super) &'h mut H);

/// Returns what tells the host of progress, for what draws nothing.
pub(super) fn watched<H: Host + ?Sized>(host: &mut H) -> HostRng<'_, H> {
    HostRng(host)
}

impl<H: Host + ?Sized> TryRng for HostRng<'_, H> {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        Erased(Host::rng(self.0)).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        Erased(Host::rng(self.0)).try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        Erased(Host::rng(self.0)).try_fill_bytes(out)
    }
}

impl<H: Host + ?Sized> TryCryptoRng for HostRng<'_, H> {}

impl<H: Host + ?Sized> Watched for HostRng<'_, H> {
    fn tick(&mut self) {
        self.0.progress();
    }
}

/// The host provides what seals the state at rest.
impl<H: Host + ?Sized> Medium for H {
    type Rng = H::Rng;

    fn rng(&mut self) -> &mut H::Rng {
        Host::rng(self)
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        Host::device_key(self)
    }

    fn progress(&mut self) {
        Host::progress(self);
    }
}
