// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a kernel sums.

use super::public::Public;
use crate::hardened::Fault;

/// How many terms a kernel receives at once: enough to hide the cost of storing the sum, in a small
/// array on the stack.
pub const TERMS: usize = 16;

/// One term of a sum: each byte of `row` times `by`.
#[derive(Clone, Copy)]
#[cfg_attr(
    feature = "hazmat",
    expect(clippy::exhaustive_structs, reason = "in `hazmat` only")
)]
pub struct Term<'a> {
    /// The public factor.
    pub by: Public,
    /// The secret bytes.
    pub row: &'a [u8],
}

/// Prints the factor, never the bytes.
impl core::fmt::Debug for Term<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Term({}, ..)", self.by.get())
    }
}

impl Term<'_> {
    /// A term without a row, for an array that is filled later.
    pub const NONE: Self = Self {
        by: Public::ZERO,
        row: &[],
    };
}

/// Whether the sum replaces the bytes in `out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "hazmat",
    expect(clippy::exhaustive_enums, reason = "in `hazmat` only")
)]
pub enum Store {
    /// `out` is set to the sum.
    Replace,
    /// The sum is added to `out`.
    Add,
}

/// Refuses rows that are not as long as `out`. No other place checks this.
#[inline]
pub(super) fn check_lengths(out: &[u8], terms: &[Term<'_>]) -> Result<(), Fault> {
    if terms.iter().all(|term| term.row.len() == out.len()) {
        Ok(())
    } else {
        Err(Fault)
    }
}
