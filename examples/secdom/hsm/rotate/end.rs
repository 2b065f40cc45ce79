// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom rotate commit`, `confirm` and `abandon`: end a change of the quorum.

use std::path::PathBuf;

use security_domain::lifecycle::{AnyDomain, Committed, Domain};
use serde_json::json;

use super::{BEGINS, with_pending};
use crate::hsm::device::Device;
use crate::hsm::recover::parse;
use crate::hsm::{HsmArg, ROOM, not_in_state, state, vault};
use crate::input;
use crate::output::{self, Access};
use crate::report::{JsonArg, Outcome, Refusal, Report};

const COMMIT_EXAMPLE: &str = "Example:
  secdom rotate commit --hsm hsm-1 --sealed next.sealed

Store the file durably, read it back, and confirm it. Until then the present epoch stays valid. If this is interrupted, run it \
again: it writes the file once more. From here on the rotation cannot be abandoned.";

const CONFIRM_EXAMPLE: &str = "Example:
  secdom rotate confirm --hsm hsm-1 --sealed next.sealed

Give the copy that is stored, not the one that was just written. Then the other HSMs of the domain take it with hsm adopt.";

const ABANDON_EXAMPLE: &str = "Example:
  secdom rotate abandon --hsm hsm-1

Nobody can ever open the pending file then.";

/// Write the complete file of the next epoch: the present quorum has consented, and the next
/// custodians have proven that they can use it
#[derive(clap::Args)]
#[command(after_help = COMMIT_EXAMPLE)]
pub struct CommitArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The complete file to write
    #[arg(long, value_name = "FINAL")]
    sealed: PathBuf,
    #[command(flatten)]
    json: JsonArg,
    /// A copy of the pending file, if the one that is kept beside the HSM is lost
    #[arg(long, value_name = "PENDING")]
    pending: Option<PathBuf>,
}

pub fn commit(args: &CommitArgs) -> Outcome<Report> {
    output::must_be_free(&args.sealed)?;
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let start = device.start(&mut vault)?;
    let mut stream = output::stream(&args.sealed, Access::Owner)?;
    let pending = args.pending.clone();
    let (file, digest, epoch) = with_pending(&mut device, pending, |device, pending| {
        let domain: Domain<'_, Committed, ROOM> = match start {
            AnyDomain::Rotating(domain) => {
                let committed = domain.commit(pending, device);
                committed.map_err(|refused| device.refusal(refused))?
            }
            // This command was interrupted before, or the file is wanted once more.
            AnyDomain::Committed(domain) => domain,
            other => return Err(not_in_state(device, &other, "rotating")),
        };
        let parts = domain.complete_next(pending, device);
        let file = parts.map_err(|error| device.refusal(error))?.concat();
        let header = pending.header();
        Ok((file, header.digest(), header.epoch()))
    })?;
    stream.write(&file)?;
    let output = stream.finish()?.publish()?;
    let text = format!("next-epoch {epoch}\nnext-header {digest}\n");
    let object = json!({ "epoch": epoch.get(), "header_digest": digest.to_string() });
    Ok(Report::written([output], args.json.either(text, &object)))
}

/// Make the next epoch the valid one, with its complete file as read back from where it is stored
#[derive(clap::Args)]
#[command(after_help = CONFIRM_EXAMPLE)]
pub struct ConfirmArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The complete file, as stored
    #[arg(long, value_name = "FINAL")]
    sealed: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn confirm(args: &ConfirmArgs) -> Outcome<Report> {
    let bytes = input::read(&args.sealed)?;
    let stored = parse(&args.sealed, &bytes)?;
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let header = stored.header();
    let status = match device.start(&mut vault)? {
        AnyDomain::Committed(domain) => {
            let confirmed = domain.confirm(&stored, &mut device);
            confirmed
                .map_err(|refused| device.refusal(refused))?
                .status()
        }
        // This command was interrupted before.
        AnyDomain::Active(domain) if domain.status().header == Some(header.digest()) => {
            if stored.is_pending() || stored.changed().next().is_some() {
                let reason = "is not the complete file of this epoch";
                return Err(Refusal::file(&args.sealed, reason));
            }
            domain.status()
        }
        other => return Err(not_in_state(&device, &other, "committed")),
    };
    device.keep_sealed(&stored)?;
    device.forget_rotation();
    let (stage, epoch, digest) = (status.stage, header.epoch(), header.digest());
    let text = format!("{stage}\nepoch {epoch}\nheader-digest {digest}\n");
    let object = json!({
        "state": stage.to_string(),
        "epoch": epoch.get(),
        "header_digest": digest.to_string(),
    });
    Ok(Report::text(args.json.either(text, &object)))
}

/// Abandon the proposed quorum: nobody can ever open its pending file
#[derive(clap::Args)]
#[command(after_help = ABANDON_EXAMPLE)]
pub struct AbandonArgs {
    #[command(flatten)]
    at: HsmArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn abandon(args: &AbandonArgs) -> Outcome<Report> {
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let domain = super::rotating(&mut device, &mut vault)?;
    let abandoned = domain.abandon(&mut device);
    let domain = abandoned.map_err(|refused| device.refusal(refused))?;
    device.forget_rotation();
    Ok(state(domain.status().stage, &args.json))
}
