// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an HSM keeps of its demands and of the open act.

use super::error::DemandError;
use crate::approval::{ActDigest, ActKind};
use crate::ct::Mask;
use crate::hardened::{Fault, Permit, Verdict};

/// The kinds of acts that need a quorum's approval, and the act that custodians were asked to approve.
///
/// The kinds stand there twice, so that a flipped bit frees none. All zeros is no demand and no act.
#[derive(Clone, Copy)]
pub(in crate::lifecycle) struct Demands {
    kinds: u8,
    again: u8,
    /// The code of the open act's kind; 0 without one.
    open: u8,
    digest: ActDigest,
    created: u64,
    expires: u64,
}

/// An act that custodians are asked to approve.
pub(in crate::lifecycle) struct OpenAct {
    pub(in crate::lifecycle) kind: ActKind,
    pub(in crate::lifecycle) digest: ActDigest,
    /// When custodians were asked; 0 without a clock.
    pub(in crate::lifecycle) created: u64,
    /// The last second in which it can be done; 0 if it does not expire.
    pub(in crate::lifecycle) expires: u64,
}

impl Demands {
    pub(in crate::lifecycle) const NONE: Self = Self {
        kinds: 0,
        again: 0,
        open: 0,
        digest: ActDigest::from_bytes([0; 32]),
        created: 0,
        expires: 0,
    };

    /// Returns what a record holds, bit `i` of both numbers for the kind with code `i`; `None` if they differ.
    pub(in crate::lifecycle) fn from_parts(kinds: u8, again: u8) -> Option<Self> {
        (kinds == again).then_some(Self {
            kinds,
            again,
            ..Self::NONE
        })
    }

    /// Returns the bits, twice.
    pub(in crate::lifecycle) const fn parts(&self) -> (u8, u8) {
        (self.kinds, self.again)
    }

    /// Returns whether there is neither a demand nor an open act.
    pub(in crate::lifecycle) const fn is_none(&self) -> bool {
        self.kinds == 0 && self.again == 0 && self.open == 0
    }

    pub(super) fn add(&mut self, kind: ActKind) {
        self.kinds |= bit(kind);
        self.again |= bit(kind);
    }

    pub(super) const fn drop_all(&mut self) {
        (self.kinds, self.again) = (0, 0);
    }

    /// Opens an act, and makes the one before void.
    pub(in crate::lifecycle) const fn ask(&mut self, act: OpenAct) {
        self.open = act.kind.code();
        self.digest = act.digest;
        self.created = act.created;
        self.expires = act.expires;
    }

    /// Makes the open act void.
    pub(in crate::lifecycle) const fn close(&mut self) {
        self.open = 0;
        self.digest = ActDigest::from_bytes([0; 32]);
        (self.created, self.expires) = (0, 0);
    }

    pub(super) fn has(&self, kind: ActKind) -> bool {
        self.kinds & bit(kind) != 0
    }

    /// Returns the open act, if there is one.
    pub(in crate::lifecycle) fn open(&self) -> Option<(ActKind, ActDigest)> {
        let kind = ActKind::from_code(u64::from(self.open))?;
        Some((kind, self.digest))
    }

    /// Returns when the open act was written, and the last second in which it can be done; 0 if there was
    /// no clock, and if it does not expire.
    pub(in crate::lifecycle) const fn times(&self) -> (u64, u64) {
        (self.created, self.expires)
    }

    /// Returns whether the open act can be done at `now`, which is not before it was written.
    pub(super) fn lasts(&self, now: u64) -> Mask {
        Mask::at_most(self.expires, 0)
            | (Mask::at_most(self.created, now) & Mask::at_most(now, self.expires))
    }

    /// Returns a permit if this kind is demanded.
    #[inline(never)]
    pub(super) fn check_has(&self, kind: ActKind) -> Result<Permit, Fault> {
        let has = |kinds: u8| !Mask::eq(u32::from(kinds & bit(kind)), 0);
        Verdict::twice(|| has(self.kinds) & has(self.again)).permit(Fault)
    }

    /// Returns a permit if no act is open.
    #[inline(never)]
    pub(super) fn check_closed(&self) -> Result<Permit, Fault> {
        Verdict::twice(|| Mask::eq(u32::from(self.open), 0)).permit(Fault)
    }

    /// Returns a permit for an act of this kind without approval, if none is demanded.
    #[inline(never)]
    pub(super) fn leaves_free(&self, kind: ActKind) -> Result<Permit, DemandError> {
        Verdict::twice(|| {
            let (kinds, again) = (u32::from(self.kinds), u32::from(self.again));
            Mask::eq(kinds, again) & Mask::eq(again & u32::from(bit(kind)), 0)
        })
        .permit(DemandError::NeedsApproval(kind))
    }

    /// The same for the one kind whose bit is not among `others`.
    #[inline(never)]
    pub(super) fn leaves_free_but<E>(&self, others: u8, refusal: E) -> Result<Permit, E> {
        Verdict::twice(|| {
            let (kinds, again) = (u32::from(self.kinds), u32::from(self.again));
            Mask::eq(kinds, again) & Mask::eq(again | u32::from(others), u32::from(others))
        })
        .permit(refusal)
    }
}

const fn bit(kind: ActKind) -> u8 {
    1 << kind.code()
}

/// Returns the bits of all other kinds.
pub(super) const fn others(kind: ActKind) -> u8 {
    !bit(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flipped_bit_frees_a_kind() {
        let frees = |demands: &Demands| {
            let kind = ActKind::FullBackup;
            let frees = demands.leaves_free(kind).is_ok();
            assert_eq!(demands.leaves_free_but(others(kind), ()).is_ok(), frees);
            frees
        };
        let mut demands = Demands::NONE;
        assert!(frees(&demands));
        demands.add(ActKind::EmitRelease);
        assert!(frees(&demands) && demands.leaves_free(ActKind::EmitRelease).is_err());
        demands.add(ActKind::FullBackup);
        assert!(!frees(&demands));
        for bit in 0..8 {
            let mut flipped = demands;
            flipped.kinds ^= 1 << bit;
            assert!(!frees(&flipped));
            let mut flipped = demands;
            flipped.again ^= 1 << bit;
            assert!(!frees(&flipped));
            let (kinds, again) = flipped.parts();
            assert!(Demands::from_parts(kinds, again).is_none());
        }
        demands.drop_all();
        assert!(frees(&demands) && demands.is_none());
    }
}
