// SPDX-License-Identifier: MIT OR Apache-2.0
//! The secrets of one domain, in the vault.

use heapless::Vec;

use crate::cbor::{self, Reader, bytes_len};
use crate::ct::{Mask, eq_bytes, is_zeros};
use crate::hardened::{Fault, Permit, Verdict, copy};
use crate::sealed_domain::{ArtifactTag, DomainId, MAX_ARTIFACTS, MAX_TEXT_LEN, Opened, Root};
use crate::secret::wipe;

/// A root and artifacts, in `N` bytes. It wipes itself.
///
/// The artifacts lie one after another, each as the CBOR text string of its tag and the byte string of
/// its content: as they stand in a record.
pub(super) struct Holding<const N: usize> {
    pub(super) root: Root,
    /// The id of the root's domain; zeros if there is no root.
    id: DomainId,
    len: usize,
    bytes: [u8; N],
}

/// The id where there is no domain.
const NOBODY: DomainId = DomainId::from_bytes([0; 32]);

/// Why what comes is not held.
pub(super) enum NotHeld {
    /// There is no room for this many bytes.
    Full { needed: usize },
    /// A case that cannot happen did.
    Fault,
}

impl From<Fault> for NotHeld {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl<const N: usize> Holding<N> {
    pub(super) const EMPTY: Self = Self {
        root: Root::zeroed(),
        id: NOBODY,
        len: 0,
        bytes: [0; N],
    };

    /// Makes room for one more artifact, to be filled in by the caller.
    pub(super) fn push(&mut self, tag: ArtifactTag<'_>, len: usize) -> Result<&mut [u8], NotHeld> {
        let whole = artifact_len(tag, len);
        let heads = whole.saturating_sub(len);
        let needed = self.len.saturating_add(whole);
        let full = || NotHeld::Full { needed };
        let free = self.bytes.get_mut(self.len..needed).ok_or_else(full)?;
        let mut encoder = minicbor::Encoder::new(&mut *free);
        let encoded = encoder
            .str(tag.as_str())
            .and_then(|encoder| encoder.bytes_len(len as u64));
        encoded.map_err(|_| full())?;
        let (_, slot) = free.split_at_mut_checked(heads).ok_or(NotHeld::Fault)?;
        self.len = needed;
        Ok(slot)
    }

    /// Computes the domain's id anew, after the root has changed.
    ///
    /// Secret: the root. Public: the id. Leaks: nothing else.
    pub(super) fn name(&mut self) -> Result<(), Fault> {
        self.id = self.root.domain_id()?;
        Ok(())
    }

    /// The domain's id.
    pub(super) const fn id(&self) -> DomainId {
        self.id
    }

    /// The artifacts as they stand in a record.
    pub(super) fn encoded(&self) -> Result<&[u8], Fault> {
        self.bytes.get(..self.len).ok_or(Fault)
    }

    /// How many bytes they take there.
    pub(super) const fn encoded_len(&self) -> usize {
        self.len
    }

    /// Takes in artifacts as they stand in a record; `false` if they are not that, or too many.
    ///
    /// Secret: the artifacts' bytes. Public: tags and lengths. Leaks: nothing else.
    #[must_use]
    pub(super) fn set_encoded(&mut self, encoded: &[u8]) -> bool {
        let Some(room) = self.bytes.get_mut(..encoded.len()) else {
            return false;
        };
        if copy(room, encoded).is_err() {
            return false;
        }
        self.len = encoded.len();
        self.all().is_ok_and(|artifacts| !artifacts.is_empty())
    }

    /// The artifacts with their tags. What is malformed ends them; [`all`](Self::all) refuses then.
    pub(super) fn artifacts(&self) -> Result<Artifacts<'_>, Fault> {
        Ok(Artifacts(Reader::new(self.encoded()?)))
    }

    /// All artifacts with their tags.
    pub(super) fn all(&self) -> Result<Vec<(ArtifactTag<'_>, &[u8]), MAX_ARTIFACTS>, Fault> {
        let mut artifacts = Vec::new();
        let mut whole = 0_usize;
        for (tag, artifact) in self.artifacts()? {
            whole = whole.saturating_add(artifact_len(tag, artifact.len()));
            artifacts.push((tag, artifact)).map_err(|_| Fault)?;
        }
        (whole == self.len).then_some(artifacts).ok_or(Fault)
    }

    /// Whether these artifacts are held, and no others.
    ///
    /// Secret: the artifacts. Public: tags and lengths. Leaks: nothing; the verdict is a mask.
    pub(super) fn has<'a>(
        &self,
        artifacts: impl Iterator<Item = (ArtifactTag<'a>, &'a [u8])>,
    ) -> Mask {
        let Ok(held) = self.all() else {
            return Mask::public(false);
        };
        let (mut count, mut same) = (0, Mask::public(true));
        for ((have, held), (want, artifact)) in held.iter().zip(artifacts) {
            same &= Mask::public(*have == want) & eq_bytes(held, artifact);
            count += 1;
        }
        same & Mask::public(count == held.len())
    }

    /// Whether there is a root.
    ///
    /// Secret: the root. Leaks: nothing.
    pub(super) fn is_rooted(&self) -> Mask {
        !is_zeros(self.root.secret().expose())
    }

    /// Takes in what a sealed domain held, and gives a permit if it stands here then.
    ///
    /// Secret: root and artifacts. Public: tags and lengths. Leaks: nothing else.
    pub(super) fn set(&mut self, opened: &Opened<'_>) -> Result<Permit, NotHeld> {
        self.wipe();
        let root = self.root.secret_mut().expose_mut();
        copy(root, opened.root().secret().expose())?;
        opened.artifacts().try_for_each(|(tag, artifact)| {
            let room = self.push(tag, artifact.len())?;
            Ok::<_, NotHeld>(copy(room, artifact)?)
        })?;
        let root = || eq_bytes(self.root.secret().expose(), opened.root().secret().expose());
        let whole = Verdict::twice(|| root() & self.has(opened.artifacts()));
        whole.permit(NotHeld::Fault)
    }

    pub(super) fn wipe(&mut self) {
        self.root.wipe();
        self.id = NOBODY;
        wipe(&mut self.bytes);
        self.len = 0;
    }
}

impl<const N: usize> Drop for Holding<N> {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// The artifacts of a domain: tag and content of each.
#[derive(Clone)]
pub struct Artifacts<'a>(Reader<'a>);

impl<'a> Iterator for Artifacts<'a> {
    type Item = (ArtifactTag<'a>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let read =
            (|| -> Result<_, cbor::Malformed<()>> { Ok((self.0.text(())?, self.0.bytes(())?)) })();
        let (tag, artifact) = read.ok()?;
        Some((ArtifactTag::new(tag).ok()?, artifact))
    }
}

impl core::fmt::Debug for Artifacts<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Artifacts(..)")
    }
}

/// How many bytes an artifact of `len` bytes takes.
pub(super) const fn artifact_len(tag: ArtifactTag<'_>, len: usize) -> usize {
    bytes_len(tag.as_str().len()).saturating_add(bytes_len(len))
}

/// How many bytes `count` artifacts of `bytes` bytes together take at most.
pub(super) const fn artifacts_len(count: usize, bytes: usize) -> usize {
    let heads = bytes_len(MAX_TEXT_LEN).saturating_add(5);
    count.saturating_mul(heads).saturating_add(bytes)
}
