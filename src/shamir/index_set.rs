// SPDX-License-Identifier: MIT OR Apache-2.0
//! A set of share indices, which are public.

use crate::quorum::ShareIndex;

/// A set of share indices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IndexSet([u128; 2]);

impl IndexSet {
    /// The empty set.
    pub const EMPTY: Self = Self([0; 2]);

    /// Adds `index` and returns whether it was new.
    pub fn insert(&mut self, index: ShareIndex) -> bool {
        let new = !self.contains(index);
        let [low, high] = &mut self.0;
        *(if index.get() < 128 { low } else { high }) |= 1 << (index.get() & 127);
        new
    }

    /// Returns whether `index` is in the set.
    pub const fn contains(&self, index: ShareIndex) -> bool {
        let [low, high] = self.0;
        let word = if index.get() < 128 { low } else { high };
        word >> (index.get() & 127) & 1 == 1
    }

    /// Returns how many indices there are.
    pub const fn len(&self) -> usize {
        let [low, high] = self.0;
        (low.count_ones() + high.count_ones()) as usize
    }

    /// Returns whether the set is empty.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over the indices in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = ShareIndex> {
        (1..=u8::MAX)
            .filter_map(|index| ShareIndex::new(index).ok())
            .filter(|&index| self.contains(index))
    }
}

impl core::fmt::Debug for IndexSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set()
            .entries(self.iter().map(ShareIndex::get))
            .finish()
    }
}
