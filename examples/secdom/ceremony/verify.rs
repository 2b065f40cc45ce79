// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ceremony verify`: whether a transcript is whole, who signed it, and whether the HSM's
//! log agrees.

use std::path::PathBuf;

use security_domain::policy::Severity;

use super::compare::Compared;
use super::transcript::{self, Entry, What};
use crate::custody::Findings;
use crate::ledger::ExpectArgs;
use crate::page::{Cell, Content, PageArgs, Part};
use crate::report::{Outcome, Refusal, Report};
use crate::{input, show};

/// How many seconds the clocks may be apart.
const SKEW: u64 = 2;

const EXAMPLE: &str = "Example:
  secdom ceremony verify --transcript ceremony.jsonl \\
      --witness d75a...511a --log hsm-1.log --expect-domain 2c26...e7ae

A line that was changed, dropped or moved is named. Lines can be cut off the end: compare the number of lines and the digest with what \
the witnesses wrote down. Name the witnesses' keys with --witness, since anybody can sign with a new key. With --log, the log must go on from every checkpoint in the transcript, and what the HSM did up to the last \
one must have been done while a command of the transcript ran; if a checkpoint was recorded before the first command, what it did after that. Only lines that are signed count. The exit code is 1 if a finding \
has the severity refuse. With --json one object is printed, with the members result, findings, signatures, lines and log.";

/// Verify the transcript of a ceremony, and compare it with the HSM's log
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The transcript
    #[arg(long, value_name = "FILE")]
    transcript: PathBuf,
    /// The public keys of those who must have signed, as ceremony sign prints them
    #[arg(long, num_args = 1.., value_name = "HEX")]
    witness: Vec<String>,
    /// The exported log of the HSM
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    expect: ExpectArgs,
    /// How many seconds the clocks of the HSM and of the machine may be apart; 2 if not given
    #[arg(long, value_name = "SECONDS", requires = "log")]
    skew: Option<u64>,
    #[command(flatten)]
    page: PageArgs,
}

pub fn run(args: &Args) -> Outcome<Report> {
    args.page.must_be_free()?;
    if args.log.is_none() && !args.expect.is_empty() {
        let reason = "--expect-domain, --expect-instance and --checkpoint need --log";
        return Err(Refusal::new(reason));
    }
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
    about_signatures(&entries, &args.witness, &mut findings);
    about_lines(&entries, &mut findings);
    let result = vec![
        ("transcript", Cell::Text(show::path(&args.transcript))),
        ("lines", Cell::Number(entries.len() as u64)),
        ("digest", Cell::Text(last)),
        ("begun", Cell::Time(first.time)),
        ("ended", Cell::Time(end.time)),
    ];
    let mut parts = vec![signatures(&entries), lines(&entries)];
    if let Some(log) = &args.log {
        let compared = Compared {
            transcript: &args.transcript,
            log,
            expect: &args.expect,
            skew: args.skew.unwrap_or(SKEW),
        };
        parts.push(compared.with(signed(&entries), &mut findings)?);
    }
    findings.report("Transcript", result, parts, &args.page)
}

/// Returns the lines up to the last signature.
fn signed(entries: &[Entry]) -> &[Entry] {
    let last = entries.iter().rposition(Entry::is_signature);
    entries
        .get(..last.map_or(0, |last| last + 1))
        .unwrap_or_default()
}

/// Says whose signatures are missing.
fn about_signatures(entries: &[Entry], witnesses: &[String], findings: &mut Findings) {
    let signatures = entries.iter().filter_map(|entry| match &entry.what {
        What::Signature { name, key, .. } => Some((name, key)),
        _ => None,
    });
    let signatures: Vec<_> = signatures.collect();
    if signatures.is_empty() {
        let text = "no witness signed: whoever has the file can write another";
        findings.add(Severity::Refuse, "not-signed", "transcript", text);
    } else if witnesses.is_empty() {
        let text = "no key of a witness was given: anybody can sign with a new key";
        findings.add(Severity::Note, "no-witness", "transcript", text);
    }
    for witness in witnesses {
        if !signatures.iter().any(|(_, key)| *key == witness) {
            let text = format!(
                "the witness with the key {} did not sign",
                show::text(witness)
            );
            findings.add(Severity::Refuse, "witness-missing", "transcript", text);
        }
    }
    for (place, (name, key)) in signatures.iter().enumerate() {
        let same = { signatures[..place].iter() }.find(|(other, of)| of == key && other != name);
        if let Some((other, _)) = same {
            let text = format!(
                "{} and {} have one key",
                show::text(other),
                show::text(name)
            );
            findings.add(Severity::Warn, "same-key", "transcript", text);
        }
    }
    if signed(entries).len() < entries.len() && !signatures.is_empty() {
        let text = "what was recorded last is covered by no signature";
        findings.add(Severity::Warn, "open-end", "transcript", text);
    }
}

/// Says what the lines show that must be looked at.
fn about_lines(entries: &[Entry], findings: &mut Findings) {
    let mut latest = 0;
    for (place, entry) in entries.iter().enumerate() {
        let line = format!("line {}", entry.number);
        let mut warn = |code, text| findings.add(Severity::Warn, code, &line, text);
        match &entry.what {
            What::Start { .. } if !{ entries.get(place + 1) }.is_some_and(Entry::is_end) => {
                warn(
                    "no-end",
                    "the command has no end: it was killed, or still ran",
                );
            }
            What::End { code, .. } if *code != Some(0) => {
                warn("command-failed", "the command failed");
            }
            What::Torn { .. } => warn("torn", "a line before it was not written to its end"),
            _ => {}
        }
        if entry.time < latest {
            warn(
                "clock-set-back",
                "earlier than the line before: the clock was set back",
            );
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
        What::Start { command } => ("start", command.join(" ")),
        What::End { code, .. } => {
            let code = code.map(|code| format!("exit code {code}"));
            (
                "end",
                code.unwrap_or_else(|| "it did not run to its end".into()),
            )
        }
        What::Seen { text } => ("seen", text.clone()),
        What::File { name, sha256 } => ("file", format!("{name}: {sha256}")),
        What::Checkpoint { text } => ("checkpoint", text.lines().next().unwrap_or_default().into()),
        What::Signature { name, .. } => ("signature", name.clone()),
        What::Torn { bytes } => ("torn", show::count(*bytes, "byte")),
    }
}
