// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians with keys of different sizes: the transfer key is as strong as the strongest.

use security_domain::contribution::Request;
use security_domain::custodian::{Algorithm, CustodianId, PostQuantum, Recipient, WrapError};
use security_domain::lifecycle::LifecycleError;
use security_domain::rng::Generator;
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::{Epoch, ExpectedDomain, Root, SealedDomain};

use crate::sealed::{FastKey, artifacts, rng, scratch, sealing};
use crate::world::{empty, hsm, vault};

/// A fast key of another size.
struct Sized(FastKey, Algorithm);

impl Recipient for Sized {
    fn algorithm(&self) -> Algorithm {
        self.1
    }

    fn id(&self) -> CustodianId {
        CustodianId::new(self.1, &[self.0.0])
    }

    fn wrap<R: Generator + ?core::marker::Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        self.0.wrap(message, context, rng, out)
    }
}

/// Begins a recovery for custodians of these kinds, and returns the request.
fn asked(algorithms: [Algorithm; 3]) -> Result<Vec<u8>, LifecycleError> {
    let keys: Vec<_> = (1..)
        .zip(algorithms)
        .map(|(number, algorithm)| Sized(FastKey(number), algorithm))
        .collect();
    let root = Root::random(&mut rng(1)).unwrap();
    let artifacts = artifacts();
    let sealing = sealing(&root, &artifacts, &keys, 2);
    let mut file = vec![0; sealing.sealed_len().unwrap()];
    sealing
        .seal(&mut rng(1), &mut scratch(&sealing), &mut file)
        .unwrap();
    let sealed = SealedDomain::parse(&file).unwrap();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let mut request = vec![0; Request::MAX_LEN];
    let (_, len) = empty(&mut vault, &mut hsm)
        .begin_recovery(&sealed, &expect, None, &mut hsm, &mut request)
        .map_err(|refused| refused.error)?;
    request.truncate(len);
    Ok(request)
}

#[test]
fn the_transfer_key_is_as_strong_as_the_strongest_custodians_key() {
    let (weak, strong) = (Algorithm::Rsa2048OaepSha256, Algorithm::Rsa3072OaepSha256);
    for algorithms in [
        [strong, weak, weak],
        [weak, strong, weak],
        [weak, weak, strong],
    ] {
        let request = asked(algorithms).unwrap();
        let request = Request::parse(&request).unwrap();
        assert_eq!(request.transfer().size(), ModulusSize::Rsa3072);
    }
}

/// The order of kinds decides, not their codes.
#[test]
fn a_recovery_is_not_begun_with_a_key_that_is_too_weak() {
    let weak = Algorithm::Rsa2048OaepSha256;
    let request = asked([weak, Algorithm::DhKemP256, weak]).unwrap();
    let request = Request::parse(&request).unwrap();
    assert_eq!(request.transfer().size(), ModulusSize::Rsa3072);
    let both = Algorithm::Both {
        rsa: ModulusSize::Rsa2048,
        other: PostQuantum::XWing,
    };
    for strong in [both, Algorithm::XWing, Algorithm::MlKem1024Kwp] {
        let refused = asked([weak, weak, strong]).unwrap_err();
        assert_eq!(refused, LifecycleError::StrongerCustodian(strong));
    }
}
