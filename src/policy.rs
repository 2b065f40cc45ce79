// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a quorum and how it is kept: findings with a severity and a stable code.
//!
//! [`Policy::assess`] looks at the numbers, at each custodian's key, at who holds it and what he
//! has proven, and at when the whole was last reviewed. Everything is public, and what is not known
//! is left out: each finding says what it rests on.
//!
//! ```
//! use security_domain::custodian::{Algorithm, CustodianId};
//! use security_domain::policy::{Custody, Policy, Rule, Seat, Severity};
//!
//! let seats = [1, 2, 3].map(|byte| {
//!     Seat::new(CustodianId::from_bytes([byte; 32]), Algorithm::XWing)
//! });
//! let custody = Custody { threshold: 3, ..Custody::of(&seats) };
//! let mut rules = Vec::new();
//! Policy::default().assess(&custody, None, &mut |finding| rules.push(finding.rule));
//! // A single lost key would lose the domain.
//! assert!(rules.contains(&Rule::NoSpare));
//! assert_eq!(Rule::NoSpare.severity(), Severity::Warn);
//! assert_eq!(Rule::NoSpare.code(), "no-spare");
//! ```

use crate::custodian::{Algorithm, CustodianId};
use crate::custody::{Cause, Present};
use crate::drill::Proof;

mod assess;
mod finding;
mod key_state;
mod rule;

pub use finding::{Finding, Subject};
pub use key_state::KeyState;
pub use rule::{Rule, Severity};

/// Seconds in a day.
const DAY: u64 = 86_400;

/// How long things may take. The default is a review each quarter, a drill each half-year, and keys
/// of at most two years (SP 800-57 part 1 revision 5 section 5.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller fills it in, and is to miss nothing new"
)]
pub struct Policy {
    /// The longest time between two reviews, in seconds.
    pub review_interval: u64,
    /// The longest time between two drills of one custodian, in seconds.
    pub drill_interval: u64,
    /// How long a custodian's key may be in use, in seconds.
    pub cryptoperiod: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            review_interval: 92 * DAY,
            drill_interval: 183 * DAY,
            cryptoperiod: 2 * 365 * DAY,
        }
    }
}

/// What is known of a domain's quorum.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller fills it in, and is to miss nothing new"
)]
pub struct Custody<'a> {
    /// How many custodians rebuild the domain.
    pub threshold: u8,
    /// The custodians, in the order of their shares.
    pub seats: &'a [Seat<'a>],
    /// When custody was last reviewed, in Unix seconds.
    pub reviewed: Option<u64>,
    /// What has happened that asks for a review, each with its time in Unix seconds.
    pub events: &'a [(Cause, u64)],
    /// Whether the domain was once taken without naming which one was expected
    /// ([`ExpectedDomain::unpinned`](crate::sealed_domain::ExpectedDomain::unpinned)).
    pub unpinned: bool,
}

impl<'a> Custody<'a> {
    /// Makes a custody of which only the custodians are known. The threshold is still to be set: 0
    /// is refused.
    pub const fn of(seats: &'a [Seat<'a>]) -> Self {
        Self {
            threshold: 0,
            seats,
            reviewed: None,
            events: &[],
            unpinned: false,
        }
    }

    /// Returns the state of a domain in use that is kept so: compromised if so many shares may be
    /// known to others that a quorum of them may be; otherwise destroyed if no HSM is left to hold
    /// it and too few custodians can contribute.
    pub fn domain_state(&self, is_in_an_hsm: bool) -> KeyState {
        let threshold = usize::from(self.threshold.max(1));
        if self.count(|seat| seat.is_exposed()) >= threshold {
            return KeyState::Compromised;
        }
        match is_in_an_hsm || self.count(|seat| seat.serves()) >= threshold {
            true => KeyState::Active,
            false => KeyState::Destroyed,
        }
    }

    fn count(&self, which: impl Fn(&Seat<'_>) -> bool) -> usize {
        self.seats.iter().filter(|seat| which(seat)).count()
    }
}

/// One custodian: a key, and who holds it.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller fills it in, and is to miss nothing new"
)]
pub struct Seat<'a> {
    /// The key.
    pub custodian: CustodianId,
    /// Its kind.
    pub algorithm: Algorithm,
    /// The person who holds it; empty if unknown. Also `place` and `role`.
    pub holder: &'a str,
    /// Where it is kept.
    pub place: &'a str,
    /// The person's role in the organization.
    pub role: &'a str,
    /// From when and until when the certificate is valid, in Unix seconds, if there is one.
    pub valid: Option<(u64, u64)>,
    /// Since when the key is in use, in Unix seconds.
    pub since: Option<u64>,
    /// When the custodian last answered a drill, in Unix seconds, and what that has proven.
    pub drilled: Option<(u64, Proof)>,
    /// The state of the key.
    pub state: KeyState,
    /// Whether a former holder may know the share.
    pub former_holder_may_know: bool,
}

impl<'a> Seat<'a> {
    /// Makes a seat with an active key, of which nothing else is known.
    pub const fn new(custodian: CustodianId, algorithm: Algorithm) -> Self {
        Self {
            custodian,
            algorithm,
            holder: "",
            place: "",
            role: "",
            valid: None,
            since: None,
            drilled: None,
            state: KeyState::Active,
            former_holder_may_know: false,
        }
    }

    /// Fills in what a log says of the custodian: who holds the key, what the last drill proved,
    /// what was lost, and whether a former holder may know the share. What the log does not say
    /// stays.
    pub fn with_log(self, log: &'a Present) -> Self {
        let Some(holding) = log.holding(self.custodian) else {
            return self;
        };
        Self {
            holder: { holding.holder.as_ref() }
                .map_or(self.holder, |(.., holder)| holder.name.as_str()),
            drilled: holding
                .drill
                .map(|(_, when, proof)| (when, proof))
                .or(self.drilled),
            state: holding.loss.map_or(self.state, |(.., loss)| loss.into()),
            former_holder_may_know: holding.former > 0 || self.former_holder_may_know,
            ..self
        }
    }

    /// Returns whether the custodian can still contribute.
    pub const fn serves(&self) -> bool {
        matches!(self.state, KeyState::Active)
    }

    /// Returns whether somebody may know the share who must not.
    const fn is_exposed(&self) -> bool {
        matches!(self.state, KeyState::Compromised) || self.former_holder_may_know
    }
}
