// SPDX-License-Identifier: MIT OR Apache-2.0
//! A share as bytes, with its set and its quorum, so that shares that do not belong together are
//! detected before they are combined. See `docs/format.md`, "Encoded share".
//!
//! | bytes | what |
//! |---|---|
//! | 7 | `sdshare` in ASCII |
//! | 1 | version, 1 |
//! | 16 | set id |
//! | 1, 1, 1 | threshold, count, index |
//! | 4 | length L of the value, big-endian |
//! | L | value |
//! | 32 | blind |
//!
//! Value and blind are secret. Each share has exactly one encoding.
//!
//! ```
//! use security_domain::quorum::{Quorum, ShareIndex};
//! use security_domain::shamir::ShareRow;
//! use security_domain::shamir::check::SetId;
//! use security_domain::shamir::encoded::{EncodedShare, encoded_len};
//!
//! let quorum = Quorum::of::<2, 3>();
//! let row = ShareRow { index: ShareIndex::new(3)?, value: b"secret" };
//! let share = EncodedShare::new(SetId::from_bytes([1; 16]), quorum, row, &[2; 32])?;
//!
//! let mut bytes = [0; encoded_len(6)];
//! share.encode(&mut bytes)?;
//! let again = EncodedShare::parse(&bytes)?;
//! assert_eq!(again.quorum(), quorum);
//! assert_eq!(again.row().value, b"secret");
//! assert!(EncodedShare::parse(&bytes[1..]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::ShareRow;
use super::check::{SetId, ShareDigest};
use super::combine::{self, CombineError};
use crate::hardened::{Fault, copy};
use crate::quorum::{Quorum, QuorumError, ShareIndex};
use crate::secret::wipe;

pub use super::combine::MixedShares;

pub(super) const MAGIC: &[u8; 7] = b"sdshare";
const VERSION: u8 = 1;

/// Bytes in front of the value.
pub(super) const HEADER: usize = MAGIC.len() + 1 + 16 + 3 + 4;

/// Bytes of the blind.
const BLIND: usize = 32;

/// Returns the length of an encoded share whose value has `len` bytes.
pub const fn encoded_len(len: usize) -> usize {
    len.saturating_add(HEADER + BLIND)
}

/// A share with its set and its quorum, borrowed from the bytes that hold it.
#[derive(Clone, Copy)]
pub struct EncodedShare<'a> {
    set: SetId,
    quorum: Quorum,
    row: ShareRow<'a>,
    blind: &'a [u8; BLIND],
}

impl<'a> EncodedShare<'a> {
    /// Makes a share that can be encoded. `blind` is 32 random bytes, drawn for this share alone.
    ///
    /// # Errors
    ///
    /// - [`EncodedShareError::IndexAboveCount`]: the quorum has no share with this index.
    /// - [`EncodedShareError::TooLong`]: the value has 2^32 bytes or more.
    pub const fn new(
        set: SetId,
        quorum: Quorum,
        row: ShareRow<'a>,
        blind: &'a [u8; BLIND],
    ) -> Result<Self, EncodedShareError> {
        if !quorum.contains(row.index) {
            return Err(EncodedShareError::IndexAboveCount);
        }
        if row.value.len() as u64 > u32::MAX as u64 {
            return Err(EncodedShareError::TooLong);
        }
        Ok(Self {
            set,
            quorum,
            row,
            blind,
        })
    }

    /// Parses an encoded share that fills `bytes` exactly.
    ///
    /// Secret: value and blind. Public: the rest, the length. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`EncodedShareError`] except `BufferTooSmall` and `Fault`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EncodedShareError> {
        use EncodedShareError::*;
        let (magic, rest) = bytes.split_first_chunk().ok_or(Truncated)?;
        if magic != MAGIC {
            return Err(NotAShare);
        }
        let ([version], rest) = rest.split_first_chunk().ok_or(Truncated)?;
        if *version != VERSION {
            return Err(Version(*version));
        }
        let (set, rest) = rest.split_first_chunk().ok_or(Truncated)?;
        let ([threshold, count, index], rest) = rest.split_first_chunk().ok_or(Truncated)?;
        let (len, rest) = rest.split_first_chunk().ok_or(Truncated)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| TooLong)?;
        let (value, rest) = rest.split_at_checked(len).ok_or(Truncated)?;
        let (blind, rest) = rest.split_first_chunk().ok_or(Truncated)?;
        if !rest.is_empty() {
            return Err(TrailingBytes);
        }
        let quorum = crate::quorum::Quorum::new(*threshold, *count).map_err(Quorum)?;
        let index = ShareIndex::new(*index).map_err(Quorum)?;
        Self::new(
            SetId::from_bytes(*set),
            quorum,
            ShareRow { index, value },
            blind,
        )
    }

    /// Writes the encoding to the front of `out` and returns its length: [`encoded_len`] of the
    /// value's length.
    ///
    /// Secret: value and blind. Public: the rest, the length. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`EncodedShareError::BufferTooSmall`]: `out` is too short; nothing was written.
    /// - [`EncodedShareError::Fault`]: an internal check failed.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodedShareError> {
        let len = encoded_len(self.row.value.len());
        let mut out = out
            .get_mut(..len)
            .ok_or(EncodedShareError::BufferTooSmall)?;
        for part in [&self.header(), self.row.value, self.blind] {
            copy(out.split_off_mut(..part.len()).ok_or(Fault)?, part)?;
        }
        Ok(len)
    }

    /// Returns the bytes of the encoding after the first seven, which are the same for every share.
    pub(super) fn after_magic(&self) -> impl Iterator<Item = u8> {
        let header = self.header().into_iter().skip(MAGIC.len());
        header.chain(self.row.value.iter().chain(self.blind).copied())
    }

    /// Returns the bytes in front of the value.
    fn header(&self) -> [u8; HEADER] {
        let numbers = [
            self.quorum.threshold().get(),
            self.quorum.count().get(),
            self.row.index.get(),
        ];
        // `new` checked that the length fits.
        let value_len = (self.row.value.len() as u32).to_be_bytes();
        let fields: [&[u8]; 5] = [MAGIC, &[VERSION], self.set.as_bytes(), &numbers, &value_len];
        let mut header = [0; HEADER];
        for (to, from) in header.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        header
    }

    /// Returns the set that the share belongs to.
    pub const fn set(&self) -> SetId {
        self.set
    }

    /// Returns the quorum that the share belongs to.
    pub const fn quorum(&self) -> Quorum {
        self.quorum
    }

    /// Returns the share's index and value.
    pub const fn row(&self) -> ShareRow<'a> {
        self.row
    }

    /// Computes the share's digest, to be kept apart from the share.
    ///
    /// Secret: value and blind. Public: the rest. Leaks: nothing else.
    pub fn digest(&self) -> ShareDigest {
        ShareDigest::with(self.blind, self.set, self.quorum, self.row)
    }
}

/// Prints the public parts only.
impl core::fmt::Debug for EncodedShare<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let index = self.row.index;
        write!(
            f,
            "EncodedShare({index}, {}, {:?}, ..)",
            self.quorum, self.set
        )
    }
}

/// Returns the quorum of shares that all belong to one set and one quorum; `None` if there are no
/// shares.
pub(super) fn same_set(shares: &[EncodedShare<'_>]) -> Result<Option<Quorum>, MixedShares> {
    let mut all = shares.iter();
    let Some(first) = all.next() else {
        return Ok(None);
    };
    for other in all {
        let index = other.row.index;
        if other.set != first.set {
            return Err(MixedShares::Set(index));
        }
        if other.quorum != first.quorum {
            return Err(MixedShares::Quorum(index));
        }
    }
    Ok(Some(first.quorum))
}

/// Rebuilds the secret into `out` from shares of one set. Each value is as long as `out`. On error
/// `out` is wiped. Like [`combine_rows`](super::combine_rows), this cannot detect a wrong share
/// among exactly a threshold.
///
/// Secret: the values, `out`. Public: the rest, the lengths. Leaks: whether the shares agree.
///
/// # Errors
///
/// Fails for each reason in [`CombineError`].
pub fn combine_encoded(shares: &[EncodedShare<'_>], out: &mut [u8]) -> Result<(), CombineError> {
    let combined = match same_set(shares) {
        Err(mixed) => Err(CombineError::Mixed(mixed)),
        Ok(None) => Err(CombineError::TooFewShares),
        Ok(Some(quorum)) => combine::combine_any(quorum, shares.iter().map(EncodedShare::row), out),
    };
    if combined.is_err() {
        wipe(out);
    }
    combined
}

/// Why bytes are not an encoded share, or why a share cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EncodedShareError {
    /// The bytes end too early.
    Truncated,
    /// Bytes follow the blind.
    TrailingBytes,
    /// The bytes do not start with `sdshare`.
    NotAShare,
    /// The version is not supported.
    Version(u8),
    /// The threshold, the count or the index is invalid.
    Quorum(QuorumError),
    /// The index is above the count.
    IndexAboveCount,
    /// The value has 2^32 bytes or more, or does not fit in memory.
    TooLong,
    /// The buffer is too small for the encoding.
    BufferTooSmall,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for EncodedShareError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl core::fmt::Display for EncodedShareError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated => f.write_str("the encoded share is cut short"),
            Self::TrailingBytes => f.write_str("bytes follow the encoded share"),
            Self::NotAShare => f.write_str("the bytes are not an encoded share"),
            Self::Version(version) => write!(f, "share version {version} is not supported"),
            Self::Quorum(_) => f.write_str("the share's quorum or index is invalid"),
            Self::IndexAboveCount => f.write_str("the share's index is above the share count"),
            Self::TooLong => f.write_str("the share's value is too long"),
            Self::BufferTooSmall => f.write_str("the buffer is too small for the encoded share"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for EncodedShareError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Quorum(error) => Some(error),
            _ => None,
        }
    }
}
