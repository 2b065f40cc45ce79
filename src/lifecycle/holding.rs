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
/// and the byte string of its content. Behind them, at the end of the `N` bytes, lies what an import
/// expects.
pub(super) struct Holding<const N: usize> {
    pub(super) root: Root,
    /// The id of the root's domain; zeros without a root.
    id: DomainId,
    len: usize,
    /// The length of what an import expects.
    expected: usize,
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
        expected: 0,
        bytes: [0; N],
    };

    /// Makes room for one more artifact, which the caller fills in.
    pub(super) fn push(&mut self, tag: ArtifactTag<'_>, len: usize) -> Result<&mut [u8], NotHeld> {
        let whole = artifact_len(tag, len);
        let heads = whole.saturating_sub(len);
        let needed = self.len.saturating_add(whole);
        let full = || NotHeld::Full { needed };
        let end = self.end()?;
        let free = self.bytes.get_mut(self.len..needed);
        let free = free.filter(|_| needed <= end).ok_or_else(full)?;
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
        let room = self.front_mut().ok();
        let Some(room) = room.and_then(|front| front.get_mut(..encoded.len())) else {
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
        self.root.set_commitment(*opened.root().commitment());
        opened.artifacts().try_for_each(|(tag, artifact)| {
            let room = self.push(tag, artifact.len())?;
            Ok::<_, NotHeld>(copy(room, artifact)?)
        })?;
        let whole =
            Verdict::twice(|| self.root.is_same(opened.root()) & self.has(opened.artifacts()));
        whole.permit(NotHeld::Fault)
    }

    pub(super) fn wipe(&mut self) {
        self.root.wipe();
        self.id = NOBODY;
        wipe(&mut self.bytes);
        self.len = 0;
        self.expected = 0;
    }

    /// Returns where the room for artifacts ends.
    fn end(&self) -> Result<usize, Fault> {
        N.checked_sub(self.expected).ok_or(Fault)
    }

    /// Returns the room for artifacts.
    fn front_mut(&mut self) -> Result<&mut [u8], Fault> {
        let end = self.end()?;
        self.bytes.get_mut(..end).ok_or(Fault)
    }
}

#[cfg(feature = "managed-hsm")]
impl<const N: usize> Holding<N> {
    /// Wipes root and artifacts, and keeps what an import expects.
    pub(super) fn wipe_domain(&mut self) {
        self.root.wipe();
        self.id = NOBODY;
        self.len = 0;
        match self.front_mut() {
            Ok(front) => wipe(front),
            Err(Fault) => self.wipe(),
        }
    }

    /// Wipes what an import expects.
    pub(super) fn wipe_expected(&mut self) -> Result<(), Fault> {
        wipe(self.expect(self.expected).map_err(|_| Fault)?);
        self.expected = 0;
        Ok(())
    }

    /// Makes room for `len` bytes of what an import expects, which the caller fills in.
    pub(super) fn expect(&mut self, len: usize) -> Result<&mut [u8], NotHeld> {
        let needed = self.len.saturating_add(len);
        let start = { N.checked_sub(len) }.filter(|start| *start >= self.len);
        let room = start.and_then(|start| self.bytes.get_mut(start..));
        let room = room.ok_or(NotHeld::Full { needed })?;
        self.expected = len;
        Ok(room)
    }

    /// Returns what an import expects.
    pub(super) fn expected(&self) -> Result<&[u8], Fault> {
        self.bytes.get(self.end()?..).ok_or(Fault)
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
