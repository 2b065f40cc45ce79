// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proofs that a log holds a record.

use super::error::{ProofError, ProveError};
use super::file::{Kind, Parsed, ProofFileError, Ranges, split};
use crate::ct::eq_bytes;
use crate::custody::tree::{Head, RecordHash, parent};
use crate::hardened::Verdict;

/// A proof that a log holds a record, which shows nothing else of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion<'a>(Parsed<'a>);

impl<'a> Inclusion<'a> {
    /// Parses a proof and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ProofFileError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ProofFileError> {
        Parsed::parse(Kind::Inclusion, bytes).map(Self)
    }

    /// Writes the proof for record `number` of a log of `size` records to the front of `out`, which
    /// needs [`MAX_PROOF_LEN`](super::file::MAX_PROOF_LEN) bytes. `record` returns the digest of a
    /// record by its number; every record but this one is asked for once.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ProveError`] except [`Shorter`](ProveError::Shorter).
    pub fn write<E>(
        number: u32,
        size: u32,
        record: impl FnMut(u32) -> Result<RecordHash, E>,
        out: &mut [u8],
    ) -> Result<&[u8], ProveError<E>> {
        if number >= size {
            return Err(ProveError::NoSuchRecord { number, size });
        }
        let mut ranges = Ranges::new();
        let (mut start, mut end) = (0_u32, size);
        while end.saturating_sub(start) > 1 {
            let middle = start.saturating_add(split(end.saturating_sub(start)));
            if number < middle {
                ranges.push(middle..end)?;
                end = middle;
            } else {
                ranges.push(start..middle)?;
                start = middle;
            }
        }
        ranges.write(Kind::Inclusion, (number, size), record, out)
    }

    /// Returns the record's number.
    pub const fn number(&self) -> u32 {
        self.0.first
    }

    /// Returns the size of the log.
    pub const fn size(&self) -> u32 {
        self.0.size
    }

    /// Checks that the log with this head holds the record at [`number`](Self::number).
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ProofError`] except [`Shorter`](ProofError::Shorter).
    pub fn verify(&self, record: &RecordHash, head: &Head) -> Result<(), ProofError> {
        let Parsed { first, size, .. } = self.0;
        if size != head.size {
            return Err(ProofError::OtherSize {
                have: size,
                want: head.size,
            });
        }
        let Some(mut last) = size.checked_sub(1).filter(|last| first <= *last) else {
            return Err(ProofError::NoSuchRecord {
                number: first,
                size,
            });
        };
        let (mut place, mut node) = (first, *record.as_bytes());
        for sibling in self.0.nodes() {
            if last == 0 {
                return Err(ProofError::WrongLength);
            }
            if place & 1 == 1 || place == last {
                node = parent(sibling, &node);
                while place & 1 == 0 && place != 0 {
                    (place, last) = (place >> 1, last >> 1);
                }
            } else {
                node = parent(&node, sibling);
            }
            (place, last) = (place >> 1, last >> 1);
        }
        if last != 0 {
            return Err(ProofError::WrongLength);
        }
        Verdict::twice(|| eq_bytes(&node, head.root.as_bytes())).or(ProofError::WrongRoot)
    }
}
