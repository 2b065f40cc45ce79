// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proposals of another quorum: the request to rotate and the pending file that it names.

use super::session::asking;
use security_domain::contribution::{
    ProposalDigest, Request, SessionPurpose, VetError, VettedRequest,
};
use security_domain::hazmat::contribution::Asking;
use security_domain::sealed_domain::{ExpectedDomain, OpenError, SealedDomain};

const PRESENT: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/good.sealed");

/// A request behind its length in two bytes, and a pending file. The request proposes this file, or
/// another one; a request that is written for this file proposes no other.
pub fn proposal(data: &[u8]) {
    let Some((len, rest)) = data.split_first_chunk() else {
        return;
    };
    let Some((request, pending)) = rest.split_at_checked(u16::from_be_bytes(*len).into()) else {
        return;
    };
    let (Ok(request), Ok(pending)) = (Request::parse(request), SealedDomain::parse(pending)) else {
        return;
    };
    let header = pending.header();
    let own = ProposalDigest::of(header.digest());
    let present = SealedDomain::parse(PRESENT).unwrap();
    let of_present = ProposalDigest::of(present.header().digest());
    let same = header.digest() == present.header().digest();
    assert_eq!(own == of_present, same);

    // Nobody opens a pending file, whatever he has.
    if pending.is_pending() {
        let mut out = vec![0; pending.opened_len()];
        let refused = pending.open(&ExpectedDomain::unpinned(), &[], &mut out);
        assert_eq!(refused.map(drop), Err(OpenError::Pending));
    }

    // What was signed for one file is no request for another.
    let vetted = VettedRequest::signed(request.clone(), &present);
    if let Ok(vetted) = &vetted {
        assert_eq!(vetted.request().purpose(), request.purpose());
        assert_ne!(request.purpose(), SessionPurpose::Recover);
    }
    let asking = Asking {
        purpose: SessionPurpose::Rotate(own),
        ..asking(&request)
    };
    let mut out = [0; Request::MAX_LEN];
    let asked = asking.write(None, &mut out).unwrap();
    assert_eq!(asked.purpose(), SessionPurpose::Rotate(own));
    let proposes = request.purpose() == SessionPurpose::Rotate(own);
    assert_eq!(asked.digest() == request.digest(), proposes);
    let compared = VettedRequest::compared(asked, request.digest());
    match compared {
        Ok(vetted) => assert_eq!(vetted.request().purpose(), request.purpose()),
        Err(error) => assert!(!proposes && matches!(error, VetError::OtherRequest { .. })),
    }
}
