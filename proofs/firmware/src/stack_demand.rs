// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `proofs/measure.py` measures of acts that a quorum must approve, in the HSM of
//! `stack_lifecycle`.

use security_domain::approval::{Act, ActKind, Approval, Approvals, approve};
use security_domain::lifecycle::AnyDomain;
use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};

use crate::pace::sign_of_life;
use crate::rng::Xorshift;
use crate::stack_lifecycle::{FILE, share, step};
use crate::statics::Static;

static ACT: Static<([u8; Act::MAX_LEN], usize)> = Static::new(([0; Act::MAX_LEN], 0));
static APPROVALS: Static<[[u8; Approval::MAX_LEN]; 2]> = Static::new([[0; Approval::MAX_LEN]; 2]);

/// Demands a quorum's approval before the release leaves again.
#[unsafe(no_mangle)]
extern "C" fn stack_life_demand(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Active(mut domain) = domain else {
            return None;
        };
        domain.demand_approval(ActKind::EmitRelease, host).ok()
    })
}

/// Asks for it.
#[unsafe(no_mangle)]
extern "C" fn stack_life_ask(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Active(mut domain) = domain else {
            return None;
        };
        let (file, mut act) = (FILE.borrow_mut(), ACT.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let (out, len) = &mut *act;
        let kind = ActKind::EmitRelease;
        *len = domain.ask_approval(&sealed, kind, None, host, out).ok()?;
        Some(())
    })
}

/// A custodian's approval. Not measured: he is not the HSM.
#[unsafe(no_mangle)]
extern "C" fn prepare_life_approval(custodian: usize) -> u32 {
    let approved = || {
        let (file, act) = (FILE.borrow_mut(), ACT.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let act = Act::parse(act.0.get(..act.1)?).ok()?;
        let mut approvals = APPROVALS.borrow_mut();
        let out = approvals.get_mut(custodian)?;
        let (share, unpinned) = (share(&sealed, custodian)?, ExpectedDomain::unpinned());
        let rng = &mut Xorshift(6);
        approve(&sealed, &unpinned, &act, &share, 0, rng, out).ok()?;
        Some(())
    };
    u32::from(approved().is_some())
}

/// Collects the approvals, and lets the release leave.
#[unsafe(no_mangle)]
extern "C" fn stack_life_complete_approved(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Active(mut domain) = domain else {
            return None;
        };
        let (file, act) = (FILE.borrow_mut(), ACT.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let act = Act::parse(act.0.get(..act.1)?).ok()?;
        let mut approvals = Approvals::new(&sealed, &ExpectedDomain::unpinned(), &act).ok()?;
        // The approvals know no host, so the firmware shows that it lives.
        sign_of_life();
        for approval in APPROVALS.borrow_mut().iter() {
            let approval = Approval::parse(approval).ok()?;
            approvals.add(&approval, 0).ok()?;
            sign_of_life();
        }
        let approved = approvals.enough(0).ok()?;
        sign_of_life();
        domain
            .complete_approved(&sealed, approved, host)
            .ok()
            .map(drop)
    })
}
