// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm review`: records what asks for a review, and that a review was held.

use security_domain::custody::{Cause, Concern, Fact, Review};
use serde_json::json;

use super::HsmArg;
use super::fact::{DetailArg, add, report, started};
use crate::ledger::cause;
use crate::report::{JsonArg, Outcome, Report};

const EXAMPLE: &str = "Example:
  secdom hsm review --hsm hsm-1 --event member-left --detail 'Ann left'
  secdom hsm review --hsm hsm-1 --event member-left --close \\
      --detail 'quorum rotated to epoch 2'

Without --close the event asks for a review. With it the review of this event was held, and nothing that \
came before asks for one.";

/// Record an event that asks for a review of the quorum; or, with --close, that it was held
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// What asks for the review
    #[arg(long, value_name = "EVENT")]
    event: Why,
    /// The review was held
    #[arg(long)]
    close: bool,
    #[command(flatten)]
    detail: DetailArg,
    #[command(flatten)]
    json: JsonArg,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Why {
    /// Its time has come
    Due,
    /// A custodian has left
    MemberLeft,
    /// There is a new threat
    NewThreat,
    /// The process has changed
    ProcessChange,
    /// A device was lost or may be compromised
    DeviceLost,
}

impl Why {
    const fn of(self) -> Cause {
        match self {
            Self::Due => Cause::Due,
            Self::MemberLeft => Cause::MemberLeft,
            Self::NewThreat => Cause::NewThreat,
            Self::ProcessChange => Cause::ProcessChange,
            Self::DeviceLost => Cause::DeviceLost,
        }
    }
}

pub fn run(args: &Args) -> Outcome<Report> {
    let (why, detail) = (args.event.of(), args.detail.read()?);
    let mut device = started(&args.at)?;
    let (fact, says) = match args.close {
        true => {
            let review = Review {
                cause: why,
                act: None,
                detail,
            };
            (Fact::Review(review), "a review was held")
        }
        false => (
            Fact::Concern(Concern { cause: why, detail }),
            "asks for a review",
        ),
    };
    let number = add(&mut device, &fact)?;
    let object = json!({ "event": cause(why), "closed": args.close });
    let says = format!("{says}: {why}");
    Ok(report(number, &says, object, &args.json))
}
