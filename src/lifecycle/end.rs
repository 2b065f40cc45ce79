// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of a session: at the operator's wish, or by itself when its time is over.

use super::error::LifecycleError;
use super::event::Ended;
use super::host::Host;
use super::session::{Clock, Ticked};
use super::state::{Domain, Empty, QuorumMet, Recovering, Refused, State};
#[cfg(feature = "managed-hsm")]
use super::state::{Imported, Importing};
use super::vault::Vault;

/// A state of a session, which the operator may end, and which may end by itself.
pub trait InSession: State {}

impl InSession for Recovering {}

impl InSession for QuorumMet {}

#[cfg(feature = "managed-hsm")]
impl InSession for Importing {}

#[cfg(feature = "managed-hsm")]
impl InSession for Imported {}

/// What became of a session that was asked whether its time is over.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "one case or the other")]
pub enum Expiry<'v, S: State, const N: usize> {
    /// It is over, and the HSM is empty.
    Over(Domain<'v, Empty, N>),
    /// The session goes on.
    Running(Domain<'v, S, N>),
}

impl<'v, S: InSession, const N: usize> Domain<'v, S, N> {
    /// Ends the session, as [`zeroize`](Domain::zeroize) ends a domain: its transfer key, its shares and
    /// what came in are wiped, here and on the flash, and the HSM is empty. It happens whatever the sink
    /// says, and in the error state, which it does not leave.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::NotWritten`] if the flash failed: it says what may be left there under the device
    /// key. [`LifecycleError::Overtaken`] if another vault has saved a state on this host since: the flash
    /// is left as it is. The session has ended in the vault all the same.
    pub fn cancel<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Empty, N>, Refused<Domain<'v, Empty, N>>> {
        self.always(|vault| vault.end_session(Ended::Cancelled, host))
    }

    /// Ends the session if its time is over: its keys, its shares and what came in are wiped, here and
    /// on the flash. Firmware calls it from a timer, so that a session that nobody uses ends on time.
    /// It happens whatever the sink says, and in the error state.
    ///
    /// Every other step of a session ends it, too, if its time is over, and is refused.
    ///
    /// # Errors
    ///
    /// As for [`cancel`](Self::cancel): it has ended here, and the flash failed.
    pub fn expire<H: Host>(
        mut self,
        host: &mut H,
    ) -> Result<Expiry<'v, S, N>, Refused<Domain<'v, Empty, N>>> {
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
    /// Whether the session has ended, now or before.
    fn expire<H: Host>(&mut self, host: &mut H) -> Result<bool, LifecycleError> {
        if self.session.as_ref().is_none() {
            // It ended by itself, and the flash may have failed then.
            self.end_session(Ended::Expired, host)?;
            return Ok(true);
        }
        self.end_if_over(host)
    }

    /// Ends the session if its time is over, and says whether it did. It goes on only by a permit.
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

    /// Lets the session take note of the time, and returns its clock as it was.
    pub(super) fn note_time(&mut self, now: u64) -> Result<Clock, LifecycleError> {
        let session = self.session.as_mut().ok_or(LifecycleError::Fault)?;
        let before = session.clock;
        session.clock.note(now);
        Ok(before)
    }

    /// A permit for a step of the session, and the time of it. The session ends if its time is over.
    ///
    /// The session takes note of the time only when the step takes effect: a clock that errs once,
    /// in a step that is refused, does not bar the steps that follow.
    pub(super) fn tick<H: Host>(&mut self, host: &mut H) -> Result<Ticked, LifecycleError> {
        let session = self.session.as_ref().ok_or(LifecycleError::Expired)?;
        let ticked = session.clock.check(|| host.now());
        if matches!(ticked, Err(LifecycleError::Expired)) {
            self.end_session(Ended::Expired, host)?;
        }
        ticked
    }
}
