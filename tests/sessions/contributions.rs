// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contributions that an HSM refuses.

use std::convert::Infallible;

use security_domain::contribution::{ContributionError, Request, RequestDigest};
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::quorum::ShareIndex;
use security_domain::rng::Generator;
use security_domain::sealed_domain::{SealedDomain, ShareError};

use crate::sealed::{FailsAt, rng};
use crate::world::{World, rsa, written};

/// Where the wrapped share lies in a contribution.
const WRAPPED: usize = 1 + 1 + 34 + 1 + 3;

/// A transfer key whose device does as it is told.
struct Device<F>(F);

type Unwrapped = Result<usize, UnwrapError<Infallible>>;

impl<F: FnMut(&mut [u8]) -> Unwrapped> Identity for Device<F> {
    type Error = Infallible;
    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        _: &[u8],
        _context: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Unwrapped {
        self.0(out)
    }
}

/// One that must not be reached.
fn untouched(_: &mut [u8]) -> Unwrapped {
    panic!("the transfer key was used")
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
            .open_with(want, &contribution, &mut Device(untouched))
            .unwrap_err(),
        ContributionError::OtherSession { have, want }
    );
    // With the other session's digest written into it, it is signed no more.
    let replayed = [&contribution[..4], want.as_bytes(), &contribution[36..]].concat();
    assert_eq!(
        world
            .open_with(want, &replayed, &mut Device(untouched))
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
            .open_with(digest, &contribution, &mut Device(untouched))
            .unwrap_err(),
        ContributionError::Unsigned {
            claims: world.id(1)
        }
    );
    for index in 4..=10 {
        contribution[36] = index;
        assert_eq!(
            world
                .open_with(digest, &contribution, &mut Device(untouched))
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
            .open_with(digest, &contribution, &mut Device(untouched))
            .unwrap_err(),
        ContributionError::Unsigned {
            claims: world.id(0)
        }
    );
}

/// It computes what cannot be.
fn errs(_: &mut [u8]) -> Unwrapped {
    Err(UnwrapError::Fault)
}

/// Unwraps to whatever it is told.
fn gives(bytes: Vec<u8>) -> Device<impl FnMut(&mut [u8]) -> Unwrapped> {
    Device(move |out: &mut [u8]| {
        let room = out.get_mut(..bytes.len()).ok_or(UnwrapError::Opaque)?;
        room.copy_from_slice(&bytes);
        Ok(bytes.len())
    })
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
        &[],
        &mut rng(5),
        &mut plaintext,
    );
    assert_eq!(unwrapped, Ok(65));
    let open = |plaintext: &[u8]| {
        world
            .open_with(digest, &contribution, &mut gives(plaintext.to_vec()))
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

/// A device that erred is not a share that does not open: an HSM must not go on.
#[test]
fn a_fault_is_reported_as_a_fault() {
    let world = World::new(1);
    let request = written(&world.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let contribution = world.contribution(0, &request).unwrap();
    let erred = world.open_with(digest, &contribution, &mut Device(errs));
    assert_eq!(erred.unwrap_err(), ContributionError::Fault);
    let erred = world
        .sealed()
        .unwrap_share(world.id(0), &mut Device(errs), &mut rng(1));
    assert_eq!(erred.unwrap_err(), ShareError::Fault);
}
