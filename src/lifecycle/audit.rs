// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the sink hears: of each step before it takes effect, and of how it ended; of what protects
//! after it has happened; of refusals by their number.
//!
//! A sink that refuses stops the next step. What protects happens all the same, and what the sink has
//! not heard is kept and told before anything else: how the last step ended and how many were refused
//! here, in memory, and the end of a session or of the domain in the record at rest.

use core::hint::black_box;

use super::error::LifecycleError;
use super::event::{Event, Outcome, Step};
use super::host::{Host, SinkAnswer};
use super::vault::{Owed, Vault};
use crate::hardened::{Permit, Verdict};

/// What the sink is still to hear, and is not in the record at rest.
pub(super) struct Audit {
    /// The step of which it has heard, if it has not ended.
    open: Option<Step>,
    /// How the last step ended, if it has not heard of that.
    ended: Option<(Step, Outcome)>,
    refused: [Refusals; Step::ALL.len()],
}

/// Refused steps of one kind.
#[derive(Clone, Copy)]
struct Refusals {
    waiting: u32,
    reported: u32,
}

impl Audit {
    pub(super) const NONE: Self = Self {
        open: None,
        ended: None,
        refused: [Refusals {
            waiting: 0,
            reported: 0,
        }; Step::ALL.len()],
    };

    /// Whatever was under way when another step begins has not come to its end.
    pub(super) fn interrupt(&mut self) {
        if let Some(step) = self.open.take() {
            self.ended = Some((step, Outcome::Interrupted));
        }
    }

    fn of(&mut self, step: Step) -> Option<&mut Refusals> {
        self.refused.get_mut(step as usize)
    }
}

impl<const N: usize> Vault<N> {
    /// A permit for what `event` tells of, if the sink takes it, after what it is owed.
    pub(super) fn report<H: Host>(
        &mut self,
        host: &mut H,
        event: &Event,
    ) -> Result<Permit, LifecycleError> {
        self.settle(host)?;
        let permit = ask(host, event)?;
        self.audit.open = event.step();
        Ok(permit)
    }

    /// Tells the sink of what has happened already. If it refuses, it is owed the event.
    pub(super) fn announce<H: Host>(&mut self, host: &mut H, event: &Event) {
        let heard = self.settle(host).and_then(|()| tell(host, event));
        if heard.is_err() {
            self.owed = Owed(self.owed.0 | event.owed_bit());
        }
    }

    /// Tells the sink how the step ended of which it has heard. If it refuses, it hears of that before
    /// the next step.
    pub(super) fn conclude<H: Host>(&mut self, host: &mut H, outcome: Outcome) {
        let Some(step) = self.audit.open.take() else {
            return;
        };
        self.audit.ended = Some((step, outcome));
        if let (Outcome::Done, Some(refusals)) = (outcome, self.audit.of(step)) {
            refusals.reported = 0;
        }
        // What it refuses is kept.
        let _ = self.settle_outcome(host);
    }

    /// Whether the sink has heard of the step that is under way.
    pub(super) const fn is_reported(&self) -> bool {
        self.audit.open.is_some()
    }

    /// Counts a step that was refused. The sink hears of the first, and of those that follow each time
    /// their number has doubled, so that nobody can flood it.
    pub(super) fn count_refusal<H: Host>(&mut self, host: &mut H, step: Step) {
        let Some(refusals) = self.audit.of(step) else {
            return;
        };
        refusals.waiting = refusals.waiting.saturating_add(1);
        if refusals.waiting >= refusals.reported {
            // What it refuses is kept.
            let _ = self.settle(host);
        }
    }

    fn settle<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        for event in Event::OWED {
            let bit = event.owed_bit();
            if self.owed.0 & bit != 0 {
                tell(host, &event)?;
                self.owed = Owed(self.owed.0 & !bit);
            }
        }
        self.settle_outcome(host)?;
        for step in Step::ALL {
            let Some(refusals) = self.audit.of(step) else {
                return Err(LifecycleError::Fault);
            };
            let count = refusals.waiting;
            if count != 0 {
                tell(host, &Event::Refused { step, count })?;
                refusals.reported = refusals.reported.saturating_add(count);
                refusals.waiting = 0;
            }
        }
        Ok(())
    }

    fn settle_outcome<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        if let Some((step, outcome)) = self.audit.ended {
            tell(host, &Event::Outcome { step, outcome })?;
            self.audit.ended = None;
        }
        Ok(())
    }
}

/// A permit for what `event` tells of, if the sink takes it.
fn ask<H: Host>(host: &mut H, event: &Event) -> Result<Permit, LifecycleError> {
    // Until the sink has answered, it has refused.
    let mut answer = SinkAnswer::REFUSED;
    *black_box(&mut answer) = host.report(event);
    Verdict::twice(|| answer.is_agreed()).permit(LifecycleError::SinkRefused)
}

/// Tells the sink of what no step rests on.
fn tell<H: Host>(host: &mut H, event: &Event) -> Result<(), LifecycleError> {
    ask(host, event)?.spend(LifecycleError::SinkRefused)
}
