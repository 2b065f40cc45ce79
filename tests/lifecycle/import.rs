// SPDX-License-Identifier: MIT OR Apache-2.0
//! A restore blob of Managed HSM enters an HSM.

use security_domain::lifecycle::{
    Active, AnyDomain, Event, ExpectedArtifact, Imported, Importing, LifecycleError, Outcome,
    ROOT_TAG, Refused, Stage, Step, Unconfirmed,
};
use security_domain::managed_hsm::Tag;
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::quorum::Threshold;
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::ArtifactTag;
use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN};
use sha2::{Digest, Sha256};

use crate::fixtures::{certificate_der, open_shares, rng};
use crate::flash::{Fault, Hsm};
use crate::world::rewrite;
use crate::world::{In, empty, hsm, tested, vault};

pub const ARTIFACTS: [(&str, &[u8]); 2] =
    [("signing-key", b"0123456789"), ("hsm_backup", &[7; 100])];

pub fn expected(artifacts: &[(&'static str, &[u8])]) -> Vec<ExpectedArtifact<'static>> {
    let expected = artifacts.iter().map(|(tag, _)| ExpectedArtifact {
        tag: ArtifactTag::new(tag).unwrap(),
        digest: None,
    });
    expected.collect()
}

/// A restore blob of these artifacts, to this certificate.
pub fn blob(artifacts: &[(&str, &[u8])], certificate: &[u8]) -> Vec<u8> {
    let names = ["s2048_0", "s2048_1", "s2048_2"];
    let ders = names.map(certificate_der);
    let certificates = ders.each_ref().map(|der| Certificate::parse(der).unwrap());
    let threshold = Threshold::new(2).unwrap();
    let artifacts: Vec<_> = artifacts
        .iter()
        .map(|(tag, bytes)| (Tag::new(tag).unwrap(), *bytes))
        .collect();
    let mut file = vec![0; domain_file::encoded_len(&artifacts, threshold, &certificates)];
    domain_file::write(&artifacts, threshold, &certificates, &mut rng(), &mut file).unwrap();
    let file = DomainFile::parse(&file).unwrap();
    let combined = file.combine(&open_shares(&file, &names[..2])).unwrap();
    let transfer = Certificate::parse(certificate).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    restore_blob::write(
        &file,
        combined.master_key(),
        &transfer,
        &mut rng(),
        &mut blob,
    )
    .unwrap();
    blob
}

/// An HSM that waits for a blob, and its transfer key's certificate.
pub fn importing<'v>(
    vault: &'v mut security_domain::lifecycle::Vault<{ crate::world::ROOM }>,
    host: &mut Hsm,
    expected: &[ExpectedArtifact<'_>],
) -> (In<'v, Importing>, Vec<u8>) {
    let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
    let (domain, len) = empty(vault, host)
        .begin_import(ModulusSize::Rsa2048, expected, None, host, &mut certificate)
        .unwrap();
    certificate.truncate(len);
    (domain, certificate)
}

/// Confirms the domain that the HSM shows.
pub fn confirm<'v>(
    domain: In<'v, Imported>,
    hsm: &mut Hsm,
) -> Result<In<'v, Active>, Refused<In<'v, Imported>>> {
    let named = domain.status().domain.unwrap();
    domain.confirm(named, &known(&ARTIFACTS), hsm)
}

/// The same as [`expected`], with the digests.
pub fn known(artifacts: &[(&'static str, &[u8])]) -> Vec<ExpectedArtifact<'static>> {
    let mut known = expected(artifacts);
    for (known, (_, artifact)) in known.iter_mut().zip(artifacts) {
        known.digest = Some(Sha256::digest(artifact).into());
    }
    known
}

#[test]
fn a_blob_comes_in_waits_and_is_confirmed() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    let own = domain.status();
    assert_eq!(own.stage.to_string(), "importing");
    drop(domain);
    let AnyDomain::Importing(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("it waits for a blob");
    };
    let blob = blob(&ARTIFACTS, &certificate);
    let domain = domain
        .import(&RestoreBlob::parse(&blob).unwrap(), &mut hsm)
        .unwrap();
    let imported = domain.status();
    assert_eq!(imported.stage, Stage::Imported);
    assert_ne!(imported.domain, own.domain, "it came without a root");
    drop(domain);

    let AnyDomain::Imported(domain) = vault.start(tested(), &mut hsm).unwrap() else {
        panic!("it waits to be confirmed");
    };
    assert_eq!(domain.status(), imported);
    let domain = confirm(domain, &mut hsm).unwrap();
    assert_eq!(domain.status().stage, Stage::Active);
    assert_eq!(domain.status().domain, imported.domain);
    assert_eq!(domain.status().instance, own.instance);
    assert_eq!(
        domain.status().header,
        None,
        "no file of this domain exists"
    );
    let artifacts = domain.artifacts(&mut hsm).unwrap();
    assert!(
        artifacts
            .map(|(tag, bytes)| (tag.as_str(), bytes))
            .eq(ARTIFACTS)
    );
    let done = |step| Event::Outcome {
        step,
        outcome: Outcome::Done,
    };
    let domain = imported.domain.unwrap();
    assert_eq!(
        hsm.events,
        [
            Event::BeginImport,
            done(Step::BeginImport),
            Event::Import,
            done(Step::Import),
            Event::ConfirmImport { domain },
            done(Step::ConfirmImport),
        ]
    );
}

#[test]
fn a_root_among_the_artifacts_keeps_the_domain_what_it_was() {
    let root = [9; 32];
    let artifacts = [ARTIFACTS[0], ARTIFACTS[1], (ROOT_TAG, &root[..])];
    let ids = [1, 2].map(|seed| {
        let (mut vault, mut hsm) = (vault(), hsm(seed));
        let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&artifacts));
        let blob = blob(&artifacts, &certificate);
        let domain = domain
            .import(&RestoreBlob::parse(&blob).unwrap(), &mut hsm)
            .unwrap();
        let domain = confirm(domain, &mut hsm).unwrap();
        let artifacts = domain.artifacts(&mut hsm).unwrap();
        assert_eq!(artifacts.count(), 2, "the root is no artifact");
        domain.status().domain.unwrap()
    });
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn what_the_sink_refuses_leaves_no_certificate() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let domain = empty(&mut vault, &mut hsm);
    hsm.refuses = true;
    let mut certificate = vec![0xaa; SELF_SIGNED_MAX_LEN];
    let wants = expected(&ARTIFACTS);
    let refused = domain
        .begin_import(
            ModulusSize::Rsa2048,
            &wants,
            None,
            &mut hsm,
            &mut certificate,
        )
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::SinkRefused);
    assert!(certificate.iter().all(|byte| *byte == 0));
}

#[test]
fn an_import_that_waits_keeps_to_the_clock() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    hsm.now = 1000;
    let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    let good = blob(&ARTIFACTS, &certificate);
    let good = RestoreBlob::parse(&good).unwrap();
    let domain = domain.import(&good, &mut hsm).unwrap();
    hsm.now = 999;
    let refused = confirm(domain, &mut hsm).unwrap_err();
    let error = LifecycleError::ClockWentBack {
        have: 999,
        seen: 1000,
    };
    assert_eq!(refused.error, error);
    hsm.now = 1000;
    confirm(refused.domain, &mut hsm).unwrap();
}

/// Where the root begins in a record, and behind the birth commitment the artifacts if they take 24 to 255 bytes (`docs/format.md`,
/// "Record").
pub const ROOT_AT: usize = 58;
const ARTIFACTS_AT: usize = 126;

/// An imported domain with a root, at rest, and how long the artifacts are in its record.
pub fn imported_at_rest() -> (Hsm, usize) {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let root = [9; 32];
    let artifacts = [ARTIFACTS[0], ARTIFACTS[1], (ROOT_TAG, &root[..])];
    let (domain, certificate) = importing(&mut vault, &mut hsm, &known(&artifacts));
    let good = blob(&artifacts, &certificate);
    let good = RestoreBlob::parse(&good).unwrap();
    domain.import(&good, &mut hsm).unwrap();
    let item = |tag: &str, len: usize| 1 + tag.len() + if len < 24 { 1 } else { 2 } + len;
    let len = ARTIFACTS.iter().map(|(tag, bytes)| item(tag, bytes.len()));
    (hsm, len.sum())
}

/// What is done to the contents of a record with artifacts of this many bytes.
type Change = fn(&mut Vec<u8>, usize);

/// What came in is all there, root and artifacts, or it does not take effect.
#[test]
fn what_changed_while_it_waited_is_not_confirmed() {
    let missing = |contents: &mut Vec<u8>, len: usize| {
        assert_eq!(contents[ARTIFACTS_AT - 2..ARTIFACTS_AT], [0x58, len as u8]);
        contents.drain(ARTIFACTS_AT + 23..ARTIFACTS_AT + len);
        contents.splice(ARTIFACTS_AT - 2..ARTIFACTS_AT, [0x40 + 23]);
    };
    let artifact = |contents: &mut Vec<u8>, len: usize| contents[ARTIFACTS_AT + len - 1] ^= 1;
    let root = |contents: &mut Vec<u8>, _: usize| {
        assert_eq!(contents[ROOT_AT], 9);
        contents[ROOT_AT] ^= 1;
    };
    let changes: [Change; 3] = [missing, artifact, root];
    for (place, change) in changes.into_iter().enumerate() {
        let (mut hsm, len) = imported_at_rest();
        rewrite(&mut hsm, |contents| change(contents, len));
        let mut vault = vault();
        let AnyDomain::Imported(domain) = vault.start(tested(), &mut hsm).unwrap() else {
            panic!("it waits to be confirmed");
        };
        let refused = confirm(domain, &mut hsm).unwrap_err();
        assert_eq!(refused.error, LifecycleError::Fault, "change {place}");
    }
}

#[test]
fn cancelling_empties_the_hsm() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    let good = blob(&ARTIFACTS, &certificate);
    let domain = domain
        .import(&RestoreBlob::parse(&good).unwrap(), &mut hsm)
        .unwrap()
        .cancel(&mut hsm)
        .unwrap();
    assert_eq!(
        (domain.status().stage, domain.status().domain),
        (Stage::Empty, None)
    );
}

#[test]
fn a_flash_that_fails_leaves_the_session_and_its_key() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    let good = blob(&ARTIFACTS, &certificate);
    let parsed = RestoreBlob::parse(&good).unwrap();
    hsm.fault(0, Fault::Fails);
    let refused = domain.import(&parsed, &mut hsm).unwrap_err();
    assert!(matches!(refused.error, LifecycleError::Record(_)));
    hsm.restart();
    let domain = match refused.domain.import(&parsed, &mut hsm) {
        Ok(domain) => domain,
        // The first write after a failed one only puts the old state past it.
        Err(refused) => refused.domain.import(&parsed, &mut hsm).unwrap(),
    };
    confirm(domain, &mut hsm).unwrap();
}

#[test]
fn expectations_that_make_no_sense_are_refused() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let mut domain = empty(&mut vault, &mut hsm);
    let twice = expected(&[ARTIFACTS[0], ARTIFACTS[0]]);
    let root = expected(&[(ROOT_TAG, b"")]);
    for bad in [&[][..], &twice, &root] {
        let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
        let refused = domain
            .begin_import(ModulusSize::Rsa2048, bad, None, &mut hsm, &mut certificate)
            .unwrap_err();
        assert_eq!(refused.error, LifecycleError::Expected);
        domain = refused.domain;
    }
}

/// What is confirmed is named: anyone can make a restore blob, and its domain waits.
#[test]
fn only_the_domain_that_is_named_is_confirmed_with_the_digests_that_are_named() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&ARTIFACTS));
    assert_eq!(domain.status().domain, None);
    let good = blob(&ARTIFACTS, &certificate);
    let domain = domain
        .import(&RestoreBlob::parse(&good).unwrap(), &mut hsm)
        .unwrap();
    let have = domain.status().domain.unwrap();

    let own = security_domain::sealed_domain::DomainId::from_bytes([7; 32]);
    let refused = domain.confirm(own, &[], &mut hsm).unwrap_err();
    let other = Unconfirmed::Domain { have, want: own };
    assert_eq!(refused.error, LifecycleError::NotConfirmed(other));
    let digests = known(&ARTIFACTS);
    let mut domain = refused.domain;
    for place in 0..2 {
        for change in [1, 2] {
            let mut wrong = digests.clone();
            match change {
                1 => wrong[place].digest.as_mut().unwrap()[31] ^= 1,
                _ => wrong[place].tag = ArtifactTag::new("another").unwrap(),
            }
            let refused = domain.confirm(have, &wrong, &mut hsm).unwrap_err();
            let other = Unconfirmed::Artifact(place as u8);
            assert_eq!(refused.error, LifecycleError::NotConfirmed(other));
            domain = refused.domain;
        }
    }
    // A digest that nobody knew when the import began is named now.
    let tags_only = expected(&ARTIFACTS);
    for (named, place) in [
        (&[][..], 0),
        (&tags_only, 0),
        (&digests[1..], 0),
        (&digests[..1], 1),
    ] {
        let refused = domain.confirm(have, named, &mut hsm).unwrap_err();
        let unnamed = Unconfirmed::Unnamed(place);
        assert_eq!(refused.error, LifecycleError::NotConfirmed(unnamed));
        domain = refused.domain;
    }
    assert!(domain.confirm(have, &digests, &mut hsm).is_ok());
}

/// What was expected by its digest, and the root, need not be named again.
#[test]
fn what_is_known_already_is_not_named_again() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let artifacts = [ARTIFACTS[0], ARTIFACTS[1], (ROOT_TAG, &[9; 32][..])];
    let mut wants = expected(&artifacts);
    wants[0] = known(&artifacts)[0];
    let (domain, certificate) = importing(&mut vault, &mut hsm, &wants);
    let good = blob(&artifacts, &certificate);
    let good = RestoreBlob::parse(&good).unwrap();
    let domain = domain.import(&good, &mut hsm).unwrap();
    let have = domain.status().domain.unwrap();
    let refused = domain.confirm(have, &[], &mut hsm).unwrap_err();
    let unnamed = LifecycleError::NotConfirmed(Unconfirmed::Unnamed(1));
    assert_eq!(refused.error, unnamed);
    let named = &known(&artifacts)[1..2];
    assert!(refused.domain.confirm(have, named, &mut hsm).is_ok());
}

/// A blob with zeros for a root is refused as one that does not open.
#[test]
fn a_root_of_zeros_does_not_come_in() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let artifacts = [ARTIFACTS[0], (ROOT_TAG, &[0; 32][..])];
    let (domain, certificate) = importing(&mut vault, &mut hsm, &known(&artifacts));
    let bad = blob(&artifacts, &certificate);
    let refused = domain.import(&RestoreBlob::parse(&bad).unwrap(), &mut hsm);
    let error = refused.unwrap_err().error;
    assert_eq!(error, LifecycleError::Import { left: 2 });
}

#[test]
fn a_certificate_needs_a_time_that_it_can_name() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    hsm.now = 253_402_300_800;
    let refused = empty(&mut vault, &mut hsm)
        .begin_import(
            ModulusSize::Rsa2048,
            &expected(&ARTIFACTS),
            None,
            &mut hsm,
            &mut [0; SELF_SIGNED_MAX_LEN],
        )
        .unwrap_err();
    let error = LifecycleError::ClockOutOfRange { now: hsm.now };
    assert_eq!(refused.error, error);
    assert!(!refused.domain.status().in_error_state);
}
