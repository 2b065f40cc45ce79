// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checkpoints that an HSM showed before.

use std::path::{Path, PathBuf};

use security_domain::custody::{Checkpoint, CheckpointFileError, Head};
use security_domain::lifecycle::VerifyKey;
use security_domain::sealed_domain::InstanceId;
use zeroize::Zeroizing;

use crate::input;
use crate::kind::{self, FileKind};
use crate::report::{Outcome, Refusal};

/// A checkpoint and its file.
pub struct Pin {
    path: PathBuf,
    bytes: Zeroizing<Vec<u8>>,
    head: Head,
}

pub fn read(paths: &[PathBuf]) -> Outcome<Vec<Pin>> {
    paths.iter().map(|path| Pin::read(path)).collect()
}

impl Pin {
    fn read(path: &Path) -> Outcome<Self> {
        Self::of(path, &input::read(path)?)
    }

    /// The same for `bytes`, which are in the file `path`.
    pub fn of(path: &Path, bytes: &[u8]) -> Outcome<Self> {
        let bytes = Zeroizing::new(bytes.to_vec());
        let parsed = Checkpoint::parse(&bytes).map(|checkpoint| checkpoint.head());
        let head = parsed.map_err(|error: CheckpointFileError| {
            kind::refusal(path, &bytes, &FileKind::Checkpoint, error)
        })?;
        let path = path.into();
        Ok(Self { path, bytes, head })
    }

    /// Returns the head, which is proven by [`must_be_of`](Self::must_be_of) alone.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a checkpoint that is not of this HSM's log.
    pub fn must_be_of(&self, instance: InstanceId, key: &VerifyKey) -> Outcome<()> {
        let refused = |error: Box<dyn std::error::Error>| Refusal::file(&self.path, error);
        let checkpoint = Checkpoint::parse(&self.bytes).map_err(|error| refused(error.into()))?;
        let proven = checkpoint.verify(instance, key);
        proven.map(drop).map_err(|error| refused(error.into()))
    }
}
