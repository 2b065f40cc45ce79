// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the log of an HSM with the checkpoints and the commands of a transcript.

use std::path::Path;

use security_domain::policy::Severity;

use super::transcript::{Entry, What};
use crate::custody::Findings;
use crate::input;
use crate::ledger::{self, ExpectArgs, Pin};
use crate::page::{Cell, Content, Part};
use crate::report::{Outcome, Refusal};

/// What is compared with a transcript.
pub struct Compared<'a> {
    pub transcript: &'a Path,
    pub log: &'a Path,
    pub expect: &'a ExpectArgs,
    /// How many seconds the clocks may be apart.
    pub skew: u64,
}

impl Compared<'_> {
    /// Compares it with these lines. Returns what the HSM did meanwhile.
    pub fn with(&self, entries: &[Entry], findings: &mut Findings) -> Outcome<Part> {
        let mut pins = ledger::read_pins(&self.expect.checkpoint)?;
        // Without a checkpoint before the first command, the ceremony begins with the HSM.
        let (mut first, mut last) = (0, None);
        let mut commands = false;
        for entry in entries {
            match &entry.what {
                What::Start { .. } => commands = true,
                What::Checkpoint { text } => {
                    let pin = Pin::of(self.transcript, text.as_bytes())?;
                    let size = pin.head().size;
                    if last.is_none() && !commands {
                        first = size;
                    }
                    last = Some(last.unwrap_or(0).max(size));
                    pins.push(pin);
                }
                _ => {}
            }
        }
        let Some(last) = last else {
            let reason = "has no signed checkpoint: it cannot be compared with a log";
            return Err(Refusal::file(self.transcript, reason));
        };
        let log = ledger::read_pinned(self.log, &input::read(self.log)?, self.expect, &pins)?;
        about_ends(entries, log.verified.head.size, last, findings);
        let mut rows = Vec::new();
        let meanwhile = { log.rows.iter() }.filter(|row| (first..last).contains(&row.number));
        for row in meanwhile {
            if !self.ran(entries, row.time) {
                let about = format!("record {}", row.number);
                let text = "no command of the transcript ran at its time";
                findings.add(Severity::Refuse, "not-in-the-transcript", &about, text);
            }
            rows.push(vec![
                Cell::Number(row.number.into()),
                Cell::known(row.time),
                Cell::text(row.what),
                row.outcome.map_or(Cell::None, Cell::text),
            ]);
        }
        Ok(Part {
            heading: "Log",
            content: Content::Table {
                row: "record",
                in_line: true,
                columns: &["record", "time", "step", "outcome"],
                rows,
            },
        })
    }

    /// Returns whether a command ran at this time.
    fn ran(&self, entries: &[Entry], time: u64) -> bool {
        entries.windows(2).any(|pair| match pair {
            [start, end] if matches!(start.what, What::Start { .. }) => {
                let from = start.time.saturating_sub(self.skew);
                (from..=end.time.saturating_add(self.skew)).contains(&time)
            }
            _ => false,
        })
    }
}

/// Says what is compared with nothing.
fn about_ends(entries: &[Entry], records: u32, last: u32, findings: &mut Findings) {
    let is_last =
        |entry: &&Entry| matches!(entry.what, What::Start { .. } | What::Checkpoint { .. });
    let last_one = entries.iter().rfind(is_last);
    if last_one.is_some_and(|entry| matches!(entry.what, What::Start { .. })) {
        let text = "no checkpoint follows the last command: what it did is not compared";
        findings.add(Severity::Refuse, "not-compared", "transcript", text);
    }
    if records > last {
        let more = records - last;
        let text = format!("it has {more} more than the last checkpoint: they are not compared");
        findings.add(Severity::Note, "log-goes-on", "records", text);
    }
}
