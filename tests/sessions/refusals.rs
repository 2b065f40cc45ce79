// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a custodian does not answer, and what a session does not take.

use std::convert::Infallible;

use rand_core::TryCryptoRng;
use security_domain::contribution::{
    ContributeError, ContributionError, ProposalDigest, Request, RequestDigest, SessionPurpose,
    contribute,
};
use security_domain::custodian::{Algorithm, Identity, UnwrapError, WrapError};
use security_domain::hazmat::contribution::Asking;
use security_domain::quorum::ShareIndex;
use security_domain::sealed_domain::{
    DomainId, Epoch, ExpectError, ExpectedDomain, HeaderDigest, SealedDomain, ShareError,
};

use crate::sealed::{FailsAt, artifacts, rng, scratch, sealing};
use crate::world::{World, compared, rsa, rsa_of, written};

/// Where the wrapped share lies in a contribution.
const WRAPPED: usize = 1 + 1 + 34 + 1 + 3;

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
    let rotate = SessionPurpose::Rotate(ProposalDigest::from_bytes([1; 32]));
    for purpose in [rotate, SessionPurpose::Rehearse] {
        assert_eq!(
            asked(|asking| asking.purpose = purpose),
            Err(ContributeError::OtherPurpose(purpose))
        );
    }
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
            asking.transfer = transfer.public_key().clone();
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

/// A transfer key that must not be reached.
struct Untouched;

impl Identity for Untouched {
    type Error = Infallible;
    fn unwrap_key<R: TryCryptoRng + ?Sized>(
        &mut self,
        _: &[u8],
        _: &mut R,
        _: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        panic!("the transfer key was used")
    }
}

#[test]
fn a_contribution_serves_one_session_only() {
    let world = World::new(1);
    let mut asking = world.asking();
    let contribution = world.contribution(0, &written(&asking)).unwrap();
    let have = Request::parse(&written(&asking)).unwrap().digest();
    asking.session = security_domain::contribution::SessionId::from_bytes([4; 32]);
    let request = written(&asking);
    let want = Request::parse(&request).unwrap().digest();
    assert_eq!(
        world
            .open_with(want, &contribution, &mut Untouched)
            .unwrap_err(),
        ContributionError::OtherSession { have, want }
    );
    // With the other session's digest written into it, it is signed no more.
    let replayed = [&contribution[..4], want.as_bytes(), &contribution[36..]].concat();
    assert_eq!(
        world
            .open_with(want, &replayed, &mut Untouched)
            .unwrap_err(),
        ContributionError::Unsigned {
            claims: world.id(0)
        }
    );
}

#[test]
fn an_index_that_is_not_listed_has_no_custodian() {
    let world = World::new(1);
    let request = written(&world.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let mut contribution = world.contribution(0, &request).unwrap();
    contribution[36] = 2;
    assert_eq!(
        world
            .open_with(digest, &contribution, &mut Untouched)
            .unwrap_err(),
        ContributionError::Unsigned {
            claims: world.id(1)
        }
    );
    for index in 4..=10 {
        contribution[36] = index;
        assert_eq!(
            world
                .open_with(digest, &contribution, &mut Untouched)
                .unwrap_err(),
            ContributionError::NotListed(ShareIndex::new(index).unwrap())
        );
    }
}

/// The HSM asked for one header; a contribution for another of the same domain and custodians is signed
/// with another key.
#[test]
fn a_share_of_another_header_is_not_signed_for_this_one() {
    let (world, other) = (World::new(1), World::new(2));
    let request = written(&other.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let contribution = other.contribution(0, &request).unwrap();
    assert!(other.open(digest, &contribution).is_ok());
    assert_eq!(
        world
            .open_with(digest, &contribution, &mut Untouched)
            .unwrap_err(),
        ContributionError::Unsigned {
            claims: world.id(0)
        }
    );
}

/// Unwraps to whatever it is told.
struct Gives(Vec<u8>);

impl Identity for Gives {
    type Error = Infallible;
    fn unwrap_key<R: TryCryptoRng + ?Sized>(
        &mut self,
        _: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        let room = out.get_mut(..self.0.len()).ok_or(UnwrapError::Opaque)?;
        room.copy_from_slice(&self.0);
        Ok(self.0.len())
    }
}

/// What a custodian wraps is his own affair: signed or not, only his share for this session is taken.
#[test]
fn a_signed_contribution_of_anything_but_the_share_names_its_custodian() {
    let world = World::new(1);
    let request = written(&world.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let contribution = world.contribution(0, &request).unwrap();
    let mut plaintext = [0; 65];
    let wrapped = &contribution[WRAPPED..WRAPPED + 256];
    let unwrapped = Identity::unwrap_key(
        &mut *world.transfer.borrow_mut(),
        wrapped,
        &mut rng(5),
        &mut plaintext,
    );
    assert_eq!(unwrapped, Ok(65));
    let open = |plaintext: &[u8]| {
        world
            .open_with(digest, &contribution, &mut Gives(plaintext.to_vec()))
            .map(|share| share.custodian())
    };
    assert_eq!(open(&plaintext), Ok(world.id(0)));
    let refused = Err(ContributionError::DoesNotOpen(world.id(0)));
    for bit in 0..plaintext.len() * 8 {
        plaintext[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&plaintext), refused, "bit {bit}");
        plaintext[bit / 8] ^= 1 << (bit % 8);
    }
    for len in 0..65 {
        assert_eq!(open(&plaintext[..len]), refused, "{len} bytes");
    }
    assert_eq!(open(&[&plaintext[..], &[0]].concat()), refused);
}

#[test]
fn a_transfer_key_that_fails_or_is_another_is_told_apart() {
    let world = World::new(1);
    let request = written(&world.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let contribution = world.contribution(0, &request).unwrap();
    let another = world.open_with(digest, &contribution, &mut rsa("a"));
    assert_eq!(
        another.unwrap_err(),
        ContributionError::DoesNotOpen(world.id(0))
    );
    let parsed = security_domain::contribution::Contribution::parse(&contribution).unwrap();
    let sealed: SealedDomain<'_> = world.sealed();
    let failed = security_domain::hazmat::contribution::open_contribution(
        &parsed,
        &sealed,
        digest,
        &mut *world.transfer.borrow_mut(),
        &mut FailsAt(rng(1), 0),
    );
    assert_eq!(
        failed.unwrap_err(),
        ContributionError::Device(security_domain::rng::RngError)
    );
}

#[test]
fn errors_say_where() {
    let world = World::new(1);
    let id = world.id(0);
    let says = ContributionError::<Infallible>::Unsigned { claims: id }.to_string();
    assert!(says.contains("claims to be") && says.contains(&id.to_string()));
    let zero = RequestDigest::from_bytes([0; 32]);
    let says = ContributionError::<Infallible>::OtherSession {
        have: world_digest(&world),
        want: zero,
    };
    assert!(says.to_string().contains(&zero.to_string()));
}

fn world_digest(world: &World) -> RequestDigest {
    Request::parse(&written(&world.asking())).unwrap().digest()
}

/// A key whose device computes what cannot be.
struct Errs;

impl Identity for Errs {
    type Error = Infallible;
    fn unwrap_key<R: TryCryptoRng + ?Sized>(
        &mut self,
        _: &[u8],
        _: &mut R,
        _: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        Err(UnwrapError::Fault)
    }
}

/// A device that erred is not a share that does not open: an HSM must not go on.
#[test]
fn a_fault_is_reported_as_a_fault() {
    let world = World::new(1);
    let request = written(&world.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let contribution = world.contribution(0, &request).unwrap();
    let erred = world.open_with(digest, &contribution, &mut Errs);
    assert_eq!(erred.unwrap_err(), ContributionError::Fault);
    let erred = world
        .sealed()
        .unwrap_share(world.id(0), &mut Errs, &mut rng(1));
    assert_eq!(erred.unwrap_err(), ShareError::Fault);
}
