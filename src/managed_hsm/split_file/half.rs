// SPDX-License-Identifier: MIT OR Apache-2.0
//! An opened half of a master key.

use core::fmt;

use crate::managed_hsm::shares::KEY;
use crate::secret::Secret;
use crate::x509::Thumbprint;

/// One custodian's opened half of a pair. It is wiped when dropped.
pub struct Half {
    custodian: Thumbprint,
    pair: usize,
    bytes: Secret<KEY>,
}

impl Half {
    pub(super) const fn new(custodian: Thumbprint, pair: usize, bytes: Secret<KEY>) -> Self {
        Self {
            custodian,
            pair,
            bytes,
        }
    }

    /// Returns the digest of the custodian's certificate.
    pub fn custodian(&self) -> Thumbprint {
        self.custodian
    }

    pub(in crate::managed_hsm) const fn bytes(&self) -> &Secret<KEY> {
        &self.bytes
    }

    /// Returns the place of the pair in the file, from 0.
    pub fn pair(&self) -> usize {
        self.pair
    }
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Half")
            .field("custodian", &self.custodian)
            .field("pair", &self.pair)
            .finish_non_exhaustive()
    }
}
