// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions whose transfer key is not an RSA key.

use std::mem::forget;

use security_domain::custodian::{Algorithm, PostQuantum};
use security_domain::lifecycle::{Added, AnyDomain, LifecycleError};
use security_domain::rsa::ModulusSize;
use security_domain::storage::RecordError;

use crate::flash::Hsm;
use crate::world::{Lost, has_artifacts, holds, hsm, parse, rewrite, tested, vault};

/// A whole recovery, with a loss of power after each step.
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

/// A record with a key of a kind that this build has not names it; one whose seed is cut is
/// damaged.
#[test]
fn a_key_in_the_record_is_read_strictly() {
    let lost = Lost::new(1);
    let head = [0x83, 0x02, 0x19, 0x64, 0x7a, 0x58, 32];
    let both = Algorithm::Both {
        rsa: ModulusSize::Rsa2048,
        other: PostQuantum::XWing,
    };
    let cases: [(&[u8], LifecycleError); 5] = [
        // Two keys both needed, and a kind that nobody knows.
        (
            &[0x83, 0x02, 0x1a, 0, 1, 0x64, 0x7a, 0x58, 32],
            LifecycleError::UnsupportedTransferKey(both),
        ),
        (
            &[0x83, 0x03, 0x19, 0x64, 0x7a, 0x58, 32],
            LifecycleError::UnknownTransferKey(3),
        ),
        (
            &[0x83, 0x02, 0x18, 0x99, 0x58, 32],
            LifecycleError::UnknownTransferAlgorithm(0x99),
        ),
        // An RSA key has no seed.
        (
            &[0x83, 0x02, 0x01, 0x58, 32],
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
