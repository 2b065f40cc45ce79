// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interchange: a domain leaves one HSM and enters another, its keys and artifacts secret
//! throughout.

use core::num::NonZeroU64;

use security_domain::contribution::{SessionId, SessionPublicKey};
use security_domain::custodian::Recipient;
use security_domain::hazmat::managed_hsm::Asking;
use security_domain::managed_hsm::domain_file::{self, CombineError, DomainFile};
use security_domain::managed_hsm::drill;
use security_domain::managed_hsm::key_backup::{self, ContentKey, KeyBackup};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::restore_session::{
    CollectError, Collector, Contribution, Request, VettedRequest, contribute, contribution_len,
};
use security_domain::managed_hsm::split_file::SplitFile;
use security_domain::managed_hsm::{OpenError, Share, Tag};
use security_domain::quorum::Threshold;
use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::x509::{
    Certificate, RecoveryCertificate, SELF_SIGNED_MAX_LEN, SelfSigned, Thumbprint,
    write_self_signed,
};

use crate::Operation;
use crate::rng::SecretRng;
use crate::rsa::{KEYS, secret_key};
use crate::valgrind::{hidden, reveal};

pub const OPERATIONS: &[Operation] = &[
    ("managed_hsm: domain file, restore blob", lifecycle),
    ("managed_hsm: a wrong share among three", wrong_share),
    ("managed_hsm: domain file of version 1", split_keys),
    ("managed_hsm: key backup, sealed and opened", backup),
    ("managed_hsm: a restore session, 2 of 3", session),
    ("managed_hsm: contributions that do not open", refused),
    ("managed_hsm: a drill, challenge and responses", drilled),
];

const CERTIFICATES: [&[u8]; 3] = [
    include_bytes!("../../../../tests/vectors/rsa/keys/2048.cer.der"),
    include_bytes!("../../../../tests/vectors/rsa/keys/3072.cer.der"),
    include_bytes!("../../../../tests/vectors/rsa/keys/4096.cer.der"),
];

pub const ARTIFACT: [u8; 300] = [0x61; 300];

fn certificates() -> [Certificate<'static>; 3] {
    CERTIFICATES.map(|der| Certificate::parse(der).unwrap())
}

/// A file of two artifacts, opened by any two of three custodians.
pub fn domain() -> Vec<u8> {
    let artifact = hidden(ARTIFACT);
    let artifacts = [
        (Tag::new("a").unwrap(), &artifact[..]),
        (Tag::new("b").unwrap(), &[]),
    ];
    let (two, certificates) = (Threshold::new(2).unwrap(), certificates());
    let mut text = vec![0; domain_file::encoded_len(&artifacts, two, &certificates)];
    domain_file::write(
        &artifacts,
        two,
        &certificates,
        &mut SecretRng(20),
        &mut text,
    )
    .unwrap();
    reveal(&mut text);
    text
}

pub fn share(file: &DomainFile<'_>, custodian: usize) -> Share {
    let mut key: PrivateKey = secret_key(KEYS[custodian]);
    let thumbprint = certificates()[custodian].thumbprint();
    file.open_share(&thumbprint, &mut key, &mut SecretRng(21))
        .unwrap()
}

fn lifecycle() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let combined = file.combine(&[share(&file, 0), share(&file, 1)]).unwrap();

    let [transfer, ..] = certificates();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    let key = combined.master_key();
    restore_blob::write(&file, key, &transfer, &mut SecretRng(22), &mut blob).unwrap();
    reveal(&mut blob);

    let blob = RestoreBlob::parse(&blob).unwrap();
    let mut identity = secret_key(KEYS[0]);
    let thumbprint = transfer.thumbprint();
    let key = blob
        .open(&thumbprint, &mut identity, &mut SecretRng(23))
        .unwrap();
    for (artifact, expected) in blob.artifacts().zip([&ARTIFACT[..], &[]]) {
        let mut out = vec![0; artifact.max_len()];
        let len = artifact.open(&key, &mut out).unwrap();
        reveal(&mut out);
        assert_eq!(&out[..len], expected);
    }
}

/// Shares of two files: which is wrong becomes public, and nothing else.
fn wrong_share() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let artifacts = [(Tag::new("c").unwrap(), &[][..])];
    let (two, certificates) = (Threshold::new(2).unwrap(), certificates());
    let mut other = vec![0; domain_file::encoded_len(&artifacts, two, &certificates)];
    domain_file::write(
        &artifacts,
        two,
        &certificates,
        &mut SecretRng(24),
        &mut other,
    )
    .unwrap();
    reveal(&mut other);
    let other = DomainFile::parse(&other).unwrap();

    let shares = [share(&file, 0), share(&other, 1), share(&file, 2)];
    let combined = file.combine(&shares).unwrap();
    assert_eq!(combined.left_out(), [certificates[1].thumbprint()]);
    let [a, b, _] = shares;
    assert_eq!(file.combine(&[a, b]).err(), Some(CombineError::DoesNotOpen));
}

/// The key of a session, 4096 bits long, and its request for a file.
fn asked(file: &DomainFile<'_>, seed: u8) -> Vec<u8> {
    let key: PrivateKey = secret_key(KEYS[2]);
    let mut spki = vec![0; PublicKey::SPKI_MAX_LEN];
    let len = key.public_key().to_spki_der(&mut spki).unwrap();
    let kind = key.public_key().algorithm();
    let key = SessionPublicKey::new(kind, &spki[..len]).unwrap();
    let mut out = vec![0; Request::MAX_LEN];
    let asking = Asking {
        session: SessionId::from_bytes([seed; 32]),
        file: file.digest(),
        transfer: Thumbprint::of(&transfer()),
        key,
        created: 0,
        expires: 0,
    };
    asking.write(&mut out).unwrap().as_bytes().to_vec()
}

/// A certificate that is no custodian's.
fn transfer() -> Vec<u8> {
    let key: PrivateKey = PrivateKey::from_pkcs8_der(KEYS[0]).unwrap();
    let content = SelfSigned {
        common_name: "transfer",
        serial: NonZeroU64::MIN,
        not_before: 0,
        not_after: 1,
    };
    let mut out = vec![0; SELF_SIGNED_MAX_LEN];
    let len = write_self_signed(&key, &content, &mut SecretRng(25), &mut out).unwrap();
    reveal(&mut out);
    out.truncate(len);
    out
}

/// A custodian's contribution. The share is secret until it is wrapped.
fn contributed(file: &DomainFile<'_>, request: &[u8], custodian: usize) -> Vec<u8> {
    let request = Request::parse(request).unwrap();
    let shown = request.digest();
    let request = VettedRequest::compared(request, shown).unwrap();
    let mut out = vec![0; contribution_len(request.request())];
    let of = certificates()[custodian].thumbprint();
    let mut key: PrivateKey = secret_key(KEYS[custodian]);
    let rng = &mut SecretRng(26);
    contribute(file, &request, &of, &mut key, 0, rng, &mut out).unwrap();
    out
}

fn session() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let request = asked(&file, 1);
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let mut key: PrivateKey = secret_key(KEYS[2]);
    // The second time the share is compared with the one that is there.
    for custodian in [0, 1, 0] {
        let given = contributed(&file, &request, custodian);
        let given = Contribution::parse(&given).unwrap();
        let added = collector.add(&given, &mut key, 0, &mut SecretRng(27));
        assert!(added.is_ok());
    }
    let transfer = transfer();
    let transfer = Certificate::parse(&transfer).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    let restored = collector.restore(&transfer, 0, &mut SecretRng(28), &mut blob);
    assert_eq!(restored.unwrap().left_out().count(), 0);
    assert!(collector.remove(&certificates()[0].thumbprint()));
}

/// Bound to another request, or not a share: that it does not open becomes public, and nothing
/// else.
fn refused() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let [request, other] = [1, 2].map(|seed| asked(&file, seed));
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let mut key: PrivateKey = secret_key(KEYS[2]);
    // Relabelled: R is after the head and the version.
    let mut relabelled = contributed(&file, &other, 0);
    let digest = collector.request().digest();
    relabelled[4..36].copy_from_slice(digest.as_bytes());
    let mut changed = contributed(&file, &request, 0);
    if let Some(last) = changed.last_mut() {
        *last ^= 1;
    }
    for file in [relabelled, changed] {
        let given = Contribution::parse(&file).unwrap();
        let added = collector.add(&given, &mut key, 0, &mut SecretRng(29));
        let closed = CollectError::DoesNotOpen(certificates()[0].thumbprint());
        assert_eq!(added.err(), Some(closed));
    }
}

/// A custodian who has the key, and one whose value is another's: that it does not open becomes
/// public, and nothing else.
fn drilled() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let asked = [0, 1].map(|at: usize| RecoveryCertificate::parse(CERTIFICATES[at]).unwrap());
    let mut out = vec![0; drill::Challenge::written_len(&asked)];
    let written = drill::Challenge::write(&file, &asked, 0, &mut SecretRng(31), &mut out);
    let mut challenge = written.unwrap().as_bytes().to_vec();
    let me = asked[0].thumbprint();
    let respond = |challenge: &[u8]| {
        let challenge = drill::Challenge::parse(challenge).unwrap();
        let mut key: PrivateKey = secret_key(KEYS[0]);
        let mut out = [0; drill::Response::LEN];
        let rng = &mut SecretRng(32);
        let response = drill::respond(&file, &challenge, &me, &mut key, rng, &mut out);
        response.map(|response| response.verify(&file, &challenge))
    };
    assert_eq!(respond(&challenge).ok(), Some(Ok(me)));
    // The last byte of what is wrapped to the first key.
    let wrapped = drill::Challenge::parse(&challenge).unwrap();
    let (_, wrapped) = wrapped.values().find(|(of, _)| *of == me).unwrap();
    let wrapped = wrapped.to_vec();
    let at = challenge
        .windows(wrapped.len())
        .position(|part| part == wrapped);
    challenge[at.unwrap() + wrapped.len() - 1] ^= 1;
    assert_eq!(
        respond(&challenge).err(),
        Some(drill::RespondError::DoesNotOpen(me))
    );
}

/// The halves of a pair, and those of two pairs: whether they open the file becomes public.
fn split_keys() {
    const TEXT: &[u8] = include_bytes!("../../../../tests/vectors/split-keys/domain.json");
    let file = SplitFile::parse(TEXT).unwrap();
    let thumbprints = certificates().map(|certificate| certificate.thumbprint());
    let half = |of: usize, with: usize| {
        let mut key: PrivateKey = secret_key(KEYS[of]);
        let rng = &mut SecretRng(28);
        file.open_half(&thumbprints[of], &thumbprints[with], &mut key, rng)
            .unwrap()
    };
    let (one, two) = (half(0, 1), half(1, 0));
    let key = file.combine([&one, &two]).unwrap();
    let artifact = file.artifacts().next().unwrap();
    let mut out = vec![0; artifact.max_len()];
    assert!(artifact.open(&key, &mut out).is_ok());
    let other = half(1, 2);
    assert_eq!(
        file.combine([&one, &other]).err(),
        Some(OpenError::DoesNotOpen)
    );
}

fn backup() {
    let key = ContentKey::random(&mut SecretRng(25)).unwrap();
    let mut text = vec![0; key_backup::encoded_len(ARTIFACT.len())];
    key_backup::seal(&key, &hidden(ARTIFACT), &mut SecretRng(26), &mut text).unwrap();
    reveal(&mut text);
    let backup = KeyBackup::parse(&text).unwrap();
    let mut out = vec![0; backup.max_len()];
    let len = backup.open(&key, &mut out).unwrap();
    reveal(&mut out);
    assert_eq!(out[..len], ARTIFACT);

    let other = ContentKey::random(&mut SecretRng(27)).unwrap();
    assert_eq!(backup.open(&other, &mut out), Err(OpenError::DoesNotOpen));
}
