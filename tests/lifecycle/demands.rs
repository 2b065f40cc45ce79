// SPDX-License-Identifier: MIT OR Apache-2.0
//! Acts for which an HSM demands a quorum's approval.

use security_domain::approval::{
    Act, ActKind, Approval, Approvals, Approved, CollectError, SpendError, approve,
};
use security_domain::backup::{Kind, Name};
use security_domain::lifecycle::{
    Active, AnyDomain, DemandError, Event, InUse, LifecycleError, Outcome, Proofs, Stage, Step,
};
use security_domain::sealed_domain::{Epoch, ExpectedDomain, SealedDomain};

use crate::flash::{Fault, Hsm};
use crate::rotation::change::{Change, parse};
use crate::sealed::{FastKey, rng, share};
use crate::world::{In, hsm, tested, vault};

const NOW: u64 = 1_790_000_000;

/// The HSM asks for approval of an act of this kind.
fn ask<S: InUse>(
    domain: &mut In<'_, S>,
    current: &SealedDomain<'_>,
    (kind, lifetime): (ActKind, u64),
    hsm: &mut Hsm,
) -> Vec<u8> {
    let mut out = vec![0xaa; Act::MAX_LEN];
    let lifetime = lifetime.try_into().ok();
    let len = domain.ask_approval(current, kind, lifetime, hsm, &mut out);
    out.truncate(len.unwrap());
    out
}

/// What these custodians approve.
fn approved(current: &SealedDomain<'_>, act: &[u8], keys: &[FastKey]) -> Approved {
    collected(current, act, keys).unwrap()
}

fn collected(
    current: &SealedDomain<'_>,
    act: &[u8],
    keys: &[FastKey],
) -> Result<Approved, CollectError> {
    let expect = ExpectedDomain::new(current.header().domain_id(), Epoch::FIRST);
    let act = Act::parse(act).unwrap();
    let mut approvals = Approvals::new(current, &expect, &act).unwrap();
    for key in keys {
        let share = share(current, key);
        let mut out = [0; Approval::MAX_LEN];
        let approval = approve(current, &expect, &act, &share, NOW, &mut rng(1), &mut out);
        approvals.add(&approval.unwrap(), NOW).unwrap();
    }
    approvals.enough(NOW)
}

fn active<'v>(
    memory: &'v mut security_domain::lifecycle::Vault<{ crate::world::ROOM }>,
    hsm: &mut Hsm,
) -> In<'v, Active> {
    match memory.start(tested(), hsm).unwrap() {
        AnyDomain::Active(domain) => domain,
        other => panic!("{other:?}"),
    }
}

fn needs<T>(kind: ActKind) -> Result<T, LifecycleError> {
    Err(DemandError::NeedsApproval(kind).into())
}

#[test]
fn a_demanded_act_is_done_once_with_a_quorum_s_approval() {
    let (mut memory, mut hsm) = (vault(), hsm(1));
    hsm.now = NOW;
    let (change, mut domain) = Change::new(&mut memory, &mut hsm);
    let current = parse(&change.file);
    for kind in [ActKind::EmitRelease, ActKind::FullBackup] {
        assert!(!domain.demands_approval(kind));
        domain.demand_approval(kind, &mut hsm).unwrap();
        assert!(domain.demands_approval(kind));
    }
    // Also after a start.
    drop(domain);
    let mut domain = active(&mut memory, &mut hsm);
    let refused = domain.complete(&current, &mut hsm).map(|_| ());
    assert_eq!(refused, needs(ActKind::EmitRelease));
    let refused = domain.begin_backup(Kind::Full(None), 5, &mut hsm);
    assert_eq!(refused.map(|_| ()), needs(ActKind::FullBackup));
    // The backup of one key is no full backup.
    let key = Kind::Key(Name::new("signing").unwrap());
    assert!(domain.begin_backup(key, 5, &mut hsm).is_ok());

    let emit = (ActKind::EmitRelease, 0);
    let act = ask(&mut domain, &current, emit, &mut hsm);
    let parsed = Act::parse(&act).unwrap();
    assert_eq!(domain.open_act(), Some((parsed.kind(), parsed.digest())));
    assert_eq!(Some(parsed.instance()), domain.status().instance);
    drop(domain);
    let mut domain = active(&mut memory, &mut hsm);
    let few = collected(&current, &act, &change.old[..1]);
    assert!(
        matches!(few, Err(CollectError::NotEnough { .. })),
        "{few:?}"
    );
    let yes = approved(&current, &act, &change.old[..2]);
    let file = domain.complete_approved(&current, yes, &mut hsm).unwrap();
    assert_eq!(file.concat(), change.file);
    let event = Event::EmitRelease {
        act: parsed.digest(),
    };
    assert!(hsm.events.contains(&event));

    // Once: neither again, nor after a start.
    for _ in 0..2 {
        assert_eq!(domain.open_act(), None);
        let yes = approved(&current, &act, &change.old);
        let refused = domain.complete_approved(&current, yes, &mut hsm);
        assert_eq!(refused.map(|_| ()), Err(DemandError::NotAsked.into()));
        drop(domain);
        domain = active(&mut memory, &mut hsm);
    }

    let act = ask(&mut domain, &current, (ActKind::FullBackup, 0), &mut hsm);
    let yes = approved(&current, &act, &change.old[1..]);
    let backup = domain
        .begin_backup_approved(None, 5, yes, &mut hsm)
        .unwrap();
    let event = Event::BeginBackup {
        backup: backup.backup_id(),
        act: Some(Act::parse(&act).unwrap().digest()),
    };
    drop(backup);
    assert!(hsm.events.contains(&event));
    let refused = domain.begin_backup(Kind::Full(None), 5, &mut hsm);
    assert_eq!(refused.map(|_| ()), needs(ActKind::FullBackup));
}

#[test]
fn only_a_quorum_takes_demands_back() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    hsm.now = NOW;
    let (change, mut domain) = Change::new(&mut memory, &mut hsm);
    let current = parse(&change.file);
    domain
        .demand_approval(ActKind::FullBackup, &mut hsm)
        .unwrap();
    // An approval to write a backup is none to drop the demand.
    let act = ask(&mut domain, &current, (ActKind::FullBackup, 0), &mut hsm);
    let yes = approved(&current, &act, &change.old);
    let want = DemandError::OtherKind {
        have: ActKind::FullBackup,
        want: ActKind::DropDemands,
    };
    assert_eq!(domain.drop_demands(yes, &mut hsm), Err(want.into()));
    assert!(domain.demands_approval(ActKind::FullBackup));
    // Nor one of an act that another act has made void.
    let second = ask(&mut domain, &current, (ActKind::DropDemands, 0), &mut hsm);
    let yes = approved(&current, &act, &change.old);
    let refused = domain.drop_demands(yes, &mut hsm);
    let other = |refused: &Result<(), LifecycleError>| {
        matches!(
            refused,
            Err(LifecycleError::Demand(DemandError::Spend(
                SpendError::OtherKind { .. } | SpendError::OtherAct { .. }
            )))
        )
    };
    assert!(other(&refused), "{refused:?}");
    let third = ask(&mut domain, &current, (ActKind::DropDemands, 0), &mut hsm);
    let yes = approved(&current, &second, &change.old);
    let refused = domain.drop_demands(yes, &mut hsm);
    assert!(other(&refused), "{refused:?}");
    assert!(domain.demands_approval(ActKind::FullBackup));

    let yes = approved(&current, &third, &change.old[..2]);
    domain.drop_demands(yes, &mut hsm).unwrap();
    drop(domain);
    let mut domain = active(&mut memory, &mut hsm);
    assert!(!domain.demands_approval(ActKind::FullBackup));
    assert!(domain.begin_backup(Kind::Full(None), 5, &mut hsm).is_ok());
}

#[test]
fn an_act_of_another_hsm_is_not_done() {
    let (mut memory, mut hsm_1) = (vault(), hsm(3));
    hsm_1.now = NOW;
    let (change, mut domain) = Change::new(&mut memory, &mut hsm_1);
    let current = parse(&change.file);
    ask(&mut domain, &current, (ActKind::FullBackup, 0), &mut hsm_1);
    // The same custodians approve what another HSM of the domain asked for.
    let (mut memory_2, mut hsm_2) = (vault(), hsm(4));
    hsm_2.now = NOW;
    let empty = crate::world::empty(&mut memory_2, &mut hsm_2);
    let expect = ExpectedDomain::new(current.header().domain_id(), Epoch::FIRST);
    let mut session = empty
        .begin_recovery_here(&current, &expect, None, &mut hsm_2)
        .unwrap();
    for key in &change.old {
        let share = share(&current, key);
        session.add_share(&current, share, &mut hsm_2).unwrap();
    }
    let session = session.quorum().unwrap();
    let mut other = session.open(&current, &mut hsm_2).unwrap();
    assert_eq!(other.open_act(), None);
    let act = ask(&mut other, &current, (ActKind::FullBackup, 0), &mut hsm_2);
    let yes = approved(&current, &act, &change.old);
    let refused = domain.begin_backup_approved(None, 5, yes, &mut hsm_1);
    let refused = refused.map(|_| ());
    let other = matches!(
        refused,
        Err(LifecycleError::Demand(DemandError::Spend(
            SpendError::OtherAct { .. }
        )))
    );
    assert!(other, "{refused:?}");
    // The open act is still open.
    assert!(domain.open_act().is_some());
}

#[test]
fn an_act_expires_by_the_hsm_s_own_clock() {
    let (mut memory, mut hsm) = (vault(), hsm(5));
    let (change, mut domain) = Change::new(&mut memory, &mut hsm);
    let current = parse(&change.file);
    let mut out = [0xaa; Act::MAX_LEN];
    let lifetime = 60.try_into().ok();
    let refused = domain.ask_approval(&current, ActKind::FullBackup, lifetime, &mut hsm, &mut out);
    assert_eq!(refused, Err(LifecycleError::NoClock));
    assert_eq!(out, [0; Act::MAX_LEN]);

    hsm.now = NOW;
    let act = ask(&mut domain, &current, (ActKind::FullBackup, 60), &mut hsm);
    for now in [NOW + 61, NOW + 1000] {
        hsm.now = now;
        let yes = approved(&current, &act, &change.old);
        let refused = domain.begin_backup_approved(None, 5, yes, &mut hsm);
        let want = DemandError::Expired {
            expires: NOW + 60,
            now,
        };
        assert_eq!(refused.map(|_| ()), Err(want.into()));
    }
    // Nor before it was written, nor without a clock.
    for now in [NOW - 1, 0] {
        hsm.now = now;
        let yes = approved(&current, &act, &change.old);
        let refused = domain.begin_backup_approved(None, 5, yes, &mut hsm);
        let want = LifecycleError::ClockWentBack {
            have: now,
            seen: NOW,
        };
        assert_eq!(refused.map(|_| ()), Err(want));
    }
    hsm.now = NOW + 60;
    let yes = approved(&current, &act, &change.old);
    assert!(domain.begin_backup_approved(None, 5, yes, &mut hsm).is_ok());
}

#[test]
fn another_epoch_makes_the_open_act_void_and_keeps_the_demands() {
    let (mut memory, mut hsm) = (vault(), hsm(6));
    hsm.now = NOW;
    let (change, mut domain) = Change::new(&mut memory, &mut hsm);
    let current = parse(&change.file);
    domain
        .demand_approval(ActKind::EmitRelease, &mut hsm)
        .unwrap();
    let act = ask(&mut domain, &current, (ActKind::EmitRelease, 0), &mut hsm);
    let (mut domain, next) = change.confirmed(domain, &mut hsm);
    assert_eq!(domain.open_act(), None);
    let yes = approved(&current, &act, &change.old);
    let next = parse(&next);
    let refused = domain.complete_approved(&next, yes, &mut hsm);
    assert_eq!(refused.map(|_| ()), Err(DemandError::NotAsked.into()));
    let refused = domain.complete(&next, &mut hsm).map(|_| ());
    assert_eq!(refused, needs(ActKind::EmitRelease));
    // The next quorum approves.
    let act = ask(&mut domain, &next, (ActKind::EmitRelease, 0), &mut hsm);
    let yes = approved(&next, &act, &change.new[..2]);
    assert!(domain.complete_approved(&next, yes, &mut hsm).is_ok());
}

#[test]
fn an_hsm_asks_only_for_what_it_does() {
    let (mut memory, mut hsm) = (vault(), hsm(7));
    let (change, mut domain) = Change::new(&mut memory, &mut hsm);
    let current = parse(&change.file);
    let mut out = [0; Act::MAX_LEN];
    for kind in [ActKind::VetoBreakGlass, ActKind::CloseReview] {
        let want = Err(DemandError::CannotAsk(kind).into());
        assert_eq!(domain.demand_approval(kind, &mut hsm), want);
        let asked = domain.ask_approval(&current, kind, None, &mut hsm, &mut out);
        assert_eq!(asked.map(|_| ()), want);
    }
    let want = Err(DemandError::CannotAsk(ActKind::DropDemands).into());
    assert_eq!(domain.demand_approval(ActKind::DropDemands, &mut hsm), want);
    let kind = ActKind::FullBackup;
    let asked = domain.ask_approval(&current, kind, None, &mut hsm, &mut out[1..]);
    let needed = Act::MAX_LEN;
    assert_eq!(asked, Err(LifecycleError::BufferTooSmall { needed }));
    let other = crate::world::Lost::new(9);
    let asked = domain.ask_approval(&other.sealed(), kind, None, &mut hsm, &mut out);
    assert!(
        matches!(asked, Err(LifecycleError::OtherHeader { .. })),
        "{asked:?}"
    );
    assert_eq!(domain.open_act(), None);
}

/// A full backup is refused, and done once with approval.
fn backs_up_with_approval<S: InUse>(domain: &mut In<'_, S>, change: &Change, hsm: &mut Hsm) {
    let current = parse(&change.file);
    let refused = domain.begin_backup(Kind::Full(None), 5, hsm);
    assert_eq!(refused.map(|_| ()), needs(ActKind::FullBackup));
    let act = ask(domain, &current, (ActKind::FullBackup, 0), hsm);
    let yes = approved(&current, &act, &change.old);
    drop(domain.begin_backup_approved(None, 5, yes, hsm).unwrap());
    assert_eq!(domain.open_act(), None);
    // One that stays open.
    ask(domain, &current, (ActKind::EmitRelease, 0), hsm);
}

#[test]
fn demands_hold_while_the_quorum_changes() {
    let (mut memory, mut hsm) = (vault(), hsm(9));
    hsm.now = NOW;
    let (change, mut domain) = Change::new(&mut memory, &mut hsm);
    domain
        .demand_approval(ActKind::FullBackup, &mut hsm)
        .unwrap();
    let Ok((mut domain, files)) = change.propose(domain, Proofs::All, 60, &mut hsm) else {
        panic!("it can be proposed");
    };
    backs_up_with_approval(&mut domain, &change, &mut hsm);
    drop(domain);
    let rotating = hsm.flash.clone();
    let Ok(AnyDomain::Rotating(mut domain)) = memory.start(tested(), &mut hsm) else {
        panic!("it was proposed");
    };
    assert!(domain.open_act().is_some() && domain.demands_approval(ActKind::FullBackup));
    change.all_consent(&mut domain, &files, &mut hsm);
    change.all_prove(&mut domain, &files, &mut hsm);
    let mut domain = domain.commit(&parse(&files.pending), &mut hsm).unwrap();
    backs_up_with_approval(&mut domain, &change, &mut hsm);
    drop(domain);
    let Ok(AnyDomain::Committed(domain)) = memory.start(tested(), &mut hsm) else {
        panic!("it was committed");
    };
    assert!(domain.open_act().is_some() && domain.demands_approval(ActKind::FullBackup));
    drop(domain);

    // The rotation expires in use: what is saved then is an active domain.
    let mut hsm = Hsm::with_flash(rotating, 9);
    hsm.now = NOW;
    let Ok(AnyDomain::Rotating(mut domain)) = memory.start(tested(), &mut hsm) else {
        panic!("it was proposed");
    };
    hsm.now = NOW + 61;
    let contribution = change.consent(0, &files.request);
    let contribution = crate::world::parse(&contribution);
    let refused = domain.consent(&parse(&change.file), &contribution, &mut hsm);
    assert_eq!(refused, Err(LifecycleError::Expired));
    backs_up_with_approval(&mut domain, &change, &mut hsm);
    drop(domain);
    let domain = active(&mut memory, &mut hsm);
    assert!(domain.open_act().is_some() && domain.demands_approval(ActKind::FullBackup));
}

/// Whatever fails, an act is not done twice, and nothing leaves without its being saved.
#[test]
fn a_fault_at_every_call_leaves_the_act_open_or_spent() {
    let (mut memory, mut hsm_1) = (vault(), hsm(8));
    hsm_1.now = NOW;
    let (change, mut domain) = Change::new(&mut memory, &mut hsm_1);
    let current = parse(&change.file);
    let kind = ActKind::FullBackup;
    domain.demand_approval(kind, &mut hsm_1).unwrap();
    let act = ask(&mut domain, &current, (kind, 0), &mut hsm_1);
    drop(domain);
    let before = hsm_1.flash.clone();
    let (mut failed, mut done) = (0, 0);
    for fault in [Fault::Fails, Fault::FailsAfter] {
        for call in 0..30 {
            let mut hsm = Hsm::with_flash(before.clone(), 8);
            hsm.now = NOW;
            let mut domain = active(&mut memory, &mut hsm);
            hsm.fault(call, fault);
            let yes = approved(&current, &act, &change.old);
            let began = domain.begin_backup_approved(None, 5, yes, &mut hsm).is_ok();
            let open = domain.open_act().is_some();
            assert_eq!(began, !open, "{fault:?} at {call}");
            drop(domain);
            hsm.restart();
            let domain = active(&mut memory, &mut hsm);
            if began {
                done += 1;
                assert_eq!(domain.open_act(), None, "{fault:?} at {call}");
            } else {
                failed += 1;
            }
            assert!(domain.demands_approval(kind));
            assert_eq!(domain.status().stage, Stage::Active);
        }
    }
    assert!(failed > 5 && done > 5, "{failed} {done}");
    // A sink that refuses leaves it open too.
    let mut hsm = Hsm::with_flash(before, 8);
    hsm.now = NOW;
    let mut domain = active(&mut memory, &mut hsm);
    hsm.refuses = true;
    let yes = approved(&current, &act, &change.old);
    let refused = domain.begin_backup_approved(None, 5, yes, &mut hsm);
    assert_eq!(refused.map(|_| ()), Err(LifecycleError::SinkRefused));
    assert!(domain.open_act().is_some());
    hsm.refuses = false;
    let yes = approved(&current, &act, &change.old);
    drop(
        domain
            .begin_backup_approved(None, 5, yes, &mut hsm)
            .unwrap(),
    );
    let outcome = Event::Outcome {
        step: Step::Backup,
        outcome: Outcome::Interrupted,
    };
    domain.demand_approval(kind, &mut hsm).unwrap();
    assert!(hsm.events.contains(&outcome));
}
