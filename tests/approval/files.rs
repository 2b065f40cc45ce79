// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that differ from an act or an approval in anything.

use security_domain::approval::{Act, Approval, ApprovalFileError};

use crate::{NOW, TERMS, World};

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let world = World::new(1);
    let act = world.act(&TERMS, 2);
    let approval = world.approval(&act, 0);
    for len in 0..act.len() {
        assert!(Act::parse(&act[..len]).is_err(), "{len}");
    }
    for len in 0..approval.len() {
        assert!(Approval::parse(&approval[..len]).is_err(), "{len}");
    }
    for more in [&[0][..], &act, &approval] {
        let refused = Act::parse(&[&act, more].concat()).unwrap_err();
        assert_eq!(refused, ApprovalFileError::NotDeterministic);
        let refused = Approval::parse(&[&approval, more].concat()).unwrap_err();
        assert_eq!(refused, ApprovalFileError::NotDeterministic);
    }
}

/// No approval with a flipped bit counts, and none counts for an act with a flipped bit.
#[test]
fn every_single_bit_counts() {
    let world = World::new(1);
    let act = world.act(&TERMS, 2);
    let approval = world.approval(&act, 0);
    assert!(world.verify(&act, &approval).is_ok());
    let (mut refused, mut read) = (0, 0);
    for bit in 0..approval.len() * 8 {
        let mut changed = approval.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        match Approval::parse(&changed) {
            Ok(_) => assert!(world.verify(&act, &changed).is_err(), "bit {bit}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 40, "{refused}");
    for bit in 0..act.len() * 8 {
        let mut changed = act.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(parsed) = Act::parse(&changed) else {
            continue;
        };
        read += 1;
        assert!(world.verify(&changed, &approval).is_err(), "bit {bit}");
        // The custodian of this domain approves none that is for another.
        let signs = world.approve(&changed, &world.share(0), NOW).is_ok();
        let fits = { world.sealed().header().digest() == parsed.header() }
            && world.sealed().header().domain_id() == parsed.domain_id()
            && world.sealed().header().epoch() == parsed.epoch()
            && { parsed.expires() }.is_none_or(|expires| NOW <= expires.get());
        assert_eq!(signs, fits, "bit {bit}");
    }
    assert!(read > 900, "{read}");
}
