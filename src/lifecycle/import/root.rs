// SPDX-License-Identifier: MIT OR Apache-2.0
//! The root of a domain that was imported without one.
//!
//! It is derived from all artifacts, so that all HSMs that import the same file share a domain and
//! restore each other's backups. Anyone who knows all artifacts knows the root, but that person
//! already knows everything that the domain protects.

use core::iter;

use crate::labels::Purpose;
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::holding::Holding;
use crate::secret::Secret;

/// The minimum total length of the artifacts: with fewer bytes, the root could be guessed.
pub(super) const MIN_BYTES: usize = 32;

/// Fills in the root: `X(D("imported artifacts", tag, content, ..), "", "imported root")`, with the
/// artifacts in the order of their tags' bytes.
///
/// Secret: the artifacts, the root. Public: the tags, the lengths. Leaks: nothing else.
///
/// # Errors
///
/// [`LifecycleError::TooFewBytes`] if the artifacts are too short in total.
pub(super) fn derive<const N: usize>(incoming: &mut Holding<N>) -> Result<(), LifecycleError> {
    let mut digest = Secret::<32>::zeroed();
    let artifacts = incoming.all()?;
    let lengths = artifacts.iter().map(|(_, content)| content.len());
    let have = lengths.fold(0, usize::saturating_add);
    if have < MIN_BYTES {
        return Err(LifecycleError::TooFewBytes { have });
    }
    // All tags are different. Not sorted in place: a sort of the core library can panic.
    let tag = |place: &usize| artifacts.get(*place).map(|(tag, _)| tag.as_str());
    let next = |last: Option<&str>| {
        let places = 0..artifacts.len();
        places.filter(|place| tag(place) > last).min_by_key(tag)
    };
    let in_order = iter::successors(next(None), |last| next(tag(last)));
    let in_order = in_order.filter_map(|place| artifacts.get(place));
    let parts = in_order.flat_map(|(tag, content)| [tag.as_str().as_bytes(), content]);
    *digest.expose_mut() = Purpose::ImportedArtifacts.digest(parts);
    drop(artifacts);
    let root = incoming.root.secret_mut();
    Ok(Purpose::ImportedRoot.derive(digest.expose(), &[], [], root)?)
}
