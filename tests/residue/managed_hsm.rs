// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the files of Managed HSM leave.

use security_domain::contribution::SessionPublicKey;
use security_domain::custodian::Recipient;
use security_domain::hazmat::managed_hsm as hazmat;
use security_domain::lifecycle::ExpectedArtifact;
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::drill::{Challenge, Response, respond};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::restore_session::{
    self, Collector, Contribution, Request, Times, VettedRequest,
};
use security_domain::managed_hsm::split_file::SplitFile;
use security_domain::managed_hsm::{Tag, key_backup};
use security_domain::quorum::Threshold;
use security_domain::rsa::{ModulusSize, PrivateKey, PublicKey};
use security_domain::sealed_domain::ArtifactTag;
use security_domain::secret::Secret;
use security_domain::x509::{Certificate, RecoveryCertificate, SELF_SIGNED_MAX_LEN, Thumbprint};
use sha2::{Digest, Sha256};

use crate::draws::{Kept, left_of_draws, left_of_draws_after};
use crate::fixtures::{certificate_der, open_shares, private_key, thumbprint};
use crate::lifecycle::{nothing, shown};
use crate::sealed::rng;
use crate::world::{empty, hsm, vault};
use crate::{NOTHING, Secrets};

const NAMES: [&str; 3] = ["s2048_0", "s2048_1", "s2048_2"];
const TRANSFER: &str = "stransfer2048";
const ARTIFACT: &[u8] = b"thirty-two bytes of key material";

#[track_caller]
fn leaves_nothing(secrets: Secrets, work: impl FnOnce(&mut Kept)) {
    assert_eq!(left_of_draws(&secrets, work), NOTHING);
}

fn artifacts() -> Vec<(Tag<'static>, &'static [u8])> {
    vec![(Tag::new("signing-key").unwrap(), ARTIFACT)]
}

fn file() -> Vec<u8> {
    let ders = NAMES.map(certificate_der);
    let to = ders.each_ref().map(|der| Certificate::parse(der).unwrap());
    let (threshold, artifacts) = (Threshold::new(2).unwrap(), artifacts());
    let mut file = vec![0; domain_file::encoded_len(&artifacts, threshold, &to)];
    domain_file::write(&artifacts, threshold, &to, &mut rng(3), &mut file).unwrap();
    file
}

fn artifact() -> (&'static str, Vec<u8>) {
    ("artifact", ARTIFACT.to_vec())
}

fn master_key(file: &DomainFile<'_>) -> (&'static str, Vec<u8>) {
    let combined = file.combine(&open_shares(file, &NAMES[..2])).unwrap();
    let key = hazmat::expose_master_key(combined.master_key());
    ("master key", key.expose().to_vec())
}

#[test]
fn making_a_domain_file_leaves_nothing() {
    let ders = NAMES.map(certificate_der);
    let to = ders.each_ref().map(|der| Certificate::parse(der).unwrap());
    let (threshold, artifacts) = (Threshold::new(2).unwrap(), artifacts());
    let mut out = vec![0; domain_file::encoded_len(&artifacts, threshold, &to)];
    leaves_nothing(vec![artifact()], |rng| {
        let written = domain_file::write(&artifacts, threshold, &to, rng, &mut out);
        assert!(written.is_ok());
    });
}

#[test]
fn restoring_a_domain_file_leaves_nothing() {
    let text = file();
    let file = Box::new(DomainFile::parse(&text).unwrap());
    let mut key = Box::new(private_key(NAMES[0]));
    let name = thumbprint(NAMES[0]);
    let words = |share| hazmat::share_words(share).expose().to_vec();
    let shares = Box::new(open_shares(&file, &NAMES[..2]));
    let mut secrets = vec![artifact(), master_key(&file)];
    secrets.extend(shares.iter().map(|share| ("share", words(share))));
    leaves_nothing(secrets.clone(), |rng| {
        assert!(file.open_share(&name, &mut *key, rng).is_ok());
    });
    leaves_nothing(secrets.clone(), |_| assert!(file.combine(&shares).is_ok()));

    let combined = Box::new(file.combine(&shares).unwrap());
    let artifact = Box::new(file.artifacts().next().unwrap());
    let mut out = vec![0; artifact.max_len()];
    leaves_nothing(secrets.clone(), |_| {
        assert!(artifact.open(combined.master_key(), &mut out).is_ok());
    });

    let der = certificate_der(TRANSFER);
    let to = Box::new(Certificate::parse(&der).unwrap());
    let mut blob = vec![0; restore_blob::encoded_len(&*file, &to)];
    leaves_nothing(secrets.clone(), |rng| {
        let key = combined.master_key();
        assert!(restore_blob::write(&*file, key, &to, rng, &mut blob).is_ok());
    });
    let blob = Box::new(RestoreBlob::parse(&blob).unwrap());
    let (mut key, name) = (Box::new(private_key(TRANSFER)), thumbprint(TRANSFER));
    leaves_nothing(secrets, |rng| {
        assert!(blob.open(&name, &mut *key, rng).is_ok());
    });
}

/// A custodian contributes, a collector takes the share, gives it up, takes it again and restores.
#[test]
fn a_restore_session_leaves_nothing() {
    let text = file();
    let file = Box::new(DomainFile::parse(&text).unwrap());
    let mut session = Box::new(private_key("stransfer4096"));
    let mut spki = vec![0; PublicKey::SPKI_MAX_LEN];
    let len = session.public_key().to_spki_der(&mut spki).unwrap();
    let kind = session.public_key().algorithm();
    let key = SessionPublicKey::new(kind, &spki[..len]).unwrap();
    let (der, times) = (
        certificate_der(TRANSFER),
        Times {
            created: 0,
            expires: 0,
        },
    );
    let to = Box::new(Certificate::parse(&der).unwrap());
    let mut room = vec![0; Request::MAX_LEN];
    let request = restore_session::ask(&file, &to, key, times, &mut rng(5), &mut room).unwrap();
    let shown = request.digest();
    let vetted = Box::new(VettedRequest::compared(request.clone(), shown).unwrap());

    let words = |share| hazmat::share_words(share).expose().to_vec();
    let shares = Box::new(open_shares(&file, &NAMES[..2]));
    let mut secrets = vec![artifact(), master_key(&file)];
    secrets.extend(shares.iter().map(|share| ("share", words(share))));
    let mut given = vec![vec![0; restore_session::contribution_len(&request)]; 2];
    for (name, out) in NAMES.iter().zip(&mut given) {
        let (of, mut key) = (thumbprint(name), Box::new(private_key(name)));
        leaves_nothing(secrets.clone(), |rng| {
            let made = restore_session::contribute(&file, &vetted, &of, &mut *key, 0, rng, out);
            assert!(made.is_ok());
        });
    }
    let given = given
        .iter()
        .map(|given| Contribution::parse(given).unwrap());
    let given = Box::new(given.collect::<Vec<_>>());
    let mut collector = Box::new(Collector::new(&file, request).unwrap());
    let first = given[0].custodian();
    for given in [&given[0], &given[1], &given[1]] {
        leaves_nothing(secrets.clone(), |rng| {
            assert!(collector.add(given, &mut *session, 0, rng).is_ok());
        });
    }
    let mut blob = vec![0; restore_blob::encoded_len(&*file, &to)];
    leaves_nothing(secrets.clone(), |rng| {
        assert!(collector.restore(&to, 0, rng, &mut blob).is_ok());
    });
    leaves_nothing(secrets, |_| assert!(collector.remove(&first)));
}

/// The value is no secret any more: it leaves in the response.
#[test]
fn a_custodian_of_a_domain_file_who_is_drilled_leaves_nothing() {
    let text = file();
    let file = Box::new(DomainFile::parse(&text).unwrap());
    let der = certificate_der(NAMES[0]);
    let asked = Box::new([RecoveryCertificate::parse(&der).unwrap()]);
    let words = |share| hazmat::share_words(share).expose().to_vec();
    let shares = Box::new(open_shares(&file, &NAMES[..1]));
    let secrets = vec![("share", words(&shares[0]))];
    let mut room = vec![0; Challenge::MAX_LEN];
    // All that is drawn after the challenge's name, of which the value is the first.
    let found = left_of_draws_after(32, &Vec::new(), |rng| {
        assert!(Challenge::write(&file, &*asked, 0, rng, &mut room).is_ok());
    });
    assert_eq!(found, NOTHING);
    let challenge = Challenge::write(&file, &*asked, 0, &mut rng(5), &mut room).unwrap();
    let challenge = Box::new(challenge);
    let (me, mut key) = (thumbprint(NAMES[0]), Box::new(private_key(NAMES[0])));
    let mut out = vec![0; Response::LEN];
    leaves_nothing(secrets, |rng| {
        assert!(respond(&file, &challenge, &me, &mut *key, rng, &mut out).is_ok());
    });
}

#[test]
fn opening_a_file_of_version_1_leaves_nothing() {
    let vector = |name: &str| std::fs::read(format!("tests/vectors/{name}")).unwrap();
    let text = vector("split-keys/domain.json");
    let file = Box::new(SplitFile::parse(&text).unwrap());
    let ders = ["2048", "3072"].map(|bits| vector(&format!("rsa/keys/{bits}.cer.der")));
    let [one, two] = ders.each_ref().map(|der| Thumbprint::of(der));
    let mut keys = ["2048", "3072"].map(|bits| {
        let der = vector(&format!("rsa/keys/{bits}.pkcs8.der"));
        Box::new(PrivateKey::from_pkcs8_der(&der).unwrap())
    });
    let [first, second] = &mut keys;
    let halves = Box::new([
        file.open_half(&one, &two, &mut **first, &mut rng(4))
            .unwrap(),
        file.open_half(&two, &one, &mut **second, &mut rng(4))
            .unwrap(),
    ]);
    let key = Box::new(file.combine([&halves[0], &halves[1]]).unwrap());
    let key = hazmat::expose_master_key(&key).expose().to_vec();
    let bytes = |half| hazmat::half_bytes(half).expose().to_vec();
    let mut secrets = vec![("master key", key)];
    secrets.extend(halves.iter().map(|half| ("half", bytes(half))));
    leaves_nothing(secrets.clone(), |rng| {
        assert!(file.open_half(&one, &two, &mut **first, rng).is_ok());
    });
    leaves_nothing(secrets, |_| {
        assert!(file.combine([&halves[0], &halves[1]]).is_ok());
    });
}

#[test]
fn the_backup_of_a_key_leaves_nothing() {
    let key: Box<Secret<64>> = Box::new(Secret::random(&mut rng(1)).unwrap());
    let secrets = vec![artifact(), ("key", key.expose().to_vec())];
    let mut out = vec![0; key_backup::encoded_len(ARTIFACT.len())];
    leaves_nothing(secrets.clone(), |rng| {
        assert!(key_backup::seal(&key, ARTIFACT, rng, &mut out).is_ok());
    });
    let backup = Box::new(key_backup::KeyBackup::parse(&out).unwrap());
    let mut opened = vec![0; backup.max_len()];
    leaves_nothing(secrets, |_| assert!(backup.open(&key, &mut opened).is_ok()));
}

#[test]
fn importing_leaves_nothing() {
    let mut vault = vault();
    let mut hsm = hsm(2);
    let domain = empty(&mut vault, &mut hsm);
    let (mut secrets, mut public) = (Secrets::new(), Vec::new());
    let (mut domain, mut next) = (Some(domain), None);
    let expected = [ExpectedArtifact {
        tag: ArtifactTag::new("signing-key").unwrap(),
        digest: Some(Sha256::digest(ARTIFACT).into()),
    }];
    let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
    nothing(&secrets, &public, &mut hsm, |hsm| {
        let (size, domain) = (ModulusSize::Rsa2048, domain.take().unwrap());
        next = { domain.begin_import(size, &expected, None, hsm, &mut certificate) }.ok();
    });
    let (domain, len) = next.unwrap();
    public.extend(shown(&domain.status()));
    public.extend(&certificate[..len]);

    let text = file();
    let file = DomainFile::parse(&text).unwrap();
    let combined = file.combine(&open_shares(&file, &NAMES[..2])).unwrap();
    let to = Certificate::parse(&certificate[..len]).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &to)];
    restore_blob::write(&file, combined.master_key(), &to, &mut rng(4), &mut blob).unwrap();
    let blob = Box::new(RestoreBlob::parse(&blob).unwrap());
    secrets.extend([master_key(&file), artifact()]);
    let (mut domain, mut next) = (Some(domain), None);
    nothing(&secrets, &public, &mut hsm, |hsm| {
        next = domain.take().unwrap().import(&blob, hsm).ok();
    });

    let status = next.as_ref().unwrap().status();
    public.extend(shown(&status));
    let (mut domain, mut next) = (next, None);
    nothing(&secrets, &public, &mut hsm, |hsm| {
        let (domain, named) = (domain.take().unwrap(), status.domain.unwrap());
        next = domain.confirm(named, &[], hsm).ok();
    });
    assert!(next.is_some());
}
