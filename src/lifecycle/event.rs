// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a sink hears of, before it takes effect.

use super::id::RequestDigest;
use crate::backup::BackupId;
use crate::custodian::CustodianId;
use crate::domain::{DomainId, Epoch, HeaderDigest};

/// An operation that is about to take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A fresh domain.
    Provision {
        /// Its id.
        domain: DomainId,
    },
    /// The domain leaves, sealed to its custodians, and the HSM becomes active.
    Activate {
        /// The domain's id.
        domain: DomainId,
        /// The digest of the header that leaves.
        header: HeaderDigest,
    },
    /// A session begins that gathers a quorum for a sealed domain.
    BeginRecovery {
        /// The domain's id.
        domain: DomainId,
        /// Its epoch.
        epoch: Epoch,
        /// The digest of its header.
        header: HeaderDigest,
        /// Whether the operator said which domain he expects.
        pinned: bool,
        /// The request that custodians answer; none where a quorum is at one place.
        request: Option<RequestDigest>,
    },
    /// A custodian's share is taken into the session.
    Contribute {
        /// Whose it is.
        custodian: CustodianId,
    },
    /// A quorum opens the domain, and the HSM becomes active with it.
    Recover {
        /// The domain's id.
        domain: DomainId,
        /// Its epoch.
        epoch: Epoch,
        /// The digest of its header.
        header: HeaderDigest,
    },
    /// A session begins that takes in a restore blob of Managed HSM.
    BeginImport,
    /// A restore blob is tried; if it is what is expected, it waits to be confirmed.
    Import,
    /// The imported domain takes effect.
    ConfirmImport {
        /// Its id.
        domain: DomainId,
    },
    /// A session ended without having changed the domain. It has ended already.
    EndSession(Ended),
    /// A backup begins.
    BeginBackup {
        /// Its id.
        backup: BackupId,
    },
    /// A backup begins to be restored.
    BeginRestore {
        /// Its id.
        backup: BackupId,
    },
    /// Every secret is gone. They are gone already.
    Zeroize,
}

/// How a session ended that did not reach its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was cancelled.
    Cancelled,
    /// Its time was over.
    Expired,
    /// Too many restore blobs did not open.
    TooManyFailures,
}

impl Event {
    /// What happens whatever the sink says, and is reported again until it takes it.
    pub(super) const OWED: [Self; 4] = [
        Self::EndSession(Ended::Cancelled),
        Self::EndSession(Ended::Expired),
        Self::EndSession(Ended::TooManyFailures),
        Self::Zeroize,
    ];

    /// The bit that keeps an event of [`OWED`](Self::OWED); 0 for the others.
    pub(super) const fn owed_bit(&self) -> u8 {
        match self {
            Self::EndSession(Ended::Cancelled) => 1,
            Self::EndSession(Ended::Expired) => 2,
            Self::EndSession(Ended::TooManyFailures) => 4,
            Self::Zeroize => 8,
            _ => 0,
        }
    }
}
