// SPDX-License-Identifier: MIT OR Apache-2.0
//! The requests and contributions under `tests/vectors/restore-session`, each named by its defect.
//! They were written by `tests/interop/restore_session.py`, which shares no line with the crate;
//! `cases.json` says where each is refused, and in which words.

use std::fs;
use std::path::PathBuf;

use security_domain::contribution::SessionId;
use security_domain::custodian::Recipient;
use security_domain::hazmat::managed_hsm::Asking;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{
    Added, Collector, Contribution, Request, contribute, contribution_len,
};

use crate::chain::chain;
use crate::fixtures::{private_key, thumbprint};
use crate::world::{
    CREATED, EXPIRES, NOW, TRANSFER, compared, domain, public, rng, session_key, text,
};

pub fn folder() -> PathBuf {
    crate::fixtures::path("")
        .parent()
        .unwrap()
        .join("restore-session")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

/// How far a request gets, and what stops it. The first custodian answers it.
fn asked(file: &[u8], case: &str) -> (&'static str, String) {
    let request = match Request::parse(file) {
        Ok(request) => request,
        Err(error) => return ("parse", chain(&error)),
    };
    assert_eq!(request.as_bytes(), file);
    let text = text(case);
    let domain = DomainFile::parse(&text).unwrap();
    let first = if case.ends_with("3072") {
        "s3072_0"
    } else {
        "s2048_0"
    };
    let (vetted, mut key) = (compared(file), private_key(first));
    let mut out = vec![0xaa; contribution_len(&request)];
    let custodian = thumbprint(first);
    let given = contribute(
        &domain,
        &vetted,
        &custodian,
        &mut key,
        NOW,
        &mut rng(1),
        &mut out,
    );
    match given {
        Ok(given) => {
            assert_eq!(
                (given.request(), given.custodian()),
                (request.digest(), custodian)
            );
            // Answers to keys of other kinds are opened with the known contributions.
            if request.key().algorithm().rsa_size().is_some() {
                let mut collector = Collector::new(&domain, request.clone()).unwrap();
                let added = collector.add(&given, &mut session_key(), NOW, &mut rng(2));
                assert_eq!(added, Ok(Added::New(custodian)));
            }
            ("answered", String::new())
        }
        Err(error) => {
            assert!(out.iter().all(|byte| *byte == 0xaa));
            ("contribute", chain(&error))
        }
    }
}

/// How far a contribution gets in the session of `request`, and what stops it.
fn given(file: &[u8], request: &[u8]) -> (&'static str, String) {
    let contribution = match Contribution::parse(file) {
        Ok(contribution) => contribution,
        Err(error) => return ("parse", chain(&error)),
    };
    assert_eq!(contribution.as_bytes(), file);
    let text = domain();
    let domain = DomainFile::parse(&text).unwrap();
    let mut collector = Collector::new(&domain, Request::parse(request).unwrap()).unwrap();
    match collector.add(&contribution, &mut session_key(), NOW, &mut rng(3)) {
        Ok(added) => {
            assert_eq!(added, Added::New(contribution.custodian()));
            ("taken", String::new())
        }
        Err(error) => {
            assert_eq!(collector.contributors().count(), 0);
            ("add", chain(&error))
        }
    }
}

#[test]
fn every_file_is_judged_as_its_name_says() {
    let cases: serde_json::Value = serde_json::from_slice(&read("cases.json")).unwrap();
    let session = read("request-good.cbor");
    let mut seen = 0;
    for case in cases.as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let file = read(&format!("{name}.cbor"));
        let (step, says) = match name.starts_with("request-") {
            true => asked(&file, case["domain"].as_str().unwrap()),
            false => given(&file, &session),
        };
        assert_eq!(step, case["step"], "{name}: {says}");
        assert_eq!(says, case["says"], "{name}");
        seen += 1;
    }
    let files = fs::read_dir(folder()).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "cbor")
    });
    assert_eq!(files.count(), seen, "every file has a case");
}

/// Both formats with fixed draws: a request about the domain file of the vectors, and the answer of
/// its second custodian. A change of one byte is a change of the format.
#[test]
fn known_answer() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let asking = Asking {
        session: SessionId::from_bytes([0x11; 32]),
        file: file.digest(),
        transfer: thumbprint(TRANSFER),
        key: public(session_key().public_key()),
        created: CREATED,
        expires: EXPIRES,
    };
    let mut out = [0; Request::MAX_LEN];
    let request = asking.write(&mut out).unwrap().as_bytes().to_vec();
    let vetted = compared(&request);
    let (custodian, mut key) = (thumbprint("s2048_1"), private_key("s2048_1"));
    let mut out = vec![0; contribution_len(vetted.request())];
    let given = contribute(
        &file,
        &vetted,
        &custodian,
        &mut key,
        NOW,
        &mut rng(0x2c),
        &mut out,
    );
    let given = given.unwrap().as_bytes().to_vec();
    for (name, bytes) in [
        ("known-answer.request", request),
        ("known-answer.contribution", given),
    ] {
        if crate::known_answer::rewritten() {
            fs::write(folder().join(name), &bytes).unwrap();
        }
        assert_eq!(read(name), bytes, "{name}");
    }
}

/// The files of a sealed domain's session are not those of a restore session, nor the other way
/// round.
#[test]
fn the_files_of_the_two_kinds_of_sessions_are_told_apart() {
    use security_domain::contribution;
    let native = folder().join("../sealed-domain");
    let native = |name: &str| fs::read(native.join(name)).unwrap();
    let ours =
        ["request-good", "contribution-of-custodian-0"].map(|name| read(&format!("{name}.cbor")));
    let theirs = [
        native("request-recover.cbor"),
        native("contribution-of-custodian-1.cbor"),
    ];
    for file in &theirs {
        assert!(Request::parse(file).is_err() && Contribution::parse(file).is_err());
    }
    for file in &ours {
        assert!(contribution::Request::parse(file).is_err());
        assert!(contribution::Contribution::parse(file).is_err());
    }
    assert!(Request::parse(&ours[1]).is_err() && Contribution::parse(&ours[0]).is_err());
    assert!(Request::parse(&ours[0]).is_ok() && Contribution::parse(&ours[1]).is_ok());
}
