// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an HSM shows, and where each of its secrets belongs.

use security_domain::contribution::RequestDigest;
use security_domain::drill::ChallengeDigest;
use security_domain::lifecycle::{InUse, RotationStatus};

use super::super::model::{Demands, Rotation};
use super::*;

/// Where a secret belongs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Held(usize),
    Seed(usize),
    Share(usize, usize),
    Transfer(usize),
    Blob(usize),
    Release(usize),
}

/// What an HSM shows.
#[derive(Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) stage: Stage,
    pub(super) instance: Option<InstanceId>,
    pub(super) domain: Option<security_domain::sealed_domain::DomainId>,
    pub(super) epoch: Option<Epoch>,
    pub(super) header: Option<HeaderDigest>,
    pub(super) rotation: Option<Shown>,
    pub(super) demands: Demands,
}

/// What an HSM shows of a change of its quorum.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    epoch: Epoch,
    header: HeaderDigest,
    request: Option<RequestDigest>,
    consents: usize,
    challenge: Option<ChallengeDigest>,
    proofs: usize,
}

impl Shown {
    pub(super) fn of(rotation: &Rotation) -> Self {
        Self {
            epoch: rotation.epoch,
            header: rotation.header,
            request: rotation.request,
            consents: rotation.consents.len(),
            challenge: rotation.challenge,
            proofs: rotation.proofs.len(),
        }
    }

    fn by(status: RotationStatus) -> Self {
        assert!(status.opens.is_none() && status.proofs_needed == 2);
        Self {
            epoch: status.epoch,
            header: status.header,
            request: status.request,
            consents: status.consents.into(),
            challenge: status.challenge,
            proofs: status.proofs.into(),
        }
    }
}

/// What a domain in use demands.
fn demands<S: InUse>(domain: &In<'_, S>) -> Demands {
    Demands {
        release: domain.demands_approval(ActKind::EmitRelease),
        backup: domain.demands_approval(ActKind::FullBackup),
        open: domain.open_act(),
    }
}

pub(super) fn status(at: &At<'_>) -> Expected {
    let Status {
        stage,
        instance,
        domain,
        epoch,
        header,
        ..
    } = at.status();
    let (rotation, demands) = match at {
        At::Active(domain) => (None, demands(domain)),
        At::Rotating(domain) => (domain.rotation(), demands(domain)),
        At::Committed(domain) => (domain.rotation(), demands(domain)),
        _ => (None, Demands::default()),
    };
    Expected {
        stage,
        instance,
        domain,
        epoch,
        header,
        rotation: rotation.map(Shown::by),
        demands,
    }
}

pub(super) fn contributors(at: &At<'_>) -> Vec<security_domain::custodian::CustodianId> {
    match at {
        At::Recovering(domain) => domain.contributors().collect(),
        At::QuorumMet(domain) => domain.contributors().collect(),
        _ => Vec::new(),
    }
}
