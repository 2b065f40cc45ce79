// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ledger prove`: writes one record of a log with its proofs, to be shown without the rest.

use std::path::PathBuf;

use serde_json::json;

use super::read::{ExpectArgs, read_bytes};
use super::shown;
use crate::input;
use crate::output::{Access, Content, Target};
use crate::report::{JsonArg, Outcome, Refusal, Report};

const EXAMPLE: &str = "Example:
  secdom ledger prove hsm-1.log --record 5 --out hand-off-to-ann

The file has the record, the endorsement of the HSM by its domain, a proof for each that the log holds it, and \
the signed checkpoint. ledger verify checks it. It shows no other record.";

/// Write one record of a log with its proofs, to be shown without the rest, such as a hand-off
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The export of the log; - reads standard input
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// The number of the record
    #[arg(long, value_name = "NUMBER")]
    record: u32,
    /// The file to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    expect: ExpectArgs,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Binary, &args.json)?;
    let bytes = input::read(&args.log)?;
    let log = read_bytes(&args.log, &bytes, &args.expect)?;
    let number = args.record;
    if number >= log.verified.head.size {
        let error = format!("--record: the log has no record {number}");
        return Err(Refusal::file(&args.log, error));
    }
    let written = { log.endorsed_in() }.and_then(|at| shown::write(&bytes, number, at));
    let written = written.ok_or_else(|| Refusal::file(&args.log, "no domain endorses the HSM"))?;
    let output = target.write(Access::Owner, &written)?;
    let file = target.shown();
    let text = format!("{file}: record {number} of {}\n", log.verified.head.size);
    let object = json!({ "file": file, "record": number, "records": log.verified.head.size });
    Ok(Report::about(output, args.json.either(text, &object)))
}
