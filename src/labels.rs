// SPDX-License-Identifier: MIT OR Apache-2.0
//! The purposes of digests, codes and derived keys, with the labels that keep them apart. No label
//! is defined elsewhere.
//!
//! Each label belongs to one purpose, so a digest or key for one purpose cannot replace another's.

/// The purpose of a digest, a code or a derived key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The id of a domain, from its birth suite and verify key.
    DomainId,
    /// The seed of a domain's signing key, from the root.
    DomainKey,
    /// The digest of a domain's post-quantum verify key.
    #[cfg_attr(not(any(test, feature = "pq-identity")), expect(dead_code))]
    PostQuantumIdentity,
    /// The seed of a domain's post-quantum key, from the root.
    #[cfg_attr(not(any(test, feature = "pq-identity")), expect(dead_code))]
    PostQuantumKey,
    /// The draws of one sealing.
    Sealing,
    /// A hedged draw, from generator output and the root.
    Draw,
    /// A hedged draw, from generator output and the device key.
    DeviceDraw,
    /// The digest in the core of a part of the release.
    Release,
    /// The digest of a header's core.
    Core,
    /// The id of a custodian, from algorithm and public key.
    Custodian,
    /// What a wrapped share is bound to.
    Share,
    /// The seed of a share's possession key.
    Possession,
    /// The digest of a wrapped share.
    Wrapped,
    /// The digest of a header.
    Header,
    /// The commitment to a sealed body's key.
    Commit,
    /// The key of a sealed body.
    Body,
    /// The digest of commitment and body.
    Payload,
    /// What a domain key signs of a sealed domain.
    Sealed,
    /// The draws of one session.
    Session,
    /// The digest of a request.
    Request,
    /// The digest of a proposed quorum.
    Proposal,
    /// What a domain key signs of a request.
    RequestSignature,
    /// What a contributed share is bound to.
    Contribution,
    /// What a possession key signs.
    Statement,
    /// The digest of a statement's text.
    StatementText,
    /// The digest of a drill's challenge.
    Challenge,
    /// What a drill's value is bound to.
    Drill,
    /// The commitment to a drill's value.
    DrillValue,
    /// What a domain key signs of an HSM that speaks for it.
    Endorsement,
    /// The key of the entries of logs at rest.
    Log,
    /// The digest of the pinned heads of other HSMs.
    Pins,
    /// What the taker of a custodian's token signs.
    HandOff,
    /// The digest of an act that custodians approve.
    Act,
    /// The digest of an artifact in the report of a rehearsal.
    Rehearsal,
    /// The key of one record of the state at rest.
    Record,
    /// The salt of one record, hedged with the device key.
    RecordSalt,
    /// The digest of a backup's header.
    BackupHeader,
    /// The key of one backup.
    Backup,
    /// The digest of an imported domain's artifacts.
    ImportedArtifacts,
    /// The root of a domain that was imported without one.
    ImportedRoot,
    /// The digest of a request to restore an Azure domain.
    #[cfg_attr(not(any(test, feature = "managed-hsm")), expect(dead_code))]
    RestoreRequest,
    /// What a share that is contributed to a restore is bound to.
    #[cfg_attr(not(any(test, feature = "managed-hsm")), expect(dead_code))]
    RestoreContribution,
    /// The digest of a challenge to the custodians of an Azure domain.
    #[cfg_attr(not(any(test, feature = "managed-hsm")), expect(dead_code))]
    FileChallenge,
    /// What the value of such a challenge is bound to.
    #[cfg_attr(not(any(test, feature = "managed-hsm")), expect(dead_code))]
    FileDrill,
    /// The commitment to such a value.
    #[cfg_attr(not(any(test, feature = "managed-hsm")), expect(dead_code))]
    FileDrillValue,
    /// The digest of a share, under the share's blind.
    ShareDigest,
    /// The commitment to a secret that is split.
    SecretCommitment,
    /// What the first of two secrets is bound to, where two keys are both needed.
    #[cfg_attr(not(any(test, feature = "pq")), expect(dead_code))]
    HybridContext,
    /// The digest of both ciphertexts.
    #[cfg_attr(not(any(test, feature = "pq")), expect(dead_code))]
    HybridCiphertexts,
    /// The key from both secrets.
    #[cfg_attr(not(any(test, feature = "pq")), expect(dead_code))]
    Hybrid,
}

impl Purpose {
    /// Returns the label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::DomainId => "security-domain/v1 domain id",
            Self::DomainKey => "security-domain/v1 domain key",
            Self::PostQuantumIdentity => "security-domain/v1 post-quantum identity",
            Self::PostQuantumKey => "security-domain/v1 post-quantum key",
            Self::Sealing => "security-domain/v1 sealing",
            Self::Draw => "security-domain/v1 draw",
            Self::DeviceDraw => "security-domain/v1 device draw",
            Self::Release => "security-domain/v1 release",
            Self::Core => "security-domain/v1 core",
            Self::Custodian => "security-domain/v1 custodian",
            Self::Share => "security-domain/v1 share",
            Self::Possession => "security-domain/v1 possession",
            Self::Wrapped => "security-domain/v1 wrapped",
            Self::Header => "security-domain/v1 header",
            Self::Commit => "security-domain/v1 commit",
            Self::Body => "security-domain/v1 body",
            Self::Payload => "security-domain/v1 payload",
            Self::Sealed => "security-domain/v1 sealed",
            Self::Session => "security-domain/v1 session",
            Self::Request => "security-domain/v1 request",
            Self::Proposal => "security-domain/v1 proposal",
            Self::RequestSignature => "security-domain/v1 request signature",
            Self::Contribution => "security-domain/v1 contribution",
            Self::Statement => "security-domain/v1 statement",
            Self::StatementText => "security-domain/v1 statement text",
            Self::Challenge => "security-domain/v1 challenge",
            Self::Drill => "security-domain/v1 drill",
            Self::DrillValue => "security-domain/v1 drill value",
            Self::Endorsement => "security-domain/v1 endorsement",
            Self::Log => "security-domain/v1 log",
            Self::Pins => "security-domain/v1 pins",
            Self::HandOff => "security-domain/v1 hand-off",
            Self::Act => "security-domain/v1 act",
            Self::Rehearsal => "security-domain/v1 rehearsal",
            Self::Record => "security-domain/v1 record",
            Self::RecordSalt => "security-domain/v1 record salt",
            Self::BackupHeader => "security-domain/v1 backup header",
            Self::Backup => "security-domain/v1 backup",
            Self::ImportedArtifacts => "security-domain/v1 imported artifacts",
            Self::ImportedRoot => "security-domain/v1 imported root",
            Self::RestoreRequest => "security-domain/v1 restore request",
            Self::RestoreContribution => "security-domain/v1 restore contribution",
            Self::FileChallenge => "security-domain/v1 domain file challenge",
            Self::FileDrill => "security-domain/v1 domain file drill",
            Self::FileDrillValue => "security-domain/v1 domain file drill value",
            Self::ShareDigest => "security-domain/v1 share digest",
            Self::SecretCommitment => "security-domain/v1 secret commitment",
            Self::HybridContext => "security-domain/v1 hybrid context",
            Self::HybridCiphertexts => "security-domain/v1 hybrid ciphertexts",
            Self::Hybrid => "security-domain/v1 hybrid",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ALL: [Purpose; 50] = [
        Purpose::DomainId,
        Purpose::DomainKey,
        Purpose::PostQuantumIdentity,
        Purpose::PostQuantumKey,
        Purpose::Sealing,
        Purpose::Draw,
        Purpose::DeviceDraw,
        Purpose::Release,
        Purpose::Core,
        Purpose::Custodian,
        Purpose::Share,
        Purpose::Possession,
        Purpose::Wrapped,
        Purpose::Header,
        Purpose::Commit,
        Purpose::Body,
        Purpose::Payload,
        Purpose::Sealed,
        Purpose::Session,
        Purpose::Request,
        Purpose::Proposal,
        Purpose::RequestSignature,
        Purpose::Contribution,
        Purpose::Statement,
        Purpose::StatementText,
        Purpose::Challenge,
        Purpose::Drill,
        Purpose::DrillValue,
        Purpose::Endorsement,
        Purpose::Log,
        Purpose::Pins,
        Purpose::HandOff,
        Purpose::Act,
        Purpose::Rehearsal,
        Purpose::Record,
        Purpose::RecordSalt,
        Purpose::BackupHeader,
        Purpose::Backup,
        Purpose::ImportedArtifacts,
        Purpose::ImportedRoot,
        Purpose::RestoreRequest,
        Purpose::RestoreContribution,
        Purpose::FileChallenge,
        Purpose::FileDrill,
        Purpose::FileDrillValue,
        Purpose::ShareDigest,
        Purpose::SecretCommitment,
        Purpose::HybridContext,
        Purpose::HybridCiphertexts,
        Purpose::Hybrid,
    ];

    #[test]
    fn no_two_purposes_share_a_label() {
        let labels: HashSet<_> = ALL.iter().map(|purpose| purpose.label()).collect();
        assert_eq!(labels.len(), ALL.len());
        assert_eq!(
            ALL.map(|purpose| purpose as usize),
            core::array::from_fn(|i| i)
        );
        assert!(
            labels
                .iter()
                .all(|label| label.starts_with("security-domain/v1 "))
        );
    }
}
