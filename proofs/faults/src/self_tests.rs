// SPDX-License-Identifier: MIT OR Apache-2.0
//! A start whose self-test fails.

use security_domain::hazmat::self_test::{Compare, Judge, Wrong, run_judged};
use security_domain::lifecycle::{AnyDomain, Stage, Vault};

use crate::act::provisioned;
use crate::host::{Hsm, ROOM, vault};
use crate::scene::Outcome;
use crate::{scene, window};

/// Stands for hardware on which SHA-256 is wrong for the second of its known answers.
struct Faulty {
    wrong: bool,
}

/// How the answer begins.
const SECOND: [u8; 4] = [0x24, 0x8d, 0x6a, 0x61];

impl Judge for Faulty {
    #[inline(never)]
    fn same(&mut self, have: &[u8], want: &[u8]) -> Result<(), Wrong> {
        let mut answer = [0; 64];
        let answer = &mut answer[..have.len()];
        answer.copy_from_slice(have);
        if self.wrong && want.starts_with(&SECOND) {
            answer[0] ^= 1;
        }
        Compare.same(answer, want)
    }
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_test_and_start(
    vault: &'static mut Vault<ROOM>,
    judge: &mut Faulty,
    hsm: &mut Hsm,
) -> Option<AnyDomain<'static, ROOM>> {
    let tested = run_judged(judge).ok()?;
    vault.start(tested, hsm).ok()
}

scene!(
    /// A start with hardware that fails its self-test.
    fault_self_test,
    |wrong, hsm| {
        drop(provisioned(hsm)?);
        let mut judge = Faulty { wrong };
        let started = window!(act_test_and_start(vault(1), &mut judge, hsm));
        Some(match started {
            Some(domain) => Outcome::took_effect(domain.status().stage == Stage::Provisioned),
            None => Outcome::Refused,
        })
    }
);
