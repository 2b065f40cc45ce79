// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose approvals an act is done with.

use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering};

use security_domain::approval::{Act, ActDigest, ActKind, Approval, Approvals};
use security_domain::sealed_domain::SealedDomain;

use crate::act::expect;
use crate::scene::Outcome;
use crate::{scene, window};

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/", $name))
    };
}

const SEALED: &[u8] = vector!("sealed-domain/good.sealed");
const ACT: &[u8] = vector!("approval/act-good.cbor");
const FIRST: &[u8] = vector!("approval/approval-good.cbor");
const SECOND: &[u8] = vector!("approval/approval-of-custodian-2.cbor");
const FORGED: &[u8] = vector!("approval/approval-forged-with-another-share.cbor");
const OF_ANOTHER: &[u8] = vector!("approval/approval-of-an-act-without-a-clock.cbor");
/// When the act was written, and after its end.
const EARLY: u64 = 1_790_000_000;
const LATE: u64 = 1_790_086_401;
/// What the act leaves.
const DONE: u32 = 0x2f9c_61d4;

static IS_LATE: AtomicBool = AtomicBool::new(false);

/// The clock of the HSM, which asks it each time: one time that is wrong must not serve them all.
#[inline(never)]
fn now() -> u64 {
    match IS_LATE.load(Ordering::Relaxed) {
        true => LATE,
        false => EARLY,
    }
}

/// Takes two approvals of an act, and does what the act of this kind and digest asks for.
#[inline(never)]
#[unsafe(no_mangle)]
fn act_approved(
    approvals: &mut Approvals<'_>,
    given: &[Approval<'_>; 2],
    (kind, act): (ActKind, ActDigest),
    effect: &mut u32,
) {
    for approval in given {
        // Whether it counts is what the end shows.
        let _ = approvals.add(approval, now());
    }
    let Ok(approved) = approvals.enough(now()) else {
        return;
    };
    let _ = approved.spend(kind, act, || *effect = DONE);
}

/// Whether the act is done with these approvals, as one of this kind.
fn done(given: [&'static [u8]; 2], kind: ActKind) -> Option<Outcome> {
    let sealed = SealedDomain::parse(black_box(SEALED)).ok()?;
    let act = Act::parse(black_box(ACT)).ok()?;
    let mut approvals = Approvals::new(&sealed, &expect(&sealed), &act).ok()?;
    let [first, second] = given;
    let given = [
        Approval::parse(black_box(first)).ok()?,
        Approval::parse(black_box(second)).ok()?,
    ];
    let (what, mut effect) = (black_box((kind, act.digest())), 0);
    window!(act_approved(&mut approvals, &given, what, &mut effect));
    Some(match black_box(effect) {
        DONE => Outcome::Accepted,
        _ => Outcome::Refused,
    })
}

scene!(
    /// One of the approvals is not signed with its custodian's share.
    fault_approval_forged,
    |wrong, _hsm| { done([if wrong { FORGED } else { FIRST }, SECOND], ActKind::EmitRelease) }
);

scene!(
    /// One of the approvals is of another act.
    fault_approval_other_act,
    |wrong, _hsm| {
        let first = if wrong { OF_ANOTHER } else { FIRST };
        done([first, SECOND], ActKind::EmitRelease)
    }
);

scene!(
    /// One custodian has approved twice.
    fault_approval_repeated,
    |wrong, _hsm| { done([if wrong { SECOND } else { FIRST }, SECOND], ActKind::EmitRelease) }
);

scene!(
    /// The act has expired.
    fault_approval_expired,
    |wrong, _hsm| {
        IS_LATE.store(wrong, Ordering::Relaxed);
        done([FIRST, SECOND], ActKind::EmitRelease)
    }
);

scene!(
    /// The act is done as one of another kind.
    fault_approval_other_kind,
    |wrong, _hsm| {
        let kind = if wrong { ActKind::VetoBreakGlass } else { ActKind::EmitRelease };
        done([FIRST, SECOND], kind)
    }
);
