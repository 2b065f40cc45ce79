// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compact JWE (RFC 7516 section 7.1) with `A256CBC-HS512` (RFC 7518 section 5.2.5), the only form
//! in which the Azure format seals anything.
//!
//! A JWE is read in place and opened a chunk at a time, in two passes: the first computes the tag,
//! the second decrypts. No plaintext exists before the tag has been compared.

mod seal;
#[cfg(test)]
mod tests;

use aes::Aes256;
use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::digest::FixedOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

use super::base64::{Base64UrlUnpadded, Bytes, CHUNK, Decoder, url_len};
use super::error::{Fault, Field, FileError, OpenError};
use super::json::{Member, Reader};
use super::source::{Front, RUN, Source};
use crate::ct::{self, Mask};
use crate::hardened::{self, Permit, Verdict, copy};
use crate::secret::{Secret, wipe};

pub use seal::{Sealer, padded_len, sealed_len};

/// A content key: 32 bytes for HMAC, then 32 for AES.
pub type ContentKey = Secret<64>;

const BLOCK: usize = 16;
const TAG: usize = 32;

/// The longest encrypted key: RSA with 4096 bits.
pub const MAX_ENCRYPTED_KEY: usize = 512;

/// How the reader gets the content key: the header's `alg`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Both sides already have it.
    Direct,
    /// It is wrapped with RSA.
    RsaOaep256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Direct => "dir",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }
}

/// A part of a JWE that stays in the text: its characters and its length in bytes.
#[derive(Clone)]
struct Part<S> {
    characters: Front<S>,
    bytes: usize,
}

impl<S: Source> Part<S> {
    /// Decodes the part once, and keeps as much as fits into `front`.
    fn check(characters: Front<S>, front: &mut [u8], at: Field) -> Result<Self, FileError> {
        let bytes = Decoder::<Base64UrlUnpadded, _>::new(characters.clone())
            .all(front)
            .map_err(|_| at.has(Fault::Base64))?;
        Ok(Self { characters, bytes })
    }
}

/// A compact JWE whose form has been checked.
pub struct Jwe<S> {
    header: Part<S>,
    encrypted_key: Part<S>,
    iv: [u8; BLOCK],
    ciphertext: Part<S>,
    tag: [u8; TAG],
}

impl<S: Source> Jwe<S> {
    /// Checks a JWE's form: five parts of canonical base64url, a header with `algorithm` and `kid`,
    /// and the length of each part.
    pub fn parse(
        text: S,
        algorithm: Algorithm,
        kid: impl Iterator<Item = u8> + Clone,
        at: Field,
    ) -> Result<Self, FileError> {
        let [header, encrypted_key, iv, ciphertext, tag] =
            split(text).ok_or(at.has(Fault::Parts))?;

        let header = Part::check(header, &mut [], at.part("header"))?;
        check_header(Bytes::new(header.characters.clone()), algorithm, kid, at)?;

        let here = at.part("encrypted key");
        let encrypted_key = Part::check(encrypted_key, &mut [], here)?;
        match (algorithm, encrypted_key.bytes) {
            (Algorithm::Direct, 0) | (Algorithm::RsaOaep256, 256 | 384 | MAX_ENCRYPTED_KEY) => {}
            (Algorithm::Direct, _) => return Err(here.has(Fault::NotEmpty)),
            (Algorithm::RsaOaep256, _) => return Err(here.has(Fault::Length)),
        }
        Ok(Self {
            header,
            encrypted_key,
            iv: exactly(iv, at.part("IV"))?,
            ciphertext: {
                let here = at.part("ciphertext");
                let ciphertext = Part::check(ciphertext, &mut [], here)?;
                if ciphertext.bytes == 0 || ciphertext.bytes & (BLOCK - 1) != 0 {
                    return Err(here.has(Fault::Length));
                }
                ciphertext
            },
            tag: exactly(tag, at.part("tag"))?,
        })
    }

    /// Returns the length of the ciphertext in bytes. The plaintext is 1 to 16 bytes shorter.
    pub fn ciphertext_len(&self) -> usize {
        self.ciphertext.bytes
    }

    /// Returns the length of the encrypted key in bytes.
    pub fn encrypted_key_len(&self) -> usize {
        self.encrypted_key.bytes
    }

    /// Writes the encrypted key to the front of `out`, and returns it.
    pub fn encrypted_key<'o>(
        &self,
        out: &'o mut [u8; MAX_ENCRYPTED_KEY],
    ) -> Result<&'o [u8], hardened::Fault> {
        let characters = self.encrypted_key.characters.clone();
        let length = Decoder::<Base64UrlUnpadded, _>::new(characters).all(out);
        match length {
            Ok(length) if length == self.encrypted_key.bytes => out.get(..length),
            _ => None,
        }
        .ok_or(hardened::Fault)
    }

    /// Calls `each` with every chunk of ciphertext, in place: whole blocks, 192 bytes except for
    /// the last one.
    fn for_each_chunk<E: From<hardened::Fault>>(
        &self,
        chunk: &mut [u8; CHUNK],
        mut each: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let characters = self.ciphertext.characters.clone();
        let mut decoder = Decoder::<Base64UrlUnpadded, _>::new(characters);
        let mut rest = self.ciphertext.bytes;
        while rest > 0 {
            let decoded = decoder.chunk(chunk).map_err(|_| hardened::Fault)?.len();
            if decoded == 0 {
                return Err(hardened::Fault.into());
            }
            rest = rest.checked_sub(decoded).ok_or(hardened::Fault)?;
            each(chunk.get_mut(..decoded).ok_or(hardened::Fault)?)?;
        }
        Ok(())
    }

    /// Fills `out` with what the tag must be under this key.
    ///
    /// Secret: `key`, `out` until it has been compared. Public: the JWE. Leaks: nothing.
    fn tag(&self, key: &ContentKey, out: &mut Secret<TAG>) -> Result<(), hardened::Fault> {
        let (mut mac, _) = keys(key)?;
        let mut header = self.header.characters.clone();
        while let run @ [_, ..] = header.run(RUN) {
            mac.update(run);
        }
        mac.update(&self.iv);
        self.for_each_chunk(&mut [0; CHUNK], |chunk| {
            mac.update(chunk);
            Ok::<_, hardened::Fault>(())
        })?;
        tag(mac, url_len(self.header.bytes), out)
    }

    /// Returns whether the tag belongs to this key.
    ///
    /// Secret: `key`. Public: the JWE. Leaks: nothing; the tag is compared in constant time.
    pub fn authentic(&self, key: &ContentKey) -> Result<Mask, hardened::Fault> {
        let mut tag = Secret::zeroed();
        self.tag(key, &mut tag)?;
        Ok(self.bears(&tag))
    }

    /// Returns whether the JWE has this tag.
    ///
    /// Secret: `tag`. Public: the JWE. Leaks: nothing.
    #[inline(always)]
    fn bears(&self, tag: &Secret<TAG>) -> Mask {
        ct::eq_bytes(tag.expose(), &self.tag)
    }

    /// Returns a permit if the tag belongs to this key and the padding is well-formed, so that
    /// [`open`](Self::open) will succeed.
    ///
    /// Secret: `key`, the plaintext. Public: the JWE. Leaks: the result.
    pub fn opens(&self, key: &ContentKey) -> Result<Permit, OpenError> {
        let mut tag = Secret::zeroed();
        self.tag(key, &mut tag)?;
        let authentic = Verdict::twice(|| self.bears(&tag)).permit(OpenError::DoesNotOpen)?;
        // The last two blocks; if there is only one, the IV is the first of them.
        let (mut before, mut last) = ([0; BLOCK], self.iv);
        self.for_each_chunk(&mut [0; CHUNK], |chunk| {
            let (blocks, []) = chunk.as_chunks::<BLOCK>() else {
                return Err(hardened::Fault);
            };
            for block in blocks {
                (before, last) = (last, *block);
            }
            Ok(())
        })?;
        let mut block = Secret::<BLOCK>::zeroed();
        *block.expose_mut() = last;
        let (_, aes) = keys(key)?;
        decrypt_blocks(
            &mut cbc::Decryptor::new(aes.into(), &before.into()),
            block.expose_mut(),
        )?;
        let padded = Verdict::twice(|| padding(block.expose()).1).permit(OpenError::DoesNotOpen)?;
        Ok(authentic.and(padded))
    }

    /// Decrypts without a check, padding included: calls `each` with every chunk, which is wiped
    /// afterwards.
    ///
    /// Secret: `key`, the chunks. Public: the JWE. Leaks: nothing else.
    pub fn decrypt<E: From<hardened::Fault>>(
        &self,
        key: &ContentKey,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (_, aes) = keys(key)?;
        let mut cipher = cbc::Decryptor::new(aes.into(), &self.iv.into());
        let mut buffer = Secret::<CHUNK>::zeroed();
        self.for_each_chunk(buffer.expose_mut(), |chunk| {
            decrypt_blocks(&mut cipher, chunk)?;
            each(chunk)
        })
    }

    /// Opens the JWE into the front of `out`, which has room for one byte less than the ciphertext,
    /// and returns the plaintext's length.
    ///
    /// Secret: `key`, the plaintext. Public: the JWE. Leaks: whether it opens, and how long the
    /// plaintext is then.
    pub fn open(&self, key: &ContentKey, out: &mut [u8]) -> Result<usize, OpenError> {
        let needed = self.ciphertext.bytes.saturating_sub(1);
        let out = out
            .get_mut(..needed)
            .ok_or(OpenError::BufferTooSmall { needed })?;
        self.opens(key)?.spend(OpenError::DoesNotOpen)?;
        let opened = self.open_into(key, out);
        if opened.is_err() {
            wipe(out);
        }
        opened
    }

    /// Decrypts a JWE that was found to open, and removes the padding.
    fn open_into(&self, key: &ContentKey, out: &mut [u8]) -> Result<usize, OpenError> {
        let (mut written, mut last) = (0, 0);
        self.decrypt(key, |chunk| {
            let room = out.get_mut(written..).ok_or(hardened::Fault)?;
            // The last byte is padding, for which there is no room.
            let kept = chunk.len().min(room.len());
            let (room, chunk_kept) = (room.get_mut(..kept), chunk.get(..kept));
            copy(
                room.ok_or(hardened::Fault)?,
                chunk_kept.ok_or(hardened::Fault)?,
            )?;
            written += chunk.len();
            last = u32::from(*chunk.last().ok_or(hardened::Fault)?);
            Ok::<_, hardened::Fault>(())
        })?;
        // From here on the padding is known to be well-formed, and the caller may know its length.
        let length =
            { written.checked_sub(ct::declassify(last) as usize) }.ok_or(hardened::Fault)?;
        out.get_mut(length..).ok_or(hardened::Fault)?.fill(0);
        Ok(length)
    }
}

/// Splits a text at its dots into exactly five parts.
fn split<S: Source>(text: S) -> Option<[Front<S>; 5]> {
    let mut rest = text;
    let mut part = || {
        let start = rest.clone();
        let mut count = 0;
        while let length @ 1.. = rest.span(RUN, |byte| byte != b'.') {
            count += rest.run(length).len();
        }
        (Front::new(start, count), rest.byte().is_some())
    };
    let parts = [part(), part(), part(), part(), part()];
    let dots = parts.each_ref().map(|(_, dot)| *dot);
    (dots == [true, true, true, true, false]).then_some(parts.map(|(part, _)| part))
}

/// Decodes a part of `N` bytes.
fn exactly<S: Source, const N: usize>(
    characters: Front<S>,
    at: Field,
) -> Result<[u8; N], FileError> {
    let mut bytes = [0; N];
    if Part::check(characters, &mut bytes, at)?.bytes == N {
        Ok(bytes)
    } else {
        Err(at.has(Fault::Length))
    }
}

/// Checks a header: the members `alg`, `enc` and `kid`, and no other.
fn check_header(
    text: impl Source,
    algorithm: Algorithm,
    kid: impl Iterator<Item = u8> + Clone,
    at: Field,
) -> Result<(), FileError> {
    let here = at.part("header");
    let [alg_at, enc_at, kid_at] = ["header alg", "header enc", "header kid"].map(|p| at.part(p));
    let members = [
        Member::new("alg", alg_at),
        Member::new("enc", enc_at),
        Member::new("kid", kid_at),
    ];
    let mut reader = Reader::new(text);
    reader.object(here, &members, |reader, member| match member {
        0 => reader.literal(alg_at, algorithm.name()),
        1 => reader.literal(enc_at, "A256CBC-HS512"),
        _ => {
            if reader.string(kid_at)?.bytes().eq(kid.clone()) {
                Ok(())
            } else {
                Err(kid_at.has(Fault::Mismatch))
            }
        }
    })?;
    reader.end(here)
}

/// Returns the two keys in a content key: HMAC's, ready to use, and AES's.
///
/// Secret: all of them. Leaks: nothing.
fn keys(key: &ContentKey) -> Result<(Hmac<Sha512>, &[u8; 32]), hardened::Fault> {
    let ([mac, aes], []) = key.expose().as_chunks::<32>() else {
        return Err(hardened::Fault);
    };
    // A key shorter than a block is padded with zeros (RFC 2104 section 2).
    let mut block = Secret::<128>::zeroed();
    *block
        .expose_mut()
        .first_chunk_mut()
        .ok_or(hardened::Fault)? = *mac;
    Ok((Hmac::new(block.expose().into()), aes))
}

/// Fills `out` with the tag. The number of bits in the header's text is authenticated last.
///
/// Secret: the MAC's state, `out`. Public: the length. Leaks: nothing else.
fn tag(mut mac: Hmac<Sha512>, header: usize, out: &mut Secret<TAG>) -> Result<(), hardened::Fault> {
    mac.update(&(header as u64 * 8).to_be_bytes());
    let mut whole = Secret::<64>::zeroed();
    mac.finalize_into(whole.expose_mut().into());
    let (front, _) = whole
        .expose()
        .split_at_checked(TAG)
        .ok_or(hardened::Fault)?;
    copy(out.expose_mut(), front)
}

/// Decrypts whole blocks in place.
///
/// Secret: the cipher's key, the plaintext. Public: the ciphertext. Leaks: nothing.
fn decrypt_blocks(
    cipher: &mut cbc::Decryptor<Aes256>,
    bytes: &mut [u8],
) -> Result<(), hardened::Fault> {
    let (blocks, []) = Array::slice_as_chunks_mut(bytes) else {
        return Err(hardened::Fault);
    };
    cipher.decrypt_blocks(blocks);
    Ok(())
}

/// Returns the length of the padding at the end of the last block (PKCS#7), and whether it is
/// well-formed.
///
/// Secret: the block. Leaks: nothing. Invariant of the loop: `good` is true if the last `distance`
/// bytes, so far as they are padding, are all equal to the length.
fn padding(block: &[u8; BLOCK]) -> (u8, Mask) {
    let [.., length] = *block;
    let count = u32::from(length);
    let mut good = !Mask::is_zero(count) & Mask::lt(count, BLOCK as u32 + 1);
    for (distance, &byte) in (0..).zip(block.iter().rev()) {
        let inside = Mask::lt(distance, count);
        good &= !inside | Mask::eq(u32::from(byte), count);
    }
    (length, good)
}
