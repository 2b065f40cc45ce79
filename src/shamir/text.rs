// SPDX-License-Identifier: MIT OR Apache-2.0
//! An encoded share as text, for paper, QR codes and the telephone: Bech32m (BIP 350, on the format
//! of BIP 173) with the human-readable part `sdshare`. See `docs/format.md`, "Share as text".
//!
//! The human-readable part stands for the first seven bytes of the encoding, and the data part
//! begins with the version. Upper-case text is accepted too; mixed case is refused. Spaces, hyphens
//! and line breaks between characters are ignored, so that the text can be written in groups.
//!
//! The checksum detects up to three wrong characters, and misses more of them once in 2^30. It
//! protects against mistakes, not against forgery: for that, keep [digests](super::check).
//!
//! A value of more than 574 bytes ([`MAX_VALUE_LEN`]) cannot be written as text, because the
//! checksum would be too weak. To share a longer secret, encrypt it under a random key of 32 bytes
//! with an authenticated cipher, and share the key; the share of a key has 155 characters. Do not
//! cut the secret into parts: each part would need its own set id and digests, and a holder could
//! mix them up.
//!
//! # From a split to the secret
//!
//! The dealer draws a set id for the split and a blind for each share, gives each holder a text,
//! and keeps the digests.
//!
//! ```
//! use security_domain::quorum::Quorum;
//! use security_domain::secret::Secret;
//! use security_domain::shamir::check::{SetId, name_wrong};
//! use security_domain::shamir::encoded::{EncodedShare, combine_encoded, encoded_len};
//! use security_domain::shamir::text::text_len;
//! use security_domain::shamir::{ShareRow, split_rows};
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//!
//! const LEN: usize = 24;
//! let quorum = Quorum::of::<2, 3>();
//! let secret = b"correct horse battery...";
//! let mut values = [[0; LEN]; 3];
//! split_rows(secret, quorum, &mut rng, &mut values.each_mut().map(|value| &mut value[..]))?;
//!
//! let set = SetId::random(&mut rng)?;
//! let (mut texts, mut digests) = (Vec::new(), Vec::new());
//! for (index, value) in quorum.indices().zip(&values) {
//!     let blind = Secret::<32>::random(&mut rng)?;
//!     let share = EncodedShare::new(set, quorum, ShareRow { index, value }, blind.expose())?;
//!     let mut text = [0; text_len(LEN)];
//!     texts.push(share.encode_text(&mut text)?.to_owned());
//!     digests.push(share.digest());
//! }
//!
//! // Later, with the digests and the texts of two holders.
//! let mut buffers = [[0; encoded_len(LEN)]; 2];
//! let [first, third] = &mut buffers;
//! let shares = [
//!     EncodedShare::parse_text(&texts[0], first)?,
//!     EncodedShare::parse_text(&texts[2], third)?,
//! ];
//! assert!(name_wrong(&shares, &digests)?.is_empty());
//! let mut again = [0; LEN];
//! combine_encoded(&shares, &mut again)?;
//! assert_eq!(&again, secret);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The caller wipes its buffers: `values`, the texts, `buffers`, `again`.
//!
//! # Text
//!
//! ```
//! use security_domain::quorum::{Quorum, ShareIndex};
//! use security_domain::shamir::ShareRow;
//! use security_domain::shamir::check::SetId;
//! use security_domain::shamir::encoded::{EncodedShare, encoded_len};
//! use security_domain::shamir::text::{TextError, text_len};
//!
//! let quorum = Quorum::of::<2, 3>();
//! let row = ShareRow { index: ShareIndex::new(3)?, value: b"secret" };
//! let share = EncodedShare::new(SetId::from_bytes([1; 16]), quorum, row, &[2; 32])?;
//!
//! let mut buffer = [0; text_len(6)];
//! let text = share.encode_text(&mut buffer)?;
//! assert!(text.starts_with("sdshare1qyqszqgpqyqszqgpqyqszqgpqyqsyqcr"));
//!
//! // Read aloud in groups.
//! let groups = [&text[..8], &text[8..12], &text[12..]].join(" ").to_uppercase();
//! let mut bytes = [0; encoded_len(6)];
//! let again = EncodedShare::parse_text(&groups, &mut bytes)?;
//! assert_eq!(again.row().value, b"secret");
//!
//! let misheard = text.replace('z', "2");
//! let refused = EncodedShare::parse_text(&misheard, &mut bytes);
//! assert_eq!(refused.unwrap_err(), TextError::Checksum);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::encoded::{EncodedShare, EncodedShareError, HEADER, MAGIC, encoded_len};
use crate::ct::{Mask, declassify_bytes};
use crate::hardened::{Fault, copy};
use crate::secret::wipe;

mod bech32m;

use bech32m::{CHECKSUM_LEN, Checksum, character, symbol};

/// The most characters in a text, not counting gaps. In a longer text, two wrong characters could
/// go undetected.
pub const MAX_TEXT_LEN: usize = 1023;

/// The length in bytes of the longest value whose share can be written as text. The
/// [module](self) says how to share a longer secret.
pub const MAX_VALUE_LEN: usize = 574;

/// Between the human-readable part and the data part.
const SEPARATOR: u8 = b'1';

/// Characters in front of the data part.
const FRONT_LEN: usize = MAGIC.len() + 1;

/// Returns how many characters the text of a share with `value_len` bytes has.
///
/// It has no upper limit: above [`MAX_VALUE_LEN`] bytes, [`encode_text`](EncodedShare::encode_text)
/// refuses.
pub const fn text_len(value_len: usize) -> usize {
    let bytes = encoded_len(value_len) - MAGIC.len();
    let symbols = bytes.saturating_mul(8).div_ceil(5);
    symbols.saturating_add(FRONT_LEN + CHECKSUM_LEN)
}

/// Conversion to and from text.
impl<'a> EncodedShare<'a> {
    /// Writes the share as text to the front of `out`: [`text_len`] of the value's length, in lower
    /// case, without gaps. The text is as secret as the share.
    ///
    /// Secret: value and blind, the text. Public: the rest, the length. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`TextError::TooLong`]: the value has more than [`MAX_VALUE_LEN`] bytes.
    /// - [`TextError::BufferTooSmall`]: `out` is too short.
    /// - [`TextError::Fault`]: an internal check failed.
    ///
    /// Nothing is written in the first two cases.
    pub fn encode_text<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, TextError> {
        let len = text_len(self.row().value.len());
        if len > MAX_TEXT_LEN {
            return Err(TextError::TooLong);
        }
        let out = out.get_mut(..len).ok_or(TextError::BufferTooSmall)?;
        let (front, data) = out.split_at_mut_checked(FRONT_LEN).ok_or(Fault)?;
        let (prefix, separator) = front.split_at_mut_checked(MAGIC.len()).ok_or(Fault)?;
        copy(prefix, MAGIC)?;
        copy(separator, &[SEPARATOR])?;
        self.write_data(data)?;
        // Every byte is ASCII, for any share.
        core::str::from_utf8(out).map_err(|_| TextError::Fault)
    }

    /// Writes the data part, which fills `out`.
    fn write_data(&self, out: &mut [u8]) -> Result<(), Fault> {
        let mut checksum = Checksum::new(MAGIC);
        let mut out = out.iter_mut();
        let mut put = |symbol| {
            *out.next().ok_or(Fault)? = character(symbol);
            Ok(())
        };
        // The last bits that were read; `count` of them are not yet in a symbol.
        let (mut bits, mut count) = (0_u16, 0);
        for byte in self.after_magic() {
            bits = bits << 8 | u16::from(byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                let symbol = (bits >> count) as u8 & 31;
                checksum.add(symbol);
                put(symbol)?;
            }
        }
        if count > 0 {
            let symbol = (bits << (5 - count)) as u8 & 31;
            checksum.add(symbol);
            put(symbol)?;
        }
        checksum.symbols().into_iter().try_for_each(put)
    }

    /// Parses a share that fills `text` exactly, with or without gaps. Its bytes are held in `out`:
    /// [`encoded_len`] of the value's length is enough, and [`encoded_len`] of [`MAX_VALUE_LEN`] is
    /// enough for any share. On error `out` is wiped.
    ///
    /// Secret: the characters of the data part, `out`. Public: how many they are, where gaps are, what
    /// the share says beside value and blind. Leaks: the first character that is not of the alphabet,
    /// whether the cases are mixed, whether the checksum is right and the padding zero.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`TextError`].
    pub fn parse_text(text: &str, out: &'a mut [u8]) -> Result<Self, TextError> {
        let read = read(text, out).and_then(|len| {
            let bytes = out.get_mut(..len).ok_or(Fault)?;
            // The bytes in front of the value are public.
            declassify_bytes(bytes.get_mut(..HEADER.min(len)).ok_or(Fault)?);
            EncodedShare::parse(bytes).map_err(TextError::Share)?;
            Ok(len)
        });
        match read {
            Ok(len) => {
                let bytes = out.get(..len).ok_or(Fault)?;
                Self::parse(bytes).map_err(TextError::Share)
            }
            Err(error) => {
                wipe(out);
                Err(error)
            }
        }
    }
}

/// Decodes `text` to the front of `out`, and returns the number of bytes.
fn read(text: &str, out: &mut [u8]) -> Result<usize, TextError> {
    let mut characters = characters(text);
    let count = characters.clone().count();
    if count > MAX_TEXT_LEN {
        return Err(TextError::TooLong);
    }
    let mut case = Case::new();
    if !is_front(&mut characters, &mut case).declassify() {
        return Err(TextError::NotAShare);
    }
    let symbols = count
        .checked_sub(FRONT_LEN + CHECKSUM_LEN)
        .ok_or(TextError::Truncated)?;
    let len = MAGIC.len() + ((symbols * 5) >> 3);
    let out = out.get_mut(..len).ok_or(TextError::BufferTooSmall)?;
    let (magic, out) = out.split_at_mut_checked(MAGIC.len()).ok_or(Fault)?;
    copy(magic, MAGIC)?;

    let mut checksum = Checksum::new(MAGIC);
    let mut next = || -> Result<u8, TextError> {
        let (at, character) = characters.next().ok_or(Fault)?;
        let (symbol, found) = symbol(case.fold(character));
        // The position of a wrong character is public.
        if !found.declassify() {
            return Err(TextError::Character(at));
        }
        checksum.add(symbol);
        Ok(symbol)
    };
    // The last bits that were read; `pending` of them are not yet in a byte.
    let (mut bits, mut pending) = (0_u16, 0);
    let mut out = out.iter_mut();
    for _ in 0..symbols {
        bits = bits << 5 | u16::from(next()?);
        pending += 5;
        if pending >= 8 {
            pending -= 8;
            *out.next().ok_or(Fault)? = (bits >> pending) as u8;
        }
    }
    for _ in 0..CHECKSUM_LEN {
        next()?;
    }

    // From here on, these three verdicts are public.
    if case.is_mixed().declassify() {
        return Err(TextError::MixedCase);
    }
    if !checksum.is_right().declassify() {
        return Err(TextError::Checksum);
    }
    let padding = bits & !(u16::MAX << pending);
    if pending >= 5 || !Mask::is_zero(padding.into()).declassify() {
        return Err(TextError::Padding);
    }
    Ok(len)
}

/// Iterates over the characters of a text with their offsets, without the gaps between them.
fn characters(text: &str) -> impl Iterator<Item = (usize, u8)> + Clone {
    text.bytes().enumerate().filter(|(_, byte)| {
        let is_gap = { b" -\r\n".iter() }.fold(Mask::public(false), |is_gap, gap| {
            is_gap | Mask::eq(u32::from(*byte), u32::from(*gap))
        });
        // The positions of gaps are public.
        !is_gap.declassify()
    })
}

/// Returns whether `characters` begin with the human-readable part and its separator, as far as
/// there are any.
fn is_front(characters: &mut impl Iterator<Item = (usize, u8)>, case: &mut Case) -> Mask {
    let mut is_front = Mask::public(true);
    for expected in MAGIC.iter().chain(&[SEPARATOR]) {
        if let Some((_, character)) = characters.next() {
            let character = case.fold(character);
            is_front &= Mask::eq(character.into(), u32::from(*expected));
        }
    }
    is_front
}

/// Which letter cases have occurred.
struct Case {
    upper: Mask,
    lower: Mask,
}

impl Case {
    fn new() -> Self {
        let [upper, lower] = [Mask::public(false); 2];
        Self { upper, lower }
    }

    /// Records the case of a character, and returns the character in lower case.
    fn fold(&mut self, character: u8) -> u8 {
        let within = |first: u8, last: u8| {
            let character = u32::from(character);
            !Mask::lt(character, first.into()) & !Mask::lt(last.into(), character)
        };
        let is_upper = within(b'A', b'Z');
        self.upper |= is_upper;
        self.lower |= within(b'a', b'z');
        is_upper.select_u8(character | 0x20, character)
    }

    fn is_mixed(&self) -> Mask {
        self.upper & self.lower
    }
}

/// Why a text is not a share, or why a share cannot be written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TextError {
    /// The text does not begin with `sdshare1`.
    NotAShare,
    /// The text is shorter than a checksum.
    Truncated,
    /// The value has more bytes than [`MAX_VALUE_LEN`], or the text more characters than
    /// [`MAX_TEXT_LEN`].
    TooLong,
    /// The character at this byte offset is not in the alphabet.
    Character(usize),
    /// Some letters are in upper case, and some in lower case.
    MixedCase,
    /// The checksum is wrong, so at least one character is.
    Checksum,
    /// The bits left over in the last character are a whole symbol, or are not zero.
    Padding,
    /// The checksum is right, but the bytes are not an encoded share.
    Share(EncodedShareError),
    /// The buffer is too small for the text, or for the share in it.
    BufferTooSmall,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for TextError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl core::fmt::Display for TextError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotAShare => "the text does not begin with sdshare1",
            Self::Truncated => "the text of the share is cut short",
            Self::TooLong => {
                "the share is too long for text, which has at most 1023 characters, \
                 for a value of at most 574 bytes"
            }
            Self::Character(at) => {
                return write!(
                    f,
                    "the character at offset {at} is not in the Bech32m alphabet"
                );
            }
            Self::MixedCase => "the text mixes upper and lower case",
            Self::Checksum => "the checksum of the text is wrong",
            Self::Padding => "the last character of the text is not padded with zeros",
            Self::Share(_) => "the text does not hold an encoded share",
            Self::BufferTooSmall => "the buffer is too small for the share",
            Self::Fault => "an internal check failed: a hardware fault or a bug",
        })
    }
}

impl core::error::Error for TextError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Share(error) => Some(error),
            _ => None,
        }
    }
}
