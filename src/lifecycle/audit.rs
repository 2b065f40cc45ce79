// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports events to the sink: each step before it takes effect, and its outcome; protective
//! operations after they have happened; refusals by their number.
//!
//! A sink that refuses stops the next step. Protective operations happen anyway. Events that the
//! sink refused are kept, and reported before anything else: the outcome of the last step and the
//! number of refusals in memory, here; the end of a session or a domain in the record at rest.

use core::hint::black_box;

use super::error::LifecycleError;
use super::event::{Event, Outcome, Step};
use super::host::Host;
use super::logged;
use super::sink::SinkAnswer;
use crate::ct::Mask;
use crate::hardened::{Permit, Verdict};

/// Events that happened although the sink refused them, one bit for each. The record at rest holds
/// them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed(pub(super) u8);

/// What the sink has not received yet.
pub(super) struct Audit {
    pub(super) owed: Owed,
    /// The reported step, if it has not ended.
    open: Option<Step>,
    /// The outcome of the last step, if it was not reported yet.
    ended: Option<(Step, Outcome)>,
    refused: Refusals,
    /// The sink's answer to the step under way; a refusal before it has answered.
    answer: Answer,
}

/// The answers of the sink and of the log, of which both must agree.
#[derive(Clone, Copy)]
struct Answer {
    sink: SinkAnswer,
    log: SinkAnswer,
}

impl Answer {
    const NONE: Self = Self {
        sink: SinkAnswer::NONE,
        log: SinkAnswer::NONE,
    };
    const REFUSED: Self = Self {
        sink: SinkAnswer::REFUSED,
        log: SinkAnswer::REFUSED,
    };

    fn is_agreed(&self) -> Mask {
        self.sink.is_agreed() & self.log.is_agreed()
    }
}

/// Refused steps, by their kind.
struct Refusals {
    /// How many have not been reported.
    waiting: [u16; Step::ALL.len()],
    /// How many bits the number of those has that have been reported. Two arrays, without the room that would
    /// be between two numbers of different lengths.
    reported: [u8; Step::ALL.len()],
}

impl Refusals {
    /// So many bits count as many, from there on.
    const MOST: u8 = 16;

    fn of(&mut self, step: Step) -> Option<(&mut u16, &mut u8)> {
        let place = Step::ALL.iter().position(|one| *one == step)?;
        Some((self.waiting.get_mut(place)?, self.reported.get_mut(place)?))
    }

    /// Returns the number that has so many bits: 0, 1, 2, 4, 8 and so on.
    const fn number(bits: u8) -> u32 {
        match bits {
            0 => 0,
            bits => 1 << (bits - 1),
        }
    }
}

impl Audit {
    pub(super) const NONE: Self = Self {
        owed: Owed(0),
        open: None,
        ended: None,
        refused: Refusals {
            waiting: [0; Step::ALL.len()],
            reported: [0; Step::ALL.len()],
        },
        answer: Answer::NONE,
    };

    /// Returns a permit if the sink has accepted the step under way: the answer is tested again where the
    /// step takes effect.
    pub(super) fn agreed(&self) -> Result<Permit, LifecycleError> {
        Verdict::twice(|| self.answer.is_agreed()).permit(LifecycleError::SinkRefused)
    }

    /// Marks the step under way as interrupted, because another step begins.
    pub(super) fn interrupt(&mut self) {
        self.answer = Answer::REFUSED;
        if let Some(step) = self.open.take() {
            self.ended = Some((step, Outcome::Interrupted));
        }
    }

    /// Returns a permit for `event` if the sink accepts it, after everything that was kept for it.
    pub(super) fn report<H: Host>(
        &mut self,
        host: &mut H,
        event: &Event,
    ) -> Result<Permit, LifecycleError> {
        self.settle(host)?;
        let permit = ask(host, event, &mut self.answer)?;
        self.open = event.step();
        Ok(permit)
    }

    /// Reports an event that has already happened. If the sink refuses, the event is kept for it.
    pub(super) fn announce<H: Host>(&mut self, host: &mut H, event: &Event) {
        let heard = self.settle(host).and_then(|()| tell(host, event));
        if heard.is_err() {
            self.owed = Owed(self.owed.0 | event.owed_bit());
        }
    }

    /// Reports the outcome of the reported step. If the sink refuses, it receives the outcome
    /// before the next step.
    pub(super) fn conclude<H: Host>(&mut self, host: &mut H, outcome: Outcome) {
        let Some(step) = self.open.take() else {
            return;
        };
        self.ended = Some((step, outcome));
        if let (Outcome::Done, Some((_, reported))) = (outcome, self.refused.of(step)) {
            *reported = 0;
        }
        // A refused event is kept.
        let _ = self.settle_outcome(host);
    }

    /// Returns whether the step under way was reported.
    pub(super) const fn is_reported(&self) -> bool {
        self.open.is_some()
    }

    /// Counts a refused step. Reports the first refusal, and later ones each time their number has
    /// doubled, so that nobody can flood the sink.
    pub(super) fn count_refusal<H: Host>(&mut self, host: &mut H, step: Step) {
        let Some((waiting, reported)) = self.refused.of(step) else {
            return;
        };
        *waiting = waiting.saturating_add(1);
        if u32::from(*waiting) >= Refusals::number(*reported) {
            // A refused event is kept.
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
            let of = self.refused.of(step);
            let (waiting, reported) = of.ok_or(LifecycleError::Fault)?;
            let count = u32::from(*waiting);
            if count != 0 {
                tell(host, &Event::Refused { step, count })?;
                let all = Refusals::number(*reported).saturating_add(count);
                *reported = (u32::BITS - all.leading_zeros()) as u8;
                *reported = Refusals::MOST.min(*reported);
                *waiting = 0;
            }
        }
        Ok(())
    }

    fn settle_outcome<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        if let Some((step, outcome)) = self.ended {
            tell(host, &Event::Outcome { step, outcome })?;
            self.ended = None;
        }
        Ok(())
    }
}

/// Returns a permit for `event` if the sink accepts it and then the log, and leaves their answers
/// in `answer`.
fn ask<H: Host>(
    host: &mut H,
    event: &Event,
    answer: &mut Answer,
) -> Result<Permit, LifecycleError> {
    // Until both have answered, the answer is a refusal.
    *black_box(&mut *answer) = Answer::REFUSED;
    *black_box(&mut answer.sink) = host.report(event);
    Verdict::twice(|| answer.sink.is_agreed()).or(LifecycleError::SinkRefused)?;
    *black_box(&mut answer.log) = logged::record(host, event);
    Verdict::twice(|| answer.is_agreed()).permit(LifecycleError::SinkRefused)
}

/// Reports an event on which no step depends.
fn tell<H: Host>(host: &mut H, event: &Event) -> Result<(), LifecycleError> {
    let mut answer = Answer::REFUSED;
    ask(host, event, &mut answer)?.spend(LifecycleError::SinkRefused)
}
