// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every public type that holds a secret leaves nothing of it in its place when it is dropped.
#![cfg(all(feature = "managed-hsm", feature = "hazmat"))]

#[path = "../managed_hsm/fixtures.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod fixtures;
#[path = "../sealed/mod.rs"]
mod sealed;

use std::mem::MaybeUninit;

use rand_core::Rng;
use security_domain::custodian::Identity;
use security_domain::hazmat::managed_hsm as hazmat;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{Collector, Contribution, Request};
use security_domain::quorum::Quorum;
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{Epoch, ExpectedDomain, Root, SealedDomain};
use security_domain::secret::Secret;
use security_domain::shamir::split;

/// The bytes of a value's place, with the value in it and after it was dropped there.
fn place_of<T>(value: T) -> [Vec<u8>; 2] {
    let mut place = Box::new(MaybeUninit::<T>::zeroed());
    place.write(value);
    let before = bytes(&place);
    // SAFETY: the value was written, and is not used after this.
    unsafe { place.assume_init_drop() };
    [before, bytes(&place)]
}

fn bytes<T>(place: &MaybeUninit<T>) -> Vec<u8> {
    let start = place.as_ptr().cast::<u8>();
    // SAFETY: inside the place, which was zeros before the value was written to it.
    (0..size_of::<T>())
        .map(|at| unsafe { start.add(at).read_volatile() })
        .collect()
}

fn holds(memory: &[u8], secret: &[u8]) -> bool {
    memory.windows(secret.len()).any(|window| window == secret)
}

#[track_caller]
fn wiped<T>(value: T, secret: &[u8]) {
    let [before, after] = place_of(value);
    assert!(holds(&before, secret), "the secret stands there before");
    assert!(!holds(&after, secret), "the secret is left");
}

fn drawn(seed: u8) -> Secret<32> {
    Secret::random(&mut sealed::rng(seed)).unwrap()
}

#[test]
fn secrets_roots_and_shares() {
    let secret = drawn(1);
    let value = *secret.expose();
    wiped(secret, &value);
    wiped(Root::from_secret(drawn(2)), drawn(2).expose());
    wiped(hazmat::master_key(drawn(3)), drawn(3).expose());
    let quorum = Quorum::of::<2, 3>();
    let [share, _, _] = split(&drawn(4), quorum, &mut sealed::rng(5)).unwrap();
    let value = *share.value().expose();
    wiped(share, &value);
}

#[test]
fn a_share_of_a_sealed_domain() {
    let mut keys = sealed::fast_keys(3);
    let (_, file) = sealed::sealed(1, &keys, 2);
    let sealed = SealedDomain::parse(&file).unwrap();
    let (_, wrapped) = sealed.wrapped_shares().next().unwrap();
    let mut plaintext = [0; 65];
    keys[0]
        .unwrap_key(wrapped.as_bytes(), &[], &mut sealed::rng(0), &mut plaintext)
        .unwrap();
    wiped(sealed::share(&sealed, &keys[0]), &plaintext[33..]);
}

/// The body of an opened domain lies in the caller's buffer.
#[test]
fn an_opened_domain() {
    let keys = sealed::fast_keys(3);
    let (root, file) = sealed::sealed(1, &keys, 2);
    let sealed = SealedDomain::parse(&file).unwrap();
    let shares = [0, 1].map(|place: usize| sealed::share(&sealed, &keys[place]));
    let shares: Vec<_> = shares.iter().collect();
    let mut out = vec![0; sealed.opened_len()];
    let expect = ExpectedDomain::new(root.domain_id().unwrap(), Epoch::FIRST);
    drop(sealed.open(&expect, &shares, &mut out).unwrap());
    assert!(out.iter().all(|byte| *byte == 0));
}

#[test]
fn a_share_of_the_interchange() {
    let text = fixtures::bytes("valid/v01-2of3-2048/sd.json");
    let file = DomainFile::parse(&text).unwrap();
    let share = fixtures::open_share(&file, "s2048_0").unwrap();
    let words = hazmat::share_words(&share);
    let (words, _) = words.expose().as_chunks();
    let values = words.iter().map(|word| u16::from_le_bytes(*word) & 0x1ff);
    let values: Vec<u8> = values.flat_map(u16::to_ne_bytes).collect();
    wiped(share, &values[..16]);
}

/// The shares of a collector, when one is given up and when the collector is dropped.
#[test]
fn a_collector() {
    let text = fixtures::bytes("valid/v01-2of3-2048/sd.json");
    let file = DomainFile::parse(&text).unwrap();
    let vector = |name: &str| {
        let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
        std::fs::read(format!("{vectors}/{name}")).unwrap()
    };
    let request = vector("restore-session/request-good.cbor");
    let mut session = PrivateKey::from_pkcs8_der(&vector("sealed-domain/keys/d.p8")).unwrap();
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let mut values = Vec::new();
    for name in ["s2048_0", "s2048_1", "s2048_2"] {
        let given = name.replace("s2048_", "restore-session/contribution-of-custodian-");
        let given = vector(&format!("{given}.cbor"));
        let given = Contribution::parse(&given).unwrap();
        { collector.add(&given, &mut session, 0, &mut sealed::rng(1)) }.unwrap();
        let share = fixtures::open_share(&file, name).unwrap();
        let words = hazmat::share_words(&share);
        let (words, _) = words.expose().as_chunks();
        let words = words.iter().map(|word| u16::from_le_bytes(*word) & 0x1ff);
        values.push(words.flat_map(u16::to_ne_bytes).collect::<Vec<u8>>());
    }
    let mut place = Box::new(MaybeUninit::<Collector<'_>>::zeroed());
    let collector = place.write(collector);
    assert!(collector.remove(&fixtures::thumbprint("s2048_0")));
    assert_eq!(collector.contributors().count(), 2);
    let left = bytes(&place);
    assert!(!holds(&left, &values[0][..16]), "what was given up is left");
    for value in &values[1..] {
        assert!(holds(&left, &value[..16]), "the others stand there");
    }
    // SAFETY: the value was written, and is not used after this.
    unsafe { place.assume_init_drop() };
    let left = bytes(&place);
    for value in &values {
        assert!(!holds(&left, &value[..16]), "a share is left");
    }
}

/// Of a dropped key, there is what stands in its public half, and nothing else: neither the private
/// exponent, nor a prime, nor what was computed from it.
#[test]
fn a_private_key() {
    for bits in [2048, 3072, 4096] {
        let path = format!(
            "{}/tests/vectors/rsa/keys/{bits}.pkcs8.der",
            env!("CARGO_MANIFEST_DIR")
        );
        let der = std::fs::read(path).unwrap();
        let key = PrivateKey::from_pkcs8_der(&der).unwrap();
        let mut public = Box::new(MaybeUninit::zeroed());
        public.write(key.public_key().clone());
        let public = words(&bytes(&public));
        let [before, after] = place_of(key).map(|place| words(&place));
        let private = |words: &[[u8; 8]]| {
            let odd = words.iter().filter(|word| !public.contains(word));
            odd.filter(|word| word.iter().filter(|byte| **byte != 0).count() > 2)
                .count()
        };
        assert!(private(&before) > bits / 64);
        // A word that is filled up by whatever was there before.
        assert!(private(&after) <= 1, "{bits}");
    }
}

/// The features `zeroize` of the crates below: of a keyed state nothing is left that was there.
#[test]
fn states_of_ciphers_and_hashes() {
    use aes::cipher::KeyInit as _;
    use hmac::Mac as _;
    use sha2::Digest as _;

    fn gone<T>(name: &str, value: T) {
        let [before, after] = place_of(value).map(|place| words(&place));
        let odd = |words: &[[u8; 8]]| -> Vec<[u8; 8]> {
            let many = |word: &&[u8; 8]| word.iter().filter(|byte| **byte != 0).count() > 4;
            words.iter().filter(many).copied().collect()
        };
        let (before, after) = (odd(&before), odd(&after));
        assert!(before.len() > 1, "{name} has a state");
        let left = after.iter().filter(|word| before.contains(word)).count();
        assert_eq!(left, 0, "{name}: words of {}", before.len());
    }
    let key = *drawn(6).expose();
    gone("aes", aes::Aes256::new(&key.into()));
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(&key);
    gone("hmac with sha-256", mac);
    let mut mac = hmac::Hmac::<sha2::Sha512>::new_from_slice(&key).unwrap();
    mac.update(&key);
    gone("hmac with sha-512", mac);
    gone(
        "sha-256",
        sha2::Sha256::new().chain_update([7; 64]).chain_update(key),
    );
    gone(
        "sha-512",
        sha2::Sha512::new().chain_update([7; 128]).chain_update(key),
    );
    gone(
        "sha-1",
        sha1::Sha1::new().chain_update([7; 64]).chain_update(key),
    );
    // Its public half stays.
    wiped(ed25519_dalek::SigningKey::from_bytes(&key), &key);
    let hash = ghash::GHash::new(&ghash::Key::from([
        7, 3, 8, 1, 9, 5, 2, 6, 4, 1, 7, 3, 5, 8, 2, 9,
    ]));
    gone("ghash", hash);
    gone("aes-gcm", aes_gcm::Aes256Gcm::new(&key.into()));
}

fn words(bytes: &[u8]) -> Vec<[u8; 8]> {
    bytes.as_chunks().0.to_vec()
}

#[test]
fn a_planted_leak_is_seen() {
    struct Leaky(#[allow(dead_code)] [u8; 32]);
    let mut secret = [0; 32];
    sealed::rng(1).fill_bytes(&mut secret);
    let [before, after] = place_of(Leaky(secret));
    assert!(holds(&before, &secret) && holds(&after, &secret));
}
