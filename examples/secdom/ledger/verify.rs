// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ledger verify`: says whether the export of a log is whole and an HSM's own.

use std::path::PathBuf;

use super::read::{ExpectArgs, read};
use super::show::{head, head_json};
use crate::report::{JsonArg, Outcome, Report};

const EXAMPLE: &str = "Example:
  secdom ledger verify hsm-1.log --expect-domain 2c26...e7ae
  secdom ledger verify hsm-1.log --expect-domain 2c26...e7ae \\
      --checkpoint of-march of-june

The refusal names the first bad record and how it is bad: altered, dropped, reordered, forked, cut. \
Keep checkpoints (ledger checkpoint): a log from which the newest records were cut can \
otherwise not be told from one that has no more.";

/// Verify the export of a log: every record, its place, the endorsement and the signed checkpoint
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The export of the log; - reads standard input
    #[arg(value_name = "LOG")]
    log: PathBuf,
    #[command(flatten)]
    expect: ExpectArgs,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let log = read(&args.log, &args.expect)?;
    Ok(Report::text(args.json.either(head(&log), &head_json(&log))))
}
