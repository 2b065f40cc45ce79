// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the sink hears of how steps ended, and of what was refused.

use security_domain::backup::{BackupHeader, Kind, StreamError, TAG_LEN};
use security_domain::lifecycle::{Event, LifecycleError, Outcome, Step};

use crate::flash::{Fault, Hsm};
use crate::sealed::{fast_keys, share};
use crate::world::{Lost, active, hsm, parse, vault};

/// How many refusals of contributions the sink has heard of, and in how many events.
fn refusals(hsm: &Hsm) -> (u32, usize) {
    let counts = hsm.events.iter().filter_map(|event| match event {
        Event::Refused {
            step: Step::Contribute,
            count,
        } => Some(*count),
        _ => None,
    });
    (counts.clone().sum(), counts.count())
}

#[test]
fn forged_contributions_are_counted_and_are_no_flood() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let (mut domain, request) = lost.recovering(&mut memory, &mut hsm, 0);
    let good = lost.contribution(0, &request);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    for tried in 1..=100 {
        let refused = domain.add(&sealed, &parse(&forged), &mut hsm);
        assert!(matches!(refused, Err(LifecycleError::Contribution(_))));
        let (heard, events) = refusals(&hsm);
        assert!(heard >= 1 && 2 * heard >= tried, "{heard} of {tried}");
        assert!(events <= 8, "{events} events");
    }
    // The sink refuses for a while: nothing is lost.
    hsm.refuses = true;
    for _ in 0..100 {
        domain.add(&sealed, &parse(&forged), &mut hsm).unwrap_err();
    }
    hsm.refuses = false;
    domain.add(&sealed, &parse(&good), &mut hsm).unwrap();
    assert_eq!(refusals(&hsm).0, 200, "the rest, before the next step");
    assert!(refusals(&hsm).1 <= 9);
    let contribute = Event::Contribute {
        custodian: lost.id(0),
    };
    let at = |wanted: &dyn Fn(&Event) -> bool| hsm.events.iter().rposition(wanted).unwrap();
    assert!(
        at(&|event| matches!(event, Event::Refused { .. })) < at(&|event| *event == contribute)
    );
}

#[test]
fn a_step_whose_write_fails_is_reported_as_failed() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut failed, mut done) = (0, 0);
    for call in 0..30 {
        let (mut memory, mut hsm) = (vault(), hsm(2));
        let mut domain = lost.recovering_here(&mut memory, &mut hsm);
        let before = hsm.events.len();
        hsm.fault(call, Fault::Fails);
        let added = domain.add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm);
        let outcome = match added {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        };
        let heard = &hsm.events[before..];
        if heard.is_empty() {
            assert!(added.is_err(), "it did not begin");
            continue;
        }
        let step = Step::Contribute;
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert_eq!(heard[1], Event::Outcome { step, outcome });
        match outcome {
            Outcome::Done => done += 1,
            _ => failed += 1,
        }
    }
    assert!(failed > 3 && done > 3, "{failed} {done}");
}

/// The step has taken place by then, so nothing can be undone; the next step waits for the sink.
#[test]
fn an_outcome_that_the_sink_refuses_comes_before_the_next_step() {
    let lost = Lost::new(1);
    let sealed = lost.sealed();
    let (mut memory, mut hsm) = (vault(), hsm(2));
    let mut domain = lost.recovering_here(&mut memory, &mut hsm);
    hsm.takes = 1;
    domain
        .add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm)
        .unwrap();
    let refused = domain.add_share(&sealed, share(&sealed, &lost.keys[1]), &mut hsm);
    assert_eq!(refused, Err(LifecycleError::SinkRefused));
    assert_eq!(domain.contributors().count(), 1);
    hsm.takes = usize::MAX;
    let before = hsm.events.len();
    domain
        .add_share(&sealed, share(&sealed, &lost.keys[1]), &mut hsm)
        .unwrap();
    let done = Event::Outcome {
        step: Step::Contribute,
        outcome: Outcome::Done,
    };
    let custodian = lost.id(1);
    let expected = [done, Event::Contribute { custodian }, done];
    assert_eq!(hsm.events[before..], expected);
}

#[test]
fn a_backup_or_a_restore_that_does_not_end_well_is_reported() {
    let (mut memory, mut hsm, keys) = (vault(), hsm(1), fast_keys(3));
    let (mut domain, _) = active(&mut memory, &mut hsm, &keys);
    let ended = |step, outcome| Event::Outcome { step, outcome };
    let mut backup = domain.begin_backup(Kind::Full(None), 5, &mut hsm).unwrap();
    let mut file = backup.front().to_vec();
    let mut chunk = [&b"hello"[..], &[0; TAG_LEN]].concat();
    backup.seal(&mut chunk, &mut hsm).unwrap();
    file.extend(&chunk);
    drop(backup);
    let header = BackupHeader::parse(&file).unwrap();
    let before = hsm.events.len();
    let mut restore = domain.begin_restore(&header, &mut hsm).unwrap();
    assert_eq!(
        hsm.events[before],
        ended(Step::Backup, Outcome::Interrupted)
    );
    chunk[0] ^= 1;
    let refused = restore.open(&mut chunk, &mut hsm);
    let does_not_open = LifecycleError::Stream(StreamError::DoesNotOpen);
    assert_eq!(refused.unwrap_err(), does_not_open);
    let failed = ended(Step::Restore, Outcome::Failed);
    assert_eq!(hsm.events.last(), Some(&failed));
    assert!(restore.finish(&mut hsm).is_err());
    assert_eq!(hsm.events.last(), Some(&failed));

    let restore = domain.begin_restore(&header, &mut hsm).unwrap();
    let incomplete = LifecycleError::Stream(StreamError::Incomplete);
    assert_eq!(restore.finish(&mut hsm), Err(incomplete));
    assert_eq!(hsm.events.last(), Some(&failed));
}
