// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing and opening with any quorum, and what is refused on the way.
#![cfg(feature = "sealed-domain")]

mod failures;
#[path = "../sealed/mod.rs"]
mod sealed;

use sealed::{ARTIFACTS, FastKey, artifacts, fast_keys, rng, scratch, sealed, sealing, share};
use security_domain::custodian::Recipient;
use security_domain::sealed_domain::{
    Epoch, ExpectError, ExpectedDomain, Lineage, OpenError, Root, SealError, SealedDomain,
    ShareError,
};

#[test]
fn every_quorum_opens_and_none_smaller_does() {
    for count in 3..=10 {
        let keys = fast_keys(count);
        for threshold in 2..=count {
            let (root, file) = sealed(count * 16 + threshold, &keys, threshold);
            let sealed = SealedDomain::parse(&file).unwrap();
            let expect = ExpectedDomain::new(root.domain_id().unwrap(), Epoch::FIRST);
            let shares: Vec<_> = keys.iter().map(|key| share(&sealed, key)).collect();
            let mut out = vec![0; sealed.opened_len()];

            // Neighbours from each custodian on, and in the end all of them.
            for first in 0..=usize::from(count) {
                let all = shares.iter().cycle().skip(first);
                let some = if first == usize::from(count) {
                    count
                } else {
                    threshold
                };
                let chosen: Vec<_> = all.take(some.into()).collect();
                let opened = sealed.open(&expect, &chosen, &mut out).unwrap();
                assert_eq!(
                    opened.root().domain_id().unwrap(),
                    root.domain_id().unwrap()
                );
                let have: Vec<_> = opened
                    .artifacts()
                    .map(|(tag, it)| (tag.as_str(), it))
                    .collect();
                assert_eq!(have, ARTIFACTS);
            }

            let fewer: Vec<_> = shares.iter().take(usize::from(threshold) - 1).collect();
            assert_eq!(
                sealed.open(&expect, &fewer, &mut out).unwrap_err(),
                OpenError::TooFewShares {
                    have: threshold - 1,
                    need: threshold
                }
            );
        }
    }
}

#[test]
fn the_header_says_what_was_sealed() {
    let root = Root::random(&mut rng(1)).unwrap();
    let (artifacts, keys) = (artifacts(), fast_keys(4));
    let first = sealing(&root, &artifacts, &keys, 3);
    let mut file = vec![0; first.sealed_len().unwrap()];
    let header_digest = {
        let sealed = first
            .seal(&mut rng(1), &mut scratch(&first), &mut file)
            .unwrap();
        let header = sealed.header();
        assert_eq!(header.domain_id(), root.domain_id().unwrap());
        assert_eq!(header.epoch(), Epoch::FIRST);
        assert_eq!(header.previous(), None);
        assert_eq!(header.label().as_str(), "test");
        assert_eq!(header.created(), 1_790_000_000);
        assert_eq!(header.instance(), first.instance);
        assert_eq!(header.quorum().to_string(), "3 of 4");
        assert_eq!(header.break_glass(), None);
        let listed: Vec<_> = header.custodians().map(|custodian| custodian.id).collect();
        assert_eq!(listed, keys.iter().map(FastKey::id).collect::<Vec<_>>());
        let tags: Vec<_> = header
            .artifacts()
            .map(|(tag, len)| (tag.as_str(), len))
            .collect();
        assert_eq!(tags, [("hsm-key", 32), ("empty", 0), ("credentials", 13)]);
        assert!(!sealed.is_pending());
        assert_eq!(sealed.changed().count(), 0);
        header.digest()
    };

    let parsed = SealedDomain::parse(&file).unwrap();
    let mut second = sealing(&root, &artifacts, &keys[1..], 2);
    second.lineage = Lineage::after(parsed.header()).unwrap();
    let mut next = vec![0; second.sealed_len().unwrap()];
    let sealed = second
        .seal(&mut rng(2), &mut scratch(&second), &mut next)
        .unwrap();
    assert_eq!(sealed.header().epoch().get(), 2);
    assert_eq!(sealed.header().previous(), Some(header_digest));
    assert_eq!(sealed.header().domain_id(), root.domain_id().unwrap());

    let stranger = Root::random(&mut rng(3)).unwrap();
    second.root = &stranger;
    assert_eq!(second.sealed_len(), Err(SealError::OtherDomain));
}

#[test]
fn what_is_expected_decides() {
    let keys = fast_keys(3);
    let (root, file) = sealed(1, &keys, 2);
    let (other, _) = sealed(2, &keys, 2);
    let sealed = SealedDomain::parse(&file).unwrap();
    let (a, b) = (share(&sealed, &keys[0]), share(&sealed, &keys[1]));
    let mut out = vec![0; sealed.opened_len()];
    let mut open = |expect| sealed.open(&expect, &[&a, &b], &mut out).map(drop);

    let (have, digest) = (root.domain_id().unwrap(), sealed.header().digest());
    assert_eq!(open(ExpectedDomain::unpinned()), Ok(()));
    assert_eq!(open(ExpectedDomain::new(have, Epoch::FIRST)), Ok(()));
    assert_eq!(
        open(ExpectedDomain::header(have, Epoch::FIRST, digest)),
        Ok(())
    );
    assert!(
        !ExpectedDomain::unpinned().is_pinned()
            && ExpectedDomain::new(have, Epoch::FIRST).is_pinned()
    );

    let want = other.domain_id().unwrap();
    assert_eq!(
        open(ExpectedDomain::new(want, Epoch::FIRST)),
        Err(OpenError::Expect(ExpectError::WrongDomain { have, want }))
    );
    let want = Epoch::new(2).unwrap();
    assert_eq!(
        open(ExpectedDomain::new(root.domain_id().unwrap(), want)),
        Err(OpenError::Expect(ExpectError::Superseded {
            have: Epoch::FIRST,
            want
        }))
    );
    let want = security_domain::sealed_domain::HeaderDigest::from_bytes([1; 32]);
    assert_eq!(
        open(ExpectedDomain::header(
            root.domain_id().unwrap(),
            Epoch::FIRST,
            want
        )),
        Err(OpenError::Expect(ExpectError::OtherHeader {
            have: digest,
            want
        }))
    );
}

#[test]
fn shares_that_do_not_belong_together_are_named() {
    let keys = fast_keys(4);
    let (_, file) = sealed(1, &keys, 3);
    let (_, other) = sealed(2, &keys, 3);
    let sealed = SealedDomain::parse(&file).unwrap();
    let foreign = share(&SealedDomain::parse(&other).unwrap(), &keys[1]);
    let shares: Vec<_> = keys.iter().map(|key| share(&sealed, key)).collect();
    let mut out = vec![0xaa; sealed.opened_len()];
    let mut open = |shares: &[_]| {
        sealed
            .open(&ExpectedDomain::unpinned(), shares, &mut out)
            .map(drop)
    };

    assert_eq!(
        open(&[&shares[0], &foreign, &shares[2]]),
        Err(OpenError::ForeignShare(keys[1].id()))
    );
    assert_eq!(
        open(&[&shares[0], &shares[2], &shares[0]]),
        Err(OpenError::SameShare(keys[0].id()))
    );
    assert_eq!(open(&[]), Err(OpenError::TooFewShares { have: 0, need: 3 }));
    assert_eq!(open(&[&shares[3], &shares[0], &shares[2]]), Ok(()));

    let stranger = FastKey(99);
    let unwrapped = sealed.unwrap_share(stranger.id(), &mut stranger.clone(), &mut rng(0));
    assert_eq!(unwrapped.unwrap_err(), ShareError::NotListed(stranger.id()));
    let unwrapped = sealed.unwrap_share(keys[0].id(), &mut keys[1].clone(), &mut rng(0));
    assert_eq!(
        unwrapped.unwrap_err(),
        ShareError::DoesNotOpen(keys[0].id())
    );
}

#[test]
fn what_a_token_unwrapped_is_taken_as_it_is() {
    let keys = fast_keys(3);
    let (_, file) = sealed(1, &keys, 2);
    let sealed = SealedDomain::parse(&file).unwrap();
    let (custodian, wrapped) = sealed.wrapped_shares().next().unwrap();
    let mut plaintext = [0; 65];
    use security_domain::custodian::Identity;
    let len = keys[0]
        .clone()
        .unwrap_key(wrapped.as_bytes(), &[], &mut rng(0), &mut plaintext);
    assert_eq!(len, Ok(65));

    let id = custodian.id;
    let accepted = sealed.accept_share(id, &plaintext).unwrap();
    assert_eq!(
        (accepted.custodian(), accepted.header()),
        (id, sealed.header().digest())
    );
    for bit in 0..65 * 8 {
        let mut changed = plaintext;
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = sealed.accept_share(id, &changed).unwrap_err();
        assert_eq!(refused, ShareError::DoesNotOpen(id), "bit {bit}");
    }
    for wrong in [&plaintext[..64], &[&plaintext[..], &[0]].concat(), &[]] {
        let refused = sealed.accept_share(id, wrong).unwrap_err();
        assert_eq!(refused, ShareError::DoesNotOpen(id));
    }
    let refused = sealed.accept_share(keys[1].id(), &plaintext).unwrap_err();
    assert_eq!(refused, ShareError::DoesNotOpen(keys[1].id()));
}

#[test]
fn buffers_are_exact_and_nothing_is_written_beyond() {
    let keys = fast_keys(3);
    let root = Root::random(&mut rng(1)).unwrap();
    let artifacts = artifacts();
    let sealing = sealing(&root, &artifacts, &keys, 2);
    let needed = sealing.sealed_len().unwrap();

    let mut file = vec![0xaa; needed + 9];
    let error = sealing
        .seal(&mut rng(1), &mut scratch(&sealing), &mut file[..needed - 1])
        .unwrap_err();
    assert_eq!(error, SealError::BufferTooSmall { needed });
    assert!(file.iter().all(|byte| *byte == 0xaa));
    let len = sealing
        .seal(&mut rng(1), &mut scratch(&sealing), &mut file)
        .unwrap()
        .as_bytes()
        .len();
    assert_eq!(len, needed);
    assert_eq!(file[needed..], [0xaa; 9]);

    let sealed = SealedDomain::parse(&file[..needed]).unwrap();
    let (a, b) = (share(&sealed, &keys[0]), share(&sealed, &keys[1]));
    let needed = sealed.opened_len();
    let mut out = vec![0xaa; needed + 9];
    let error = sealed.open(
        &ExpectedDomain::unpinned(),
        &[&a, &b],
        &mut out[..needed - 1],
    );
    assert_eq!(error.unwrap_err(), OpenError::BufferTooSmall { needed });
    assert!(out.iter().all(|byte| *byte == 0xaa));
    drop(
        sealed
            .open(&ExpectedDomain::unpinned(), &[&a, &b], &mut out)
            .unwrap(),
    );
    assert_eq!(out[..needed], vec![0; needed], "wiped when dropped");
    assert_eq!(out[needed..], [0xaa; 9]);
}
