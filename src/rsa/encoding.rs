// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys in DER: PKCS#1 (RFC 8017 appendix A.1), PKCS#8 (RFC 5208 section 5) and
//! SubjectPublicKeyInfo (RFC 5280 section 4.1). Reading is strict: only the canonical encoding is
//! accepted.

use der::asn1::{BitStringRef, OctetStringRef, SequenceRef, UintRef};
use der::{ErrorKind, Reader, SliceReader, TagMode, TagNumber};
use zeroize::{Zeroize, Zeroizing};

use super::check::Numbers;
use super::scratch::{self, with_scratch};
use super::unsigned::unsigned;
use super::{ExportError, KeyError, ModulusSize, PrivateKey, PublicKey, words};
use crate::burn::{self, burning};
use crate::ct::{Mask, declassify};
use crate::hardened::{Fault, copy};
use crate::rng::{NoGenerator, Watched};
use crate::secret::wipe;

/// An integer's tag, its length in three bytes, and a zero before a top bit that is set.
const INTEGER_EXTRA: usize = 1 + 3 + 1;

/// A sequence of the version, n, e, d, p, q, dp, dq and the coefficient.
const PKCS1_MAX_LEN: usize = {
    let (n, p, e) = (ModulusSize::MAX_BYTES, ModulusSize::MAX_BYTES >> 1, 32);
    4 + 3 + 2 * (n + INTEGER_EXTRA) + (e + INTEGER_EXTRA) + 5 * (p + INTEGER_EXTRA)
};

/// A sequence of the version, the algorithm, and the key in an octet string.
const PKCS8_MAX_LEN: usize = 4 + 3 + 15 + 4 + PKCS1_MAX_LEN;

/// The algorithm: `rsaEncryption` with parameters NULL, which RFC 3279 section 2.3.1 requires.
const ALGORITHM: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// Version 0 of either structure.
const VERSION: [u8; 3] = [INTEGER, 1, 0];

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

impl PublicKey {
    /// Reads an X.509 `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1, RFC 3279 section 2.3.1).
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`KeyError`] that concerns a public key.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        public_key_from_spki(der)
    }

    /// Reads a PKCS#1 `RSAPublicKey` in DER (RFC 8017 appendix A.1.1).
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`KeyError`] that concerns a public key.
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        public_key_from_pkcs1(der)
    }

    /// Writes an X.509 `SubjectPublicKeyInfo` in DER to the front of `out`, and returns its length, at
    /// most [`SPKI_MAX_LEN`](Self::SPKI_MAX_LEN).
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ExportError`].
    pub fn to_spki_der(&self, out: &mut [u8]) -> Result<usize, ExportError> {
        public_key_to_spki(self, out)
    }

    /// Calls `with` with the pieces, in order, of the X.509 `SubjectPublicKeyInfo` in DER.
    pub(crate) fn with_spki_der<T>(&self, with: impl FnOnce([&[u8]; 6]) -> T) -> T {
        with_spki(self, with)
    }
}

impl PrivateKey {
    /// The maximum length that [`to_pkcs8_der`](Self::to_pkcs8_der) writes.
    pub const PKCS8_MAX_LEN: usize = PKCS8_MAX_LEN;

    /// Reads a PKCS#8 `PrivateKeyInfo` in DER, version 0, not encrypted (RFC 5208 section 5).
    /// Attributes are ignored.
    ///
    /// Secret: the integers. Public: their lengths, what is wrong. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`KeyError`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        burning::<{ burn::RSA_KEY }, _>(move || {
            let mut key = Self::zeroed();
            key.read_pkcs8_der(der, &mut NoGenerator)?;
            Ok(key)
        })
    }

    /// Reads a PKCS#1 `RSAPrivateKey` in DER, version 0 (RFC 8017 appendix A.1.2).
    ///
    /// Secret: the integers. Public: their lengths, what is wrong. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`KeyError`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        burning::<{ burn::RSA_KEY }, _>(move || {
            let mut key = Self::zeroed();
            key.read_pkcs1_der(der, &mut NoGenerator)?;
            Ok(key)
        })
    }

    /// Writes an unencrypted PKCS#8 `PrivateKeyInfo` in DER to the front of `out`, and returns its
    /// length, at most [`PKCS8_MAX_LEN`](Self::PKCS8_MAX_LEN). On failure `out` holds nothing of
    /// the key.
    ///
    /// Secret: the key, `out`. Public: the lengths of the integers. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ExportError`].
    pub fn to_pkcs8_der(&self, out: &mut [u8]) -> Result<usize, ExportError> {
        burning::<{ burn::RSA_EXPORT }, _>(move || self.write_pkcs8(out))
    }

    /// Reads in place what [`from_pkcs8_der`](Self::from_pkcs8_der) reads.
    pub(crate) fn read_pkcs8_der(
        &mut self,
        der: &[u8],
        watched: &mut dyn Watched,
    ) -> Result<(), KeyError> {
        let (version, rest) = read(der, |reader| {
            reader.sequence(|reader| Ok((reader.decode::<u8>()?, remaining(reader)?)))
        })?;
        if version != 0 {
            return Err(KeyError::Version);
        }
        let (algorithm, key) = read(rest, |reader| {
            let algorithm = reader.tlv_bytes()?;
            let key = reader.decode::<&OctetStringRef>()?;
            reader.context_specific::<&SequenceRef>(TagNumber(0), TagMode::Implicit)?;
            Ok((algorithm, key))
        })?;
        check_algorithm(algorithm)?;
        self.read_pkcs1_der(key.as_bytes(), watched)
    }

    fn read_pkcs1_der(&mut self, der: &[u8], watched: &mut dyn Watched) -> Result<(), KeyError> {
        let (version, rest) = read(der, |reader| {
            reader.sequence(|reader| Ok((reader.decode::<u8>()?, remaining(reader)?)))
        })?;
        if version != 0 {
            return Err(KeyError::Version);
        }
        let [n, e, d, p, q, dp, dq, coefficient] = read(rest, |reader| {
            let mut integers = [&[][..]; 8];
            for integer in &mut integers {
                *integer = unsigned(reader)?;
            }
            Ok(integers)
        })?;
        let numbers = Numbers {
            d,
            p,
            q,
            dp,
            dq,
            coefficient,
        };
        self.public.set(n, e)?;
        let size = self.public.size();
        let read = with_scratch::<{ scratch::KEY }, _>(size, watched, &mut |scratch| {
            self.secret.read(&self.public, &numbers, scratch)
        });
        if read.is_err() {
            self.secret.zeroize();
        }
        read
    }

    fn write_pkcs8(&self, out: &mut [u8]) -> Result<usize, ExportError> {
        let mut bytes = Zeroizing::new([[0; ModulusSize::MAX_BYTES]; 4]);
        let [d, pq, exponents, coefficient] = &mut *bytes;
        let half = ModulusSize::MAX_BYTES >> 1;
        let (p, q) = pq.split_at_mut_checked(half).ok_or(Fault)?;
        let (dp, dq) = exponents.split_at_mut_checked(half).ok_or(Fault)?;
        let secret = self.secret.private(self.public.size())?;
        words::to_be_bytes(d, secret.d)?;
        words::to_be_bytes(p, secret.p.prime.value())?;
        words::to_be_bytes(q, secret.q.prime.value())?;
        words::to_be_bytes(dp, secret.p.exponent)?;
        words::to_be_bytes(dq, secret.q.exponent)?;
        words::to_be_bytes(coefficient, secret.coefficient)?;

        let (n, e) = (self.public.modulus(), self.public.exponent());
        let numbers = [n, e, d, p, q, dp, dq, coefficient].map(Integer::new);
        let pkcs1 = VERSION.len() + numbers.iter().map(Integer::encoded_len).sum::<usize>();
        let key = header_len(pkcs1) + pkcs1;
        let all = VERSION.len() + ALGORITHM.len() + header_len(key) + key;
        let len = header_len(all) + all;

        let Some(out) = out.get_mut(..len) else {
            wipe(out);
            return Err(ExportError::BufferTooSmall);
        };
        let written = write_private_key(out, all, key, pkcs1, &numbers);
        if written.is_err() {
            wipe(out);
        }
        written.map(|()| len)
    }
}

fn public_key_from_pkcs1(bytes: &[u8]) -> Result<PublicKey, KeyError> {
    let (modulus, exponent) = read(bytes, |reader| {
        reader.sequence(|reader| {
            let modulus = reader.decode::<UintRef<'_>>()?;
            Ok((modulus, reader.decode::<UintRef<'_>>()?))
        })
    })?;
    PublicKey::new(modulus.as_bytes(), exponent.as_bytes())
}

fn public_key_from_spki(bytes: &[u8]) -> Result<PublicKey, KeyError> {
    let (algorithm, key) = read(bytes, |reader| {
        reader.sequence(|reader| {
            let algorithm = reader.tlv_bytes()?;
            Ok((algorithm, reader.decode::<BitStringRef<'_>>()?))
        })
    })?;
    check_algorithm(algorithm)?;
    public_key_from_pkcs1(key.as_bytes().ok_or(KeyError::Encoding)?)
}

fn public_key_to_spki(key: &PublicKey, out: &mut [u8]) -> Result<usize, ExportError> {
    with_spki(key, |pieces| {
        let len = pieces.iter().map(|piece| piece.len()).sum();
        let mut writer = Writer(out.get_mut(..len).ok_or(ExportError::BufferTooSmall)?);
        for piece in pieces {
            writer.put(piece)?;
        }
        Ok(len)
    })
}

/// Calls `with` with the pieces, in order, of a key's encoding.
fn with_spki<T>(key: &PublicKey, with: impl FnOnce([&[u8]; 6]) -> T) -> T {
    let (modulus, exponent) = (key.modulus(), key.exponent());
    // The modulus has its top bit set, so a zero precedes it; the exponent is at most 32 bytes
    // long.
    let zero = usize::from(exponent.first().is_some_and(|first| first >> 7 == 1));
    let exponent_len = exponent.len() + zero;
    let integer = 1 + modulus.len();
    let pair = 4 + integer + 2 + exponent_len;
    let bits = 1 + 4 + pair;
    let [all, bits, pair, integer] = [ALGORITHM.len() + 4 + bits, bits, pair, integer];
    let [[a, b], [c, d], [e, f], [g, h]] =
        [all, bits, pair, integer].map(|len| (len as u16).to_be_bytes());
    let front = [0x30, 0x82, a, b];
    let middle = [3, 0x82, c, d, 0, 0x30, 0x82, e, f, 2, 0x82, g, h, 0];
    let (padded, plain) = ([2, exponent_len as u8, 0], [2, exponent_len as u8]);
    let between: &[u8] = if zero == 1 { &padded } else { &plain };
    with([&front, &ALGORITHM, &middle, modulus, between, exponent])
}

/// Fills `out` with the encoding. Each length is that of what follows the header.
fn write_private_key(
    out: &mut [u8],
    all: usize,
    key: usize,
    pkcs1: usize,
    numbers: &[Integer<'_>],
) -> Result<(), ExportError> {
    let mut writer = Writer(out);
    writer.header(SEQUENCE, all)?;
    writer.put(&VERSION)?;
    writer.put(&ALGORITHM)?;
    writer.header(OCTET_STRING, key)?;
    writer.header(SEQUENCE, pkcs1)?;
    writer.put(&VERSION)?;
    for number in numbers {
        writer.header(INTEGER, number.len())?;
        if number.zero {
            writer.put(&[0])?;
        }
        writer.put(number.bytes)?;
    }
    if writer.0.is_empty() {
        Ok(())
    } else {
        Err(ExportError::Fault)
    }
}

/// A number that is not 0, without leading zero bytes.
struct Integer<'n> {
    bytes: &'n [u8],
    /// Whether a zero byte precedes the number so that its top bit is not a sign.
    zero: bool,
}

impl<'n> Integer<'n> {
    /// Secret: the number. Leaks: its length in bits, as far as DER reveals it.
    fn new(mut bytes: &'n [u8]) -> Self {
        while let [first, rest @ ..] = bytes
            && Mask::is_zero(u32::from(*first)).declassify()
        {
            bytes = rest;
        }
        let zero = { bytes.first() }.is_some_and(|first| declassify(u32::from(*first >> 7)) == 1);
        Self { bytes, zero }
    }

    fn len(&self) -> usize {
        usize::from(self.zero) + self.bytes.len()
    }

    fn encoded_len(&self) -> usize {
        header_len(self.len()) + self.len()
    }
}

/// Returns the length of a tag together with a length below 65536.
const fn header_len(len: usize) -> usize {
    match len {
        0..0x80 => 2,
        0x80..0x100 => 3,
        _ => 4,
    }
}

/// The part that is not yet written.
struct Writer<'o>(&'o mut [u8]);

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        copy(self.0.split_off_mut(..bytes.len()).ok_or(Fault)?, bytes)
    }

    fn header(&mut self, tag: u8, len: usize) -> Result<(), Fault> {
        let [high, low] = u16::try_from(len).map_err(|_| Fault)?.to_be_bytes();
        match header_len(len) {
            2 => self.put(&[tag, low]),
            3 => self.put(&[tag, 0x81, low]),
            _ => self.put(&[tag, 0x82, high, low]),
        }
    }
}

/// Checks a complete `AlgorithmIdentifier`.
fn check_algorithm(algorithm: &[u8]) -> Result<(), KeyError> {
    // Anything else in the sequence decides which error is returned.
    read(algorithm, |reader| {
        reader.sequence(|reader| {
            reader.tlv_bytes()?;
            if !reader.is_finished() {
                reader.tlv_bytes()?;
            }
            Ok(())
        })
    })?;
    if algorithm == ALGORITHM {
        Ok(())
    } else {
        Err(KeyError::Algorithm)
    }
}

/// Reads all of `bytes`.
fn read<'a, T>(
    bytes: &'a [u8],
    structure: impl FnOnce(&mut SliceReader<'a>) -> der::Result<T>,
) -> Result<T, KeyError> {
    let all = || {
        let mut reader = SliceReader::new(bytes)?;
        let value = structure(&mut reader)?;
        reader.finish()?;
        Ok(value)
    };
    all().map_err(|error: der::Error| match error.kind() {
        ErrorKind::TrailingData { .. } => KeyError::TrailingData,
        _ => KeyError::Encoding,
    })
}

/// Returns the rest of the structure that is being read.
fn remaining<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    reader.read_slice(reader.remaining_len())
}
