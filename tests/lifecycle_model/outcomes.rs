// SPDX-License-Identifier: MIT OR Apache-2.0
//! What becomes of a step: it took place, or it did not, or it ended something whatever flash and sink said.

use super::*;

impl Life {
    pub(super) fn begin(&mut self) {
        self.before = (self.hsm.struck(), self.hsm.events.len());
    }

    /// Whether the flash failed in this step, or has to be put right first.
    pub(super) fn failed(&self) -> bool {
        self.unsettled || self.hsm.struck() > self.before.0
    }

    /// What the sink has heard in this step, but for how steps ended and what was refused.
    pub(super) fn heard(&self) -> Vec<Event> {
        let heard = self.heard_all().iter().copied();
        heard
            .filter(|event| !matches!(event, Event::Outcome { .. } | Event::Refused { .. }))
            .collect()
    }

    pub(super) fn heard_all(&self) -> &[Event] {
        &self.hsm.events[self.before.1..]
    }

    /// The sink heard how a step ended, after it had heard of the step.
    pub(super) fn assert_concluded(&self, outcome: Outcome) {
        match self.heard_all() {
            // A backup is not finished yet.
            [.., Event::BeginBackup { .. }] => assert_eq!(outcome, Outcome::Done),
            [.., _, Event::Outcome { outcome: heard, .. }] => assert_eq!(*heard, outcome),
            heard => panic!("{heard:?}"),
        }
    }

    /// The sink heard of this last, and before it of nothing but what it is owed.
    pub(super) fn assert_heard(&self, event: Event) {
        let heard = self.heard();
        let (last, owed) = heard.split_last().expect("the sink has heard");
        assert_eq!(*last, event);
        assert!(owed.iter().all(|event| matches!(
            event,
            Event::EndSession(_) | Event::EndRotation(_) | Event::Zeroize
        )));
    }

    /// The step took place, and is on the flash.
    pub(super) fn took_place(&mut self, next: Model, event: Event) {
        assert!(!self.hsm.refuses);
        self.assert_heard(event);
        self.assert_concluded(Outcome::Done);
        self.rest = vec![next.clone()];
        self.now = next;
        (self.unsettled, self.erased) = (false, false);
    }

    /// The step did not take place: the sink refused, or the flash failed. Then it may hold `next`.
    pub(super) fn did_not(&mut self, error: LifecycleError, next: impl FnOnce(&Self) -> Model) {
        match error {
            LifecycleError::SinkRefused => {
                assert!(self.hsm.refuses && self.heard().is_empty());
                self.tally.refused += 1;
            }
            LifecycleError::Record(_) => {
                // Before the sink heard of it, or after it agreed.
                assert!(self.failed(), "{error}");
                match self.heard().is_empty() {
                    true => {}
                    false => {
                        assert!(!self.hsm.refuses, "{error}");
                        self.assert_concluded(Outcome::Failed);
                    }
                }
                self.tally.failed += 1;
                self.unsettled = true;
                let next = next(self);
                self.rest.push(next);
            }
            error => panic!("{error}"),
        }
    }

    /// A step that protects took place, whatever sink and flash said.
    pub(super) fn ended(&mut self, next: Model, event: Event, written: Result<(), LifecycleError>) {
        match self.hsm.refuses {
            true => assert!(self.heard().is_empty()),
            false => self.assert_heard(event),
        }
        self.now = next.clone();
        self.written(next, written);
    }

    /// The state was to be written, and is there whatever the flash said.
    pub(super) fn written(&mut self, next: Model, written: Result<(), LifecycleError>) {
        match written {
            Ok(()) => {
                self.rest = vec![next];
                (self.unsettled, self.erased) = (false, false);
            }
            Err(error @ (LifecycleError::Record(_) | LifecycleError::NotWritten { .. })) => {
                assert!(self.failed());
                self.erased |= matches!(error, LifecycleError::NotWritten { .. });
                self.tally.failed += 1;
                self.unsettled = true;
                self.rest.push(next);
            }
            Err(error) => panic!("{error}"),
        }
    }
}
