// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ledger export`: writes the log of a simulated HSM, and a signed checkpoint of it.

use std::path::PathBuf;

use security_domain::custody::ExportError;
use serde_json::json;

use crate::hsm::{HsmArg, signed_checkpoint};
use crate::output::{self, Access};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::show;

const EXAMPLE: &str = "Example:
  secdom ledger export --hsm hsm-1 --out hsm-1.log

The checkpoint is at the end. ledger checkpoint writes it by itself.";

/// Write the log of an HSM, with a checkpoint that the HSM signs
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The export of the log to write
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    output::must_be_free(&args.out)?;
    let (mut device, checkpoint) = signed_checkpoint(&args.at)?;
    let kept = device.kept();
    let head = kept.log.tree_head();
    let mut stream = output::stream(&args.out, Access::Owner)?;
    let exported = kept.log.export(&checkpoint, |bytes| stream.write(bytes));
    exported.map_err(|error| match error {
        ExportError::Log(error) => kept.refuse(error),
        ExportError::Out(refusal) => refusal,
        _ => Refusal::file(&args.out, "the log was not exported"),
    })?;
    let output = stream.finish()?.publish()?;
    let file = show::path(&args.out);
    let (records, root) = (head.size, head.root.to_string());
    let text = format!(
        "{file}: {}; root {root}\n",
        show::count(records as usize, "record")
    );
    let object = json!({ "file": file, "records": records, "root": root });
    Ok(Report::written([output], args.json.either(text, &object)))
}
