// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom rehearse`: a quorum rehearses a recovery in an HSM that opens the domain, reports, and is empty
//! again.

use std::fmt::Write;

use security_domain::lifecycle::{AnyDomain, ArtifactDigest};
use security_domain::sealed_domain::MAX_ARTIFACTS;
use serde_json::{Value, json};

use super::device::Device;
use super::recover::{AddArgs, GatherArgs, Gathered, begin_by, parse};
use super::{HsmArg, in_use, not_in_state, vault};
use crate::input;
use crate::report::{JsonArg, Outcome, Report};

const BEGIN_EXAMPLE: &str = "Example:
  secdom rehearse begin --hsm hsm-2 --sealed domain.sealed \\
      --expect-domain 2c26...e7ae --request request --expires 86400

It prints the request's digest. Tell it to the custodians over a separate channel, such as the phone. They answer with contribute, \
as for a recovery. hsm recover-cancel ends the rehearsal.";

const ADD_EXAMPLE: &str = "Example:
  secdom rehearse add --hsm hsm-2 from-ada from-bob";

const REPORT_EXAMPLE: &str = "Example:
  secdom rehearse report --hsm hsm-2
  secdom rehearse report --hsm hsm-1    # the active HSM, to compare

The digests of a rehearsal are those of the HSM in which the domain is in use, line by line. Only who has the domain's root can \
compute them, so they can be shown.";

/// Rehearse a recovery: a quorum opens the domain in an HSM that only reports what is in it
#[derive(clap::Subcommand)]
pub enum Verb {
    Begin(BeginArgs),
    Add(RehearseArgs),
    Report(ReportArgs),
}

pub fn run(verb: Verb) -> Outcome<Report> {
    match verb {
        Verb::Begin(args) => begin_by(
            &args.gather,
            |domain, sealed, expect, lifetime, host, out| {
                domain.begin_rehearsal(sealed, expect, lifetime, host, out)
            },
        ),
        Verb::Add(args) => add(&args.add),
        Verb::Report(args) => report(&args),
    }
}

/// The step that begins a rehearsal.
const BEGINS: &str = "rehearse begin";

/// Begin a rehearsal in a new HSM or an empty one: write the request that custodians answer
#[derive(clap::Args)]
#[command(after_help = BEGIN_EXAMPLE)]
pub struct BeginArgs {
    #[command(flatten)]
    gather: GatherArgs,
}

/// Take custodians' contributions to a rehearsal. The exit code is 1 if any was refused
#[derive(clap::Args)]
#[command(after_help = ADD_EXAMPLE)]
pub struct RehearseArgs {
    #[command(flatten)]
    add: AddArgs,
}

fn add(args: &AddArgs) -> Outcome<Report> {
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let mut domain = match device.start(&mut vault)? {
        AnyDomain::Rehearsing(domain) => domain,
        other => return Err(not_in_state(&device, &other, "rehearsing")),
    };
    let path = device.sealed_path();
    let bytes = input::read(&path)?;
    let sealed = parse(&path, &bytes)?;
    Ok(Gathered::of(&mut domain, &sealed, args, &mut device)?.report(&args.json))
}

/// Open the domain with a quorum's shares, report a digest of each artifact, and wipe everything; with an HSM
/// in which the domain is in use, report the same digests
#[derive(clap::Args)]
#[command(after_help = REPORT_EXAMPLE)]
pub struct ReportArgs {
    #[command(flatten)]
    at: HsmArg,
    #[command(flatten)]
    json: JsonArg,
}

fn report(args: &ReportArgs) -> Outcome<Report> {
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let mut digests = [ArtifactDigest::from_bytes([0; 32]); MAX_ARTIFACTS];
    let start = device.start(&mut vault)?;
    let status = start.status();
    let (tags, state) = match start {
        AnyDomain::Rehearsing(domain) => {
            let path = device.sealed_path();
            let bytes = input::read(&path)?;
            let sealed = parse(&path, &bytes)?;
            let reported = domain.report(&sealed, &mut device, &mut digests);
            let (domain, _) = reported.map_err(|refused| device.refusal(refused))?;
            device.forget_session();
            let tags = sealed
                .header()
                .artifacts()
                .map(|(tag, _)| tag.as_str().to_owned());
            (tags.collect::<Vec<_>>(), domain.status().stage)
        }
        mut start => in_use!(device, &mut start, domain => {
            let tags = domain.artifacts(&mut device).map_err(|error| device.refusal(error))?;
            let tags = tags.map(|(tag, _)| tag.as_str().to_owned()).collect();
            let digested = domain.artifact_digests(&mut device, &mut digests);
            digested.map_err(|error| device.refusal(error))?;
            (tags, status.stage)
        }),
    };
    let digests = digests.map(|digest| digest.to_string());
    let (domain, header) = (
        status.domain.map(|id| id.to_string()),
        status.header.map(|digest| digest.to_string()),
    );
    let mut text = String::new();
    for (label, value) in [("domain-id", &domain), ("header-digest", &header)] {
        if let Some(value) = value {
            let _ = writeln!(text, "{label} {value}");
        }
    }
    let artifacts = tags.iter().zip(&digests);
    for (tag, digest) in artifacts.clone() {
        let _ = writeln!(text, "artifact {tag}: {digest}");
    }
    let _ = writeln!(text, "the HSM is {state}");
    let artifacts = artifacts.map(|(tag, digest)| json!({ "tag": tag, "digest": digest }));
    let object = json!({
        "domain_id": domain,
        "header_digest": header,
        "artifacts": artifacts.collect::<Value>(),
        "state": state.to_string(),
    });
    Ok(Report::text(args.json.either(text, &object)))
}
