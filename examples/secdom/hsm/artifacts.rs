// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm artifacts`: writes the secrets of an active domain, for comparison.

use std::path::PathBuf;

use security_domain::lifecycle::{AnyDomain, Domain, InUse};
use zeroize::Zeroizing;

use super::device::Device;
use super::{HsmArg, ROOM, in_use, not_in_state, vault};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{artifacts, output};

const EXAMPLE: &str = "Example:
  secdom hsm artifacts --hsm hsm-2 --out-dir recovered";

/// Write the secrets of an active HSM to files, for comparison; only a simulated HSM does this
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The folder to make, with one file for each tag; the file's name is the tag, percent-encoded
    /// except for letters, digits, - . _ and ~
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    output::folder_must_be_free(&args.out_dir)?;
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let start = device.start(&mut vault)?;
    in_use!(device, &start, domain => write(args, domain, &mut device))
}

fn write<S: InUse>(
    args: &Args,
    domain: &Domain<'_, S, ROOM>,
    device: &mut Device,
) -> Outcome<Report> {
    let mut files = Vec::new();
    let contents = domain
        .artifacts(device)
        .map_err(|error| device.refusal(error))?;
    for (tag, content) in contents {
        let name = artifacts::file_name(tag.as_str())
            .map_err(|reason| Refusal::file(device.folder(), reason))?;
        files.push((name, Zeroizing::new(content.to_vec())));
    }
    let files = files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()));
    artifacts::publish(&args.out_dir, files, &args.json)
}
