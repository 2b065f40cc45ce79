// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom rotate break-glass` and `veto`: a rotation without the present quorum's consent, and the
//! custodian who stops it.

use std::path::PathBuf;

use security_domain::approval::{Act, Approval};
use security_domain::lifecycle::Reason;
use serde_json::json;

use super::{BEGINS, over, rotating};
use crate::hsm::device::Device;
use crate::hsm::recover::parse;
use crate::hsm::{HsmArg, state, vault};
use crate::kind::{self, FileKind};
use crate::output::{Access, Content, Target};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, input};

const EXAMPLE: &str = "Example:
  secdom rotate break-glass --hsm hsm-1 --reason \"two have left\" \\
      --out veto-act

Send the act to every present custodian at once: one who runs `secdom approve` with it, the PRESENT file and his key vetoes the \
rotation. It prints from when on `rotate commit` needs no consent. Run it again for another copy of the act.";

const VETO_EXAMPLE: &str = "Example:
  secdom rotate veto --hsm hsm-1 veto-of-ada

Nobody can ever open the pending file then.";

/// Do without the present quorum's consent, after the delay that the present file names; each present
/// custodian can veto it
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// Why, for the log: at most 64 bytes
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The act to write that a custodian approves to veto; - writes to standard output
    #[arg(long, value_name = "ACT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn break_glass(args: &Args) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Binary, &args.json)?;
    let reason = Reason::new(&args.reason);
    let reason = reason.map_err(|error| Refusal::new(format!("--reason: {error}")))?;
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let mut domain = rotating(&mut device, &mut vault)?;
    let path = device.sealed_path();
    let bytes = input::read(&path)?;
    let current = parse(&path, &bytes)?;
    let broken = domain.break_glass(&current, reason, &mut device);
    broken.map_err(|error| device.refusal(error))?;
    let mut act = [0; Act::MAX_LEN];
    let written = domain.veto_act(&current, &mut act);
    let len = written.map_err(|error| device.refusal(error))?;
    let output = target.write(Access::Everyone, &act[..len])?;
    let opens = domain.rotation().and_then(|rotation| rotation.opens);
    let opens = clock::shown(opens.ok_or_else(|| over(&device))?.get());
    let file = target.shown();
    let text = format!("opens {opens}\n{file}: the act of a veto\n");
    let object = json!({ "opens": opens, "file": file });
    Ok(Report {
        // It stays even if the report cannot be printed: the delay has begun.
        outputs: Vec::new(),
        ..Report::about(output, args.json.either(text, &object))
    })
}

/// Abandon the rotation, because a present custodian vetoes the break-glass
#[derive(clap::Args)]
#[command(after_help = VETO_EXAMPLE)]
pub struct VetoArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The custodian's approval of the act that rotate break-glass wrote
    #[arg(value_name = "APPROVAL")]
    approval: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn veto(args: &VetoArgs) -> Outcome<Report> {
    let path = &args.approval;
    let bytes = input::read(path)?;
    let approval = Approval::parse(&bytes)
        .map_err(|error| kind::refusal(path, &bytes, &FileKind::Approval, error))?;
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let domain = rotating(&mut device, &mut vault)?;
    let kept = device.sealed_path();
    let bytes = input::read(&kept)?;
    let vetoed = domain.veto(&parse(&kept, &bytes)?, &approval, &mut device);
    let domain = vetoed.map_err(|refused| {
        device
            .failed()
            .unwrap_or_else(|| Refusal::file(path, refused.error))
    })?;
    device.forget_rotation();
    Ok(state(domain.status().stage, &args.json))
}
