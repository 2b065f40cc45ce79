// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deterministic CBOR (RFC 8949 section 4.2), read and written.
//!
//! A reader does not check that what it reads is in the one allowed encoding. Whoever parses encodes
//! again, into [`Compare`], and so accepts exactly what this crate would write.

use core::convert::Infallible;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use super::error::{Field, ParseError};

/// The length of a byte string of `len` bytes with its head.
pub(super) const fn bytes_len(len: usize) -> usize {
    let head: usize = match len {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 5,
    };
    head.saturating_add(len)
}

/// Counts what is written.
pub(super) struct Count(pub(super) usize);

impl minicbor::encode::Write for Count {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(())
    }
}

/// Accepts exactly these bytes; the rest is what is still to come.
pub(super) struct Compare<'a>(pub(super) &'a [u8]);

/// What was written is not what was to be compared.
pub(super) struct Differs;

impl minicbor::encode::Write for Compare<'_> {
    type Error = Differs;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Differs> {
        self.0 = self.0.strip_prefix(bytes).ok_or(Differs)?;
        Ok(())
    }
}

/// What an encoding function returns.
pub(super) type Encoded<W> =
    Result<(), minicbor::encode::Error<<W as minicbor::encode::Write>::Error>>;

/// Whether `encode` writes exactly `bytes`.
pub(super) fn is_encoding<'a>(
    bytes: &'a [u8],
    encode: impl FnOnce(&mut Encoder<Compare<'a>>) -> Encoded<Compare<'a>>,
) -> bool {
    let mut encoder = Encoder::new(Compare(bytes));
    encode(&mut encoder).is_ok() && encoder.writer().0.is_empty()
}

/// Reads one item after another, and names the field when one is not what is expected.
#[derive(Clone)]
pub(super) struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Decoder::new(bytes))
    }

    /// The number of items of an array.
    pub(super) fn array(&mut self, field: Field) -> Result<u64, ParseError> {
        self.item(field, Decoder::array)?
            .ok_or(ParseError::Malformed(field))
    }

    /// An array of exactly `len` items.
    pub(super) fn array_of(&mut self, len: u64, field: Field) -> Result<(), ParseError> {
        (self.array(field)? == len)
            .then_some(())
            .ok_or(ParseError::Malformed(field))
    }

    pub(super) fn uint(&mut self, field: Field) -> Result<u64, ParseError> {
        self.item(field, Decoder::u64)
    }

    /// An unsigned integer that fits.
    pub(super) fn small<T: TryFrom<u64>>(&mut self, field: Field) -> Result<T, ParseError> {
        T::try_from(self.uint(field)?).map_err(|_| ParseError::Malformed(field))
    }

    /// An unsigned integer, or null.
    pub(super) fn optional(&mut self, field: Field) -> Result<Option<u64>, ParseError> {
        if self.item(field, |decoder| decoder.datatype())? == Type::Null {
            return self.item(field, Decoder::null).map(|()| None);
        }
        self.uint(field).map(Some)
    }

    pub(super) fn text(&mut self, field: Field) -> Result<&'a str, ParseError> {
        self.item(field, Decoder::str)
    }

    pub(super) fn bytes(&mut self, field: Field) -> Result<&'a [u8], ParseError> {
        self.item(field, Decoder::bytes)
    }

    /// A byte string of exactly `N` bytes.
    pub(super) fn fixed<const N: usize>(
        &mut self,
        field: Field,
    ) -> Result<&'a [u8; N], ParseError> {
        self.bytes(field)?
            .try_into()
            .map_err(|_| ParseError::Malformed(field))
    }

    fn item<T>(
        &mut self,
        field: Field,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<T, minicbor::decode::Error>,
    ) -> Result<T, ParseError> {
        read(&mut self.0).map_err(|_| ParseError::Malformed(field))
    }
}
