// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proofs that a log continues a shorter one.

use super::error::{ProofError, ProveError};
use super::file::{Kind, Parsed, ProofFileError, Ranges, split};
use crate::ct::eq_bytes;
use crate::custody::tree::{Head, RecordHash, Tree, parent};
use crate::hardened::Verdict;

/// A proof that a log begins with every record of a shorter log, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consistency<'a>(Parsed<'a>);

impl<'a> Consistency<'a> {
    /// Parses a proof and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ProofFileError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ProofFileError> {
        Parsed::parse(Kind::Consistency, bytes).map(Self)
    }

    /// Writes the proof that a log of `to` records continues its first `from` to the front of
    /// `out`, which needs [`MAX_PROOF_LEN`](super::file::MAX_PROOF_LEN) bytes. `record` returns the
    /// digest of a record by its number; each is asked for at most once.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ProveError`] except
    /// [`NoSuchRecord`](ProveError::NoSuchRecord).
    pub fn write<E>(
        from: u32,
        to: u32,
        record: impl FnMut(u32) -> Result<RecordHash, E>,
        out: &mut [u8],
    ) -> Result<&[u8], ProveError<E>> {
        if from > to {
            return Err(ProveError::Shorter {
                have: to,
                want: from,
            });
        }
        let mut ranges = Ranges::new();
        let (mut start, mut end) = (0_u32, to);
        if from != 0 {
            while end != from {
                let middle = start.saturating_add(split(end.saturating_sub(start)));
                if from <= middle {
                    ranges.push(middle..end)?;
                    end = middle;
                } else {
                    ranges.push(start..middle)?;
                    start = middle;
                }
            }
            // The verifier knows the root of the shorter log, if that is a full subtree of the
            // other.
            if start != 0 {
                ranges.push(start..end)?;
            }
        }
        ranges.write(Kind::Consistency, (from, to), record, out)
    }

    /// Returns the size of the shorter log.
    pub const fn from(&self) -> u32 {
        self.0.first
    }

    /// Returns the size of the log that continues it.
    pub const fn to(&self) -> u32 {
        self.0.size
    }

    /// Checks that the log with the head `to` begins with the log with the head `from`.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ProofError`] except
    /// [`NoSuchRecord`](ProofError::NoSuchRecord).
    pub fn verify(&self, from: &Head, to: &Head) -> Result<(), ProofError> {
        for (have, want) in [(self.from(), from.size), (self.to(), to.size)] {
            if have != want {
                return Err(ProofError::OtherSize { have, want });
            }
        }
        if from.size > to.size {
            return Err(ProofError::Shorter {
                have: to.size,
                want: from.size,
            });
        }
        let (old, new) = self.roots(from)?;
        let old_fits = || eq_bytes(&old, from.root.as_bytes());
        Verdict::twice(old_fits).or(ProofError::WrongRoot)?;
        // Any log continues the empty one.
        let new = if from.size == 0 {
            *to.root.as_bytes()
        } else {
            new
        };
        Verdict::twice(|| eq_bytes(&new, to.root.as_bytes())).or(ProofError::WrongRoot)
    }

    /// Returns the roots of both logs as the nodes give them (RFC 9162 section 2.1.4.2).
    fn roots(&self, from: &Head) -> Result<([u8; 32], [u8; 32]), ProofError> {
        let nodes = self.0.nodes();
        if from.size == 0 {
            let none = nodes.is_empty().then(|| Tree::EMPTY.head());
            let root = *none.ok_or(ProofError::WrongLength)?.root.as_bytes();
            return Ok((root, root));
        }
        if self.from() == self.to() {
            let root = *from.root.as_bytes();
            let none = nodes.is_empty().then_some((root, root));
            return none.ok_or(ProofError::WrongLength);
        }
        let (first, rest) = if from.size.is_power_of_two() {
            (from.root.as_bytes(), nodes)
        } else {
            nodes.split_first().ok_or(ProofError::WrongLength)?
        };
        let mut place = from.size.saturating_sub(1);
        let mut last = self.to().saturating_sub(1);
        while place & 1 == 1 {
            (place, last) = (place >> 1, last >> 1);
        }
        let (mut old, mut new) = (*first, *first);
        for node in rest {
            if last == 0 {
                return Err(ProofError::WrongLength);
            }
            if place & 1 == 1 || place == last {
                (old, new) = (parent(node, &old), parent(node, &new));
                while place & 1 == 0 && place != 0 {
                    (place, last) = (place >> 1, last >> 1);
                }
            } else {
                new = parent(&new, node);
            }
            (place, last) = (place >> 1, last >> 1);
        }
        match last {
            0 => Ok((old, new)),
            _ => Err(ProofError::WrongLength),
        }
    }
}
