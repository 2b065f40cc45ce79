// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a custodian does not answer.

use std::convert::Infallible;

use security_domain::contribution::SessionId;
use security_domain::custodian::{Algorithm, Identity, UnwrapError};
use security_domain::hazmat::managed_hsm::Asking;
use security_domain::managed_hsm::domain_file::{DomainFile, ShareError};
use security_domain::managed_hsm::restore_session::{ContributeError, Request, contribute};
use security_domain::rng::Generator;

use crate::fixtures::{private_key, thumbprint};
use crate::world::{
    CREATED, EXPIRES, TRANSFER, asked, compared, contributed, contributed_at, domain, public, rng,
    session_key, text,
};

fn asking(file: &DomainFile<'_>) -> Asking<'static> {
    Asking {
        session: SessionId::from_bytes([3; 32]),
        file: file.digest(),
        transfer: thumbprint(TRANSFER),
        key: public(session_key().public_key()),
        created: CREATED,
        expires: EXPIRES,
    }
}

fn written(asking: &Asking<'_>) -> Vec<u8> {
    let mut out = [0; Request::MAX_LEN];
    asking.write(&mut out).unwrap().as_bytes().to_vec()
}

/// A key that must not be used.
struct Untouched;

impl Identity for Untouched {
    type Error = Infallible;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        _: &[u8],
        _: &[u8],
        _: &mut R,
        _: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        panic!("a refused request uses no key")
    }
}

/// What comes of answering with a key that must not be used.
fn refused(case: &str, of: &str, request: &[u8], now: u64) -> ContributeError<Infallible> {
    let text = text(case);
    let file = DomainFile::parse(&text).unwrap();
    let mut out = [0xaa; 1024];
    let vetted = compared(request);
    let (of, rng) = (thumbprint(of), &mut rng(1));
    let given = contribute(&file, &vetted, &of, &mut Untouched, now, rng, &mut out);
    let error = given.map(drop).unwrap_err();
    assert_eq!(out, [0xaa; 1024]);
    error
}

#[test]
fn a_request_for_anything_else_uses_no_key() {
    let good = "v01-2of3-2048";
    let (text, other) = (domain(), text("v12-3of3"));
    let [file, other] = [&text, &other].map(|text| DomainFile::parse(text).unwrap());
    let (have, want) = (other.digest(), file.digest());
    assert_eq!(
        refused(good, "s2048_0", &written(&asking(&other)), 0),
        ContributeError::OtherFile { have, want }
    );
    let mut changed = asking(&file);
    changed.transfer = thumbprint("s2048_2");
    assert_eq!(
        refused(good, "s2048_0", &written(&changed), 0),
        ContributeError::TransferOfCustodian(thumbprint("s2048_2"))
    );
    let request = written(&asking(&file));
    assert_eq!(
        refused(good, "s2048_9", &request, 0),
        ContributeError::Share(ShareError::NotListed)
    );
    assert_eq!(
        refused(good, "s2048_0", &request, EXPIRES + 1),
        ContributeError::Expired {
            expires: EXPIRES,
            now: EXPIRES + 1
        }
    );
}

#[test]
fn a_request_is_answered_until_its_last_second() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let (mut asking, custodian) = (asking(&file), thumbprint("s2048_0"));
    let give = |request: &[u8], now| {
        contributed_at(&file, request, &custodian, &mut private_key("s2048_0"), now).map(drop)
    };
    let request = written(&asking);
    for now in [0, 1, EXPIRES - 1, EXPIRES] {
        assert_eq!(give(&request, now), Ok(()), "{now}");
    }
    for now in [EXPIRES + 1, u64::MAX] {
        let expires = EXPIRES;
        assert_eq!(
            give(&request, now),
            Err(ContributeError::Expired { expires, now })
        );
    }
    asking.expires = 0;
    assert_eq!(give(&written(&asking), u64::MAX), Ok(()));
}

/// The custodians of one file have keys of three sizes, and the session's key is as strong as two.
#[test]
fn a_share_goes_to_no_weaker_key_than_it_came_from() {
    let case = "v08-2of3-mixed-bits";
    let text = text(case);
    let file = DomainFile::parse(&text).unwrap();
    let mut asking = asking(&file);
    asking.key = public(private_key("s3072_0").public_key());
    let request = written(&asking);
    let kinds: Vec<_> = file.key_kinds().collect();
    let mut weaker = 0;
    for (custodian, kind) in file.custodians().zip(kinds) {
        assert_eq!(file.key_kind(&custodian), Some(kind));
        let bits = kind.rsa_size().unwrap().bits();
        let name = { 0..10 }
            .map(|i| format!("s{bits}_{i}"))
            .find(|name| {
                crate::fixtures::path(&format!("keys/{name}.cer")).exists()
                    && thumbprint(name) == custodian
            })
            .unwrap();
        let expected = ContributeError::WeakerKey {
            session: Algorithm::Rsa3072OaepSha256,
            custodian: Algorithm::Rsa4096OaepSha256,
        };
        match contributed(&file, &request, &name) {
            Ok(_) => assert!(bits <= 3072),
            Err(error) => {
                assert!(bits == 4096 && error == expected, "{error}");
                weaker += 1;
            }
        }
    }
    assert_eq!(weaker, 1);
}

#[test]
fn a_wrong_key_and_too_little_room_are_refused() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let request = asked(&file, public(session_key().public_key()), 1);
    let mut key = private_key("s2048_1");
    let refused = contributed_at(&file, &request, &thumbprint("s2048_0"), &mut key, 0);
    assert_eq!(
        refused,
        Err(ContributeError::Share(ShareError::DoesNotOpen))
    );

    let needed = contributed(&file, &request, "s2048_0").unwrap().len();
    let mut out = vec![0xaa; needed - 1];
    let (vetted, of) = (compared(&request), thumbprint("s2048_0"));
    let given = contribute(
        &file,
        &vetted,
        &of,
        &mut Untouched,
        0,
        &mut rng(1),
        &mut out,
    );
    assert_eq!(
        given.unwrap_err(),
        ContributeError::BufferTooSmall { needed }
    );
    assert!(out.iter().all(|byte| *byte == 0xaa));
}

/// A share that is damaged in the file is named as such, whatever the key.
#[test]
fn a_damaged_share_is_not_contributed() {
    let mut text = domain();
    let place = String::from_utf8(text.clone()).unwrap();
    let place = place.find("\"enc_key\"").unwrap() + 20;
    text[place] = b'!';
    let file = DomainFile::parse(&text).unwrap();
    let damaged = file.damaged_shares().next().unwrap();
    let (custodian, request) = (damaged.custodian.unwrap(), written(&asking(&file)));
    let vetted = compared(&request);
    let mut out = [0; 1024];
    let given = contribute(
        &file,
        &vetted,
        &custodian,
        &mut Untouched,
        0,
        &mut rng(1),
        &mut out,
    );
    assert_eq!(
        given.unwrap_err(),
        ContributeError::Share(ShareError::Damaged(damaged.error))
    );
}
