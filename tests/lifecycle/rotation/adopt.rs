// SPDX-License-Identifier: MIT OR Apache-2.0
//! The other HSMs of a domain take the file of its next epoch.

use security_domain::lifecycle::{
    Active, Adopted, AnyDomain, Event, LifecycleError, Proofs, RotationError, Vault,
};
use security_domain::sealed_domain::{Epoch, ExpectError, ExpectedDomain, SealedDomain};

use super::change::{Change, parse, started};
use crate::flash::Hsm;
use crate::sealed::{FastKey, share};
use crate::world::{In, Lost, ROOM, active, has_artifacts, hsm, vault};

/// Another HSM that has recovered the domain in its first epoch.
fn twin<'v>(change: &Change, memory: &'v mut Vault<ROOM>, hsm: &mut Hsm) -> In<'v, Active> {
    let lost = Lost {
        keys: change.old.clone(),
        file: change.file.clone(),
    };
    let mut domain = lost.recovering_here(memory, hsm);
    for key in &lost.keys[..2] {
        let share = share(&lost.sealed(), key);
        domain.add_share(&lost.sealed(), share, hsm).unwrap();
    }
    domain.quorum().unwrap().open(&lost.sealed(), hsm).unwrap()
}

fn expect(file: &SealedDomain<'_>) -> ExpectedDomain {
    let header = file.header();
    ExpectedDomain::header(header.domain_id(), header.epoch(), header.digest())
}

#[test]
fn a_later_epoch_is_taken_once_and_stays() {
    let (mut memory, mut hsm_1) = (vault(), hsm(1));
    let (change, domain) = Change::new(&mut memory, &mut hsm_1);
    let (mut memory_2, mut hsm_2) = (vault(), hsm(2));
    let mut other = twin(&change, &mut memory_2, &mut hsm_2);
    let (domain, next) = change.confirmed(domain, &mut hsm_1);
    let (first, next) = (parse(&change.file), parse(&next));
    for adopted in [Adopted::Now, Adopted::Already] {
        assert_eq!(other.adopt(&next, &expect(&next), &mut hsm_2), Ok(adopted));
    }
    drop(other);
    let AnyDomain::Active(mut other) = started(&mut memory_2, &mut hsm_2) else {
        panic!("it is active");
    };
    let status = other.status();
    assert_eq!(status.epoch, Some(next.header().epoch()));
    assert_eq!(status.header, Some(next.header().digest()));
    assert!(has_artifacts(&other, &mut hsm_2));
    // It emits the release again, as the HSM does that has sealed.
    let complete = other.complete(&next, &mut hsm_2).unwrap().concat();
    assert_eq!(complete, next.as_bytes());

    let refused = other.adopt(&first, &expect(&first), &mut hsm_2);
    let want = ExpectError::Superseded {
        have: Epoch::FIRST,
        want: next.header().epoch(),
    };
    assert_eq!(refused, Err(LifecycleError::Expect(want)));

    // It can change the quorum in turn, and the first HSM follows.
    let again = Change {
        old: change.new.clone(),
        new: (21..=23).map(FastKey).collect(),
        file: next.as_bytes().to_vec(),
    };
    let (other, third) = again.confirmed(other, &mut hsm_2);
    let mut domain = domain;
    let third = parse(&third);
    assert_eq!(third.header().epoch().get(), 3);
    let adopted = domain.adopt(&third, &expect(&third), &mut hsm_1);
    assert_eq!(adopted, Ok(Adopted::Now));
    assert_eq!(domain.status().header, other.status().header);
}

#[test]
fn two_files_of_one_epoch_need_a_choice() {
    let (mut memory_1, mut hsm_1) = (vault(), hsm(3));
    let (change, domain) = Change::new(&mut memory_1, &mut hsm_1);
    let (mut memory_2, mut hsm_2) = (vault(), hsm(4));
    let other = twin(&change, &mut memory_2, &mut hsm_2);
    let (mut domain, ours) = change.confirmed(domain, &mut hsm_1);
    let rival = Change {
        old: change.old.clone(),
        new: (21..=23).map(FastKey).collect(),
        file: change.file.clone(),
    };
    let (_, theirs) = rival.confirmed(other, &mut hsm_2);
    let (ours, theirs) = (parse(&ours), parse(&theirs));
    let present = ours.header().digest();
    let fork = RotationError::EpochFork {
        epoch: ours.header().epoch(),
        have: theirs.header().digest(),
        want: present,
    };
    let before = domain.status();
    let refused = domain.adopt(&theirs, &expect(&theirs), &mut hsm_1);
    assert_eq!(refused, Err(fork.into()));
    let wrong = theirs.header().digest();
    let refused = domain.adopt_instead(&theirs, &expect(&theirs), wrong, &mut hsm_1);
    assert!(matches!(refused, Err(LifecycleError::OtherHeader { .. })));
    assert_eq!(domain.status(), before);
    let adopted = domain.adopt_instead(&theirs, &expect(&theirs), present, &mut hsm_1);
    assert_eq!(adopted, Ok(Adopted::Now));
    assert_eq!(domain.status().header, Some(theirs.header().digest()));
    let event = Event::Adopt {
        epoch: theirs.header().epoch(),
        header: theirs.header().digest(),
        instead_of: Some(present),
        pinned: true,
    };
    assert!(hsm_1.events.contains(&event));
}

#[test]
fn what_is_not_the_next_file_of_this_domain_is_refused() {
    let (mut memory, mut hsm_1) = (vault(), hsm(5));
    let (change, domain) = Change::new(&mut memory, &mut hsm_1);
    let (mut memory_2, mut hsm_2) = (vault(), hsm(6));
    let mut other = twin(&change, &mut memory_2, &mut hsm_2);
    let before = other.status();

    // A pending file, which may be abandoned.
    let Ok((domain, files)) = change.propose(domain, Proofs::All, 0, &mut hsm_1) else {
        panic!("it can be proposed");
    };
    let pending = parse(&files.pending);
    let refused = other.adopt(&pending, &expect(&pending), &mut hsm_2);
    assert_eq!(refused, Err(LifecycleError::Pending));

    // A file of another domain, even if it is expected, or nothing is.
    let (_, foreign) = active(&mut vault(), &mut hsm(7), &change.old);
    let foreign = parse(&foreign);
    for expect in [expect(&foreign), ExpectedDomain::unpinned()] {
        let refused = other.adopt(&foreign, &expect, &mut hsm_2);
        let Err(LifecycleError::Expect(ExpectError::WrongDomain { .. })) = refused else {
            panic!("{refused:?}");
        };
    }

    // The next file, if another is expected; if the sink refuses; if the firmware is too old.
    let domain = domain.abandon(&mut hsm_1).unwrap();
    let (_, next) = change.confirmed(domain, &mut hsm_1);
    let next = parse(&next);
    let refused = other.adopt(&next, &expect(&pending), &mut hsm_2);
    assert!(matches!(
        refused,
        Err(LifecycleError::Expect(ExpectError::OtherHeader { .. }))
    ));
    let (_, wrapped) = next.wrapped_shares().next().unwrap();
    let mut changed = next.as_bytes().to_vec();
    let len = wrapped.as_bytes().len();
    let mut windows = changed.windows(len);
    let at = windows.position(|window| window == wrapped.as_bytes());
    changed[at.unwrap() + 5] ^= 1;
    let refused = other.adopt(&parse(&changed), &expect(&next), &mut hsm_2);
    assert!(
        matches!(refused, Err(LifecycleError::Share(_))),
        "{refused:?}"
    );
    hsm_2.refuses = true;
    let refused = other.adopt(&next, &expect(&next), &mut hsm_2);
    assert_eq!(refused, Err(LifecycleError::SinkRefused));
    hsm_2.refuses = false;
    assert_eq!(other.status(), before);
    let kept = other.complete(&parse(&change.file), &mut hsm_2);
    assert_eq!(kept.unwrap().concat(), change.file);
}
