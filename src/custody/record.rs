// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records of a log (`docs/format.md`, "Log record").

use minicbor::Encoder;
use minicbor::encode::Write;

use super::tree::RecordHash;
use crate::cbor::{Encoded, Reader, is_encoding};
use crate::sealed_domain::InstanceId;

mod body;
mod event;
mod fact;
mod field;

pub use body::Body;
pub(super) use event::{coded_step, step_code};
pub use fact::{
    Cause, Closed, Concern, Detail, DetailError, DrillResult, Fact, HandOff, Loss, LossKind,
    MAX_DETAIL_LEN, Name, PinnedHead, Review,
};
pub use field::{RecordField, RecordFileError};

use field::RecordField as Field;

const VERSION: u8 = 1;

/// How many items a record has.
const ITEMS: u64 = 7;

/// The maximum length of a record in bytes.
pub const MAX_RECORD_LEN: usize = 384;

/// A record of a log.
///
/// It names the record before it by its digest, so that a changed record can be named even without
/// the tree.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "another field would be another format"
)]
pub struct Record<'a> {
    /// The HSM that keeps the log.
    pub instance: InstanceId,
    /// The place in the log, counted from 0.
    pub number: u32,
    /// When it was written, in Unix seconds; 0 without a clock.
    pub time: u64,
    /// The digest of the record before; zeros in the first.
    pub previous: RecordHash,
    /// What it says.
    pub body: Body<'a>,
}

impl<'a> Record<'a> {
    /// Parses a record and checks its form; only one encoding is accepted.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`RecordFileError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RecordFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Field::Record)?;
        let version = reader.uint(Field::Version)?;
        if version != u64::from(VERSION) {
            return Err(RecordFileError::UnknownVersion(version));
        }
        if items != ITEMS || bytes.len() > MAX_RECORD_LEN {
            return Err(RecordFileError::Malformed(Field::Record));
        }
        let record = Self {
            instance: InstanceId::from_bytes(*reader.fixed(Field::Instance)?),
            number: reader.small(Field::Number)?,
            time: reader.uint(Field::Time)?,
            previous: RecordHash::from_bytes(*reader.fixed(Field::Previous)?),
            body: Body::read(&mut reader)?,
        };
        match is_encoding(bytes, |encoder| record.encode(encoder)) {
            true => Ok(record),
            false => Err(RecordFileError::NotDeterministic),
        }
    }

    /// Writes the record to the front of `out`, and returns it; `None` if `out` is too small.
    /// [`MAX_RECORD_LEN`] bytes are enough for every record.
    pub fn write<'o>(&self, out: &'o mut [u8]) -> Option<&'o [u8]> {
        let room = out.len();
        let mut encoder = Encoder::new(&mut *out);
        self.encode(&mut encoder).ok()?;
        let len = room.saturating_sub(encoder.writer().len());
        out.get(..len)
    }

    fn encode<W: Write>(&self, out: &mut Encoder<W>) -> Encoded<W> {
        out.array(ITEMS)?.u8(VERSION)?;
        out.bytes(self.instance.as_bytes())?;
        out.u32(self.number)?.u64(self.time)?;
        out.bytes(self.previous.as_bytes())?;
        self.body.encode(out)
    }
}
