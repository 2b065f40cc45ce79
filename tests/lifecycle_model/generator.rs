// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps whose generator fails.

use security_domain::hazmat::testing::TestRng;
use security_domain::rsa::ModulusSize;
use security_domain::x509::SELF_SIGNED_MAX_LEN;

use super::*;

impl Life {
    /// A step that draws does not take place, and writes nothing, if the generator fails once, at its first draw
    /// or its second.
    pub(super) fn without_draws<'v>(&mut self, at: At<'v>, b: u8) -> At<'v> {
        let (written, draw) = (self.hsm.attempts.len(), usize::from(b & 1));
        let mut hsm = WithRng(&mut self.hsm, TestRng::failing_at(7, draw));
        let (at, error) = match at {
            At::Empty(domain) => {
                let lost = lost(0);
                let refused = match b & 6 {
                    0 => {
                        let (sealed, expect) = (lost.sealed(), lost.expect());
                        { domain.begin_recovery_here(&sealed, &expect, None, &mut hsm) }.map(drop)
                    }
                    2 => {
                        let (size, expected) = (ModulusSize::Rsa2048, exported().expected());
                        let mut certificate = [0xaa; SELF_SIGNED_MAX_LEN];
                        let begun =
                            domain.begin_import(size, &expected, None, &mut hsm, &mut certificate);
                        assert!(certificate.iter().all(|byte| *byte == 0));
                        begun.map(drop)
                    }
                    _ => domain.provision(&lost.held.artifacts(), &mut hsm).map(drop),
                };
                let refused = refused.expect_err("drawn");
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
