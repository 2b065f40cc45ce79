// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an HSM shows, and where each of its secrets belongs.

use super::*;

/// Where a secret belongs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Held(usize),
    Seed(usize),
    Share(usize, usize),
    Transfer(usize),
    Blob(usize),
}

/// What an HSM shows.
#[derive(Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) stage: Stage,
    pub(super) instance: Option<InstanceId>,
    pub(super) domain: Option<security_domain::sealed_domain::DomainId>,
    pub(super) epoch: Option<Epoch>,
    pub(super) header: Option<HeaderDigest>,
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
    Expected {
        stage,
        instance,
        domain,
        epoch,
        header,
    }
}

pub(super) fn contributors(at: &At<'_>) -> Vec<security_domain::custodian::CustodianId> {
    match at {
        At::Recovering(domain) => domain.contributors().collect(),
        At::QuorumMet(domain) => domain.contributors().collect(),
        _ => Vec::new(),
    }
}
