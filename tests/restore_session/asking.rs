// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a collector asks, and what it does not.

use security_domain::contribution::{RequestDigest, SessionId, Verifier};
use security_domain::custodian::Algorithm;
use security_domain::hazmat::managed_hsm::Asking;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{
    AskError, Contribution, Request, Times, VetError, VettedRequest, ask,
};
use security_domain::x509::Certificate;

use crate::fixtures::{certificate_der, thumbprint};
use crate::world::{CREATED, EXPIRES, TRANSFER, asked, domain, public, rng, session_key, text};

pub const WITHOUT_A_CLOCK: Times = Times {
    created: 0,
    expires: 0,
};

#[test]
fn a_request_says_what_was_asked() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let key = public(session_key().public_key());
    let bytes = asked(&file, key, 1);
    let request = Request::parse(&bytes).unwrap();
    assert_eq!(request.file(), file.digest());
    assert_eq!(request.transfer(), thumbprint(TRANSFER));
    assert_eq!(request.key(), key);
    assert_eq!(request.created(), CREATED);
    assert_eq!(
        request.expires().map(|expires| expires.get()),
        Some(EXPIRES)
    );
    // Another draw names another session, and that is all that differs.
    let another = asked(&file, key, 2);
    let other = Request::parse(&another).unwrap();
    assert_ne!(other.session(), request.session());
    assert_ne!(other.digest(), request.digest());
    let differ: Vec<usize> = { 0..bytes.len() }
        .filter(|i| bytes[*i] != another[*i])
        .collect();
    assert!(differ.iter().all(|i| (4..36).contains(i)), "{differ:?}");
}

fn refusal(case: &str, transfer: &str, times: Times, room: usize) -> AskError {
    let text = text(case);
    let file = DomainFile::parse(&text).unwrap();
    let der = certificate_der(transfer);
    let transfer = Certificate::parse(&der).unwrap();
    let key = public(session_key().public_key());
    let mut out = vec![0; room];
    let refused = ask(&file, &transfer, key, times, &mut rng(1), &mut out).map(drop);
    assert!(out.iter().all(|byte| *byte == 0));
    refused.unwrap_err()
}

#[test]
fn a_collector_does_not_ask_for_what_no_custodian_would_answer() {
    let good = "v01-2of3-2048";
    assert_eq!(
        refusal(good, "s2048_1", WITHOUT_A_CLOCK, 1024),
        AskError::TransferOfCustodian(thumbprint("s2048_1"))
    );
    assert_eq!(
        refusal("v08-2of3-mixed-bits", TRANSFER, WITHOUT_A_CLOCK, 1024),
        AskError::WeakerKey {
            session: Algorithm::Rsa2048OaepSha256,
            custodian: Algorithm::Rsa3072OaepSha256,
        }
    );
    for (created, expires) in [(0, 1), (2, 1), (u64::MAX, 1)] {
        let times = Times { created, expires };
        assert_eq!(refusal(good, TRANSFER, times, 1024), AskError::Expiry);
    }
    let AskError::BufferTooSmall { needed } = refusal(good, TRANSFER, WITHOUT_A_CLOCK, 0) else {
        panic!("no room");
    };
    assert_eq!(
        refusal(good, TRANSFER, WITHOUT_A_CLOCK, needed - 1),
        AskError::BufferTooSmall { needed }
    );
}

#[test]
fn a_request_is_vetted_by_what_the_collector_shows_only() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let bytes = asked(&file, public(session_key().public_key()), 1);
    let request = Request::parse(&bytes).unwrap();
    let have = request.digest();
    for bit in 0..256 {
        let mut want = *have.as_bytes();
        want[bit / 8] ^= 1 << (bit % 8);
        let want = RequestDigest::from_bytes(want);
        let refused = VettedRequest::compared(request.clone(), want);
        assert_eq!(refused.unwrap_err(), VetError::OtherRequest { have, want });
    }
    assert!(VettedRequest::compared(request, have).is_ok());
}

/// An attestation that contains R.
struct Contains;

impl Verifier for Contains {
    fn accepts(&self, evidence: &[u8], request: RequestDigest) -> bool {
        evidence == request.as_bytes()
    }
}

/// A collector in an enclave shows its request by an attestation.
#[test]
fn a_request_is_vetted_by_an_attestation_of_it() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let bytes = asked(&file, public(session_key().public_key()), 1);
    let request = Request::parse(&bytes).unwrap();
    let digest = request.digest();
    assert!(VettedRequest::attested(request.clone(), digest.as_bytes(), &Contains).is_ok());
    let refused = VettedRequest::attested(request, &[0; 32], &Contains);
    assert_eq!(refused.unwrap_err(), VetError::Evidence);
}

/// Their documentation has the numbers.
#[test]
fn the_longest_files_are_as_long_as_documented() {
    let documented = match cfg!(feature = "pq") {
        true => (1829, 1850),
        false => (715, 585),
    };
    assert_eq!((Request::MAX_LEN, Contribution::MAX_LEN), documented);
}

/// Every field of a request is in R.
#[test]
fn requests_that_differ_in_a_field_have_different_digests() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let asking = Asking {
        session: SessionId::from_bytes([3; 32]),
        file: file.digest(),
        transfer: thumbprint(TRANSFER),
        key: public(session_key().public_key()),
        created: CREATED,
        expires: EXPIRES,
    };
    let mut changed = vec![asking; 6];
    changed[1].session = SessionId::from_bytes([4; 32]);
    changed[2].file = DomainFile::parse(&self::text("v12-3of3")).unwrap().digest();
    changed[3].transfer = thumbprint("stransfer4096");
    changed[4].created += 1;
    changed[5].expires += 1;
    let mut digests: Vec<_> = { changed.iter() }
        .map(|asking| asking.write(&mut [0; Request::MAX_LEN]).unwrap().digest())
        .collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 6);
}
