// SPDX-License-Identifier: MIT OR Apache-2.0
//! How proofs are written and read (`docs/format.md`, "Proof").

use core::fmt;
use core::ops::Range;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::error::ProveError;
use crate::cbor::{Encoded, Malformed, Reader, bytes_len, is_encoding};
use crate::custody::tree::{LEVELS, Node, RecordHash, Tree};
use crate::hardened::Fault;

const VERSION: u8 = 1;

/// How many items a proof has.
const ITEMS: u64 = 5;

/// The most nodes of a proof: one for each level, and the node in which a consistency proof begins.
const MAX_NODES: usize = LEVELS + 1;

/// What a proof shows. The number is its code in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Inclusion = 1,
    Consistency = 2,
}

/// The maximum length of a proof in bytes. In a log of 100,000 records it is 560.
pub const MAX_PROOF_LEN: usize = 3 + 2 * 5 + bytes_len(32 * MAX_NODES);

/// A proof as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parsed<'a> {
    pub(super) first: u32,
    pub(super) size: u32,
    nodes: &'a [u8],
}

impl<'a> Parsed<'a> {
    pub(super) fn parse(kind: Kind, bytes: &'a [u8]) -> Result<Self, ProofFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(ProofField::File)?;
        let version = reader.uint(ProofField::Version)?;
        if version != u64::from(VERSION) {
            return Err(ProofFileError::UnknownVersion(version));
        }
        let fits = items == ITEMS && reader.uint(ProofField::Kind)? == u64::from(kind as u8);
        if !fits {
            return Err(ProofFileError::Malformed(ProofField::Kind));
        }
        let proof = Self {
            first: reader.small(ProofField::First)?,
            size: reader.small(ProofField::Size)?,
            nodes: reader.bytes(ProofField::Nodes)?,
        };
        let (nodes, rest) = proof.nodes.as_chunks::<32>();
        if !rest.is_empty() || nodes.len() > MAX_NODES {
            return Err(ProofFileError::Malformed(ProofField::Nodes));
        }
        if !is_encoding(bytes, |encoder| proof.encode(kind, encoder)) {
            return Err(ProofFileError::NotDeterministic);
        }
        Ok(proof)
    }

    pub(super) fn encode<W: Write>(&self, kind: Kind, encoder: &mut Encoder<W>) -> Encoded<W> {
        encoder.array(ITEMS)?.u8(VERSION)?.u8(kind as u8)?;
        encoder.u32(self.first)?.u32(self.size)?.bytes(self.nodes)?;
        Ok(())
    }

    pub(super) fn nodes(&self) -> &'a [Node] {
        self.nodes.as_chunks().0
    }
}

/// The ranges of records whose subtrees make a proof, the topmost first.
pub(super) struct Ranges {
    ranges: [Range<u32>; MAX_NODES],
    len: usize,
}

impl Ranges {
    pub(super) const fn new() -> Self {
        Self {
            ranges: [const { 0..0 }; MAX_NODES],
            len: 0,
        }
    }

    pub(super) fn push(&mut self, range: Range<u32>) -> Result<(), Fault> {
        *self.ranges.get_mut(self.len).ok_or(Fault)? = range;
        self.len = self.len.saturating_add(1);
        Ok(())
    }

    /// Writes the proof with the root of each range, the lowest first, to the front of `out`.
    ///
    /// Each record of the ranges is asked for once, in ascending order within a range.
    pub(super) fn write<'o, E>(
        &self,
        kind: Kind,
        (first, size): (u32, u32),
        mut record: impl FnMut(u32) -> Result<RecordHash, E>,
        out: &'o mut [u8],
    ) -> Result<&'o [u8], ProveError<E>> {
        let needed = MAX_PROOF_LEN;
        let mut nodes = [[0; 32]; MAX_NODES];
        let ranges = self.ranges.get(..self.len).ok_or(ProveError::Fault)?;
        for (node, range) in nodes.iter_mut().zip(ranges.iter().rev()) {
            let mut tree = Tree::EMPTY;
            for number in range.clone() {
                let leaf = record(number).map_err(ProveError::Record)?;
                tree.append(&leaf).map_err(|_| ProveError::Fault)?;
            }
            *node = *tree.head().root.as_bytes();
        }
        let nodes = nodes.get(..self.len).ok_or(ProveError::Fault)?;
        let proof = Parsed {
            first,
            size,
            nodes: nodes.as_flattened(),
        };
        let room = out.get_mut(..needed);
        let mut encoder = Encoder::new(room.ok_or(ProveError::BufferTooSmall { needed })?);
        proof
            .encode(kind, &mut encoder)
            .map_err(|_| ProveError::Fault)?;
        let len = needed.saturating_sub(encoder.writer().len());
        out.get(..len).ok_or(ProveError::Fault)
    }
}

/// Returns the largest power of two below `size`, which is at least 2.
pub(super) fn split(size: u32) -> u32 {
    let last = size.saturating_sub(1);
    last.checked_ilog2().map_or(0, |bit| 1 << bit)
}

/// A part of a proof, named as in `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ProofField {
    /// The whole file.
    File,
    /// The version.
    Version,
    /// What the proof shows.
    Kind,
    /// The record's number, or the size of the shorter log.
    First,
    /// The size of the log.
    Size,
    /// The nodes.
    Nodes,
}

impl fmt::Display for ProofField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Version => "version",
            Self::Kind => "kind of proof",
            Self::First => "record's number or shorter size",
            Self::Size => "size",
            Self::Nodes => "nodes",
        })
    }
}

/// Why bytes are not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ProofFileError {
    /// The version is not supported.
    UnknownVersion(u64),
    /// The field has the wrong type, or is out of bounds.
    Malformed(ProofField),
    /// The file is well-formed, but not in the single encoding that is allowed, or bytes follow it.
    NotDeterministic,
}

impl From<Malformed<ProofField>> for ProofFileError {
    fn from(Malformed(field): Malformed<ProofField>) -> Self {
        Self::Malformed(field)
    }
}

impl fmt::Display for ProofFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => write!(f, "version {version} is unknown"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic => {
                f.write_str("the file is not in deterministic encoding, or bytes follow it")
            }
        }
    }
}

impl core::error::Error for ProofFileError {}
