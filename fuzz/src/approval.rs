// SPDX-License-Identifier: MIT OR Apache-2.0
//! Acts that custodians approve, and their approvals.

use security_domain::approval::{Act, Approval, ApprovalError, Approvals, UnfitAct};
use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};

const DOMAIN: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/good.sealed");
const ACT: &[u8] = include_bytes!("../../tests/vectors/approval/act-good.cbor");
const NOW: u64 = 1_790_000_060;

/// An act: it ends after it began, and is one for the domain at hand or says what differs.
pub fn act(data: &[u8]) {
    let Ok(act) = Act::parse(data) else {
        return;
    };
    assert_eq!(act.as_bytes(), data);
    assert!(data.len() <= Act::MAX_LEN);
    let created = act.created();
    assert!(
        act.expires()
            .is_none_or(|expires| created != 0 && created <= expires.get())
    );

    let sealed = SealedDomain::parse(DOMAIN).unwrap();
    let header = sealed.header();
    let same = act.domain_id() == header.domain_id()
        && act.epoch() == header.epoch()
        && act.header() == header.digest();
    let approvals = Approvals::new(&sealed, &ExpectedDomain::unpinned(), &act);
    assert_eq!(approvals.is_ok(), same);
    if let Ok(approvals) = approvals {
        assert!(approvals.enough(NOW).is_err());
    }
}

/// An approval: without the shares nobody makes one that counts, but those of the vectors. None
/// counts twice.
pub fn approval(data: &[u8]) {
    let Ok(approval) = Approval::parse(data) else {
        return;
    };
    assert_eq!(approval.as_bytes(), data);
    assert_eq!(data.len(), Approval::MAX_LEN);
    let sealed = SealedDomain::parse(DOMAIN).unwrap();
    let act = Act::parse(ACT).unwrap();
    let mut approvals = Approvals::new(&sealed, &ExpectedDomain::unpinned(), &act).unwrap();
    match approvals.add(&approval, NOW) {
        Ok(id) => {
            let mut custodians = sealed.header().custodians();
            let listed = custodians.find(|custodian| custodian.index == approval.index());
            assert_eq!(listed.map(|of| of.id), Some(id));
            let again = approvals.add(&approval, NOW);
            assert_eq!(again, Err(ApprovalError::Repeated(id)));
            assert_eq!(approvals.count(), 1);
            assert!(approvals.enough(NOW).is_err());
        }
        Err(ApprovalError::OtherAct { have, want }) => {
            assert!(have == approval.act() && want == act.digest() && have != want);
        }
        Err(ApprovalError::Unfit(UnfitAct::Expired { .. }) | ApprovalError::Fault) => {
            panic!("nothing of these is in an approval");
        }
        Err(_) => {}
    }
}
