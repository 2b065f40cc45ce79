// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file that differs from a sealed one in anything is not that one.
#![cfg(feature = "sealed-domain")]

mod sealed;

use sealed::{FastKey, artifacts, fast_keys, rng, sealed, sealing, share};
use security_domain::custodian::Recipient;
use security_domain::sealed_domain::{
    Epoch, ExpectedDomain, OpenError, ParseError, SealedDomain, ShareError,
};

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let (_, file) = sealed(1, &fast_keys(3), 2);
    for len in 0..file.len() {
        assert!(SealedDomain::parse(&file[..len]).is_err(), "{len} bytes");
    }
    for more in [&[0][..], &[0xf6], &file] {
        let longer = [&file, more].concat();
        let error = SealedDomain::parse(&longer).unwrap_err();
        assert!(matches!(error, ParseError::NotDeterministic(_)), "{error}");
    }
}

/// A flipped bit is refused at once, or, in a wrapped share, names its custodian and hurts no other.
#[test]
fn every_single_bit_counts() {
    let keys = fast_keys(3);
    let (root, mut file) = sealed(1, &keys, 2);
    let expect = ExpectedDomain::new(root.domain_id().unwrap(), Epoch::FIRST);
    let (mut refused, mut named) = (0, 0);
    for bit in 0..file.len() * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        match SealedDomain::parse(&file) {
            Err(_) => refused += 1,
            Ok(sealed) => {
                let changed: Vec<_> = sealed.changed().map(|custodian| custodian.id).collect();
                let (bad, good): (Vec<_>, Vec<_>) =
                    keys.iter().partition(|key| changed.contains(&key.id()));
                assert_eq!((bad.len(), good.len()), (1, 2), "bit {bit}");
                let id = bad[0].id();
                let lost = sealed.unwrap_share(id, &mut bad[0].clone(), &mut rng(0));
                assert_eq!(lost.unwrap_err(), ShareError::Changed(id));
                if bit % 64 == 0 {
                    let shares = good.map_to(|key| share(&sealed, key));
                    let mut out = vec![0; sealed.opened_len()];
                    let opened = sealed.open(&expect, &[&shares[0], &shares[1]], &mut out);
                    assert!(opened.is_ok(), "bit {bit}");
                }
                named += 1;
            }
        }
        file[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(named, 3 * 256 * 8);
    assert_eq!(refused + named, file.len() * 8);
}

trait MapTo<T> {
    fn map_to<U>(&self, f: impl Fn(&T) -> U) -> Vec<U>;
}

impl<T> MapTo<T> for Vec<&T> {
    fn map_to<U>(&self, f: impl Fn(&T) -> U) -> Vec<U> {
        self.iter().map(|item| f(item)).collect()
    }
}

/// Everything of one file in the place of another's, both of the same domain and custodians.
#[test]
fn parts_of_two_sealings_do_not_mix() {
    let keys = fast_keys(3);
    let (_, one) = sealed(1, &keys, 2);
    let (_, two) = sealed(2, &keys, 2);
    assert_eq!(one.len(), two.len());
    let differs: Vec<_> = (0..one.len()).filter(|at| one[*at] != two[*at]).collect();
    let (first, last) = (differs[0], differs[differs.len() - 1]);
    for cut in (first + 1..last).step_by(7) {
        let mixed = [&one[..cut], &two[cut..]].concat();
        // A cut inside the wrapped shares still leaves the other file's commitment, body and signature.
        assert!(SealedDomain::parse(&mixed).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_pending_domain_can_be_drilled_and_not_opened() {
    let keys = fast_keys(3);
    let (_, file) = sealed(1, &keys, 2);
    let release_at = {
        let sealed = SealedDomain::parse(&file).unwrap();
        let body_and_rest = 2 + 32 + 2 + sealed.opened_len() + 16 + 2 + 64;
        file.len() - body_and_rest - 34
    };
    assert_eq!(file[release_at..release_at + 2], [0x58, 0x20]);
    let pending = [&file[..release_at], &[0x40], &file[release_at + 34..]].concat();
    let sealed = SealedDomain::parse(&pending).unwrap();
    assert!(sealed.is_pending());
    let shares: Vec<_> = keys.iter().map(|key| share(&sealed, key)).collect();
    let all: Vec<_> = shares.iter().collect();
    let mut out = vec![0xaa; sealed.opened_len()];
    let opened = sealed.open(&ExpectedDomain::unpinned(), &all, &mut out);
    assert_eq!(opened.unwrap_err(), OpenError::Pending);
    assert!(out.iter().all(|byte| *byte == 0xaa));

    // The shares belong to the header, and so open the file once the release is filled in.
    let complete = SealedDomain::parse(&file).unwrap();
    assert!(
        complete
            .open(&ExpectedDomain::unpinned(), &all, &mut out)
            .is_ok()
    );
}

#[test]
fn nothing_secret_is_printed() {
    let keys = fast_keys(3);
    let (root, file) = sealed(1, &keys, 2);
    let sealed = SealedDomain::parse(&file).unwrap();
    let shares: Vec<_> = keys
        .iter()
        .map(|key: &FastKey| share(&sealed, key))
        .collect();
    let mut out = vec![0; sealed.opened_len()];
    let opened = sealed
        .open(
            &ExpectedDomain::unpinned(),
            &[&shares[0], &shares[1]],
            &mut out,
        )
        .unwrap();
    assert_eq!(format!("{opened:?}"), "Opened(..)");
    assert!(format!("{root:?}").starts_with("Root { secret: Secret<32>(..), commitment: "));
    assert!(format!("{:?}", shares[0]).contains("Share<32>(1, ..)"));

    let artifacts = artifacts();
    let said = format!("{:?}", sealing(&root, &artifacts, &keys, 2));
    assert!(said.starts_with("Sealing { threshold: Threshold(2), label: DomainLabel(\"test\")"));
    assert!(said.ends_with(", .. }"), "{said}");
    for (name, bytes) in [
        ("root", &root.secret().expose()[..]),
        (artifacts[0].0.as_str(), artifacts[0].1),
    ] {
        let bytes = format!("{bytes:?}");
        assert!(!said.contains(name) && !said.contains(&bytes), "{said}");
    }
    // The header lists tags and lengths, which are public.
    let listed = format!("{:?}", sealed.header().artifacts());
    assert!(listed.contains("ArtifactTag(\"hsm-key\"): 32"), "{listed}");
}
