// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/lifecycle.md` in a few lines: what an HSM is, as its operator sees it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use security_domain::approval::{ActDigest, ActKind};
use security_domain::contribution::RequestDigest;
use security_domain::drill::ChallengeDigest;
use security_domain::lifecycle::Stage;
use security_domain::sealed_domain::{DomainId, Epoch, HeaderDigest, InstanceId};

/// A state. What it holds is named by its place in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub stage: Stage,
    /// The HSM's name and the seed of its key, by place.
    pub hsm: Option<(InstanceId, usize)>,
    /// The domain that it holds, by id and place.
    pub held: Option<(DomainId, usize)>,
    pub standing: Option<(Epoch, HeaderDigest)>,
    pub session: Option<Session>,
    pub rotation: Option<Rotation>,
    pub demands: Demands,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Which of the lost domains is being recovered.
    pub lost: usize,
    /// The request and the transfer key, by place.
    pub transfer: Option<(RequestDigest, usize)>,
    /// The custodians whose shares are in, in the order in which they came.
    pub shares: Vec<usize>,
    pub clock: Clock,
    /// What it waits for if it is an import.
    pub import: Option<Import>,
}

/// A restore blob is to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The transfer key, by place.
    pub key: usize,
    /// How many blobs have been tried, at least and at most: a failed write leaves it open.
    pub tried: RangeInclusive<u8>,
}

/// A change of the quorum.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    /// The proposal, by place; none if its files were lost, so that it can only be abandoned.
    pub proposal: Option<usize>,
    pub epoch: Epoch,
    pub header: HeaderDigest,
    /// The request that the present custodians answer; none once it is committed.
    pub request: Option<RequestDigest>,
    /// The present custodians who have consented.
    pub consents: BTreeSet<usize>,
    pub challenge: Option<ChallengeDigest>,
    /// The next custodians who have proven.
    pub proofs: BTreeSet<usize>,
    pub clock: Clock,
}

/// What needs a quorum's approval, and the act that it can approve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demands {
    pub release: bool,
    pub backup: bool,
    pub open: Option<(ActKind, ActDigest)>,
}

/// When a session was used last, and when it ends; 0 without a clock, and without an end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    pub latest: u64,
    pub expires: u64,
}

/// What a session makes of the time.
#[derive(Debug, PartialEq)]
pub enum Tick {
    Fine,
    WentBack { seen: u64 },
    Over,
}

impl Session {
    /// A session that begins now, for a lost domain.
    pub fn new(lost: usize, now: u64, expires: u64) -> Self {
        Self {
            lost,
            transfer: None,
            shares: Vec::new(),
            clock: Clock {
                latest: now,
                expires,
            },
            import: None,
        }
    }
}

impl Clock {
    /// Takes note of the time of a step that took effect.
    pub fn note(&mut self, now: u64) {
        if self.latest != 0 {
            self.latest = now;
        }
    }

    pub fn tick(&self, now: u64) -> Tick {
        if self.latest == 0 {
            return Tick::Fine;
        }
        if now < self.latest {
            return Tick::WentBack { seen: self.latest };
        }
        match self.expires {
            expires if expires != 0 && now > expires => Tick::Over,
            _ => Tick::Fine,
        }
    }
}

impl Model {
    pub const EMPTY: Self = Self {
        stage: Stage::Empty,
        hsm: None,
        held: None,
        standing: None,
        session: None,
        rotation: None,
        demands: Demands {
            release: false,
            backup: false,
            open: None,
        },
    };

    /// A session of the HSM with this name and seed.
    pub fn in_session(hsm: (InstanceId, usize), session: Session) -> Self {
        Self {
            stage: Stage::Recovering,
            hsm: Some(hsm),
            session: Some(session),
            ..Self::EMPTY
        }
    }

    /// One of two that show the same. How many blobs were tried does not show, nor who has
    /// consented or proven.
    pub fn either(mut self, other: Self) -> Self {
        if let (Some(own), Some(other)) = (&mut self.rotation, &other.rotation) {
            let same = own.consents == other.consents && own.proofs == other.proofs;
            own.proposal = own.proposal.filter(|_| same);
        }
        let import = |model: Self| model.session.and_then(|session| session.import);
        let own = self
            .session
            .as_mut()
            .and_then(|session| session.import.as_mut());
        if let (Some(own), Some(other)) = (own, import(other)) {
            let (a, b) = (own.tried.clone(), other.tried);
            own.tried = *a.start().min(b.start())..=*a.end().max(b.end());
        }
        self
    }

    /// The domain in use, without a change of its quorum.
    pub fn without_rotation(&self) -> Self {
        Self {
            stage: Stage::Active,
            rotation: None,
            ..self.clone()
        }
    }

    pub fn with_session(&self, session: Session) -> Self {
        Self {
            session: Some(session),
            ..self.clone()
        }
    }
}
