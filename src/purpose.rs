// SPDX-License-Identifier: MIT OR Apache-2.0
//! Digests and derived keys, each bound to one purpose.
//!
//! `frame(x)` is the length of `x` in 8 bytes, big-endian, followed by `x`:
//!
//! - `D(label, p1, ..)` = SHA-256(frame(label) || frame(p1) || ..), written [`Purpose::digest`];
//! - `X(key, salt, label, p1, ..)` = HKDF-SHA-256 (RFC 5869) of `key` and `salt` with
//!   info = frame(label) || frame(p1) || .., written [`Purpose::derive`];
//! - the same from a pseudorandom key that was already extracted, written [`Purpose::expand`].
//!
//! Every part is framed, so different lists of parts never give the same bytes.

use core::iter;

use heapless::Vec;
use sha2::{Digest, Sha256};

use crate::hardened::Fault;
use crate::kdf::Pseudorandom;
use crate::labels::Purpose;
use crate::secret::Secret;

/// The most parts for the derivation of a key.
const MAX_PARTS: usize = 3;

impl Purpose {
    /// Returns `D(label, parts..)`.
    ///
    /// Secret: the parts, where they are. Public: their number and lengths. Leaks: nothing else.
    pub fn digest<'a>(self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let label = self.label().as_bytes();
        let mut hash = Sha256::new();
        for part in iter::once(label).chain(parts) {
            hash.update(length(part));
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Returns `D(label, first, last)` for a `last` in pieces.
    ///
    /// All is public.
    pub fn digest_pieces(self, first: &[u8], last: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.label().as_bytes(), first] {
            hash.update(length(part));
            hash.update(part);
        }
        let len = last.iter().fold(0, |len, piece| len + piece.len() as u64);
        hash.update(len.to_be_bytes());
        last.iter().for_each(|piece| hash.update(piece));
        hash.finalize().into()
    }

    /// Fills `out` with `X(key, salt, label, parts..)`.
    ///
    /// Secret: `key`, the result. Public: the rest, the lengths. Leaks: nothing else.
    pub fn derive<const N: usize, const P: usize>(
        self,
        key: &[u8],
        salt: &[u8],
        parts: [&[u8]; P],
        out: &mut Secret<N>,
    ) -> Result<(), Fault> {
        let mut extracted = Pseudorandom::none();
        extracted.extract(salt, key)?;
        self.expand(&extracted, parts, out)
    }

    /// Returns `info` as [`derive`](Self::derive) has it, in one piece.
    ///
    /// All is public.
    #[cfg(feature = "sealed-domain")]
    pub fn info<const N: usize, const P: usize>(
        self,
        parts: [&[u8]; P],
    ) -> Result<Vec<u8, N>, Fault> {
        let mut info = Vec::new();
        for part in iter::once(self.label().as_bytes()).chain(parts) {
            { info.extend_from_slice(&length(part)) }.map_err(|_| Fault)?;
            info.extend_from_slice(part).map_err(|_| Fault)?;
        }
        Ok(info)
    }

    /// The second half of [`derive`](Self::derive), from an extracted key.
    ///
    /// Secret: `extracted`, the result. Public: the rest, the lengths. Leaks: nothing else.
    #[cfg_attr(
        not(test),
        expect(clippy::disallowed_macros, reason = "refused when it is compiled")
    )]
    pub fn expand<const N: usize, const P: usize>(
        self,
        extracted: &Pseudorandom,
        parts: [&[u8]; P],
        out: &mut Secret<N>,
    ) -> Result<(), Fault> {
        const { assert!(P <= MAX_PARTS) };
        let label = self.label().as_bytes();
        let lengths = parts.map(length);
        let head = length(label);
        let mut info = Vec::<&[u8], { 2 * (1 + MAX_PARTS) }>::new();
        info.extend_from_slice(&[&head, label]).map_err(|_| Fault)?;
        for (length, part) in lengths.iter().zip(parts) {
            info.extend_from_slice(&[length, part]).map_err(|_| Fault)?;
        }
        extracted.expand(&info, out)
    }
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn parts_are_framed() {
        let digest = |parts: &[&[u8]]| Purpose::Core.digest(parts.iter().copied());
        let lists: [&[&[u8]]; 6] = [
            &[],
            &[b""],
            &[b"", b""],
            &[b"ab"],
            &[b"a", b"b"],
            &[b"", b"ab"],
        ];
        let digests: HashSet<_> = lists.iter().map(|parts| digest(parts)).collect();
        assert_eq!(digests.len(), lists.len());

        let derive = |parts: [&[u8]; 2]| {
            let mut key = Secret::<32>::zeroed();
            Purpose::Body
                .derive(b"key", b"salt", parts, &mut key)
                .unwrap();
            *key.expose()
        };
        assert_ne!(derive([b"a", b"b"]), derive([b"", b"ab"]));
    }

    /// The definition, written out: HKDF-Expand is one HMAC over info and a counter of 1.
    #[test]
    fn digests_and_keys_are_what_the_format_says() {
        let label = b"security-domain/v1 core";
        let bytes = [
            &[0, 0, 0, 0, 0, 0, 0, 23],
            &label[..],
            &[0, 0, 0, 0, 0, 0, 0, 3],
            b"abc",
        ]
        .concat();
        let want: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(Purpose::Core.digest([&b"abc"[..]]), want);

        let (mut extracted, mut want) = (Pseudorandom::none(), Secret::<32>::zeroed());
        extracted.extract(b"salt", b"key").unwrap();
        extracted.expand(&[&bytes], &mut want).unwrap();
        let mut have = Secret::<32>::zeroed();
        Purpose::Core
            .derive(b"key", b"salt", [b"abc"], &mut have)
            .unwrap();
        assert_eq!(have.expose(), want.expose());
    }
}
