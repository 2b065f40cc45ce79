// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checks and reports around every step of a domain.

use super::error::LifecycleError;
use super::event::{Outcome, Step};
use super::host::Host;
use super::vault::Vault;
use crate::burn::{self, burning};
use crate::hardened::Permit;
use crate::storage::record::{self, RecordError};

impl<const N: usize> Vault<N> {
    /// Runs a step, unless the HSM is in its error state or another vault has overtaken this one. A
    /// fault in the step puts the HSM in its error state. The sink receives the outcome, or the
    /// refusal.
    pub(super) fn serve<H: Host, O>(
        &mut self,
        step: Step,
        host: &mut H,
        act: impl FnOnce(&mut Self, &mut H) -> Result<O, LifecycleError>,
    ) -> Result<O, LifecycleError> {
        let taken = self.serve_open(step, host, act)?;
        self.audit.conclude(host, Outcome::Done);
        // A step that brought the HSM into use has taken effect. The next one tries again.
        let _ = self.endorse(host);
        Ok(taken)
    }

    /// The same for a step that continues afterwards: its outcome is not reported yet.
    pub(super) fn serve_open<H: Host, O>(
        &mut self,
        step: Step,
        host: &mut H,
        act: impl FnOnce(&mut Self, &mut H) -> Result<O, LifecycleError>,
    ) -> Result<O, LifecycleError> {
        burning::<{ burn::SEALING }, _>(move || {
            host.progress();
            self.interrupt();
            let allowed = self.allows(host)?;
            allowed.spend(LifecycleError::Fault)?;
            let taken = self.endorse(host).and_then(|()| act(self, host));
            if let Err(error) = &taken {
                self.backup_key.wipe();
                match self.audit.is_reported() {
                    true => self.audit.conclude(host, Outcome::Failed),
                    false if error.is_refusal() => self.audit.count_refusal(host, step),
                    false => {}
                }
            }
            self.latch(taken)
        })
    }

    /// Runs a step that only ends or destroys. It happens in the error state too, and even if it
    /// cannot be written. A fault in it also puts the HSM in its error state.
    pub(super) fn end_by<O>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<O, LifecycleError>,
    ) -> Result<O, LifecycleError> {
        burning::<{ burn::SEALING }, _>(move || {
            self.interrupt();
            let ended = act(self);
            self.latch(ended)
        })
    }

    /// Ends a backup or restore that was neither finished nor dropped.
    fn interrupt(&mut self) {
        self.audit.interrupt();
        self.backup_key.wipe();
    }

    /// Returns a permit for a step if the HSM is not in its error state, and this vault holds the
    /// same state as the flash.
    pub(super) fn allows<H: Host>(&self, host: &mut H) -> Result<Permit, LifecycleError> {
        Ok(self.health.check()?.and(self.stands(host)?))
    }

    /// Enters the error state if an outcome is a fault.
    pub(super) fn latch<O>(
        &mut self,
        outcome: Result<O, LifecycleError>,
    ) -> Result<O, LifecycleError> {
        outcome.inspect_err(|error| {
            if error.is_fault() {
                self.health.fail();
            }
        })
    }

    /// Returns a permit if the counter is where this vault last saved its state. It is not if
    /// another vault has saved a state on the same host since, for example by zeroizing the HSM.
    ///
    /// After a failed write the counter may be ahead, up to the number of that write.
    pub(super) fn stands<H: Host>(&self, host: &mut H) -> Result<Permit, LifecycleError> {
        let position = self.position.ok_or(LifecycleError::Fault)?;
        record::stands(host, &position).map_err(|error| match error {
            RecordError::RolledBack { have, counter } => {
                LifecycleError::Overtaken { have, counter }
            }
            error => error.into(),
        })
    }
}
