// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Merkle tree of a log's records (RFC 6962 section 2.1), of which only the roots of the full
//! subtrees are kept.
//!
//! A leaf is SHA-256(0x00 || record), an inner node SHA-256(0x01 || left || right).

use core::fmt;

use sha2::{Digest, Sha256};

use crate::sealed_domain::{LedgerHead, id};

id! {
    /// The digest of a record: its leaf in the tree, SHA-256(0x00 || record).
    RecordHash, 32
}

/// The most records of a log.
pub const MAX_RECORDS: u32 = u32::MAX;

/// The number of levels of the largest tree.
pub(super) const LEVELS: usize = u32::BITS as usize;

/// A leaf or an inner node.
pub(super) type Node = [u8; 32];

impl RecordHash {
    /// Returns the digest of a record's encoding.
    pub fn of(record: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update([0]);
        hash.update(record);
        Self::from_bytes(hash.finalize().into())
    }
}

/// Returns the node above two nodes.
pub(super) fn parent(left: &Node, right: &Node) -> Node {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The number of records of a log, and the root of their tree. Nothing before it can be changed
/// without changing the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_structs,
    reason = "a tree head is a size and a root (RFC 6962)"
)]
pub struct Head {
    /// The number of records.
    pub size: u32,
    /// The root of their tree; SHA-256 of nothing if there are none.
    pub root: LedgerHead,
}

/// The tree of a growing log. It holds one node for each bit of its size, so that appending and the
/// root take O(log n) time, and the memory is the same for every size.
#[derive(Clone)]
pub struct Tree {
    size: u32,
    /// The root of the full subtree of 2^i leaves, where bit i of the size is set.
    peaks: [Node; LEVELS],
}

impl Tree {
    /// The tree of a log without records.
    pub const EMPTY: Self = Self {
        size: 0,
        peaks: [[0; 32]; LEVELS],
    };

    /// Returns the number of records.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// Appends a record.
    ///
    /// # Errors
    ///
    /// [`TreeFull`] after [`MAX_RECORDS`]. Nothing is changed then.
    pub fn append(&mut self, record: &RecordHash) -> Result<(), TreeFull> {
        let size = self.size.checked_add(1).ok_or(TreeFull)?;
        let full = self.size.trailing_ones() as usize;
        let under = self.peaks.iter().take(full);
        let node = under.fold(*record.as_bytes(), |right, left| parent(left, &right));
        *self.peaks.get_mut(full).ok_or(TreeFull)? = node;
        self.size = size;
        Ok(())
    }

    /// Returns the size and the root.
    pub fn head(&self) -> Head {
        let root = self.peaks().fold(None, |right, left| match right {
            None => Some(*left),
            Some(right) => Some(parent(left, &right)),
        });
        Head {
            size: self.size,
            root: LedgerHead::from_bytes(root.unwrap_or_else(|| Sha256::digest([]).into())),
        }
    }

    /// Returns the roots of the full subtrees, the smallest first.
    pub(super) fn peaks(&self) -> impl Iterator<Item = &Node> {
        let levels = self.peaks.iter().enumerate();
        levels.filter_map(|(level, peak)| (self.size >> level & 1 == 1).then_some(peak))
    }

    /// Makes the tree of this size from the roots that [`peaks`](Self::peaks) returned; `None` if
    /// there are too few or too many.
    pub(super) fn from_peaks<'p>(
        size: u32,
        mut peaks: impl Iterator<Item = &'p Node>,
    ) -> Option<Self> {
        let mut tree = Self {
            size,
            ..Self::EMPTY
        };
        for (level, peak) in tree.peaks.iter_mut().enumerate() {
            if size >> level & 1 == 1 {
                *peak = *peaks.next()?;
            }
        }
        peaks.next().is_none().then_some(tree)
    }
}

/// Prints the head.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tree").field(&self.head()).finish()
    }
}

/// The log has [`MAX_RECORDS`] records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct TreeFull;

impl fmt::Display for TreeFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log has as many records as its tree can hold")
    }
}

impl core::error::Error for TreeFull {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_the_greatest_size_takes_no_more() {
        let mut tree = Tree {
            size: MAX_RECORDS - 1,
            ..Tree::EMPTY
        };
        let leaf = RecordHash::of(b"");
        assert_eq!(tree.append(&leaf), Ok(()));
        let head = tree.head();
        assert_eq!(tree.append(&leaf), Err(TreeFull));
        assert_eq!(tree.head(), head);
    }

    #[test]
    fn a_tree_comes_back_from_its_peaks() {
        let mut tree = Tree::EMPTY;
        for size in 0..70u32 {
            let peaks: std::vec::Vec<Node> = tree.peaks().copied().collect();
            let back = Tree::from_peaks(size, peaks.iter()).unwrap();
            assert_eq!(back.head(), tree.head());
            assert!(Tree::from_peaks(size, peaks.iter().skip(1)).is_none() || size == 0);
            assert!(Tree::from_peaks(size, peaks.iter().chain([&[0; 32]])).is_none());
            tree.append(&RecordHash::of(&size.to_be_bytes())).unwrap();
        }
    }
}
