// SPDX-License-Identifier: MIT OR Apache-2.0
//! Digests and derived keys, each for one purpose: the only home of the labels that keep them apart.
//!
//! With `frame(x)` = the length of `x` in 8 bytes, big-endian, then `x`:
//!
//! - `D(label, p1, ..)` = SHA-256(frame(label) || frame(p1) || ..), written [`Purpose::digest`];
//! - `X(key, salt, label, p1, ..)` = HKDF-SHA-256 (RFC 5869) of `key` and `salt` with
//!   info = frame(label) || frame(p1) || .., written [`Purpose::derive`];
//! - the same from a pseudorandom key that was extracted before, written [`Purpose::expand`].
//!
//! Every part is framed, so no two lists of parts give the same bytes; every label is used by one
//! purpose, so no digest or key of one purpose can stand for another's.

use core::iter;

use heapless::Vec;
use sha2::{Digest, Sha256};

use crate::hardened::Fault;
use crate::kdf::Pseudorandom;
use crate::secret::Secret;

/// The most parts that a key is derived from.
const MAX_PARTS: usize = 3;

/// What a digest or a derived key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The id of a domain, from its birth suite and verify key.
    DomainId,
    /// The seed of a domain's signing key, from the root.
    DomainKey,
    /// What the draws of one sealing are for.
    Sealing,
    /// A hedged draw, from generator output and the root.
    Draw,
    /// A hedged draw, from generator output and the device key.
    DeviceDraw,
    /// The digest of the part of a release that the core carries.
    Release,
    /// The digest of a header's core.
    Core,
    /// The id of a custodian, from algorithm and public key.
    Custodian,
    /// What a wrapped share is bound to.
    Share,
    /// The seed of a share's possession key.
    Possession,
    /// The digest of a wrapped share.
    Wrapped,
    /// The digest of a header.
    Header,
    /// The commitment to a sealed body's key.
    Commit,
    /// The key of a sealed body.
    Body,
    /// The digest of commitment and body.
    Payload,
    /// What a domain key signs of a sealed domain.
    Sealed,
    /// What the draws of one session are for.
    Session,
    /// The digest of a request.
    Request,
    /// What a domain key signs of a request.
    RequestSignature,
    /// What a contributed share is bound to.
    Contribution,
    /// What a possession key signs.
    Statement,
    /// The digest of what a statement says.
    StatementText,
    /// The key of one record of the state at rest.
    Record,
    /// The salt of one record, hedged with the device key.
    RecordSalt,
    /// The digest of a backup's header.
    BackupHeader,
    /// The key of one backup.
    Backup,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::DomainId => "security-domain/v1 domain id",
            Self::DomainKey => "security-domain/v1 domain key",
            Self::Sealing => "security-domain/v1 sealing",
            Self::Draw => "security-domain/v1 draw",
            Self::DeviceDraw => "security-domain/v1 device draw",
            Self::Release => "security-domain/v1 release",
            Self::Core => "security-domain/v1 core",
            Self::Custodian => "security-domain/v1 custodian",
            Self::Share => "security-domain/v1 share",
            Self::Possession => "security-domain/v1 possession",
            Self::Wrapped => "security-domain/v1 wrapped",
            Self::Header => "security-domain/v1 header",
            Self::Commit => "security-domain/v1 commit",
            Self::Body => "security-domain/v1 body",
            Self::Payload => "security-domain/v1 payload",
            Self::Sealed => "security-domain/v1 sealed",
            Self::Session => "security-domain/v1 session",
            Self::Request => "security-domain/v1 request",
            Self::RequestSignature => "security-domain/v1 request signature",
            Self::Contribution => "security-domain/v1 contribution",
            Self::Statement => "security-domain/v1 statement",
            Self::StatementText => "security-domain/v1 statement text",
            Self::Record => "security-domain/v1 record",
            Self::RecordSalt => "security-domain/v1 record salt",
            Self::BackupHeader => "security-domain/v1 backup header",
            Self::Backup => "security-domain/v1 backup",
        }
    }

    /// `D(label, parts..)`.
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

    /// `D(label, first, last)` where `last` stands in pieces.
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

    /// The second half of [`derive`](Self::derive), from an extracted key.
    ///
    /// Secret: `extracted`, the result. Public: the rest, the lengths. Leaks: nothing else.
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

    const ALL: [Purpose; 26] = [
        Purpose::DomainId,
        Purpose::DomainKey,
        Purpose::Sealing,
        Purpose::Draw,
        Purpose::DeviceDraw,
        Purpose::Release,
        Purpose::Core,
        Purpose::Custodian,
        Purpose::Share,
        Purpose::Possession,
        Purpose::Wrapped,
        Purpose::Header,
        Purpose::Commit,
        Purpose::Body,
        Purpose::Payload,
        Purpose::Sealed,
        Purpose::Session,
        Purpose::Request,
        Purpose::RequestSignature,
        Purpose::Contribution,
        Purpose::Statement,
        Purpose::StatementText,
        Purpose::Record,
        Purpose::RecordSalt,
        Purpose::BackupHeader,
        Purpose::Backup,
    ];

    #[test]
    fn no_two_purposes_share_a_label() {
        let labels: HashSet<_> = ALL.iter().map(|purpose| purpose.label()).collect();
        assert_eq!(labels.len(), ALL.len());
        assert_eq!(
            ALL.map(|purpose| purpose as usize),
            core::array::from_fn(|i| i)
        );
        assert!(
            labels
                .iter()
                .all(|label| label.starts_with("security-domain/v1 "))
        );
    }

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
