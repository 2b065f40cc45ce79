// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key of a backup.

use crate::ct::is_zeros;
use crate::hardened::{Fault, Verdict};
use crate::labels::Purpose;
use crate::sealed_domain::Root;
use crate::secret::{Secret, wipe};

/// The place of the key of one backup. The key is derived in this place and never moved, because
/// each move would leave a copy.
///
/// Zeros before a backup begins, and after it has ended.
#[derive(Debug)]
pub struct BackupKey(Secret<32>);

impl BackupKey {
    /// Makes a place without a key.
    pub const fn none() -> Self {
        Self(Secret::zeroed())
    }

    /// Derives the key of the backup with this front: `X(root, "backup", D("backup header",
    /// front))`.
    ///
    /// Secret: the root, the key. Public: the front. Leaks: nothing else.
    pub(super) fn derive(&mut self, root: &Root, front: &[u8]) -> Result<(), Fault> {
        let digest = Purpose::BackupHeader.digest([front]);
        Purpose::Backup.derive(root.secret().expose(), &[], [&digest], &mut self.0)
    }

    /// Returns the key, unless it was wiped: everyone could open a chunk that is sealed with zeros.
    ///
    /// Secret: the key. Leaks: whether it was wiped.
    pub(super) fn get(&self) -> Result<&Secret<32>, Fault> {
        Verdict::twice(|| !is_zeros(self.0.expose())).or(Fault)?;
        Ok(&self.0)
    }

    /// Wipes the key.
    pub(crate) fn wipe(&mut self) {
        wipe(self.0.expose_mut());
    }
}
