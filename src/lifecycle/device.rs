// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a session that concern the host's device for transfer keys, or a key that the host has
//! prepared.

use super::error::LifecycleError;
use super::host::{Host, HostRng};
use super::transfer_key::TransferKeyError;
use super::vault::Vault;
use crate::ct::{Mask, eq_bytes};
use crate::custodian::UnwrapError;
use crate::hardened::{Fault, Permit, Verdict};
use crate::rng;
use crate::rsa::ModulusSize;
use crate::secret::Secret;

impl<const N: usize> Vault<N> {
    /// Generates the transfer key in the host's device, if it has one, and tests it. Returns a permit
    /// to use it; `None` if the vault has to hold the key.
    ///
    /// Secret: what is sent through the device as a test. Public: `size`, the public half. Leaks:
    /// whether the device works.
    pub(super) fn generate_in_device<H: Host>(
        &mut self,
        size: ModulusSize,
        host: &mut H,
    ) -> Result<Option<Permit>, LifecycleError> {
        let Some(device) = host.transfer_key() else {
            return Ok(None);
        };
        device.generate(size)?;
        let public = device.public_key()?;
        let public =
            { public.filter(|public| public.size() == size) }.ok_or(TransferKeyError::Unusable)?;
        self.session.key.set_in_device(&public);
        let (mut sent, mut opened) = (Secret::<32>::zeroed(), Secret::<32>::zeroed());
        rng::fill(&mut HostRng(host), sent.expose_mut())?;
        let mut wrapped = [0; ModulusSize::MAX_BYTES];
        let wrapped = wrapped.get_mut(..size.bytes()).ok_or(Fault)?;
        public.encrypt_oaep_sha256(&[], sent.expose(), &mut HostRng(host), wrapped)?;
        let device = host.transfer_key().ok_or(TransferKeyError::Missing)?;
        let len = match device.unwrap_key(wrapped, opened.expose_mut()) {
            Ok(len) => len,
            Err(UnwrapError::Device(error)) => return Err(error.into()),
            Err(_) => return Err(TransferKeyError::Unusable.into()),
        };
        let works = || Mask::public(len == 32) & eq_bytes(sent.expose(), opened.expose());
        let works = Verdict::twice(works).permit(TransferKeyError::Unusable)?;
        Ok(Some(works))
    }

    /// Takes the transfer key that the host has prepared. Returns false if there is none of at least this
    /// size.
    ///
    /// Secret: the key. Public: its size. Leaks: nothing else.
    pub(super) fn take_prepared<H: Host>(
        &mut self,
        size: ModulusSize,
        host: &mut H,
    ) -> Result<bool, Fault> {
        host.prepared_key()
            .map_or(Ok(false), |key| self.session.key.take(key, size))
    }

    /// Checks that the host's device holds the session's key, if that is in a device.
    pub(super) fn check_device<H: Host>(&self, host: &mut H) -> Result<(), LifecycleError> {
        let key = &self.session.key;
        if key.is_in_device() {
            key.device(host)?;
        }
        Ok(())
    }

    /// Destroys the key in the host's device, if it has one. The device must then say that it holds
    /// none.
    pub(super) fn destroy_in_device<H: Host>(
        &mut self,
        host: &mut H,
    ) -> Result<(), TransferKeyError> {
        let Some(device) = host.transfer_key() else {
            return Ok(());
        };
        let gone = device.destroy().is_ok() && device.public_key() == Ok(None);
        self.session.key.set_left(!gone);
        gone.then_some(()).ok_or(TransferKeyError::NotDestroyed)
    }
}
