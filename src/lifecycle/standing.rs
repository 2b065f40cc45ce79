// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sealing that is current.

use crate::sealed_domain::{Epoch, HeaderDigest};

/// The current epoch and header of an active domain, if it has been sealed.
///
/// Not an `Option` of both: without a header, that would keep what lay on the stack before.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) epoch: Option<Epoch>,
    /// Zeros without an epoch.
    header: HeaderDigest,
}

impl Standing {
    pub(super) const NONE: Self = Self {
        epoch: None,
        header: HeaderDigest::from_bytes([0; 32]),
    };

    pub(super) const fn new(epoch: Epoch, header: HeaderDigest) -> Self {
        Self {
            epoch: Some(epoch),
            header,
        }
    }

    pub(super) fn header(&self) -> Option<HeaderDigest> {
        self.epoch.map(|_| self.header)
    }
}
