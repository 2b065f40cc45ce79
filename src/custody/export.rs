// SPDX-License-Identifier: MIT OR Apache-2.0
//! The export of a log: a header, each record with its length, and a checkpoint (`docs/format.md`,
//! "Export").

use core::fmt;

use super::log_error::LogError;
use crate::sealed_domain::InstanceId;

/// The first bytes of an export.
pub const MAGIC: [u8; 6] = *b"sdlog\x01";

/// The maximum length of the checkpoint in an export, with the signatures of witnesses.
pub const MAX_EXPORTED_CHECKPOINT_LEN: usize = 4096;

/// The length of the header.
pub(super) const HEADER_LEN: usize = MAGIC.len() + 16;

/// What stands in place of a record's length before the checkpoint.
pub(super) const END: [u8; 2] = [0; 2];

pub(super) fn header(instance: InstanceId) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    let bytes = MAGIC.iter().chain(instance.as_bytes());
    header
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    header
}

/// Returns what stands before a record, which is shorter than 64 KiB.
pub(super) const fn frame(record: &[u8]) -> [u8; 2] {
    (record.len() as u16).to_be_bytes()
}

/// Why a log was not exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ExportError<E> {
    /// A record could not be read.
    Log(LogError),
    /// The output failed.
    Out(E),
}

impl<E: fmt::Display> fmt::Display for ExportError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(error) => error.fmt(f),
            Self::Out(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for ExportError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Log(error) => error.source(),
            Self::Out(error) => error.source(),
        }
    }
}
