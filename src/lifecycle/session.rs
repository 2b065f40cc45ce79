// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session: the HSM's state while it gathers a quorum, waits for a restore blob,
//! or changes its quorum.

use core::hint::black_box;
use core::num::NonZeroU64;

use heapless::Vec;
use zeroize::Zeroize;

use super::error::LifecycleError;
#[cfg(feature = "managed-hsm")]
use super::import::Import;
use super::rotate::Rotation;
use super::session_key::SessionKey;
use crate::contribution::RequestDigest;
use crate::ct::{Mask, eq_bytes};
use crate::custodian::CustodianId;
use crate::hardened::{Fault, Permit, Verdict};
use crate::quorum::Threshold;
use crate::sealed_domain::{
    DomainId, DomainShare, Epoch, ExpectedDomain, HeaderDigest, MAX_CUSTODIANS, SealedDomain,
};

/// The conditions that hold during a session, and what it has gathered. The shares are wiped with
/// it.
pub(super) struct Session {
    pub(super) clock: Clock,
    pub(super) task: Task,
}

// A vault has one session; without an allocator, the smaller task cannot take less room.
#[allow(clippy::large_enum_variant)]
pub(super) enum Task {
    Recovery(Recovery),
    #[cfg(feature = "managed-hsm")]
    Import(Import),
    Rotation(Rotation),
}

/// The place of a session and its transfer key in the vault, wiped as a whole when the session ends.
///
/// Moving a session here can also copy, into its unused parts, what lay on the stack before, and so
/// can the `None` of an `Option`.
pub(super) struct Place {
    session: Vec<Session, 1>,
    pub(super) key: SessionKey,
}

impl Place {
    pub(super) const fn new() -> Self {
        Self {
            session: Vec::new(),
            key: SessionKey::NONE,
        }
    }

    pub(super) fn as_ref(&self) -> Option<&Session> {
        self.session.first()
    }

    pub(super) fn as_mut(&mut self) -> Option<&mut Session> {
        self.session.first_mut()
    }

    /// Returns the session if it gathers a quorum.
    pub(super) fn recovery(&self) -> Option<&Recovery> {
        match &self.as_ref()?.task {
            Task::Recovery(recovery) => Some(recovery),
            _ => None,
        }
    }

    /// Returns the session, to be changed, if it gathers a quorum.
    pub(super) fn recovery_mut(&mut self) -> Option<&mut Recovery> {
        match &mut self.as_mut()?.task {
            Task::Recovery(recovery) => Some(recovery),
            _ => None,
        }
    }

    /// Returns the session if it changes the quorum.
    pub(super) fn rotation(&self) -> Option<&Rotation> {
        match &self.as_ref()?.task {
            Task::Rotation(rotation) => Some(rotation),
            _ => None,
        }
    }

    /// Returns the session, to be changed, if it changes the quorum.
    pub(super) fn rotation_mut(&mut self) -> Option<&mut Rotation> {
        match &mut self.as_mut()?.task {
            Task::Rotation(rotation) => Some(rotation),
            _ => None,
        }
    }

    /// Returns the session if it is an import.
    #[cfg(feature = "managed-hsm")]
    pub(super) fn import(&self) -> Option<&Import> {
        match &self.as_ref()?.task {
            Task::Import(import) => Some(import),
            _ => None,
        }
    }

    /// Returns the session, to be changed, if it is an import.
    #[cfg(feature = "managed-hsm")]
    pub(super) fn import_mut(&mut self) -> Option<&mut Import> {
        match &mut self.as_mut()?.task {
            Task::Import(import) => Some(import),
            _ => None,
        }
    }

    /// Returns the session, if it is an import, and its transfer key.
    #[cfg(feature = "managed-hsm")]
    pub(super) fn import_and_key(&mut self) -> Option<(&Import, &mut SessionKey)> {
        match &self.session.first()?.task {
            Task::Import(import) => Some((import, &mut self.key)),
            _ => None,
        }
    }

    /// Begins a session, to which the transfer key belongs if there is one.
    pub(super) fn set(&mut self, session: Session) -> Result<(), Fault> {
        self.forget_session();
        // There is room for one.
        self.session.push(session).map_err(|_| Fault)
    }

    /// Wipes the session, its transfer key, and its room.
    pub(super) fn forget(&mut self) {
        self.forget_session();
        self.key.wipe();
    }

    fn forget_session(&mut self) {
        self.session.clear();
        // The place is fetched anew: if one instruction were skipped, both would wipe another one.
        black_box(self).session.zeroize();
    }
}

/// What a quorum is gathered for. The number is its code in the record.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Aim {
    /// The domain is to be in use here.
    Recover = 0x35,
    /// The domain is to be opened, reported and wiped.
    Rehearse = 0xca,
}

/// A sealed domain that is being recovered.
pub(super) struct Recovery {
    pub(super) aim: Aim,
    pub(super) header: HeaderDigest,
    pub(super) domain: DomainId,
    pub(super) epoch: Epoch,
    pub(super) threshold: Threshold,
    /// The request that custodians answer, wrapping their answers to the transfer key; `None` for a
    /// quorum in one place.
    pub(super) request: Option<RequestDigest>,
    pub(super) shares: Vec<DomainShare, MAX_CUSTODIANS>,
}

impl Recovery {
    /// Checks that `sealed` is the domain of this session.
    pub(super) fn check(&self, sealed: &SealedDomain<'_>) -> Result<Permit, LifecycleError> {
        let (have, want) = (sealed.header().digest(), self.header);
        Verdict::twice(|| eq_bytes(sealed.header().digest().as_bytes(), self.header.as_bytes()))
            .permit(LifecycleError::OtherHeader { have, want })
    }

    /// Returns a permit if the quorum is gathered for this.
    pub(super) fn check_aim(&self, aim: Aim) -> Result<Permit, Fault> {
        Verdict::twice(|| Mask::eq(self.aim as u32, aim as u32)).permit(Fault)
    }

    /// Returns the sealed domain that the session names.
    pub(super) const fn expected(&self) -> ExpectedDomain {
        ExpectedDomain::header(self.domain, self.epoch, self.header)
    }

    /// Returns the shares as opening takes them.
    pub(super) fn listed(&self) -> Result<Vec<&DomainShare, MAX_CUSTODIANS>, Fault> {
        let mut shares = Vec::new();
        for share in &self.shares {
            shares.push(share).map_err(|_| Fault)?;
        }
        Ok(shares)
    }

    /// Returns whether the session has this custodian's share.
    pub(super) fn has(&self, custodian: CustodianId) -> bool {
        let mut shares = self.shares.iter();
        shares.any(|share| share.custodian() == custodian)
    }

    /// Returns a permit if there are enough shares.
    pub(super) fn quorum(&self) -> Option<Permit> {
        Verdict::twice(|| !Mask::lt(self.shares.len() as u32, u32::from(self.threshold.get())))
            .permit(())
            .ok()
    }
}

/// The time in a session, which never goes back, and its end.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    /// The highest time seen; 0 if there was no clock when the session began.
    pub(super) latest: u64,
    /// The last second; 0 if the session does not expire.
    pub(super) expires: u64,
}

impl Clock {
    /// Makes the clock of a session that begins now, and expires after `lifetime` seconds if there
    /// is one.
    pub(super) fn new(now: u64, lifetime: Option<NonZeroU64>) -> Result<Self, LifecycleError> {
        let expires = match lifetime {
            Some(_) if now == 0 => return Err(LifecycleError::NoClock),
            Some(lifetime) => now.saturating_add(lifetime.get()),
            None => 0,
        };
        Ok(Self {
            latest: now,
            expires,
        })
    }

    /// Returns a permit for a step at the time that `now` returns, and that time. The clock is read
    /// for each evaluation. If there was no clock when the session began, there is always a permit.
    pub(super) fn check(&self, mut now: impl FnMut() -> u64) -> Result<Ticked, LifecycleError> {
        let (mut read, mut earliest) = (0, u64::MAX);
        let verdict = Verdict::twice(|| {
            read = now();
            earliest = earliest.min(read);
            self.goes_on(read)
        });
        let (have, seen) = (earliest, self.latest);
        match verdict.permit(LifecycleError::ClockUnsteady) {
            Ok(permit) => Ok(Ticked { permit, now: have }),
            Err(_) if self.runs(&mut now).is_err() => Err(LifecycleError::Expired),
            Err(_) if have < seen => Err(LifecycleError::ClockWentBack { have, seen }),
            Err(error) => Err(error),
        }
    }

    /// Returns a permit to continue, unless the session has expired. A single reading of the clock
    /// does not end a session: two in a row must agree that it has expired.
    pub(super) fn runs(&self, mut now: impl FnMut() -> u64) -> Result<Permit, LifecycleError> {
        let mut is_over = || {
            let read = now();
            self.is_later(read) & !self.goes_on(read)
        };
        Verdict::twice(|| !(is_over() & is_over())).permit(LifecycleError::Expired)
    }

    /// Records the time of a step that takes effect.
    pub(super) const fn note(&mut self, now: u64) {
        if self.latest != 0 && now > self.latest {
            self.latest = now;
        }
    }

    fn goes_on(&self, now: u64) -> Mask {
        let ends = !Mask::at_most(self.expires, 0);
        Mask::at_most(self.latest, 0)
            | (self.is_later(now) & (Mask::at_most(now, self.expires) | !ends))
    }

    fn is_later(&self, now: u64) -> Mask {
        Mask::at_most(self.latest, now)
    }
}

/// A permit for a step of a session, and the time of the step.
pub(super) struct Ticked {
    pub(super) permit: Permit,
    pub(super) now: u64,
}
