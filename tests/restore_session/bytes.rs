// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file that differs from a request or a contribution in anything is not that one.

use std::collections::HashSet;

use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{
    CollectError, Collector, Contribution, Request, RestoreFileError, VettedRequest,
};

use crate::fixtures::thumbprint;
use crate::world::{NOW, asked, contributed, domain, public, rng, session_key};

fn files() -> (Vec<u8>, Vec<u8>) {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let request = asked(&file, public(session_key().public_key()), 1);
    let contribution = contributed(&file, &request, "s2048_0").unwrap();
    (request, contribution)
}

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let (request, contribution) = files();
    for len in 0..request.len() {
        assert!(Request::parse(&request[..len]).is_err(), "{len} bytes");
    }
    for len in 0..contribution.len() {
        assert!(
            Contribution::parse(&contribution[..len]).is_err(),
            "{len} bytes"
        );
    }
    for more in [&[0][..], &[0xf6], &request, &contribution] {
        let longer = [&request, more].concat();
        assert_eq!(
            Request::parse(&longer).unwrap_err(),
            RestoreFileError::NotDeterministic
        );
        let longer = [&contribution, more].concat();
        let refused = Contribution::parse(&longer).unwrap_err();
        assert_eq!(refused, RestoreFileError::NotDeterministic);
    }
}

#[test]
fn every_single_bit_of_a_request_counts() {
    let (mut bytes, _) = files();
    let digest = Request::parse(&bytes).unwrap().digest();
    let mut seen = HashSet::from([digest]);
    let (mut refused, mut other) = (0, 0);
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        match Request::parse(&bytes) {
            Err(_) => refused += 1,
            Ok(request) => {
                assert!(seen.insert(request.digest()), "bit {bit}");
                assert!(VettedRequest::compared(request, digest).is_err());
                other += 1;
            }
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(refused + other, bytes.len() * 8);
    // The three digests, the key's modulus, and more.
    assert!(
        other > (3 * 32 + 255) * 8 && refused > 64,
        "{other} {refused}"
    );
}

#[test]
fn every_single_bit_of_a_contribution_counts() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let (request, mut bytes) = files();
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let (mut malformed, mut session, mut stranger, mut closed) = (0, 0, 0, 0);
    let mut key = session_key();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let answer = Contribution::parse(&bytes).map(|given| {
            collector
                .add(&given, &mut key, NOW, &mut rng(1))
                .unwrap_err()
        });
        match answer {
            Err(_) => malformed += 1,
            Ok(CollectError::OtherSession { .. }) => session += 1,
            Ok(CollectError::NotListed(_)) => stranger += 1,
            Ok(error) => {
                assert_eq!(
                    error,
                    CollectError::DoesNotOpen(thumbprint("s2048_0")),
                    "bit {bit}"
                );
                closed += 1;
            }
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!((session, stranger, closed), (256, 256, 256 * 8));
    assert_eq!(malformed, bytes.len() * 8 - 256 - 256 - 256 * 8);
    assert_eq!(collector.contributors().count(), 0);
}
