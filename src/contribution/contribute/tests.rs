// SPDX-License-Identifier: MIT OR Apache-2.0
//! A skipped branch that takes a refusal for a success leaves no valid permit, and sends nothing.

use core::convert::Infallible;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};

use super::*;
use crate::contribution::answer::{ContributionError, open_contribution};
use crate::custodian::{Identity, UnwrapError};
use crate::rng::Generator;
use crate::rsa::PrivateKey;

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/sealed-domain/", $name))
    };
}

/// A generator that must not be called.
struct Untouched;

impl TryRng for Untouched {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("the share was about to be wrapped")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("the share was about to be wrapped")
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        panic!("the share was about to be wrapped")
    }
}

impl TryCryptoRng for Untouched {}

fn share(sealed: &SealedDomain<'_>) -> DomainShare {
    let mut key = PrivateKey::from_pkcs8_der(vector!("keys/a.p8")).unwrap();
    let (id, mut rng) = (key.public_key().id(), ChaCha20Rng::from_seed([1; 32]));
    sealed.unwrap_share(id, &mut key, &mut rng).unwrap()
}

fn request() -> Request<'static> {
    Request::parse(vector!("request-recover.cbor")).unwrap()
}

#[test]
fn an_unvetted_request_gets_no_share() {
    let sealed = SealedDomain::parse(vector!("good.sealed")).unwrap();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let mut out = [0; Contribution::MAX_LEN];
    let mut answer = |vetted: &VettedRequest<'_>, share: &DomainShare| {
        contribute(&sealed, &expect, vetted, share, 0, &mut Untouched, &mut out).map(drop)
    };
    let vetted = VettedRequest::with(request(), Permit::REFUSED);
    let mine = share(&sealed);
    assert_eq!(answer(&vetted, &mine), Err(ContributeError::Fault));

    let vetted = VettedRequest::compared(request(), request().digest()).unwrap();
    let unconfirmed = DomainShare::unconfirmed(share(&sealed));
    let refused = ContributeError::ForeignShare(mine.custodian());
    assert_eq!(answer(&vetted, &unconfirmed), Err(refused));
}

/// The permit needs all parts: the expected domain and every property of the request.
#[test]
fn nothing_is_wrapped_without_a_permit() {
    let sealed = SealedDomain::parse(vector!("good.sealed")).unwrap();
    let vetted = VettedRequest::compared(request(), request().digest()).unwrap();
    let mut out = [0; Contribution::MAX_LEN];
    let share = share(&sealed);
    let refused = Permit::REFUSED;
    let written = write(&sealed, &vetted, &share, refused, &mut Untouched, &mut out);
    assert_eq!(written, Err(ContributeError::Fault));
    assert_eq!(out, [0; Contribution::MAX_LEN]);
}

/// A key that must not be used.
impl Identity for Untouched {
    type Error = Infallible;
    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        _: &[u8],
        _context: &[u8],
        _: &mut R,
        _: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        panic!("the transfer key was used")
    }
}

#[test]
fn an_unsigned_contribution_never_meets_the_transfer_key() {
    let sealed = SealedDomain::parse(vector!("good.sealed")).unwrap();
    let file = vector!("contribution-signature-changed.cbor");
    let contribution = Contribution::parse(file).unwrap();
    let (request, mut key) = (request().digest(), Untouched);
    let refused = open_contribution(&contribution, &sealed, request, &mut key, &mut Untouched);
    assert!(matches!(
        refused.unwrap_err(),
        ContributionError::Unsigned { .. }
    ));
    // The share as it was dealt, from a contribution that was not signed.
    let share = share(&sealed);
    let value = crate::shamir::Share::new(share.index(), {
        let mut value = crate::secret::Secret::zeroed();
        *value.expose_mut() = *share.share().value().expose();
        value
    });
    let kept = sealed
        .dealt(
            value,
            Permit::REFUSED,
            ContributionError::<Infallible>::Fault,
        )
        .unwrap();
    assert!(kept.check_of(sealed.header(), ()).is_err());
}
