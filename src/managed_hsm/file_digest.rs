// SPDX-License-Identifier: MIT OR Apache-2.0
//! The name of a file: the digest of its bytes.

use sha2::{Digest, Sha256};

use crate::sealed_domain::id;

id! {
    /// The SHA-256 digest of a domain file's bytes. The format authenticates neither the quorum nor
    /// the list of artifacts, so this digest alone names a file.
    FileDigest, 32
}

impl FileDigest {
    /// Computes the digest of a file's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}
