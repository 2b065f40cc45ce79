// SPDX-License-Identifier: MIT OR Apache-2.0
//! The present, from the records of a log: who holds which token, what each last drill proved, what
//! is lost, and when the custody was last reviewed.

use super::record::{Body, Cause, DrillResult, Fact, HandOff, LossKind, Name, Record};
use crate::custodian::CustodianId;
use crate::drill::Proof;
use crate::ed25519::VerifyKey;
use crate::lifecycle::{Event, Outcome, Step};
use crate::sealed_domain::{Epoch, HeaderDigest, MAX_CUSTODIANS};

/// A fact, the number of its record, and the record's time.
type At<T> = Option<(u32, u64, T)>;

/// The present after a log's records, in their order. It has the same size for every log.
///
/// Fold only what a [`Verifier`](super::Verifier) or the HSM's own [`Log`](super::Log) gives.
#[derive(Clone, Copy, Debug)]
pub struct Present {
    holdings: [Option<Holding>; MAX_CUSTODIANS],
    /// Whether a custodian was left out for want of room.
    crowded: bool,
    header: Option<(Epoch, HeaderDigest)>,
    /// What a step makes of the header, if it is done.
    announced: Option<(Option<Epoch>, HeaderDigest)>,
    /// The header of a step whose outcome was lost with the power.
    unsure: Option<HeaderDigest>,
    /// Whether the step in progress takes a domain that nobody named.
    taking_unpinned: bool,
    unpinned: bool,
    review: At<Cause>,
    concern: At<Cause>,
}

/// What the log says of one custodian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holding {
    /// The custodian.
    pub custodian: CustodianId,
    /// Who took the token last, and when.
    pub holder: At<Holder>,
    /// How many held the token before, since the share was made anew. Each may know the share.
    pub former: u32,
    /// What the last drill of the share in use proved.
    pub drill: At<Proof>,
    /// The gravest loss that is not closed; of equal ones the last.
    pub loss: At<LossKind>,
    /// What was proven of the share that a rotation in progress makes.
    next: At<Proof>,
    /// Whether the record of the custodian is older than the quorum in use.
    stale: bool,
}

/// Who holds a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The name.
    pub name: Name,
    /// The key that signed the hand-off.
    pub key: VerifyKey,
}

impl Holder {
    /// Returns who takes the token by a hand-off.
    pub const fn of(hand_off: &HandOff) -> Self {
        Self {
            name: hand_off.taker,
            key: hand_off.key,
        }
    }
}

impl Present {
    /// Makes the present of a log without records.
    pub const fn new() -> Self {
        Self {
            holdings: [None; MAX_CUSTODIANS],
            crowded: false,
            header: None,
            announced: None,
            unsure: None,
            taking_unpinned: false,
            unpinned: false,
            review: None,
            concern: None,
        }
    }

    /// Takes the next record.
    pub fn fold(&mut self, record: &Record<'_>) {
        let (number, time) = (record.number, record.time);
        match &record.body {
            Body::Event(event) => {
                self.announced = announced(event);
                self.event(number, time, event);
            }
            Body::Outcome { step, outcome, .. } => {
                // An outcome that was lost may be one that took effect: until a rotation is sure,
                // former holders are counted on.
                if let (Some((epoch, header)), Some(Outcome::Done)) = (self.announced, outcome) {
                    self.use_header(*step, epoch, header);
                }
                match (outcome, self.announced) {
                    (Some(_), _) => self.announced = None,
                    (None, Some((_, header))) => self.unsure = Some(header),
                    (None, None) => {}
                }
            }
            // It shows that a step without a known outcome took effect.
            Body::Endorsement(endorsement) => {
                let announced = self.announced.take();
                if let Some((epoch, header)) =
                    announced.filter(|(_, header)| *header == endorsement.header)
                {
                    self.use_header(Step::Activate, epoch, header);
                }
            }
            Body::Refused { .. } => {}
            Body::Fact(Fact::HandOff(hand_off)) => self.hand_off(number, time, hand_off),
            Body::Fact(Fact::Drill(DrillResult {
                custodian, proof, ..
            })) => {
                if let Some(holding) = self.holding_of(*custodian) {
                    holding.drill = Some((number, time, *proof));
                }
            }
            Body::Fact(Fact::Loss(loss)) => {
                if let Some(holding) = self.holding_of(loss.custodian) {
                    let graver = |(.., open): (u32, u64, LossKind)| open as u8 > loss.kind as u8;
                    if !holding.loss.is_some_and(graver) {
                        holding.loss = Some((number, time, loss.kind));
                    }
                }
                self.concern = Some((number, time, Cause::DeviceLost));
            }
            Body::Fact(Fact::Closed(closed)) => {
                let open = self.holdings.iter_mut().flatten();
                let of_it = |loss: &At<LossKind>| loss.is_some_and(|(at, ..)| at == closed.loss);
                open.filter(|holding| of_it(&holding.loss))
                    .for_each(|holding| holding.loss = None);
            }
            Body::Fact(Fact::Concern(concern)) => {
                self.concern = Some((number, time, concern.cause));
            }
            Body::Fact(Fact::Review(review)) => {
                self.review = Some((number, time, review.cause));
                self.concern = None;
            }
            Body::Fact(Fact::Pin(_)) => {}
        }
    }

    /// Returns what the log says of each custodian whom it names, at most as many as a domain has.
    pub fn holdings(&self) -> impl Iterator<Item = &Holding> {
        self.holdings.iter().flatten()
    }

    /// Returns what the log says of a custodian.
    pub fn holding(&self, custodian: CustodianId) -> Option<&Holding> {
        self.holdings()
            .find(|holding| holding.custodian == custodian)
    }

    /// Returns whether the log names more custodians of the quorum in use than a domain can have,
    /// so that some are not in [`holdings`](Self::holdings).
    pub const fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Returns the epoch and the header in use, if the log says which.
    pub const fn header(&self) -> Option<(Epoch, HeaderDigest)> {
        self.header
    }

    /// Returns the header that came into use by a step whose outcome was lost with the power, if it
    /// did: either this one or [`header`](Self::header) is in use.
    pub const fn unsure(&self) -> Option<HeaderDigest> {
        self.unsure
    }

    /// Returns whether the domain or an epoch of it was once taken without naming which one was
    /// expected.
    pub const fn is_unpinned(&self) -> bool {
        self.unpinned
    }

    /// Returns the last review: its record, its time and its cause.
    pub const fn review(&self) -> At<Cause> {
        self.review
    }

    /// Returns the last event since then that asks for a review.
    pub const fn concern(&self) -> At<Cause> {
        self.concern
    }

    /// A rotation makes every share anew: what was known of the old ones opens nothing but the old
    /// file.
    fn use_header(&mut self, step: Step, epoch: Option<Epoch>, header: HeaderDigest) {
        let before = self.header;
        self.unsure = None;
        self.unpinned |= self.taking_unpinned;
        let epoch = epoch.or(match step {
            Step::Activate => Some(Epoch::FIRST),
            _ => None,
        });
        self.header = epoch.map(|epoch| (epoch, header));
        if before.is_none_or(|(_, before)| before != header) {
            for holding in self.holdings.iter_mut().flatten() {
                holding.former = 0;
                holding.drill = holding.next.take();
                holding.stale = holding.drill.is_none();
            }
            self.crowded = false;
        }
    }

    /// Takes what a step says of custodians and of how the domain was taken.
    fn event(&mut self, number: u32, time: u64, event: &Event) {
        match event {
            Event::BeginRecovery { pinned, .. } | Event::Adopt { pinned, .. } => {
                self.taking_unpinned = !pinned;
            }
            Event::Activate { .. } | Event::Confirm { .. } => self.taking_unpinned = false,
            Event::Propose { .. } => {
                let all = self.holdings.iter_mut().flatten();
                all.for_each(|holding| holding.next = None);
            }
            // A custodian for whom there is no room is one who has proven nothing.
            Event::Prove { custodian } if self.has_room_for(*custodian) => {
                let is_new = self.holding(*custodian).is_none();
                if let Some(holding) = self.holding_of(*custodian) {
                    holding.next = Some((number, time, Proof::KeyAndShare));
                    holding.stale |= is_new;
                }
            }
            _ => {}
        }
    }

    fn has_room_for(&self, custodian: CustodianId) -> bool {
        self.holding(custodian).is_some() || self.holdings.iter().any(Option::is_none)
    }

    fn hand_off(&mut self, number: u32, time: u64, hand_off: &HandOff) {
        let holder = Holder::of(hand_off);
        if let Some(holding) = self.holding_of(hand_off.custodian) {
            let another = holding
                .holder
                .is_some_and(|(.., before)| before.key != holder.key);
            holding.former = holding.former.saturating_add(u32::from(another));
            holding.holder = Some((number, time, holder));
        }
    }

    /// Returns the place of a custodian, if need be that of one who is not in the quorum in use.
    fn holding_of(&mut self, custodian: CustodianId) -> Option<&mut Holding> {
        let is = |holding: &Option<Holding>| holding.is_some_and(|it| it.custodian == custodian);
        let all = &self.holdings;
        let place = { all.iter().position(is) }
            .or_else(|| all.iter().position(Option::is_none))
            .or_else(|| {
                all.iter()
                    .position(|held| held.is_some_and(|held| held.stale))
            });
        let Some(place) = place else {
            self.crowded = true;
            return None;
        };
        let held = self.holdings.get_mut(place)?;
        if held.is_none_or(|held| held.custodian != custodian) {
            *held = Some(Holding {
                custodian,
                holder: None,
                former: 0,
                drill: None,
                loss: None,
                next: None,
                stale: false,
            });
        }
        let held = held.as_mut()?;
        held.stale = false;
        Some(held)
    }
}

impl Default for Present {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the header that is in use once the step is done.
const fn announced(event: &Event) -> Option<(Option<Epoch>, HeaderDigest)> {
    match event {
        Event::Activate { header, .. } => Some((None, *header)),
        Event::Recover { epoch, header, .. }
        | Event::Confirm { epoch, header }
        | Event::Adopt { epoch, header, .. } => Some((Some(*epoch), *header)),
        _ => None,
    }
}
