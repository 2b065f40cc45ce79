// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ceremony verify`: whether a transcript is whole, who signed it, and whether the HSM's log
//! agrees.

use std::path::{Path, PathBuf};

use security_domain::policy::Severity;

use super::transcript::{self, Entry, What};
use crate::custody::Findings;
use crate::ledger::{self, ExpectArgs, Pin};
use crate::page::{Cell, Content, PageArgs, Part};
use crate::report::{Outcome, Refusal, Report};
use crate::{input, show};

const EXAMPLE: &str = "Example:
  secdom ceremony verify --transcript ceremony.jsonl \\
      --log hsm-1.log --expect-domain 2c26...e7ae

Each line has the digest of the one before, so that none can be changed, dropped or moved but the last ones, and each signature covers all lines before it. Compare \
the keys with those that the witnesses show. With --log, the log must go on from every checkpoint in the transcript, and each \
record before the last of them must have been written while a command of the transcript ran; if a checkpoint was recorded before the first command, each \
record after it. The exit code is 1 if a finding \
has the severity refuse. With --json one object is printed, with the members result, findings, signatures, lines and log.";

/// Verify the transcript of a ceremony, and compare it with the HSM's log
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The transcript
    #[arg(long, value_name = "FILE")]
    transcript: PathBuf,
    /// The exported log of the HSM
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    expect: ExpectArgs,
    /// How far the clocks of the HSM and of the machine may be apart
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    skew: u64,
    #[command(flatten)]
    page: PageArgs,
}

pub fn run(args: &Args) -> Outcome<Report> {
    args.page.must_be_free()?;
    let bytes = input::read(&args.transcript)?;
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|error| Refusal::file(&args.transcript, error))?;
    let (entries, last) = transcript::parse(&args.transcript, text)?;
    let [first, .., end] = entries.as_slice() else {
        return Err(Refusal::file(
            &args.transcript,
            "nothing was recorded in it",
        ));
    };
    let mut findings = Findings::default();
    about(&entries, &mut findings);
    let result = vec![
        ("transcript", Cell::Text(show::path(&args.transcript))),
        ("lines", Cell::Number(entries.len() as u64)),
        ("digest", Cell::Text(last)),
        ("begun", Cell::Time(first.time)),
        ("ended", Cell::Time(end.time)),
    ];
    let mut parts = vec![signatures(&entries), lines(&entries)];
    if let Some(path) = &args.log {
        parts.push(log(args, path, &entries, &mut findings)?);
    }
    findings.report("Transcript", result, parts, &args.page)
}

/// Says what is missing.
fn about(entries: &[Entry], findings: &mut Findings) {
    let is_signature = |entry: &Entry| matches!(entry.what, What::Signature { .. });
    if !entries.iter().any(is_signature) {
        let text = "no witness signed: whoever has the file can write another";
        findings.add(Severity::Refuse, "not-signed", "transcript", text);
    }
    if !entries.last().is_some_and(is_signature) {
        let text = "what was recorded last is covered by no signature";
        findings.add(Severity::Warn, "open-end", "transcript", text);
    }
    let mut latest = 0;
    for entry in entries {
        let line = format!("line {}", entry.number);
        match &entry.what {
            What::Run { code, .. } if *code != Some(0) => {
                let text = "the command failed";
                findings.add(Severity::Warn, "command-failed", &line, text);
            }
            What::Torn { .. } => {
                let text = "a line before it was not written to its end";
                findings.add(Severity::Warn, "torn", &line, text);
            }
            _ => {}
        }
        if entry.time < latest {
            let text = "earlier than the line before: the clock was set back";
            findings.add(Severity::Warn, "clock-set-back", &line, text);
        }
        latest = latest.max(entry.time);
    }
}

fn signatures(entries: &[Entry]) -> Part {
    let row = |entry: &Entry| match &entry.what {
        What::Signature { name, key, .. } => Some(vec![
            Cell::foreign(name),
            Cell::text(key),
            Cell::Number(entry.number as u64),
            Cell::Time(entry.time),
        ]),
        _ => None,
    };
    Part {
        heading: "Signatures",
        content: Content::Table {
            row: "signature",
            in_line: true,
            columns: &["name", "key", "line", "time"],
            rows: entries.iter().filter_map(row).collect(),
        },
    }
}

fn lines(entries: &[Entry]) -> Part {
    let row = |entry: &Entry| {
        let (kind, what) = said(&entry.what);
        vec![
            Cell::Number(entry.number as u64),
            Cell::Time(entry.time),
            Cell::text(kind),
            Cell::foreign(&what),
        ]
    };
    Part {
        heading: "Lines",
        content: Content::Table {
            row: "line",
            in_line: true,
            columns: &["line", "time", "kind", "what"],
            rows: entries.iter().map(row).collect(),
        },
    }
}

/// Returns the kind of a line, and what it says.
fn said(what: &What) -> (&'static str, String) {
    match what {
        What::Begin { version } => ("begin", format!("secdom {version}")),
        What::Run { command, code, .. } => {
            let code = code.map_or("a signal ended it".into(), |code| {
                format!("exit code {code}")
            });
            ("run", format!("{}: {code}", command.join(" ")))
        }
        What::Seen { text } => ("seen", text.clone()),
        What::File { name, sha256 } => ("file", format!("{name}: {sha256}")),
        What::Checkpoint { text } => ("checkpoint", text.lines().next().unwrap_or_default().into()),
        What::Signature { name, .. } => ("signature", name.clone()),
        What::Torn { bytes } => ("torn", show::count(*bytes, "byte")),
    }
}

/// Compares the log with the checkpoints and the commands of the transcript.
fn log(args: &Args, path: &Path, entries: &[Entry], findings: &mut Findings) -> Outcome<Part> {
    let mut pins = ledger::pins(&args.expect.checkpoint)?;
    let (given, mut first) = (pins.len(), 0);
    for (line, entry) in entries.iter().enumerate() {
        if let What::Checkpoint { text } = &entry.what {
            let pin = Pin::of(&args.transcript, text.as_bytes())?;
            let before = entries[..line].iter();
            // The log of the ceremony begins there, or with the HSM.
            if pins.len() == given
                && !{ before }.any(|entry| matches!(entry.what, What::Run { .. }))
            {
                first = pin.head().size;
            }
            pins.push(pin);
        }
    }
    let log = ledger::read_pinned(path, &input::read(path)?, &args.expect, &pins)?;
    let recorded = pins[given..].iter();
    let Some(last) = recorded.map(|pin| pin.head().size).max() else {
        let reason = "has no checkpoint: it cannot be compared with a log";
        return Err(Refusal::file(&args.transcript, reason));
    };
    let ran = |time: u64| {
        entries.iter().any(|entry| match entry.what {
            What::Run { began, .. } => (began.saturating_sub(args.skew)
                ..=entry.time.saturating_add(args.skew))
                .contains(&time),
            _ => false,
        })
    };
    let mut rows = Vec::new();
    for row in log
        .rows
        .iter()
        .filter(|row| (first..last).contains(&row.number))
    {
        if !ran(row.time) {
            let about = format!("record {}", row.number);
            let text = "no command of the transcript ran at its time";
            findings.add(Severity::Refuse, "not-in-the-transcript", &about, text);
        }
        rows.push(vec![
            Cell::Number(row.number.into()),
            Cell::time(Some(row.time).filter(|time| *time != 0)),
            Cell::text(row.what),
            Cell::text(row.outcome.unwrap_or_default()),
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
