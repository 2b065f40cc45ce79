// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps whose generator fails.

use security_domain::hazmat::testing::TestRng;

use super::*;

impl Life {
    /// A step that draws does not take place, and writes nothing, if the generator fails once, at draw `draw`
    /// from 0.
    pub(super) fn without_draws<'v>(&mut self, at: At<'v>, draw: usize) -> At<'v> {
        let written = self.hsm.attempts.len();
        let mut hsm = WithRng(&mut self.hsm, TestRng::failing_at(7, draw));
        let (at, error) = match at {
            At::Empty(domain) => {
                let artifacts = lost(0).held.artifacts();
                let refused = domain.provision(&artifacts, &mut hsm).expect_err("drawn");
                (At::Empty(refused.domain), refused.error)
            }
            // What a failed activation left is put right first.
            At::Provisioned(domain) if !self.unsettled => {
                let keys = fast_keys(3);
                let activation = activation(&keys, 2);
                let mut file = vec![0; domain.sealed_len(&activation).unwrap()];
                let refused = domain.seal(&activation, &mut hsm, &mut file);
                let refused = refused.map(drop).expect_err("drawn");
                assert!(file.iter().all(|byte| *byte == 0));
                (At::Provisioned(refused.domain), refused.error)
            }
            other => return other,
        };
        if error == LifecycleError::Rng || matches!(error, LifecycleError::Seal(SealError::Rng)) {
            assert!(self.heard().is_empty(), "nothing was announced");
            self.tally.undrawn += 1;
        } else {
            // The flash failed before.
            assert!(
                matches!(error, LifecycleError::Record(_)) && self.failed(),
                "{error}"
            );
            self.unsettled = true;
        }
        assert_eq!(self.hsm.attempts.len(), written);
        at
    }
}
