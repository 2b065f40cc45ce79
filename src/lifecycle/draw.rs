// SPDX-License-Identifier: MIT OR Apache-2.0
//! The generator of an empty HSM, hedged with its device key.

use super::error::LifecycleError;
use super::host::{Host, HostRng};
use super::vault::Vault;
use crate::labels::Purpose;
use crate::rng::Watched;
use crate::sealed_domain::Hedged;
use crate::secret::Secret;
use crate::storage;

impl<const N: usize> Vault<N> {
    /// A generator for the draws of one step that begins a session or a domain, hedged with the device's secret for it,
    /// which is put into `secret`. The record's number is one of its inputs, so the draws of two steps differ, even if
    /// the host's generator repeats itself and there is no clock.
    ///
    /// Secret: the device key, the draws. Public: `aim`, the time. Leaks: whether the device failed.
    pub(super) fn hedged<'a, H: Host>(
        &self,
        secret: &'a mut Secret<32>,
        rng: &'a mut HostRng<'_, H>,
        aim: &[u8],
        now: u64,
    ) -> Result<Hedged<'a>, LifecycleError> {
        let number = self.position.ok_or(LifecycleError::Fault)?.number();
        storage::hedge(rng.0.device_key(), secret)?;
        Ok(hedge(rng, secret, aim, number, now))
    }
}

/// Hedges `rng` with the device's secret for it: two HSMs whose generators return the same bytes
/// share no draw.
///
/// Secret: `secret`, the draws. Public: `aim`, the number, the time. Leaks: nothing else.
pub(super) fn hedge<'a>(
    rng: &'a mut dyn Watched,
    secret: &'a Secret<32>,
    aim: &[u8],
    number: u64,
    now: u64,
) -> Hedged<'a> {
    let mut what = Secret::zeroed();
    *what.expose_mut() = Purpose::Session.digest([aim, &number.to_be_bytes(), &now.to_be_bytes()]);
    Hedged::with_device_key(rng, secret, what)
}
