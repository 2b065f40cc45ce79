// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests to restore and contributions to them.

use security_domain::hazmat::managed_hsm::Asking;
use security_domain::hazmat::testing::TestRng;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{
    Added, CollectError, Collector, ContributeError, Contribution, Request, VettedRequest,
    contribute, contribution_len,
};
use security_domain::x509::Thumbprint;

use super::key::Key;

const DOMAIN: &[u8] = include_bytes!("../../tests/vectors/managed-hsm/valid/v01-2of3-2048/sd.json");
const REQUEST: &[u8] = include_bytes!("../../tests/vectors/restore-session/request-good.cbor");

/// A request: what is read writes the same bytes again, and is answered only if it is for this
/// file.
pub fn restore_request(data: &[u8]) {
    let Ok(request) = Request::parse(data) else {
        return;
    };
    assert_eq!(request.as_bytes(), data);
    assert!(data.len() <= Request::MAX_LEN);
    assert!(contribution_len(&request) <= Contribution::MAX_LEN);
    let asking = Asking {
        session: request.session(),
        file: request.file(),
        transfer: request.transfer(),
        key: request.key(),
        created: request.created(),
        expires: request.expires().map_or(0, |expires| expires.get()),
    };
    let mut out = [0; Request::MAX_LEN];
    let again = asking.write(&mut out).unwrap();
    assert_eq!(again.as_bytes(), data);
    assert_eq!(again.digest(), request.digest());

    let file = DomainFile::parse(DOMAIN).unwrap();
    let custodian = file.custodians().next().unwrap();
    let shown = request.digest();
    let vetted = VettedRequest::compared(request.clone(), shown).unwrap();
    let mut out = [0; Contribution::MAX_LEN];
    let rng = &mut TestRng::seeded(0);
    let given = contribute(
        &file,
        &vetted,
        &custodian,
        &mut Key::Closed,
        1,
        rng,
        &mut out,
    );
    match given.map(drop).unwrap_err() {
        ContributeError::OtherFile { have, want } => {
            assert!(have == request.file() && have != want && want == file.digest());
            assert!(Collector::new(&file, request).is_err());
        }
        ContributeError::TransferOfCustodian(transfer) => {
            assert_eq!(transfer, request.transfer());
        }
        ContributeError::Expired { expires, .. } => assert_eq!(expires, 0),
        ContributeError::Share(_) => assert!(Collector::new(&file, request).is_ok()),
        error => panic!("{error}"),
    }
}

/// A contribution, to the request that it names or not. What is wrapped in it may be the share
/// itself.
pub fn restore_contribution(data: &[u8]) {
    let Ok(contribution) = Contribution::parse(data) else {
        return;
    };
    assert_eq!(contribution.as_bytes(), data);
    assert!(data.len() <= Contribution::MAX_LEN);
    let file = DomainFile::parse(DOMAIN).unwrap();
    let request = Request::parse(REQUEST).unwrap();
    let mut collector = Collector::new(&file, request.clone()).unwrap();
    let listed = |of: Thumbprint| file.custodians().any(|custodian| custodian == of);
    for mut key in [Key::Closed, Key::Mirror] {
        match collector.add(&contribution, &mut key, 0, &mut TestRng::seeded(0)) {
            Ok(added) => {
                assert_eq!(added, Added::New(contribution.custodian()));
                assert!(matches!(key, Key::Mirror) && collector.contributors().count() == 1);
            }
            Err(CollectError::OtherSession { have, want }) => {
                assert!(have == contribution.request() && want == request.digest() && have != want);
            }
            Err(CollectError::NotListed(of)) => assert!(!listed(of)),
            Err(error) => assert_eq!(error, CollectError::DoesNotOpen(contribution.custodian())),
        }
    }
}
