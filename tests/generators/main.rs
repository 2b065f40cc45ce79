// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator that fails at one call, at each in turn, under every function that draws.
//!
//! A generator that fails for good from some call on hides a failure that is swallowed: a later draw
//! reports it. This one fails once. The function must refuse, must draw no more, and must leave
//! nothing half-made. And what is drawn must be used: with one draw changed, the result is another.
#![cfg(all(feature = "managed-hsm", feature = "pq", feature = "hazmat"))]

#[path = "../lifecycle/rotation/change.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod change;
#[path = "../managed_hsm/fixtures.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod fixtures;
#[path = "../flash/mod.rs"]
mod flash;
#[path = "../sealed/mod.rs"]
mod sealed;
#[path = "../sources/mod.rs"]
mod sources;
#[path = "../lifecycle/world.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod world;

mod azure;
mod domain;
mod keys;
mod once;
mod sharing;
mod source;
mod steps;

use once::Once;

/// A function that draws.
struct Row {
    name: &'static str,
    /// The functions of the source that it passes through, `file function`.
    covers: &'static [&'static str],
    /// How many draws there are, from the first, of which each must change the result if it is another.
    /// None where an operation draws to blind itself, or to look for something; and the fast keys of the
    /// tests write over what they draw.
    shows: usize,
    /// Runs it. Gives what it made, or the refusal, after a look at what was left then.
    run: fn(&mut Once) -> Result<Vec<u8>, String>,
}

/// Every draw shows.
const ALL: usize = usize::MAX;

/// The rows, by the family of modules that draws.
const FAMILIES: [fn() -> Vec<Row>; 5] = [
    sharing::ROWS,
    keys::ROWS,
    domain::ROWS,
    azure::ROWS,
    steps::ROWS,
];

/// Panics unless all of `out` is zeros: nothing half-made is left.
fn empty(out: &[u8]) {
    assert!(out.iter().all(|byte| *byte == 0), "something is left");
}

fn check(row: &Row) {
    println!("{}", row.name);
    let run = |seed| {
        let mut steady = Once::steady(seed);
        let made = (row.run)(&mut steady);
        let made = made.unwrap_or_else(|error| panic!("{}: {error}", row.name));
        (steady.calls, seed, made)
    };
    // A key of RSA takes hundreds of draws, and a few tens with the luckiest of some seeds.
    let (calls, seed, made) = match run(0) {
        few @ (..64, _, _) => few,
        many => (1..40).map(run).chain([many]).min().unwrap(),
    };
    assert!(calls > 0, "{} draws nothing", row.name);
    for call in 0..calls {
        let mut once = Once::failing(seed, call);
        match (row.run)(&mut once) {
            Ok(_) => panic!("{}: the failure of call {call} was swallowed", row.name),
            Err(error) => assert!(error.contains("Rng"), "{}, {call}: {error}", row.name),
        }
        assert_eq!(once.calls, call + 1, "{} draws on", row.name);
        if call < row.shows {
            let other = (row.run)(&mut Once::changed(seed, call));
            assert_ne!(other.as_ref(), Ok(&made), "{} ignores {call}", row.name);
        }
    }
}

/// Panics unless each of `rows` refuses after one failure.
fn check_all(rows: &[Row]) {
    let fails = |row: &&Row| std::panic::catch_unwind(|| check(row)).is_err();
    let failed: Vec<_> = rows.iter().filter(fails).map(|row| row.name).collect();
    assert_eq!(failed, [""; 0]);
}

#[test]
fn one_failure_stops_sharing() {
    check_all(&sharing::ROWS());
}

#[test]
fn one_failure_stops_keys() {
    check_all(&keys::ROWS());
}

#[test]
fn one_failure_stops_domains() {
    check_all(&domain::ROWS());
}

#[test]
fn one_failure_stops_azure() {
    check_all(&azure::ROWS());
}

#[test]
fn one_failure_stops_steps() {
    check_all(&steps::ROWS());
}

#[test]
fn every_function_that_draws_has_a_row() {
    let rows = FAMILIES.iter().flat_map(|rows| rows());
    let mut covered: Vec<_> = rows.flat_map(|row| row.covers).copied().collect();
    covered.sort_unstable();
    covered.dedup();
    assert_eq!(source::drawing(), covered);
}
