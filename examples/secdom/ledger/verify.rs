// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ledger verify`: says whether a log, or one record of it, is an HSM's own.

use std::path::PathBuf;

use super::read::{ExpectArgs, read_bytes};
use super::row::when;
use super::show::{head, head_json, signed, signed_json};
use super::shown::{self, Shown};
use crate::input;
use crate::kind::FileKind;
use crate::names::CertsArg;
use crate::report::{JsonArg, Outcome, Report};

const EXAMPLE: &str = "Example:
  secdom ledger verify hsm-1.log --expect-domain 2c26...e7ae
  secdom ledger verify hsm-1.log --expect-domain 2c26...e7ae \\
      --checkpoint of-march of-june
  secdom ledger verify hand-off-to-ann --expect-domain 2c26...e7ae

The refusal names the first bad record and how it is bad: altered, dropped, reordered, forked, cut. \
Keep checkpoints (ledger checkpoint): a log from which the newest records were cut can \
otherwise not be told from one that has no more. A record that ledger prove wrote is compared with \
a checkpoint of the same size.";

/// Verify the export of a log, or a record that ledger prove wrote: every record, its place, the
/// endorsement and the signed checkpoint
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The export of the log, or a record with its proofs; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    expect: ExpectArgs,
    #[command(flatten)]
    certs: CertsArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let (path, names) = (&args.file, args.certs.read()?);
    let bytes = input::read(path)?;
    if FileKind::of(&bytes) != FileKind::ShownRecord {
        let log = read_bytes(path, &bytes, &args.expect)?;
        return Ok(Report::text(args.json.either(head(&log), &head_json(&log))));
    }
    let Shown {
        instance,
        domain,
        key,
        head,
        row,
    } = shown::verify(path, &bytes, &args.expect)?;
    let (time, about) = (when(row.time), row.about(&names));
    let text = signed(instance, Some(domain), &key, &head)
        + &format!("record {}: {time}: {}: {about}\n", row.number, row.what);
    let mut object = signed_json(instance, Some(domain), &key, &head);
    object["shown"] = row.json(&names);
    Ok(Report::text(args.json.either(text, &object)))
}
