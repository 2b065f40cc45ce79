// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm demand`, `ask`, `emit` and `drop-demands`: acts that need a quorum's approval.

use std::num::NonZeroU64;
use std::path::PathBuf;

use security_domain::approval::{Act, ActDigest, ActKind, Approval, Approvals, Approved};
use security_domain::lifecycle::AnyDomain;
use security_domain::sealed_domain::ExpectedDomain;
use serde_json::json;

use super::device::Device;
use super::recover::parse;
use super::{HsmArg, ROOM, in_use, not_in_state, vault};
use crate::kind::{self, FileKind};
use crate::output::{self, Access, Content, Target};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, input};

const EXAMPLE: &str = "Example:
  secdom hsm demand --hsm hsm-1 full-backup

Only a quorum can take it back: hsm ask drop-demands, then hsm drop-demands.";

const ASK_EXAMPLE: &str = "Example:
  secdom hsm ask --hsm hsm-1 full-backup --out act

Send the act to the custodians. Each runs `secdom approve` with the sealed file and his key. A new act makes the one before \
void.";

const EMIT_EXAMPLE: &str = "Example:
  secdom hsm emit --hsm hsm-1 --sealed domain.sealed \\
      approval-of-ada approval-of-bob";

const DROP_EXAMPLE: &str = "Example:
  secdom hsm drop-demands --hsm hsm-1 approval-of-ada approval-of-bob";

/// What needs approval.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Write the complete sealed file again
    EmitRelease,
    /// Write a full backup
    FullBackup,
    /// Demand approvals no longer
    DropDemands,
}

impl What {
    const ALL: [Self; 3] = [Self::EmitRelease, Self::FullBackup, Self::DropDemands];

    const fn kind(self) -> ActKind {
        match self {
            Self::EmitRelease => ActKind::EmitRelease,
            Self::FullBackup => ActKind::FullBackup,
            Self::DropDemands => ActKind::DropDemands,
        }
    }
}

/// Demand a quorum's approval for acts of a kind from now on
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The acts
    #[arg(value_name = "WHAT")]
    what: What,
    #[command(flatten)]
    json: JsonArg,
}

pub fn demand(args: &Args) -> Outcome<Report> {
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let mut start = device.start(&mut vault)?;
    let kind = args.what.kind();
    let demanded = in_use!(device, &mut start, domain => domain.demand_approval(kind, &mut device));
    demanded.map_err(|error| device.refusal(error))?;
    Ok(demands(&start, &args.json))
}

/// Ask the custodians to approve one act: write it
#[derive(clap::Args)]
#[command(after_help = ASK_EXAMPLE)]
pub struct AskArgs {
    #[command(flatten)]
    at: HsmArg,
    /// What the HSM is to do
    #[arg(value_name = "WHAT")]
    what: What,
    /// The act to write; - writes to standard output
    #[arg(long, value_name = "ACT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
    /// After how many seconds the act expires; by default, never
    #[arg(long, value_name = "SECONDS")]
    expires: Option<NonZeroU64>,
}

pub fn ask(args: &AskArgs) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Binary, &args.json)?;
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let mut start = device.start(&mut vault)?;
    let path = device.sealed_path();
    let bytes = input::read(&path)?;
    let current = parse(&path, &bytes)?;
    let (kind, lifetime) = (args.what.kind(), args.expires);
    let mut act = [0; Act::MAX_LEN];
    let asked = in_use!(device, &mut start, domain => {
        domain.ask_approval(&current, kind, lifetime, &mut device, &mut act)
    });
    let len = asked.map_err(|error| device.refusal(error))?;
    device.keep_act(&act[..len])?;
    let output = target.write(Access::Everyone, &act[..len])?;
    let digest = match shown(&start) {
        (_, Some((_, digest))) => digest.to_string(),
        _ => return Err(super::without(&device, "act")),
    };
    let file = target.shown();
    let text = format!("{file}: act {digest}: {kind}\n");
    let object = json!({ "file": file, "act_digest": digest, "kind": kind.to_string() });
    Ok(Report::about(output, args.json.either(text, &object)))
}

/// Write the HSM's complete sealed file again: a quorum has approved it
#[derive(clap::Args)]
#[command(after_help = EMIT_EXAMPLE)]
pub struct EmitArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The sealed domain to write
    #[arg(long, value_name = "OUT")]
    sealed: PathBuf,
    /// Approvals of the act that hsm ask wrote
    #[arg(required = true, value_name = "APPROVAL")]
    approvals: Vec<PathBuf>,
    #[command(flatten)]
    json: JsonArg,
}

pub fn emit(args: &EmitArgs) -> Outcome<Report> {
    output::must_be_free(&args.sealed)?;
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let mut start = device.start(&mut vault)?;
    let mut stream = output::stream(&args.sealed, Access::Owner)?;
    let approved = approved(&device, &args.approvals)?;
    let path = device.sealed_path();
    let bytes = input::read(&path)?;
    let stored = parse(&path, &bytes)?;
    let parts = in_use!(device, &mut start, domain => {
        domain.complete_approved(&stored, approved, &mut device)
    });
    let file = parts.map_err(|error| device.refusal(error))?.concat();
    stream.write(&file)?;
    let output = stream.finish()?.publish()?;
    let digest = stored.header().digest().to_string();
    let text = format!("header-digest {digest}\n");
    let object = json!({ "header_digest": digest });
    Ok(Report::written([output], args.json.either(text, &object)))
}

/// Demand approvals no longer: a quorum has approved it
#[derive(clap::Args)]
#[command(after_help = DROP_EXAMPLE)]
pub struct DropArgs {
    #[command(flatten)]
    at: HsmArg,
    /// Approvals of the act that hsm ask wrote
    #[arg(required = true, value_name = "APPROVAL")]
    approvals: Vec<PathBuf>,
    #[command(flatten)]
    json: JsonArg,
}

pub fn drop(args: &DropArgs) -> Outcome<Report> {
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let mut start = device.start(&mut vault)?;
    let approved = approved(&device, &args.approvals)?;
    let dropped = in_use!(device, &mut start, domain => domain.drop_demands(approved, &mut device));
    dropped.map_err(|error| device.refusal(error))?;
    Ok(demands(&start, &args.json))
}

/// Collects approvals of the act that the HSM has kept.
pub fn approved(device: &Device, approvals: &[PathBuf]) -> Outcome<Approved> {
    let (kept, path) = (device.act_path(), device.sealed_path());
    if !kept.exists() {
        let reason = "no act of this HSM waits for approval; run hsm ask first";
        return Err(Refusal::file(device.folder(), reason));
    }
    let act = input::read(&kept)?;
    let act =
        Act::parse(&act).map_err(|error| kind::refusal(&kept, &act, &FileKind::Act, error))?;
    let bytes = input::read(&path)?;
    let current = parse(&path, &bytes)?;
    let header = current.header();
    // What the HSM compares is the digest of its own act, which names domain, epoch and header.
    let expect = ExpectedDomain::header(header.domain_id(), header.epoch(), header.digest());
    let mut collected =
        Approvals::new(&current, &expect, &act).map_err(|error| Refusal::file(&kept, error))?;
    let now = clock::unix();
    for path in approvals {
        let bytes = input::read(path)?;
        let approval = Approval::parse(&bytes)
            .map_err(|error| kind::refusal(path, &bytes, &FileKind::Approval, error))?;
        let added = collected.add(&approval, now);
        added.map_err(|error| Refusal::file(path, error))?;
    }
    let enough = collected.enough(now);
    enough.map_err(|error| Refusal::file(device.folder(), error))
}

/// Returns for which acts the HSM demands approval, and which act waits for it.
pub fn shown(start: &AnyDomain<'_, ROOM>) -> (Vec<String>, Option<(ActKind, ActDigest)>) {
    macro_rules! of {
        ($domain:ident) => {
            (
                { What::ALL.iter() }
                    .map(|what| what.kind())
                    .filter(|kind| $domain.demands_approval(*kind))
                    .map(|kind| kind.to_string())
                    .collect(),
                $domain.open_act(),
            )
        };
    }
    match start {
        AnyDomain::Active(domain) => of!(domain),
        AnyDomain::Rotating(domain) => of!(domain),
        AnyDomain::Committed(domain) => of!(domain),
        _ => (Vec::new(), None),
    }
}

/// Reports which acts need approval now.
fn demands(start: &AnyDomain<'_, ROOM>, json: &JsonArg) -> Report {
    let (demands, _) = shown(start);
    let text = match demands.is_empty() {
        true => "no act needs approval\n".into(),
        false => format!("a quorum must approve to {}\n", demands.join(", and to ")),
    };
    Report::text(json.either(text, &json!({ "demands": demands })))
}
