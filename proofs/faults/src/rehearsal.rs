// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rehearsal: what it takes, and what it leaves.

use security_domain::contribution::Contribution;
use security_domain::custodian::Algorithm;
use security_domain::lifecycle::{
    Added, AnyDomain, ArtifactDigest, Empty, LifecycleError, Refused, Rehearsing, Stage,
};
use security_domain::sealed_domain::{OpenError, SealedDomain};
use security_domain::self_test::SelfTested;

use crate::act::{
    ARTIFACT, In, KEYS, contribution, expect, powered_up, rests_in, root, sealed, start_tested,
    tested,
};
use crate::host::{Hsm, buffer, memory_of_vault};
use crate::scene::Outcome;
use crate::{scene, window};

/// A session that rehearses, and its request in a buffer.
fn rehearsing(
    hsm: &mut Hsm,
    sealed: &SealedDomain<'_>,
    tested: SelfTested,
) -> Option<(In<Rehearsing>, &'static [u8])> {
    hsm.kind = Some(Algorithm::XWing);
    let out = buffer(2);
    let AnyDomain::Empty(domain) = start_tested(0, tested, hsm)? else {
        return None;
    };
    let (domain, len) = domain
        .begin_rehearsal(sealed, &expect(sealed), None, hsm, out)
        .ok()?;
    Some((domain, out.get(..len)?))
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_add_to_rehearsal(
    domain: &mut In<Rehearsing>,
    sealed: &SealedDomain<'static>,
    contribution: &Contribution<'_>,
    hsm: &mut Hsm,
) -> Result<Added, LifecycleError> {
    domain.add(sealed, contribution, hsm)
}

scene!(
    /// A contribution to a recovery, whose session has the same name and the same transfer key.
    fault_rehearse_recovery,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        hsm.kind = Some(Algorithm::XWing);
        let (flash, rng) = (hsm.flash.clone(), hsm.rng.clone());
        let recovery = buffer(1);
        let Some(AnyDomain::Empty(domain)) = start_tested(1, powered_up()?, hsm) else {
            return None;
        };
        let (_, len) = domain
            .begin_recovery(&sealed, &expect(&sealed), None, hsm, recovery)
            .ok()?;
        let recovery = recovery.get(..len)?;
        (hsm.flash, hsm.rng) = (flash, rng);
        let (mut domain, request) = rehearsing(hsm, &sealed, powered_up()?)?;
        let mut out = [0; 4096];
        let answered = if wrong { recovery } else { request };
        let contribution = contribution(&KEYS[0], &sealed, answered, &mut out)?;
        let answer = window!(act_add_to_rehearsal(&mut domain, &sealed, &contribution, hsm));
        let has = domain.contributors().count() == 1;
        Some(match answer {
            _ if has => Outcome::Accepted,
            Ok(_) => Outcome::Hollow,
            Err(_) => Outcome::Refused,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_report(
    domain: In<Rehearsing>,
    sealed: &SealedDomain<'static>,
    hsm: &mut Hsm,
    digests: &mut [ArtifactDigest],
) -> Result<(In<Empty>, usize), Refused<In<Rehearsing>>> {
    domain.report(sealed, hsm, digests)
}

/// A rehearsal to which so many have contributed.
fn gathered(
    hsm: &mut Hsm,
    sealed: &SealedDomain<'_>,
    count: usize,
    tested: SelfTested,
) -> Option<In<Rehearsing>> {
    let (mut domain, request) = rehearsing(hsm, sealed, tested)?;
    for key in KEYS.get(..count)? {
        let mut out = [0; 4096];
        let contribution = contribution(key, sealed, request, &mut out)?;
        domain.add(sealed, &contribution, hsm).ok()?;
    }
    Some(domain)
}

/// Whether the vault holds the domain's secrets.
fn holds() -> bool {
    let memory = memory_of_vault(0);
    let Some(root) = root(1) else { return true };
    let has = |secret: &[u8; 32]| memory.windows(32).any(|window| window == secret);
    has(&ARTIFACT) || has(root.secret().expose())
}

scene!(
    /// A domain, or a session, that is still in the HSM after its report. With the right input
    /// nothing is reported.
    fault_report,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        // With all tests, so that none is run in the window.
        let domain = gathered(hsm, &sealed, 2, tested()?)?;
        let old = hsm.flash.clone();
        let mut digests = [ArtifactDigest::from_bytes([0; 32]); 1];
        if wrong {
            let Ok((domain, _)) = window!(act_report(domain, &sealed, hsm, &mut digests)) else {
                return Some(Outcome::Refused);
            };
            if holds() {
                return Some(Outcome::Accepted);
            }
            drop(domain);
        } else {
            window!(());
            drop(domain);
        }
        let goes_on = rests_in(Stage::Rehearsing, hsm);
        Some(Outcome::failed_to_end(hsm.flash.keeps(&old) || goes_on))
    }
);

scene!(
    /// A domain that is reported with one share, where two are needed.
    fault_report_quorum,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let domain = gathered(hsm, &sealed, if wrong { 1 } else { 2 }, tested()?)?;
        let none = [ArtifactDigest::from_bytes([0; 32]); 1];
        let mut digests = none;
        let answer = window!(act_report(domain, &sealed, hsm, &mut digests));
        Some(match answer {
            Ok(_) => Outcome::took_effect(digests != none),
            // What is combined of fewer shares opens nothing.
            Err(Refused { error: LifecycleError::Open(why), .. }) => Outcome::took_effect(
                why == OpenError::DoesNotOpen,
            ),
            Err(_) => Outcome::Refused,
        })
    }
);
