// SPDX-License-Identifier: MIT OR Apache-2.0
//! Statements that custodians sign with the possession keys of their shares.
//!
//! A signature covers `D("statement", kind, H, i, D("statement text", ..))` (`docs/format.md`). It
//! includes the kind, so that a statement of one kind cannot be shown as another.

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
use crate::rng::Watched;

/// What a statement is for. The number is its code in the signed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum StatementKind {
    /// A share, sent to a session.
    Contribution = 1,
    /// An answer to a drill's challenge.
    Drill = 2,
    /// The approval of an act.
    Approval = 3,
}

/// A statement made by the holder of one share of a header.
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    /// The content: `D("statement text", ..)`.
    pub(crate) text: [u8; 32],
}

impl Statement {
    /// Returns what is signed.
    fn digest(&self, header: &HeaderDigest, index: ShareIndex) -> [u8; 32] {
        let (kind, index) = ([self.kind as u8], [index.get()]);
        let parts = [kind.as_slice(), header.as_bytes(), &index, &self.text];
        Purpose::Statement.digest(parts)
    }

    /// Signs with the possession key of `share`, and verifies the signature with the key that the
    /// header of `sealed` names for it.
    ///
    /// Secret: the share's value, its possession key. Public: everything else, the signature.
    /// Leaks: nothing else.
    pub(crate) fn sign(
        &self,
        sealed: &SealedDomain<'_>,
        share: &DomainShare,
        watched: &mut dyn Watched,
    ) -> Result<[u8; SIGNATURE_LEN], SignFault> {
        let (header, index) = (sealed.header(), share.index());
        let mut key = SigningKey::zeroed();
        possession_key(&header.core_digest, &share.share, &mut key).map_err(|Fault| SignFault)?;
        let signature = key.sign(&self.digest(&header.digest(), index), watched)?;
        Verdict::twice(|| self.verifies(header, index, &signature)).or(SignFault)?;
        Ok(signature)
    }

    /// Returns whether the possession key of the share at `index` under `header` made `signature`.
    /// All is public.
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
