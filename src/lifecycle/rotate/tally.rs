// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which custodians have answered.

use crate::ct::Mask;
use crate::hardened::{Permit, Verdict};
use crate::quorum::ShareIndex;

/// A set of share indices, beside its complement: a flipped bit makes it no set at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::lifecycle) struct Tally {
    set: u16,
    complement: u16,
}

impl Tally {
    pub(in crate::lifecycle) const NONE: Self = Self {
        set: 0,
        complement: !0,
    };

    /// Returns what a record holds; `None` if the two halves do not belong together.
    pub(in crate::lifecycle) fn from_parts(set: u16, complement: u16) -> Option<Self> {
        (set == !complement).then_some(Self { set, complement })
    }

    /// Returns the set and its complement.
    pub(in crate::lifecycle) const fn parts(self) -> (u16, u16) {
        (self.set, self.complement)
    }

    /// Returns the set with these bits: bit `i` stands for share index `i`.
    const fn from_bits(set: u16) -> Self {
        Self {
            set,
            complement: !set,
        }
    }

    /// Adds an index. Indices past the last custodian's add nothing.
    pub(super) fn add(&mut self, index: ShareIndex) {
        *self = Self::from_bits(self.set | Self::bit(index));
    }

    /// Returns whether the index is in the set.
    pub(super) fn has(self, index: ShareIndex) -> bool {
        self.set & Self::bit(index) != 0
    }

    /// Returns how many indices are in the set.
    pub(super) const fn count(self) -> u8 {
        self.set.count_ones() as u8
    }

    /// Returns a permit if at least `need` indices are in the set. The need is read for each
    /// evaluation, and is at least two.
    pub(super) fn reaches<E>(&self, need: impl Fn() -> u8, refusal: E) -> Result<Permit, E> {
        Verdict::twice(|| {
            let is_set = Mask::eq(u32::from(self.set), u32::from(!self.complement));
            let need = u32::from(need());
            is_set & !Mask::lt(self.set.count_ones(), need) & !Mask::lt(need, 2)
        })
        .permit(refusal)
    }

    fn bit(index: ShareIndex) -> u16 {
        1_u16.checked_shl(u32::from(index.get())).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_index_once() {
        let index = |i| ShareIndex::new(i).unwrap();
        let mut tally = Tally::NONE;
        let reaches = |tally: Tally, need: u8| tally.reaches(|| need, ()).is_ok();
        for (i, count) in [(3, 1), (3, 1), (10, 2), (1, 3)] {
            tally.add(index(i));
            assert_eq!(tally.count(), count);
            assert!(tally.has(index(i)) && !tally.has(index(2)));
            assert_eq!(reaches(tally, count), count > 1);
            assert!(!reaches(tally, count + 1));
        }
        // No quorum is of fewer than two.
        assert!(!reaches(tally, 0) && !reaches(tally, 1) && reaches(tally, 2));
        let (set, complement) = tally.parts();
        assert!(Tally::from_parts(set, complement) == Some(tally));
        assert!(Tally::from_parts(set ^ 2, complement).is_none());
        tally.add(index(200));
        assert_eq!(tally.count(), 3);
    }

    #[test]
    fn no_flipped_bit_makes_a_quorum() {
        for bit in 0..16 {
            let mut tally = Tally::from_bits(0b1110);
            assert!(tally.reaches(|| 2, ()).is_ok());
            tally.set ^= 1 << bit;
            assert!(tally.reaches(|| 2, ()).is_err());
            let mut tally = Tally::from_bits(0b1110);
            tally.complement ^= 1 << bit;
            assert!(tally.reaches(|| 2, ()).is_err());
        }
    }
}
