// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator expects of a restore blob, and the state of an import.

use minicbor::Encoder;
use sha2::{Digest, Sha256};

use crate::cbor::{Malformed, Reader, bytes_len};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Fault, Permit, Verdict};
use crate::lifecycle::error::{LifecycleError, Unconfirmed};
use crate::lifecycle::holding::{Holding, NotHeld};
use crate::managed_hsm::Tag;
use crate::sealed_domain::{ArtifactTag, MAX_ARTIFACTS};
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

/// An import in progress. What it expects lies in the vault's [`Holding`].
pub(in crate::lifecycle) struct Import {
    pub(in crate::lifecycle) certificate: Thumbprint,
    /// How many blobs have been tried.
    pub(in crate::lifecycle) tried: u8,
}

/// A stored [`ExpectedArtifact`].
#[derive(Clone, Copy)]
pub(in crate::lifecycle) struct Expected<'a> {
    pub(in crate::lifecycle) tag: &'a str,
    pub(in crate::lifecycle) digest: Option<&'a [u8; 32]>,
}

/// Iterates over the expected artifacts in a record, or in a [`Holding`]. What is malformed ends it.
#[derive(Clone)]
pub(in crate::lifecycle) struct ExpectedList<'a>(pub(in crate::lifecycle) Reader<'a>);

impl<'a> ExpectedList<'a> {
    /// Reads one artifact.
    pub(in crate::lifecycle) fn read(&mut self) -> Result<Expected<'a>, Malformed<()>> {
        self.0.array_of(2, ())?;
        let tag = self.0.text(())?;
        let digest = match self.0.skip_null(())? {
            true => None,
            false => Some(self.0.fixed(())?),
        };
        Ok(Expected { tag, digest })
    }
}

impl<'a> Iterator for ExpectedList<'a> {
    type Item = Expected<'a>;

    fn next(&mut self) -> Option<Expected<'a>> {
        self.read().ok()
    }
}

/// Returns the maximum length in a record of an expected artifact with a tag of `len` bytes.
pub(in crate::lifecycle) const fn expected_len(len: usize) -> usize {
    bytes_len(len).saturating_add(1 + bytes_len(32))
}

impl Expected<'_> {
    /// Returns its length in a record.
    fn encoded_len(&self) -> usize {
        let digest = self.digest.map_or(1, |digest| bytes_len(digest.len()));
        1 + bytes_len(self.tag.len()) + digest
    }

    /// Returns whether `artifact` has the expected digest, if there is one.
    ///
    /// Secret: `artifact`, its digest. Public: the length. Leaks: nothing; the verdict is a mask.
    pub(super) fn admits(&self, artifact: &[u8]) -> Mask {
        match self.digest {
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

/// Returns what an import expects.
pub(super) fn list<const N: usize>(holding: &Holding<N>) -> Result<ExpectedList<'_>, Fault> {
    Ok(ExpectedList(Reader::new(holding.expected()?)))
}

/// Stores what an import expects.
pub(in crate::lifecycle) fn store<'a, const N: usize>(
    expected: impl Iterator<Item = Expected<'a>> + Clone,
    holding: &mut Holding<N>,
) -> Result<(), NotHeld> {
    let lengths = expected.clone().map(|expected| expected.encoded_len());
    let len = lengths.fold(0, usize::saturating_add);
    let mut encoder = Encoder::new(holding.expect(len)?);
    for Expected { tag, digest } in expected {
        let encoded = encoder.array(2).and_then(|encoder| encoder.str(tag));
        let encoded = encoded.and_then(|encoder| match digest {
            Some(digest) => encoder.bytes(digest),
            None => encoder.null(),
        });
        encoded.map_err(|_| NotHeld::Fault)?;
    }
    { encoder.writer().is_empty() }
        .then_some(())
        .ok_or(NotHeld::Fault)
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

/// Returns whether exactly the expected artifacts came in.
///
/// Secret: root and artifacts, the digests. Public: the tags, the lengths. Leaks: nothing; the verdict is a mask.
pub(super) fn admits<const N: usize>(incoming: &Holding<N>) -> Mask {
    let Ok(expected) = list(incoming) else {
        return Mask::public(false);
    };
    let artifacts = expected.clone().filter(|expected| expected.tag != ROOT_TAG);
    let whole = { incoming.all() }.is_ok_and(|incoming| incoming.len() == artifacts.count());
    expected.fold(Mask::public(whole), |all, expected| {
        let content = content(incoming, expected.tag);
        all & content.map_or(Mask::public(false), |content| expected.admits(content))
    })
}

/// Returns a permit to confirm what came in if `digests` name nothing else, and every artifact's
/// digest is known: it was expected, or is named now. The id of the domain names the root.
///
/// Secret: root and artifacts, the digests. Public: the tags, the lengths. Leaks: which of them is not
/// what is named.
pub(super) fn check_named<const N: usize>(
    incoming: &Holding<N>,
    digests: &[ExpectedArtifact<'_>],
) -> Result<Permit, LifecycleError> {
    let refused = LifecycleError::NotConfirmed;
    for (place, named) in digests.iter().enumerate() {
        Verdict::twice(|| is_named(incoming, named))
            .or(refused(Unconfirmed::Artifact(place as u8)))?;
    }
    let all_expected = list(incoming)?;
    for (place, expected) in all_expected.clone().enumerate() {
        Verdict::twice(|| expected.is_known(digests))
            .or(refused(Unconfirmed::Unnamed(place as u8)))?;
    }
    // Everything again, in one decision: the loops above only find out what is wrong.
    Verdict::twice(|| {
        let all = digests.iter().fold(Mask::public(true), |all, named| {
            all & is_named(incoming, named)
        });
        all_expected
            .clone()
            .fold(all, |all, expected| all & expected.is_known(digests))
    })
    .permit(LifecycleError::Fault)
}

/// Returns the expected artifact with this tag.
pub(super) fn find<'h, const N: usize>(
    holding: &'h Holding<N>,
    tag: Tag<'_>,
) -> Option<Expected<'h>> {
    let mut expected = list(holding).ok()?;
    expected.find(|expected| tag.bytes().eq(expected.tag.bytes()))
}

impl Import {
    /// Returns whether another blob may be tried.
    pub(super) fn has_tries(&self) -> Mask {
        Mask::lt(u32::from(self.tried), u32::from(MAX_IMPORT_FAILURES))
    }
}

/// Checks what the operator names: at least one artifact besides a root, all with different tags.
/// Returns how many bytes a record needs for it.
pub(super) fn check(expected: &[ExpectedArtifact<'_>]) -> Result<usize, LifecycleError> {
    let is_root = |expected: &ExpectedArtifact<'_>| expected.tag.as_str() == ROOT_TAG;
    let twice = expected.iter().enumerate().any(|(place, one)| {
        let earlier = expected.iter().take(place);
        { earlier }.any(|earlier| earlier.tag.as_str() == one.tag.as_str())
    });
    if twice || expected.len() > MAX_ARTIFACTS || expected.iter().all(is_root) {
        return Err(LifecycleError::Expected);
    }
    let lengths = expected
        .iter()
        .map(|one| expected_len(one.tag.as_str().len()));
    Ok(lengths.fold(0, usize::saturating_add))
}

/// Stores what the operator names.
pub(super) fn keep<const N: usize>(
    expected: &[ExpectedArtifact<'_>],
    holding: &mut Holding<N>,
) -> Result<(), NotHeld> {
    let expected = expected.iter().map(|one| Expected {
        tag: one.tag.as_str(),
        digest: one.digest.as_ref(),
    });
    store(expected, holding)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const DIGEST: [u8; 32] = [0x5d; 32];

    /// A holding of 128 bytes that expects two artifacts.
    fn holding() -> Holding<128> {
        let mut holding = Holding::EMPTY;
        let named = [("password", Some(DIGEST)), ("key", None)].map(|(tag, digest)| {
            let tag = ArtifactTag::new(tag).unwrap();
            ExpectedArtifact { tag, digest }
        });
        assert!(keep(&named, &mut holding).is_ok());
        holding
    }

    #[test]
    fn what_is_expected_stays_when_a_domain_is_wiped() {
        let mut holding = holding();
        let tag = ArtifactTag::new("password").unwrap();
        let room = holding.push(tag, 20).ok().unwrap();
        room.fill(7);
        let kept = 1 + bytes_len(8) + bytes_len(32) + 1 + bytes_len(3) + 1;
        // An artifact does not reach into what is expected.
        let left = 128 - kept - holding.encoded_len() - bytes_len(8) - 2;
        assert!(holding.push(tag, left + 1).is_err() && holding.push(tag, left).is_ok());
        holding.wipe_domain();
        assert!(holding.encoded().unwrap().is_empty());
        let found: Vec<_> = list(&holding)
            .unwrap()
            .map(|one| (one.tag, one.digest))
            .collect();
        assert_eq!(found, [("password", Some(&DIGEST)), ("key", None)]);
    }

    #[test]
    fn what_is_expected_is_wiped() {
        let mut wiped = holding();
        wiped.wipe_expected().unwrap();
        assert_eq!(list(&wiped).unwrap().count(), 0);
        assert!(
            wiped
                .expect(128)
                .ok()
                .unwrap()
                .iter()
                .all(|byte| *byte == 0)
        );
        let mut wiped = holding();
        wiped.wipe();
        assert!(
            wiped
                .expect(128)
                .ok()
                .unwrap()
                .iter()
                .all(|byte| *byte == 0)
        );
        assert!(wiped.expect(129).is_err());
    }
}
