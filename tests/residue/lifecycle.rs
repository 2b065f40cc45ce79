// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the steps of the lifecycle leave.

use std::mem::forget;

use security_domain::approval::{Act, ActKind, ActSubject, ActTerms, Approval, approve};
use security_domain::backup::{BackupHeader, Kind, TAG_LEN};
use security_domain::contribution::{Request, VettedRequest, contribute, contribution_len};
use security_domain::custodian::{Algorithm, Recipient};
use security_domain::drill::{Challenge, Response, respond};
use security_domain::hazmat::lifecycle::{Fresh, session_instance};
use security_domain::hazmat::record::{self, Loaded};
use security_domain::lifecycle::{
    Active, AnyDomain, Backup, Empty, Host, LifecycleError, Provisioned, Status, Vault,
};
use security_domain::sealed_domain::{HeaderDigest, Root, SealedDomain};
use security_domain::secret::Secret;
use sha2::Digest;

use crate::flash::Hsm;
use crate::sealed::{artifacts, fast_keys, rng, share};
use crate::stack::{dead, found, left};
use crate::world::{
    In, Lost, ROOM, activated, activation, empty, hsm, memory, parse, tested, vault,
};
use crate::{NOTHING, Secrets, TEXT_LEN, backup_keys, root_and_key, text, value};

/// What is at rest and did not leave with what is `public`, and what a key in it is in the words of
/// this machine.
pub fn at_rest(hsm: &Hsm, public: &[u8]) -> Secrets {
    let mut buffer = vec![0; ROOM];
    let mut copy = Hsm::with_flash(hsm.flash.clone(), 0);
    let Ok(Loaded::Contents { len, .. }) = record::load(&mut copy, &mut buffer) else {
        return Secrets::new();
    };
    let (mut state, held) = (buffer[..len].to_vec(), &buffer[..len]);
    for (at, window) in held.windows(8).enumerate() {
        if public.windows(8).any(|shown| shown == window) {
            state[at..][..8].fill(0);
        }
    }
    let reversed = state.iter().rev().copied().collect();
    vec![("state", state), ("state, reversed", reversed)]
}

/// What an HSM draws when it is provisioned, and what follows from it.
fn drawn(hsm: &mut Hsm) -> Secrets {
    let (number, now, mut rng) = (hsm.flash.counter, hsm.now, hsm.rng.clone());
    let fresh = Fresh::drawn(&mut rng, hsm.device_key(), number, now).unwrap();
    let mut secrets = seed_and_key(&fresh.seed);
    secrets.extend(root_and_key(&fresh.root));
    secrets
}

fn seed_and_key(seed: &Secret<32>) -> Secrets {
    let expanded = sha2::Sha512::digest(seed.expose());
    vec![
        ("seed of the HSM", seed.expose().to_vec()),
        ("nonce half of the HSM's key", expanded[32..].to_vec()),
    ]
}

/// A blank HSM, what it will draw when it begins to recover the domain of this header, and what
/// everybody will see of it.
fn before_a_session(
    vault: &mut Vault<ROOM>,
    header: HeaderDigest,
) -> (Hsm, In<'_, Empty>, Secrets, Vec<u8>) {
    let mut hsm = hsm(2);
    let domain = empty(vault, &mut hsm);
    let (number, now) = (hsm.flash.counter, hsm.now);
    let (mut rng, key) = (hsm.rng.clone(), hsm.device_key());
    let (seed, id) = session_instance(&mut rng, key, header.as_bytes(), number, now).unwrap();
    (hsm, domain, seed_and_key(&seed), id.as_bytes().to_vec())
}

/// An HSM with this seed, its vault's domain before it was provisioned, and what it will draw.
fn blank(vault: &mut Vault<ROOM>) -> (Hsm, In<'_, Empty>, Secrets) {
    let mut hsm = hsm(2);
    let domain = empty(vault, &mut hsm);
    let secrets = drawn(&mut hsm);
    (hsm, domain, secrets)
}

/// The same when it was provisioned.
fn fresh(vault: &mut Vault<ROOM>) -> (Hsm, In<'_, Provisioned>, Secrets) {
    let (mut hsm, domain, secrets) = blank(vault);
    let domain = domain.provision(&artifacts(), &mut hsm).unwrap();
    (hsm, domain, secrets)
}

/// Looks behind a step of an HSM for secrets, for what was at rest before and what is there after,
/// but for what is `public`.
#[track_caller]
pub fn nothing(secrets: &Secrets, public: &[u8], hsm: &mut Hsm, work: impl FnOnce(&mut Hsm)) {
    let mut secrets = secrets.clone();
    secrets.extend(at_rest(hsm, public));
    let seen = dead(|| work(hsm));
    secrets.extend(at_rest(hsm, public));
    assert_eq!(found(&seen, &secrets), NOTHING);
}

/// What everybody sees of an HSM.
pub fn shown(status: &Status) -> Vec<u8> {
    let mut shown = Vec::new();
    shown.extend(status.instance.iter().flat_map(|id| *id.as_bytes()));
    shown.extend(status.domain.iter().flat_map(|id| *id.as_bytes()));
    shown.extend(status.header.iter().flat_map(|digest| *digest.as_bytes()));
    shown
}

#[test]
fn what_is_looked_for_is_what_the_hsm_holds() {
    let mut vault = vault();
    let (hsm, domain, secrets) = fresh(&mut vault);
    let shown = shown(&domain.status());
    let state = &at_rest(&hsm, &shown)[0].1;
    for name in ["seed of the HSM", "root"] {
        let (_, secret) = secrets.iter().find(|(named, _)| *named == name).unwrap();
        assert!(state.windows(32).any(|window| window == secret), "{name}");
    }
    assert!(!state.windows(8).any(|window| shown.starts_with(window)));
}

#[test]
fn provisioning_leaves_nothing() {
    let (mut vault, artifacts) = (vault(), artifacts());
    let (mut hsm, domain, secrets) = blank(&mut vault);
    let (mut domain, mut next) = (Some(domain), None);
    nothing(&secrets, &[], &mut hsm, |hsm| {
        next = domain.take().unwrap().provision(&artifacts, hsm).ok();
    });
    assert!(next.is_some());
}

#[test]
fn starting_leaves_nothing() {
    let mut vault = vault();
    let (mut hsm, domain, secrets) = fresh(&mut vault);
    drop(domain);
    let (mut token, mut next) = (Some(tested()), None);
    nothing(&secrets, &[], &mut hsm, |hsm| {
        next = vault.start(token.take().unwrap(), hsm).ok();
    });
    assert!(matches!(next, Some(AnyDomain::Provisioned(_))));
}

#[test]
fn activating_and_zeroizing_leave_nothing() {
    let (mut vault, keys) = (vault(), fast_keys(3));
    let (mut hsm, domain, secrets) = fresh(&mut vault);
    let activation = activation(&keys);
    let mut file = vec![0; domain.sealed_len(&activation).unwrap()];
    let (mut domain, mut next) = (Some(domain), None);
    nothing(&secrets, &[], &mut hsm, |hsm| {
        let sealed = { domain.take().unwrap() }.seal(&activation, hsm, &mut file);
        next = sealed.ok();
    });
    let (domain, len) = next.unwrap();
    file.truncate(len);
    let stored = Box::new(SealedDomain::parse(&file).unwrap());
    let (mut domain, mut next) = (Some(domain), None);
    nothing(&secrets, &file, &mut hsm, |hsm| {
        next = { domain.take().unwrap() }.activate(&stored, hsm).ok();
    });
    let domain = next.unwrap();
    let file = domain.complete(&stored, &mut hsm).unwrap().concat();
    let (mut domain, mut next) = (Some(domain), None);
    nothing(&secrets, &file, &mut hsm, |hsm| {
        next = domain.take().unwrap().zeroize(hsm).ok();
    });
    assert!(next.is_some());
}

#[test]
fn recovering_with_contributions_leaves_nothing() {
    recovering_leaves_nothing(Algorithm::Rsa2048OaepSha256);
}

#[cfg(all(feature = "p256", feature = "pq"))]
#[test]
fn recovering_with_a_transfer_key_of_any_kind_leaves_nothing() {
    for kind in [
        Algorithm::XWing,
        Algorithm::MlKem1024P384,
        Algorithm::MlKem1024Kwp,
        Algorithm::DhKemP256,
    ] {
        println!("{kind}");
        recovering_leaves_nothing(kind);
    }
}

fn recovering_leaves_nothing(kind: Algorithm) {
    let lost = Lost::new(1);
    let (sealed, expect) = (Box::new(lost.sealed()), Box::new(lost.expect()));
    let mut vault = vault();
    let header = sealed.header().digest();
    let (mut hsm, domain, mut secrets, shown) = before_a_session(&mut vault, header);
    hsm.kind = Some(kind);
    secrets.extend(lost.keys.iter().map(|key| ("share", value(&sealed, key))));
    let (mut domain, mut next) = (Some(domain), None);
    let mut request = vec![0; Request::MAX_LEN];
    nothing(
        &secrets,
        &[&shown, &lost.file[..]].concat(),
        &mut hsm,
        |hsm| {
            let domain = domain.take().unwrap();
            let begun = domain.begin_recovery(&sealed, &expect, None, hsm, &mut request);
            next = begun.ok();
        },
    );
    let (mut domain, len) = next.unwrap();
    let mut public = [&shown, &lost.file[..], &request].concat();
    public.extend(domain.request().unwrap().as_bytes());
    for place in [0, 2] {
        let contribution = lost.contribution(place, &request[..len]);
        let contribution = Box::new(parse(&contribution));
        nothing(&secrets, &public, &mut hsm, |hsm| {
            assert!(domain.add(&sealed, &contribution, hsm).is_ok());
        });
    }
    let (mut domain, mut next) = (domain.quorum().ok(), None);
    nothing(&secrets, &public, &mut hsm, |hsm| {
        next = domain.take().unwrap().open(&sealed, hsm).ok();
    });
    assert!(next.is_some());
}

/// The caller moves a share into the call: of that share there is a copy in the caller's own frame.
#[test]
fn recovering_at_one_place_leaves_nothing() {
    let lost = Lost::new(1);
    let sealed = Box::new(lost.sealed());
    let mut vault = vault();
    let header = sealed.header().digest();
    let (mut hsm, domain, secrets, shown) = before_a_session(&mut vault, header);
    let mut public = [&shown, &lost.file[..]].concat();
    public.extend(header.as_bytes());
    let expect = lost.expect();
    let begun = domain.begin_recovery_here(&sealed, &expect, None, &mut hsm);
    let mut domain = begun.unwrap();
    for key in &lost.keys[..2] {
        let mut moved = public.clone();
        moved.extend(value(&sealed, key));
        let mut share = Box::new(Some(share(&sealed, key)));
        nothing(&secrets, &moved, &mut hsm, |hsm| {
            let added = domain.add_share(&sealed, share.take().unwrap(), hsm);
            assert!(added.is_ok());
        });
    }
    let (mut domain, mut next) = (Some(domain), None);
    nothing(&secrets, &public, &mut hsm, |hsm| {
        next = domain.take().unwrap().cancel(hsm).ok();
    });
    assert!(next.is_some());
}

#[test]
fn a_custodian_who_contributes_leaves_nothing() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let (_, request) = lost.recovering(&mut vault, &mut hsm, 0);
    let request = Request::parse(&request).unwrap();
    let digest = request.digest();
    let vetted = Box::new(VettedRequest::compared(request, digest).unwrap());
    let (sealed, expect) = (Box::new(lost.sealed()), Box::new(lost.expect()));
    let share = Box::new(share(&sealed, &lost.keys[0]));
    let mut out = vec![0; contribution_len(vetted.request())];
    let mut seed = Box::new(rng(1));
    let secrets = vec![("share", value(&sealed, &lost.keys[0]))];
    let found = left(&secrets, || {
        let made = contribute(&sealed, &expect, &vetted, &share, 0, &mut *seed, &mut out);
        assert!(made.is_ok());
    });
    assert_eq!(found, NOTHING);
}

/// The value is no secret any more: it leaves in the response.
#[test]
fn a_custodian_who_is_drilled_leaves_nothing() {
    let lost = Lost::new(1);
    let (sealed, expect) = (Box::new(lost.sealed()), Box::new(lost.expect()));
    let keys = [lost.keys[0].clone()];
    let mut file = vec![0; Challenge::written_len(&keys)];
    let challenge = Challenge::write(&sealed, &keys, 0, &mut rng(1), &mut file).unwrap();
    let (id, challenge) = (keys[0].id(), Box::new(challenge));
    let (mut key, mut seed) = (Box::new(lost.keys[0].clone()), Box::new(rng(2)));
    let share = Box::new(share(&sealed, &lost.keys[0]));
    let secrets = vec![("share", value(&sealed, &lost.keys[0]))];
    let mut out = vec![0; Response::MAX_LEN];
    let found = left(&secrets, || {
        let drawn = challenge.unwrap_value(&sealed, id, &mut *key, &mut *seed);
        let drawn = drawn.ok();
        let drawn = drawn.as_ref();
        assert!(drawn.is_some());
        let made = respond(
            &sealed, &expect, &challenge, &share, drawn, &mut *seed, &mut out,
        );
        assert!(made.is_ok());
    });
    assert_eq!(found, NOTHING);
}

#[test]
fn a_custodian_who_approves_leaves_nothing() {
    let lost = Lost::new(1);
    let (sealed, expect) = (Box::new(lost.sealed()), Box::new(lost.expect()));
    let terms = ActTerms {
        kind: ActKind::EmitRelease,
        instance: sealed.header().instance(),
        subject: ActSubject::NONE,
        created: 0,
        expires: 0,
    };
    let (mut file, mut seed) = (vec![0; Act::MAX_LEN], Box::new(rng(2)));
    let act = Box::new(Act::write(&sealed, &terms, &mut rng(1), &mut file).unwrap());
    let share = Box::new(share(&sealed, &lost.keys[0]));
    let secrets = vec![("share", value(&sealed, &lost.keys[0]))];
    let mut out = vec![0; Approval::MAX_LEN];
    let found = left(&secrets, || {
        let made = approve(&sealed, &expect, &act, &share, 0, &mut *seed, &mut out);
        assert!(made.is_ok());
    });
    assert_eq!(found, NOTHING);
}

#[test]
fn backups_and_their_restoring_leave_nothing() {
    let (mut vault, keys) = (vault(), fast_keys(3));
    let (mut hsm, domain, mut secrets) = fresh(&mut vault);
    let activation = activation(&keys);
    let (mut domain, mut public) = activated(domain, &activation, &mut hsm);
    public.extend(shown(&domain.status()));
    // The key of a backup follows from its front, which is known when it has begun.
    let mut backup = Box::new(None);
    let seen = dead(|| {
        let (kind, length) = (Kind::Full(None), TEXT_LEN as u64);
        *backup = domain.begin_backup(kind, length, &mut hsm).ok();
    });
    let front = backup.as_ref().as_ref().unwrap().front().to_vec();
    secrets.extend(backup_keys(&root_of(&secrets), &front));
    secrets.extend(at_rest(&hsm, &public));
    assert_eq!(found(&seen, &secrets), NOTHING);
    let mut chunk = [text(), vec![0; TAG_LEN]].concat();
    secrets.push(("text", text()));
    nothing(&secrets, &public, &mut hsm, |hsm| {
        let mut backup = backup.take().unwrap();
        assert!(backup.seal(&mut chunk, hsm).is_ok());
        assert_eq!(backup.next_len(), None);
        assert!(backup.finish(hsm).is_ok());
    });
    drop(backup);
    let header = Box::new(BackupHeader::parse(&front).unwrap());
    let mut restore = Box::new(None);
    nothing(&secrets, &public, &mut hsm, |hsm| {
        *restore = domain.begin_restore(&header, hsm).ok();
    });
    nothing(&secrets, &public, &mut hsm, |hsm| {
        let mut restore = restore.take().unwrap();
        assert!(restore.open(&mut chunk, hsm).is_ok());
        assert!(restore.finish(hsm).is_ok());
    });
}

/// What is done with an active domain.
type Work = fn(In<'_, Active>, &mut Hsm) -> Vec<u8>;

/// What a domain's vault holds after `work`, what the HSM drew, and what `work` returned.
fn vault_after(work: Work) -> (Vec<u8>, Secrets, Vec<u8>) {
    let (mut vault, keys) = (vault(), fast_keys(3));
    let (mut hsm, domain, secrets) = fresh(&mut vault);
    let activation = activation(&keys);
    let (domain, _) = activated(domain, &activation, &mut hsm);
    let returned = work(domain, &mut hsm);
    (memory(&vault), secrets, returned)
}

/// In each case the HSM draws the same, so the key is the same. A domain that is forgotten does not
/// wipe its vault.
#[test]
fn the_key_of_a_backup_stands_in_the_vault_until_the_backup_ends() {
    fn begun<'d>(domain: &'d mut In<'_, Active>, hsm: &mut Hsm) -> Backup<'d, ROOM> {
        domain.begin_backup(Kind::Full(None), 0, hsm).unwrap()
    }
    let (during, secrets, front) = vault_after(|mut domain, hsm| {
        let backup = begun(&mut domain, hsm);
        let front = backup.front().to_vec();
        forget(backup);
        forget(domain);
        front
    });
    let key = backup_keys(&root_of(&secrets), &front);
    let has_key = |memory: &[u8]| memory.windows(32).any(|window| window == key[0].1);
    assert!(has_key(&during), "while it goes on");

    let ends: [(&str, Work); 6] = [
        ("finished", |mut domain, hsm| {
            let mut backup = begun(&mut domain, hsm);
            backup.seal(&mut [0; TAG_LEN], hsm).unwrap();
            backup.finish(hsm).unwrap();
            forget(domain);
            Vec::new()
        }),
        ("dropped", |mut domain, hsm| {
            drop(begun(&mut domain, hsm));
            forget(domain);
            Vec::new()
        }),
        ("a chunk of another length", |mut domain, hsm| {
            let mut backup = begun(&mut domain, hsm);
            assert!(backup.seal(&mut [0; TAG_LEN + 1], hsm).is_err());
            forget(backup);
            forget(domain);
            Vec::new()
        }),
        ("not begun", |mut domain, hsm| {
            hsm.refuses = true;
            let refused = domain.begin_backup(Kind::Full(None), 0, hsm);
            assert_eq!(refused.unwrap_err(), LifecycleError::SinkRefused);
            forget(domain);
            Vec::new()
        }),
        (
            "forgotten before a step that is refused",
            |mut domain, hsm| {
                forget(begun(&mut domain, hsm));
                drop(vault().start(tested(), hsm).unwrap());
                assert!(domain.begin_backup(Kind::Full(None), 0, hsm).is_err());
                forget(domain);
                Vec::new()
            },
        ),
        ("forgotten, and the domain dropped", |mut domain, hsm| {
            forget(begun(&mut domain, hsm));
            drop(domain);
            Vec::new()
        }),
    ];
    for (how, end) in ends {
        assert!(!has_key(&vault_after(end).0), "{how}");
    }
    let (after, ..) = vault_after(|mut domain, hsm| {
        let front = begun(&mut domain, hsm).front().to_vec();
        let header = BackupHeader::parse(&front).unwrap();
        drop(domain.begin_restore(&header, hsm).unwrap());
        forget(domain);
        front
    });
    assert!(!has_key(&after), "restored");
}

/// The root among the secrets of an HSM.
fn root_of(secrets: &Secrets) -> Root {
    let (_, root) = secrets.iter().find(|(name, _)| *name == "root").unwrap();
    Root::from_secret(Secret::from_bytes(&mut root[..].try_into().unwrap()))
}
