// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares to the master key, around those that are wrong.

use core::fmt;
use heapless::Vec;

use super::DomainFile;
use crate::managed_hsm::shares::{Selection, Share};
use crate::managed_hsm::{MAX_CUSTODIANS, MasterKey};
use crate::x509::Thumbprint;

impl DomainFile<'_> {
    /// Combines shares of at least a quorum of custodians to the master key, and checks that it opens
    /// every artifact.
    ///
    /// With more shares than it takes, all are checked: every choice of a quorum among them (at most
    /// 252) is tried against the file, and the shares that do not lie on the polynomials of the one
    /// that opens it are named and left out. With exactly as many as it takes, nobody can tell which
    /// one is wrong.
    ///
    /// Secret: the shares' values, the master key. Public: the file, the custodians and indices.
    /// Leaks: whether it opens, and which shares are wrong then.
    pub fn combine(&self, shares: &[Share]) -> Result<Combined, CombineError> {
        self.check_shares(shares)?;
        let threshold = u32::from(self.quorum.threshold().get());
        let mut found: Option<Found<'_>> = None;
        for subset in 0..1u16 << shares.len() {
            if subset.count_ones() != threshold {
                continue;
            }
            if let Some(selection) = Selection::new(shares, subset) {
                let (key, good) = selection.combine();
                // That these shares open the file, or not, is what `left_out` tells.
                if (good & self.enc_data.suits(&key)).declassify() {
                    let next = Found::new(selection, key, shares);
                    let better =
                        { found.as_ref() }.is_none_or(|best| best.agreeing < next.agreeing);
                    found = if better { Some(next) } else { found };
                }
            }
        }
        let found = found.ok_or(CombineError::DoesNotOpen)?;
        if found.selection.is_degenerate().declassify() || !self.enc_data.opens(&found.key) {
            return Err(CombineError::DoesNotOpen);
        }
        // Of shares with one index the first counts. An index is 1 to 10.
        let (mut left_out, mut indices) = (Vec::new(), 0u16);
        for share in shares {
            let index = 1 << share.index().get();
            if found.agrees(share) && indices & index == 0 {
                indices |= index;
            } else {
                let pushed = left_out.push(share.custodian());
                pushed.map_err(|_| CombineError::DoesNotOpen)?;
            }
        }
        Ok(Combined {
            left_out,
            master_key: found.key,
        })
    }

    /// Checks that there are enough shares, of this file's custodians, of each no more than one.
    fn check_shares(&self, shares: &[Share]) -> Result<(), CombineError> {
        let mut rest = shares.iter();
        while let Some(custodian) = rest.next().map(Share::custodian) {
            if !self.custodians().any(|listed| listed == custodian) {
                return Err(CombineError::NotListed(custodian));
            }
            if rest.clone().any(|other| other.custodian() == custodian) {
                return Err(CombineError::SameCustodian(custodian));
            }
        }
        let need = usize::from(self.quorum.threshold().get());
        let have = shares.len();
        if have < need {
            return Err(CombineError::TooFewShares { have, need });
        }
        Ok(())
    }
}

/// A quorum of shares that opens the file. Wrong shares can make the right key, if their errors
/// cancel out, so the quorum that most shares agree with is the one that is believed.
struct Found<'s> {
    selection: Selection<'s>,
    key: MasterKey,
    agreeing: usize,
}

impl<'s> Found<'s> {
    fn new(selection: Selection<'s>, key: MasterKey, shares: &[Share]) -> Self {
        let mut found = Self {
            selection,
            key,
            agreeing: 0,
        };
        found.agreeing = shares.iter().filter(|share| found.agrees(share)).count();
        found
    }

    /// Whether a share lies on the quorum's polynomials.
    fn agrees(&self, share: &Share) -> bool {
        self.selection.agrees_with(share).declassify()
    }
}

/// What shares combined to.
#[derive(Debug)]
pub struct Combined {
    master_key: MasterKey,
    left_out: Vec<Thumbprint, MAX_CUSTODIANS>,
}

impl Combined {
    /// The key, which opens every artifact of the file.
    pub fn master_key(&self) -> &MasterKey {
        &self.master_key
    }

    /// The custodians whose shares are wrong. They were not used.
    pub fn left_out(&self) -> &[Thumbprint] {
        &self.left_out
    }
}

/// Why shares did not combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CombineError {
    /// There are fewer shares than the quorum takes.
    TooFewShares {
        /// How many there are.
        have: usize,
        /// How many it takes.
        need: usize,
    },
    /// Two shares are of the same custodian.
    SameCustodian(Thumbprint),
    /// A share is of a custodian whom the file does not name.
    NotListed(Thumbprint),
    /// No quorum among the shares opens every artifact. Nothing more can be told.
    DoesNotOpen,
}

impl fmt::Display for CombineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewShares { have, need } => {
                write!(f, "{have} shares where the quorum takes {need}")
            }
            Self::SameCustodian(custodian) => write!(f, "two shares of custodian {custodian}"),
            Self::NotListed(custodian) => write!(f, "the file has no custodian {custodian}"),
            Self::DoesNotOpen => f.write_str("the artifacts do not open with these shares"),
        }
    }
}

impl core::error::Error for CombineError {}
