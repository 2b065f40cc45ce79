// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: starts from an old or changed flash, and what has to be gone from it.

use security_domain::lifecycle::{
    AnyDomain, Domain, Empty, LifecycleError, Provisioned, Recovering, Refused, Stage, State, Vault,
};
use security_domain::self_test::{self, SelfTested};

use crate::act::{
    ARTIFACT, In, provisioned, recovering, sealed, share, start, start_tested, tested,
};
use crate::host::{Flash, Hsm, ROOM, memory_of_vault, vault};
use crate::scene::Outcome;
use crate::{scene, window};

#[inline(never)]
#[unsafe(no_mangle)]
fn act_start(
    vault: &'static mut Vault<ROOM>,
    tested: SelfTested,
    hsm: &mut Hsm,
) -> Result<AnyDomain<'static, ROOM>, LifecycleError> {
    vault.start(tested, hsm)
}

/// Starts with the window open, and tells what came of it from the state that it gives.
fn start_to(hsm: &mut Hsm, wanted: Stage) -> Option<Outcome> {
    let (vault, tested) = (vault(1), self_test::run().ok()?);
    Some(match window!(act_start(vault, tested, hsm)) {
        Ok(domain) => Outcome::took_effect(domain.status().stage == wanted),
        Err(_) => Outcome::Refused,
    })
}

scene!(
    /// An old image of the flash, with the counter past it.
    fault_rolled_back,
    |wrong, hsm| {
        drop(provisioned(hsm)?);
        if wrong {
            let old = hsm.flash.clone();
            drop(start(0, hsm)?);
            hsm.flash.roll_back(&old);
        }
        start_to(hsm, Stage::Provisioned)
    }
);

scene!(
    /// A record that was changed.
    fault_record_changed,
    |wrong, hsm| {
        drop(provisioned(hsm)?);
        if wrong {
            hsm.flash.change();
        }
        start_to(hsm, Stage::Provisioned)
    }
);

scene!(
    /// A flash without a record, with a counter that says that there was one.
    fault_first_start,
    |wrong, hsm| {
        if wrong {
            hsm.flash.counter = 5;
        }
        start_to(hsm, Stage::Empty)
    }
);

/// Whether the vault, or the flash, still has a secret; `domain` is what the act left, and `old` what the
/// flash held before.
fn still_there<S: State>(domain: In<S>, old: &Flash, tested: SelfTested, hsm: &mut Hsm) -> Outcome {
    let in_memory = memory_of_vault(0)
        .windows(ARTIFACT.len())
        .any(|window| window == ARTIFACT);
    drop(domain);
    Outcome::failed_to_end(in_memory || at_rest(old, tested, hsm))
}

/// Whether the flash still has what it had, or a state that is not empty.
fn at_rest(old: &Flash, tested: SelfTested, hsm: &mut Hsm) -> bool {
    hsm.flash.keeps(old) || !matches!(start_tested(1, tested, hsm), Some(AnyDomain::Empty(_)))
}

type Ended = Result<In<Empty>, Refused<In<Empty>>>;

#[inline(never)]
#[unsafe(no_mangle)]
fn act_zeroize(domain: In<Provisioned>, hsm: &mut Hsm) -> Ended {
    domain.zeroize(hsm)
}

scene!(
    /// A domain that is still there after it was zeroized. With the right input nothing is zeroized.
    fault_zeroize,
    |wrong, hsm| {
        let domain = provisioned(hsm)?;
        let (old, tested) = (hsm.flash.clone(), tested()?);
        if !wrong {
            window!(());
            return Some(still_there(domain, &old, tested, hsm));
        }
        Some(match window!(act_zeroize(domain, hsm)) {
            Ok(domain) => still_there(domain, &old, tested, hsm),
            // The operator is told to try again.
            Err(_) => Outcome::Refused,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_discard(vault: &mut Vault<ROOM>, hsm: &mut Hsm) -> Result<(), LifecycleError> {
    vault.discard(hsm)
}

scene!(
    /// A record that is still there after it was discarded. With the right input it is not discarded.
    fault_discard,
    |wrong, hsm| {
        drop(provisioned(hsm)?);
        let (old, tested) = (hsm.flash.clone(), tested()?);
        let discarded = if wrong {
            window!(act_discard(vault(0), hsm))
        } else {
            window!(Ok(()))
        };
        Some(match discarded {
            Ok(()) => Outcome::failed_to_end(at_rest(&old, tested, hsm)),
            Err(_) => Outcome::Refused,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_cancel(domain: Domain<'static, Recovering, ROOM>, hsm: &mut Hsm) -> Ended {
    domain.cancel(hsm)
}

scene!(
    /// A session that goes on after it was cancelled. With the right input it is not cancelled.
    fault_cancel,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = recovering(hsm, &sealed)?;
        domain.add_share(&sealed, share(&sealed, 0)?, hsm).ok()?;
        let tested = tested()?;
        if wrong {
            match window!(act_cancel(domain, hsm)) {
                Ok(domain) => drop(domain),
                Err(_) => return Some(Outcome::Refused),
            }
        } else {
            window!(());
            drop(domain);
        }
        let goes_on = |domain| matches!(domain, AnyDomain::Recovering(_) | AnyDomain::QuorumMet(_));
        Some(Outcome::failed_to_end(
            start_tested(1, tested, hsm).is_some_and(goes_on),
        ))
    }
);
