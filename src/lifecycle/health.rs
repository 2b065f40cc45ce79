// SPDX-License-Identifier: MIT OR Apache-2.0
//! The error state of the HSM, and which algorithms have passed their test.
//!
//! A failed self-test, or a computation that fails its check, puts the HSM in its error state (FIPS
//! 140-3, ISO/IEC 19790 section 7.10). Every service then refuses, except those that only destroy.
//! There are two ways out, and both pass the power-up self-tests: a start, and zeroizing the HSM,
//! if no secret is left.

use super::error::LifecycleError;
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};
use crate::rng::Watched;
use crate::self_test::{self, Failed, Passed, SelfTested, Test};

/// The values of both words after a start, and after a fault. They differ in many bits from each
/// other and from zeros.
const SOUND: [u32; 2] = [0x63c9_5a36, 0x9d17_a4e8];
const FAULTY: [u32; 2] = [0x4a71_ec8b, 0xb38e_1355];

/// The latch of the error state: two wide words. A vault that was never started is in the error
/// state.
pub(super) struct Health {
    words: [u32; 2],
    passed: Passed,
}

impl Health {
    /// The state before the first start: zeros, which are not sound.
    pub(super) const UNTESTED: Self = Self {
        words: [0; 2],
        passed: Passed::NONE,
    };

    /// Starts over with the tests that have passed.
    pub(super) fn begin(&mut self, tested: SelfTested) -> Result<(), LifecycleError> {
        self.fail();
        tested.permit.spend(LifecycleError::ErrorState)?;
        self.words = SOUND;
        self.passed = tested.passed;
        Ok(())
    }

    /// Returns a permit, unless the HSM is in its error state.
    pub(super) fn check(&self) -> Result<Permit, LifecycleError> {
        Verdict::twice(|| self.is_sound()).permit(LifecycleError::ErrorState)
    }

    /// Returns whether the HSM is in its error state, for display.
    pub(super) fn is_faulty(&self) -> bool {
        self.check().is_err()
    }

    /// Enters the error state.
    pub(super) fn fail(&mut self) {
        self.words = FAULTY;
        self.passed = Passed::NONE;
    }

    /// Leaves the error state, if the HSM is in it and passes the power-up self-tests again. No
    /// secret is left then.
    pub(super) fn recover(&mut self) -> Result<(), LifecycleError> {
        if !self.is_faulty() {
            return Ok(());
        }
        self.begin(self_test::run().map_err(LifecycleError::SelfTest)?)
    }

    /// Runs the `tests` that have not passed since the start.
    pub(super) fn first_use(
        &mut self,
        tests: &[Test],
        watched: &mut dyn Watched,
    ) -> Result<(), LifecycleError> {
        for test in tests {
            if !self.passed.has(*test) {
                self.note(*test, test.run_watched(watched))?;
                watched.tick();
            }
        }
        Ok(())
    }

    /// Records the result of a test.
    pub(super) fn note(
        &mut self,
        test: Test,
        outcome: Result<(), Failed>,
    ) -> Result<(), LifecycleError> {
        if outcome.is_err() {
            self.fail();
        }
        outcome.map_err(LifecycleError::SelfTest)?;
        self.passed.add(test);
        Ok(())
    }

    fn is_sound(&self) -> Mask {
        let [[a, b], [want_a, want_b]] = [self.words, SOUND];
        eq_bytes(&a.to_le_bytes(), &want_a.to_le_bytes())
            & eq_bytes(&b.to_le_bytes(), &want_b.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::NoGenerator;
    use crate::self_test;

    #[test]
    fn nothing_is_served_before_a_start_and_after_a_fault() {
        let mut health = Health::UNTESTED;
        assert_eq!(health.check().err(), Some(LifecycleError::ErrorState));
        health.begin(self_test::run().unwrap()).unwrap();
        assert!(health.check().is_ok() && !health.is_faulty());
        health.fail();
        assert_eq!(health.check().err(), Some(LifecycleError::ErrorState));
        assert!(health.is_faulty());
        health.begin(self_test::run().unwrap()).unwrap();
        assert!(health.check().is_ok());
    }

    #[test]
    fn a_failed_test_latches_and_a_passed_one_is_not_run_again() {
        let mut health = Health::UNTESTED;
        health.begin(self_test::run().unwrap()).unwrap();
        let test = Test::Ed25519;
        assert!(!health.passed.has(test));
        health.first_use(&[test], &mut NoGenerator).unwrap();
        assert!(health.passed.has(test) && health.passed.has(Test::Sha256));

        let failed = Failed { test };
        let noted = health.note(test, Err(failed));
        assert_eq!(noted, Err(LifecycleError::SelfTest(failed)));
        assert_eq!(health.check().err(), Some(LifecycleError::ErrorState));
        assert_eq!(health.passed, Passed::NONE);
    }

    #[test]
    fn no_flipped_bit_of_one_word_leaves_the_error_state() {
        for word in [0, 1] {
            for bit in 0..32 {
                let mut health = Health::UNTESTED;
                health.words[word] ^= 1 << bit;
                assert!(health.is_faulty());
            }
            let mut health = Health::UNTESTED;
            health.words[word] = SOUND[word];
            assert!(health.is_faulty());
        }
    }
}
