// SPDX-License-Identifier: MIT OR Apache-2.0
//! Statements: what custodians sign with the possession keys of their shares.
//!
//! What is signed is `D("statement", kind, H, i, D("statement text", ..))` (`docs/format.md`). The kind is
//! part of it, so that no statement of one kind can be shown as another.

use super::header::Header;
use super::id::HeaderDigest;
use super::keys::possession_key;
use super::parse::SealedDomain;
use super::share::DomainShare;
use crate::ct::Mask;
use crate::ed25519::{SIGNATURE_LEN, SignFault, SigningKey};
use crate::hardened::{Fault, Verdict};
use crate::labels::Purpose;
use crate::quorum::ShareIndex;

/// What a statement is for. The number is its code in what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum StatementKind {
    /// A share, sent to a session.
    Contribution = 1,
}

/// A statement by whoever holds one share of a header.
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    /// What it says: `D("statement text", ..)`.
    pub(crate) text: [u8; 32],
}

impl Statement {
    /// What is signed.
    fn digest(&self, header: &HeaderDigest, index: ShareIndex) -> [u8; 32] {
        let (kind, index) = ([self.kind as u8], [index.get()]);
        let parts = [kind.as_slice(), header.as_bytes(), &index, &self.text];
        Purpose::Statement.digest(parts)
    }

    /// Signs with the possession key of `share`, and verifies under the key that the header of `sealed`
    /// names for it.
    ///
    /// Secret: the share's value, its possession key. Public: everything else, the signature. Leaks:
    /// nothing else.
    pub(crate) fn sign(
        &self,
        sealed: &SealedDomain<'_>,
        share: &DomainShare,
    ) -> Result<[u8; SIGNATURE_LEN], SignFault> {
        let (header, index) = (sealed.header(), share.index());
        let mut key = SigningKey::zeroed();
        possession_key(&header.core_digest, &share.share, &mut key).map_err(|Fault| SignFault)?;
        let signature = key.sign(&self.digest(&header.digest(), index))?;
        Verdict::twice(|| self.verifies(header, index, &signature)).or(SignFault)?;
        Ok(signature)
    }

    /// Whether `signature` is by the possession key of the share at `index` under `header`. All is public.
    pub(crate) fn verifies(
        &self,
        header: &Header<'_>,
        index: ShareIndex,
        signature: &[u8; SIGNATURE_LEN],
    ) -> Mask {
        match header.share_key(index) {
            Some(key) => key.verifies(&self.digest(&header.digest(), index), signature),
            None => Mask::public(false),
        }
    }
}
