// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm report-lost`: records that a custodian's key is lost, or that a loss is over.

use security_domain::custody::{Closed, Fact, Loss, LossKind};
use serde_json::json;

use super::HsmArg;
use super::fact::{CustodianArg, DetailArg, add, report, started};
use crate::ledger::loss_kind;
use crate::report::{JsonArg, Outcome, Report};

const EXAMPLE: &str = "Example:
  secdom hsm report-lost --hsm hsm-1 --custodian A.cer --kind lost
  secdom hsm report-lost --hsm hsm-1 --closes 12 --detail 'found in safe 2'

A loss asks for a review. Close it when the key was found, or when a rotation has replaced the custodian: \
--closes takes the number of the record of the loss.";

/// Record that a custodian's key is lost, destroyed or known to others; or that it was found
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    #[command(flatten)]
    custodian: Option<CustodianArg>,
    /// What happened to the key
    #[arg(
        long,
        value_name = "KIND",
        required_unless_present = "closes",
        requires = "custodian"
    )]
    kind: Option<Kind>,
    /// The number of the record of a loss that is over
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["kind", "custodian"])]
    closes: Option<u32>,
    #[command(flatten)]
    detail: DetailArg,
    #[command(flatten)]
    json: JsonArg,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// It cannot be found
    Lost,
    /// It no longer works
    Destroyed,
    /// Another person may have used or copied it
    Compromised,
}

impl Kind {
    const fn of(self) -> LossKind {
        match self {
            Self::Lost => LossKind::Lost,
            Self::Destroyed => LossKind::Destroyed,
            Self::Compromised => LossKind::Compromised,
        }
    }
}

pub fn run(args: &Args) -> Outcome<Report> {
    let detail = args.detail.read()?;
    let mut device = started(&args.at)?;
    if let (Some(custodian), Some(kind)) = (&args.custodian, args.kind) {
        let (custodian, kind) = (custodian.read(&device)?, kind.of());
        let number = add(
            &mut device,
            &Fact::Loss(Loss {
                custodian,
                kind,
                detail,
            }),
        )?;
        let word = loss_kind(kind);
        let says = format!("the key of custodian {custodian}: {word}");
        let object = json!({ "custodian": custodian.to_string(), "kind": word });
        return Ok(report(number, &says, object, &args.json));
    }
    let loss = args.closes.unwrap_or_default();
    let number = add(&mut device, &Fact::Closed(Closed { loss, detail }))?;
    let says = format!("the loss in record {loss} is over");
    Ok(report(number, &says, json!({ "loss": loss }), &args.json))
}
