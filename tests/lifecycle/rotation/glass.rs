// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rotation without the consent of the present quorum, which each present custodian can veto.

use security_domain::approval::{Act, ActKind, Approval, ApprovalError, approve};
use security_domain::lifecycle::{
    Activation, Active, AnyDomain, Ended, Event, Expiry, LifecycleError, Outcome, Proofs, Reason,
    Refused, Rotating, RotationError, Stage, Step, Vault,
};
use security_domain::sealed_domain::{
    Epoch, ExpectedDomain, MAX_TEXT_LEN, SealedDomain, TextError,
};

use super::change::{Change, Files, complete, parse, recovers, rotating, started};
use crate::flash::Hsm;
use crate::sealed::{FastKey, fast_keys, rng, share};
use crate::world::{In, ROOM, activated, activation, has_artifacts, hsm, provisioned, vault};

const BEGAN: u64 = 1_790_000_000;
const DELAY: u32 = 7 * 86_400;
const OPENS: u64 = BEGAN + DELAY as u64;

fn reason() -> Reason {
    Reason::new("two of three custodians have left").unwrap()
}

/// An active HSM whose file allows a break-glass.
fn allowing<'v>(
    memory: &'v mut Vault<ROOM>,
    hsm: &mut Hsm,
    delay: Option<u32>,
) -> (Change, In<'v, Active>) {
    let old = fast_keys(3);
    let activation = Activation {
        break_glass: delay.and_then(|delay| delay.try_into().ok()),
        ..activation(&old)
    };
    let (domain, file) = activated(provisioned(memory, hsm), &activation, hsm);
    let new = (11..=14).map(FastKey).collect();
    (Change { old, new, file }, domain)
}

/// The same, with a rotation that was proposed.
fn proposed<'v>(
    memory: &'v mut Vault<ROOM>,
    hsm: &mut Hsm,
    lifetime: u64,
) -> (Change, In<'v, Rotating>, Files) {
    let (change, domain) = allowing(memory, hsm, Some(DELAY));
    let Ok((domain, files)) = change.propose(domain, Proofs::All, lifetime, hsm) else {
        panic!("it can be proposed");
    };
    (change, domain, files)
}

fn veto_act(domain: &In<'_, Rotating>, current: &SealedDomain<'_>) -> Vec<u8> {
    let mut out = vec![0xaa; Act::MAX_LEN];
    let len = domain.veto_act(current, &mut out).unwrap();
    out.truncate(len);
    out
}

/// What a custodian of `file` approves.
fn approval(file: &[u8], key: &FastKey, act: &[u8]) -> Vec<u8> {
    let sealed = parse(file);
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let (act, share) = (Act::parse(act).unwrap(), share(&sealed, key));
    let mut out = vec![0; Approval::MAX_LEN];
    let approval = approve(&sealed, &expect, &act, &share, 0, &mut rng(1), &mut out);
    approval.unwrap().as_bytes().to_vec()
}

#[test]
fn after_the_delay_no_consent_is_needed_but_proofs_are() {
    let (mut memory, mut hsm) = (vault(), hsm(1));
    hsm.now = BEGAN;
    let (change, mut domain, files) = proposed(&mut memory, &mut hsm, 0);
    let (file, pending) = (parse(&change.file), parse(&files.pending));
    let reason = reason();
    domain.break_glass(&file, reason, &mut hsm).unwrap();
    let event = Event::BreakGlass {
        epoch: pending.header().epoch(),
        header: pending.header().digest(),
        opens: OPENS,
        reason,
    };
    assert!(hsm.events.contains(&event));
    assert_eq!(reason.as_str(), "two of three custodians have left");
    // Again, later: the time stays.
    hsm.now += 100;
    domain.break_glass(&file, reason, &mut hsm).unwrap();
    let opens = domain.rotation().unwrap().opens;
    assert_eq!(opens.map(u64::from), Some(OPENS));
    change.all_prove(&mut domain, &files, &mut hsm);

    drop(domain);
    for now in [BEGAN + 100, OPENS - 1] {
        hsm.now = now;
        let domain = rotating(&mut memory, &mut hsm);
        let refused = domain.commit(&pending, &mut hsm).unwrap_err();
        let want = RotationError::TooEarly {
            have: 0,
            need: 2,
            opens: OPENS,
            now,
        };
        assert_eq!(refused.error, want.into());
        assert_eq!(refused.domain.status().stage, Stage::Rotating);
    }
    hsm.now = OPENS;
    let domain = rotating(&mut memory, &mut hsm);
    let domain = domain.commit(&pending, &mut hsm).unwrap();
    drop(domain);
    // What is committed stays so, after a start and at any time.
    hsm.now = 1;
    let AnyDomain::Committed(domain) = started(&mut memory, &mut hsm) else {
        panic!("it was committed");
    };
    let next = complete(&domain, &files, &mut hsm);
    let domain = domain.confirm(&parse(&next), &mut hsm).unwrap();
    assert!(has_artifacts(&domain, &mut hsm));
    assert!(recovers(&next, &change.new));
}

#[test]
fn without_proofs_an_open_glass_commits_nothing() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    hsm.now = BEGAN;
    let (change, mut domain, files) = proposed(&mut memory, &mut hsm, 0);
    let (file, pending) = (parse(&change.file), parse(&files.pending));
    domain.break_glass(&file, reason(), &mut hsm).unwrap();
    hsm.now = OPENS + 1;
    let Refused { domain, error, .. } = domain.commit(&pending, &mut hsm).unwrap_err();
    let want = RotationError::NoProof { have: 0, need: 4 };
    assert_eq!(error, want.into());
    // And proofs without a break-glass neither.
    let domain = domain.abandon(&mut hsm).unwrap();
    let Ok((mut domain, files)) = change.propose(domain, Proofs::All, 0, &mut hsm) else {
        panic!("it can be proposed");
    };
    change.all_prove(&mut domain, &files, &mut hsm);
    let pending = parse(&files.pending);
    let refused = domain.commit(&pending, &mut hsm).unwrap_err();
    let want = RotationError::NoConsent { have: 0, need: 2 };
    assert_eq!(refused.error, want.into());
}

#[test]
fn a_quorum_can_still_consent_before_the_delay_is_over() {
    let (mut memory, mut hsm) = (vault(), hsm(3));
    hsm.now = BEGAN;
    let (change, mut domain, files) = proposed(&mut memory, &mut hsm, 0);
    let (file, pending) = (parse(&change.file), parse(&files.pending));
    domain.break_glass(&file, reason(), &mut hsm).unwrap();
    change.all_prove(&mut domain, &files, &mut hsm);
    change.all_consent(&mut domain, &files, &mut hsm);
    let domain = domain.commit(&pending, &mut hsm).unwrap();
    let next = complete(&domain, &files, &mut hsm);
    assert!(domain.confirm(&parse(&next), &mut hsm).is_ok());
}

#[test]
fn the_present_file_must_allow_it() {
    let (mut memory, mut hsm) = (vault(), hsm(4));
    hsm.now = BEGAN;
    let (change, domain) = allowing(&mut memory, &mut hsm, None);
    let Ok((mut domain, files)) = change.propose(domain, Proofs::All, 0, &mut hsm) else {
        panic!("it can be proposed");
    };
    let (file, pending) = (parse(&change.file), parse(&files.pending));
    let refused = domain.break_glass(&file, reason(), &mut hsm);
    assert_eq!(refused, Err(RotationError::NoBreakGlass.into()));
    assert_eq!(domain.rotation().unwrap().opens, None);

    // Neither the pending file nor that of another domain is the present one.
    let other = super::super::world::Lost::new(9);
    for wrong in [&pending, &other.sealed()] {
        let refused = domain.break_glass(wrong, reason(), &mut hsm);
        assert!(
            matches!(refused, Err(LifecycleError::OtherHeader { .. })),
            "{refused:?}"
        );
    }
    let mut out = [0; Act::MAX_LEN];
    let refused = domain.veto_act(&file, &mut out);
    assert_eq!(refused, Err(RotationError::GlassIntact.into()));
}

#[test]
fn it_needs_a_clock_and_a_rotation_that_lasts() {
    let (mut memory, mut hsm_1) = (vault(), hsm(5));
    let (change, mut domain, _) = proposed(&mut memory, &mut hsm_1, 0);
    let file = parse(&change.file);
    // One that there was not when the rotation began is none.
    for now in [0, BEGAN] {
        hsm_1.now = now;
        let refused = domain.break_glass(&file, reason(), &mut hsm_1);
        assert_eq!(refused, Err(LifecycleError::NoClock));
    }

    let (mut memory, mut hsm_1) = (vault(), hsm(5));
    hsm_1.now = BEGAN;
    let lifetime = u64::from(DELAY) + 9;
    let (change, mut domain, _) = proposed(&mut memory, &mut hsm_1, lifetime);
    let file = parse(&change.file);
    hsm_1.now = BEGAN + 10;
    let refused = domain.break_glass(&file, reason(), &mut hsm_1);
    let want = RotationError::ExpiresBefore {
        expires: BEGAN + lifetime,
        opens: OPENS + 10,
    };
    assert_eq!(refused, Err(want.into()));
    hsm_1.now = BEGAN + 9;
    domain.break_glass(&file, reason(), &mut hsm_1).unwrap();
    let opens = domain.rotation().unwrap().opens;
    assert_eq!(opens.map(u64::from), Some(OPENS + 9));
}

#[test]
fn each_present_custodian_can_veto_it_before_and_after_the_delay() {
    for (seed, now) in [(0, BEGAN + 1), (1, OPENS - 1), (2, OPENS + 1)] {
        let (mut memory, mut hsm) = (vault(), hsm(6));
        hsm.now = BEGAN;
        let (change, mut domain, files) = proposed(&mut memory, &mut hsm, 0);
        let (file, pending) = (parse(&change.file), parse(&files.pending));
        domain.break_glass(&file, reason(), &mut hsm).unwrap();
        change.all_prove(&mut domain, &files, &mut hsm);
        let act = veto_act(&domain, &file);
        let parsed = Act::parse(&act).unwrap();
        assert_eq!(parsed.kind(), ActKind::VetoBreakGlass);
        assert_eq!(
            parsed.subject().as_bytes(),
            pending.header().digest().as_bytes()
        );
        assert_eq!((parsed.created(), parsed.expires()), (BEGAN, None));
        assert_eq!(parsed.header(), file.header().digest());
        drop(domain);

        hsm.now = now;
        // The sink does not stop it, and hears of it later.
        hsm.refuses = true;
        let domain = rotating(&mut memory, &mut hsm);
        assert_eq!(
            veto_act(&domain, &file),
            act,
            "it is the same after a start"
        );
        let veto = approval(&change.file, &change.old[seed], &act);
        let veto = Approval::parse(&veto).unwrap();
        let domain = domain.veto(&file, &veto, &mut hsm).unwrap();
        assert!(has_artifacts(&domain, &mut hsm));
        drop(domain);
        hsm.refuses = false;
        let AnyDomain::Active(domain) = started(&mut memory, &mut hsm) else {
            panic!("it was vetoed");
        };
        assert!(!recovers(&files.pending, &change.new));
        // The veto of one rotation is none of the next.
        let Ok((mut domain, _)) = change.propose(domain, Proofs::All, 0, &mut hsm) else {
            panic!("it can be proposed");
        };
        assert!(hsm.events.contains(&Event::EndRotation(Ended::Vetoed)));
        domain.break_glass(&file, reason(), &mut hsm).unwrap();
        let Refused { domain, error, .. } = domain.veto(&file, &veto, &mut hsm).unwrap_err();
        let refused = matches!(
            error,
            LifecycleError::Rotation(RotationError::Veto(ApprovalError::OtherAct { .. }))
        );
        assert!(refused, "{error:?}");
        assert_eq!(domain.status().stage, Stage::Rotating);
    }
}

#[test]
fn a_veto_is_a_present_custodian_s_and_of_this_act() {
    let (mut memory, mut hsm) = (vault(), hsm(7));
    hsm.now = BEGAN;
    let (change, mut domain, files) = proposed(&mut memory, &mut hsm, 0);
    let file = parse(&change.file);
    domain.break_glass(&file, reason(), &mut hsm).unwrap();
    let act = veto_act(&domain, &file);
    let good = approval(&change.file, &change.old[1], &act);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let mut of_another = good.clone();
    // The index stands before the signature.
    let at = of_another.len() - 64 - 3;
    assert_eq!(of_another[at], 2);
    of_another[at] = 3;
    for wrong in [forged, of_another] {
        let wrong = Approval::parse(&wrong).unwrap();
        let refused = domain.veto(&file, &wrong, &mut hsm).unwrap_err();
        let unsigned = matches!(
            refused.error,
            LifecycleError::Rotation(RotationError::Veto(ApprovalError::Unsigned { .. }))
        );
        assert!(unsigned, "{:?}", refused.error);
        domain = refused.domain;
    }
    let good = Approval::parse(&good).unwrap();
    let refused = domain.veto(&parse(&files.pending), &good, &mut hsm);
    let refused = refused.unwrap_err();
    assert!(matches!(refused.error, LifecycleError::OtherHeader { .. }));
    domain = refused.domain;
    assert!(domain.rotation().is_some());
    let step = Step::Veto;
    assert!(
        hsm.events
            .iter()
            .any(|event| matches!(event, Event::Refused { step: of, .. } if *of == step))
    );
    assert!(domain.veto(&file, &good, &mut hsm).is_ok());
}

/// The flash fails while the veto takes effect: the rotation has ended in the vault, and is ended again.
#[test]
fn a_veto_that_is_not_written_is_ended_again() {
    let (mut memory, mut hsm) = (vault(), hsm(8));
    hsm.now = BEGAN;
    let (change, mut domain, files) = proposed(&mut memory, &mut hsm, 0);
    let (file, pending) = (parse(&change.file), parse(&files.pending));
    domain.break_glass(&file, reason(), &mut hsm).unwrap();
    let veto = approval(&change.file, &change.old[0], &veto_act(&domain, &file));
    let veto = Approval::parse(&veto).unwrap();
    drop(domain);
    let before = hsm.flash.clone();
    let mut failed = 0;
    for call in 0..30 {
        let mut hsm = Hsm::with_flash(before.clone(), 8);
        hsm.now = OPENS;
        let domain = rotating(&mut memory, &mut hsm);
        hsm.fault(call, crate::flash::Fault::Fails);
        let Err(Refused { domain, .. }) = domain.veto(&file, &veto, &mut hsm) else {
            continue;
        };
        if domain.rotation().is_some() {
            // It failed before it took effect, and can be given again.
            assert!(domain.veto(&file, &veto, &mut hsm).is_ok());
            continue;
        }
        failed += 1;
        let Refused { domain, error, .. } = domain.commit(&pending, &mut hsm).unwrap_err();
        assert_eq!(error, LifecycleError::Expired);
        match domain.expire(&mut hsm) {
            Ok(Expiry::Over(domain)) => drop(domain),
            other => panic!("{other:?}"),
        }
        let AnyDomain::Active(_) = started(&mut memory, &mut hsm) else {
            panic!("it was vetoed");
        };
    }
    assert!(failed > 2, "{failed}");
}

#[test]
fn a_break_glass_that_is_not_saved_has_not_begun() {
    let (mut memory, mut hsm) = (vault(), hsm(9));
    hsm.now = BEGAN;
    let (change, domain, _) = proposed(&mut memory, &mut hsm, 0);
    let file = parse(&change.file);
    drop(domain);
    let before = hsm.flash.clone();
    let (mut failed, mut doubted) = (0, 0);
    for (call, more) in (0..30).flat_map(|call| [(call, 1), (call, 20)]) {
        let mut hsm = Hsm::with_flash(before.clone(), 9);
        hsm.now = BEGAN;
        let mut domain = rotating(&mut memory, &mut hsm);
        // A single failure is healed by the next write; after more the flash may hold either state.
        for call in call..call + more {
            hsm.fault(call, crate::flash::Fault::Fails);
        }
        match domain.break_glass(&file, reason(), &mut hsm) {
            Ok(()) => assert!(domain.rotation().unwrap().opens.is_some()),
            Err(_) => {
                failed += 1;
                // Where the flash may hold it, it shows, and can be vetoed.
                let opens = domain.rotation().unwrap().opens;
                assert_eq!(opens.is_none(), domain.status().takes_writes);
                doubted += u32::from(opens.is_some());
                hsm.restart();
                if opens.is_some() {
                    let act = veto_act(&domain, &file);
                    let veto = approval(&change.file, &change.old[0], &act);
                    let veto = Approval::parse(&veto).unwrap();
                    assert!(domain.veto(&file, &veto, &mut hsm).is_ok());
                } else {
                    drop(domain);
                    let domain = rotating(&mut memory, &mut hsm);
                    assert_eq!(domain.rotation().unwrap().opens, None);
                }
            }
        }
    }
    assert!(failed > 2 && doubted > 0, "{failed} {doubted}");
    // And one that the sink refuses has not either.
    let mut hsm = Hsm::with_flash(before, 9);
    hsm.now = BEGAN;
    let mut domain = rotating(&mut memory, &mut hsm);
    hsm.refuses = true;
    let refused = domain.break_glass(&file, reason(), &mut hsm);
    assert_eq!(refused, Err(LifecycleError::SinkRefused));
    assert_eq!(domain.rotation().unwrap().opens, None);
    let outcome = Event::Outcome {
        step: Step::BreakGlass,
        outcome: Outcome::Done,
    };
    assert!(!hsm.events.contains(&outcome));
}

#[test]
fn a_reason_is_a_short_text() {
    assert_eq!(Reason::new(""), Err(TextError::Empty));
    let long = "x".repeat(MAX_TEXT_LEN);
    assert_eq!(Reason::new(&long).unwrap().as_str(), long);
    assert_eq!(Reason::new(&format!("{long}x")), Err(TextError::TooLong));
    assert_eq!(Reason::new("a\u{202e}b"), Err(TextError::Character));
    assert_eq!(format!("{:?}", reason()).len(), 43);
}
