// SPDX-License-Identifier: MIT OR Apache-2.0
//! Combines shares to the master key, despite wrong ones.

use core::fmt;
use heapless::Vec;

use super::DomainFile;
use crate::burn::{self, burning};
use crate::ct::Mask;
use crate::hardened::{Fault, Verdict};
use crate::managed_hsm::custodians::MAX_CUSTODIANS;
use crate::managed_hsm::error::OpenError;
use crate::managed_hsm::master_key::MasterKey;
use crate::managed_hsm::shares::{Selection, Share};
use crate::x509::Thumbprint;

/// The most quorums among the shares: 5 of 10.
const MAX_QUORUMS: usize = 252;

impl DomainFile<'_> {
    /// Combines shares of at least a quorum of custodians to the master key, and checks that the
    /// key opens every artifact.
    ///
    /// With more shares than needed, all are checked: the quorums among them (at most 252) are
    /// tried against the file, starting with those that most other shares agree with. The shares
    /// that do not lie on the polynomials of the quorum that opens it are left out and named. With
    /// exactly as many shares as needed, a wrong one cannot be identified.
    ///
    /// Secret: the shares' values, the master key. Public: the file, the custodians and indices.
    /// Leaks: which shares agree with each other, and which quorum opens the file.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`CombineError`].
    pub fn combine(&self, shares: &[Share]) -> Result<Combined, CombineError> {
        burning::<{ burn::JWE }, _>(move || {
            self.check_shares(shares)?;
            let candidates = candidates(shares, u32::from(self.quorum.threshold().get()))?;
            // Wrong shares can give the right key if their errors cancel out, so the quorum that
            // most shares agree with is trusted.
            for agreeing in (0..=u16::BITS).rev() {
                let equals = { candidates.iter() }.filter(|c| c.agreeing.count_ones() == agreeing);
                for candidate in equals {
                    let Some(selection) = Selection::new(shares, candidate.quorum) else {
                        continue;
                    };
                    let (key, good) = selection.combine()?;
                    if !(good & self.enc_data.suits(&key)?).declassify() {
                        continue;
                    }
                    let whole = Verdict::twice(|| match selection.is_degenerate() {
                        Ok(degenerate) => !degenerate,
                        Err(Fault) => Mask::public(false),
                    })
                    .permit(CombineError::DoesNotOpen)?;
                    let opens = self.enc_data.opens(&key)?.and(whole);
                    opens.spend(CombineError::DoesNotOpen)?;
                    return Combined::new(key, shares, candidate.agreeing);
                }
            }
            Err(CombineError::DoesNotOpen)
        })
    }

    /// Checks that there are enough shares, all of this file's custodians, at most one of each.
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

/// A quorum of shares, and all shares that lie on its polynomials: one bit for each share.
struct Candidate {
    quorum: u16,
    agreeing: u16,
}

/// Returns the quorums among the shares, and only one of those that give the same key.
///
/// Secret: the shares' values. Public: their indices. Leaks: which shares agree with each other.
fn candidates(
    shares: &[Share],
    threshold: u32,
) -> Result<Vec<Candidate, MAX_QUORUMS>, CombineError> {
    let mut candidates: Vec<Candidate, MAX_QUORUMS> = Vec::new();
    for quorum in (0..1u16 << shares.len()).filter(|quorum| quorum.count_ones() == threshold) {
        if { candidates.iter() }.any(|earlier| quorum & !earlier.agreeing == 0) {
            continue;
        }
        if let Some(selection) = Selection::new(shares, quorum) {
            let agreeing = agreeing(&selection, shares, quorum)?;
            // There is room for all.
            { candidates.push(Candidate { quorum, agreeing }) }.map_err(|_| Fault)?;
        }
    }
    Ok(candidates)
}

/// Returns the shares that lie on the polynomials of a quorum, the quorum's included. If several
/// have the same index, only the first counts, since the others add nothing.
fn agreeing(selection: &Selection<'_>, shares: &[Share], quorum: u16) -> Result<u16, Fault> {
    let mut agreeing = quorum;
    for (place, share) in shares.iter().enumerate() {
        let taken = { shares.iter().enumerate() }
            .any(|(other, one)| agreeing >> other & 1 == 1 && one.index() == share.index());
        if !taken && selection.agrees_with(share)?.declassify() {
            agreeing |= 1 << place;
        }
    }
    Ok(agreeing)
}

/// The result of combining shares.
#[derive(Debug)]
pub struct Combined {
    master_key: MasterKey,
    left_out: Vec<Thumbprint, MAX_CUSTODIANS>,
}

impl Combined {
    /// Makes the result from a key and the shares that agree with it, one bit for each.
    fn new(master_key: MasterKey, shares: &[Share], agreeing: u16) -> Result<Self, CombineError> {
        let mut left_out = Vec::new();
        for (place, share) in shares.iter().enumerate() {
            if agreeing >> place & 1 == 0 {
                // There is room for all.
                left_out.push(share.custodian()).map_err(|_| Fault)?;
            }
        }
        Ok(Self {
            master_key,
            left_out,
        })
    }

    /// Returns the key, which opens every artifact of the file.
    pub fn master_key(&self) -> &MasterKey {
        &self.master_key
    }

    /// Returns the custodians whose shares are wrong. These shares were not used.
    pub fn left_out(&self) -> &[Thumbprint] {
        &self.left_out
    }
}

/// Why shares did not combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CombineError {
    /// There are fewer shares than the quorum needs.
    TooFewShares {
        /// How many shares were given.
        have: usize,
        /// How many shares are needed.
        need: usize,
    },
    /// Two shares belong to the same custodian.
    SameCustodian(Thumbprint),
    /// A share belongs to a custodian whom the file does not list.
    NotListed(Thumbprint),
    /// No quorum among the shares opens every artifact. Deliberately gives no reason.
    DoesNotOpen,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for CombineError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<OpenError> for CombineError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::DoesNotOpen => Self::DoesNotOpen,
            OpenError::BufferTooSmall { .. } | OpenError::Fault => Self::Fault,
        }
    }
}

impl fmt::Display for CombineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewShares { have, need } => {
                write!(f, "{have} shares given, {need} needed")
            }
            Self::SameCustodian(custodian) => {
                write!(f, "two shares belong to custodian {custodian}")
            }
            Self::NotListed(custodian) => write!(f, "the file does not list custodian {custodian}"),
            Self::DoesNotOpen => f.write_str("the artifacts do not open with these shares"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for CombineError {}
