// SPDX-License-Identifier: MIT OR Apache-2.0
//! A flash that takes no writes any more: the HSM starts, reads, backs up, and saves nothing.

use security_domain::backup::{BackupHeader, Kind, TAG_LEN};
use security_domain::lifecycle::{AnyDomain, LifecycleError, Stage};
use security_domain::sealed_domain::SealedDomain;
use security_domain::storage::{Left, RecordError};

use crate::flash::{Dead, Fault, Flash, Hsm, Tear};
use crate::sealed::{artifacts, fast_keys, share};
use crate::world::{
    Lost, ROOM, activated, activation, active, empty, has_artifacts, hsm, provisioned, tested,
    vault,
};

const NOT_WRITABLE: LifecycleError = LifecycleError::Record(RecordError::NotWritable);

/// What may be dead: the slots, the counter, or both.
const DEAD: [Dead; 3] = [
    Dead {
        counter: false,
        advance: false,
        erase: true,
        write: true,
        device_key: false,
    },
    Dead {
        counter: false,
        advance: true,
        erase: false,
        write: false,
        device_key: false,
    },
    Dead {
        counter: false,
        advance: true,
        erase: true,
        write: true,
        device_key: false,
    },
];

/// A flash in each stage.
fn stages() -> Vec<(Stage, Flash)> {
    let (lost, keys) = (Lost::new(1), fast_keys(3));
    let made = |make: &dyn Fn(&mut Hsm)| {
        let mut hsm = hsm(2);
        make(&mut hsm);
        hsm.flash
    };
    let recovering = |shares: usize| {
        made(&|hsm| {
            let mut memory = vault();
            let mut domain = lost.recovering_here(&mut memory, hsm);
            for key in &lost.keys[..shares] {
                let share = share(&lost.sealed(), key);
                domain.add_share(&lost.sealed(), share, hsm).unwrap();
            }
        })
    };
    vec![
        (Stage::Empty, made(&|hsm| drop(empty(&mut vault(), hsm)))),
        (
            Stage::Provisioned,
            made(&|hsm| drop(provisioned(&mut vault(), hsm))),
        ),
        (Stage::Recovering, recovering(1)),
        (Stage::Recovering, recovering(2)),
        (
            Stage::Active,
            made(&|hsm| drop(active(&mut vault(), hsm, &keys))),
        ),
        #[cfg(feature = "managed-hsm")]
        (Stage::Imported, crate::import::imported_at_rest().0.flash),
    ]
}

/// A step that must be saved, whatever the state.
fn save(domain: AnyDomain<'_, ROOM>, hsm: &mut Hsm) -> Result<(), LifecycleError> {
    let (lost, keys) = (Lost::new(1), fast_keys(3));
    match domain {
        AnyDomain::Empty(domain) => drop(domain.provision(&artifacts(), hsm)?),
        AnyDomain::Provisioned(domain) => {
            let mut file = vec![0; domain.sealed_len(&activation(&keys)).unwrap()];
            let (domain, len) = domain.seal(&activation(&keys), hsm, &mut file)?;
            drop(domain.activate(&SealedDomain::parse(&file[..len]).unwrap(), hsm)?);
        }
        AnyDomain::Recovering(mut domain) => {
            let share = share(&lost.sealed(), &lost.keys[2]);
            domain.add_share(&lost.sealed(), share, hsm)?;
        }
        AnyDomain::QuorumMet(domain) => drop(domain.open(&lost.sealed(), hsm)?),
        #[cfg(feature = "managed-hsm")]
        AnyDomain::Imported(domain) => {
            let id = domain.status().domain.unwrap();
            drop(domain.confirm(id, &[], hsm)?);
        }
        AnyDomain::Active(domain) => drop(domain.zeroize(hsm)?),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[test]
fn an_hsm_starts_in_every_stage_and_saves_when_the_flash_works_again() {
    for (stage, flash) in stages() {
        let mut whole = Hsm::with_flash(flash.clone(), 3);
        let shown = vault().start(tested(), &mut whole).unwrap().status();
        assert!(shown.stage == stage && shown.takes_writes);
        for dead in DEAD {
            let mut hsm = Hsm::with_flash(flash.clone(), 3);
            hsm.dead = dead;
            let mut memory = vault();
            for _ in 0..2 {
                let start = memory.start(tested(), &mut hsm).unwrap();
                let mut read_only = shown;
                read_only.takes_writes = false;
                assert_eq!(start.status(), read_only, "{stage} {dead:?}");
                assert_eq!(hsm.flash.counter, flash.counter);
            }
            if stage != Stage::Active {
                let start = memory.start(tested(), &mut hsm).unwrap();
                assert_eq!(save(start, &mut hsm), Err(NOT_WRITABLE), "{stage} {dead:?}");
            }
            let start = memory.start(tested(), &mut hsm).unwrap();
            hsm.dead = Dead::default();
            save(start, &mut hsm).unwrap();
            let after = memory.start(tested(), &mut hsm).unwrap().status();
            assert!(after.takes_writes, "{stage} {dead:?}");
            assert!(after.stage != stage || stage == Stage::Recovering);
        }
    }
}

#[test]
fn an_active_hsm_reads_gives_its_file_out_and_backs_up() {
    let keys = fast_keys(3);
    for dead in DEAD {
        let (mut memory, mut hsm) = (vault(), hsm(1));
        let (domain, file) = active(&mut memory, &mut hsm, &keys);
        drop(domain);
        hsm.dead = dead;
        hsm.now = 1_790_000_000;
        let Ok(AnyDomain::Active(mut domain)) = memory.start(tested(), &mut hsm) else {
            panic!("it is active");
        };
        assert!(has_artifacts(&domain, &mut hsm));
        let sealed = SealedDomain::parse(&file).unwrap();
        let complete = domain.complete(&sealed, &mut hsm).unwrap();
        assert!(complete.concat() == file);

        let mut fronts = Vec::new();
        for _ in 0..2 {
            let mut writer = domain.begin_backup(Kind::Full(None), 5, &mut hsm).unwrap();
            let backup = writer.front().to_vec();
            let mut chunk = [b"bytes".as_slice(), &[0; TAG_LEN]].concat();
            writer.seal(&mut chunk, &mut hsm).unwrap();
            writer.finish(&mut hsm).unwrap();
            let header = BackupHeader::parse(&backup).unwrap();
            let mut reader = domain.begin_restore(&header, &mut hsm).unwrap();
            assert_eq!(reader.open(&mut chunk, &mut hsm).unwrap(), b"bytes");
            reader.finish(&mut hsm).unwrap();
            fronts.push(backup);
        }
        assert_ne!(fronts[0], fronts[1]);

        // The number of the state does not advance, so the time must tell backups apart.
        hsm.now = 0;
        let refused = domain.begin_backup(Kind::Full(None), 5, &mut hsm);
        assert_eq!(refused.map(drop), Err(LifecycleError::NoClock));
        hsm.refuses = true;
        hsm.now = 1_790_000_000;
        let refused = domain.begin_backup(Kind::Full(None), 5, &mut hsm);
        assert_eq!(refused.map(drop), Err(LifecycleError::SinkRefused));
        hsm.refuses = false;
        hsm.dead = Dead::default();
        drop(domain.begin_backup(Kind::Full(None), 5, &mut hsm).unwrap());
        assert!(domain.status().takes_writes);
    }
}

/// A flash that worked at the start and fails then keeps a backup from beginning, once.
#[test]
fn a_backup_whose_number_fails_to_be_saved_is_begun_again() {
    let (mut memory, mut hsm) = (vault(), hsm(1));
    let (mut domain, _) = active(&mut memory, &mut hsm, &fast_keys(3));
    hsm.now = 1_790_000_000;
    hsm.dead = DEAD[2];
    let failed = domain.begin_backup(Kind::Full(None), 5, &mut hsm).map(drop);
    assert_eq!(failed, Err(LifecycleError::Record(RecordError::Flash)));
    assert!(!domain.status().takes_writes);
    drop(domain.begin_backup(Kind::Full(None), 5, &mut hsm).unwrap());
}

#[test]
fn zeroizing_is_tried_and_says_what_is_left() {
    let (mut memory, mut hsm) = (vault(), hsm(1));
    drop(active(&mut memory, &mut hsm, &fast_keys(3)));
    hsm.dead = DEAD[0];
    let start = memory.start(tested(), &mut hsm).unwrap();
    let refused = start.zeroize(&mut hsm).unwrap_err();
    let left = |error| match error {
        LifecycleError::NotWritten { left, .. } => left,
        other => panic!("{other}"),
    };
    assert_eq!(left(refused.error), Left::Both);
    drop(refused);
    // The counter works, and has left the state behind.
    let refused = memory.start(tested(), &mut hsm).map(drop).unwrap_err();
    let is_behind = |error| {
        matches!(
            error,
            LifecycleError::Record(RecordError::RolledBack { .. })
        )
    };
    assert!(is_behind(refused), "{refused}");
    hsm.dead = Dead::default();
    memory.discard(&mut hsm).unwrap();
    let start = memory.start(tested(), &mut hsm).unwrap();
    assert_eq!(start.status().stage, Stage::Empty);
}

/// An old image, or none, is refused also where nothing can be written.
#[test]
fn a_flash_that_takes_no_writes_is_no_way_back() {
    let (mut memory, mut hsm) = (vault(), hsm(1));
    drop(provisioned(&mut memory, &mut hsm));
    let old = hsm.flash.slots.clone();
    let Ok(AnyDomain::Provisioned(domain)) = memory.start(tested(), &mut hsm) else {
        panic!("it is provisioned");
    };
    drop(activated(domain, &activation(&fast_keys(3)), &mut hsm));
    for dead in DEAD {
        hsm.dead = dead;
        for slots in [old.clone(), [Some(Vec::new()), Some(Vec::new())]] {
            let mut other = Hsm::with_flash(hsm.flash.clone(), 4);
            (other.flash.slots, other.dead) = (slots.clone(), dead);
            let refused = memory.start(tested(), &mut other).map(drop);
            assert!(matches!(
                refused,
                Err(LifecycleError::Record(
                    RecordError::RolledBack { .. } | RecordError::Missing { .. }
                ))
            ));
            assert_eq!(other.flash.slots, slots);
        }
    }
}

/// The power fails in an activation, and then the flash takes no writes: the HSM is what the counter says.
#[test]
fn what_a_power_failure_left_is_read_as_the_counter_says() {
    let keys = fast_keys(3);
    let mut before = hsm(1);
    drop(provisioned(&mut vault(), &mut before));
    let mut seen = [0, 0];
    for tear in [Tear::Unreadable, Tear::Over(40), Tear::Short(usize::MAX)] {
        for call in 0.. {
            let (mut memory, mut hsm) = (vault(), Hsm::with_flash(before.flash.clone(), 3));
            let Ok(AnyDomain::Provisioned(domain)) = memory.start(tested(), &mut hsm) else {
                panic!("it is provisioned");
            };
            let (domain, file) = crate::world::sealed(domain, &activation(&keys), &mut hsm);
            let stored = SealedDomain::parse(&file).unwrap();
            hsm.fault(call, Fault::Cut(tear));
            drop(domain.activate(&stored, &mut hsm));
            let was_cut = hsm.is_off();
            for dead in DEAD {
                let mut left = Hsm::with_flash(hsm.flash.clone(), 4);
                left.dead = dead;
                let stage = match memory.start(tested(), &mut left).unwrap() {
                    AnyDomain::Provisioned(domain) => domain.status().stage,
                    AnyDomain::Active(domain) => {
                        let parts = domain.complete(&stored, &mut left).unwrap();
                        assert_eq!(parts.len(), 4);
                        Stage::Active
                    }
                    other => panic!("{other:?}"),
                };
                seen[usize::from(stage == Stage::Active)] += 1;
                if dead.advance {
                    assert_eq!(left.flash.counter, hsm.flash.counter);
                }
                left.dead = Dead::default();
                let later = memory.start(tested(), &mut left).unwrap().status();
                assert!(later.stage == stage || later.stage == Stage::Active);
                assert!(later.takes_writes);
            }
            if !was_cut {
                break;
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}
