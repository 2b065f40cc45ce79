// SPDX-License-Identifier: MIT OR Apache-2.0
//! Acts for which the HSM demands a quorum's approval.

use security_domain::approval::{Act, ActKind, Approval, Approvals, Approved};
use security_domain::backup::{Kind, TAG_LEN};
use security_domain::lifecycle::{Active, Backup, LifecycleError};
use security_domain::sealed_domain::SealedDomain;

use crate::act::{In, KEYS, active, approval, at_rest, expect, sealed};
use crate::host::{Hsm, ROOM};
use crate::scene::Outcome;
use crate::{scene, window};

/// The active HSM, asked for an act of this kind if so.
fn asked(
    domain: &mut In<Active>,
    current: &SealedDomain<'_>,
    kind: ActKind,
    hsm: &mut Hsm,
) -> Option<[u8; Act::MAX_LEN]> {
    let mut out = [0; Act::MAX_LEN];
    domain
        .ask_approval(current, kind, None, hsm, &mut out)
        .ok()?;
    Some(out)
}

/// So many custodians approve the act.
fn approvals<'a>(
    current: &'a SealedDomain<'a>,
    act: &'a Act<'a>,
    count: usize,
) -> Option<Approvals<'a>> {
    let mut approvals = Approvals::new(current, &expect(current), act).ok()?;
    for key in KEYS.get(..count)? {
        let mut out = [0; Approval::MAX_LEN];
        let approval = approval(key, current, act, &mut out)?;
        approvals.add(&approval, 0).ok()?;
    }
    Some(approvals)
}

/// What a quorum has approved.
fn approved(current: &SealedDomain<'_>, act: &[u8; Act::MAX_LEN]) -> Option<Approved> {
    let act = parse(act)?;
    approvals(current, &act, 2)?.enough(0).ok()
}

/// An act without what follows it.
fn parse(act: &[u8; Act::MAX_LEN]) -> Option<Act<'_>> {
    (0..=act.len())
        .rev()
        .find_map(|len| Act::parse(act.get(..len)?).ok())
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_complete<'f>(
    domain: &'f In<Active>,
    stored: &SealedDomain<'f>,
    hsm: &mut Hsm,
) -> Result<[&'f [u8]; 4], LifecycleError> {
    domain.complete(stored, hsm)
}

/// Whether the parts are the whole of a file.
fn left(parts: Result<[&[u8]; 4], LifecycleError>, sealed: &SealedDomain<'_>) -> Outcome {
    match parts {
        Ok(parts) => Outcome::took_effect(
            parts.iter().map(|part| part.len()).sum::<usize>() == sealed.as_bytes().len(),
        ),
        Err(_) => Outcome::Refused,
    }
}

scene!(
    /// The release leaves again without an approval, though that is demanded.
    fault_emit_unapproved,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = active(hsm, &sealed)?;
        if wrong {
            domain.demand_approval(ActKind::EmitRelease, hsm).ok()?;
        }
        let parts = window!(act_complete(&domain, &sealed, hsm));
        Some(left(parts, &sealed))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_complete_approved<'f>(
    domain: &'f mut In<Active>,
    stored: &SealedDomain<'f>,
    approved: Approved,
    hsm: &mut Hsm,
) -> Result<[&'f [u8]; 4], LifecycleError> {
    domain.complete_approved(stored, approved, hsm)
}

scene!(
    /// The release leaves again with the approval of an act that another one has made void.
    fault_emit_other_act,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = active(hsm, &sealed)?;
        let kind = ActKind::EmitRelease;
        domain.demand_approval(kind, hsm).ok()?;
        let void = asked(&mut domain, &sealed, kind, hsm)?;
        let open = asked(&mut domain, &sealed, kind, hsm)?;
        let approved = approved(&sealed, if wrong { &void } else { &open })?;
        let parts = window!(act_complete_approved(&mut domain, &sealed, approved, hsm));
        Some(left(parts, &sealed))
    }
);

scene!(
    /// The release leaves again with the approval of a full backup, which is the open act.
    fault_emit_other_kind,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = active(hsm, &sealed)?;
        domain.demand_approval(ActKind::EmitRelease, hsm).ok()?;
        let kind = if wrong { ActKind::FullBackup } else { ActKind::EmitRelease };
        let act = asked(&mut domain, &sealed, kind, hsm)?;
        let approved = approved(&sealed, &act)?;
        let parts = window!(act_complete_approved(&mut domain, &sealed, approved, hsm));
        Some(left(parts, &sealed))
    }
);

scene!(
    /// The release leaves with an approval, and the act can be done again after a start: it is not
    /// spent on the flash. The right input stands for such an outcome.
    fault_emit_unspent,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = active(hsm, &sealed)?;
        let kind = ActKind::EmitRelease;
        domain.demand_approval(kind, hsm).ok()?;
        let act = asked(&mut domain, &sealed, kind, hsm)?;
        let digest = parse(&act)?.digest();
        let approved = approved(&sealed, &act)?;
        Some(match window!(act_complete_approved(&mut domain, &sealed, approved, hsm)) {
            Ok(_) if wrong => {
                drop(domain);
                let mut places = at_rest(hsm).windows(32);
                Outcome::failed_to_end(places.any(|place| place == digest.as_bytes()))
            }
            Ok(_) => Outcome::Accepted,
            Err(_) => Outcome::Refused,
        })
    }
);

const LEN: usize = 32;

#[inline(never)]
#[unsafe(no_mangle)]
fn act_begin_backup<'d>(
    domain: &'d mut In<Active>,
    hsm: &mut Hsm,
) -> Result<Backup<'d, ROOM>, LifecycleError> {
    domain.begin_backup(Kind::Full(None), LEN as u64, hsm)
}

/// Whether a backup can be made.
fn backed_up(begun: Result<Backup<'_, ROOM>, LifecycleError>, hsm: &mut Hsm) -> Outcome {
    match begun {
        Ok(mut backup) => {
            let mut chunk = [0x5a; LEN + TAG_LEN];
            Outcome::took_effect(backup.seal(&mut chunk, hsm).is_ok())
        }
        Err(_) => Outcome::Refused,
    }
}

scene!(
    /// A full backup without an approval, though that is demanded.
    fault_backup_unapproved,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = active(hsm, &sealed)?;
        if wrong {
            domain.demand_approval(ActKind::FullBackup, hsm).ok()?;
        }
        let begun = window!(act_begin_backup(&mut domain, hsm));
        Some(backed_up(begun, hsm))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_begin_backup_approved<'d>(
    domain: &'d mut In<Active>,
    approved: Approved,
    hsm: &mut Hsm,
) -> Result<Backup<'d, ROOM>, LifecycleError> {
    domain.begin_backup_approved(None, LEN as u64, approved, hsm)
}

scene!(
    /// A full backup with the approval of an act that another one has made void.
    fault_backup_other_act,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = active(hsm, &sealed)?;
        let kind = ActKind::FullBackup;
        domain.demand_approval(kind, hsm).ok()?;
        let void = asked(&mut domain, &sealed, kind, hsm)?;
        let open = asked(&mut domain, &sealed, kind, hsm)?;
        let approved = approved(&sealed, if wrong { &void } else { &open })?;
        let begun = window!(act_begin_backup_approved(&mut domain, approved, hsm));
        Some(backed_up(begun, hsm))
    }
);

/// Drops the demands if enough have approved.
#[inline(never)]
#[unsafe(no_mangle)]
fn act_drop_demands(domain: &mut In<Active>, approvals: &Approvals<'_>, hsm: &mut Hsm) -> bool {
    let Ok(approved) = approvals.enough(0) else {
        return false;
    };
    domain.drop_demands(approved, hsm).is_ok()
}

scene!(
    /// The demands are dropped with one approval, where two are needed.
    fault_drop_demands,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut domain = active(hsm, &sealed)?;
        let kind = ActKind::FullBackup;
        domain.demand_approval(kind, hsm).ok()?;
        let act = asked(&mut domain, &sealed, ActKind::DropDemands, hsm)?;
        let act = parse(&act)?;
        let approvals = approvals(&sealed, &act, if wrong { 1 } else { 2 })?;
        let is_ok = window!(act_drop_demands(&mut domain, &approvals, hsm));
        Some(match (domain.demands_approval(kind), is_ok) {
            (false, _) => Outcome::Accepted,
            (true, true) => Outcome::Hollow,
            (true, false) => Outcome::Refused,
        })
    }
);
