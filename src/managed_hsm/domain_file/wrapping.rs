// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kinds of the custodians' keys. The file does not list them; the lengths of what is encrypted
//! with the keys show them.

use super::{DomainFile, ShareError};
use crate::custodian::Algorithm;
use crate::managed_hsm::key_transport::{EncKey, Entry};
use crate::x509::Thumbprint;

impl DomainFile<'_> {
    /// Returns the kind of the key to which a custodian's share is sealed; `None` if the file has
    /// no readable share of this custodian.
    pub fn key_kind(&self, custodian: &Thumbprint) -> Option<Algorithm> {
        let (_, share) = self.find(custodian).ok()??;
        kind(&share)
    }

    /// Returns why the file has no readable share of a custodian.
    pub(in crate::managed_hsm) fn why_no_share<E>(&self, custodian: &Thumbprint) -> ShareError<E> {
        match self.find(custodian) {
            Ok(None) => ShareError::NotListed,
            Ok(Some(_)) => ShareError::Fault,
            Err(error) => ShareError::Damaged(error),
        }
    }

    /// Iterates over the kinds of keys to which the readable shares are sealed, in the order of the
    /// file.
    pub fn key_kinds(&self) -> impl Iterator<Item = Algorithm> + '_ {
        { self.shares.iter().map(Entry::enc_key) }.filter_map(|share| kind(&share.ok()?))
    }
}

fn kind(share: &EncKey<'_>) -> Option<Algorithm> {
    share.size().map(Algorithm::rsa)
}
