// SPDX-License-Identifier: MIT OR Apache-2.0
//! An HSM whose domain came from a file of Managed HSM: what it shares with others, and how it is sealed.

use security_domain::backup::{BackupHeader, Kind, Name, TAG_LEN};
use security_domain::lifecycle::{Active, AnyDomain, Event, LifecycleError, Vault};
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use security_domain::sealed_domain::Root;
use security_domain::sealed_domain::SealedDomain;
use security_domain::secret::Secret;

use crate::flash::{Fault, Hsm};
use crate::import::{ARTIFACTS, blob, expected, importing, known};
use crate::sealed::{fast_keys, share};
use crate::world::{In, Lost, ROOM, activated, activation, hsm, sealed, tested, vault};

/// An active HSM that has imported these artifacts.
fn imported<'v>(
    vault: &'v mut Vault<ROOM>,
    hsm: &mut Hsm,
    artifacts: &[(&'static str, &[u8])],
) -> In<'v, Active> {
    let (domain, certificate) = importing(vault, hsm, &expected(artifacts));
    let blob = blob(artifacts, &certificate);
    let domain = domain
        .import(&RestoreBlob::parse(&blob).unwrap(), hsm)
        .unwrap();
    let id = domain.status().domain.unwrap();
    domain.confirm(id, &known(artifacts), hsm).unwrap()
}

/// The root of [`ARTIFACTS`], by `hashlib` and `hmac` of Python from the definition in `docs/format.md`.
const ROOT: [u8; 32] = [
    0xb8, 0x2c, 0x08, 0xeb, 0xa6, 0x55, 0x3c, 0xbd, 0xd7, 0x1d, 0x9d, 0x69, 0xf6, 0x52, 0x9e, 0xfe,
    0xab, 0xd8, 0x8e, 0x0d, 0x74, 0x7a, 0xf6, 0x11, 0x8a, 0x8c, 0x4d, 0x29, 0xf2, 0x2d, 0xe0, 0xf5,
];

#[test]
fn hsms_that_import_the_same_artifacts_restore_each_others_backups() {
    let (mut a, mut b, mut hsm_1, mut hsm_2) = (vault(), vault(), hsm(1), hsm(2));
    let mut first = imported(&mut a, &mut hsm_1, &ARTIFACTS);
    let mut second = imported(&mut b, &mut hsm_2, &[ARTIFACTS[1], ARTIFACTS[0]]);
    let fill = |bytes: &mut [u8; 32]| {
        *bytes = ROOT;
        Ok::<(), ()>(())
    };
    let root = Secret::try_init(fill).unwrap();
    let id = Root::from_secret(root).domain_id().unwrap();
    assert_eq!(first.status().domain, Some(id));
    assert_eq!(second.status().domain, Some(id));

    let (name, secret) = (Name::new("signing-key").unwrap(), b"what the key is");
    let mut writer = first
        .begin_backup(Kind::Key(name), secret.len() as u64, &mut hsm_1)
        .unwrap();
    let front = writer.front().to_vec();
    let mut chunk = [&secret[..], &[0; TAG_LEN]].concat();
    writer.seal(&mut chunk, &mut hsm_1).unwrap();
    writer.finish(&mut hsm_1).unwrap();
    let header = BackupHeader::parse(&front).unwrap();
    let mut reader = second.begin_restore(&header, &mut hsm_2).unwrap();
    assert_eq!(reader.open(&mut chunk, &mut hsm_2).unwrap(), secret);
    reader.finish(&mut hsm_2).unwrap();
}

#[test]
fn another_tag_or_another_byte_is_another_domain() {
    let id = |artifacts: &[(&'static str, &[u8])]| {
        let (mut vault, mut hsm) = (vault(), hsm(1));
        imported(&mut vault, &mut hsm, artifacts).status().domain
    };
    let [key, backup] = ARTIFACTS;
    let mut changed = backup.1.to_vec();
    changed[99] ^= 1;
    let ids = [
        id(&[key, backup]),
        id(&[key, (backup.0, &changed)]),
        id(&[key, ("hsm_backuq", backup.1)]),
        id(&[backup]),
        // What is at the end of one artifact and at the beginning of the next is not the same.
        id(&[(key.0, b"0123456789\x07"), (backup.0, &backup.1[1..])]),
    ];
    for (i, a) in ids.iter().enumerate() {
        assert!(ids[i + 1..].iter().all(|b| a != b), "{i}");
    }
}

#[test]
fn artifacts_that_could_be_guessed_give_no_root() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let short: [(&'static str, &[u8]); 2] = [("a", &[1; 30]), ("b", &[2])];
    let (domain, certificate) = importing(&mut vault, &mut hsm, &expected(&short));
    let bytes = blob(&short, &certificate);
    let refused = domain
        .import(&RestoreBlob::parse(&bytes).unwrap(), &mut hsm)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::TooFewBytes { have: 31 });
    drop(refused);
    assert!(matches!(
        vault.start(tested(), &mut hsm),
        Ok(AnyDomain::Importing(_))
    ));
}

#[test]
fn an_imported_domain_is_sealed_once_and_recovered_from_that() {
    let (mut a, mut b, mut hsm_1, mut hsm_2) = (vault(), vault(), hsm(1), hsm(2));
    let keys = fast_keys(3);
    let domain = imported(&mut a, &mut hsm_1, &ARTIFACTS);
    let id = domain.status().domain.unwrap();
    assert_eq!(domain.status().header, None, "it is not sealed yet");
    let other = Lost::new(1);
    let none = domain.complete(&other.sealed(), &mut hsm_1);
    assert_eq!(none, Err(LifecycleError::NotSealed));

    let (domain, stored) = sealed(domain, &activation(&keys), &mut hsm_1);
    hsm_1.refuses = true;
    let domain = {
        let refused = domain
            .activate(&stored_in(&stored), &mut hsm_1)
            .unwrap_err();
        assert_eq!(refused.error, LifecycleError::SinkRefused);
        refused.domain.abandon()
    };
    hsm_1.refuses = false;
    assert_eq!(domain.status().header, None, "it is not sealed");

    let (domain, file) = activated(domain, &activation(&keys), &mut hsm_1);
    let header = domain.status().header;
    let heard = &hsm_1.events[hsm_1.events.len() - 2];
    assert!(
        matches!(heard, Event::Activate { domain, header: sealed } if *domain == id && Some(*sealed) == header)
    );
    drop(domain);
    let Ok(AnyDomain::Active(domain)) = a.start(tested(), &mut hsm_1) else {
        panic!("it is active");
    };
    assert_eq!(
        (domain.status().header, domain.status().domain),
        (header, Some(id))
    );
    let mut again = vec![0xaa; file.len() + 9];
    let refused = domain
        .seal(&activation(&keys), &mut hsm_1, &mut again)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::AlreadySealed);
    assert!(again.iter().all(|byte| *byte == 0));
    assert_eq!(refused.domain.status().header, header);
    let complete = refused.domain.complete(&stored_in(&file), &mut hsm_1);
    assert_eq!(complete.unwrap().concat(), file, "its own is not forgotten");

    let lost = Lost { keys, file };
    let sealed = lost.sealed();
    assert_eq!(Some(sealed.header().digest()), header);
    let mut domain = lost.recovering_here(&mut b, &mut hsm_2);
    for key in &lost.keys[..2] {
        domain
            .add_share(&sealed, share(&sealed, key), &mut hsm_2)
            .unwrap();
    }
    let domain = domain.quorum().unwrap().open(&sealed, &mut hsm_2).unwrap();
    assert_eq!(domain.status().domain, Some(id));
    let artifacts = domain.artifacts(&mut hsm_2).unwrap();
    assert!(
        artifacts
            .map(|(tag, bytes)| (tag.as_str(), bytes))
            .eq(ARTIFACTS)
    );
}

/// As for an activation: the state before or the one after, in which the stored file is completed.
#[test]
fn a_sealing_that_was_not_written_leaves_the_domain_unsealed() {
    let mut seen = [0, 0];
    for call in 0..40 {
        let (mut vault, mut hsm) = (vault(), hsm(1));
        let keys = fast_keys(3);
        let domain = imported(&mut vault, &mut hsm, &ARTIFACTS);
        let (domain, file) = sealed(domain, &activation(&keys), &mut hsm);
        let stored = stored_in(&file);
        hsm.fault(call, Fault::Fails);
        let activated = domain.activate(&stored, &mut hsm).map(drop).is_ok();
        hsm.restart();
        let Ok(AnyDomain::Active(domain)) = vault.start(tested(), &mut hsm) else {
            panic!("{call}: it is active");
        };
        let header = domain.status().header;
        assert!(header.is_some() || !activated, "{call}");
        seen[usize::from(activated)] += 1;
        match header {
            Some(header) => {
                assert_eq!(stored.header().digest(), header);
                let complete = domain.complete(&stored, &mut hsm).unwrap().concat();
                assert!(!stored_in(&complete).is_pending());
            }
            None => drop(super::world::activated(
                domain,
                &activation(&keys),
                &mut hsm,
            )),
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

fn stored_in(file: &[u8]) -> SealedDomain<'_> {
    SealedDomain::parse(file).unwrap()
}
