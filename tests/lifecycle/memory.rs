// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is left in a vault, or in a record, when something has ended or gone wrong.

use security_domain::custodian::Identity;
use security_domain::lifecycle::{Event, LifecycleError};

use crate::flash::Fault;
use crate::sealed::{FastKey, rng, share};
use crate::world::{Lost, holds, hsm, provisioned, vault};

/// The share of the custodian at `place`, as it was dealt.
fn value(lost: &Lost, place: usize) -> Vec<u8> {
    let mut key: FastKey = lost.keys[place].clone();
    let (_, wrapped) = lost.sealed().wrapped_shares().nth(place).unwrap();
    let mut plaintext = [0; 65];
    key.unwrap_key(wrapped.as_bytes(), &[], &mut rng(0), &mut plaintext)
        .unwrap();
    plaintext[33..].to_vec()
}

#[test]
fn a_share_that_was_not_kept_is_gone() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let sealed = lost.sealed();
    let mut domain = lost.recovering_here(&mut vault, &mut hsm);
    domain
        .add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm)
        .unwrap();
    hsm.fault(0, Fault::Fails);
    let refused = domain.add_share(&sealed, share(&sealed, &lost.keys[1]), &mut hsm);
    assert!(matches!(refused, Err(LifecycleError::Record(_))));
    drop(domain);
    for place in [0, 1] {
        assert!(!holds(&vault, &value(&lost, place)), "share {place}");
    }
}

#[test]
fn the_sink_is_not_told_what_another_hsm_owes() {
    let (mut vault, mut first) = (vault(), hsm(1));
    let domain = provisioned(&mut vault, &mut first);
    first.refuses = true;
    drop(domain.zeroize(&mut first).unwrap());
    let mut second = hsm(2);
    drop(provisioned(&mut vault, &mut second));
    assert!(matches!(
        second.events[..],
        [Event::Provision { .. }, Event::Outcome { .. }]
    ));
    // The first owes it still.
    first.refuses = false;
    drop(provisioned(&mut vault, &mut first));
    assert_eq!(first.events[2], Event::Zeroize, "before the next step");
}

/// Contents that no state writes are refused, though the record is authentic.
#[test]
fn a_record_whose_parts_do_not_go_together_is_damaged() {
    use security_domain::lifecycle::Stage;
    use security_domain::storage::RecordError;

    // Without the files of Managed HSM nobody can go on from an import, and that is what is said.
    let refusal = |stage| match stage {
        3 if !cfg!(feature = "managed-hsm") => LifecycleError::LeftOut(Stage::Importing),
        4 if !cfg!(feature = "managed-hsm") => LifecycleError::LeftOut(Stage::Imported),
        _ => LifecycleError::Record(RecordError::Damaged),
    };
    // The stage is the third byte. Neither stage has a session here that it could be in.
    for stage in [2, 3, 4] {
        let (mut vault, mut hsm) = (vault(), hsm(1));
        drop(provisioned(&mut vault, &mut hsm));
        crate::world::rewrite(&mut hsm, |contents| contents[2] = stage);
        let error = vault.start(crate::world::tested(), &mut hsm).unwrap_err();
        assert_eq!(error, refusal(stage));
    }
    let lost = Lost::new(1);
    for stage in [0, 1, 3, 4, 5] {
        let (mut vault, mut hsm) = (vault(), hsm(2));
        drop(lost.recovering_here(&mut vault, &mut hsm));
        crate::world::rewrite(&mut hsm, |contents| contents[2] = stage);
        let error = vault.start(crate::world::tested(), &mut hsm).unwrap_err();
        assert_eq!(error, refusal(stage));
        assert!(!holds(&vault, b"thirty-two bytes of key"));
    }
    let (mut vault, mut hsm) = (vault(), hsm(1));
    drop(provisioned(&mut vault, &mut hsm));
    assert!(matches!(
        vault.start(crate::world::tested(), &mut hsm),
        Ok(security_domain::lifecycle::AnyDomain::Provisioned(_))
    ));
}

/// A digest tells a weak secret as well as the secret does.
#[cfg(feature = "managed-hsm")]
#[test]
fn the_digests_of_an_import_are_gone() {
    use security_domain::lifecycle::ExpectedArtifact;
    use security_domain::rsa::ModulusSize;
    use security_domain::sealed_domain::ArtifactTag;
    use security_domain::x509::SELF_SIGNED_MAX_LEN;

    let (mut vault, mut hsm) = (vault(), hsm(1));
    let digest = [0x5d; 32];
    let expected = ExpectedArtifact {
        tag: ArtifactTag::new("password").unwrap(),
        digest: Some(digest),
    };
    let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
    let begun = crate::world::empty(&mut vault, &mut hsm).begin_import(
        ModulusSize::Rsa2048,
        &[expected],
        None,
        &mut hsm,
        &mut certificate,
    );
    drop(begun.unwrap());
    assert!(!holds(&vault, &digest));
}
