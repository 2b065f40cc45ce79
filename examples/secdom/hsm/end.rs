// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm zeroize` and `discard`: destroy what the HSM holds.

use security_domain::lifecycle::Stage;

use super::device::Device;
use super::{HsmArg, state, vault};
use crate::report::{JsonArg, Outcome, Report};

const ZEROIZE_EXAMPLE: &str = "Example:
  secdom hsm zeroize --hsm hsm-1

A domain that was not sealed to custodians is lost for good.";

const DISCARD_EXAMPLE: &str = "Example:
  secdom hsm discard --hsm hsm-1

For a state that every other verb refuses as damaged, missing or rolled back.";

/// Destroy every secret of the HSM, which is empty afterwards
#[derive(clap::Args)]
#[command(after_help = ZEROIZE_EXAMPLE)]
pub struct ZeroizeArgs {
    #[command(flatten)]
    at: HsmArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn zeroize(args: &ZeroizeArgs) -> Outcome<Report> {
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let domain = device.start(&mut vault)?.zeroize(&mut device);
    let domain = domain.map_err(|error| device.refusal(error))?;
    let stage = domain.status().stage;
    device.forget_session();
    Ok(state(stage, &args.json))
}

/// Destroy a state that the HSM refuses to start from, and leave the HSM empty
#[derive(clap::Args)]
#[command(after_help = DISCARD_EXAMPLE)]
pub struct DiscardArgs {
    #[command(flatten)]
    at: HsmArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn discard(args: &DiscardArgs) -> Outcome<Report> {
    let mut device = Device::open(&args.at.hsm)?;
    let discarded = vault().discard(&mut device);
    discarded.map_err(|error| device.refusal(error))?;
    device.forget_session();
    Ok(state(Stage::Empty, &args.json))
}
