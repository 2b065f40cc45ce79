// SPDX-License-Identifier: MIT OR Apache-2.0
//! Explores all that can happen in a rotation, with the library's own types.
//!
//! Two HSMs have one domain, sealed to a quorum of two of three. A state holds their flash images
//! and all files and messages as bytes, and each step is one of the library, from a start with a
//! flash image to the power being cut. In each state everything may happen that is in
//! [`model::Action`]: the steps of a rotation in any order, the loss of the power in a step and in
//! the start after it, of an HSM, of keys and of files, the passing of time, and an attacker who
//! withholds answers, repeats them, and spends those of other requests, challenges and files.
//!
//! It prints a line for each scope, and fails if a property in [`properties`] does not hold, if
//! there is a state from which no way leads on, or if a planted fault is not found.
//!
//! # What is documented as a loss, and does not happen here
//!
//! - More than one of the three custodians of a quorum in force is lost. Of the next quorum those
//!   who have not proven yet may all be lost.
//! - The complete file of a confirmed epoch is lost, unless its quorum is dissolved because every
//!   HSM stands by the next one. Other files are lost at any time.
//!
//! # What does not distinguish two states
//!
//! Two states are one if [`world::World`] says so. It leaves out:
//!
//! - The number and the salt of a record. Images with equal deciphered contents are one image. The
//!   number only orders the records of one flash, and an old image is `RolledBack`, which other
//!   tests show.
//! - The bytes of files and messages. What they are follows from what the state does have: which
//!   proposal a file is of, which custodian has answered which request.
//! - Who of a quorum has answered: its custodians are interchangeable, since no rule depends on a
//!   place. So of those who do not differ, one acts.
//! - What custodians have answered in a rotation that is over. The attacker is given the answers of
//!   all of them, which is the most that he could have.
//! - The place of the power failure in a step. All places are tried, once for each step in each
//!   state that shows the same, and must lead to the state before or to that after the step. Then
//!   the one after it, without what the step wrote, is explored.
//! - The time, but for whether the rotations under way have expired.
//!
//! An HSM starts before each step, so what a running one holds in memory alone is not explored. The
//! random model test of the lifecycle does that.

#[path = "../../../tests/flash/mod.rs"]
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a host of the tests"
)]
mod flash;
mod hsm;
mod keys;
mod model;
mod properties;
mod store;
mod way;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use model::{Plant, Rotations, Scope};
use properties::{AGREED, COUNTED, ONE_EPOCH, RECOVERABLE, VOID};
use stateright::{Checker, HasDiscoveries, Model};
use store::Store;

/// That no goal can be reached from some state.
const STUCK: &str = "there is always a way on";

/// Each broken rule, and what must be found to be broken by it.
const PLANTS: [(Plant, &[&str]); 7] = [
    (Plant::CommitWithoutProof, &[AGREED, COUNTED]),
    (Plant::CommitWithoutConsent, &[AGREED, COUNTED]),
    (Plant::ConfirmBeforeStoring, &[RECOVERABLE]),
    (Plant::AbandonKeepsRelease, &[VOID]),
    (Plant::RetireAtCommit, &[RECOVERABLE]),
    (Plant::TakeFork, &[ONE_EPOCH]),
    (Plant::NoCopies, &[STUCK]),
];

fn main() -> ExitCode {
    let mut failed = false;
    let store = Arc::default();
    for (name, both, withheld) in [
        ("one HSM rotates, twice", false, false),
        ("and answers are withheld", false, true),
        ("two HSMs rotate", true, false),
    ] {
        let scope = Scope {
            both,
            withheld,
            plant: None,
        };
        let broken = explore(name, scope, &store);
        failed |= !broken.is_empty();
    }
    for (plant, expected) in PLANTS {
        let scope = Scope {
            both: false,
            withheld: false,
            plant: Some(plant),
        };
        let broken = explore(&format!("{plant:?}"), scope, &store);
        if let Some(missed) = expected.iter().find(|name| !broken.contains(name)) {
            println!("{plant:?} was planted, and it was not found that {missed}");
            failed = true;
        }
    }
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// Explores a scope, and returns the properties that are broken. With a plant it ends at the first
/// state that breaks one.
fn explore(name: &str, scope: Scope, store: &Arc<Store>) -> Vec<&'static str> {
    let begun = Instant::now();
    let model = Rotations::new(scope, store);
    let graph = model.graph.clone();
    let end = match scope.plant {
        Some(_) => HasDiscoveries::Any,
        None => HasDiscoveries::All,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = model.checker().threads(threads).finish_when(end);
    let checker = checker.spawn_bfs().join();
    let discoveries = checker.discoveries();
    let mut broken: Vec<_> = discoveries.keys().copied().collect();
    let (states, stuck) = graph.stuck();
    if broken.is_empty() && stuck > 0 {
        broken.push(STUCK);
    }
    let (steps, cuts) = store.taken();
    println!(
        "figure: {name}: {} states, {} transitions, depth {}, {} s; up to here {steps} steps of the \
         library, {cuts} of them with every power failure",
        states,
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed().as_secs(),
    );
    if scope.plant.is_none() {
        for (property, path) in discoveries {
            println!("it is not so that {property}:");
            for action in path.into_actions() {
                println!("    {action:?}");
            }
        }
    }
    for property in &broken {
        println!("    broken: {property}");
    }
    broken
}
