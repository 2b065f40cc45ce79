// SPDX-License-Identifier: MIT OR Apache-2.0
//! Restore blobs that are refused, and the tries that they cost.

use security_domain::lifecycle::{
    AnyDomain, Ended, Event, LifecycleError, MAX_IMPORT_FAILURES, Refused,
};
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use sha2::{Digest, Sha256};

use crate::fixtures::certificate_der;
use crate::flash::{Fault, Tear};
use crate::world::{hsm, tested, vault};

use crate::import::*;

/// `blob` with another character at the beginning of this part of the first JWE in `member`.
fn altered(blob: &[u8], member: &str, part: usize) -> Vec<u8> {
    let mut text = String::from_utf8(blob.to_vec()).unwrap();
    let start = text.find(member).unwrap();
    let dots = text[start..].match_indices('.');
    let at = start + dots.map(|(at, _)| at + 1).nth(part - 1).unwrap();
    let other = if text[at..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    text.replace_range(at..=at, other);
    text.into_bytes()
}

#[test]
fn what_can_be_read_in_a_blob_is_refused_by_name_and_costs_no_try() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (mut domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    let elsewhere = blob(&ARTIFACTS, &certificate_der("s2048_0"));
    let fewer = blob(&ARTIFACTS[..1], &certificate);
    let others = blob(&[ARTIFACTS[0], ("other", b"")], &certificate);
    let more = blob(&[ARTIFACTS[0], ARTIFACTS[1], ("other", b"")], &certificate);
    for _ in 0..MAX_IMPORT_FAILURES {
        for bad in [&elsewhere, &fewer, &others, &more] {
            let refused = domain
                .import(&RestoreBlob::parse(bad).unwrap(), &mut hsm)
                .unwrap_err();
            match refused.error {
                LifecycleError::OtherTransferKey { .. } if bad == &elsewhere => {}
                LifecycleError::Unexpected if bad != &elsewhere => {}
                error => panic!("{error}"),
            }
            domain = refused.domain;
        }
    }
    let good = blob(&ARTIFACTS, &certificate);
    domain
        .import(&RestoreBlob::parse(&good).unwrap(), &mut hsm)
        .unwrap();
}

#[test]
fn three_failures_end_the_session_whatever_the_failure() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let mut wants = expected(&ARTIFACTS);
    wants[0].digest = Some(Sha256::digest(b"something else").into());
    let (mut domain, certificate) = importing(&mut vault, &mut hsm, &wants);
    let good = blob(&ARTIFACTS, &certificate);
    // The wrapped key, an artifact, and an artifact's digest.
    let bad = [
        altered(&good, "enc_key", 1),
        altered(&good, "compact_jwe", 3),
        good.clone(),
    ];
    for (bad, left) in bad.iter().zip([2, 1, 0]) {
        let refused = domain
            .import(&RestoreBlob::parse(bad).unwrap(), &mut hsm)
            .unwrap_err();
        assert_eq!(refused.error, LifecycleError::Import { left });
        domain = refused.domain;
    }
    let ended = Event::EndSession(Ended::TooManyFailures);
    assert!(hsm.events.iter().rev().take(2).any(|event| *event == ended));
    let Refused { domain, error, .. } = domain
        .import(&RestoreBlob::parse(&good).unwrap(), &mut hsm)
        .unwrap_err();
    assert_eq!(error, LifecycleError::Expired);
    let domain = domain.cancel(&mut hsm).unwrap();
    assert_eq!(domain.status().domain, None);
    drop(domain);
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
}

/// Switching the HSM off in the middle of a try does not give the try back.
#[test]
fn a_try_is_counted_before_it_is_made() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    drop(domain);
    let good = blob(&ARTIFACTS, &certificate);
    let bad = altered(&good, "compact_jwe", 3);
    for left in (0..MAX_IMPORT_FAILURES).rev() {
        let AnyDomain::Importing(domain) = vault.start(tested(), &mut hsm).unwrap() else {
            panic!("tries are left");
        };
        let refused = domain
            .import(&RestoreBlob::parse(&bad).unwrap(), &mut hsm)
            .unwrap_err();
        assert_eq!(refused.error, LifecycleError::Import { left });
        // What was in memory is lost; what was counted is not.
        drop(refused);
    }
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
}

/// Not even in the middle of the last one.
#[test]
fn no_try_is_gained_by_cutting_the_power_in_the_last() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (mut domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    let good = blob(&ARTIFACTS, &certificate);
    let bad = altered(&good, "compact_jwe", 3);
    let bad = RestoreBlob::parse(&bad).unwrap();
    // How many calls to the flash it takes to count a try.
    let mut counted = 0;
    for _ in 1..MAX_IMPORT_FAILURES {
        let before = hsm.calls();
        domain = domain.import(&bad, &mut hsm).unwrap_err().domain;
        counted = hsm.calls() - before;
    }
    hsm.fault(counted, Fault::Cut(Tear::Short(0)));
    let refused = domain.import(&bad, &mut hsm).unwrap_err();
    assert!(matches!(refused.error, LifecycleError::NotWritten { .. }));
    drop(refused);

    hsm.restart();
    let AnyDomain::Importing(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("the end of the session did not reach the flash");
    };
    let refused = domain
        .import(&RestoreBlob::parse(&good).unwrap(), &mut hsm)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::Import { left: 0 });
    let ended = Event::EndSession(Ended::TooManyFailures);
    assert!(hsm.events.iter().rev().take(2).any(|event| *event == ended));
    drop(refused);
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Empty(_))
    ));
}

/// A try that could not be counted was not made.
#[test]
fn a_flash_that_fails_costs_no_try() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (mut domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    let good = blob(&ARTIFACTS, &certificate);
    let good = RestoreBlob::parse(&good).unwrap();
    for _ in 0..=MAX_IMPORT_FAILURES {
        hsm.fault(0, Fault::Fails);
        let refused = domain.import(&good, &mut hsm).unwrap_err();
        assert!(matches!(refused.error, LifecycleError::Record(_)));
        domain = refused.domain;
    }
    let wrong = blob(&[ARTIFACTS[0], ("hsm_backup", b"")], &certificate);
    let wrong = altered(&wrong, "compact_jwe", 3);
    let wrong = RestoreBlob::parse(&wrong).unwrap();
    let refused = match domain.import(&wrong, &mut hsm).unwrap_err() {
        // The first write after a failed one only puts the old state past it.
        refused if matches!(refused.error, LifecycleError::Record(_)) => {
            refused.domain.import(&wrong, &mut hsm).unwrap_err()
        }
        refused => refused,
    };
    assert_eq!(refused.error, LifecycleError::Import { left: 2 });
}
