// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interleaved measurement: the libraries of a case take turns, batch by batch, so that a slower
//! minute of the machine falls on all of them.

use std::time::{Duration, Instant};

/// A piece of work that can be repeated.
pub type Job<'a> = Box<dyn FnMut() + 'a>;

/// One library's part in a case.
pub struct Entry<'a> {
    pub job: Job<'a>,
    /// A case whose first run takes longer than this is skipped.
    pub patience: Duration,
}

/// How long a case may take and how fine it is measured.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Turns stop after this time, but not before `least` of them.
    pub budget: Duration,
    /// The fewest turns.
    pub least: usize,
    /// The most turns.
    pub most: usize,
    /// Short work is repeated within a turn until the turn takes about this long.
    pub turn: Duration,
}

struct Runner<'a> {
    job: Job<'a>,
    repeat: u32,
    nanos: Vec<f64>,
}

/// The median time of one run of each entry, in nanoseconds; `None` for those skipped.
pub fn interleaved(entries: Vec<Entry<'_>>, plan: Plan) -> Vec<Option<f64>> {
    let mut runners: Vec<Option<Runner<'_>>> = entries
        .into_iter()
        .map(|entry| warm_up(entry, plan.turn))
        .collect();
    let began = Instant::now();
    for turn in 0..plan.most {
        if turn >= plan.least && began.elapsed() > plan.budget {
            break;
        }
        // Another library begins each turn, so that none always follows the same neighbour.
        let count = runners.len();
        for position in 0..count {
            if let Some(runner) = &mut runners[(position + turn) % count] {
                let start = Instant::now();
                for _ in 0..runner.repeat {
                    (runner.job)();
                }
                let nanos = start.elapsed().as_nanos() as f64 / f64::from(runner.repeat);
                runner.nanos.push(nanos);
            }
        }
    }
    runners
        .into_iter()
        .map(|runner| runner.map(|r| median(r.nanos)))
        .collect()
}

/// Runs the job for the first time, and finds out how often a turn repeats it.
fn warm_up<'a>(entry: Entry<'a>, turn: Duration) -> Option<Runner<'a>> {
    let Entry { mut job, patience } = entry;
    let start = Instant::now();
    job();
    if start.elapsed() > patience {
        return None;
    }
    let mut repeat = 1u32;
    loop {
        let start = Instant::now();
        for _ in 0..repeat {
            job();
        }
        let took = start.elapsed();
        if took >= turn / 2 {
            let wanted = turn.as_secs_f64() / took.as_secs_f64() * f64::from(repeat);
            let repeat = (wanted.round() as u32).max(1);
            return Some(Runner {
                job,
                repeat,
                nanos: Vec::new(),
            });
        }
        repeat *= 2;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}
