// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ledger checkpoint`: writes the checkpoint of an export by itself.

use std::path::PathBuf;

use serde_json::json;

use super::read::{ExpectArgs, read_bytes};
use super::records::records;
use crate::input;
use crate::output::{Access, Content, Target};
use crate::report::{JsonArg, Outcome, Report};

const EXAMPLE: &str = "Example:
  secdom ledger checkpoint hsm-1.log --expect-domain 2c26...e7ae --out of-june

Keep it, and give it to others, such as witnesses of transparency logs: a log that was cut or \
rewritten later does not go on from it.";

/// Write the checkpoint of a log by itself, to be kept and cosigned
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The export of the log; - reads standard input
    #[arg(value_name = "LOG")]
    log: PathBuf,
    #[command(flatten)]
    expect: ExpectArgs,
    /// The checkpoint to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Text, &args.json)?;
    let bytes = input::read(&args.log)?;
    let log = read_bytes(&args.log, &bytes, &args.expect)?;
    let (_, checkpoint) = records(&bytes);
    let output = target.write(Access::Everyone, checkpoint)?;
    let (file, head) = (target.shown(), log.verified.head);
    let root = head.root.to_string();
    let text = format!("{file}: checkpoint of {} records; root {root}\n", head.size);
    let object = json!({ "file": file, "records": head.size, "root": root });
    Ok(Report::about(output, args.json.either(text, &object)))
}
