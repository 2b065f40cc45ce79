// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm adopt`: takes the file of an epoch that another HSM of the domain has sealed.

use std::path::PathBuf;

use security_domain::lifecycle::{Adopted, AnyDomain};
use security_domain::sealed_domain::{Epoch, ExpectedDomain, HeaderDigest};
use serde_json::json;

use super::device::Device;
use super::recover::parse;
use super::{HsmArg, not_in_state, vault};
use crate::input;
use crate::report::{JsonArg, Outcome, Report};

const EXAMPLE: &str = "Example:
  secdom hsm adopt --hsm hsm-2 --sealed next.sealed --expect-header 60303ae2...

Take the digest of the header from the HSM that changed the quorum, not from the file. Without it the \
domain's signature alone shows that the file is the right one.";

/// Take the complete file of a later epoch, which another HSM of the same domain has sealed
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The complete file
    #[arg(long, value_name = "FINAL")]
    sealed: PathBuf,
    /// The digest of its header, as the HSM that sealed it shows it
    #[arg(long, value_name = "HEX")]
    expect_header: Option<HeaderDigest>,
    /// Where two files have the same epoch: the digest of the present header, which this file is to
    /// replace. Both quorums can open their file
    #[arg(long, value_name = "HEX")]
    instead_of: Option<HeaderDigest>,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let bytes = input::read(&args.sealed)?;
    let sealed = parse(&args.sealed, &bytes)?;
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let mut domain = match device.start(&mut vault)? {
        AnyDomain::Active(domain) => domain,
        other => return Err(not_in_state(&device, &other, "active")),
    };
    let header = sealed.header();
    let expect = match (args.expect_header, domain.status().domain) {
        (Some(digest), Some(own)) => ExpectedDomain::header(own, Epoch::FIRST, digest),
        _ => ExpectedDomain::unpinned(),
    };
    let adopted = match args.instead_of {
        Some(present) => domain.adopt_instead(&sealed, &expect, present, &mut device),
        None => domain.adopt(&sealed, &expect, &mut device),
    };
    let adopted = adopted.map_err(|error| device.refusal(error))?;
    device.keep_sealed(&sealed)?;
    let (epoch, digest) = (header.epoch(), header.digest());
    let what = match adopted {
        Adopted::Now => "adopted",
        Adopted::Already => "already in force",
    };
    let text = format!("{what}\nepoch {epoch}\nheader-digest {digest}\n");
    let object = json!({
        "adopted": adopted == Adopted::Now,
        "epoch": epoch.get(),
        "header_digest": digest.to_string(),
    });
    Ok(Report::text(args.json.either(text, &object)))
}
