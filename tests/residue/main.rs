// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operations leave on the dead stack: of no root, key or share eight bytes that follow each
//! other.
//!
//! `proofs/residue.py` looks for the same in the memory of a Cortex-M4.
#![cfg(all(feature = "sealed-domain", feature = "hazmat", target_arch = "x86_64"))]

mod draws;
#[cfg(feature = "managed-hsm")]
#[path = "../managed_hsm/fixtures.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod fixtures;
#[path = "../flash/mod.rs"]
mod flash;
mod lifecycle;
#[cfg(feature = "managed-hsm")]
mod managed_hsm;
#[path = "../sealed/mod.rs"]
mod sealed;
mod sharing;
mod stack;
#[path = "../lifecycle/world.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod world;

use std::hint::black_box;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use draws::{Kept, left_of_draws};
use rand_core::Rng;
use sealed::{ARTIFACTS, FastKey, artifacts, fast_keys, rng, scratch, sealing, share};
use security_domain::backup::{BackupHeader, BackupInfo, Kind, TAG_LEN};
use security_domain::custodian::{Identity, RawDevice, RawRsa, Recipient};
use security_domain::hazmat::backup::{self, BackupKey};
use security_domain::hazmat::kdf::Pseudorandom;
use security_domain::rsa::{Decryption, KeyGeneration, ModulusSize, PrivateKey, Workspace};
use security_domain::sealed_domain::{
    Epoch, ExpectedDomain, InstanceId, LedgerHead, Root, SealedDomain,
};
use security_domain::secret::Secret;
use security_domain::wrapped_share::WrappedShare;
use sha2::{Digest, Sha256};
use stack::left;

const NOTHING: [&str; 0] = [];

type Secrets = Vec<(&'static str, Vec<u8>)>;

/// The length of a backup here: above 64 blocks, which the crate `aes` encrypts at once on a CPU
/// with AVX-512, in the largest frames that it has.
const TEXT_LEN: usize = 2_000;

/// What is backed up here.
fn text() -> Vec<u8> {
    let mut text = vec![0; TEXT_LEN];
    rng(9).fill_bytes(&mut text);
    text
}

fn root(seed: u8) -> Root {
    Root::random(&mut rng(seed)).unwrap()
}

fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let frame = |part: &&[u8]| [&(part.len() as u64).to_be_bytes()[..], part].concat();
    parts.iter().flat_map(frame).collect()
}

/// `X(root, label, parts..)`.
fn derived(root: &Root, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Secret::from_bytes(&mut [0; 32]);
    let mut extracted = Pseudorandom::none();
    extracted.extract(&[], root.secret().expose()).unwrap();
    extracted.expand(&[&framed(parts)], &mut key).unwrap();
    key.expose().to_vec()
}

/// The key of the backup with this front, and what is encrypted with it to seal a chunk.
fn backup_keys(root: &Root, front: &[u8]) -> Secrets {
    let digest = Sha256::digest(framed(&[b"security-domain/v1 backup header", front]));
    let key = derived(root, &[b"security-domain/v1 backup", &digest]);
    let cipher = aes::Aes256::new_from_slice(&key).unwrap();
    let encrypted = |mut block: [u8; 16]| {
        cipher.encrypt_block((&mut block).into());
        block.to_vec()
    };
    let first = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    vec![
        ("key of the backup", key),
        ("hash subkey", encrypted([0; 16])),
        ("mask of the tag", encrypted(first)),
    ]
}

fn root_and_key(root: &Root) -> Secrets {
    let seed = derived(root, &[b"security-domain/v1 domain key"]);
    let expanded = sha2::Sha512::digest(&seed).to_vec();
    vec![
        ("root", root.secret().expose().to_vec()),
        ("seed of the domain key", seed),
        ("nonce half of the domain key", expanded[32..].to_vec()),
    ]
}

/// What a custodian's wrapped share holds: the value of the share.
fn value(sealed: &SealedDomain<'_>, key: &FastKey) -> Vec<u8> {
    let wrapped = sealed.wrapped_shares();
    let (_, wrapped) = { wrapped }
        .find(|(custodian, _)| custodian.id == key.id())
        .unwrap();
    let mut plaintext = [0; 65];
    { key.clone() }
        .unwrap_key(wrapped.as_bytes(), &[], &mut rng(0), &mut plaintext)
        .unwrap();
    plaintext[33..].to_vec()
}

/// The search finds what a function without burning leaves.
#[test]
fn a_planted_copy_is_found() {
    #[inline(never)]
    fn plant(key: &[u8; 32]) {
        let mut moved = *key;
        moved[0] ^= 1;
        black_box(&moved);
    }
    let key = Box::new([0x3c; 32]);
    let secrets = vec![("key", key.to_vec())];
    assert_eq!(left(&secrets, || plant(&key)), ["key"]);
    assert_eq!(left(&secrets, || ()), NOTHING);
}

#[test]
fn sealing_a_domain_leaves_nothing() {
    let (root, keys, artifacts) = (Box::new(root(1)), fast_keys(5), artifacts());
    let sealing = Box::new(sealing(&root, &artifacts, &keys, 3));
    let mut file = vec![0; sealing.sealed_len().unwrap()];
    let (mut seed, mut scratch) = (Box::new(rng(1)), scratch(&sealing));
    // The same generator gives the same shares again.
    sealing.seal(&mut *seed, &mut scratch, &mut file).unwrap();
    let mut secrets = root_and_key(&root);
    let sealed = SealedDomain::parse(&file).unwrap();
    secrets.extend(keys.iter().map(|key| ("share", value(&sealed, key))));
    secrets.push(("artifact", ARTIFACTS[0].1.to_vec()));

    let (mut again, mut seed) = (file.clone(), Box::new(rng(1)));
    let found = left(&secrets, || {
        let sealed = sealing.seal(&mut *seed, &mut scratch, &mut again);
        assert!(sealed.is_ok());
    });
    assert_eq!(again, file);
    assert_eq!(found, NOTHING);
}

#[test]
fn opening_a_domain_leaves_nothing() {
    let keys = fast_keys(3);
    let (root, file) = sealed::sealed(2, &keys, 2);
    let sealed = Box::new(SealedDomain::parse(&file).unwrap());
    let expect = Box::new(ExpectedDomain::new(root.domain_id().unwrap(), Epoch::FIRST));
    let shares: Vec<_> = keys.iter().map(|key| share(&sealed, key)).collect();
    let shares: Vec<_> = shares.iter().collect();
    let mut secrets = root_and_key(&root);
    secrets.extend(keys.iter().map(|key| ("share", value(&sealed, key))));
    secrets.push(("artifact", ARTIFACTS[0].1.to_vec()));
    let mut out = vec![0; sealed.opened_len()];

    let found = left(&secrets, || {
        let opened = sealed.open(&expect, &shares, &mut out);
        assert!(opened.is_ok());
    });
    assert_eq!(found, NOTHING);
    assert!(out.iter().all(|byte| *byte == 0));

    let found = left(&secrets, || assert!(root.domain_id().is_ok()));
    assert_eq!(found, NOTHING);
}

/// The custodian's key here is the test's, and so is what it leaves.
#[test]
fn accepting_a_share_leaves_nothing() {
    let keys = fast_keys(3);
    let (_, file) = sealed::sealed(3, &keys, 2);
    let sealed = Box::new(SealedDomain::parse(&file).unwrap());
    let wrapped = sealed.wrapped_shares().next().unwrap().1.as_bytes();
    let mut plaintext = vec![0; 65];
    { keys[0].clone() }
        .unwrap_key(wrapped, &[], &mut rng(0), &mut plaintext)
        .unwrap();
    let id = keys[0].id();
    let secrets = vec![("share", plaintext[33..].to_vec())];
    let found = left(&secrets, || {
        let accepted = sealed.accept_share(id, &plaintext);
        assert!(accepted.is_ok());
    });
    assert_eq!(found, NOTHING);
}

#[test]
fn the_chunks_of_a_backup_leave_nothing() {
    let root = Box::new(root(4));
    let plan = Box::new(BackupInfo {
        epoch: Some(Epoch::FIRST),
        instance: InstanceId::from_bytes([7; 16]),
        ledger_head: LedgerHead::NONE,
        kind: Kind::Full(None),
        created: 1_790_000_000,
        length: TEXT_LEN as u64,
    });
    let mut key = Box::new(BackupKey::none());
    let writer = backup::write(&root, &plan, &mut rng(4), &mut key);
    let mut writer = Box::new(writer.unwrap());
    let front = writer.front().to_vec();
    let mut secrets = root_and_key(&root);
    secrets.extend(backup_keys(&root, &front));
    secrets.push(("text", text()));
    let mut chunk = [text(), vec![0; TAG_LEN]].concat();

    let (mut seed, found) = (
        Box::new(rng(4)),
        left(&secrets, || {
            assert!(writer.seal(&mut key, &mut chunk).is_ok());
        }),
    );
    assert_eq!(found, NOTHING);
    let found = left(&secrets, || {
        let begun = backup::write(&root, &plan, &mut *seed, &mut key);
        assert!(begun.is_ok());
    });
    assert_eq!(found, NOTHING);

    let header = Box::new(BackupHeader::parse(&front).unwrap());
    let found = left(&secrets, || {
        let begun = backup::read(&root, &header, &mut key);
        assert!(begun.is_ok());
    });
    assert_eq!(found, NOTHING);
    let mut reader = Box::new(backup::read(&root, &header, &mut key).unwrap());
    let found = left(&secrets, || {
        assert!(reader.open(&mut key, &mut chunk).is_ok())
    });
    assert_eq!(found, NOTHING);
    assert!(chunk.starts_with(&text()));
}

/// The factors of a key, from its PKCS#1 encoding of 2048 bits.
fn factors(pkcs1: &[u8]) -> Secrets {
    // In front of p: version, n, e and d, whose lengths a key of 2048 bits fixes.
    let mut rest = &pkcs1[4..];
    let mut integers = Vec::new();
    while let [2, len, after @ ..] = rest {
        let (len, after) = match len {
            0x82 => (
                usize::from(after[0]) << 8 | usize::from(after[1]),
                &after[2..],
            ),
            0x81 => (usize::from(after[0]), &after[1..]),
            len => (usize::from(*len), after),
        };
        integers.push(&after[..len]);
        rest = &after[len..];
    }
    let names = ["d", "p", "q", "dp", "dq", "qinv"];
    let limbs = |integer: &[u8]| {
        let stripped = &integer[usize::from(integer[0] == 0)..];
        // As the words of this machine have them.
        stripped.iter().rev().copied().collect()
    };
    { names.into_iter().zip(&integers[3..]) }
        .flat_map(|(name, integer)| [(name, limbs(integer)), (name, integer[1..].to_vec())])
        .collect()
}

/// `target ^ MGF1(seed)`, and the mask.
fn masked(target: &[u8], seed: &[u8]) -> [Vec<u8>; 2] {
    let block = |counter: u32| {
        Sha256::new()
            .chain_update(seed)
            .chain_update(counter.to_be_bytes())
    };
    let mask: Vec<u8> = (0..8)
        .flat_map(|counter| block(counter).finalize())
        .collect();
    let masked = target.iter().zip(&mask).map(|(byte, mask)| byte ^ mask);
    [masked.collect(), mask[..target.len()].to_vec()]
}

/// What is encrypted to a key of 2048 bits: who has it, has the message.
fn encoded(seed: &[u8], message: &[u8]) -> Secrets {
    let padding = vec![0; 256 - 66 - message.len()];
    let data = [&Sha256::digest([])[..], &padding, &[1], message].concat();
    let [data, data_mask] = masked(&data, seed);
    let [seed, seed_mask] = masked(seed, &data);
    let block = [&[0], &seed[..], &data].concat();
    vec![
        ("mask of the message", data_mask),
        ("mask of the seed", seed_mask),
        (
            "encoded message, reversed",
            block.iter().rev().copied().collect(),
        ),
        ("encoded message", block),
    ]
}

/// A device that computes the private operation alone.
struct Card<'b>(&'b [u8]);

impl RawDevice for Card<'_> {
    type Error = ();

    fn raw(&mut self, _: &[u8], block: &mut [u8]) -> Result<usize, ()> {
        block.copy_from_slice(self.0);
        Ok(block.len())
    }
}

const SIZE: ModulusSize = ModulusSize::Rsa2048;

#[test]
fn rsa_leaves_nothing_of_the_key_or_the_message() {
    const PKCS8: &[u8] = include_bytes!("../vectors/rsa/keys/2048.pkcs8.der");
    const PKCS1: &[u8] = include_bytes!("../vectors/rsa/keys/2048.pkcs1.der");
    let mut secrets = factors(PKCS1);
    assert_eq!(secrets.len(), 12);
    let found = left(&secrets, || {
        let imported = PrivateKey::from_pkcs8_der(PKCS8);
        assert!(imported.is_ok());
    });
    assert_eq!(found, NOTHING, "import");

    let key = Box::new(PrivateKey::from_pkcs8_der(PKCS8).unwrap());
    let message: Vec<u8> = (1..=65).collect();
    secrets.push(("message", message.clone()));
    let mut wrapped = vec![0; 256];
    let public = key.public_key();
    let mut seed = [0; 32];
    Kept::new(6).fill_bytes(&mut seed);
    secrets.extend(encoded(&seed, &message));
    let found = left_of_draws(&secrets, |rng| {
        let encrypted = public.encrypt_oaep_sha256(&[], &message, rng, &mut wrapped);
        assert_eq!(encrypted, Ok(256));
    });
    assert_eq!(found, NOTHING, "encryption");
    let mut out = vec![0; 65];
    let found = left_of_draws(&secrets, |rng| {
        let opened = key.decrypt_oaep_sha256(&[], &wrapped, rng, &mut out);
        assert_eq!(opened, Ok(65));
    });
    assert_eq!(found, NOTHING, "decryption");
    // The encoded message came from a device, whose copy is not this crate's.
    let block = { secrets.iter() }.find(|(name, _)| *name == "encoded message");
    let block = block.unwrap().1.clone();
    let found = left_of_draws(&secrets, |rng| {
        let mut identity = RawRsa::new(public.clone(), Card(&block));
        let opened = identity.unwrap_key(&wrapped, &[], rng, &mut out);
        assert_eq!(opened, Ok(65));
    });
    assert_eq!(found, NOTHING, "decryption of a device's block");
    let mut workspace = Box::new(Workspace::<{ Decryption::workspace_len(SIZE) }>::new());
    // At every step but the last there is more to find than afterwards.
    for steps in [10, 100, 500, usize::MAX] {
        let found = left_of_draws(&secrets, |rng| {
            let mut decryption = Decryption::new(&key, &[], &wrapped, &mut workspace).unwrap();
            let mut steps = (0..steps).map(|_| decryption.step(rng, &mut out).unwrap());
            assert!(steps.all(|step| step.is_pending()) || out == message);
        });
        assert_eq!(found, NOTHING, "decryption in {steps} steps");
    }
    let mut signature = vec![0; 256];
    let found = left_of_draws(&secrets, |rng| {
        let signed = key.sign_pkcs1v15_sha256(b"text", rng, &mut signature);
        assert_eq!(signed, Ok(256));
    });
    assert_eq!(found, NOTHING, "signature");

    let (share, context) = (&message[33..], [3; 32]);
    let share = Secret::from_bytes(&mut share.try_into().unwrap());
    let index = security_domain::quorum::ShareIndex::new(1).unwrap();
    let share = Box::new(security_domain::shamir::Share::new(index, share));
    let found = left_of_draws(&secrets, |rng| {
        let wrapped = WrappedShare::wrap(&share, &context, public, rng, &mut wrapped);
        assert!(wrapped.is_ok());
    });
    assert_eq!(found, NOTHING, "wrapping");
}

#[test]
fn rsa_leaves_nothing_of_a_key_that_it_makes_in_steps() {
    let mut der = vec![0; PrivateKey::PKCS8_MAX_LEN];
    let key = PrivateKey::generate(SIZE, &mut Kept::new(6)).unwrap();
    let len = key.to_pkcs8_der(&mut der).unwrap();
    drop(key);
    // The PKCS#1 key is in an octet string, at the end.
    let secrets = factors(&der[26..len]);
    assert_eq!(secrets.len(), 12);
    let mut workspace = Box::new(Workspace::<{ KeyGeneration::workspace_len(SIZE) }>::new());
    let mut all = usize::MAX;
    // To the end, and up to some steps before it.
    for before in [0, 1, 2, 8, 40] {
        let mut steps = 0;
        let found = left_of_draws(&secrets, |rng| {
            let mut generation = KeyGeneration::new(SIZE, &mut workspace).unwrap();
            while steps != all - before && generation.step(rng).unwrap().is_pending() {
                steps += 1;
            }
            assert_eq!(generation.key().is_some(), before == 0);
        });
        assert_eq!(found, NOTHING, "{before} steps before the end");
        if before == 0 {
            all = steps;
        }
    }
}
