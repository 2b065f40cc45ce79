// SPDX-License-Identifier: MIT OR Apache-2.0
//! Provisioning, and sessions that gather a quorum.

use core::hint::black_box;

use security_domain::contribution::{Contribution, ContributionError, Request, RequestDigest};
use security_domain::hazmat::contribution::open_contribution;
use security_domain::hazmat::lifecycle::Fresh;
use security_domain::lifecycle::{
    Active, Added, AnyDomain, Domain, Empty, Host, LifecycleError, Provisioned, Recovering, Refused,
};
use security_domain::rng::RngError;
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{ArtifactTag, DomainShare, OpenError, SealedDomain};

use crate::act::{
    In, LIFETIME, TRANSFER, artifacts, believed, empty, recovering, sealed, share, start_tested,
    tested,
};
use crate::domain::unwrapped;
use crate::host::{Hsm, ROOM, Rng, memory_of_vault};
use crate::scene::Outcome;
use crate::{scene, window};

#[inline(never)]
#[unsafe(no_mangle)]
fn act_provision(
    domain: In<Empty>,
    artifacts: &[(ArtifactTag<'_>, &[u8])],
    hsm: &mut Hsm,
) -> Result<In<Provisioned>, Refused<In<Empty>>> {
    domain.provision(artifacts, hsm)
}

/// Provisions with a generator that fails at that call, or with a sink that refuses.
fn provision(hsm: &mut Hsm, fails_in: Option<u32>, refuses: bool) -> Option<Outcome> {
    let domain = empty(hsm)?;
    let (artifacts, tested) = (black_box(artifacts()?), tested()?);
    hsm.rng.fails_in = fails_in;
    hsm.refuses = refuses;
    let answer = window!(act_provision(domain, &artifacts, hsm));
    Some(match answer {
        Ok(domain) => {
            drop(domain);
            Outcome::took_effect(matches!(
                start_tested(1, tested, hsm),
                Some(AnyDomain::Provisioned(_))
            ))
        }
        Err(_) => Outcome::Refused,
    })
}

scene!(
    /// A root that the generator did not give.
    fault_rng_root,
    |wrong, hsm| { provision(hsm, wrong.then_some(0), false) }
);

scene!(
    /// A seed of the instance that the generator did not give.
    fault_rng_seed,
    |wrong, hsm| { provision(hsm, wrong.then_some(1), false) }
);

scene!(
    /// A name of the instance that the generator did not give.
    fault_rng_instance,
    |wrong, hsm| { provision(hsm, wrong.then_some(2), false) }
);

scene!(
    /// A domain that the sink refuses to see provisioned.
    fault_sink_provision,
    |wrong, hsm| { provision(hsm, None, wrong) }
);

/// Whether the vault has at least half of each secret that it should hold.
fn holds(secret: &[u8; 32]) -> bool {
    let memory = memory_of_vault(0);
    let mut halves = secret.chunks(16);
    halves.any(|half| memory.windows(16).any(|window| window == half))
}

scene!(
    /// A root, a seed or a name that was drawn and got lost on its way, so that zeros are in its place. The
    /// right input stands for such an outcome.
    fault_lost_draw,
    |wrong, hsm| {
        let domain = empty(hsm)?;
        let mut repeats = hsm.rng.clone();
        // The draws come before anything else takes from the generator.
        let (number, now) = (hsm.flash.counter, hsm.now);
        let fresh = Fresh::drawn(&mut repeats, hsm.device_key(), number, now).ok()?;
        let artifacts = black_box(artifacts()?);
        Some(match window!(act_provision(domain, &artifacts, hsm)) {
            Ok(domain) if wrong => {
                let named = domain.status().instance == Some(fresh.id);
                let whole = holds(fresh.root.secret().expose()) && holds(fresh.seed.expose()) && named;
                drop(domain);
                Outcome::failed_to_end(!whole)
            }
            Ok(_) => Outcome::Accepted,
            Err(_) => Outcome::Refused,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_quorum(
    domain: In<Recovering>,
    sealed: &SealedDomain<'_>,
    hsm: &mut Hsm,
) -> Result<In<Active>, LifecycleError> {
    match domain.quorum() {
        Ok(domain) => Ok(domain.open(sealed, hsm)?),
        Err(_) => Err(LifecycleError::SinkRefused),
    }
}

scene!(
    /// One share is combined, where two are needed.
    fault_quorum,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = recovering(hsm, &sealed)?;
        for place in 0..if wrong { 1 } else { 2 } {
            domain
                .add_share(&sealed, share(&sealed, place)?, hsm)
                .ok()?;
        }
        Some(match window!(act_quorum(domain, &sealed, hsm)) {
            // What is combined of fewer shares opens nothing.
            Ok(_) | Err(LifecycleError::Open(OpenError::DoesNotOpen)) => Outcome::Accepted,
            Err(_) => Outcome::Refused,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_add_share(
    domain: &mut Domain<'static, Recovering, ROOM>,
    sealed: &SealedDomain<'_>,
    share: DomainShare,
    hsm: &mut Hsm,
) -> Result<Added, LifecycleError> {
    domain.add_share(sealed, share, hsm)
}

scene!(
    /// A share of another domain is taken into a session.
    fault_add_share,
    |wrong, hsm| {
        let (sealed, other) = (sealed(0)?, sealed(1)?);
        let mut domain = recovering(hsm, &sealed)?;
        let share = share(if wrong { &other } else { &sealed }, 1)?;
        let answer = window!(act_add_share(&mut domain, &sealed, share, hsm));
        Some(match answer {
            Ok(_) => Outcome::took_effect(domain.contributors().count() == 1),
            Err(_) => Outcome::Refused,
        })
    }
);

scene!(
    /// A sealed domain other than the session's.
    fault_session_header,
    |wrong, hsm| {
        let (sealed, other) = (sealed(0)?, sealed(1)?);
        let mut domain = recovering(hsm, &sealed)?;
        let given = if wrong { &other } else { &sealed };
        let share = share(given, 1)?;
        let answer = window!(act_add_share(&mut domain, given, share, hsm));
        Some(match answer {
            Ok(_) => Outcome::took_effect(domain.contributors().count() == 1),
            Err(_) => Outcome::Refused,
        })
    }
);

scene!(
    /// A share that comes after the session's time is over.
    fault_expired,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = recovering(hsm, &sealed)?;
        let share = share(&sealed, 1)?;
        hsm.now += LIFETIME + u64::from(wrong);
        let answer = window!(act_add_share(&mut domain, &sealed, share, hsm));
        Some(match answer {
            Ok(_) => Outcome::took_effect(domain.contributors().count() == 1),
            Err(_) => Outcome::Refused,
        })
    }
);

const GOOD: &[u8] = include_bytes!("../../../tests/vectors/sealed-domain/good.sealed");
const REQUEST: &[u8] = include_bytes!("../../../tests/vectors/sealed-domain/request-recover.cbor");
const SIGNED: &[u8] =
    include_bytes!("../../../tests/vectors/sealed-domain/contribution-of-custodian-1.cbor");
const UNSIGNED: &[u8] =
    include_bytes!("../../../tests/vectors/sealed-domain/contribution-signature-changed.cbor");

#[inline(never)]
#[unsafe(no_mangle)]
fn act_open_contribution(
    contribution: &Contribution<'_>,
    sealed: &SealedDomain<'_>,
    request: RequestDigest,
    key: &mut PrivateKey,
    rng: &mut Rng,
) -> Result<DomainShare, ContributionError<RngError>> {
    open_contribution(contribution, sealed, request, key, rng)
}

scene!(
    /// A contribution that is not signed by the share inside.
    fault_unsigned_contribution,
    |wrong, hsm| {
        let sealed = SealedDomain::parse(black_box(GOOD)).ok()?;
        let request = Request::parse(black_box(REQUEST)).ok()?.digest();
        let bytes = black_box(if wrong { UNSIGNED } else { SIGNED });
        let contribution = Contribution::parse(bytes).ok()?;
        let mut key = PrivateKey::from_pkcs8_der(black_box(TRANSFER)).ok()?;
        let answer = window!(act_open_contribution(
            &contribution,
            &sealed,
            request,
            &mut key,
            &mut hsm.rng
        ));
        Some(match answer {
            Ok(first) => believed(&sealed, &[&first, &unwrapped(&sealed, 1)?]),
            Err(_) => Outcome::Refused,
        })
    }
);
