// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a custodian does not answer, and what a session does not take.

use security_domain::contribution::{ContributeError, contribute};
use security_domain::custodian::{Algorithm, WrapError};
use security_domain::hazmat::contribution::Asking;
use security_domain::sealed_domain::{DomainId, Epoch, ExpectError, ExpectedDomain, HeaderDigest};

use crate::sealed::{FailsAt, artifacts, rng, scratch, sealing};
use crate::world::{World, compared, rsa, rsa_of, session_key, written};

/// What comes of asking for something else.
fn asked(change: impl Fn(&mut Asking)) -> Result<Vec<u8>, ContributeError> {
    let world = World::new(1);
    let mut asking = world.asking();
    change(&mut asking);
    world.contribution(0, &written(&asking))
}

#[test]
fn a_request_for_anything_else_is_refused() {
    let world = World::new(1);
    let want = world.sealed().header().digest();
    let have = HeaderDigest::from_bytes([1; 32]);
    assert_eq!(
        asked(|asking| asking.header = have),
        Err(ContributeError::OtherHeader { have, want })
    );
    let (have, want) = (
        DomainId::from_bytes([1; 32]),
        world.root.domain_id().unwrap(),
    );
    assert_eq!(
        asked(|asking| asking.domain_id = have),
        Err(ContributeError::OtherDomain { have, want })
    );
    let (have, want) = (Epoch::new(2).unwrap(), Epoch::FIRST);
    assert_eq!(
        asked(|asking| asking.epoch = have),
        Err(ContributeError::OtherEpoch { have, want })
    );
}

#[test]
fn an_unexpected_domain_gets_no_share() {
    let (world, other) = (World::new(1), World::new(2));
    let request = written(&world.asking());
    let give = |expect: ExpectedDomain| {
        let mut out = [0; 1024];
        let (sealed, share) = (world.sealed(), world.share(0));
        contribute(
            &sealed,
            &expect,
            &compared(&request),
            &share,
            0,
            &mut rng(1),
            &mut out,
        )
        .map(drop)
    };
    assert_eq!(give(world.expect()), Ok(()));
    let (have, want) = (
        world.root.domain_id().unwrap(),
        other.root.domain_id().unwrap(),
    );
    assert_eq!(
        give(other.expect()),
        Err(ContributeError::Expect(ExpectError::WrongDomain {
            have,
            want
        }))
    );
    let want = Epoch::new(2).unwrap();
    assert_eq!(
        give(ExpectedDomain::new(world.root.domain_id().unwrap(), want)),
        Err(ContributeError::Expect(ExpectError::Superseded {
            have: Epoch::FIRST,
            want
        }))
    );
}

#[test]
fn a_request_is_answered_until_its_last_second() {
    let world = World::new(1);
    let expires = world.asking().expires;
    let give = |request: &[u8], now| {
        let mut out = [0; 1024];
        let (sealed, share, vetted) = (world.sealed(), world.share(0), compared(request));
        contribute(
            &sealed,
            &world.expect(),
            &vetted,
            &share,
            now,
            &mut rng(1),
            &mut out,
        )
        .map(drop)
    };
    let request = written(&world.asking());
    for now in [0, 1, expires - 1, expires] {
        assert_eq!(give(&request, now), Ok(()), "{now}");
    }
    for now in [expires + 1, u64::MAX] {
        let refused = Err(ContributeError::Expired { expires, now });
        assert_eq!(give(&request, now), refused);
    }
    let mut asking = world.asking();
    asking.expires = 0;
    assert_eq!(give(&written(&asking), u64::MAX), Ok(()));
}

/// An RSA-2048 transfer key would undo the choice of a custodian who holds a stronger one.
#[test]
fn a_share_goes_to_no_weaker_key_than_it_came_from() {
    let mut keys = [2048, 3072, 4096].map(rsa_of);
    let custodians = keys.each_ref().map(|key| key.public_key().clone());
    let world = World::new(1);
    let artifacts = artifacts();
    let sealing = sealing(&world.root, &artifacts, &custodians, 2);
    let mut file = vec![0; sealing.sealed_len().unwrap()];
    let sealed = sealing
        .seal(&mut rng(2), &mut scratch(&sealing), &mut file)
        .unwrap();
    let transfers = [rsa("d"), rsa_of(3072), rsa_of(4096)];
    let listed: Vec<_> = sealed.header().custodians().collect();
    for (place, (custodian, key)) in listed.iter().zip(&mut keys).enumerate() {
        let share = sealed.unwrap_share(custodian.id, key, &mut rng(3)).unwrap();
        for (size, transfer) in transfers.iter().enumerate() {
            let mut asking = world.asking();
            asking.header = sealed.header().digest();
            asking.transfer = session_key(transfer.public_key());
            let request = written(&asking);
            let mut out = [0xaa; 1024];
            let given = contribute(
                &sealed,
                &world.expect(),
                &compared(&request),
                &share,
                0,
                &mut rng(4),
                &mut out,
            );
            let weaker = ContributeError::WeakerKey {
                transfer: [
                    Algorithm::Rsa2048OaepSha256,
                    Algorithm::Rsa3072OaepSha256,
                    Algorithm::Rsa4096OaepSha256,
                ][size],
                sealed: custodian.algorithm,
            };
            let expected = if size < place { Err(weaker) } else { Ok(()) };
            assert_eq!(given.map(drop), expected, "{place} to {size}");
            assert_eq!(out.iter().all(|byte| *byte == 0xaa), size < place);
        }
    }
}

#[test]
fn a_share_of_another_header_is_refused() {
    let (world, other) = (World::new(1), World::new(2));
    let request = written(&world.asking());
    let mut out = [0; 1024];
    let given = contribute(
        &world.sealed(),
        &world.expect(),
        &compared(&request),
        &other.share(1),
        0,
        &mut rng(1),
        &mut out,
    );
    assert_eq!(
        given.unwrap_err(),
        ContributeError::ForeignShare(other.id(1))
    );
}

#[test]
fn a_generator_that_fails_at_any_call_leaves_nothing() {
    let world = World::new(1);
    let request = written(&world.asking());
    let mut calls = 0;
    loop {
        let mut out = [0xaa; 512];
        let given = contribute(
            &world.sealed(),
            &world.expect(),
            &compared(&request),
            &world.share(0),
            0,
            &mut FailsAt(rng(1), calls),
            &mut out,
        );
        match given.map(drop) {
            Ok(()) => break,
            Err(error) => assert_eq!(error, ContributeError::Wrap(WrapError::Rng)),
        }
        assert!(out.iter().all(|byte| [0, 0xaa].contains(byte)), "{calls}");
        calls += 1;
    }
    assert!(calls > 0);
}
