// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads and writes deterministic CBOR (RFC 8949 section 4.2).
//!
//! Each format has its own fields, and each error names one. A reader does not check for the
//! canonical encoding. A parser encodes the result again, into [`Compare`], and so accepts exactly
//! what this crate would write.

use core::convert::Infallible;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// Returns the length of a byte string of `len` bytes with its head.
pub const fn bytes_len(len: usize) -> usize {
    let head: usize = match len {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 5,
    };
    head.saturating_add(len)
}

/// Counts the written bytes.
pub struct Count(pub usize);

impl minicbor::encode::Write for Count {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(())
    }
}

/// Accepts exactly these bytes; holds the ones still expected.
pub struct Compare<'a>(pub &'a [u8]);

/// The written bytes differ from the expected ones.
pub struct Differs;

impl minicbor::encode::Write for Compare<'_> {
    type Error = Differs;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Differs> {
        self.0 = self.0.strip_prefix(bytes).ok_or(Differs)?;
        Ok(())
    }
}

/// The result of an encoding function.
pub type Encoded<W> = Result<(), minicbor::encode::Error<<W as minicbor::encode::Write>::Error>>;

/// Returns whether `encode` writes exactly `bytes`.
pub fn is_encoding<'a>(
    bytes: &'a [u8],
    encode: impl FnOnce(&mut Encoder<Compare<'a>>) -> Encoded<Compare<'a>>,
) -> bool {
    let mut encoder = Encoder::new(Compare(bytes));
    encode(&mut encoder).is_ok() && encoder.writer().0.is_empty()
}

/// The field has the wrong type, or is out of bounds.
#[derive(Debug)]
pub struct Malformed<F>(pub F);

/// Reads one item after another, and names the field of an unexpected one.
#[derive(Clone)]
pub struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Decoder::new(bytes))
    }

    /// Reads the head of an array, and returns its number of items.
    pub fn array<F: Copy>(&mut self, field: F) -> Result<u64, Malformed<F>> {
        self.item(field, Decoder::array)?.ok_or(Malformed(field))
    }

    /// Reads the head of an array of exactly `len` items.
    pub fn array_of<F: Copy>(&mut self, len: u64, field: F) -> Result<(), Malformed<F>> {
        (self.array(field)? == len)
            .then_some(())
            .ok_or(Malformed(field))
    }

    pub fn uint<F: Copy>(&mut self, field: F) -> Result<u64, Malformed<F>> {
        self.item(field, Decoder::u64)
    }

    /// Reads an unsigned integer that fits `T`.
    pub fn small<T: TryFrom<u64>, F: Copy>(&mut self, field: F) -> Result<T, Malformed<F>> {
        T::try_from(self.uint(field)?).map_err(|_| Malformed(field))
    }

    /// Reads an unsigned integer or null.
    pub fn optional<F: Copy>(&mut self, field: F) -> Result<Option<u64>, Malformed<F>> {
        if self.skip_null(field)? {
            return Ok(None);
        }
        self.uint(field).map(Some)
    }

    pub fn bool<F: Copy>(&mut self, field: F) -> Result<bool, Malformed<F>> {
        self.item(field, Decoder::bool)
    }

    pub fn null<F: Copy>(&mut self, field: F) -> Result<(), Malformed<F>> {
        self.item(field, Decoder::null)
    }

    /// Returns whether null is next, and consumes it.
    pub fn skip_null<F: Copy>(&mut self, field: F) -> Result<bool, Malformed<F>> {
        let null = self.item(field, |decoder| decoder.datatype())? == Type::Null;
        if null {
            self.null(field)?;
        }
        Ok(null)
    }

    /// Returns whether an array is next.
    pub fn is_array<F: Copy>(&mut self, field: F) -> Result<bool, Malformed<F>> {
        Ok(self.item(field, |decoder| decoder.datatype())? == Type::Array)
    }

    pub fn text<F: Copy>(&mut self, field: F) -> Result<&'a str, Malformed<F>> {
        self.item(field, Decoder::str)
    }

    pub fn bytes<F: Copy>(&mut self, field: F) -> Result<&'a [u8], Malformed<F>> {
        self.item(field, Decoder::bytes)
    }

    /// Reads a byte string of exactly `N` bytes.
    pub fn fixed<const N: usize, F: Copy>(
        &mut self,
        field: F,
    ) -> Result<&'a [u8; N], Malformed<F>> {
        self.bytes(field)?.try_into().map_err(|_| Malformed(field))
    }

    fn item<T, F: Copy>(
        &mut self,
        field: F,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<T, minicbor::decode::Error>,
    ) -> Result<T, Malformed<F>> {
        read(&mut self.0).map_err(|_| Malformed(field))
    }
}
