// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kind of the transfer key: as strong as the strongest custodian's, and of the host's choice.

use security_domain::contribution::Request;
use security_domain::custodian::{Algorithm, CustodianId, PostQuantum, Recipient, WrapError};
use security_domain::lifecycle::LifecycleError;
use security_domain::rng::Generator;
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::{Epoch, ExpectedDomain, Root, SealedDomain};

use crate::flash::{Hsm, RsaEngine};
use crate::sealed::{FastKey, artifacts, rng, scratch, sealing};
use crate::world::{empty, hsm, vault};

/// A fast key that says that it is of another kind.
struct Of(FastKey, Algorithm);

impl Recipient for Of {
    fn algorithm(&self) -> Algorithm {
        self.1
    }

    fn id(&self) -> CustodianId {
        CustodianId::new(self.1, &[self.0.0])
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        self.0.wrap(message, context, rng, out)
    }
}

/// Begins a recovery for custodians of these kinds in an HSM that `prepare` prepares, and returns
/// the kind of the transfer key.
fn asked(custodians: [Algorithm; 3], prepare: fn(&mut Hsm)) -> Result<Algorithm, LifecycleError> {
    let keys: Vec<_> = (1..)
        .zip(custodians)
        .map(|(number, algorithm)| Of(FastKey(number), algorithm))
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
    prepare(&mut hsm);
    let mut request = vec![0xaa; Request::MAX_LEN];
    let domain = empty(&mut vault, &mut hsm);
    let before = hsm.flash.clone();
    let begun = domain.begin_recovery(&sealed, &expect, None, &mut hsm, &mut request);
    if begun.is_err() {
        assert!(request.iter().all(|byte| *byte == 0));
        assert_eq!(hsm.flash, before);
    }
    let (_, len) = begun.map_err(|refused| refused.error)?;
    Ok(Request::parse(&request[..len])
        .unwrap()
        .transfer()
        .algorithm())
}

/// The refusal of a transfer key that is weaker than the key of this kind of the third custodian.
fn stronger(kind: Algorithm) -> Result<Algorithm, LifecycleError> {
    let custodian = Of(FastKey(3), kind).id();
    Err(LifecycleError::StrongerCustodian { custodian, kind })
}

const RSA_2048: Algorithm = Algorithm::Rsa2048OaepSha256;
const RSA_3072: Algorithm = Algorithm::Rsa3072OaepSha256;
#[cfg(feature = "pq")]
const RSA_4096: Algorithm = Algorithm::Rsa4096OaepSha256;
const BOTH: Algorithm = Algorithm::Both {
    rsa: ModulusSize::Rsa2048,
    other: PostQuantum::XWing,
};

/// The transfer key of the host is an RSA key.
fn with_device(hsm: &mut Hsm) {
    hsm.engine = Some(RsaEngine::new());
}

/// A key of 2048 bits was made beforehand.
#[cfg(feature = "pq")]
fn with_prepared(hsm: &mut Hsm) {
    let der = include_bytes!("../vectors/sealed-domain/keys/a.p8");
    hsm.prepared = Some(security_domain::rsa::PrivateKey::from_pkcs8_der(der).unwrap());
}

#[test]
fn an_rsa_key_is_as_long_as_the_longest() {
    for custodians in [
        [RSA_3072, RSA_2048, RSA_2048],
        [RSA_2048, RSA_3072, RSA_2048],
        [RSA_2048, RSA_2048, RSA_3072],
    ] {
        assert_eq!(asked(custodians, with_device), Ok(RSA_3072));
    }
    // The order of kinds decides, not their codes.
    let custodians = [RSA_2048, Algorithm::DhKemP256, RSA_2048];
    assert_eq!(asked(custodians, with_device), Ok(RSA_3072));
}

#[cfg(feature = "pq")]
#[test]
fn the_kind_is_the_first_that_is_as_strong_as_every_custodians() {
    for (strongest, want) in [
        (RSA_2048, Algorithm::XWing),
        (RSA_4096, Algorithm::XWing),
        (Algorithm::XWing, Algorithm::XWing),
        (BOTH, Algorithm::XWing),
        (Algorithm::MlKem1024Kwp, Algorithm::MlKem1024P384),
        (Algorithm::MlKem1024P384, Algorithm::MlKem1024P384),
    ] {
        for place in 0..3 {
            let mut custodians = [RSA_2048; 3];
            custodians[place] = strongest;
            assert_eq!(asked(custodians, |_| ()), Ok(want), "{strongest}");
        }
    }
    let mixed = [Algorithm::XWing, RSA_2048, Algorithm::MlKem1024Kwp];
    assert_eq!(asked(mixed, |_| ()), Ok(Algorithm::MlKem1024P384));
    // A device or a prepared key serves as long as it is as strong.
    let custodians = [RSA_2048, RSA_2048, Algorithm::XWing];
    assert_eq!(asked(custodians, with_device), Ok(Algorithm::XWing));
    assert_eq!(asked([RSA_2048; 3], with_prepared), Ok(RSA_2048));
    let custodians = [RSA_2048, RSA_3072, RSA_2048];
    assert_eq!(asked(custodians, with_prepared), Ok(Algorithm::XWing));
}

#[cfg(feature = "pq")]
#[test]
fn the_host_chooses_among_those_that_are_as_strong() {
    let weak = [RSA_2048; 3];
    let chosen = |hsm: &mut Hsm| hsm.kind = Some(RSA_3072);
    assert_eq!(asked(weak, chosen), Ok(RSA_3072));
    let chosen = |hsm: &mut Hsm| hsm.kind = Some(Algorithm::MlKem1024Kwp);
    assert_eq!(asked(weak, chosen), Ok(Algorithm::MlKem1024Kwp));
    let chosen = |hsm: &mut Hsm| {
        with_device(hsm);
        hsm.kind = Some(Algorithm::XWing);
    };
    assert_eq!(asked(weak, chosen), Ok(Algorithm::XWing));

    for strong in [BOTH, Algorithm::XWing, Algorithm::MlKem1024Kwp] {
        let custodians = [RSA_2048, RSA_2048, strong];
        let refused = stronger(strong);
        assert_eq!(asked(custodians, |hsm| hsm.kind = Some(RSA_4096)), refused);
    }
    // Neither is as strong as the other.
    let custodians = [RSA_2048, RSA_2048, Algorithm::MlKem1024Kwp];
    let refused = stronger(Algorithm::MlKem1024Kwp);
    let chosen = |hsm: &mut Hsm| hsm.kind = Some(Algorithm::XWing);
    assert_eq!(asked(custodians, chosen), refused);
    let refused = Err(LifecycleError::UnsupportedTransferKey(BOTH));
    assert_eq!(asked(weak, |hsm| hsm.kind = Some(BOTH)), refused);
}

/// Without the feature there is no key as strong.
#[cfg(not(feature = "pq"))]
#[test]
fn a_recovery_is_not_begun_with_a_key_that_is_too_weak() {
    for strong in [BOTH, Algorithm::XWing, Algorithm::MlKem1024Kwp] {
        let refused = stronger(strong);
        assert_eq!(asked([RSA_2048, RSA_2048, strong], |_| ()), refused);
    }
    let refused = Err(LifecycleError::UnsupportedTransferKey(Algorithm::XWing));
    let chosen = |hsm: &mut Hsm| hsm.kind = Some(Algorithm::XWing);
    assert_eq!(asked([RSA_2048; 3], chosen), refused);
}
