// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file that differs from a request or a contribution in anything is not that one.

use std::collections::HashSet;

use security_domain::contribution::{
    Contribution, ContributionError, Request, SessionFileError, VetError, VettedRequest,
};

use crate::world::{World, written};

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let world = World::new(1);
    let request = written(&world.asking());
    let contribution = world.contribution(0, &request).unwrap();
    for len in 0..request.len() {
        assert!(Request::parse(&request[..len]).is_err(), "{len} bytes");
    }
    for len in 0..contribution.len() {
        let cut = Contribution::parse(&contribution[..len]);
        assert!(cut.is_err(), "{len} bytes");
    }
    for more in [&[0][..], &[0xf6], &request, &contribution] {
        let error = Request::parse(&[&request, more].concat()).unwrap_err();
        assert!(matches!(error, SessionFileError::NotDeterministic(_)));
        let error = Contribution::parse(&[&contribution, more].concat()).unwrap_err();
        assert!(matches!(error, SessionFileError::NotDeterministic(_)));
    }
}

/// A flipped bit of a request is refused, or gives another request; or it hits the signature, which is
/// no part of R, and the request is not vetted by it.
#[test]
fn every_single_bit_of_a_request_counts() {
    let world = World::new(1);
    let sealed = world.sealed();
    let asking = world.rehearsing();
    let mut out = vec![0; asking.request_len(true).unwrap()];
    let signed = asking.write(Some(&world.root), &mut out).unwrap();
    let (mut bytes, digest) = (signed.as_bytes().to_vec(), signed.digest());
    let mut seen = HashSet::from([digest]);
    let (mut refused, mut other, mut unsigned) = (0, 0, 0);
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        match Request::parse(&bytes) {
            Err(_) => refused += 1,
            Ok(request) if request.digest() == digest => {
                let vetted = VettedRequest::signed(request, &sealed);
                assert_eq!(vetted.unwrap_err(), VetError::Signature, "bit {bit}");
                unsigned += 1;
            }
            Ok(request) => {
                assert!(seen.insert(request.digest()), "bit {bit}");
                assert!(VettedRequest::compared(request.clone(), digest).is_err());
                assert!(VettedRequest::signed(request, &sealed).is_err());
                other += 1;
            }
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(unsigned, 64 * 8);
    assert_eq!(refused + other + unsigned, bytes.len() * 8);
    // The digests and ids, the key's modulus, and more.
    assert!(other > (4 * 32 + 16 + 255) * 8, "{other}");
}

#[test]
fn every_single_bit_of_a_contribution_counts() {
    let world = World::new(1);
    let request = written(&world.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let mut bytes = world.contribution(1, &request).unwrap();
    let (mut refused, mut session, mut index, mut unsigned) = (0, 0, 0, 0);
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        match Contribution::parse(&bytes).map(|_| world.open(digest, &bytes).unwrap_err()) {
            Err(_) => refused += 1,
            Ok(ContributionError::OtherSession { .. }) => session += 1,
            Ok(ContributionError::NotListed(_)) => index += 1,
            Ok(ContributionError::Unsigned { claims }) => {
                assert!([0, 1, 2].iter().any(|place| world.id(*place) == claims));
                unsigned += 1;
            }
            Ok(error) => panic!("bit {bit}: {error}"),
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(session, 32 * 8);
    // Index 2 becomes 3, 6 or 10 and, where the bit is its last, 0, which is none.
    assert_eq!((index, unsigned), (2, 1 + (256 + 64) * 8));
    assert_eq!(refused + session + index + unsigned, bytes.len() * 8);
}

#[test]
fn files_of_one_kind_are_not_taken_for_another() {
    let world = World::new(1);
    let request = written(&world.asking());
    let contribution = world.contribution(0, &request).unwrap();
    assert!(Request::parse(&contribution).is_err());
    assert!(Request::parse(&world.file).is_err());
    assert!(Contribution::parse(&request).is_err());
    assert!(Contribution::parse(&world.file).is_err());
}
