// SPDX-License-Identifier: MIT OR Apache-2.0
//! Audit events: each step before it takes effect, and its outcome.

use super::rotate::Reason;
use crate::approval::{ActDigest, ActKind};
use crate::backup::BackupId;
use crate::contribution::RequestDigest;
use crate::custodian::CustodianId;
use crate::drill::ChallengeDigest;
use crate::sealed_domain::{DomainId, Epoch, HeaderDigest};

/// An audit event: a step that is about to take effect, the outcome of one, or something that has
/// already happened.
///
/// Each step that the sink accepted is followed by an [`Outcome`](Self::Outcome) event. If there is
/// none, the power failed in between, and the state at the next start shows the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// A fresh domain is made.
    Provision {
        /// The domain's id.
        domain: DomainId,
    },
    /// The sealing to custodians takes effect, the HSM becomes active, and the release of the file may
    /// leave it.
    Activate {
        /// The domain's id.
        domain: DomainId,
        /// The digest of the header.
        header: HeaderDigest,
    },
    /// A session begins to gather a quorum for a sealed domain.
    BeginRecovery {
        /// The domain's id.
        domain: DomainId,
        /// The domain's epoch.
        epoch: Epoch,
        /// The digest of the domain's header.
        header: HeaderDigest,
        /// Whether the operator named the expected domain. It is a report: no step depends on it, and
        /// a step that would report it wrongly is refused.
        pinned: bool,
        /// The request that custodians answer; `None` for a quorum in one place.
        request: Option<RequestDigest>,
    },
    /// A session begins to gather a quorum that rehearses a recovery.
    BeginRehearsal {
        /// The domain's id.
        domain: DomainId,
        /// The domain's epoch.
        epoch: Epoch,
        /// The digest of the domain's header.
        header: HeaderDigest,
        /// Whether the operator named the expected domain, as for
        /// [`BeginRecovery`](Self::BeginRecovery).
        pinned: bool,
        /// The request that custodians answer.
        request: Option<RequestDigest>,
    },
    /// A quorum opens the domain, which is reported and wiped.
    Rehearse {
        /// The domain's id.
        domain: DomainId,
        /// The domain's epoch.
        epoch: Epoch,
        /// The digest of the domain's header.
        header: HeaderDigest,
    },
    /// A custodian's share is added to the session.
    Contribute {
        /// The custodian.
        custodian: CustodianId,
    },
    /// A quorum opens the domain, and the HSM becomes active with it.
    Recover {
        /// The domain's id.
        domain: DomainId,
        /// The domain's epoch.
        epoch: Epoch,
        /// The digest of the domain's header.
        header: HeaderDigest,
    },
    /// A session begins to wait for a restore blob of Managed HSM.
    BeginImport,
    /// A restore blob is tried. If it is as expected, its domain waits to be confirmed.
    Import,
    /// The imported domain takes effect.
    ConfirmImport {
        /// The domain's id.
        domain: DomainId,
    },
    /// A session has ended without changing the domain.
    EndSession(Ended),
    /// Another quorum is proposed to the present one.
    Propose {
        /// The epoch of the pending file.
        epoch: Epoch,
        /// The digest of its header.
        header: HeaderDigest,
        /// The request that the present custodians answer.
        request: RequestDigest,
    },
    /// A present custodian consents to the proposed quorum.
    Consent {
        /// The custodian.
        custodian: CustodianId,
    },
    /// The operator will do without the consent of the present custodians.
    BreakGlass {
        /// The epoch of the pending file.
        epoch: Epoch,
        /// The digest of its header.
        header: HeaderDigest,
        /// The time from which the rotation needs no consent, in Unix seconds.
        opens: u64,
        /// Why.
        reason: Reason,
    },
    /// The new custodians are challenged to prove that they can use the pending file.
    Challenge {
        /// The digest of the challenge.
        challenge: ChallengeDigest,
    },
    /// A new custodian has proven it.
    Prove {
        /// The custodian.
        custodian: CustodianId,
    },
    /// The release of the pending file may leave.
    Commit {
        /// The epoch of the file.
        epoch: Epoch,
        /// The digest of its header.
        header: HeaderDigest,
    },
    /// The next epoch becomes the valid one.
    Confirm {
        /// The epoch.
        epoch: Epoch,
        /// The digest of its header.
        header: HeaderDigest,
    },
    /// A rotation has ended in the present epoch.
    EndRotation(Ended),
    /// The file of an epoch that another HSM has sealed becomes the valid one.
    Adopt {
        /// The epoch.
        epoch: Epoch,
        /// The digest of its header.
        header: HeaderDigest,
        /// The header of the same epoch that it replaces; `None` if there is no such fork.
        instead_of: Option<HeaderDigest>,
        /// Whether the operator named the expected domain, as for
        /// [`BeginRecovery`](Self::BeginRecovery).
        pinned: bool,
    },
    /// From now on the HSM does acts of this kind only if a quorum approves.
    DemandApproval {
        /// The kind.
        kind: ActKind,
    },
    /// Custodians are asked to approve an act.
    AskApproval {
        /// What it does.
        kind: ActKind,
        /// The digest of the act.
        act: ActDigest,
    },
    /// The HSM no longer demands approvals: a quorum has approved that.
    DropDemands {
        /// The digest of the approved act.
        act: ActDigest,
    },
    /// The release of the present file leaves again: a quorum has approved that.
    EmitRelease {
        /// The digest of the approved act.
        act: ActDigest,
    },
    /// A backup begins.
    BeginBackup {
        /// The backup's id.
        backup: BackupId,
        /// The digest of the act that a quorum has approved; `None` if that is not demanded.
        act: Option<ActDigest>,
    },
    /// The restore of a backup begins.
    BeginRestore {
        /// The backup's id.
        backup: BackupId,
    },
    /// Every secret has been wiped.
    Zeroize,
    /// A reported step has ended.
    Outcome {
        /// The step.
        step: Step,
        /// The outcome.
        outcome: Outcome,
    },
    /// Steps were refused before they were reported, such as forged contributions.
    Refused {
        /// The kind of the steps.
        step: Step,
        /// How many were refused since the last event of this kind.
        count: u32,
    },
}

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Step {
    /// [`Event::Provision`].
    // Not 0, so that a vault that was never started is zeros.
    Provision = 1,
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
    /// [`Event::Propose`].
    Propose,
    /// [`Event::Consent`].
    Consent,
    /// [`Event::Challenge`].
    Challenge,
    /// [`Event::Prove`].
    Prove,
    /// [`Event::Commit`].
    Commit,
    /// [`Event::Confirm`].
    Confirm,
    /// [`Event::Adopt`].
    Adopt,
    /// [`Event::BreakGlass`].
    BreakGlass,
    /// The veto of one present custodian, which ends a rotation.
    Veto,
    /// [`Event::DemandApproval`].
    DemandApproval,
    /// [`Event::AskApproval`].
    AskApproval,
    /// [`Event::DropDemands`].
    DropDemands,
    /// [`Event::EmitRelease`].
    EmitRelease,
    /// [`Event::BeginRehearsal`].
    BeginRehearsal,
    /// [`Event::Rehearse`], until the HSM is empty.
    Rehearse,
}

impl Step {
    /// Every step. The place is the code in a record of a log (`docs/format.md`, "Events"): a new
    /// step goes to the end.
    pub(crate) const ALL: [Self; 25] = [
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
        Self::Propose,
        Self::Consent,
        Self::Challenge,
        Self::Prove,
        Self::Commit,
        Self::Confirm,
        Self::Adopt,
        Self::BreakGlass,
        Self::Veto,
        Self::DemandApproval,
        Self::AskApproval,
        Self::DropDemands,
        Self::EmitRelease,
        Self::BeginRehearsal,
        Self::Rehearse,
    ];

    /// Returns the name, for a log.
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
            Self::Propose => "propose",
            Self::Consent => "consent",
            Self::Challenge => "challenge",
            Self::Prove => "prove",
            Self::Commit => "commit",
            Self::Confirm => "confirm",
            Self::Adopt => "adopt",
            Self::BreakGlass => "break-glass",
            Self::Veto => "veto",
            Self::DemandApproval => "demand-approval",
            Self::AskApproval => "ask-approval",
            Self::DropDemands => "drop-demands",
            Self::EmitRelease => "emit-release",
            Self::BeginRehearsal => "begin-rehearsal",
            Self::Rehearse => "rehearse",
        }
    }
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Outcome {
    /// The step took effect.
    // Not 0, as in `Step`.
    Done = 1,
    /// The step did not take effect. If the flash failed, the next start finds out which state it
    /// holds.
    Failed,
    /// The step was abandoned, such as a backup that was not finished.
    Interrupted,
}

/// Why a session ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Ended {
    /// The session was cancelled.
    Cancelled,
    /// The session expired.
    Expired,
    /// Too many restore blobs did not open.
    TooManyFailures,
    /// A present custodian vetoed the break-glass.
    Vetoed,
}

impl Event {
    /// Returns the step that is about to take effect, if the event is one.
    pub const fn step(&self) -> Option<Step> {
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
            Self::Propose { .. } => Step::Propose,
            Self::Consent { .. } => Step::Consent,
            Self::Challenge { .. } => Step::Challenge,
            Self::Prove { .. } => Step::Prove,
            Self::Commit { .. } => Step::Commit,
            Self::Confirm { .. } => Step::Confirm,
            Self::Adopt { .. } => Step::Adopt,
            Self::BreakGlass { .. } => Step::BreakGlass,
            Self::DemandApproval { .. } => Step::DemandApproval,
            Self::AskApproval { .. } => Step::AskApproval,
            Self::DropDemands { .. } => Step::DropDemands,
            Self::EmitRelease { .. } => Step::EmitRelease,
            Self::BeginRehearsal { .. } => Step::BeginRehearsal,
            Self::Rehearse { .. } => Step::Rehearse,
            Self::EndSession(_) | Self::EndRotation(_) => return None,
            Self::Zeroize | Self::Outcome { .. } | Self::Refused { .. } => return None,
        })
    }

    /// Events that happen even if the sink refuses, and are reported again until it accepts.
    pub(super) const OWED: [Self; 7] = [
        Self::EndRotation(Ended::Cancelled),
        Self::EndRotation(Ended::Expired),
        Self::EndRotation(Ended::Vetoed),
        Self::EndSession(Ended::Cancelled),
        Self::EndSession(Ended::Expired),
        Self::EndSession(Ended::TooManyFailures),
        Self::Zeroize,
    ];

    /// Returns the bit for an event of [`OWED`](Self::OWED); 0 for the others.
    pub(super) const fn owed_bit(&self) -> u8 {
        match self {
            Self::EndSession(Ended::Cancelled) => 1,
            Self::EndSession(Ended::Expired) => 2,
            Self::EndSession(Ended::TooManyFailures) => 4,
            Self::Zeroize => 8,
            Self::EndRotation(Ended::Cancelled) => 16,
            Self::EndRotation(Ended::Expired) => 32,
            Self::EndRotation(Ended::Vetoed) => 64,
            _ => 0,
        }
    }
}
