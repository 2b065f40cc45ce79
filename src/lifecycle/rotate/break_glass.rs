// SPDX-License-Identifier: MIT OR Apache-2.0
//! Breaks the glass: when the present quorum cannot consent any more, a rotation can do without it,
//! if the present file allows that, and only after the delay that the file names. Each present custodian
//! can veto it until then, and until the rotation is committed.

use core::num::NonZeroU32;

use super::error::RotationError;
use super::glass::Glass;
use super::reason::Reason;
use crate::approval::{Act, ActError, ActId, ActKind, ActSubject, ActTerms, Approval};
use crate::ct::Mask;
use crate::hardened::Verdict;
use crate::lifecycle::activate::is_header;
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::event::{Ended, Event, Step};
use crate::lifecycle::host::Host;
use crate::lifecycle::session::Ticked;
use crate::lifecycle::state::{Active, Domain, Refused, Rotating};
use crate::lifecycle::vault::Vault;
use crate::sealed_domain::SealedDomain;

impl<'v, const N: usize> Domain<'v, Rotating, N> {
    /// Breaks the glass: from the delay on that `current`, the domain's present file, names, this rotation
    /// needs no consent ([`RotationStatus::opens`](super::RotationStatus::opens)). The new custodians must
    /// prove all the same. A glass that is already broken stays as it is.
    ///
    /// Send [`veto_act`](Self::veto_act) to every present custodian at once. The delay is as good as the
    /// host's clock.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// - [`RotationError::NoBreakGlass`]: the present file does not allow it.
    /// - [`RotationError::ExpiresBefore`]: the rotation expires before the delay is over.
    /// - [`LifecycleError::NoClock`]: there was no clock when the rotation began.
    /// - [`LifecycleError::OtherHeader`]: `current` is not this HSM's sealed domain.
    /// - [`LifecycleError::Expired`], as for [`consent`](Self::consent).
    /// - Any failure of the sink, the clock or the flash. If the flash fails, the glass may be broken: the
    ///   status says so, and it can be vetoed.
    pub fn break_glass<H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        reason: Reason,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.vault.serve(Step::BreakGlass, host, |vault, host| {
            vault.break_glass(current, reason, host)
        })
    }

    /// Writes the act that a present custodian approves to veto the break-glass
    /// ([`approve`](crate::approval::approve)) to the front of `out`, which needs [`Act::MAX_LEN`]
    /// bytes, and returns its length. It is the same each time.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// - [`RotationError::GlassIntact`]: the glass is not broken.
    /// - [`LifecycleError::BufferTooSmall`]: `out` is too small.
    /// - [`LifecycleError::OtherHeader`]: `current` is not this HSM's sealed domain.
    /// - [`LifecycleError::Expired`]: the rotation has expired.
    pub fn veto_act(
        &self,
        current: &SealedDomain<'_>,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        Ok(self.vault.veto_act(current, out)?.as_bytes().len())
    }

    /// Takes the veto of one present custodian, and abandons the rotation as
    /// [`abandon`](Self::abandon) does. It serves until the rotation is committed, also after the delay.
    /// It happens even if the sink refuses. In the error state it is refused, because it verifies a
    /// signature; `abandon` is not.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// - [`RotationError::Veto`]: this is no present custodian's approval of the veto's act.
    /// - Those of [`veto_act`](Self::veto_act).
    /// - Those of [`abandon`](Self::abandon). The rotation has ended in the vault then; call
    ///   [`expire`](Self::expire) to get the active domain.
    pub fn veto<H: Host>(
        self,
        current: &SealedDomain<'_>,
        approval: &Approval<'_>,
        host: &mut H,
    ) -> Result<Domain<'v, Active, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::Veto, host, |vault, host| {
            vault.veto(current, approval, host)
        })?;
        Ok(domain)
    }
}

/// Returns the time from which a glass that is broken now needs no consent, in Unix seconds.
fn opens(current: &SealedDomain<'_>, now: u64) -> Option<u64> {
    let delay = current.header().break_glass().map(NonZeroU32::get)?;
    now.checked_add(u64::from(delay))
}

impl<const N: usize> Vault<N> {
    fn break_glass<H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        reason: Reason,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let Ticked { permit, now } = self.tick(host)?;
        let header = self.standing.header().ok_or(LifecycleError::Fault)?;
        let same = is_header(current, header)?;
        if self.rotation()?.glass != Glass::INTACT {
            return Ok(());
        }
        let clock = self.session.as_ref().ok_or(LifecycleError::Expired)?.clock;
        if clock.latest == 0 {
            return Err(LifecycleError::NoClock);
        }
        let from = opens(current, now).ok_or(RotationError::NoBreakGlass)?;
        if clock.expires != 0 && clock.expires < from {
            let expires = clock.expires;
            return Err(RotationError::ExpiresBefore {
                expires,
                opens: from,
            }
            .into());
        }
        let rotation = self.rotation()?;
        let event = Event::BreakGlass {
            epoch: rotation.epoch,
            header: rotation.header,
            opens: from,
            reason,
        };
        let permit = { permit.and(same) }.and(self.audit.report(host, &event)?);
        self.rotation_mut()?.glass = Glass::broken(from);
        let kept = self.rotation()?.glass.opens();
        let waits = Verdict::twice(|| match opens(current, now) {
            Some(from) => Mask::at_most(from, kept) & Mask::at_most(1, kept),
            None => Mask::public(false),
        });
        waits
            .permit(LifecycleError::Fault)
            .and_then(|waits| self.save_rotation(now, permit.and(waits), host))
            .inspect_err(|_| {
                // Where the flash failed it may hold the broken glass. It can be vetoed then.
                if self.takes_writes() {
                    self.restore(|rotation| rotation.glass = Glass::INTACT);
                }
            })
    }

    /// Writes the act of a veto. All that is in it is kept, so that it is the same each time. Its id is the
    /// digest of the rotation's request, which names a drawn session.
    fn veto_act<'o>(
        &self,
        current: &SealedDomain<'_>,
        out: &'o mut [u8],
    ) -> Result<Act<'o>, LifecycleError> {
        let header = self.standing.header().ok_or(LifecycleError::Fault)?;
        is_header(current, header)?.spend(LifecycleError::Fault)?;
        let rotation = self.session.rotation().ok_or(LifecycleError::Expired)?;
        let request = rotation.request.ok_or(LifecycleError::Fault)?;
        let opens = rotation.glass.opens();
        if opens == 0 {
            return Err(RotationError::GlassIntact.into());
        }
        let delay = { current.header().break_glass() }.ok_or(LifecycleError::Fault)?;
        let created = opens.checked_sub(u64::from(delay.get()));
        let terms = ActTerms {
            kind: ActKind::VetoBreakGlass,
            instance: self.instance.id,
            subject: ActSubject::from_bytes(*rotation.header.as_bytes()),
            created: created.ok_or(LifecycleError::Fault)?,
            expires: 0,
        };
        let id = ActId::from_bytes(*request.as_bytes());
        Act::write_as(id, current, &terms, out).map_err(|error| match error {
            ActError::BufferTooSmall { needed } => LifecycleError::BufferTooSmall { needed },
            _ => LifecycleError::Fault,
        })
    }

    fn veto<H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        approval: &Approval<'_>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let mut file = [0; Act::MAX_LEN];
        let act = self.veto_act(current, &mut file)?;
        let (_, signed) =
            { approval.check(current.header(), &act) }.map_err(RotationError::Veto)?;
        signed.spend(LifecycleError::Fault)?;
        self.end_session(Ended::Vetoed, host)
    }
}
