// SPDX-License-Identifier: MIT OR Apache-2.0
//! Audit events: each step before it takes effect, and how it ended.

use crate::backup::BackupId;
use crate::contribution::RequestDigest;
use crate::custodian::CustodianId;
use crate::sealed_domain::{DomainId, Epoch, HeaderDigest};

/// What a sink hears: a step that is about to take effect, how one ended, or what has happened already.
///
/// Each step that the sink agreed to is followed by an [`Outcome`](Self::Outcome) event. If there is
/// none, the power failed in between: what the HSM shows when it starts is how the step ended.
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
    /// How a step ended of which the sink has heard. It has ended already.
    Outcome {
        /// The step.
        step: Step,
        /// How it ended.
        outcome: Outcome,
    },
    /// Steps that were refused before the sink would have heard of them, such as contributions that
    /// were forged.
    Refused {
        /// Their kind.
        step: Step,
        /// How many there were since the last event of this kind.
        count: u32,
    },
}

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// [`Event::Provision`].
    Provision,
    /// [`Event::Activate`].
    Activate,
    /// [`Event::BeginRecovery`].
    BeginRecovery,
    /// [`Event::Contribute`].
    Contribute,
    /// [`Event::Recover`].
    Recover,
    /// [`Event::BeginImport`].
    BeginImport,
    /// [`Event::Import`].
    Import,
    /// [`Event::ConfirmImport`].
    ConfirmImport,
    /// A backup, from [`Event::BeginBackup`] until it is finished.
    Backup,
    /// A restore, from [`Event::BeginRestore`] until it is finished.
    Restore,
}

impl Step {
    pub(super) const ALL: [Self; 10] = [
        Self::Provision,
        Self::Activate,
        Self::BeginRecovery,
        Self::Contribute,
        Self::Recover,
        Self::BeginImport,
        Self::Import,
        Self::ConfirmImport,
        Self::Backup,
        Self::Restore,
    ];

    /// The name, for a log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Activate => "activate",
            Self::BeginRecovery => "begin-recovery",
            Self::Contribute => "contribute",
            Self::Recover => "recover",
            Self::BeginImport => "begin-import",
            Self::Import => "import",
            Self::ConfirmImport => "confirm-import",
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It took effect.
    Done,
    /// It did not. If the flash failed, which state it holds is known at the next start.
    Failed,
    /// It was given up before its end: a backup that was not finished.
    Interrupted,
}

/// How a session ended that did not reach its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It was cancelled.
    Cancelled,
    /// Its time was over.
    Expired,
    /// Too many restore blobs did not open.
    TooManyFailures,
}

impl Event {
    /// The step that is about to take effect, if it is one.
    pub(super) const fn step(&self) -> Option<Step> {
        Some(match self {
            Self::Provision { .. } => Step::Provision,
            Self::Activate { .. } => Step::Activate,
            Self::BeginRecovery { .. } => Step::BeginRecovery,
            Self::Contribute { .. } => Step::Contribute,
            Self::Recover { .. } => Step::Recover,
            Self::BeginImport => Step::BeginImport,
            Self::Import => Step::Import,
            Self::ConfirmImport { .. } => Step::ConfirmImport,
            Self::BeginBackup { .. } => Step::Backup,
            Self::BeginRestore { .. } => Step::Restore,
            Self::EndSession(_) | Self::Zeroize | Self::Outcome { .. } | Self::Refused { .. } => {
                return None;
            }
        })
    }

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
