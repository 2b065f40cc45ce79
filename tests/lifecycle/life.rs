// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain from beginning to end, with an HSM that starts anew between any two steps.

use security_domain::backup::{BackupHeader, Kind, Name, TAG_LEN, WrongDomain};
use security_domain::lifecycle::{Added, AnyDomain, Event, LifecycleError, Outcome, Stage, Step};
use security_domain::sealed_domain::SealedDomain;

use crate::flash::Hsm;
use crate::sealed::{fast_keys, share};
use crate::world::{
    Lost, activated, activation, active, empty, has_artifacts, hsm, parse, provisioned, tested,
    vault,
};

#[test]
fn it_is_provisioned_activated_and_there_after_a_restart() {
    let (mut vault, mut hsm, keys) = (vault(), Hsm::new(), fast_keys(3));
    let domain = empty(&mut vault, &mut hsm);
    assert_eq!(domain.status().stage, Stage::Empty);
    assert_eq!(domain.status().instance, None);
    drop(domain);

    let domain = provisioned(&mut vault, &mut hsm);
    let fresh = domain.status();
    assert_eq!((fresh.stage, fresh.epoch), (Stage::Provisioned, None));
    drop(domain);

    let AnyDomain::Provisioned(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("it was provisioned");
    };
    assert_eq!(domain.status(), fresh);
    hsm.now = 1_790_000_000;
    let (domain, file) = activated(domain, &activation(&keys), &mut hsm);
    let sealed = SealedDomain::parse(&file).unwrap();
    assert_eq!(sealed.header().created(), hsm.now);
    let status = domain.status();
    assert_eq!(status.stage, Stage::Active);
    assert_eq!(status.domain, fresh.domain);
    assert_eq!(status.domain, Some(sealed.header().domain_id()));
    assert_eq!(status.header, Some(sealed.header().digest()));
    assert_eq!(status.epoch, Some(sealed.header().epoch()));
    assert_eq!(status.instance, Some(sealed.header().instance()));
    assert!(has_artifacts(&domain, &mut hsm));
    drop(domain);

    let AnyDomain::Active(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("it was active");
    };
    assert_eq!(domain.status(), status);
    assert!(has_artifacts(&domain, &mut hsm));
}

#[test]
fn custodians_who_never_meet_put_it_into_another_hsm() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let (mut domain, request) = lost.recovering(&mut vault, &mut hsm, 0);
    let own = domain.status().instance;
    assert_eq!(domain.status().stage, Stage::Recovering);
    assert_eq!(domain.needed(), 2);

    let first = lost.contribution(0, &request);
    let sealed = lost.sealed();
    let added = domain.add(&sealed, &parse(&first), &mut hsm).unwrap();
    assert_eq!(added, Added::New);
    let added = domain.add(&sealed, &parse(&first), &mut hsm).unwrap();
    assert_eq!(added, Added::Already);
    let domain = domain.quorum().expect_err("one is no quorum of two");
    drop(domain);

    let AnyDomain::Recovering(mut domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("the session was under way");
    };
    assert_eq!(domain.contributors().collect::<Vec<_>>(), [lost.id(0)]);
    let third = lost.contribution(2, &request);
    domain.add(&sealed, &parse(&third), &mut hsm).unwrap();
    let contributors = [lost.id(0), lost.id(2)];
    drop(domain);

    let AnyDomain::QuorumMet(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("the session has a quorum");
    };
    assert_eq!(domain.contributors().collect::<Vec<_>>(), contributors);
    let domain = domain.open(&sealed, &mut hsm).unwrap();
    let status = domain.status();
    assert_eq!(status.stage, Stage::Active);
    assert_eq!(status.domain, Some(sealed.header().domain_id()));
    assert_eq!(status.header, Some(sealed.header().digest()));
    assert_eq!(status.instance, own, "an HSM stays itself");
    assert_ne!(status.instance, Some(sealed.header().instance()));
    assert!(has_artifacts(&domain, &mut hsm));
    drop(domain);
    let AnyDomain::Active(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("it was recovered");
    };
    assert_eq!(domain.status(), status);
}

#[test]
fn a_quorum_at_one_place_puts_it_into_another_hsm() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let sealed = lost.sealed();
    let mut domain = lost.recovering_here(&mut vault, &mut hsm);
    assert_eq!(domain.request(), None);
    for key in &lost.keys[1..] {
        let share = share(&sealed, key);
        domain.add_share(&sealed, share, &mut hsm).unwrap();
    }
    let domain = domain.quorum().unwrap().open(&sealed, &mut hsm).unwrap();
    assert!(has_artifacts(&domain, &mut hsm));
    assert_eq!(domain.status().domain, Some(sealed.header().domain_id()));
}

#[test]
fn zeroizing_leaves_an_hsm_that_can_begin_again() {
    let (mut vault, mut hsm, keys) = (vault(), Hsm::new(), fast_keys(3));
    let (domain, _) = active(&mut vault, &mut hsm, &keys);
    let before = domain.status();
    let domain = domain.zeroize(&mut hsm).unwrap();
    assert_eq!(domain.status().domain, None);
    drop(domain);
    let domain = provisioned(&mut vault, &mut hsm);
    assert_ne!(domain.status().domain, before.domain);
    assert_ne!(domain.status().instance, before.instance);
}

#[test]
fn every_step_is_reported_before_it_takes_effect_and_after() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let sealed = lost.sealed();
    let (mut domain, request) = lost.recovering(&mut vault, &mut hsm, 0);
    let asked = domain.request();
    let header = sealed.header();
    for place in [0, 1] {
        let contribution = lost.contribution(place, &request);
        domain
            .add(&sealed, &parse(&contribution), &mut hsm)
            .unwrap();
    }
    let domain = domain.quorum().unwrap().open(&sealed, &mut hsm).unwrap();
    drop(domain);
    let done = |step| Event::Outcome {
        step,
        outcome: Outcome::Done,
    };
    assert_eq!(
        hsm.events,
        [
            Event::BeginRecovery {
                domain: header.domain_id(),
                epoch: header.epoch(),
                header: header.digest(),
                pinned: true,
                request: asked,
            },
            done(Step::BeginRecovery),
            Event::Contribute {
                custodian: lost.id(0)
            },
            done(Step::Contribute),
            Event::Contribute {
                custodian: lost.id(1)
            },
            done(Step::Contribute),
            Event::Recover {
                domain: header.domain_id(),
                epoch: header.epoch(),
                header: header.digest(),
            },
            done(Step::Recover),
        ]
    );
}

#[test]
fn a_backup_is_restored_in_every_hsm_of_its_domain_and_in_no_other() {
    let keys = fast_keys(3);
    let (mut a, mut b, mut c) = (vault(), vault(), vault());
    let mut hsm_1 = hsm(1);
    let (mut first, file) = active(&mut a, &mut hsm_1, &keys);
    let lost = Lost { keys, file };

    let name = Name::new("signing-key").unwrap();
    let secret = b"what the key is";
    let mut writer = first
        .begin_backup(Kind::Key(name), secret.len() as u64, &mut hsm_1)
        .unwrap();
    let mut backup = writer.front().to_vec();
    let mut chunk = [&secret[..], &[0; TAG_LEN]].concat();
    writer.seal(&mut chunk, &mut hsm_1).unwrap();
    backup.extend(chunk);
    let id = writer.backup_id();
    writer.finish(&mut hsm_1).unwrap();
    let done = |step| Event::Outcome {
        step,
        outcome: Outcome::Done,
    };
    let heard = [
        Event::BeginBackup {
            backup: id,
            act: None,
        },
        done(Step::Backup),
    ];
    assert!(hsm_1.events.ends_with(&heard));

    let mut hsm_2 = hsm(2);
    let sealed = lost.sealed();
    let mut domain = lost.recovering_here(&mut b, &mut hsm_2);
    for key in &lost.keys[..2] {
        let share = share(&sealed, key);
        domain.add_share(&sealed, share, &mut hsm_2).unwrap();
    }
    let mut second = domain.quorum().unwrap().open(&sealed, &mut hsm_2).unwrap();
    let header = BackupHeader::parse(&backup).unwrap();
    let mut chunk = backup[header.front().len()..].to_vec();
    let mut reader = second.begin_restore(&header, &mut hsm_2).unwrap();
    assert_eq!(reader.open(&mut chunk, &mut hsm_2).unwrap(), secret);
    reader.finish(&mut hsm_2).unwrap();
    let heard = [Event::BeginRestore { backup: id }, done(Step::Restore)];
    assert!(hsm_2.events.ends_with(&heard));

    let mut hsm_3 = hsm(3);
    let (mut stranger, _) = active(&mut c, &mut hsm_3, &lost.keys);
    let (have, want) = (second.status().domain, stranger.status().domain);
    assert_eq!(
        stranger.begin_restore(&header, &mut hsm_3).unwrap_err(),
        LifecycleError::WrongDomain(WrongDomain {
            have: have.unwrap(),
            want: want.unwrap()
        })
    );

    hsm_1.refuses = true;
    let refused = first.begin_backup(Kind::Full(None), 1, &mut hsm_1);
    assert_eq!(refused.unwrap_err(), LifecycleError::SinkRefused);
    let refused = first.begin_restore(&header, &mut hsm_1);
    assert_eq!(refused.unwrap_err(), LifecycleError::SinkRefused);
}

/// Without a hardware counter, flash and counter can be set back together with the generator; the time
/// is what is left.
#[test]
fn without_a_hardware_counter_a_backup_needs_a_clock() {
    let keys = fast_keys(3);
    let (mut memory, mut hsm) = (vault(), hsm(1));
    hsm.hardware = false;
    let (mut domain, _) = active(&mut memory, &mut hsm, &keys);
    let refused = domain.begin_backup(Kind::Full(None), 5, &mut hsm);
    assert_eq!(refused.unwrap_err(), LifecycleError::NoClock);
    drop(domain);
    let (flash, rng) = (hsm.flash.clone(), hsm.rng.clone());
    let ids = [1000, 1001].map(|now| {
        (hsm.flash, hsm.rng, hsm.now) = (flash.clone(), rng.clone(), now);
        let AnyDomain::Active(mut domain) = memory.start(tested(), &mut hsm).unwrap() else {
            panic!("it is active");
        };
        let backup = domain.begin_backup(Kind::Full(None), 5, &mut hsm).unwrap();
        backup.backup_id()
    });
    assert_ne!(ids[0], ids[1]);
}

/// The generator of a machine that is restored from a snapshot repeats itself; its counter does not.
#[test]
fn two_backups_share_no_key_though_the_generator_repeats() {
    let keys = fast_keys(3);
    let (mut memory, mut hsm) = (vault(), hsm(1));
    let (mut domain, _) = active(&mut memory, &mut hsm, &keys);
    let snapshot = hsm.rng.clone();
    let ids = [(); 2].map(|()| {
        hsm.rng = snapshot.clone();
        let writer = domain.begin_backup(Kind::Full(None), 5, &mut hsm);
        writer.unwrap().backup_id()
    });
    assert_ne!(ids[0], ids[1]);
    drop(domain);
    assert!(matches!(
        memory.start(tested(), &mut hsm),
        Ok(AnyDomain::Active(_))
    ));
}
