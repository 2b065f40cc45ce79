// SPDX-License-Identifier: MIT OR Apache-2.0
//! The error state, and a vault that another one has overtaken.

use security_domain::backup::{BackupHeader, Kind, TAG_LEN};
use security_domain::lifecycle::{AnyDomain, Backup, LifecycleError, Restore};
#[cfg(feature = "managed-hsm")]
use security_domain::lifecycle::{Imported, Stage, Vault};
use security_domain::sealed_domain::SealedDomain;
#[cfg(feature = "managed-hsm")]
use security_domain::self_test::Test;

#[cfg(feature = "managed-hsm")]
use crate::flash::Dead;
use crate::flash::Hsm;
#[cfg(feature = "managed-hsm")]
use crate::import::{ROOT_AT, confirm, imported_at_rest};
#[cfg(feature = "managed-hsm")]
use crate::sealed::artifacts;
use crate::sealed::{fast_keys, share};
#[cfg(feature = "managed-hsm")]
use crate::world::{In, rewrite};
use crate::world::{Lost, ROOM, activation, active, hsm, provisioned, sealed, tested, vault};

/// An HSM whose last computation has failed its check.
#[cfg(feature = "managed-hsm")]
fn erred(vault: &mut Vault<ROOM>) -> (Hsm, In<'_, Imported>) {
    let (mut hsm, _) = imported_at_rest();
    rewrite(&mut hsm, |contents| contents[ROOT_AT] ^= 1);
    let AnyDomain::Imported(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("it waits to be confirmed");
    };
    let refused = confirm(domain, &mut hsm).unwrap_err();
    assert_eq!(refused.error, LifecycleError::Fault);
    (hsm, refused.domain)
}

#[cfg(feature = "managed-hsm")]
#[test]
fn after_a_fault_every_step_is_refused_but_those_that_destroy() {
    let (lost, mut vault) = (Lost::new(1), vault());
    let (mut hsm, domain) = erred(&mut vault);
    assert!(domain.status().in_error_state);
    let events = hsm.events.len();
    let refused = confirm(domain, &mut hsm).unwrap_err();
    assert_eq!(refused.error, LifecycleError::ErrorState);
    assert_eq!(hsm.events.len(), events, "no step began");

    let mut domain = refused.domain.cancel(&mut hsm).unwrap();
    assert!(domain.status().in_error_state);
    let events = hsm.events.len();
    // A test that passes does not lead out of it.
    assert_eq!(domain.self_test(Test::Ed25519), Ok(()));
    let (sealed, expect) = (lost.sealed(), lost.expect());
    let mut file = vec![0xaa; 4000];
    let refused = domain.provision(&artifacts(), &mut hsm);
    let refused = refused.expect_err("it is in its error state");
    assert_eq!(refused.error, LifecycleError::ErrorState);
    let domain = refused.domain;
    let refused = domain.begin_recovery(&sealed, &expect, None, &mut hsm, &mut file);
    let refused = refused.expect_err("it is in its error state");
    assert_eq!(refused.error, LifecycleError::ErrorState);
    let domain = refused.domain;
    let refused = domain.begin_recovery_here(&sealed, &expect, None, &mut hsm);
    let refused = refused.expect_err("it is in its error state");
    assert_eq!(refused.error, LifecycleError::ErrorState);
    assert_eq!(hsm.events.len(), events, "no step began");
}

#[cfg(feature = "managed-hsm")]
#[test]
fn zeroizing_and_a_start_leave_the_error_state() {
    let mut memory = vault();
    // Not as long as the flash may hold a secret.
    let (mut hsm, domain) = erred(&mut memory);
    hsm.dead.erase = true;
    hsm.dead.write = true;
    let refused = domain.zeroize(&mut hsm).expect_err("the flash is dead");
    assert!(refused.domain.status().in_error_state);
    hsm.dead = Dead::default();
    let domain = refused.domain.zeroize(&mut hsm).unwrap();
    assert!(!domain.status().in_error_state);
    let domain = domain.provision(&artifacts(), &mut hsm).unwrap();
    assert_eq!(domain.status().stage, Stage::Provisioned);

    let mut memory = vault();
    let (mut hsm, domain) = erred(&mut memory);
    drop(domain);
    let start = memory.start(tested(), &mut hsm).unwrap();
    assert!(!start.status().in_error_state);
}

/// A second vault on the same host goes on; the first one holds what is no longer the HSM's.
#[test]
fn a_vault_that_was_overtaken_gives_nothing_out() {
    let (mut a, mut b, mut hsm, keys) = (vault(), vault(), hsm(1), fast_keys(3));
    let (mut first, _) = active(&mut a, &mut hsm, &keys);
    let backup = {
        let writer = first.begin_backup(Kind::Full(None), 0, &mut hsm).unwrap();
        writer.front().to_vec()
    };
    assert!(first.artifacts(&mut hsm).is_ok());
    let AnyDomain::Active(second) = b.start(tested(), &mut hsm).unwrap() else {
        panic!("it is active");
    };
    drop(second.zeroize(&mut hsm).unwrap());

    let overtaken =
        |error| matches!(error, LifecycleError::Overtaken { have, counter } if have < counter);
    let events = hsm.events.len();
    assert!(overtaken(first.artifacts(&mut hsm).unwrap_err()));
    let refused = first.begin_backup(Kind::Full(None), 1, &mut hsm);
    assert!(overtaken(refused.unwrap_err()));
    let header = BackupHeader::parse(&backup).unwrap();
    assert!(overtaken(
        first.begin_restore(&header, &mut hsm).unwrap_err()
    ));
    assert_eq!(hsm.events.len(), events);
    assert!(!first.status().in_error_state, "the machine did not err");
}

/// The key of a backup does not outlive the domain, wherever it was zeroized.
#[test]
fn a_backup_under_way_ends_with_the_domain() {
    let (mut a, mut b, mut hsm, keys) = (vault(), vault(), hsm(1), fast_keys(3));
    let (mut first, _) = active(&mut a, &mut hsm, &keys);
    let mut file = Vec::new();
    let mut backup = first.begin_backup(Kind::Full(None), 5, &mut hsm).unwrap();
    file.extend(backup.front());
    let mut sealed = [&b"hello"[..], &[0; TAG_LEN]].concat();
    backup.seal(&mut sealed, &mut hsm).unwrap();
    backup.finish(&mut hsm).unwrap();

    for restores in [false, true] {
        let header = BackupHeader::parse(&file).unwrap();
        let mut begun = match restores {
            true => Err(first.begin_restore(&header, &mut hsm).unwrap()),
            false => Ok(first.begin_backup(Kind::Full(None), 5, &mut hsm).unwrap()),
        };
        // Another vault starts on the same host, which is enough.
        drop(b.start(tested(), &mut hsm).unwrap());
        let mut chunk = match restores {
            true => sealed.clone(),
            false => [&b"hello"[..], &[0; TAG_LEN]].concat(),
        };
        let refused = match &mut begun {
            Err(restore) => restore.open(&mut chunk, &mut hsm).map(drop),
            Ok(backup) => backup.seal(&mut chunk, &mut hsm),
        };
        assert!(matches!(refused, Err(LifecycleError::Overtaken { .. })));
        match restores {
            true => assert_eq!(chunk, sealed, "nothing was opened"),
            false => assert!(chunk.iter().all(|byte| *byte == 0), "nothing leaves"),
        }
        let finished = finish(begun, &mut hsm);
        assert!(matches!(finished, Err(LifecycleError::Overtaken { .. })));
        drop(first);
        let AnyDomain::Active(domain) = a.start(tested(), &mut hsm).unwrap() else {
            panic!("it is active");
        };
        first = domain;
    }
}

fn finish(
    begun: Result<Backup<'_, ROOM>, Restore<'_, ROOM>>,
    hsm: &mut Hsm,
) -> Result<(), LifecycleError> {
    match begun {
        Ok(backup) => backup.finish(hsm),
        Err(restore) => restore.finish(hsm),
    }
}

#[test]
fn a_session_that_was_overtaken_takes_no_share() {
    let lost = Lost::new(1);
    let (mut a, mut b, mut hsm) = (vault(), vault(), hsm(2));
    let mut first = lost.recovering_here(&mut a, &mut hsm);
    drop(b.start(tested(), &mut hsm).unwrap());
    let sealed = lost.sealed();
    let refused = first.add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm);
    assert!(matches!(refused, Err(LifecycleError::Overtaken { .. })));
    assert_eq!(first.contributors().count(), 0);
}

/// A session that ends in a vault that was overtaken leaves the flash to the other vault.
#[test]
fn a_session_that_was_overtaken_ends_in_memory_only() {
    let lost = Lost::new(1);
    let (mut a, mut b, mut hsm) = (vault(), vault(), hsm(2));
    let first = lost.recovering_here(&mut a, &mut hsm);
    let AnyDomain::Recovering(mut second) = b.start(tested(), &mut hsm).unwrap() else {
        panic!("the session goes on");
    };
    let sealed = lost.sealed();
    for key in &lost.keys[..2] {
        let share = share(&sealed, key);
        second.add_share(&sealed, share, &mut hsm).unwrap();
    }
    let quorum = second.quorum().expect("two of three");
    drop(quorum.open(&sealed, &mut hsm).unwrap());
    let flash = hsm.flash.clone();

    let refused = first.cancel(&mut hsm).expect_err("another vault went on");
    assert!(matches!(refused.error, LifecycleError::Overtaken { .. }));
    assert_eq!(hsm.flash, flash);
    drop(refused);
    let started = b.start(tested(), &mut hsm).unwrap();
    assert!(matches!(started, AnyDomain::Active(_)));
}

#[test]
fn a_provisioned_vault_that_was_overtaken_activates_nothing() {
    let (mut a, mut b, mut hsm, keys) = (vault(), vault(), hsm(2), fast_keys(3));
    let first = provisioned(&mut a, &mut hsm);
    drop(b.start(tested(), &mut hsm).unwrap());
    let mut file = vec![0xaa; 4000];
    let refused = first.seal(&activation(&keys), &mut hsm, &mut file);
    let refused = refused.expect_err("another vault goes on");
    assert!(matches!(refused.error, LifecycleError::Overtaken { .. }));
    assert!(file.iter().all(|byte| *byte == 0));
    drop(refused);

    let AnyDomain::Provisioned(first) = a.start(tested(), &mut hsm).unwrap() else {
        panic!("it is provisioned");
    };
    let (first, file) = sealed(first, &activation(&keys), &mut hsm);
    drop(b.start(tested(), &mut hsm).unwrap());
    let stored = SealedDomain::parse(&file).unwrap();
    let refused = first.activate(&stored, &mut hsm);
    let refused = refused.expect_err("another vault goes on");
    assert!(matches!(refused.error, LifecycleError::Overtaken { .. }));
}
