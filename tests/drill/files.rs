// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that differ from a challenge or a response in anything.

use security_domain::drill::{Challenge, DrillField, DrillFileError, Response, ResponseError};

use crate::World;

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let world = World::new(1);
    let challenge = world.challenge(&[0, 2], 2);
    let response = world.whole(&challenge, 0);
    for len in 0..challenge.len() {
        assert!(Challenge::parse(&challenge[..len]).is_err(), "{len}");
    }
    for len in 0..response.len() {
        assert!(Response::parse(&response[..len]).is_err(), "{len}");
    }
    for more in [&[0][..], &challenge, &response] {
        let refused = Challenge::parse(&[&challenge, more].concat()).unwrap_err();
        assert_eq!(refused, DrillFileError::NotDeterministic);
        let refused = Response::parse(&[&response, more].concat()).unwrap_err();
        assert_eq!(refused, DrillFileError::NotDeterministic);
    }
}

/// No response with a flipped bit proves anything, nor does one to a challenge with a flipped bit.
#[test]
fn every_single_bit_counts() {
    let world = World::new(1);
    let challenge = world.challenge(&[0, 2], 2);
    let response = world.whole(&challenge, 0);
    let mut refused = 0;
    for bit in 0..response.len() * 8 {
        let mut changed = response.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(parsed) = Response::parse(&changed) else {
            refused += 1;
            continue;
        };
        let (sealed, expect) = (world.sealed(), world.expect());
        let verified = parsed.verify(&sealed, &expect, &Challenge::parse(&challenge).unwrap());
        assert!(verified.is_err(), "bit {bit}");
    }
    assert!(refused > 50, "{refused}");
    let mut read = 0;
    for bit in 0..challenge.len() * 8 {
        let mut changed = challenge.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(parsed) = Challenge::parse(&changed) else {
            continue;
        };
        read += 1;
        let (sealed, expect) = (world.sealed(), world.expect());
        let verified = { Response::parse(&response).unwrap() }.verify(&sealed, &expect, &parsed);
        let other = matches!(
            verified,
            Err(ResponseError::OtherChallenge { .. } | ResponseError::OtherHeader { .. })
        );
        assert!(other, "bit {bit}: {verified:?}");
    }
    assert!(read > 1000);
}

/// A value that does not suit its commitment is not taken.
#[test]
fn a_forged_commitment_does_not_make_a_value() {
    let world = World::new(1);
    let challenge = world.challenge(&[0], 2);
    let value = world.value(&challenge, 0);
    assert!(value.is_ok());
    // The commitment stands behind the heads, the name, the header and the time.
    let at = 2 + 34 + 34 + 5 + 1 + 2 + 2;
    let mut changed = challenge.clone();
    changed[at] ^= 1;
    assert!(Challenge::parse(&changed).is_ok());
    assert!(world.value(&changed, 0).is_err());
    changed[at] ^= 1;
    assert_eq!(changed, challenge);
}

#[test]
fn fields_are_named() {
    let world = World::new(1);
    let challenge = world.challenge(&[0, 2], 2);
    let response = world.whole(&challenge, 0);
    let changed = |bytes: &[u8], at: usize, to: u8| {
        let mut changed = bytes.to_vec();
        changed[at] = to;
        changed
    };
    let malformed = |field| Err(DrillFileError::Malformed(field));
    let of = |bytes: Vec<u8>| Challenge::parse(&bytes).map(drop);
    assert_eq!(
        of(changed(&challenge, 1, 2)),
        Err(DrillFileError::UnknownVersion(2))
    );
    assert_eq!(
        of(changed(&challenge, 0, 0x84)),
        malformed(DrillField::File)
    );
    assert_eq!(
        of(changed(&challenge, 3, 31)),
        malformed(DrillField::Challenge)
    );
    assert_eq!(
        of(changed(&challenge, 37, 31)),
        malformed(DrillField::Header)
    );
    let list = 2 + 34 + 34 + 5;
    assert_eq!(
        of(changed(&challenge, list, 0x40)),
        malformed(DrillField::Values)
    );
    for index in [0, 11] {
        let bytes = changed(&challenge, list + 2, index);
        assert_eq!(of(bytes), malformed(DrillField::Index));
    }
    // Not in ascending order: 3, then 3.
    assert_eq!(
        of(changed(&challenge, list + 2, 3)),
        malformed(DrillField::Index)
    );
    assert_eq!(
        of(changed(&challenge, list + 4, 31)),
        malformed(DrillField::Commitment)
    );

    let of = |bytes: Vec<u8>| Response::parse(&bytes).map(drop);
    assert_eq!(
        of(changed(&response, 1, 9)),
        Err(DrillFileError::UnknownVersion(9))
    );
    assert_eq!(of(changed(&response, 0, 0x86)), malformed(DrillField::File));
    assert_eq!(
        of(changed(&response, 3, 31)),
        malformed(DrillField::Challenge)
    );
    assert_eq!(of(changed(&response, 36, 0)), malformed(DrillField::Index));
    assert_eq!(of(changed(&response, 38, 31)), malformed(DrillField::Value));
    let signature = response.len() - 65;
    assert_eq!(
        of(changed(&response, signature, 63)),
        malformed(DrillField::Signature)
    );
}
