// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time in a session: it ends by itself, and a clock that errs once does no harm.

use security_domain::lifecycle::{
    Added, AnyDomain, Ended, Event, Expiry, InSession, LifecycleError, Stage,
};

use crate::flash::Hsm;
use crate::sealed::share;
use crate::world::{In, Lost, ROOM, empty, hsm, parse, tested, vault};

/// A session that ends at 1060, asked at 1060 and at 1061.
fn ends_on_time<S: InSession>(domain: In<'_, S>, hsm: &mut Hsm) {
    hsm.now = 1060;
    let Ok(Expiry::Running(domain)) = domain.expire(hsm) else {
        panic!("its last second is not over");
    };
    hsm.now = 1061;
    hsm.refuses = true;
    let Ok(Expiry::Over(domain)) = domain.expire(hsm) else {
        panic!("its time is over");
    };
    hsm.refuses = false;
    assert_eq!(domain.status().stage, Stage::Empty);
    drop(domain);
    let mut vault = vault();
    // If the flash still had the session, it would be back.
    hsm.now = 1050;
    let AnyDomain::Empty(domain) = vault.start(tested(), hsm).unwrap() else {
        panic!("the session has ended on the flash");
    };
    drop(domain);
}

/// A session at one place that ends at 1060.
fn here<'v>(
    lost: &Lost,
    vault: &'v mut security_domain::lifecycle::Vault<ROOM>,
    hsm: &mut Hsm,
) -> In<'v, security_domain::lifecycle::Recovering> {
    hsm.now = 1000;
    let domain = empty(vault, hsm);
    let lifetime = 60.try_into().ok();
    domain
        .begin_recovery_here(&lost.sealed(), &lost.expect(), lifetime, hsm)
        .unwrap()
}

#[test]
fn every_session_ends_on_time_though_nobody_uses_it() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut memory, mut hsm_1) = (vault(), hsm(2));
    let domain = here(&lost, &mut memory, &mut hsm_1);
    ends_on_time(domain, &mut hsm_1);

    let (mut memory, mut hsm_2) = (vault(), hsm(3));
    let mut domain = here(&lost, &mut memory, &mut hsm_2);
    for key in &lost.keys[..2] {
        let share = share(&sealed, key);
        domain.add_share(&sealed, share, &mut hsm_2).unwrap();
    }
    ends_on_time(domain.quorum().unwrap(), &mut hsm_2);

    let (mut memory, mut hsm_3) = (vault(), hsm(4));
    hsm_3.now = 1000;
    let (domain, _) = lost.recovering(&mut memory, &mut hsm_3, 60);
    ends_on_time(domain, &mut hsm_3);
}

#[cfg(feature = "managed-hsm")]
#[test]
fn an_import_ends_on_time_before_its_blob_and_after() {
    use crate::import::{ARTIFACTS, blob, expected};
    use security_domain::managed_hsm::restore_blob::RestoreBlob;
    use security_domain::rsa::ModulusSize;

    for imports in [false, true] {
        let (mut memory, mut hsm) = (vault(), hsm(2));
        hsm.now = 1000;
        let mut certificate = vec![0; security_domain::x509::SELF_SIGNED_MAX_LEN];
        let (domain, len) = empty(&mut memory, &mut hsm)
            .begin_import(
                ModulusSize::Rsa2048,
                &expected(&ARTIFACTS),
                60.try_into().ok(),
                &mut hsm,
                &mut certificate,
            )
            .unwrap();
        if imports {
            let blob = blob(&ARTIFACTS, &certificate[..len]);
            let blob = RestoreBlob::parse(&blob).unwrap();
            ends_on_time(domain.import(&blob, &mut hsm).unwrap(), &mut hsm);
        } else {
            ends_on_time(domain, &mut hsm);
        }
    }
}

#[test]
fn an_expired_session_shows_nothing() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let mut domain = here(&lost, &mut memory, &mut hsm);
    domain
        .add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm)
        .unwrap();
    hsm.now = 1061;
    let refused = domain.add_share(&sealed, share(&sealed, &lost.keys[1]), &mut hsm);
    assert_eq!(refused, Err(LifecycleError::Expired));
    assert_eq!((domain.contributors().count(), domain.needed()), (0, 0));
    assert_eq!(domain.status().domain, None);
    assert_eq!(hsm.events.last(), Some(&Event::EndSession(Ended::Expired)));
    let Ok(Expiry::Over(domain)) = domain.expire(&mut hsm) else {
        panic!("it has ended");
    };
    assert_eq!(domain.status().stage, Stage::Empty);
}

/// A stranger can send anything at any time, and a clock may err when he does.
#[test]
fn one_bad_reading_in_a_step_that_is_refused_blocks_nothing() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut memory, mut hsm) = (vault(), hsm(2));
    hsm.now = 1000;
    let (mut domain, request) = lost.recovering(&mut memory, &mut hsm, 60);
    let good = lost.contribution(0, &request);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;

    // Within the session's time, and all readings of the step.
    hsm.now = 1059;
    let refused = domain.add(&sealed, &parse(&forged), &mut hsm);
    assert!(matches!(refused, Err(LifecycleError::Contribution(_))));
    hsm.now = 1001;
    // Past its end, in one reading.
    for glitch in [vec![9999], vec![1001, 9999], vec![0], vec![1001, 0]] {
        hsm.glitches = glitch.into_iter().rev().collect();
        let refused = domain.add(&sealed, &parse(&forged), &mut hsm);
        assert!(refused.is_err());
        hsm.glitches.clear();
    }
    let added = domain.add(&sealed, &parse(&good), &mut hsm);
    assert_eq!(added, Ok(Added::New));
}

#[test]
fn a_clock_that_wavers_within_a_step_is_refused() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let mut domain = here(&lost, &mut memory, &mut hsm);
    hsm.glitches = vec![9999];
    let refused = domain.add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm);
    assert_eq!(refused, Err(LifecycleError::ClockUnsteady));
    assert_eq!(domain.contributors().count(), 0);
    let added = domain.add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm);
    assert_eq!(added, Ok(Added::New));
}

#[test]
fn without_a_clock_no_lifetime_is_promised_at_one_place() {
    let lost = Lost::new(1);
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let refused = empty(&mut memory, &mut hsm)
        .begin_recovery_here(&lost.sealed(), &lost.expect(), 60.try_into().ok(), &mut hsm)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::NoClock);
}
