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
/// The artifacts lie one after another, as in a record: for each, the CBOR text string of its tag
/// and the byte string of its content.
pub(super) struct Holding<const N: usize> {
    pub(super) root: Root,
    /// The id of the root's domain; zeros without a root.
    id: DomainId,
    len: usize,
    bytes: [u8; N],
}

/// The id without a domain.
const NOBODY: DomainId = DomainId::from_bytes([0; 32]);

/// Why something cannot be held.
pub(super) enum NotHeld {
    /// There is no room for this many bytes.
    Full { needed: usize },
    /// An internal check failed.
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

    /// Makes room for one more artifact, which the caller fills in.
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

    /// Computes the domain's id again, after the root has changed.
    ///
    /// Secret: the root. Public: the id. Leaks: nothing else.
    pub(super) fn name(&mut self) -> Result<(), Fault> {
        self.id = self.root.domain_id()?;
        Ok(())
    }

    /// Returns the domain's id.
    pub(super) const fn id(&self) -> DomainId {
        self.id
    }

    /// Returns the artifacts as encoded in a record.
    pub(super) fn encoded(&self) -> Result<&[u8], Fault> {
        self.bytes.get(..self.len).ok_or(Fault)
    }

    /// Returns the length of that encoding.
    pub(super) const fn encoded_len(&self) -> usize {
        self.len
    }

    /// Sets the artifacts from their encoding in a record; returns `false` if it is malformed or
    /// too long.
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

    /// Iterates over the artifacts with their tags. A malformed artifact ends the iteration;
    /// [`all`](Self::all) then refuses.
    pub(super) fn artifacts(&self) -> Result<Artifacts<'_>, Fault> {
        Ok(Artifacts(Reader::new(self.encoded()?)))
    }

    /// Returns all artifacts with their tags.
    pub(super) fn all(&self) -> Result<Vec<(ArtifactTag<'_>, &[u8]), MAX_ARTIFACTS>, Fault> {
        let mut artifacts = Vec::new();
        let mut whole = 0_usize;
        for (tag, artifact) in self.artifacts()? {
            whole = whole.saturating_add(artifact_len(tag, artifact.len()));
            artifacts.push((tag, artifact)).map_err(|_| Fault)?;
        }
        (whole == self.len).then_some(artifacts).ok_or(Fault)
    }

    /// Returns whether exactly these artifacts are held.
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

    /// Returns whether there is a root.
    ///
    /// Secret: the root. Leaks: nothing.
    pub(super) fn is_rooted(&self) -> Mask {
        !is_zeros(self.root.secret().expose())
    }

    /// Copies the contents of a sealed domain, and returns a permit if they are complete here.
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

/// An iterator over the artifacts of a domain: the tag and content of each.
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

/// Returns how many bytes an artifact of `len` bytes takes.
pub(super) const fn artifact_len(tag: ArtifactTag<'_>, len: usize) -> usize {
    bytes_len(tag.as_str().len()).saturating_add(bytes_len(len))
}

/// Returns how many bytes `count` artifacts with `bytes` bytes in total take at most.
pub(super) const fn artifacts_len(count: usize, bytes: usize) -> usize {
    let heads = bytes_len(MAX_TEXT_LEN).saturating_add(5);
    count.saturating_mul(heads).saturating_add(bytes)
}
