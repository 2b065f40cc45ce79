// SPDX-License-Identifier: MIT OR Apache-2.0
//! The time from which a rotation needs no consent.

use crate::ct::Mask;

/// The time from which a broken glass stands for the consent, in Unix seconds, or 0 while it is intact;
/// beside its complement: a flipped bit opens nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::lifecycle) struct Glass {
    opens: u64,
    complement: u64,
}

impl Glass {
    pub(in crate::lifecycle) const INTACT: Self = Self::broken(0);

    pub(super) const fn broken(opens: u64) -> Self {
        Self {
            opens,
            complement: !opens,
        }
    }

    /// Returns what a record holds; `None` if the two numbers do not belong together.
    pub(in crate::lifecycle) fn from_parts(opens: u64, complement: u64) -> Option<Self> {
        (opens == !complement).then_some(Self { opens, complement })
    }

    pub(in crate::lifecycle) const fn parts(self) -> (u64, u64) {
        (self.opens, self.complement)
    }

    /// Returns the time; 0 while the glass is intact.
    pub(super) const fn opens(self) -> u64 {
        self.opens
    }

    /// Returns whether the glass is broken, and its delay over at `now`.
    pub(super) fn is_open(&self, now: u64) -> Mask {
        Mask::at_most(1, self.opens)
            & Mask::at_most(self.opens, now)
            & Mask::at_most(self.opens, !self.complement)
            & Mask::at_most(!self.complement, self.opens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardened::Verdict;

    #[test]
    fn no_flipped_bit_opens_it() {
        let is_open = |glass: Glass| {
            let open = Verdict::twice(|| glass.is_open(1000));
            open.permit(()).is_ok()
        };
        assert!(is_open(Glass::broken(1000)) && !is_open(Glass::broken(1001)));
        for glass in [Glass::INTACT, Glass::broken(1001), Glass::broken(1 << 40)] {
            assert!(!is_open(glass));
            for bit in 0..64 {
                let (opens, complement) = glass.parts();
                let opens = opens ^ (1 << bit);
                assert!(!is_open(Glass { opens, complement }));
                assert!(Glass::from_parts(opens, complement).is_none());
                let complement = !opens;
                let (opens, _) = glass.parts();
                assert!(!is_open(Glass { opens, complement }));
            }
        }
    }
}
