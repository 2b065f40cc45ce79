// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm recover-begin`, `recover-add`, `recover-cancel`: custodians who never meet bring a
//! sealed domain into this HSM, share by share.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use security_domain::contribution::{Contribution, Request};
use security_domain::lifecycle::{
    Active, Added, AnyDomain, Domain, LifecycleError, QuorumMet, Recovering,
};
use security_domain::sealed_domain::{DomainId, Epoch, ExpectedDomain, SealedDomain};

use super::device::Device;
use super::{HsmArg, ROOM, empty, not_in_state, vault};
use serde_json::json;

use crate::kind::{self, FileKind};
use crate::output::{self, Access};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{ids, input, show};

const BEGIN_EXAMPLE: &str = "Example:
  secdom hsm recover-begin --hsm hsm-2 --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --request request --expires 86400

It prints the request's digest. Tell it to the custodians over a separate channel, such as the phone.";

const ADD_EXAMPLE: &str = "Example:
  secdom hsm recover-add --hsm hsm-2 from-ada from-bob";

const CANCEL_EXAMPLE: &str = "Example:
  secdom hsm recover-cancel --hsm hsm-2";

/// Begin to recover a sealed domain in a new HSM or an empty one: write the request that custodians answer
#[derive(clap::Args)]
#[command(after_help = BEGIN_EXAMPLE)]
pub struct BeginArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The sealed domain
    #[arg(long, value_name = "FILE")]
    sealed: PathBuf,
    /// The domain's id, as noted when it was activated
    #[arg(long, value_name = "HEX", value_parser = ids::domain_id)]
    expect_domain: DomainId,
    /// The request to write
    #[arg(long, value_name = "OUT")]
    request: PathBuf,
    #[command(flatten)]
    json: JsonArg,
    /// After how many seconds the session expires; by default, never
    #[arg(long, value_name = "SECONDS")]
    expires: Option<NonZeroU64>,
}

pub fn begin(args: &BeginArgs) -> Outcome<Report> {
    output::must_be_free(&args.request)?;
    let bytes = input::read(&args.sealed)?;
    let sealed = parse(&args.sealed, &bytes)?;
    let expect = ExpectedDomain::new(args.expect_domain, Epoch::FIRST);
    expect
        .check(sealed.header())
        .map_err(|error| Refusal::file(&args.sealed, error))?;

    let digest = Device::empty(&args.at.hsm, |mut device| {
        begin_in(&mut device, args, &sealed, &expect)
    })?;
    let object = json!({ "request_digest": digest });
    let text = format!("request-digest {digest}\n");
    Ok(Report::text(args.json.either(text, &object)))
}

fn begin_in(
    device: &mut Device,
    args: &BeginArgs,
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
) -> Outcome<String> {
    let mut vault = vault();
    let domain = empty(device, &mut vault)?;
    let mut stream = output::stream(&args.request, Access::Everyone)?;
    device.keep_sealed(sealed)?;
    let mut request = vec![0; Request::MAX_LEN];
    let progress = Progress::show("generating a transfer key");
    let (domain, length) = domain
        .begin_recovery(sealed, expect, args.expires, device, &mut request)
        .map_err(|error| device.refusal(error))?;
    drop(progress);
    request.truncate(length);
    let written = stream
        .write(&request)
        .and_then(|()| stream.finish()?.publish());
    if let Err(refusal) = written {
        // Without the request nobody can answer.
        domain
            .cancel(device)
            .map_err(|error| device.refusal(error))?;
        device.forget_sealed();
        return Err(refusal);
    }
    let digest = domain.request().map(|digest| digest.to_string());
    Ok(digest.unwrap_or_default())
}

/// Take custodians' contributions; with a quorum of them, the domain is opened and the HSM is
/// active. The exit code is 1 if any contribution was refused
#[derive(clap::Args)]
#[command(after_help = ADD_EXAMPLE)]
pub struct AddArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The contributions
    #[arg(required = true, value_name = "CONTRIBUTION")]
    contributions: Vec<PathBuf>,
}

pub fn add(args: &AddArgs) -> Outcome<Report> {
    let mut device = Device::open(&args.at.hsm)?;
    let path = device.sealed_path();
    let mut vault = vault();
    let mut domain = match device.start(&mut vault)? {
        AnyDomain::Recovering(domain) => domain,
        // The power failed after the last share was added.
        AnyDomain::QuorumMet(domain) => {
            let bytes = input::read(&path)?;
            let text = open(domain, &parse(&path, &bytes)?, &mut device)?;
            return Ok(Report::text(text));
        }
        other => return Err(not_in_state(&device, &other, "recovering a sealed domain")),
    };
    let bytes = input::read(&path)?;
    let sealed = parse(&path, &bytes)?;
    let (mut text, mut refused) = (String::new(), Vec::new());
    let progress = Progress::show("opening contributions");
    for contribution in &args.contributions {
        match add_one(&mut domain, &sealed, contribution, &mut device)? {
            Ok(line) => text += &line,
            Err(refusal) => refused.push(refusal.to_string()),
        }
        progress.tick();
    }
    drop(progress);
    if let Ok(domain) = domain.quorum() {
        text += &open(domain, &sealed, &mut device)?;
    }
    if text.is_empty() {
        return Err(Refusal::new(refused.join("; ")));
    }
    Ok(Report {
        refused_in_part: !refused.is_empty(),
        notes: refused,
        ..Report::text(text)
    })
}

/// Adds one contribution; the inner refusal concerns only this one.
fn add_one(
    domain: &mut Domain<'_, Recovering, ROOM>,
    sealed: &SealedDomain<'_>,
    path: &Path,
    device: &mut Device,
) -> Outcome<Outcome<String>> {
    let bytes = match input::read(path) {
        Ok(bytes) => bytes,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let contribution = match Contribution::parse(&bytes) {
        Ok(contribution) => contribution,
        Err(error) => {
            return Ok(Err(kind::refusal(
                path,
                &bytes,
                &FileKind::Contribution,
                error,
            )));
        }
    };
    let what = match domain.add(sealed, &contribution, device) {
        Ok(Added::New) => "contributed",
        Ok(Added::Already) => "has already contributed",
        Err(error @ LifecycleError::Contribution(_)) => return Ok(Err(Refusal::file(path, error))),
        Err(error) => return Err(device.refusal(error)),
    };
    let mut custodians = sealed.header().custodians();
    let author = custodians.find(|custodian| custodian.index == contribution.index());
    Ok(Ok(format!(
        "{}: custodian {} {what}; {} of {} shares\n",
        show::path(path),
        author
            .map(|custodian| custodian.id.to_string())
            .unwrap_or_default(),
        domain.contributors().count(),
        domain.needed(),
    )))
}

/// Opens the domain with a quorum's shares, and describes it. If that fails, the session continues.
fn open(
    domain: Domain<'_, QuorumMet, ROOM>,
    sealed: &SealedDomain<'_>,
    device: &mut Device,
) -> Outcome<String> {
    let domain = domain
        .open(sealed, device)
        .map_err(|error| device.refusal(error))?;
    Ok(opened(&domain, sealed))
}

/// Returns what the operator compares with their notes.
pub fn opened(domain: &Domain<'_, Active, ROOM>, sealed: &SealedDomain<'_>) -> String {
    let header = sealed.header();
    format!(
        "{}\ndomain-id {}\nheader-digest {}\n",
        domain.status().stage,
        header.domain_id(),
        header.digest()
    )
}

/// Reads a sealed domain.
pub fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Outcome<SealedDomain<'a>> {
    SealedDomain::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::SealedDomain, error))
}

/// End a recovery or an import: its transfer key and everything gathered are wiped
#[derive(clap::Args)]
#[command(after_help = CANCEL_EXAMPLE)]
pub struct CancelArgs {
    #[command(flatten)]
    at: HsmArg,
}

pub fn cancel(args: &CancelArgs) -> Outcome<Report> {
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let cancelled = match device.start(&mut vault)? {
        AnyDomain::Recovering(domain) => domain.cancel(&mut device),
        AnyDomain::QuorumMet(domain) => domain.cancel(&mut device),
        AnyDomain::Importing(domain) => domain.cancel(&mut device),
        AnyDomain::Imported(domain) => domain.cancel(&mut device),
        other => return Err(not_in_state(&device, &other, "recovering or imported")),
    };
    let domain = cancelled.map_err(|error| device.refusal(error))?;
    device.forget_sealed();
    Ok(Report::text(format!("{}\n", domain.status().stage)))
}
