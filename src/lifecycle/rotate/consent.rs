// SPDX-License-Identifier: MIT OR Apache-2.0
//! The present custodians consent: each contributes a share to the request of the rotation. The
//! share shows who consents; it is not kept.

use core::cell::RefCell;

use crate::contribution::{Contribution, open_contribution};
use crate::hardened::Permit;
use crate::lifecycle::activate::is_header;
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::event::{Event, Step};
use crate::lifecycle::host::{Host, watched};
use crate::lifecycle::recover::Added;
use crate::lifecycle::session::Ticked;
use crate::lifecycle::session_key::{Opener, SharedRng};
use crate::lifecycle::stage::Stage;
use crate::lifecycle::state::{Domain, Rotating};
use crate::lifecycle::vault::{Next, Vault};
use crate::rng::Watched;
use crate::sealed_domain::{OpenError, SealedDomain};
use crate::self_test::Test;

impl<const N: usize> Domain<'_, Rotating, N> {
    /// Adds a present custodian's contribution to the request of the rotation: he consents to the
    /// proposed quorum. `current` is the domain's present file. A refused contribution changes
    /// nothing; earlier ones stay. The share is wiped.
    ///
    /// Secret: the transfer key, the share. Public: `current`, the contribution. Leaks: whether it
    /// opened.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::Contribution`]: the contribution is refused.
    /// - [`LifecycleError::OtherHeader`]: `current` is not this HSM's sealed domain.
    /// - [`LifecycleError::Expired`]: the rotation has expired, and is abandoned. Call
    ///   [`expire`](Domain::expire) to get the active domain.
    /// - Any failure of the sink, the clock or the flash.
    pub fn consent<H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        contribution: &Contribution<'_>,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        self.vault.serve(Step::Consent, host, |vault, host| {
            vault.consent(current, contribution, host)
        })
    }
}

impl<const N: usize> Vault<N> {
    fn consent<H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        contribution: &Contribution<'_>,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        if let Some(kind) = self.session.key.algorithm() {
            let tests = Test::of(kind);
            self.health.first_use(tests, &mut watched(host))?;
        }
        let Ticked { permit, now } = self.tick(host)?;
        let header = self.standing.header().ok_or(LifecycleError::Fault)?;
        let same = is_header(current, header)?;
        let request = self.rotation()?.request.ok_or(LifecycleError::Fault)?;
        let shared = RefCell::new(&mut *host);
        let mut key = Opener::new(&mut self.session.key, &shared).ok_or(LifecycleError::Fault)?;
        let rng: &mut dyn Watched = &mut SharedRng(&shared);
        let share = open_contribution(contribution, current, request, &mut key, rng)
            .map_err(LifecycleError::Contribution)?;
        let (custodian, index) = (share.custodian(), share.index());
        let foreign = LifecycleError::Open(OpenError::ForeignShare(custodian));
        let permit = permit
            .and(same)
            .and(share.check_of(current.header(), foreign)?);
        drop(share);
        let before = self.rotation()?.consents;
        if before.has(index) {
            return Ok(Added::Already);
        }
        let permit = permit.and(self.audit.report(host, &Event::Consent { custodian })?);
        self.rotation_mut()?.consents.add(index);
        self.save_rotation(now, permit, host)
            .inspect_err(|_| self.restore(|rotation| rotation.consents = before))?;
        Ok(Added::New)
    }

    /// Writes the state of the rotation after an answer that came at this time.
    pub(super) fn save_rotation<H: Host>(
        &mut self,
        now: u64,
        permit: Permit,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let before = self.note_time(now)?;
        let next = Next {
            stage: Stage::Rotating,
            standing: self.standing,
        };
        self.commit(host, next, permit).inspect_err(|_| {
            if let Some(session) = self.session.as_mut() {
                session.clock = before;
            }
        })
    }
}
