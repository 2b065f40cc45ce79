// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every step of a domain goes through, whatever it does.

use super::error::LifecycleError;
use super::event::{Outcome, Step};
use super::host::Host;
use super::vault::Vault;
use crate::burn::{self, burning};
use crate::hardened::Permit;
use crate::storage::record::{self, RecordError};

impl<const N: usize> Vault<N> {
    /// Takes a step, unless the HSM is in its error state or another vault has overtaken this one. A
    /// fault in the step puts the HSM in its error state. The sink hears how the step ended, or that it
    /// was refused.
    pub(super) fn serve<H: Host, O>(
        &mut self,
        step: Step,
        host: &mut H,
        act: impl FnOnce(&mut Self, &mut H) -> Result<O, LifecycleError>,
    ) -> Result<O, LifecycleError> {
        let taken = self.serve_open(step, host, act)?;
        self.conclude(host, Outcome::Done);
        Ok(taken)
    }

    /// The same for a step that goes on afterwards: the sink does not hear yet how it ended.
    pub(super) fn serve_open<H: Host, O>(
        &mut self,
        step: Step,
        host: &mut H,
        act: impl FnOnce(&mut Self, &mut H) -> Result<O, LifecycleError>,
    ) -> Result<O, LifecycleError> {
        burning::<{ burn::SEALING }, _>(move || {
            self.audit.interrupt();
            let allowed = self.allows(host)?;
            allowed.spend(LifecycleError::Fault)?;
            let taken = act(self, host);
            if let Err(error) = &taken {
                match self.is_reported() {
                    true => self.conclude(host, Outcome::Failed),
                    false if error.is_refusal() => self.count_refusal(host, step),
                    false => {}
                }
            }
            self.latch(taken)
        })
    }

    /// Takes a step that only ends or destroys: it happens in the error state too, and whatever comes of
    /// its being written down. A fault in it puts the HSM in its error state as well.
    pub(super) fn end_by<O>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<O, LifecycleError>,
    ) -> Result<O, LifecycleError> {
        burning::<{ burn::SEALING }, _>(move || {
            self.audit.interrupt();
            let ended = act(self);
            self.latch(ended)
        })
    }

    /// A permit for a step: the HSM is not in its error state, and the state in this vault is the one
    /// that the flash holds.
    pub(super) fn allows<H: Host>(&self, host: &mut H) -> Result<Permit, LifecycleError> {
        Ok(self.health.check()?.and(self.stands(host)?))
    }

    /// Enters the error state if an outcome says that the machine erred.
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

    /// A permit if the counter stands where this vault saved its state last. It does not when another
    /// vault has saved a state on the same host since, be it that the HSM was zeroized there.
    ///
    /// After a write that failed the counter may be ahead, up to the number that the write gave.
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
