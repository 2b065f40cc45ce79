// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm handoff`: records that a person takes a custodian's token, and signs for it.

use ed25519_dalek::Signer;
use security_domain::custody::{Fact, HandOff, Name};
use security_domain::lifecycle::VerifyKey;
use serde_json::json;

use super::fact::{CustodianArg, add, report, started};
use super::{HsmArg, without};
use crate::key::SigningArgs;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, show};

const EXAMPLE: &str = "Example:
  secdom hsm handoff --hsm hsm-1 --custodian A.cer --taker Ann --key ann.key

The taker's key signs that he has the token. It is his own, and not the key in the token: \
openssl genpkey -algorithm ed25519 -aes256 -out ann.key makes one. \
Who had the token before may still know the share: only a rotation makes the shares anew.";

/// Record that a person takes a custodian's token: the person signs for it
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    #[command(flatten)]
    custodian: CustodianArg,
    /// The name of the person, at most 64 bytes
    #[arg(long, value_name = "NAME")]
    taker: String,
    #[command(flatten)]
    key: SigningArgs,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let taker = Name::new(&args.taker);
    let taker = taker.map_err(|error| Refusal::new(format!("--taker: {error}")))?;
    let key = args.key.read()?;
    let public = VerifyKey::new(&key.verifying_key().to_bytes());
    let public = public.ok_or_else(|| Refusal::file(&args.key.path, "is a weak key"))?;

    let mut device = started(&args.at)?;
    let custodian = args.custodian.read(&device)?;
    let log = &device.kept().log;
    let (instance, after) = (log.instance(), log.last_hand_off());
    let instance = instance.ok_or_else(|| without(&device, "log"))?;
    let mut hand_off = HandOff {
        custodian,
        taker,
        key: public,
        signed: clock::unix(),
        after,
        signature: [0; 64],
    };
    hand_off.signature = key.sign(&hand_off.digest(instance)).to_bytes();
    let number = add(&mut device, &Fact::HandOff(hand_off))?;

    let (name, public) = (taker.as_str(), show::hex(public.as_bytes()));
    let says = format!(
        "{} takes the token of custodian {custodian}; taker-key {public}",
        show::whole(name)
    );
    let object = json!({ "custodian": custodian.to_string(), "taker": name, "taker_key": public });
    Ok(report(number, &says, object, &args.json))
}
