// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and contributions.

use security_domain::contribution::{
    Contribution, ContributionError, Request, SessionPurpose, VetError, VettedRequest,
    contribution_len,
};
use security_domain::hazmat::contribution::{Asking, open_contribution};
use security_domain::hazmat::testing::TestRng;
use security_domain::sealed_domain::SealedDomain;

use super::key::Key;

const SEALED: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/good.sealed");

/// What a request asks for.
pub fn asking<'a>(request: &Request<'a>) -> Asking<'a> {
    Asking {
        purpose: request.purpose(),
        session: request.session(),
        header: request.header(),
        domain_id: request.domain_id(),
        epoch: request.epoch(),
        transfer: request.transfer(),
        instance: request.instance(),
        module_version: request.module_version(),
        created: request.created(),
        expires: request.expires().map_or(0, |expires| expires.get()),
        ledger_head: request.ledger_head(),
    }
}

/// A request's file: what is read writes the same bytes again.
pub fn request(data: &[u8]) {
    let Ok(request) = Request::parse(data) else {
        return;
    };
    assert_eq!(request.as_bytes(), data);
    assert!(data.len() <= Request::MAX_LEN);
    assert!(contribution_len(&request) <= Contribution::MAX_LEN);
    let asking = asking(&request);
    let mut out = [0; Request::MAX_LEN];
    let again = asking.write(None, &mut out).unwrap();
    assert_eq!(again.digest(), request.digest());
    let signature = if request.is_signed() { 2 + 64 } else { 1 };
    let (request_bytes, _) = data.split_at(data.len() - signature);
    assert_eq!(again.as_bytes().strip_suffix(&[0x40]), Some(request_bytes));

    let sealed = SealedDomain::parse(SEALED).unwrap();
    match VettedRequest::signed(request.clone(), &sealed) {
        Ok(vetted) => assert_eq!(vetted.request().digest(), request.digest()),
        Err(VetError::Unsigned) => assert!(!request.is_signed()),
        Err(VetError::SignedRecovery) => {
            assert!(request.is_signed() && request.purpose() == SessionPurpose::Recover);
        }
        Err(VetError::OtherDomain { have, .. }) => assert_eq!(have, request.domain_id()),
        Err(error) => assert_eq!(error, VetError::Signature),
    }
}

/// A contribution, to the request that it names, up to the use of the transfer key.
pub fn contribution(data: &[u8]) {
    let Ok(contribution) = Contribution::parse(data) else {
        return;
    };
    assert_eq!(contribution.as_bytes(), data);
    assert!(data.len() <= Contribution::MAX_LEN);
    let sealed = SealedDomain::parse(SEALED).unwrap();
    let index = contribution.index();
    let mut custodians = sealed.header().custodians();
    let listed = custodians.find(|custodian| custodian.index == index);
    let request = contribution.request();
    let refused = open_contribution(
        &contribution,
        &sealed,
        request,
        &mut Key::Closed,
        &mut TestRng::seeded(0),
    );
    match (refused.unwrap_err(), listed) {
        (ContributionError::NotListed(at), None) => assert_eq!(at, index),
        (
            ContributionError::Unsigned { claims: id } | ContributionError::DoesNotOpen(id),
            Some(it),
        ) => {
            assert_eq!(id, it.id);
        }
        (error, _) => panic!("{error}"),
    }
}
