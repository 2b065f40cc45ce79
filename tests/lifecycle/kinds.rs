// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kind of the transfer key: as strong as the strongest custodian's, of the host's choice, and used
//! alike.

use std::mem::forget;

use security_domain::contribution::Request;
use security_domain::custodian::{Algorithm, CustodianId, PostQuantum, Recipient, WrapError};
use security_domain::lifecycle::{Added, AnyDomain, LifecycleError};
use security_domain::rng::Generator;
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::{Epoch, ExpectedDomain, Root, SealedDomain};
use security_domain::storage::RecordError;

use crate::flash::{Hsm, RsaEngine};
use crate::sealed::{FastKey, artifacts, rng, scratch, sealing};
use crate::world::{Lost, empty, has_artifacts, holds, hsm, parse, rewrite, tested, vault};

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

/// Begins a recovery for custodians of these kinds in an HSM that `prepare` prepares, and returns the kind
/// of the transfer key.
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

const RSA_2048: Algorithm = Algorithm::Rsa2048OaepSha256;
const RSA_3072: Algorithm = Algorithm::Rsa3072OaepSha256;
const RSA_4096: Algorithm = Algorithm::Rsa4096OaepSha256;
const BOTH: Algorithm = Algorithm::Both {
    rsa: ModulusSize::Rsa2048,
    other: PostQuantum::XWing,
};

/// The transfer key of the host is an RSA key.
fn with_device(hsm: &mut Hsm) {
    hsm.engine = Some(RsaEngine::new());
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
        let refused = Err(LifecycleError::StrongerCustodian(strong));
        assert_eq!(asked(custodians, |hsm| hsm.kind = Some(RSA_4096)), refused);
    }
    // Neither is as strong as the other.
    let custodians = [RSA_2048, RSA_2048, Algorithm::MlKem1024Kwp];
    let refused = Err(LifecycleError::StrongerCustodian(Algorithm::MlKem1024Kwp));
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
        let refused = Err(LifecycleError::StrongerCustodian(strong));
        assert_eq!(asked([RSA_2048, RSA_2048, strong], |_| ()), refused);
    }
    let refused = Err(LifecycleError::UnsupportedTransferKey(Algorithm::XWing));
    let chosen = |hsm: &mut Hsm| hsm.kind = Some(Algorithm::XWing);
    assert_eq!(asked([RSA_2048; 3], chosen), refused);
}

/// A whole recovery, with a loss of power after each step.
#[cfg(all(feature = "p256", feature = "pq"))]
#[test]
fn a_domain_is_recovered_with_a_transfer_key_of_any_kind() {
    let lost = Lost::new(1);
    for kind in [
        Algorithm::DhKemP256,
        Algorithm::XWing,
        Algorithm::MlKem1024P384,
        Algorithm::MlKem1024Kwp,
    ] {
        let (mut vault, mut hsm) = (vault(), hsm(2));
        hsm.kind = Some(kind);
        let (domain, request) = lost.recovering(&mut vault, &mut hsm, 0);
        drop(domain);
        // A record keeps the key; what the host asks for now is for the next session.
        hsm.kind = None;
        let other = lost.recovering(&mut self::vault(), &mut self::hsm(3), 0).1;
        let foreign = lost.contribution(0, &other);
        for place in [0, 2] {
            let AnyDomain::Recovering(mut domain) = vault.start(tested(), &mut hsm).unwrap() else {
                panic!("the session goes on");
            };
            let refused = domain.add(&lost.sealed(), &parse(&foreign), &mut hsm);
            assert!(matches!(refused, Err(LifecycleError::Contribution(_))));
            let contribution = lost.contribution(place, &request);
            let added = domain.add(&lost.sealed(), &parse(&contribution), &mut hsm);
            assert_eq!(added, Ok(Added::New), "{kind}");
        }
        let AnyDomain::QuorumMet(met) = vault.start(tested(), &mut hsm).unwrap() else {
            panic!("two of three are a quorum");
        };
        let domain = met.open(&lost.sealed(), &mut hsm).unwrap();
        assert!(has_artifacts(&domain, &mut hsm), "{kind}");
    }
}

/// The seed of the key is in the vault and in the record for as long as the session lasts.
#[cfg(all(feature = "p256", feature = "pq"))]
#[test]
fn the_key_is_wiped_with_its_session() {
    let lost = Lost::new(1);
    for kind in [Algorithm::XWing, Algorithm::MlKem1024Kwp] {
        let (mut vault, mut hsm) = (vault(), hsm(2));
        hsm.kind = Some(kind);
        forget(lost.recovering(&mut vault, &mut hsm, 0));
        let seed = seed_in_record(&hsm, kind);
        assert!(holds(&vault, &seed), "{kind}");
        let AnyDomain::Recovering(domain) = vault.start(tested(), &mut hsm).unwrap() else {
            panic!("the session goes on");
        };
        forget(domain.cancel(&mut hsm).unwrap());
        assert!(!holds(&vault, &seed[..8]), "{kind}");
    }
}

/// A record with a key of a kind that this build has not names it; one whose seed is cut is damaged.
#[cfg(all(feature = "p256", feature = "pq"))]
#[test]
fn a_key_in_the_record_is_read_strictly() {
    let lost = Lost::new(1);
    let head = [0x83, 0x02, 0x19, 0x64, 0x7a, 0x58, 32];
    let cases: [(&[u8], LifecycleError); 4] = [
        // Two keys both needed, and a kind that nobody knows.
        (
            &[0x83, 0x02, 0x1a, 0, 1, 0x64, 0x7a, 0x58, 32],
            LifecycleError::UnknownTransferKey(2),
        ),
        (
            &[0x83, 0x03, 0x19, 0x64, 0x7a, 0x58, 32],
            LifecycleError::UnknownTransferKey(3),
        ),
        (
            &[0x83, 0x02, 0x18, 0x99, 0x58, 32],
            LifecycleError::Record(RecordError::Damaged),
        ),
        // The seed of another kind.
        (
            &[0x83, 0x02, 0x04, 0x58, 32],
            LifecycleError::Record(RecordError::Damaged),
        ),
    ];
    for (changed, want) in cases {
        let (mut vault, mut hsm) = (vault(), hsm(2));
        hsm.kind = Some(Algorithm::XWing);
        drop(lost.recovering(&mut vault, &mut hsm, 0));
        rewrite(&mut hsm, |contents| {
            let found = contents.windows(head.len()).position(|at| at == head);
            let at = found.expect("the key is there");
            contents.splice(at..at + head.len(), changed.iter().copied());
        });
        let refused = vault.start(tested(), &mut hsm).map(drop);
        assert_eq!(refused, Err(want), "{changed:02x?}");
    }
}

/// The seed of the transfer key that the record at rest holds.
#[cfg(all(feature = "p256", feature = "pq"))]
fn seed_in_record(hsm: &Hsm, kind: Algorithm) -> Vec<u8> {
    let mut seed = Vec::new();
    rewrite(&mut Hsm::with_flash(hsm.flash.clone(), 0), |contents| {
        let code = kind.code().to_be_bytes();
        let head: &[u8] = match kind {
            Algorithm::XWing => &[0x83, 0x02, 0x19, code[2], code[3], 0x58, 32],
            _ => &[0x83, 0x02, code[3], 0x58, 64],
        };
        let found = contents.windows(head.len()).position(|at| at == head);
        let at = found.expect("the key is there") + head.len();
        seed = contents[at..at + usize::from(head[head.len() - 1])].to_vec();
    });
    seed
}
