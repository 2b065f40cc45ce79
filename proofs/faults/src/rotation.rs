// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a change of the quorum rests on: consents and proofs, the files, and the delay of a
//! break-glass.

use core::hint::black_box;
use core::num::NonZeroU32;

use security_domain::approval::{Act, ActKind, Approval};
use security_domain::custodian::{Algorithm, Recipient};
use security_domain::drill::{Challenge, Response, respond};
use security_domain::lifecycle::{
    Activation, Active, Adopted, AnyDomain, Committed, LifecycleError, Proofs, Reason, Refused,
    Rotating, Stage,
};
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{
    DomainLabel, ExpectedDomain, Lineage, ModuleFloor, SealedDomain,
};

use crate::act::{
    FastKey, In, KEYS, active, approval, artifacts, at_rest, contribution, expect, powered_up,
    rests_in, root, sealing, share_of, start_tested,
};
use crate::host::{Hsm, Rng, buffer, memory_of_vault};
use crate::scene::Outcome;
use crate::{scene, window};

/// How long a broken glass waits, and when it opens if it is broken at once.
const DELAY: u32 = 604_800;
const OPENS: u64 = 1_790_000_000 + DELAY as u64;
const NEXT: [FastKey; 3] = [FastKey(4), FastKey(5), FastKey(6)];

/// A file of the domain with that number.
struct Plan {
    number: u8,
    lineage: Lineage,
    delay: Option<u32>,
    seed: u32,
}

impl Plan {
    fn sealed(&self, place: usize) -> Option<SealedDomain<'static>> {
        let (root, artifacts) = (root(self.number)?, artifacts()?);
        let mut sealing = sealing(&root, &artifacts, &KEYS)?;
        sealing.lineage = self.lineage;
        sealing.break_glass = self.delay.and_then(NonZeroU32::new);
        sealing
            .seal(&mut Rng::new(self.seed), &mut [0; 2048], buffer(place))
            .ok()
    }
}

/// The present file, in the first epoch.
fn present(delay: Option<u32>) -> Option<SealedDomain<'static>> {
    let plan = Plan {
        number: 1,
        lineage: Lineage::FIRST,
        delay,
        seed: 77,
    };
    plan.sealed(0)
}

/// A complete file of this domain that follows `present`, or one of another domain.
fn later(present: &SealedDomain<'_>, number: u8, place: usize) -> Option<SealedDomain<'static>> {
    let plan = Plan {
        number,
        lineage: match number {
            1 => Lineage::after(present.header())?,
            _ => Lineage::FIRST,
        },
        delay: None,
        seed: 81,
    };
    plan.sealed(place)
}

/// A rotation that was proposed.
struct Change {
    current: SealedDomain<'static>,
    pending: SealedDomain<'static>,
    request: &'static [u8],
    domain: In<Rotating>,
}

fn proposed(hsm: &mut Hsm, delay: Option<u32>) -> Option<Change> {
    let current = present(delay)?;
    let domain = active(hsm, &current)?;
    hsm.kind = Some(Algorithm::XWing);
    let activation = Activation {
        custodians: &NEXT,
        threshold: Threshold::new(2).ok()?,
        label: DomainLabel::new("test").ok()?,
        floor: ModuleFloor::NONE,
        break_glass: None,
    };
    let (pending, request) = (buffer(1), buffer(2));
    let out = (&mut *pending, &mut *request);
    let (domain, written) = domain
        .propose(&current, &activation, Proofs::Threshold, None, hsm, out)
        .ok()?;
    Some(Change {
        current,
        pending: SealedDomain::parse(pending.get(..written.pending)?).ok()?,
        request: request.get(..written.request)?,
        domain,
    })
}

impl Change {
    /// The present custodian at `place` consents.
    fn consent(&mut self, place: usize, hsm: &mut Hsm) -> Option<()> {
        let mut out = [0; 4096];
        let contribution = contribution(&KEYS[place], &self.current, self.request, &mut out)?;
        let consented = self.domain.consent(&self.current, &contribution, hsm);
        consented.ok().map(drop)
    }

    /// So many of the next custodians are to prove.
    fn challenge(&mut self, hsm: &mut Hsm) -> Option<Challenge<'static>> {
        let out = buffer(3);
        let made = self.domain.challenge(&self.pending, &NEXT, hsm, out).ok()?;
        Challenge::parse(out.get(..made)?).ok()
    }

    /// What the next custodian at `place` answers, with his key or with the share alone.
    fn response<'o>(
        &self,
        challenge: &Challenge<'_>,
        place: usize,
        has_key: bool,
        out: &'o mut [u8],
    ) -> Option<Response<'o>> {
        let (pending, mut key, rng) = (&self.pending, NEXT[place].clone(), &mut Rng::new(82));
        let id = key.id();
        let value = challenge.unwrap_value(pending, id, &mut key, rng).ok()?;
        let value = has_key.then_some(&value);
        let share = share_of(&NEXT[place], pending)?;
        respond(
            pending,
            &expect(pending),
            challenge,
            &share,
            value,
            rng,
            out,
        )
        .ok()
    }

    /// So many of the next custodians prove that they can use the file.
    fn prove(&mut self, count: usize, hsm: &mut Hsm) -> Option<()> {
        let challenge = self.challenge(hsm)?;
        for place in 0..count {
            let mut out = [0; Response::MAX_LEN];
            let response = self.response(&challenge, place, true, &mut out)?;
            let proven = { &mut self.domain }.prove(&self.pending, &challenge, &response, hsm);
            proven.ok()?;
        }
        Some(())
    }

    /// The glass is broken.
    fn break_glass(&mut self, hsm: &mut Hsm) -> Option<()> {
        let reason = Reason::new("lost").ok()?;
        self.domain.break_glass(&self.current, reason, hsm).ok()
    }
}

/// A rotation that can be committed, since its glass is open.
fn agreed(hsm: &mut Hsm) -> Option<Change> {
    let mut change = proposed(hsm, Some(DELAY))?;
    change.prove(2, hsm)?;
    change.break_glass(hsm)?;
    hsm.now = OPENS;
    Some(change)
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_commit(
    domain: In<Rotating>,
    pending: &SealedDomain<'static>,
    hsm: &mut Hsm,
) -> Result<In<Committed>, Refused<In<Rotating>>> {
    domain.commit(pending, hsm)
}

/// Commits with the window open, with the pending file or another one: the release leaves, or it
/// would after a start.
fn commit(change: Change, other: Option<SealedDomain<'static>>, hsm: &mut Hsm) -> Option<Outcome> {
    let Change {
        pending, domain, ..
    } = change;
    let before = hsm.flash.counter;
    let stored = other.as_ref().unwrap_or(&pending);
    Some(match window!(act_commit(domain, stored, hsm)) {
        Ok(domain) => Outcome::took_effect(domain.complete_next(&pending, hsm).is_ok()),
        Err(refused) => {
            drop(refused);
            match hsm.flash.counter > before && rests_in(Stage::Committed, hsm) {
                true => Outcome::Accepted,
                false => Outcome::Refused,
            }
        }
    })
}

scene!(
    /// A rotation to which one of the present custodians has consented, where two must.
    fault_commit_unconsented,
    |wrong, hsm| {
        let mut change = proposed(hsm, None)?;
        change.prove(2, hsm)?;
        for place in 0..if wrong { 1 } else { 2 } {
            change.consent(place, hsm)?;
        }
        commit(change, None, hsm)
    }
);

scene!(
    /// A rotation in which one of the next custodians has proven, where two must.
    fault_commit_unproven,
    |wrong, hsm| {
        let mut change = proposed(hsm, Some(DELAY))?;
        change.prove(if wrong { 1 } else { 2 }, hsm)?;
        change.break_glass(hsm)?;
        hsm.now = OPENS;
        commit(change, None, hsm)
    }
);

scene!(
    /// A rotation that is committed with another file than its pending one.
    fault_commit_other,
    |wrong, hsm| {
        let change = agreed(hsm)?;
        let other = later(&change.current, 1, 4)?;
        commit(change, wrong.then_some(other), hsm)
    }
);

scene!(
    /// A rotation whose glass is broken, in the last second of the delay.
    fault_commit_early,
    |wrong, hsm| {
        let change = agreed(hsm)?;
        hsm.now = OPENS - u64::from(wrong);
        commit(change, None, hsm)
    }
);

scene!(
    /// A commit that the flash did not take.
    fault_commit_unwritten,
    |wrong, hsm| {
        let Change { pending, domain, .. } = agreed(hsm)?;
        hsm.flash.fails = wrong;
        let answer = window!(act_commit(domain, &pending, hsm));
        hsm.flash.fails = false;
        Some(match answer {
            Ok(domain) => Outcome::took_effect(domain.complete_next(&pending, hsm).is_ok()),
            Err(_) => Outcome::Refused,
        })
    }
);

scene!(
    /// A rotation that can be abandoned after a start, though the release leaves. The right input
    /// stands for such an outcome.
    fault_commit_unsaved,
    |wrong, hsm| {
        let Change { pending, domain, .. } = agreed(hsm)?;
        Some(match window!(act_commit(domain, &pending, hsm)) {
            Ok(domain) if wrong => {
                let leaves = domain.complete_next(&pending, hsm).is_ok();
                drop(domain);
                Outcome::failed_to_end(leaves && rests_in(Stage::Rotating, hsm))
            }
            Ok(_) => Outcome::Accepted,
            Err(_) => Outcome::Refused,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_confirm_rotation(
    domain: In<Committed>,
    stored: &SealedDomain<'static>,
    hsm: &mut Hsm,
) -> Result<In<Active>, Refused<In<Committed>>> {
    domain.confirm(stored, hsm)
}

/// Joins the parts of a file, in the buffer with that number.
fn joined(parts: [&[u8]; 4], place: usize) -> Option<SealedDomain<'static>> {
    let (out, mut end) = (buffer(place), 0);
    for part in parts {
        out.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
    }
    SealedDomain::parse(out.get(..end)?).ok()
}

scene!(
    /// An epoch that is confirmed with another complete file than its own.
    fault_confirm_other,
    |wrong, hsm| {
        let Change { current, pending, domain, .. } = agreed(hsm)?;
        let domain = domain.commit(&pending, hsm).ok()?;
        let stored = match wrong {
            true => later(&current, 1, 4)?,
            false => joined(domain.complete_next(&pending, hsm).ok()?, 4)?,
        };
        let confirmed = window!(act_confirm_rotation(domain, &stored, hsm));
        let is_ok = confirmed.is_ok();
        drop(confirmed);
        Some(match (rests_in(Stage::Active, hsm), is_ok) {
            (true, _) => Outcome::Accepted,
            (false, true) => Outcome::Hollow,
            (false, false) => Outcome::Refused,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_adopt(
    domain: &mut In<Active>,
    sealed: &SealedDomain<'static>,
    expect: &ExpectedDomain,
    hsm: &mut Hsm,
) -> Result<Adopted, LifecycleError> {
    domain.adopt(sealed, expect, hsm)
}

/// Adopts with the window open: the HSM stands by the file, or would after a start.
fn adopt(
    mut domain: In<Active>,
    sealed: &SealedDomain<'static>,
    expect: &ExpectedDomain,
    hsm: &mut Hsm,
) -> Option<Outcome> {
    let is_ok = window!(act_adopt(&mut domain, sealed, expect, hsm)).is_ok();
    let header = sealed.header().digest();
    let stands = domain.status().header == Some(header);
    drop(domain);
    let named = { at_rest(hsm).windows(32) }.any(|window| window == header.as_bytes());
    Some(match (stands || named, is_ok) {
        (true, _) => Outcome::Accepted,
        (false, true) => Outcome::Hollow,
        (false, false) => Outcome::Refused,
    })
}

scene!(
    /// A file of another domain is adopted.
    fault_adopt_domain,
    |wrong, hsm| {
        let current = present(None)?;
        let domain = active(hsm, &current)?;
        let given = later(&current, if wrong { 2 } else { 1 }, 1)?;
        // It has the next epoch, too.
        let given = match wrong {
            true => {
                let plan = Plan {
                    number: 2,
                    lineage: Lineage::after(given.header())?,
                    delay: None,
                    seed: 83,
                };
                plan.sealed(2)?
            }
            false => given,
        };
        let expect = black_box(expect(&given));
        adopt(domain, &given, &expect, hsm)
    }
);

scene!(
    /// Another file of the present epoch is adopted.
    fault_adopt_epoch,
    |wrong, hsm| {
        let current = present(None)?;
        let domain = active(hsm, &current)?;
        let given = match wrong {
            true => {
                let plan = Plan {
                    number: 1,
                    lineage: Lineage::FIRST,
                    delay: None,
                    seed: 83,
                };
                plan.sealed(1)?
            }
            false => later(&current, 1, 1)?,
        };
        let expect = black_box(expect(&given));
        adopt(domain, &given, &expect, hsm)
    }
);

scene!(
    /// A later file with another header than the operator has named is adopted.
    fault_adopt_header,
    |wrong, hsm| {
        let current = present(None)?;
        let domain = active(hsm, &current)?;
        let given = later(&current, 1, 1)?;
        let (header, id) = (given.header(), given.header().domain_id());
        let named = if wrong { &current } else { &given }.header().digest();
        let expect = black_box(ExpectedDomain::header(id, header.epoch(), named));
        adopt(domain, &given, &expect, hsm)
    }
);

scene!(
    /// The pending file of a rotation that was abandoned is adopted.
    fault_adopt_pending,
    |wrong, hsm| {
        let Change { current, pending, domain, .. } = proposed(hsm, None)?;
        let domain = domain.abandon(hsm).ok()?;
        let given = if wrong { pending } else { later(&current, 1, 4)? };
        let expect = black_box(expect(&given));
        adopt(domain, &given, &expect, hsm)
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_abandon(domain: In<Rotating>, hsm: &mut Hsm) -> Result<In<Active>, Refused<In<Active>>> {
    domain.abandon(hsm)
}

/// What is to be gone with an abandoned rotation: the release, as another HSM would let it leave.
fn release_of(pending: &SealedDomain<'static>, hsm: &mut Hsm) -> Option<[u8; 32]> {
    let (flash, rng) = (hsm.flash.clone(), hsm.rng.clone());
    let Some(AnyDomain::Rotating(domain)) = start_tested(1, powered_up()?, hsm) else {
        return None;
    };
    let domain = domain.commit(pending, hsm).ok()?;
    let parts = domain.complete_next(pending, hsm).ok()?;
    let release = parts.iter().find_map(|part| (*part).try_into().ok());
    (hsm.flash, hsm.rng) = (flash, rng);
    release
}

scene!(
    /// A rotation that can be committed after it was abandoned, or whose release is still there.
    /// With the right input it is not abandoned.
    fault_abandon,
    |wrong, hsm| {
        let Change { pending, domain, .. } = agreed(hsm)?;
        let release = release_of(&pending, hsm)?;
        let old = hsm.flash.clone();
        let holds = || memory_of_vault(0).windows(32).any(|window| window == release);
        let is_held = if wrong {
            match window!(act_abandon(domain, hsm)) {
                Ok(_domain) => holds(),
                Err(_) => return Some(Outcome::Refused),
            }
        } else {
            window!(());
            let _domain = domain;
            holds()
        };
        let goes_on = rests_in(Stage::Rotating, hsm);
        Some(Outcome::failed_to_end(is_held || hsm.flash.keeps(&old) || goes_on))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_break_glass(
    domain: &mut In<Rotating>,
    current: &SealedDomain<'static>,
    reason: Reason,
    hsm: &mut Hsm,
) -> Result<(), LifecycleError> {
    domain.break_glass(current, reason, hsm)
}

scene!(
    /// A glass that the present file does not allow to break.
    fault_glass_not_allowed,
    |wrong, hsm| {
        let delay = (!wrong).then_some(DELAY);
        let Change { current, mut domain, .. } = proposed(hsm, delay)?;
        let reason = Reason::new("lost").ok()?;
        let is_ok = window!(act_break_glass(&mut domain, &current, reason, hsm)).is_ok();
        let rotation = domain.rotation();
        let is_broken = rotation.is_some_and(|rotation| rotation.opens.is_some());
        Some(match (is_broken, is_ok) {
            (true, _) => Outcome::Accepted,
            (false, true) => Outcome::Hollow,
            (false, false) => Outcome::Refused,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_veto(
    domain: In<Rotating>,
    current: &SealedDomain<'static>,
    approval: &Approval<'_>,
    hsm: &mut Hsm,
) -> Result<In<Active>, Refused<In<Rotating>>> {
    domain.veto(current, approval, hsm)
}

/// Vetoes with the window open.
fn veto(change: Change, approval: &[u8], hsm: &mut Hsm) -> Option<Outcome> {
    let approval = Approval::parse(black_box(approval)).ok()?;
    let Change {
        current, domain, ..
    } = change;
    let before = hsm.flash.counter;
    let vetoed = window!(act_veto(domain, &current, &approval, hsm));
    let is_ok = vetoed.is_ok();
    // In memory it can be over, and go on after a start. A vault of zeros has no domain either.
    let is_over = match &vetoed {
        Ok(_) => false,
        Err(Refused { domain, .. }) => {
            let header = current.header().digest();
            domain.rotation().is_none() && domain.status().header == Some(header)
        }
    };
    drop(vetoed);
    let ends_at_rest = hsm.flash.counter > before && rests_in(Stage::Active, hsm);
    Some(match (is_over || ends_at_rest, is_ok) {
        (true, _) => Outcome::Accepted,
        (false, true) => Outcome::Hollow,
        (false, false) => Outcome::Refused,
    })
}

scene!(
    /// A veto that no present custodian has signed.
    fault_veto_forged,
    |wrong, hsm| {
        let mut change = proposed(hsm, Some(DELAY))?;
        change.break_glass(hsm)?;
        let (mut act, mut out) = ([0; Act::MAX_LEN], [0; Approval::MAX_LEN]);
        let len = change.domain.veto_act(&change.current, &mut act).ok()?;
        let act = Act::parse(act.get(..len)?).ok()?;
        approval(&KEYS[0], &change.current, &act, &mut out)?;
        // In the number of the signature.
        *out.iter_mut().rev().nth(20)? ^= u8::from(wrong);
        veto(change, &out, hsm)
    }
);

scene!(
    /// A veto with an approval of another act.
    fault_veto_other_act,
    |wrong, hsm| {
        let mut change = proposed(hsm, Some(DELAY))?;
        change.break_glass(hsm)?;
        let (mut act, mut out) = ([0; Act::MAX_LEN], [0; Approval::MAX_LEN]);
        let current = &change.current;
        let len = match wrong {
            true => {
                let kind = ActKind::FullBackup;
                change.domain.ask_approval(current, kind, None, hsm, &mut act).ok()?
            }
            false => change.domain.veto_act(current, &mut act).ok()?,
        };
        let act = Act::parse(act.get(..len)?).ok()?;
        approval(&KEYS[0], current, &act, &mut out)?;
        veto(change, &out, hsm)
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_prove(
    domain: &mut In<Rotating>,
    pending: &SealedDomain<'static>,
    challenge: &Challenge<'static>,
    response: &Response<'_>,
    hsm: &mut Hsm,
) -> bool {
    domain.prove(pending, challenge, response, hsm).is_ok()
}

scene!(
    /// A proof of a next custodian who knows his share, and does not show his key.
    fault_prove_without_key,
    |wrong, hsm| {
        let mut change = proposed(hsm, None)?;
        let challenge = change.challenge(hsm)?;
        let mut out = [0; Response::MAX_LEN];
        let response = change.response(&challenge, 0, !wrong, &mut out)?;
        let Change { pending, mut domain, .. } = change;
        let is_ok = window!(act_prove(&mut domain, &pending, &challenge, &response, hsm));
        let proofs = domain.rotation()?.proofs;
        Some(match (proofs, is_ok) {
            (0, true) => Outcome::Hollow,
            (0, false) => Outcome::Refused,
            _ => Outcome::Accepted,
        })
    }
);
