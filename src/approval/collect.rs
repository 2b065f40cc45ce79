// SPDX-License-Identifier: MIT OR Apache-2.0
//! Collects approvals of one act until there are enough.

use core::fmt;

use super::act::{Act, UnfitAct};
use super::id::ActDigest;
use super::kind::ActKind;
use super::signed::{Approval, ApprovalError, statement};
use crate::ct::{Mask, eq_bytes};
use crate::custodian::CustodianId;
use crate::ed25519::SIGNATURE_LEN;
use crate::hardened::{Permit, Verdict};
use crate::quorum::{ShareIndex, Threshold};
use crate::sealed_domain::{ExpectError, ExpectedDomain, MAX_CUSTODIANS, SealedDomain};

/// The approvals of one act that are there so far. All is public.
pub struct Approvals<'a> {
    sealed: &'a SealedDomain<'a>,
    expect: ExpectedDomain,
    act: &'a Act<'a>,
    /// The signature of the custodian of each share, so that none can count twice.
    signatures: [Option<[u8; SIGNATURE_LEN]>; MAX_CUSTODIANS],
}

impl<'a> Approvals<'a> {
    /// Begins without an approval. `act` must be one that the caller wrote itself, and `expect`
    /// what the caller keeps of its domain.
    ///
    /// # Errors
    ///
    /// [`CollectError::Expect`] and [`CollectError::Unfit`]: `act` is not for the custodians of
    /// `sealed`, or `sealed` is not the expected domain.
    pub fn new(
        sealed: &'a SealedDomain<'a>,
        expect: &ExpectedDomain,
        act: &'a Act<'a>,
    ) -> Result<Self, CollectError> {
        let approvals = Self {
            sealed,
            expect: *expect,
            act,
            signatures: [None; MAX_CUSTODIANS],
        };
        approvals.fits()?.spend(CollectError::Fault)?;
        Ok(approvals)
    }

    fn fits(&self) -> Result<Permit, CollectError> {
        let header = self.sealed.header();
        let expected = self.expect.permit(header).map_err(CollectError::Expect)?;
        Ok(expected.and(self.act.fits(header)?))
    }

    /// Takes an approval at `now`, in Unix seconds, 0 if there is no clock, and returns whose it
    /// is. One that is refused changes nothing.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ApprovalError`].
    pub fn add(&mut self, approval: &Approval<'_>, now: u64) -> Result<CustodianId, ApprovalError> {
        let lasts = self.act.lasts(now)?;
        let (custodian, signed) = approval.check(self.sealed.header(), self.act)?;
        let place = usize::from(custodian.index.get()).wrapping_sub(1);
        let place = { self.signatures.get_mut(place) }.ok_or(ApprovalError::Fault)?;
        if place.is_some() {
            return Err(ApprovalError::Repeated(custodian.id));
        }
        lasts.and(signed).spend(ApprovalError::Fault)?;
        *place = Some(*approval.signature);
        Ok(custodian.id)
    }

    /// Returns how many custodians have approved.
    pub fn count(&self) -> u8 {
        self.signatures
            .iter()
            .flatten()
            .fold(0, |count, _| count + 1)
    }

    /// Returns how many must approve: as many as open the domain. A veto needs one, and is no matter of
    /// this collection ([`Domain::veto`](crate::lifecycle::Domain::veto)).
    pub fn threshold(&self) -> Threshold {
        self.sealed.header().quorum().threshold()
    }

    /// Returns what the act consumes, if enough custodians have approved and the act has not
    /// expired at `now`. Each signature is verified twice more, since one fault in
    /// [`add`](Self::add) must not stand for an approval.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`CollectError`]. The approvals are kept for another try.
    pub fn enough(&self, now: u64) -> Result<Approved, CollectError> {
        let fits = self.fits()?.and(self.act.lasts(now)?);
        let (have, need) = (self.count(), self.threshold());
        let enough = Verdict::twice(|| {
            let need = u32::from(self.sealed.header().quorum().threshold().get());
            !Mask::lt(self.verified(), need)
        })
        .permit(CollectError::NotEnough { have, need })?;
        Ok(Approved {
            kind: self.act.kind(),
            act: self.act.digest(),
            permit: fits.and(enough),
        })
    }

    /// Counts the custodians whose signatures verify.
    #[inline(never)]
    fn verified(&self) -> u32 {
        let header = self.sealed.header();
        let mut count = 0;
        for (signature, index) in self.signatures.iter().zip(1..) {
            let (Some(signature), Ok(index)) = (signature, ShareIndex::new(index)) else {
                continue;
            };
            let verifies = statement(&self.act.digest()).verifies(header, index, signature);
            count += verifies.select(1, 0);
        }
        count
    }
}

impl fmt::Debug for Approvals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approvals")
            .field("act", &self.act.digest())
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

/// Enough custodians have approved one act. The act consumes it.
///
/// It has no constructor, and is neither `Clone` nor `Copy`:
///
/// ```compile_fail,E0599
/// fn twice(approved: security_domain::approval::Approved) {
///     let again = approved.clone();
/// }
/// ```
#[must_use]
pub struct Approved {
    kind: ActKind,
    act: ActDigest,
    permit: Permit,
}

impl Approved {
    /// Returns the kind of the approved act.
    pub const fn kind(&self) -> ActKind {
        self.kind
    }

    /// Returns the digest of the approved act.
    pub const fn act(&self) -> ActDigest {
        self.act
    }

    /// Consumes the approval, and runs `effect`: what the act of this kind and digest does. The
    /// caller kept both since it wrote the act. The decision is tested again directly before
    /// `effect`, so keep what must not happen without it in there.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SpendError`], without running `effect`. The approval is lost then.
    #[inline(always)]
    pub fn spend<T>(
        self,
        kind: ActKind,
        act: ActDigest,
        effect: impl FnOnce() -> T,
    ) -> Result<T, SpendError> {
        self.permit(kind, act)?.spend(SpendError::Fault)?;
        Ok(effect())
    }

    /// Consumes the approval, and returns a permit for the act of this kind and digest.
    #[inline(always)]
    pub(crate) fn permit(self, kind: ActKind, act: ActDigest) -> Result<Permit, SpendError> {
        // As a whole twice: one place of `kind` that is wrong would serve both looks of one.
        let same = self.is_of(kind, &act)?.and(self.is_of(kind, &act)?);
        Ok(self.permit.and(same))
    }

    /// Returns a permit if what is approved is this act.
    #[inline(never)]
    pub(crate) fn is_of(&self, kind: ActKind, act: &ActDigest) -> Result<Permit, SpendError> {
        let (have, want) = (self.kind, kind);
        let same_kind =
            Verdict::twice(|| Mask::eq(u32::from(self.kind.code()), u32::from(kind.code())))
                .permit(SpendError::OtherKind { have, want })?;
        let (have, want) = (self.act, *act);
        let same_act = Verdict::twice(|| eq_bytes(self.act.as_bytes(), act.as_bytes()))
            .permit(SpendError::OtherAct { have, want })?;
        Ok(same_kind.and(same_act))
    }
}

/// Prints the act.
impl fmt::Debug for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approved")
            .field("kind", &self.kind)
            .field("act", &self.act)
            .finish_non_exhaustive()
    }
}

/// Why an act is not approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CollectError {
    /// The sealed domain is not the expected one.
    Expect(ExpectError),
    /// The act is not for this sealed domain, or has expired.
    Unfit(UnfitAct),
    /// Fewer custodians have approved than must.
    NotEnough {
        /// How many have approved.
        have: u8,
        /// How many must.
        need: Threshold,
    },
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl From<UnfitAct> for CollectError {
    fn from(unfit: UnfitAct) -> Self {
        Self::Unfit(unfit)
    }
}

impl fmt::Display for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect(error) => error.fmt(f),
            Self::Unfit(error) => error.fmt(f),
            Self::NotEnough { have, need } => {
                write!(
                    f,
                    "{have} of the {} custodians who must approve have approved",
                    need.get()
                )
            }
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for CollectError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Expect(error) => error.source(),
            Self::Unfit(error) => error.source(),
            _ => None,
        }
    }
}

/// Why an approval was refused for an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpendError {
    /// An act of another kind was approved.
    OtherKind {
        /// The kind that was approved.
        have: ActKind,
        /// The kind of the act.
        want: ActKind,
    },
    /// Another act was approved.
    OtherAct {
        /// The act that was approved.
        have: ActDigest,
        /// The act.
        want: ActDigest,
    },
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl fmt::Display for SpendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKind { have, want } => write!(f, "approved is to {have}, not to {want}"),
            Self::OtherAct { have, want } => write!(f, "act {have} is approved, not {want}"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for SpendError {}
