// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom rotate approve` and `prove`: take what the present custodians and the next ones answer.

use std::path::{Path, PathBuf};

use security_domain::contribution::Contribution;
use security_domain::custodian::CustodianId;
use security_domain::drill::{Challenge, Response};
use security_domain::lifecycle::{Added, LifecycleError, RotationError, RotationStatus};
use security_domain::quorum::ShareIndex;
use security_domain::sealed_domain::SealedDomain;
use serde_json::json;

use super::{BEGINS, in_json, over, rotating, with_pending};
use crate::hsm::device::Device;
use crate::hsm::recover::parse;
use crate::hsm::{HsmArg, vault};
use crate::kind::{self, FileKind};
use crate::names::{CertsArg, Names};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{input, show};

const APPROVE_EXAMPLE: &str = "Example:
  secdom rotate approve --hsm hsm-1 from-ada from-bob

The contributions are what `secdom contribute` wrote for the request of the proposal, with the PRESENT file and the present keys.";

const PROVE_EXAMPLE: &str = "Example:
  secdom rotate prove --hsm hsm-1 response-of-dan response-of-eve

The responses are what `secdom drill respond` wrote for this HSM's challenge, with the PENDING file and the next keys.";

/// Take present custodians' contributions: they consent to the proposed quorum. The exit code is 1 if
/// any was refused
#[derive(clap::Args)]
#[command(after_help = APPROVE_EXAMPLE)]
pub struct ApproveArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The contributions
    #[arg(required = true, value_name = "CONTRIBUTION")]
    contributions: Vec<PathBuf>,
    #[command(flatten)]
    certs: CertsArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn approve(args: &ApproveArgs) -> Outcome<Report> {
    let names = args.certs.read()?;
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let mut domain = rotating(&mut device, &mut vault)?;
    let path = device.sealed_path();
    let bytes = input::read(&path)?;
    let current = parse(&path, &bytes)?;
    let mut answers = Answers::new("consents", "has already consented");
    for path in &args.contributions {
        let read = input::read(path).and_then(|bytes| {
            let parsed = Contribution::parse(&bytes);
            let contribution = parsed
                .map_err(|error| kind::refusal(path, &bytes, &FileKind::Contribution, error))?;
            let added = domain.consent(&current, &contribution, &mut device);
            Ok((contribution.index(), added))
        });
        let (index, added) = match read {
            Ok((index, Ok(added))) => (index, added),
            Ok((_, Err(error @ LifecycleError::Contribution(_)))) => {
                answers.refuse(Refusal::file(path, error));
                continue;
            }
            // The HSM failed, and not the answer. What it has taken so far is reported.
            Ok((_, Err(error))) => {
                answers.refuse(device.refusal(error));
                break;
            }
            Err(refusal) => {
                answers.refuse(refusal);
                continue;
            }
        };
        answers.take(path, author(&current, index, &device)?, added, &names);
    }
    answers.report(domain.rotation(), &device, &args.json)
}

/// Take next custodians' responses to the challenge: they have their keys and their shares. The exit
/// code is 1 if any was refused
#[derive(clap::Args)]
#[command(after_help = PROVE_EXAMPLE)]
pub struct ProveArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The responses
    #[arg(required = true, value_name = "RESPONSE")]
    responses: Vec<PathBuf>,
    #[command(flatten)]
    certs: CertsArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn prove(args: &ProveArgs) -> Outcome<Report> {
    let names = args.certs.read()?;
    let mut device = Device::open_begun(&args.at.hsm, BEGINS)?;
    let mut vault = vault();
    let mut domain = rotating(&mut device, &mut vault)?;
    let kept = device.challenge_path();
    if !kept.exists() {
        let reason = "the HSM has made no challenge; run `secdom rotate challenge` first";
        return Err(Refusal::file(device.folder(), reason));
    }
    let bytes = input::read(&kept)?;
    let challenge = Challenge::parse(&bytes)
        .map_err(|error| kind::refusal(&kept, &bytes, &FileKind::Challenge, error))?;
    let mut answers = Answers::new("key and share", "has already responded");
    with_pending(&mut device, None, |device, pending| {
        for path in &args.responses {
            let read = input::read(path).and_then(|bytes| {
                let parsed = Response::parse(&bytes);
                let response = parsed
                    .map_err(|error| kind::refusal(path, &bytes, &FileKind::Response, error))?;
                let added = domain.prove(pending, &challenge, &response, device);
                Ok((response.index(), added))
            });
            let (index, added) = match read {
                Ok((index, Ok(added))) => (index, added),
                Ok((_, Err(LifecycleError::Rotation(error)))) if is_of_one(&error) => {
                    answers.refuse(Refusal::file(path, error));
                    continue;
                }
                // As for consents.
                Ok((_, Err(error))) => {
                    answers.refuse(device.refusal(error));
                    break;
                }
                Err(refusal) => {
                    answers.refuse(refusal);
                    continue;
                }
            };
            answers.take(path, author(pending, index, device)?, added, &names);
        }
        Ok(())
    })?;
    answers.report(domain.rotation(), &device, &args.json)
}

/// Whether the error concerns one response only.
fn is_of_one(error: &RotationError) -> bool {
    matches!(
        error,
        RotationError::Response(_) | RotationError::ShareKnownOnly(_)
    )
}

/// Returns the custodian whose share has this index.
fn author(file: &SealedDomain<'_>, index: ShareIndex, device: &Device) -> Outcome<CustodianId> {
    let mut custodians = file.header().custodians();
    let author = custodians.find(|custodian| custodian.index == index);
    let none = || Refusal::file(device.folder(), "the file has no custodian of the answer");
    Ok(author.ok_or_else(none)?.id)
}

/// What became of the answers.
struct Answers {
    done: &'static str,
    again: &'static str,
    text: String,
    taken: Vec<serde_json::Value>,
    refused: Vec<String>,
}

impl Answers {
    fn new(done: &'static str, again: &'static str) -> Self {
        Self {
            done,
            again,
            text: String::new(),
            taken: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn take(&mut self, path: &Path, custodian: CustodianId, added: Added, names: &Names) {
        let file = show::path(path);
        let what = match added {
            Added::New => self.done,
            Added::Already => self.again,
        };
        let name = names.show(custodian);
        self.text += &format!("{file}: custodian {name}: {what}\n");
        self.taken.push(json!({
            "file": file,
            "custodian": custodian.to_string(),
            "subject": names.subject(custodian),
            "new": added == Added::New,
        }));
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.refused.push(refusal.to_string());
    }

    fn report(
        mut self,
        rotation: Option<RotationStatus>,
        device: &Device,
        json: &JsonArg,
    ) -> Outcome<Report> {
        if self.taken.is_empty() {
            return Err(Refusal::new(self.refused.join("; ")));
        }
        let rotation = rotation.ok_or_else(|| over(device))?;
        let mut object = in_json(&rotation);
        object["answers"] = json!(self.taken);
        object["refused"] = json!(self.refused);
        let (have, need) = (rotation.consents, rotation.consents_needed);
        self.text += &format!("consents {have} of {need}\n");
        let (have, need) = (rotation.proofs, rotation.proofs_needed);
        self.text += &format!("proofs {have} of {need}\n");
        Ok(Report {
            refused_in_part: !self.refused.is_empty(),
            notes: self.refused,
            ..Report::text(json.either(self.text, &object))
        })
    }
}
