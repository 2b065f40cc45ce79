// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator expects of a restore blob, and the state of an import.

use heapless::{String, Vec};
use sha2::{Digest, Sha256};

use crate::cbor::bytes_len;
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};
use crate::lifecycle::error::{LifecycleError, Unconfirmed};
use crate::lifecycle::holding::Holding;
use crate::managed_hsm::Tag;
use crate::sealed_domain::{ArtifactTag, MAX_ARTIFACTS, MAX_TEXT_LEN};
use crate::secret::wipe;
use crate::x509::Thumbprint;

/// How many restore blobs may fail to open before the session ends.
pub const MAX_IMPORT_FAILURES: u8 = 3;

/// The tag of an artifact that is the root of a domain: 32 bytes. Without one the root is derived
/// from all artifacts, so that HSMs that import the same file share a domain.
pub const ROOT_TAG: &str = "security-domain-root";

/// An artifact that the operator expects in a restore blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller fills it in, and is to miss nothing new"
)]
pub struct ExpectedArtifact<'a> {
    /// The artifact's tag.
    pub tag: ArtifactTag<'a>,
    /// The SHA-256 of its content, if it is known.
    pub digest: Option<[u8; 32]>,
}

/// An import in progress.
pub(in crate::lifecycle) struct Import {
    pub(in crate::lifecycle) certificate: Thumbprint,
    /// How many blobs have been tried.
    pub(in crate::lifecycle) tried: u8,
    pub(in crate::lifecycle) expected: Vec<Expected, MAX_ARTIFACTS>,
}

/// A stored [`ExpectedArtifact`].
pub(in crate::lifecycle) struct Expected {
    pub(in crate::lifecycle) tag: String<MAX_TEXT_LEN>,
    pub(in crate::lifecycle) digest: Option<[u8; 32]>,
}

/// Returns the maximum length in a record of an expected artifact with a tag of `len` bytes.
pub(in crate::lifecycle) const fn expected_len(len: usize) -> usize {
    bytes_len(len).saturating_add(1 + bytes_len(32))
}

impl Expected {
    /// Returns its maximum length in a record.
    pub(super) fn encoded_len(&self) -> usize {
        expected_len(self.tag.len())
    }

    /// Returns whether `artifact` has the expected digest, if there is one.
    ///
    /// Secret: `artifact`, its digest. Public: the length. Leaks: nothing; the verdict is a mask.
    pub(super) fn admits(&self, artifact: &[u8]) -> Mask {
        match &self.digest {
            Some(digest) => eq_bytes(&Sha256::digest(artifact), digest),
            None => Mask::public(true),
        }
    }

    /// Returns whether its digest was expected or is in `digests`, or it is the root.
    fn is_known(&self, digests: &[ExpectedArtifact<'_>]) -> Mask {
        let mut digests = digests.iter().filter(|named| named.digest.is_some());
        let named = digests.any(|named| named.tag.as_str() == self.tag);
        Mask::public(named || self.digest.is_some() || self.tag == ROOT_TAG)
    }
}

/// The digest of a weak artifact reveals it.
impl Drop for Expected {
    fn drop(&mut self) {
        if let Some(digest) = &mut self.digest {
            wipe(digest);
        }
    }
}

/// Returns the content that came in under this tag.
///
/// Secret: the content. Public: the tags, the lengths. Leaks: nothing else.
pub(super) fn content<'h, const N: usize>(incoming: &'h Holding<N>, tag: &str) -> Option<&'h [u8]> {
    if tag == ROOT_TAG {
        return Some(incoming.root.secret().expose());
    }
    let mut artifacts = incoming.artifacts().ok()?;
    let (_, artifact) = artifacts.find(|(have, _)| have.as_str() == tag)?;
    Some(artifact)
}

/// Returns whether the artifact with this tag came in, with the named digest if there is one.
///
/// Secret: the artifact, the digests. Public: the tags, the lengths. Leaks: nothing; the verdict is a mask.
fn is_named<const N: usize>(incoming: &Holding<N>, named: &ExpectedArtifact<'_>) -> Mask {
    match (content(incoming, named.tag.as_str()), &named.digest) {
        (None, _) => Mask::public(false),
        (Some(_), None) => Mask::public(true),
        (Some(content), Some(digest)) => eq_bytes(&Sha256::digest(content), digest),
    }
}

impl Import {
    /// Returns whether exactly the expected artifacts came in.
    ///
    /// Secret: root and artifacts, the digests. Public: the tags, the lengths. Leaks: nothing; the verdict is a mask.
    pub(super) fn admits<const N: usize>(&self, incoming: &Holding<N>) -> Mask {
        let artifacts = self
            .expected
            .iter()
            .filter(|expected| expected.tag != ROOT_TAG);
        let whole = incoming
            .all()
            .is_ok_and(|incoming| incoming.len() == artifacts.count());
        let whole = Mask::public(whole);
        self.expected.iter().fold(whole, |all, expected| {
            let content = content(incoming, &expected.tag);
            all & content.map_or(Mask::public(false), |content| expected.admits(content))
        })
    }

    /// Returns a permit to confirm what came in if `digests` name nothing else, and every
    /// artifact's digest is known: it was expected, or is named now. The id of the domain names the
    /// root.
    ///
    /// Secret: root and artifacts, the digests. Public: the tags, the lengths. Leaks: which of them is not
    /// what is named.
    pub(super) fn check_named<const N: usize>(
        &self,
        incoming: &Holding<N>,
        digests: &[ExpectedArtifact<'_>],
    ) -> Result<Permit, LifecycleError> {
        let refused = LifecycleError::NotConfirmed;
        for (place, named) in digests.iter().enumerate() {
            Verdict::twice(|| is_named(incoming, named))
                .or(refused(Unconfirmed::Artifact(place as u8)))?;
        }
        for (place, expected) in self.expected.iter().enumerate() {
            Verdict::twice(|| expected.is_known(digests))
                .or(refused(Unconfirmed::Unnamed(place as u8)))?;
        }
        // Everything again, in one decision: the loops above only find out what is wrong.
        Verdict::twice(|| {
            let all = digests.iter().fold(Mask::public(true), |all, named| {
                all & is_named(incoming, named)
            });
            self.expected
                .iter()
                .fold(all, |all, expected| all & expected.is_known(digests))
        })
        .permit(LifecycleError::Fault)
    }

    /// Returns whether another blob may be tried.
    pub(super) fn has_tries(&self) -> Mask {
        Mask::lt(u32::from(self.tried), u32::from(MAX_IMPORT_FAILURES))
    }

    /// Returns the expected artifact with this tag.
    pub(super) fn expected(&self, tag: Tag<'_>) -> Option<&Expected> {
        let mut expected = self.expected.iter();
        expected.find(|expected| tag.bytes().eq(expected.tag.bytes()))
    }
}

/// Stores the expected artifacts: at least one besides a root, all with different tags.
pub(super) fn keep(
    expected: &[ExpectedArtifact<'_>],
) -> Result<Vec<Expected, MAX_ARTIFACTS>, LifecycleError> {
    let mut kept = Vec::<Expected, MAX_ARTIFACTS>::new();
    for ExpectedArtifact { tag, digest } in expected {
        let tag = tag.as_str();
        if kept.iter().any(|earlier| earlier.tag == tag) {
            return Err(LifecycleError::Expected);
        }
        let (tag, digest) = (String::try_from(tag), *digest);
        let tag = tag.map_err(|_| LifecycleError::Expected)?;
        kept.push(Expected { tag, digest })
            .map_err(|_| LifecycleError::Expected)?;
    }
    if kept.iter().all(|expected| expected.tag == ROOT_TAG) {
        return Err(LifecycleError::Expected);
    }
    Ok(kept)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::secret::left;

    #[test]
    fn an_expected_digest_is_wiped() {
        let expected = Expected {
            tag: String::try_from("password").unwrap(),
            digest: Some([0x5d; 32]),
        };
        left::nothing(expected, &[0x5d; 8]);
    }
}
