// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rotation that is abandoned or expires leaves the domain in use, and nothing of itself.

use security_domain::lifecycle::{
    AnyDomain, Ended, Event, Expiry, LifecycleError, Proofs, Refused, Stage,
};
use security_domain::storage::RecordError;

use super::change::{Change, parse, rotating, started};
use crate::flash::Dead;
use crate::world::{has_artifacts, holds, hsm, vault};

#[test]
fn it_is_abandoned_though_the_sink_refuses() {
    let (mut memory, mut hsm) = (vault(), hsm(1));
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let before = domain.status();
    let Ok((domain, _)) = change.propose(domain, Proofs::All, 0, &mut hsm) else {
        panic!("it can be proposed");
    };
    hsm.refuses = true;
    let domain = domain.abandon(&mut hsm).unwrap();
    assert_eq!(domain.status(), before);
    drop(domain);
    hsm.refuses = false;
    let AnyDomain::Active(mut domain) = started(&mut memory, &mut hsm) else {
        panic!("it was abandoned");
    };
    assert!(has_artifacts(&domain, &mut hsm));
    // It is reported before the next step.
    let ended = Event::EndRotation(Ended::Cancelled);
    assert!(!hsm.events.contains(&ended));
    let kind = security_domain::backup::Kind::Full(None);
    hsm.now = 1;
    domain.begin_backup(kind, 5, &mut hsm).unwrap();
    assert!(hsm.events.contains(&ended));
}

#[test]
fn it_expires_and_the_domain_stays_in_use() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    hsm.now = 1000;
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let before = domain.status();
    let Ok((domain, files)) = change.propose(domain, Proofs::All, 60, &mut hsm) else {
        panic!("it can be proposed");
    };
    hsm.now = 1060;
    let Ok(Expiry::Running(mut domain)) = domain.expire(&mut hsm) else {
        panic!("its last second is not over");
    };
    hsm.now = 1061;
    // A step of an expired rotation is refused and abandons it.
    let contribution = change.consent(0, &files.request);
    let contribution = crate::world::parse(&contribution);
    let file = parse(&change.file);
    let refused = domain.consent(&file, &contribution, &mut hsm);
    assert_eq!(refused, Err(LifecycleError::Expired));
    assert_eq!(domain.rotation(), None);
    assert!(has_artifacts(&domain, &mut hsm));
    assert_eq!(domain.status().domain, before.domain);
    let pending = parse(&files.pending);
    let Err(Refused { domain, error, .. }) = domain.commit(&pending, &mut hsm) else {
        panic!("it is over");
    };
    assert_eq!(error, LifecycleError::Expired);
    let Ok(Expiry::Over(domain)) = domain.expire(&mut hsm) else {
        panic!("it is over");
    };
    assert_eq!(domain.status(), before);
    let ended = Event::EndRotation(Ended::Expired);
    assert_eq!(
        hsm.events.iter().filter(|event| **event == ended).count(),
        1
    );

    // One that nobody uses, at the next start.
    let Ok((domain, _)) = change.propose(domain, Proofs::All, 60, &mut hsm) else {
        panic!("it can be proposed");
    };
    drop(domain);
    hsm.now = 2000;
    let AnyDomain::Active(domain) = started(&mut memory, &mut hsm) else {
        panic!("it has expired");
    };
    assert!(has_artifacts(&domain, &mut hsm));
    drop(domain);
    // The flash has it no more: an earlier time does not bring it back.
    hsm.now = 1070;
    let AnyDomain::Active(_) = started(&mut memory, &mut hsm) else {
        panic!("it has ended");
    };
}

/// A step finds that the time is over; the domain is in use, and what it saves is accepted.
#[test]
fn a_backup_after_the_end_saves_an_active_domain() {
    let (mut memory, mut hsm) = (vault(), hsm(5));
    hsm.now = 1000;
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let Ok((mut domain, files)) = change.propose(domain, Proofs::All, 60, &mut hsm) else {
        panic!("it can be proposed");
    };
    hsm.now = 2000;
    let contribution = change.consent(0, &files.request);
    let contribution = crate::world::parse(&contribution);
    let refused = domain.consent(&parse(&change.file), &contribution, &mut hsm);
    assert_eq!(refused, Err(LifecycleError::Expired));
    let kind = security_domain::backup::Kind::Full(None);
    domain.begin_backup(kind, 5, &mut hsm).unwrap();
    drop(domain);
    let AnyDomain::Active(domain) = started(&mut memory, &mut hsm) else {
        panic!("its rotation has expired");
    };
    assert!(has_artifacts(&domain, &mut hsm));
}

/// The flash takes no write: the rotation has ended in the vault, the domain starts and is in use.
#[test]
fn a_dead_flash_keeps_no_domain_from_use() {
    let (mut memory, mut hsm) = (vault(), hsm(3));
    hsm.now = 1000;
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let Ok((domain, _)) = change.propose(domain, Proofs::All, 60, &mut hsm) else {
        panic!("it can be proposed");
    };
    let intact = hsm.flash.clone();
    hsm.dead = Dead {
        write: true,
        erase: true,
        ..Dead::default()
    };
    let refused = domain.abandon(&mut hsm).unwrap_err();
    assert!(
        matches!(
            refused.error,
            LifecycleError::Record(RecordError::Flash | RecordError::NotWritable)
        ),
        "{:?}",
        refused.error
    );
    assert_eq!(refused.domain.status().stage, Stage::Active);
    assert!(has_artifacts(&refused.domain, &mut hsm));
    drop(refused);
    hsm.flash = intact;
    drop(rotating(&mut memory, &mut hsm));
    hsm.now = 2000;
    let AnyDomain::Active(domain) = started(&mut memory, &mut hsm) else {
        panic!("it has expired");
    };
    assert!(has_artifacts(&domain, &mut hsm));
}

#[test]
fn nothing_of_it_stays_in_memory() {
    let (mut memory, mut hsm) = (vault(), hsm(4));
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let (domain, files) = change.committed(domain, &mut hsm);
    let next = super::change::complete(&domain, &files, &mut hsm);
    let at = files
        .pending
        .iter()
        .zip(&next)
        .take_while(|(a, b)| a == b)
        .count();
    let release = next[at + 2..at + 34].to_vec();
    std::mem::forget(domain);
    assert!(holds(&memory, &release));
    let AnyDomain::Committed(domain) = started(&mut memory, &mut hsm) else {
        panic!("it was committed");
    };
    let domain = domain.zeroize(&mut hsm).unwrap();
    std::mem::forget(domain);
    assert!(!holds(&memory, &release));
}
