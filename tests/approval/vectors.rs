// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files under `tests/vectors/approval`, each named by its defect. They were written by
//! `tests/interop/approvals.py`, which shares no line with the crate; `cases.json` says where each
//! is refused, and in which words.

use std::fs;
use std::path::PathBuf;

use security_domain::approval::{Act, ActKind, ActSubject, ActTerms, Approval, Approvals, approve};
use security_domain::custodian::Recipient;
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{
    DomainShare, Epoch, ExpectedDomain, InstanceId, SealedDomain,
};
use serde_json::{Value, json};

use crate::chain::chain;
use crate::known_answer;
use crate::sealed::{self, rng};
use crate::{NOW, TERMS};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/approval")
        .join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(file(&format!("{name}.cbor"))).unwrap()
}

fn good() -> Vec<u8> {
    fs::read(sealed::vectors().join("good.sealed")).unwrap()
}

fn expect(sealed: &SealedDomain<'_>) -> ExpectedDomain {
    ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST)
}

/// The share of custodian a.
fn share(sealed: &SealedDomain<'_>) -> DomainShare {
    let der = fs::read(sealed::vectors().join("keys/a.p8")).unwrap();
    let mut key = PrivateKey::from_pkcs8_der(&der).unwrap();
    let id = key.public_key().id();
    sealed.unwrap_share(id, &mut key, &mut rng(0)).unwrap()
}

/// How far an act gets with custodian a.
fn asked(file: &[u8], sealed: &SealedDomain<'_>, share: &DomainShare) -> (&'static str, String) {
    let act = match Act::parse(file) {
        Ok(act) => act,
        Err(error) => return ("parse", chain(&error)),
    };
    let mut out = [0; Approval::MAX_LEN];
    match approve(
        sealed,
        &expect(sealed),
        &act,
        share,
        NOW,
        &mut rng(0),
        &mut out,
    ) {
        Ok(_) => ("approved", String::new()),
        Err(error) => ("approve", chain(&error)),
    }
}

/// How far an approval gets with whoever collects those of an act, after others.
fn given(
    file: &[u8],
    sealed: &SealedDomain<'_>,
    act: &[u8],
    after: &[Vec<u8>],
) -> (&'static str, String) {
    let approval = match Approval::parse(file) {
        Ok(approval) => approval,
        Err(error) => return ("parse", chain(&error)),
    };
    let act = Act::parse(act).unwrap();
    let (expect, count) = (expect(sealed), after.len());
    let alone = approval.verify(sealed, &expect, &act, NOW);
    let mut approvals = match Approvals::new(sealed, &expect, &act) {
        Ok(approvals) => approvals,
        Err(error) => {
            assert_eq!(chain(&alone.unwrap_err()), chain(&error));
            return ("add", chain(&error));
        }
    };
    for one in after {
        assert!(approvals.add(&Approval::parse(one).unwrap(), NOW).is_ok());
    }
    let added = approvals.add(&approval, NOW);
    assert_eq!(
        usize::from(approvals.count()),
        count + usize::from(added.is_ok())
    );
    assert!(count > 0 || alone == added);
    match added {
        Ok(_) => ("counts", String::new()),
        Err(error) => ("add", chain(&error)),
    }
}

#[test]
fn every_file_is_judged_as_its_name_says() {
    let cases: Value = serde_json::from_slice(&fs::read(file("cases.json")).unwrap()).unwrap();
    let domain = good();
    let sealed = SealedDomain::parse(&domain).unwrap();
    let (share, mut seen) = (share(&sealed), 0);
    for case in cases.as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let file = read(name);
        let (step, says) = match case["act"].as_str() {
            Some(act) => {
                let after = case["after"].as_array().unwrap();
                let after: Vec<_> = after
                    .iter()
                    .map(|one| read(one.as_str().unwrap()))
                    .collect();
                given(&file, &sealed, &read(act), &after)
            }
            None => asked(&file, &sealed, &share),
        };
        assert_eq!(step, case["step"], "{name}: {says}");
        assert_eq!(says, case["says"], "{name}");
        seen += 1;
    }
    let files = fs::read_dir(file("")).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "cbor")
    });
    assert_eq!(files.count(), seen);
}

/// What the crate writes with draws that are fixed; `tests/interop/approvals.py` reads it.
#[test]
fn the_known_answer_is_written() {
    let domain = good();
    let sealed = SealedDomain::parse(&domain).unwrap();
    let terms = ActTerms {
        kind: ActKind::FullBackup,
        instance: InstanceId::from_bytes([7; 16]),
        subject: ActSubject::from_bytes([0xb5; 32]),
        ..TERMS
    };
    let (mut room, mut out) = ([0; Act::MAX_LEN], [0; Approval::MAX_LEN]);
    let act = Act::write(&sealed, &terms, &mut rng(0x2a), &mut room).unwrap();
    let (share, rng) = (share(&sealed), &mut rng(0));
    let approval = approve(&sealed, &expect(&sealed), &act, &share, NOW, rng, &mut out).unwrap();
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let facts = json!({
        "act": hex(act.as_bytes()),
        "digest": act.digest().to_string(),
        "approval": hex(approval.as_bytes()),
    });
    if known_answer::rewritten() {
        let text = serde_json::to_string_pretty(&facts).unwrap() + "\n";
        fs::write(file("known-answer.json"), text).unwrap();
    }
    let want = fs::read(file("known-answer.json")).unwrap();
    assert_eq!(facts, serde_json::from_slice::<Value>(&want).unwrap());
}
