// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state machine, whole: what it draws, keeps, writes to the flash and reads again. Artifacts and
//! everything that is drawn are secret.
//!
//! The device key is public here: so the contents of a record keep what is secret in them apart from what
//! is not. The rows of `record` have it secret.

use security_domain::backup::{BackupHeader, Kind, TAG_LEN};
use security_domain::contribution::{
    Contribution, Request, VettedRequest, contribute, contribution_len,
};
use security_domain::custodian::Recipient;
use security_domain::custody::Checkpoint;
use security_domain::lifecycle::{
    Activation, Active, Added, AnyDomain, Domain, Empty, LifecycleError, Provisioned, Recovering,
    Stage, Vault, vault_room,
};
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, Epoch, ExpectedDomain, ModuleFloor, SealedDomain,
};
use security_domain::self_test;

use crate::Operation;
use crate::domain::Masking;
use crate::flash::Flash;
use crate::rng::SecretRng;
use crate::rsa::{KEYS, secret_key};
use crate::valgrind::{hidden, reveal};

pub const OPERATIONS: &[Operation] = &[
    ("lifecycle: provision, zeroize", provision_and_zeroize),
    ("lifecycle: activate, back up, restore", activate),
    ("lifecycle: recover, a quorum at one place", recover_here),
    ("lifecycle: recover, contributions", || {
        recover(Flash::transparent(76))
    }),
    ("lifecycle: recover, a prepared key", || {
        let mut host = Flash::transparent(77);
        host.prepared = Some(secret_key(KEYS[0]));
        recover(host);
    }),
];

pub const ROOM: usize = vault_room(2, 400);
pub type In<'v, S> = Domain<'v, S, ROOM>;

pub const ARTIFACTS: [(&str, &[u8]); 2] = [("long", &[0x61; 300]), ("short", &[0x62; 31])];

pub fn vault() -> Box<Vault<ROOM>> {
    Box::default()
}

pub fn start<'v>(vault: &'v mut Vault<ROOM>, host: &mut Flash) -> AnyDomain<'v, ROOM> {
    vault.start(self_test::run().unwrap(), host).unwrap()
}

pub fn empty<'v>(vault: &'v mut Vault<ROOM>, host: &mut Flash) -> In<'v, Empty> {
    match start(vault, host) {
        AnyDomain::Empty(domain) => domain,
        _ => panic!("there is no domain"),
    }
}

/// A fresh domain, after another start of its HSM.
fn provisioned<'v>(vault: &'v mut Vault<ROOM>, host: &mut Flash) -> In<'v, Provisioned> {
    let contents = ARTIFACTS.map(|(tag, bytes)| {
        let mut bytes = bytes.to_vec();
        crate::valgrind::hide(&mut bytes);
        (ArtifactTag::new(tag).unwrap(), bytes)
    });
    let artifacts = contents.each_ref().map(|(tag, bytes)| (*tag, &bytes[..]));
    drop(empty(vault, host).provision(&artifacts, host).unwrap());
    let AnyDomain::Provisioned(domain) = start(vault, host) else {
        panic!("there is one");
    };
    domain
}

/// Looks at what an HSM holds after another start.
pub fn check(vault: &mut Vault<ROOM>, host: &mut Flash, expected: &[(&str, &[u8])]) {
    let AnyDomain::Active(domain) = start(vault, host) else {
        panic!("it is active");
    };
    let held = domain.artifacts(host).unwrap().map(|(tag, artifact)| {
        let mut artifact = artifact.to_vec();
        reveal(&mut artifact);
        (tag.as_str(), artifact)
    });
    assert!(held.eq(expected.iter().map(|(tag, bytes)| (*tag, bytes.to_vec()))));
}

fn provision_and_zeroize() {
    let (mut vault, mut host) = (vault(), Flash::transparent(70));
    let domain = provisioned(&mut vault, &mut host);
    assert_eq!(
        domain.zeroize(&mut host).unwrap().status().stage,
        Stage::Empty
    );
}

/// Two of these custodians.
pub fn activation(custodians: &[Masking]) -> Activation<'_, Masking> {
    Activation {
        custodians,
        threshold: Threshold::new(2).unwrap(),
        label: DomainLabel::new("memcheck").unwrap(),
        floor: ModuleFloor::NONE,
        break_glass: None,
    }
}

/// An active domain of three custodians, and the file that left it.
pub fn active<'v>(vault: &'v mut Vault<ROOM>, host: &mut Flash) -> (In<'v, Active>, Vec<u8>) {
    let domain = provisioned(vault, host);
    let keys = [1, 2, 3].map(Masking);
    let activation = activation(&keys);
    let mut file = vec![0; domain.sealed_len(&activation).unwrap()];
    let (domain, len) = domain.seal(&activation, host, &mut file).unwrap();
    file.truncate(len);
    reveal(&mut file);
    let stored = SealedDomain::parse(&file).unwrap();
    let domain = domain.activate(&stored, host).unwrap();
    let mut complete = domain.complete(&stored, host).unwrap().concat();
    reveal(&mut complete);
    (domain, complete)
}

fn activate() {
    let (mut vault, mut host) = (vault(), Flash::transparent(71));
    let (mut domain, _) = active(&mut vault, &mut host);
    domain
        .checkpoint(&mut host, &mut [0; Checkpoint::MAX_SIGNED_LEN])
        .unwrap();
    let text = [0x63; 1_001];
    let mut chunk = [0; 1_001 + TAG_LEN];
    chunk[..text.len()].copy_from_slice(&hidden(text));
    let mut writer = domain
        .begin_backup(Kind::Full(None), text.len() as u64, &mut host)
        .unwrap();
    let front = writer.front().to_vec();
    writer.seal(&mut chunk, &mut host).unwrap();
    writer.finish(&mut host).unwrap();
    reveal(&mut chunk);
    let header = BackupHeader::parse(&front).unwrap();
    let mut reader = domain.begin_restore(&header, &mut host).unwrap();
    let opened = reader.open(&mut chunk, &mut host).unwrap();
    reveal(opened);
    assert_eq!(*opened, text);
    reader.finish(&mut host).unwrap();
    drop(domain);
    check(&mut vault, &mut host, &ARTIFACTS);
}

/// A file of an HSM that is gone.
fn lost() -> Vec<u8> {
    active(&mut vault(), &mut Flash::transparent(72)).1
}

pub fn expect(sealed: &SealedDomain<'_>) -> ExpectedDomain {
    ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST)
}

/// Opens what has its quorum, after another start.
fn open(vault: &mut Vault<ROOM>, host: &mut Flash, sealed: &SealedDomain<'_>) {
    let AnyDomain::QuorumMet(domain) = start(vault, host) else {
        panic!("the session has its quorum");
    };
    drop(domain.open(sealed, host).unwrap());
    check(vault, host, &ARTIFACTS);
}

fn recover_here() {
    let file = lost();
    let sealed = SealedDomain::parse(&file).unwrap();
    let (mut vault, mut host) = (vault(), Flash::transparent(73));
    let mut domain = empty(&mut vault, &mut host)
        .begin_recovery_here(&sealed, &expect(&sealed), None, &mut host)
        .unwrap();
    for mut key in [3, 1].map(Masking) {
        let share = sealed
            .unwrap_share(key.id(), &mut key, &mut SecretRng(74))
            .unwrap();
        assert_eq!(domain.add_share(&sealed, share, &mut host), Ok(Added::New));
    }
    drop(domain);
    open(&mut vault, &mut host, &sealed);
}

/// What one custodian answers.
pub fn contribution(sealed: &SealedDomain<'_>, mut key: Masking, request: &[u8]) -> Vec<u8> {
    let request = Request::parse(request).unwrap();
    let digest = request.digest();
    let vetted = VettedRequest::compared(request, digest).unwrap();
    let rng = &mut SecretRng(75);
    let share = sealed.unwrap_share(key.id(), &mut key, rng).unwrap();
    let mut out = vec![0; contribution_len(vetted.request())];
    contribute(sealed, &expect(sealed), &vetted, &share, 0, rng, &mut out).unwrap();
    reveal(&mut out);
    out
}

fn recover(mut host: Flash) {
    let file = lost();
    let sealed = SealedDomain::parse(&file).unwrap();
    let mut vault = vault();
    let mut request = [0; Request::MAX_LEN];
    let (domain, len) = empty(&mut vault, &mut host)
        .begin_recovery(&sealed, &expect(&sealed), None, &mut host, &mut request)
        .unwrap();
    drop(domain);
    let request = &mut request[..len];
    reveal(request);
    let AnyDomain::Recovering(mut domain) = start(&mut vault, &mut host) else {
        panic!("it waits for contributions");
    };
    let files = [2, 3].map(|key| contribution(&sealed, Masking(key), request));
    let [first, second] = files
        .each_ref()
        .map(|file| Contribution::parse(file).unwrap());
    assert_eq!(domain.add(&sealed, &first, &mut host), Ok(Added::New));
    let mut changed = files[1].clone();
    *changed.last_mut().unwrap() ^= 1;
    if let Ok(changed) = Contribution::parse(&changed) {
        let refused = domain.add(&sealed, &changed, &mut host);
        assert!(matches!(refused, Err(LifecycleError::Contribution(_))));
    }
    assert_eq!(domain.add(&sealed, &second, &mut host), Ok(Added::New));
    drop::<In<'_, Recovering>>(domain);
    open(&mut vault, &mut host, &sealed);
}
