// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a session refuses, and how it ends.

use security_domain::contribution::{ContributionError, Request};
use security_domain::lifecycle::{AnyDomain, Ended, Event, LifecycleError, Stage};
use security_domain::sealed_domain::{Epoch, ExpectError, ExpectedDomain, OpenError};
use security_domain::storage::RecordError;

use crate::flash::{Fault, Hsm, Tear};
use crate::sealed::share;
use crate::world::{Lost, empty, hsm, parse, provisioned, tested, vault};

#[test]
fn the_wrong_domain_is_refused_before_anything_begins() {
    let (lost, other) = (Lost::new(1), Lost::new(3));
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let domain = empty(&mut vault, &mut hsm);
    let before = domain.status();
    let mut request = vec![0; Request::MAX_LEN];
    let refused = domain
        .begin_recovery(
            &other.sealed(),
            &lost.expect(),
            None,
            &mut hsm,
            &mut request,
        )
        .unwrap_err();
    let (have, want) = (
        other.sealed().header().domain_id(),
        lost.sealed().header().domain_id(),
    );
    let error = ExpectError::WrongDomain { have, want };
    assert_eq!(refused.error, LifecycleError::Expect(error));
    assert_eq!(refused.domain.status(), before);
    let later = ExpectedDomain::new(want, Epoch::new(2).unwrap());
    let refused = refused
        .domain
        .begin_recovery_here(&lost.sealed(), &later, None, &mut hsm)
        .unwrap_err();
    assert!(matches!(
        refused.error,
        LifecycleError::Expect(ExpectError::Superseded { .. })
    ));
}

#[test]
fn what_is_bad_is_named_and_what_was_good_stays() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let (mut domain, request) = lost.recovering(&mut vault, &mut hsm, 0);
    let sealed = lost.sealed();
    let good = lost.contribution(0, &request);
    domain.add(&sealed, &parse(&good), &mut hsm).unwrap();
    let image = hsm.flash.clone();

    // Changed in the wrapped share: the signature no longer holds, so nobody is accused.
    let mut changed = lost.contribution(1, &request);
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    assert_eq!(
        domain.add(&sealed, &parse(&changed), &mut hsm),
        Err(LifecycleError::Contribution(ContributionError::Unsigned {
            claims: lost.id(1)
        }))
    );

    // To another session of the same HSM.
    let (mut elsewhere, mut hsm_2) = (crate::world::vault(), crate::world::hsm(4));
    let (other, request_2) = lost.recovering(&mut elsewhere, &mut hsm_2, 0);
    let replayed = lost.contribution(1, &request_2);
    let (have, want) = (other.request().unwrap(), domain.request().unwrap());
    assert_eq!(
        domain.add(&sealed, &parse(&replayed), &mut hsm),
        Err(LifecycleError::Contribution(
            ContributionError::OtherSession { have, want }
        ))
    );

    // With another sealed domain.
    let foreign = Lost::new(3);
    let refused = domain.add(&foreign.sealed(), &parse(&good), &mut hsm);
    assert!(matches!(refused, Err(LifecycleError::OtherHeader { .. })));
    let stray = share(&foreign.sealed(), &foreign.keys[1]);
    assert_eq!(
        domain.add_share(&sealed, stray, &mut hsm),
        Err(LifecycleError::Open(OpenError::ForeignShare(lost.id(1))))
    );

    assert_eq!(hsm.flash, image, "nothing of it reached the flash");
    assert_eq!(domain.contributors().collect::<Vec<_>>(), [lost.id(0)]);
    let last = lost.contribution(2, &request);
    domain.add(&sealed, &parse(&last), &mut hsm).unwrap();
    domain.quorum().unwrap().open(&sealed, &mut hsm).unwrap();
}

#[test]
fn contributions_are_not_for_a_quorum_at_one_place() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let (mut elsewhere, mut hsm_2) = (crate::world::vault(), crate::world::hsm(4));
    let (_, request) = lost.recovering(&mut elsewhere, &mut hsm_2, 0);
    let contribution = lost.contribution(0, &request);
    let mut domain = lost.recovering_here(&mut vault, &mut hsm);
    assert_eq!(
        domain.add(&lost.sealed(), &parse(&contribution), &mut hsm),
        Err(LifecycleError::NoTransferKey)
    );
}

#[test]
fn cancelling_empties_the_hsm() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let domain = empty(&mut vault, &mut hsm);
    let before = domain.status();
    let mut domain = domain
        .begin_recovery_here(&lost.sealed(), &lost.expect(), None, &mut hsm)
        .unwrap();
    for key in &lost.keys[..2] {
        let share = share(&lost.sealed(), key);
        domain.add_share(&lost.sealed(), share, &mut hsm).unwrap();
    }
    // Also with a quorum.
    let domain = domain.quorum().unwrap().cancel(&mut hsm).unwrap();
    assert_eq!(domain.status(), before);
    drop(domain);
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
    assert_eq!(
        hsm.events.last(),
        Some(&Event::EndSession(Ended::Cancelled))
    );
}

#[test]
fn an_end_happens_though_the_sink_refuses_and_is_reported_later() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let domain = lost.recovering_here(&mut vault, &mut hsm);
    hsm.refuses = true;
    drop(domain.cancel(&mut hsm).unwrap());
    let AnyDomain::Empty(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("it was cancelled");
    };
    let refused = domain
        .begin_recovery_here(&lost.sealed(), &lost.expect(), None, &mut hsm)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::SinkRefused);
    hsm.refuses = false;
    hsm.events.clear();
    refused
        .domain
        .begin_recovery_here(&lost.sealed(), &lost.expect(), None, &mut hsm)
        .unwrap();
    assert_eq!(hsm.events[0], Event::EndSession(Ended::Cancelled));
    assert!(matches!(hsm.events[1], Event::BeginRecovery { .. }));
    assert!(matches!(hsm.events[2], Event::Outcome { .. }));
    assert_eq!(hsm.events.len(), 3);
}

#[test]
fn time_runs_out_and_never_goes_back() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    hsm.now = 1000;
    let (mut domain, request) = lost.recovering(&mut vault, &mut hsm, 60);
    let parsed = Request::parse(&request).unwrap();
    assert_eq!(
        (parsed.created(), parsed.expires().unwrap().get()),
        (1000, 1060)
    );
    let sealed = lost.sealed();
    let [first, second] = [0, 1].map(|place| lost.contribution(place, &request));

    hsm.now = 1060;
    domain.add(&sealed, &parse(&first), &mut hsm).unwrap();
    for (now, seen) in [(1059, 1060), (0, 1060)] {
        hsm.now = now;
        assert_eq!(
            domain.add(&sealed, &parse(&second), &mut hsm),
            Err(LifecycleError::ClockWentBack { have: now, seen })
        );
    }
    drop(domain);
    let AnyDomain::Recovering(mut domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("a clock that went back ends nothing");
    };
    assert_eq!(
        domain.add(&sealed, &parse(&second), &mut hsm),
        Err(LifecycleError::ClockWentBack {
            have: 0,
            seen: 1060
        })
    );

    hsm.now = 1061;
    for _ in 0..2 {
        assert_eq!(
            domain.add(&sealed, &parse(&second), &mut hsm),
            Err(LifecycleError::Expired)
        );
    }
    assert_eq!(hsm.events.last(), Some(&Event::EndSession(Ended::Expired)));
    assert_eq!(domain.contributors().count(), 0);
    let domain = domain.cancel(&mut hsm).unwrap();
    assert_eq!(domain.status().stage, Stage::Empty);
    drop(domain);
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
}

/// What ended in memory alone can be ended on the flash.
#[test]
fn a_session_whose_end_was_not_written_is_ended_by_the_next_cancel() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    hsm.now = 1000;
    let (mut domain, request) = lost.recovering(&mut vault, &mut hsm, 60);
    let contribution = lost.contribution(0, &request);
    hsm.now = 1061;
    // The first three calls only read the counter.
    hsm.fault(3, Fault::Cut(Tear::Short(0)));
    let refused = domain.add(&lost.sealed(), &parse(&contribution), &mut hsm);
    assert!(matches!(refused, Err(LifecycleError::NotWritten { .. })));
    hsm.restart();
    drop(domain.cancel(&mut hsm).unwrap());
    // If the flash still had the session, it would be back.
    hsm.now = 1050;
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
}

/// The flash failed once, before: that is no reason for the end not to be written.
#[test]
fn a_session_ends_on_the_flash_though_a_write_failed_before() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let sealed = lost.sealed();
    let mut domain = lost.recovering_here(&mut vault, &mut hsm);
    hsm.fault(0, Fault::Fails);
    // The record is not settled then, nor in the next call.
    hsm.fault(1, Fault::Fails);
    let refused = domain.add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm);
    assert!(matches!(refused, Err(LifecycleError::Record(_))));
    drop(domain.cancel(&mut hsm).unwrap());
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
}

#[test]
fn a_session_that_expired_in_the_dark_is_over_at_the_start() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    hsm.now = 1000;
    let (domain, _) = lost.recovering(&mut vault, &mut hsm, 60);
    drop(domain);
    hsm.now = 2000;
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
    assert_eq!(hsm.events.last(), Some(&Event::EndSession(Ended::Expired)));
}

#[test]
fn without_a_clock_nothing_expires_and_no_lifetime_is_promised() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let domain = empty(&mut vault, &mut hsm);
    let mut request = vec![0; Request::MAX_LEN];
    let refused = domain
        .begin_recovery(
            &lost.sealed(),
            &lost.expect(),
            60.try_into().ok(),
            &mut hsm,
            &mut request,
        )
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::NoClock);
    assert!(request.iter().all(|byte| *byte == 0));
    drop(refused);
    let AnyDomain::Empty(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("nothing had begun");
    };
    let (mut domain, len) = domain
        .begin_recovery(&lost.sealed(), &lost.expect(), None, &mut hsm, &mut request)
        .unwrap();
    let parsed = Request::parse(&request[..len]).unwrap();
    assert_eq!((parsed.created(), parsed.expires()), (0, None));
    hsm.now = 5;
    let contribution = lost.contribution(0, &request[..len]);
    domain
        .add(&lost.sealed(), &parse(&contribution), &mut hsm)
        .unwrap();
}

/// Draws are hedged with the device key and the record's number, so that a contribution to the first session
/// is nothing in the second, even without a clock.
#[test]
fn two_sessions_share_neither_key_nor_name_though_the_generator_repeats() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let mut domain = Some(empty(&mut vault, &mut hsm));
    let generator = hsm.rng.clone();
    let requests = [0, 1].map(|_| {
        hsm.rng = generator.clone();
        let mut request = vec![0; Request::MAX_LEN];
        let begun = domain.take().unwrap().begin_recovery(
            &lost.sealed(),
            &lost.expect(),
            None,
            &mut hsm,
            &mut request,
        );
        let (session, len) = begun.unwrap();
        domain = Some(session.cancel(&mut hsm).unwrap());
        request.truncate(len);
        request
    });
    let [a, b] = requests
        .each_ref()
        .map(|request| Request::parse(request).unwrap());
    assert_ne!(a.session(), b.session());
    assert_ne!(a.transfer(), b.transfer());
}

#[test]
fn an_old_image_of_the_flash_is_refused_and_can_be_given_up() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let domain = lost.recovering_here(&mut vault, &mut hsm);
    let image = hsm.flash.slots.clone();
    drop(domain.cancel(&mut hsm).unwrap());
    hsm.flash.slots = image;
    let error = vault.start(tested(), &mut hsm).unwrap_err();
    assert!(
        matches!(
            error,
            LifecycleError::Record(RecordError::RolledBack { .. })
        ),
        "{error}"
    );
    vault.discard(&mut hsm).unwrap();
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
}

#[test]
fn a_record_of_another_device_is_nothing_here() {
    let (mut vault, mut hsm) = (vault(), Hsm::new());
    drop(provisioned(&mut vault, &mut hsm));
    let mut other = Hsm::with_flash(hsm.flash, 5);
    other.set_device_key(0x11);
    assert!(matches!(
        vault.start(tested(), &mut other),
        Err(LifecycleError::Record(_))
    ));
}
