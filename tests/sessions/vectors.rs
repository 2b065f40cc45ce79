// SPDX-License-Identifier: MIT OR Apache-2.0
//! The requests and contributions under `tests/vectors/sealed-domain`, each named by its defect. They were
//! written by `tests/interop/sessions.py`, which shares no line with the crate; `sessions.json` says
//! where each is refused, and in which words.

use std::fs;

use security_domain::contribution::{
    Contribution, Request, RequestDigest, SessionId, SessionPurpose, VetError, VettedRequest,
    contribute, contribution_len,
};
use security_domain::custodian::Recipient;
use security_domain::hazmat::contribution::{Asking, open_contribution};
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{
    DomainShare, ExpectedDomain, InstanceId, LedgerHead, ModuleVersion, SealedDomain,
};
use security_domain::wrapped_share::PLAINTEXT_LEN;

use crate::chain::chain;
use crate::sealed::{rng, vectors};
use crate::world::{rsa, session_key};

/// A second after every request's making, and the one after those that expire at once.
const NOW: u64 = 1_790_000_001;

fn read(name: &str) -> Vec<u8> {
    fs::read(vectors().join(name)).unwrap()
}

/// The share of the first of the custodians `a`, `b`, `c` and `e` whom the sealed domain lists first.
fn first_share(sealed: &SealedDomain<'_>) -> DomainShare {
    let first = sealed.header().custodians().next().unwrap().id;
    let mut keys = ["a", "e"].map(rsa);
    let key = keys.iter_mut().find(|key| key.public_key().id() == first);
    sealed
        .unwrap_share(first, key.unwrap(), &mut rng(0))
        .unwrap()
}

/// How far a request gets, and what stops it.
fn asked(
    file: &[u8],
    sealed: &SealedDomain<'_>,
    share: &DomainShare,
    transfer: &mut PrivateKey,
) -> (&'static str, String) {
    let request = match Request::parse(file) {
        Ok(request) => request,
        Err(error) => return ("parse", chain(&error)),
    };
    let digest = request.digest();
    // A signed request to recover is vetted by its digest all the same, if its signature is good.
    let signed = request
        .is_signed()
        .then(|| VettedRequest::signed(request.clone(), sealed));
    let vetted = match signed {
        None | Some(Err(VetError::SignedRecovery)) => VettedRequest::compared(request, digest),
        Some(vetted) => vetted,
    };
    let vetted = match vetted {
        Ok(vetted) => vetted,
        Err(error) => return ("vet", chain(&error)),
    };
    let is_rsa = vetted.request().transfer().algorithm().rsa_size().is_some();
    let mut out = vec![0xaa; contribution_len(vetted.request())];
    let expect = ExpectedDomain::new(sealed.header().domain_id(), sealed.header().epoch());
    let given = contribute(sealed, &expect, &vetted, share, NOW, &mut rng(1), &mut out);
    match given {
        // Answers to keys of other kinds are opened with the known contributions.
        Ok(contribution) if !is_rsa => {
            assert_eq!(contribution.request(), digest);
            ("answered", String::new())
        }
        Ok(contribution) => {
            let taken = open_contribution(&contribution, sealed, digest, transfer, &mut rng(2));
            assert_eq!(taken.unwrap().custodian(), share.custodian());
            ("answered", String::new())
        }
        Err(error) => {
            assert!(out.iter().all(|byte| *byte == 0xaa));
            ("contribute", chain(&error))
        }
    }
}

/// How far a contribution gets in the session of `request`, and what stops it.
fn given(
    file: &[u8],
    sealed: &SealedDomain<'_>,
    request: RequestDigest,
    transfer: &mut PrivateKey,
) -> (&'static str, String) {
    let contribution = match Contribution::parse(file) {
        Ok(contribution) => contribution,
        Err(error) => return ("parse", chain(&error)),
    };
    assert_eq!(contribution.as_bytes(), file);
    match open_contribution(&contribution, sealed, request, transfer, &mut rng(3)) {
        Ok(share) => {
            assert_eq!(share.index(), contribution.index());
            ("taken", String::new())
        }
        Err(error) => ("open", chain(&error)),
    }
}

#[test]
fn every_file_is_judged_as_its_name_says() {
    let cases = fs::read_to_string(vectors().join("sessions.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&cases).unwrap();
    let files = ["good", "good-custodian-of-3072-bits"].map(|name| read(&format!("{name}.sealed")));
    let [good, strong] = files
        .each_ref()
        .map(|file| SealedDomain::parse(file).unwrap());
    let shares = [first_share(&good), first_share(&strong)];
    let mut transfer = rsa("d");
    let session = read("request-recover.cbor");
    let session = Request::parse(&session).unwrap().digest();
    let mut seen = 0;
    for case in cases.as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let file = read(&format!("{name}.cbor"));
        let (step, says) = if name.starts_with("request-") {
            let (sealed, share) = match case["sealed"].as_str().unwrap() {
                "good" => (&good, &shares[0]),
                _ => (&strong, &shares[1]),
            };
            asked(&file, sealed, share, &mut transfer)
        } else {
            given(&file, &good, session, &mut transfer)
        };
        assert_eq!(step, case["step"], "{name}: {says}");
        assert_eq!(says, case["says"], "{name}");
        seen += 1;
    }
    let files = fs::read_dir(vectors()).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "cbor")
    });
    assert_eq!(files.count(), seen, "every file has a case");
}

/// Both formats with fixed draws: a request about the domain of `known-answer.sealed`, and the answer of
/// its second custodian. A change of one byte is a change of the format.
#[test]
fn known_answer() {
    let file = read("known-answer.sealed");
    let sealed = SealedDomain::parse(&file).unwrap();
    let domain = sealed.header().domain_id();
    let asking = Asking {
        purpose: SessionPurpose::Recover,
        session: SessionId::from_bytes([0x11; 32]),
        header: sealed.header().digest(),
        domain_id: domain,
        epoch: sealed.header().epoch(),
        transfer: session_key(rsa("d").public_key()),
        instance: InstanceId::from_bytes(*b"fedcba9876543210"),
        module_version: ModuleVersion::new(3),
        created: 1_790_000_000,
        expires: 1_790_086_400,
        ledger_head: LedgerHead::from_bytes([0x22; 32]),
    };
    let mut out = vec![0; asking.request_len(false).unwrap()];
    let request = asking.write(None, &mut out).unwrap();
    // The file is the same request, signed: by an HSM that errs, since it is to recover.
    let signed = read("known-answer.request");
    let (known, _) = signed.split_at(signed.len() - 2 - 64);
    assert_eq!(request.as_bytes().strip_suffix(&[0x40]), Some(known));
    let signed = Request::parse(&signed).unwrap();
    assert_eq!(
        VettedRequest::signed(signed.clone(), &sealed).unwrap_err(),
        VetError::SignedRecovery,
        "its signature is good"
    );
    let custodian = sealed.header().custodians().nth(1).unwrap().id;
    let share = sealed
        .unwrap_share(custodian, &mut rsa("b"), &mut rng(0))
        .unwrap();
    let vetted = VettedRequest::compared(signed, request.digest()).unwrap();
    let mut out = vec![0; contribution_len(&request)];
    let expect = ExpectedDomain::new(domain, sealed.header().epoch());
    let contribution = contribute(
        &sealed,
        &expect,
        &vetted,
        &share,
        NOW,
        &mut rng(0x2c),
        &mut out,
    )
    .unwrap();
    let files = [("known-answer.contribution", contribution.as_bytes())];
    for (name, bytes) in files {
        if crate::known_answer::rewritten() {
            fs::write(vectors().join(name), bytes).unwrap();
        }
        assert_eq!(read(name), bytes, "{name}");
    }
}

/// A custodian with a token: nothing but the 65 bytes that it unwraps is needed. What `openssl` unwraps goes
/// the same way in `tests/interop/share_by_openssl.py`.
#[test]
fn a_share_that_a_token_unwrapped_is_contributed() {
    let file = read("good.sealed");
    let sealed = SealedDomain::parse(&file).unwrap();
    let (custodian, wrapped) = sealed.wrapped_shares().next().unwrap();
    let mut plaintext = [0; PLAINTEXT_LEN];
    let len = rsa("a").decrypt_oaep_sha256(&[], wrapped.as_bytes(), &mut rng(1), &mut plaintext);
    assert_eq!(len, Ok(PLAINTEXT_LEN));
    let share = sealed.accept_share(custodian.id, &plaintext).unwrap();
    let (step, says) = asked(
        &read("request-recover.cbor"),
        &sealed,
        &share,
        &mut rsa("d"),
    );
    assert_eq!(step, "answered", "{says}");
}
