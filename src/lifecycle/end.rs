// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ends a session: when the operator cancels it, or when it expires.

use super::error::LifecycleError;
use super::event::Ended;
use super::host::Host;
use super::session::{Clock, Ticked};
use super::state::{Domain, Empty, QuorumMet, Recovering, Refused, Rehearsing, State};
#[cfg(feature = "managed-hsm")]
use super::state::{Imported, Importing};
use super::vault::Vault;

/// A state of a session, which can be cancelled and can expire.
pub trait InSession: State {}

impl InSession for Recovering {}

impl InSession for QuorumMet {}

impl InSession for Rehearsing {}

#[cfg(feature = "managed-hsm")]
impl InSession for Importing {}

#[cfg(feature = "managed-hsm")]
impl InSession for Imported {}

/// The result of asking whether a session has expired.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "one case or the other")]
pub enum Expiry<O, R> {
    /// The session has ended: the HSM is empty, or active after a rotation.
    Over(O),
    /// The session continues.
    Running(R),
}

impl<'v, S: InSession, const N: usize> Domain<'v, S, N> {
    /// Cancels the session: its transfer key, its shares and everything that came in are wiped, in
    /// memory and on the flash, as by [`zeroize`](Domain::zeroize), and the HSM is empty. This
    /// happens even if the sink refuses, and also in the error state, which it does not leave.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::NotWritten`] if the flash failed: it says what may be left there under the
    /// device key. [`LifecycleError::Overtaken`] if another vault has saved a state on this host:
    /// the flash is then left unchanged. [`LifecycleError::TransferKey`] if the device that held the
    /// transfer key may still hold it. The session has ended in the vault in each case.
    pub fn cancel<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Empty, N>, Refused<Domain<'v, Empty, N>>> {
        self.always(|vault| vault.end_session(Ended::Cancelled, host))
    }

    /// Ends the session if it has expired: its keys, its shares and everything that came in are
    /// wiped, in memory and on the flash. Call it from a timer, so that an unused session ends on
    /// time. This happens even if the sink refuses, and also in the error state.
    ///
    /// Every other step of an expired session is refused, and ends it too.
    ///
    /// # Errors
    ///
    /// As for [`cancel`](Self::cancel): the session has ended in the vault, and the flash failed.
    pub fn expire<H: Host>(
        mut self,
        host: &mut H,
    ) -> Result<Expiry<Domain<'v, Empty, N>, Self>, Refused<Domain<'v, Empty, N>>> {
        match self.vault.end_by(|vault| vault.expire(host)) {
            Ok(false) => Ok(Expiry::Running(self)),
            Ok(true) => Ok(Expiry::Over(Domain::new(self.vault))),
            Err(error) => Err(Refused {
                domain: Domain::new(self.vault),
                error,
            }),
        }
    }
}

impl<const N: usize> Vault<N> {
    /// Returns whether the session has ended, now or before.
    pub(super) fn expire<H: Host>(&mut self, host: &mut H) -> Result<bool, LifecycleError> {
        if self.session.as_ref().is_none() {
            // The session ended by itself, and the flash may have failed then.
            self.end_session(Ended::Expired, host)?;
            return Ok(true);
        }
        self.end_if_over(host)
    }

    /// Ends the session if it has expired, and returns whether it did. Only a permit lets it
    /// continue.
    pub(super) fn end_if_over<H: Host>(&mut self, host: &mut H) -> Result<bool, LifecycleError> {
        let Some(session) = self.session.as_ref() else {
            return Ok(false);
        };
        let runs = session.clock.runs(|| host.now());
        if runs
            .and_then(|permit| permit.spend(LifecycleError::Expired))
            .is_ok()
        {
            return Ok(false);
        }
        self.end_session(Ended::Expired, host)?;
        Ok(true)
    }

    /// Records the time in the session, and returns its clock as it was before.
    pub(super) fn note_time(&mut self, now: u64) -> Result<Clock, LifecycleError> {
        let session = self.session.as_mut().ok_or(LifecycleError::Fault)?;
        let before = session.clock;
        session.clock.note(now);
        Ok(before)
    }

    /// Returns a permit for a step of the session, and its time. Ends the session if it has
    /// expired.
    ///
    /// The time is recorded only when the step takes effect. So a clock that errs once, in a step
    /// that is refused, does not block later steps.
    pub(super) fn tick<H: Host>(&mut self, host: &mut H) -> Result<Ticked, LifecycleError> {
        let session = self.session.as_ref().ok_or(LifecycleError::Expired)?;
        let ticked = session.clock.check(|| host.now());
        if matches!(ticked, Err(LifecycleError::Expired)) {
            self.end_session(Ended::Expired, host)?;
        }
        ticked
    }
}
