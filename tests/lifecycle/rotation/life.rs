// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rotation from beginning to end.

use security_domain::backup::{BackupHeader, Kind, TAG_LEN};
use security_domain::contribution::{ProposalDigest, Request, SessionPurpose, VettedRequest};
use security_domain::custodian::{Identity, Recipient};
use security_domain::drill::{Challenge, Response};
use security_domain::lifecycle::{Added, AnyDomain, Event, InUse, Proofs, Stage};
use security_domain::sealed_domain::{Epoch, ExpectError, ExpectedDomain};

use super::change::{Change, complete, parse, recovers, response, rotating, started};
use crate::flash::Hsm;
use crate::sealed::rng;
use crate::world::{In, has_artifacts, hsm, vault};

fn second() -> Epoch {
    Epoch::FIRST.next().unwrap()
}

#[test]
fn the_quorum_is_changed_with_a_restart_after_each_step() {
    let (mut memory, mut hsm) = (vault(), hsm(1));
    hsm.now = 1_790_000_000;
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let (file, before) = (parse(&change.file), domain.status());
    let Ok((domain, files)) = change.propose(domain, Proofs::All, 3600, &mut hsm) else {
        panic!("it can be proposed");
    };

    // The pending file: the next epoch of the same domain, for the new custodians.
    let pending = parse(&files.pending);
    assert!(pending.is_pending());
    assert_eq!(pending.header().epoch(), second());
    assert_eq!(pending.header().previous(), Some(file.header().digest()));
    assert_eq!(pending.header().domain_id(), file.header().domain_id());
    let listed = pending.header().custodians().map(|custodian| custodian.id);
    assert!(listed.eq(change.new.iter().map(Recipient::id)));

    // The request: signed, and bound to the pending file.
    let request = Request::parse(&files.request).unwrap();
    let proposal = ProposalDigest::of(pending.header().digest());
    assert_eq!(request.purpose(), SessionPurpose::Rotate(proposal));
    assert_eq!(request.header(), file.header().digest());
    assert!(VettedRequest::signed(request.clone(), &file).is_ok());

    // The domain is in use as before.
    let status = domain.status();
    assert_eq!(status.stage, Stage::Rotating);
    assert_eq!((status.epoch, status.header), (before.epoch, before.header));
    assert_eq!(status.domain, before.domain);
    let shown = domain.rotation().unwrap();
    assert_eq!(shown.header, pending.header().digest());
    assert_eq!(
        (shown.epoch, shown.request),
        (second(), Some(request.digest()))
    );
    assert_eq!((shown.consents, shown.consents_needed), (0, 2));
    assert_eq!((shown.proofs, shown.proofs_needed), (0, 4));
    assert!(has_artifacts(&domain, &mut hsm));
    assert_eq!(
        domain.complete(&file, &mut hsm).unwrap().concat(),
        change.file
    );
    drop(domain);

    for (place, added) in [(0, Added::New), (0, Added::Already), (2, Added::New)] {
        let mut domain = rotating(&mut memory, &mut hsm);
        let contribution = change.consent(place, &files.request);
        let contribution = crate::world::parse(&contribution);
        let got = domain.consent(&file, &contribution, &mut hsm);
        assert_eq!(got, Ok(added));
    }
    let mut domain = rotating(&mut memory, &mut hsm);
    let challenge = change.challenge(&mut domain, &files, &mut hsm);
    drop(domain);
    let challenge = Challenge::parse(&challenge).unwrap();
    for (place, key) in change.new.iter().enumerate() {
        let mut domain = rotating(&mut memory, &mut hsm);
        let shown = domain.rotation().unwrap();
        assert_eq!((shown.consents, shown.proofs), (2, place as u8));
        assert_eq!(shown.challenge, Some(challenge.digest()));
        let response = response(&files.pending, key, challenge.as_bytes());
        let response = Response::parse(&response).unwrap();
        for added in [Added::New, Added::Already] {
            let got = domain.prove(&pending, &challenge, &response, &mut hsm);
            assert_eq!(got, Ok(added));
        }
    }
    let domain = rotating(&mut memory, &mut hsm);
    let domain = domain.commit(&pending, &mut hsm).unwrap();
    let next = complete(&domain, &files, &mut hsm);
    drop(domain);

    // Until it is confirmed, the old epoch stands; and the release can be had again.
    hsm.now += 100_000;
    let AnyDomain::Committed(domain) = started(&mut memory, &mut hsm) else {
        panic!("it was committed, and what is committed does not expire");
    };
    let status = domain.status();
    assert_eq!(status.stage, Stage::Committed);
    assert_eq!((status.epoch, status.header), (before.epoch, before.header));
    assert_eq!(domain.rotation().unwrap().request, None);
    assert!(has_artifacts(&domain, &mut hsm));
    assert_eq!(complete(&domain, &files, &mut hsm), next);
    assert_eq!(
        domain.complete(&file, &mut hsm).unwrap().concat(),
        change.file
    );
    let stored = parse(&next);
    let domain = domain.confirm(&stored, &mut hsm).unwrap();
    drop(domain);

    let AnyDomain::Active(domain) = started(&mut memory, &mut hsm) else {
        panic!("it was confirmed");
    };
    let status = domain.status();
    assert_eq!(status.epoch, Some(second()));
    assert_eq!(status.header, Some(stored.header().digest()));
    assert_eq!(
        (status.domain, status.instance),
        (before.domain, before.instance)
    );
    assert!(has_artifacts(&domain, &mut hsm));
    assert_eq!(domain.complete(&stored, &mut hsm).unwrap().concat(), next);
    // The release of the epoch before is gone.
    assert!(domain.complete(&file, &mut hsm).is_err());

    // What opens: the next file by its quorum. What the docs say a rotation cannot do: the old
    // file and its quorum still open, but not where the epoch is known.
    assert!(recovers(&next, &change.new[1..3]));
    assert!(recovers(&change.file, &change.old[..2]));
    let id = file.header().domain_id();
    let expect = ExpectedDomain::new(id, second());
    assert_eq!(
        expect.check(file.header()),
        Err(ExpectError::Superseded {
            have: Epoch::FIRST,
            want: second()
        })
    );

    let reported: Vec<_> = hsm.events.iter().filter_map(name).collect();
    assert_eq!(
        reported,
        [
            "propose",
            "consent",
            "consent",
            "challenge",
            "prove",
            "prove",
            "prove",
            "prove",
            "commit",
            "confirm"
        ]
    );
}

fn name(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Propose { .. } => "propose",
        Event::Consent { .. } => "consent",
        Event::Challenge { .. } => "challenge",
        Event::Prove { .. } => "prove",
        Event::Commit { .. } => "commit",
        Event::Confirm { .. } => "confirm",
        _ => return None,
    })
}

/// A backup of a few bytes.
fn backup<S: InUse>(domain: &mut In<'_, S>, hsm: &mut Hsm) -> (Vec<u8>, Vec<u8>) {
    let mut backup = domain.begin_backup(Kind::Full(None), 5, hsm).unwrap();
    let front = backup.front().to_vec();
    let mut chunk = [b"keys!".as_slice(), &[0; TAG_LEN]].concat();
    backup.seal(&mut chunk, hsm).unwrap();
    backup.finish(hsm).unwrap();
    (front, chunk)
}

/// Whether the domain restores it.
fn restores<S: InUse>(
    domain: &mut In<'_, S>,
    (front, chunk): &(Vec<u8>, Vec<u8>),
    hsm: &mut Hsm,
) -> bool {
    let header = BackupHeader::parse(front).unwrap();
    let mut restore = domain.begin_restore(&header, hsm).unwrap();
    let mut chunk = chunk.clone();
    let opened = restore.open(&mut chunk, hsm).unwrap() == b"keys!";
    restore.finish(hsm).unwrap();
    opened
}

#[test]
fn backups_are_restored_across_epochs() {
    let (mut memory, mut hsm) = (vault(), hsm(2));
    hsm.now = 1_790_000_000;
    let (change, mut domain) = Change::new(&mut memory, &mut hsm);
    let first = backup(&mut domain, &mut hsm);
    let Ok((mut domain, files)) = change.propose(domain, Proofs::Threshold, 0, &mut hsm) else {
        panic!("it can be proposed");
    };
    let during = backup(&mut domain, &mut hsm);
    assert!(restores(&mut domain, &first, &mut hsm));
    // A backup writes the state again, and the rotation stays in it.
    assert_eq!(domain.rotation().unwrap().proofs_needed, 2);
    drop(domain);
    let mut domain = rotating(&mut memory, &mut hsm);
    change.all_consent(&mut domain, &files, &mut hsm);
    change.all_prove(&mut domain, &files, &mut hsm);
    let mut domain = domain.commit(&parse(&files.pending), &mut hsm).unwrap();
    let committed = backup(&mut domain, &mut hsm);
    let next = complete(&domain, &files, &mut hsm);
    let mut domain = domain.confirm(&parse(&next), &mut hsm).unwrap();
    let after = backup(&mut domain, &mut hsm);
    for made in [&first, &during, &committed, &after] {
        assert!(restores(&mut domain, made, &mut hsm));
    }
    let epochs = [&first, &during, &committed, &after].map(|(front, _)| {
        BackupHeader::parse(front)
            .unwrap()
            .info()
            .epoch
            .unwrap()
            .get()
    });
    assert_eq!(epochs, [1, 1, 1, 2]);
}

#[test]
fn a_share_is_not_kept_when_it_has_shown_who_consents() {
    let (mut memory, mut hsm) = (vault(), hsm(3));
    let (change, domain) = Change::new(&mut memory, &mut hsm);
    let Ok((mut domain, files)) = change.propose(domain, Proofs::All, 0, &mut hsm) else {
        panic!("it can be proposed");
    };
    change.all_consent(&mut domain, &files, &mut hsm);
    let file = parse(&change.file);
    let shares = [0, 2].map(|place: usize| {
        let (_, wrapped) = file.wrapped_shares().nth(place).unwrap();
        let mut plain = [0; 65];
        let key = &mut change.old[place].clone();
        let len = key.unwrap_key(wrapped.as_bytes(), &[], &mut rng(0), &mut plain);
        assert_eq!(len, Ok(65));
        plain[33..].to_vec()
    });
    std::mem::forget(domain);
    for share in shares {
        assert!(!crate::world::holds(&memory, &share));
    }
}
