// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checked numbers: the threshold, the share count and the share index.
//!
//! ```
//! use security_domain::quorum::{Quorum, QuorumError};
//!
//! const QUORUM: Quorum = Quorum::of::<3, 5>();
//! assert_eq!(QUORUM.to_string(), "3 of 5");
//! assert_eq!(QUORUM.indices().map(|index| index.get()).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
//!
//! // Numbers known only at run time.
//! assert_eq!(Quorum::new(3, 5)?, QUORUM);
//! assert_eq!(Quorum::new(6, 5), Err(QuorumError::ThresholdAboveCount));
//! # Ok::<(), QuorumError>(())
//! ```
//!
//! A constant that no shares can meet does not compile:
//!
//! ```compile_fail,E0080
//! # use security_domain::quorum::Quorum;
//! const QUORUM: Quorum = Quorum::of::<5, 3>();
//! ```
//!
//! ```compile_fail,E0080
//! # use security_domain::quorum::Quorum;
//! let quorum = Quorum::of::<1, 3>();
//! ```

use core::fmt;
use core::num::NonZeroU8;

/// How many shares rebuild the secret: 2 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Threshold(u8);

impl Threshold {
    /// Makes a threshold of at least 2. A threshold of 1 would make every share the secret itself.
    ///
    /// # Errors
    ///
    /// [`QuorumError::ThresholdBelowTwo`] if `threshold` is 0 or 1.
    pub const fn new(threshold: u8) -> Result<Self, QuorumError> {
        if threshold < 2 {
            return Err(QuorumError::ThresholdBelowTwo);
        }
        Ok(Self(threshold))
    }

    /// Returns the number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// How many shares a secret is split into: 2 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ShareCount(u8);

impl ShareCount {
    /// Makes a count of at least 2. A single share would not split anything.
    ///
    /// # Errors
    ///
    /// [`QuorumError::CountBelowTwo`] if `count` is 0 or 1.
    pub const fn new(count: u8) -> Result<Self, QuorumError> {
        if count < 2 {
            return Err(QuorumError::CountBelowTwo);
        }
        Ok(Self(count))
    }

    /// Returns the number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A rule `2 <= threshold <= count <= 255`: any `threshold` of `count` shares rebuild the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Quorum {
    threshold: Threshold,
    count: ShareCount,
}

impl Quorum {
    /// Makes the rule that any `threshold` of `count` shares rebuild the secret.
    ///
    /// # Errors
    ///
    /// - [`QuorumError::ThresholdBelowTwo`]: `threshold` is 0 or 1.
    /// - [`QuorumError::CountBelowTwo`]: `count` is 0 or 1.
    /// - [`QuorumError::ThresholdAboveCount`]: the numbers do not fit each other, or were swapped.
    pub const fn new(threshold: u8, count: u8) -> Result<Self, QuorumError> {
        let threshold = match Threshold::new(threshold) {
            Ok(threshold) => threshold,
            Err(error) => return Err(error),
        };
        let count = match ShareCount::new(count) {
            Ok(count) => count,
            Err(error) => return Err(error),
        };
        if threshold.0 > count.0 {
            return Err(QuorumError::ThresholdAboveCount);
        }
        Ok(Self { threshold, count })
    }

    /// The same for constants: numbers that [`new`](Self::new) refuses do not compile.
    pub const fn of<const THRESHOLD: u8, const COUNT: u8>() -> Self {
        const {
            match Self::new(THRESHOLD, COUNT) {
                Ok(quorum) => quorum,
                Err(_) => panic!("a quorum is 2 <= threshold <= count"),
            }
        }
    }

    /// Returns how many shares rebuild the secret.
    pub const fn threshold(self) -> Threshold {
        self.threshold
    }

    /// Returns how many shares there are.
    pub const fn count(self) -> ShareCount {
        self.count
    }

    /// Iterates over the indices of the shares, 1 to `count`.
    pub fn indices(self) -> impl DoubleEndedIterator<Item = ShareIndex> + Clone {
        (1..=self.count.0).filter_map(|index| ShareIndex::new(index).ok())
    }

    /// Returns whether a share of this quorum can have `index`.
    pub const fn contains(self, index: ShareIndex) -> bool {
        index.get() <= self.count.0
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.threshold.0, self.count.0)
    }
}

/// Which share of a set: 1 to 255. The index is public. No share has index 0, where the secret
/// lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ShareIndex(NonZeroU8);

impl ShareIndex {
    /// The first index.
    pub(crate) const FIRST: Self = Self(NonZeroU8::MIN);

    /// Makes an index of at least 1. The share at 0 would be the secret.
    ///
    /// # Errors
    ///
    /// [`QuorumError::IndexZero`] if `index` is 0.
    pub const fn new(index: u8) -> Result<Self, QuorumError> {
        match NonZeroU8::new(index) {
            Some(index) => Ok(Self(index)),
            None => Err(QuorumError::IndexZero),
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for ShareIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a threshold, a count or an index is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum QuorumError {
    /// The threshold is below 2.
    ThresholdBelowTwo,
    /// The number of shares is below 2.
    CountBelowTwo,
    /// The threshold is above the number of shares.
    ThresholdAboveCount,
    /// A share index is 0.
    IndexZero,
}

impl fmt::Display for QuorumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThresholdBelowTwo => "the threshold is below 2",
            Self::CountBelowTwo => "the number of shares is below 2",
            Self::ThresholdAboveCount => "the threshold is above the number of shares",
            Self::IndexZero => "the share index is 0",
        })
    }
}

impl core::error::Error for QuorumError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_rules_that_can_be_met_are_accepted() {
        for threshold in 0..=u8::MAX {
            for count in 0..=u8::MAX {
                let quorum = Quorum::new(threshold, count);
                let want = if threshold < 2 {
                    Err(QuorumError::ThresholdBelowTwo)
                } else if count < 2 {
                    Err(QuorumError::CountBelowTwo)
                } else if threshold > count {
                    Err(QuorumError::ThresholdAboveCount)
                } else {
                    Ok((threshold, count))
                };
                let got = quorum.map(|quorum| (quorum.threshold().get(), quorum.count().get()));
                assert_eq!(got, want, "{threshold} of {count}");
            }
        }
    }

    #[test]
    fn indices_start_at_one_and_stay_within_the_count() {
        assert_eq!(ShareIndex::new(0), Err(QuorumError::IndexZero));
        for count in [2, 3, 255] {
            let quorum = Quorum {
                threshold: Threshold(2),
                count: ShareCount(count),
            };
            assert!(quorum.indices().map(ShareIndex::get).eq(1..=count));
            assert!(quorum.indices().all(|index| quorum.contains(index)));
            if let Ok(beyond) = ShareIndex::new(count.wrapping_add(1)) {
                assert!(!quorum.contains(beyond));
            }
        }
    }
}
