// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: starts from an old or changed flash, and what has to be gone from it.

use security_domain::lifecycle::{
    Domain, Empty, LifecycleError, Provisioned, Recovering, Refused, Stage, AnyDomain, State, Vault,
};
use security_domain::self_test::{self, SelfTested};

use crate::act::{ARTIFACT, In, provisioned, recovering, sealed, share, start};
use crate::host::{Hsm, ROOM, vault};
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

/// Whether the vault with that number, or the flash, still has a secret; `domain` is what the act left.
fn still_there<S: State>(domain: In<S>, hsm: &mut Hsm) -> Outcome {
    let bytes = crate::host::memory_of_vault(0);
    let in_memory = bytes
        .windows(ARTIFACT.len())
        .any(|window| window == ARTIFACT);
    drop(domain);
    let at_rest = !matches!(start(1, hsm), Some(AnyDomain::Empty(_)));
    if in_memory || at_rest {
        Outcome::Accepted
    } else {
        Outcome::Refused
    }
}

type Zeroized = Result<In<Empty>, Refused<In<Empty>>>;

#[inline(never)]
#[unsafe(no_mangle)]
fn act_zeroize(domain: In<Provisioned>, hsm: &mut Hsm) -> Zeroized {
    domain.zeroize(hsm)
}

scene!(
    /// A domain that is still there after it was zeroized. With the right input nothing is zeroized.
    fault_zeroize,
    |wrong, hsm| {
        let domain = provisioned(hsm)?;
        if !wrong {
            window!(());
            return Some(still_there(domain, hsm));
        }
        Some(match window!(act_zeroize(domain, hsm)) {
            Ok(domain) => still_there(domain, hsm),
            // The operator is told to try again.
            Err(_) => Outcome::Refused,
        })
    }
);

type Cancelled = Result<In<Provisioned>, Refused<In<Provisioned>>>;

#[inline(never)]
#[unsafe(no_mangle)]
fn act_cancel(domain: Domain<'static, Recovering, ROOM>, hsm: &mut Hsm) -> Cancelled {
    domain.cancel(hsm)
}

scene!(
    /// A session that goes on after it was cancelled. With the right input it is not cancelled.
    fault_cancel,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = recovering(hsm, &sealed)?;
        domain.add_share(&sealed, share(&sealed, 0)?, hsm).ok()?;
        if wrong {
            match window!(act_cancel(domain, hsm)) {
                Ok(domain) => drop(domain),
                Err(_) => return Some(Outcome::Refused),
            }
        } else {
            window!(());
            drop(domain);
        }
        Some(match start(1, hsm) {
            Some(AnyDomain::Recovering(_) | AnyDomain::QuorumMet(_)) => Outcome::Accepted,
            _ => Outcome::Refused,
        })
    }
);
