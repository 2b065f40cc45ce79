// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random lives of an HSM, compared step by step with a small model of `docs/lifecycle.md`.
//!
//! The sink refuses, the flash fails, lies and loses power, the generator fails, the clock goes back and the
//! time runs out. Quorums change, with consents and proofs that are good, forged or too few, and
//! acts are done with approvals. After each step: the HSM shows what the model says; it is active
//! only by its own activation, by a quorum or by a confirmed import; its quorum is another one only
//! after a commit that enough custodians of both quorums have allowed; and in the vault's memory,
//! of all secrets that there ever were, are exactly those that the state may know. After each
//! power-up it is what it was, or what it was about to become; an old image of the flash is
//! refused. No number is given to two states.
#![cfg(all(feature = "managed-hsm", feature = "hazmat"))]

#[path = "sealed/fast.rs"]
mod fast;
#[path = "flash/mod.rs"]
mod flash;
#[path = "lifecycle_model/life.rs"]
mod life;
#[path = "lifecycle_model/model.rs"]
mod model;
#[path = "lifecycle_model/secrets.rs"]
mod secrets;
#[path = "lifecycle_model/world.rs"]
mod world;

use life::{Tally, live};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use security_domain::lifecycle::Stage;

fn program(seed: u8, steps: usize) -> Vec<u8> {
    let mut program = vec![0; 3 * steps];
    ChaCha20Rng::from_seed([seed; 32]).fill_bytes(&mut program);
    program
}

fn add(all: &mut Tally, tally: Tally) {
    all.steps += tally.steps;
    all.refused += tally.refused;
    all.failed += tally.failed;
    all.starts += tally.starts;
    all.opened += tally.opened;
    all.contributed += tally.contributed;
    all.sealed += tally.sealed;
    all.activated += tally.activated;
    all.completed += tally.completed;
    all.discarded += tally.discarded;
    all.put_back += tally.put_back;
    all.undrawn += tally.undrawn;
    all.imported += tally.imported;
    all.wrong_blobs += tally.wrong_blobs;
    all.ended_by_blobs += tally.ended_by_blobs;
    all.confirmed += tally.confirmed;
    all.proposed += tally.proposed;
    all.committed += tally.committed;
    all.rotated += tally.rotated;
    all.abandoned += tally.abandoned;
    all.expired += tally.expired;
    all.forged += tally.forged;
    all.demanded += tally.demanded;
    all.approved += tally.approved;
    all.states.extend(tally.states);
}

#[test]
fn random_lives_agree_with_the_model() {
    let mut all = Tally::default();
    for seed in 0..40 {
        // Drawing transfer keys takes long.
        let keys = usize::from(seed % 8 == 0);
        add(&mut all, live(None, seed, keys, &program(seed, 200)).0);
    }
    for stage in [
        Stage::Empty,
        Stage::Provisioned,
        Stage::Recovering,
        Stage::Active,
        Stage::Rotating,
        Stage::Committed,
    ] {
        assert!(all.states.contains(&stage));
    }
    assert!(all.steps == 8000 && all.starts > 300, "{all:?}");
    assert!(all.refused > 100 && all.failed > 100, "{all:?}");
    assert!(all.opened > 5 && all.activated > 5, "{all:?}");
    assert!(all.sealed > all.activated + 20, "{all:?}");
    assert!(all.completed > 100, "{all:?}");
    assert!(all.discarded > 2, "{all:?}");
    assert!(all.put_back > 100 && all.undrawn > 20, "{all:?}");
    assert!(all.proposed > 40 && all.abandoned > 20, "{all:?}");
    assert!(all.committed > 2 && all.rotated > 2, "{all:?}");
    assert!(all.expired > 1 && all.forged > 100, "{all:?}");
    assert!(all.demanded > 2 && all.approved > 10, "{all:?}");
}

/// All from one session that waits for contributions, whose transfer key was drawn once.
#[test]
fn random_lives_of_one_session_agree_with_the_model() {
    // A request to the custodians of the first lost domain.
    let (_, session) = live(None, 1, 1, &[0x82, 0x10, 1]);
    let mut all = Tally::default();
    for seed in 0..60 {
        add(
            &mut all,
            live(Some(&session), seed, 0, &program(!seed, 40)).0,
        );
    }
    assert!(all.contributed > 20 && all.opened > 5, "{all:?}");
}

/// All from one session that waits for a restore blob, whose transfer key was drawn once.
#[test]
fn random_lives_of_one_import_agree_with_the_model() {
    let (_, session) = live(None, 1, 1, &[0x81, 0x10, 1]);
    let mut all = Tally::default();
    for seed in 0..60 {
        add(
            &mut all,
            live(Some(&session), seed, 0, &program(!seed, 40)).0,
        );
    }
    assert!(all.imported > 20 && all.confirmed > 10, "{all:?}");
    assert!(all.wrong_blobs > 20 && all.ended_by_blobs > 1, "{all:?}");
    assert!(all.activated > 10, "{all:?}");
}
