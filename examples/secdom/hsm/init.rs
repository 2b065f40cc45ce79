// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm init`: makes a new HSM with a fresh domain.

use std::path::PathBuf;

use security_domain::sealed_domain::ArtifactTag;
use serde_json::json;

use super::device::Device;
use super::{ARTIFACT_BYTES, HsmArg, empty, vault, without};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{artifacts, input, show};

const EXAMPLE: &str = "Example:
  secdom hsm init --hsm hsm-1 \\
      --artifact signing-key=signing-key.bin credentials=users.db";

/// Make a fresh domain of these secrets, not yet in use, in a new HSM or an empty one
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The secrets of the domain, each under its tag; the tag ends at the first equals sign
    #[arg(long, required = true, num_args = 1.., value_name = "TAG=FILE",
        value_parser = artifacts::parser())]
    artifact: Vec<(String, PathBuf)>,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: Args) -> Outcome<Report> {
    let mut contents = Vec::new();
    for (name, file) in &args.artifact {
        let tag = ArtifactTag::new(name).map_err(|error| artifacts::refuse(name, error))?;
        contents.push((tag, input::read(file)?));
    }
    let artifacts: Vec<(ArtifactTag<'_>, &[u8])> = contents
        .iter()
        .map(|(tag, bytes)| (*tag, bytes.as_slice()))
        .collect();
    for (place, (tag, _)) in artifacts.iter().enumerate() {
        if artifacts[..place].iter().any(|(earlier, _)| earlier == tag) {
            return Err(artifacts::refuse(tag.as_str(), "given twice"));
        }
    }
    let bytes: usize = artifacts.iter().map(|(_, bytes)| bytes.len()).sum();
    if bytes > ARTIFACT_BYTES {
        return Err(Refusal::new(format!(
            "--artifact: {bytes} bytes together; a simulated HSM has room for {ARTIFACT_BYTES}"
        )));
    }

    let (stage, instance) = Device::empty(&args.at.hsm, |mut device| {
        let mut vault = vault();
        let domain = empty(&mut device, &mut vault)?;
        let domain = domain
            .provision(&artifacts, &mut device)
            .map_err(|error| device.refusal(error))?;
        let instance = domain.status().instance;
        let instance = instance.ok_or_else(|| without(&device, "instance id"))?;
        Ok((domain.status().stage, instance.to_string()))
    })?;
    let text = format!(
        "{}: {stage}; {}; instance-id {instance}\n",
        show::path(&args.at.hsm),
        show::count(artifacts.len(), "artifact"),
    );
    let object = json!({
        "state": stage.to_string(),
        "instance_id": instance,
        "artifacts": artifacts.len(),
    });
    Ok(Report::text(args.json.either(text, &object)))
}
