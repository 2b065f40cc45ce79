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
    /// A turn of one library lasts about this long, and one run at least.
    pub turn: Duration,
}

/// Short work is repeated until a sample takes about this long: the clock's own cost vanishes, and an
/// interruption spoils one sample of many.
const SAMPLE: Duration = Duration::from_micros(100);

struct Runner<'a> {
    job: Job<'a>,
    /// Runs in a sample.
    repeat: u32,
    nanos: Vec<f64>,
}

/// The median time of one run of each entry, in nanoseconds; `None` for those skipped.
pub fn interleaved(entries: Vec<Entry<'_>>, plan: Plan) -> Vec<Option<f64>> {
    let mut runners: Vec<Option<Runner<'_>>> = entries.into_iter().map(warm_up).collect();
    let began = Instant::now();
    for turn in 0..plan.most {
        if turn >= plan.least && began.elapsed() > plan.budget {
            break;
        }
        // Another library begins each turn, so that none always follows the same neighbour.
        let count = runners.len();
        for position in 0..count {
            if let Some(runner) = &mut runners[(position + turn) % count] {
                runner.take_turn(plan.turn);
            }
        }
    }
    runners
        .into_iter()
        .map(|runner| runner.map(|r| median(r.nanos)))
        .collect()
}

/// Runs the job for the first time, and finds out how often a sample repeats it.
fn warm_up(entry: Entry<'_>) -> Option<Runner<'_>> {
    let Entry { job, patience } = entry;
    let mut runner = Runner {
        job,
        repeat: 1,
        nanos: Vec::new(),
    };
    if runner.sample() > patience {
        return None;
    }
    while runner.sample() < SAMPLE {
        runner.repeat *= 2;
    }
    runner.nanos.clear();
    Some(runner)
}

impl Runner<'_> {
    fn take_turn(&mut self, turn: Duration) {
        let began = Instant::now();
        loop {
            self.sample();
            if began.elapsed() >= turn {
                break;
            }
        }
    }

    fn sample(&mut self) -> Duration {
        let began = Instant::now();
        for _ in 0..self.repeat {
            (self.job)();
        }
        let took = began.elapsed();
        self.nanos
            .push(took.as_nanos() as f64 / f64::from(self.repeat));
        took
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
