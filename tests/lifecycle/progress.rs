// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host hears of every long step as it goes on.

use std::sync::atomic::{AtomicUsize, Ordering};

use security_domain::contribution::Request;
use security_domain::custodian::Algorithm;
use security_domain::hazmat::testing::{RamHost, TestRng};
use security_domain::lifecycle::{AnyDomain, Domain, Empty, LifecycleError, Vault, vault_room};
use security_domain::rsa::PrivateKey;
use security_domain::self_test;

use crate::sealed::{artifacts, fast_keys};
use crate::world::{Lost, activated, activation, parse};

const ROOM: usize = vault_room(4, 4096);
static CALLS: AtomicUsize = AtomicUsize::new(0);

type Host = RamHost<TestRng, ROOM>;

fn host(seed: u64) -> Host {
    let mut host = RamHost::new(TestRng::seeded(seed));
    host.on_progress = || {
        CALLS.fetch_add(1, Ordering::Relaxed);
    };
    host
}

fn start<'v>(vault: &'v mut Vault<ROOM>, host: &mut Host) -> AnyDomain<'v, ROOM> {
    vault.start(self_test::run().unwrap(), host).unwrap()
}

fn empty<'v>(vault: &'v mut Vault<ROOM>, host: &mut Host) -> Domain<'v, Empty, ROOM> {
    let AnyDomain::Empty(domain) = start(vault, host) else {
        panic!("a blank HSM has no domain");
    };
    domain
}

/// How often the host was called during `step`.
fn calls<T>(step: impl FnOnce() -> Result<T, LifecycleError>) -> (usize, T) {
    let before = CALLS.load(Ordering::Relaxed);
    let done = step().unwrap();
    (CALLS.load(Ordering::Relaxed) - before, done)
}

#[test]
fn the_host_hears_of_every_long_step() {
    let (mut vault, mut host) = (Vault::new(), host(1));
    let domain = empty(&mut vault, &mut host);
    let (provisioning, domain) = calls(|| Ok(domain.provision(&artifacts(), &mut host)?));
    assert!(provisioning >= 5, "{provisioning}");
    let keys = fast_keys(3);
    let (activating, _) = calls(|| {
        drop(activated(domain, &activation(&keys), &mut host));
        Ok(())
    });
    // The RSA tests among them.
    assert!(activating > 100, "{activating}");
    let (starting, _) = calls(|| {
        drop(start(&mut vault, &mut host));
        Ok(())
    });
    assert!(starting >= 5, "{starting}");

    let (lost, mut host) = (Lost::new(1), self::host(2));
    host.transfer_kind = Some(Algorithm::Rsa2048OaepSha256);
    let mut vault = Vault::new();
    let domain = empty(&mut vault, &mut host);
    let mut request = [0; Request::MAX_LEN];
    let (beginning, (mut domain, len)) = calls(|| {
        let (sealed, expect) = (lost.sealed(), lost.expect());
        Ok(domain.begin_recovery(&sealed, &expect, None, &mut host, &mut request)?)
    });
    // Two primes, and some hundred calls for each candidate.
    assert!(beginning > 2_000, "{beginning}");
    let answers = [0, 1].map(|custodian| lost.contribution(custodian, &request[..len]));
    for answer in &answers {
        let (adding, _) = calls(|| domain.add(&lost.sealed(), &parse(answer), &mut host));
        // The windows of two exponents of 1024 bits.
        assert!(adding > 512, "{adding}");
    }
    let domain = domain.quorum().unwrap();
    let (opening, _) = calls(|| Ok(domain.open(&lost.sealed(), &mut host)?));
    assert!(opening >= 5, "{opening}");
}

/// The calls are at public points: their number depends on the size of the key alone.
#[test]
fn a_private_operation_calls_as_often_for_every_key() {
    use security_domain::rng::{Watched, WithProgress};

    let mut counts = Vec::new();
    for (seed, der) in [
        include_bytes!("../vectors/sealed-domain/keys/a.p8").as_slice(),
        include_bytes!("../vectors/sealed-domain/keys/b.p8"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = PrivateKey::from_pkcs8_der(der).unwrap();
        let mut wrapped = [0; 256];
        let mut calls = [0_usize; 2];
        let [wrapping, unwrapping] = &mut calls;
        let rng: &mut dyn Watched = &mut WithProgress {
            rng: &mut TestRng::seeded(seed as u64),
            progress: &mut || *wrapping += 1,
        };
        { key.public_key() }
            .encrypt_oaep_sha256(b"", &[seed as u8], rng, &mut wrapped)
            .unwrap();
        let rng: &mut dyn Watched = &mut WithProgress {
            rng: &mut TestRng::seeded(seed as u64),
            progress: &mut || *unwrapping += 1,
        };
        key.decrypt_oaep_sha256(b"", &wrapped, rng, &mut [0; 1])
            .unwrap();
        counts.push(calls);
    }
    assert_eq!(counts[0][0], counts[1][0]);
    // The inverse of the public product of two random numbers takes a few steps more or less.
    assert!(counts[0][1].abs_diff(counts[1][1]) <= 2, "{counts:?}");
    assert!(counts[0][0] > 30 && counts[0][1] > 512);
}
