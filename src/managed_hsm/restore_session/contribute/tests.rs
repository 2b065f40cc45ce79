// SPDX-License-Identifier: MIT OR Apache-2.0
//! A skipped branch that takes a refusal for a success leaves no valid permit, and sends nothing.

use core::convert::Infallible;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};

use super::*;
use crate::custodian::UnwrapError;
use crate::quorum::Quorum;

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

/// A key that must not be used.
impl Identity for Untouched {
    type Error = Infallible;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        _: &[u8],
        _: &[u8],
        _: &mut R,
        _: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        panic!("the share was about to be opened")
    }
}

fn request() -> Request<'static> {
    Request::parse(include_bytes!(
        "../../../../tests/vectors/restore-session/request-good.cbor"
    ))
    .unwrap()
}

fn file() -> DomainFile<'static> {
    DomainFile::parse(include_bytes!(
        "../../../../tests/vectors/managed-hsm/valid/v01-2of3-2048/sd.json"
    ))
    .unwrap()
}

fn permit() -> Permit {
    let yes = Verdict::twice(|| Mask::public(true));
    yes.permit(()).unwrap()
}

#[test]
fn an_unvetted_request_gets_no_share() {
    let (file, mut out) = (file(), [0; Contribution::MAX_LEN]);
    let custodian = file.custodians().next().unwrap();
    let vetted = VettedRequest::with(request(), Permit::REFUSED);
    let (key, rng) = (&mut Untouched, &mut Untouched);
    let given = contribute(&file, &vetted, &custodian, key, 0, rng, &mut out);
    assert_eq!(given.map(drop), Err(ContributeError::Fault));
    assert_eq!(out, [0; Contribution::MAX_LEN]);
}

/// The share is wrapped only if the request was vetted and the permit has all parts.
#[test]
fn nothing_is_wrapped_without_a_permit() {
    let mut words = Secret::zeroed();
    words.expose_mut().as_chunks_mut::<2>().0.fill([5, 2]);
    let custodian = file().custodians().next().unwrap();
    let share = Share::from_words(custodian, Quorum::of::<2, 3>(), &words).unwrap();
    let compared = || VettedRequest::compared(request(), request().digest()).unwrap();
    let unvetted = VettedRequest::with(request(), Permit::REFUSED);
    for (vetted, permit) in [(compared(), Permit::REFUSED), (unvetted, permit())] {
        let mut out = [0; Contribution::MAX_LEN];
        let written = write::<Infallible, _>(&vetted, &share, permit, &mut Untouched, &mut out);
        assert_eq!(written, Err(ContributeError::Fault));
        assert_eq!(out, [0; Contribution::MAX_LEN]);
    }
    let mut out = [0; Contribution::MAX_LEN];
    let out = &mut out[..contribution_len(&request())];
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let written = write::<Infallible, _>(&compared(), &share, permit(), &mut rng, out);
    assert_eq!(written, Ok(()));
    assert!(Contribution::parse(out).is_ok());
}
