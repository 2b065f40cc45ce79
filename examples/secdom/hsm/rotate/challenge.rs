// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom rotate challenge`: asks the next custodians to prove that they can use the pending file.

use std::path::PathBuf;

use security_domain::drill::Challenge;
use serde_json::json;

use super::{BEGINS, over, rotating, with_pending};
use crate::hsm::device::Device;
use crate::hsm::{HsmArg, vault};
use crate::output::{Access, Content, Target};
use crate::report::{JsonArg, Outcome, Report};
use crate::{input, recipients};

const EXAMPLE: &str = "Example:
  secdom rotate challenge --hsm hsm-1 --out challenge

Send it with the pending file to the next custodians. Each runs drill respond with the pending file and his \
key. A new challenge replaces the one before; proofs that the HSM has stay.";

/// Write a challenge to the next custodians, each of whom is to prove that he has key and share
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The challenge to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Binary, &args.json)?;
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let mut domain = rotating(&mut device, &mut vault)?;
    let path = device.next_path();
    let keys = recipients::of_json(&path, &input::read(&path)?)?;
    let mut challenge = vec![0; Challenge::written_len(&keys)];
    with_pending(&mut device, None, |device, pending| {
        let made = domain.challenge(pending, &keys, device, &mut challenge);
        challenge.truncate(made.map_err(|error| device.refusal(error))?);
        Ok(())
    })?;
    device.keep_challenge(&challenge)?;
    let output = target.write(Access::Everyone, &challenge)?;
    let digest = domain.rotation().and_then(|rotation| rotation.challenge);
    let digest = digest.ok_or_else(|| over(&device))?;
    let file = target.shown();
    let text = format!("{file}: challenge {digest}\n");
    let object = json!({ "file": file, "challenge_digest": digest.to_string() });
    Ok(Report::about(output, args.json.either(text, &object)))
}
