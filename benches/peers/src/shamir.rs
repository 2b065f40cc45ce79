// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shamir's sharing over GF(2^8): this crate, its peers and the bounds set by the machine.

use std::time::Duration;

use crate::measure::{self, Entry, Job, Plan};
use crate::report::{Output, Sharing};
use crate::streams::Generator;

mod baseline;
mod bc_shamir;
mod bounds;
mod gf256;
mod ours;
mod shamir_share;
mod shamirsecretsharing;
mod sharks;
mod vsss_rs;

/// What is shared among how many.
pub struct Case<'a> {
    pub secret: &'a [u8],
    pub threshold: u8,
    pub count: u8,
}

/// What a library is to the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This crate.
    Ours,
    /// A peer that leaks through tables or branches.
    Peer,
    /// A peer that is constant time by its own account.
    ConstantTimePeer,
    /// No sharing: what the machine allows.
    Bound,
}

/// How to run one library. A function answers `None` where the library does not offer the case.
pub struct Library {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether the caller chooses the generator.
    pub takes_generator: bool,
    pub split: for<'a> fn(&Case<'a>, Generator) -> Option<Job<'a>>,
    pub combine: for<'a> fn(&Case<'a>) -> Option<Job<'a>>,
}

const LIBRARIES: &[Library] = &[
    ours::native::LIBRARY,
    ours::portable::LIBRARY,
    baseline::LIBRARY,
    vsss_rs::LIBRARY,
    shamirsecretsharing::LIBRARY,
    bc_shamir::LIBRARY,
    shamir_share::LIBRARY,
    gf256::LIBRARY,
    sharks::SHARKS,
    sharks::BLAHAJ,
    bounds::MEMCPY,
    bounds::KEYSTREAM,
    bounds::KERNEL,
];

/// A key.
pub const SMALL: usize = 32;
const MIDDLE: usize = 4 << 10;
/// More than the caches hold, with its shares.
pub const LARGE: usize = 1 << 20;
const HUGE: usize = 64 << 20;

const QUORUMS: [(u8, u8); 3] = [(2, 3), (3, 5), (5, 10)];
const WIDE: (u8, u8) = (20, 40);

/// A peer that takes longer than this for one run is skipped, but with `--full`.
const PATIENCE: Duration = Duration::from_secs(1);

/// Measures every case; `full` runs what is otherwise skipped.
pub fn run(full: bool, output: &mut Output) {
    let secret: Vec<u8> = (0..HUGE).map(|i| (i * 0x9e37 >> 7) as u8).collect();
    for bytes in [SMALL, MIDDLE, LARGE, HUGE] {
        let wide = (bytes <= MIDDLE).then_some(WIDE);
        for (threshold, count) in QUORUMS.into_iter().chain(wide) {
            let case = Case {
                secret: &secret[..bytes],
                threshold,
                count,
            };
            split(&case, full, output);
            combine(&case, full, output);
        }
    }
}

fn plan(bytes: usize) -> Plan {
    let large = bytes >= LARGE;
    Plan {
        budget: Duration::from_secs(if large { 8 } else { 2 }),
        least: 5,
        most: 31,
        turn: Duration::from_millis(if large { 20 } else { 2 }),
    }
}

/// Above 1 MiB only this crate and the bounds are of interest.
fn invited(library: &Library, bytes: usize, full: bool) -> bool {
    full || bytes <= LARGE || matches!(library.kind, Kind::Ours | Kind::Bound)
}

fn patience(library: &Library, full: bool) -> Duration {
    let own = matches!(library.kind, Kind::Ours | Kind::Bound);
    if full || own { Duration::MAX } else { PATIENCE }
}

fn split(case: &Case<'_>, full: bool, output: &mut Output) {
    let mut rows = Vec::new();
    let mut entries = Vec::new();
    for library in LIBRARIES
        .iter()
        .filter(|l| invited(l, case.secret.len(), full))
    {
        for generator in Generator::ALL {
            if !library.takes_generator && generator != Generator::ALL[0] {
                continue;
            }
            if let Some(job) = (library.split)(case, generator) {
                let rng = if library.takes_generator {
                    generator.name()
                } else {
                    "own"
                };
                rows.push((library, rng));
                entries.push(Entry {
                    job,
                    patience: patience(library, full),
                });
            }
        }
    }
    finish("split", case, rows, entries, output);
}

fn combine(case: &Case<'_>, full: bool, output: &mut Output) {
    let mut rows = Vec::new();
    let mut entries = Vec::new();
    for library in LIBRARIES
        .iter()
        .filter(|l| invited(l, case.secret.len(), full))
    {
        if let Some(job) = (library.combine)(case) {
            rows.push((library, "own"));
            entries.push(Entry {
                job,
                patience: patience(library, full),
            });
        }
    }
    finish("combine", case, rows, entries, output);
}

fn finish(
    work: &'static str,
    case: &Case<'_>,
    rows: Vec<(&Library, &'static str)>,
    entries: Vec<Entry<'_>>,
    output: &mut Output,
) {
    let medians = measure::interleaved(entries, plan(case.secret.len()));
    let rows = rows.into_iter().zip(medians);
    output.sharing(rows.map(|((library, rng), median)| Sharing {
        work,
        bytes: case.secret.len(),
        threshold: case.threshold,
        count: case.count,
        rng,
        library: library.name,
        kind: library.kind,
        median,
    }));
}
