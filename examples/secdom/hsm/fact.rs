// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators and custodians report to the log of a simulated HSM.

use std::path::{Path, PathBuf};

use security_domain::custodian::{CustodianId, Recipient};
use security_domain::custody::{Body, Detail, DrillResult, Fact, MAX_RECORD_LEN};
use security_domain::drill::{Answered, ChallengeDigest};
use security_domain::lifecycle::Status;
use security_domain::sealed_domain::DomainId;
use serde_json::{Value, json};

use super::device::Device;
use super::recover::parse;
use super::{HsmArg, vault, without};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, input, recipients};

/// A custodian of the HSM's domain.
#[derive(clap::Args)]
pub struct CustodianArg {
    /// The custodian: his id, or his certificate or public key; CER+PUB for one who needs two keys
    #[arg(long, value_name = "ID|CER")]
    custodian: PathBuf,
}

#[derive(clap::Args)]
pub struct DetailArg {
    /// More of it, at most 256 bytes
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    detail: String,
}

impl DetailArg {
    pub fn read(&self) -> Outcome<Detail<'_>> {
        Detail::new(&self.detail).map_err(|error| Refusal::new(format!("--detail: {error}")))
    }
}

impl CustodianArg {
    /// Returns the custodian, who must be one of the domain that the HSM is sealed to, or of its
    /// next quorum.
    pub fn read(&self, device: &Device) -> Outcome<CustodianId> {
        let id = self.custodian.to_str().and_then(|id| id.parse().ok());
        let id = match id {
            Some(id) => id,
            None => {
                let (keys, _) = recipients::read(std::slice::from_ref(&self.custodian))?;
                let key = keys.first().map(Recipient::id);
                key.ok_or_else(|| Refusal::file(&self.custodian, "holds no key"))?
            }
        };
        let kept = [device.sealed_path(), device.pending_path()];
        let kept: Vec<_> = kept.iter().filter(|path| path.exists()).collect();
        let mut known = false;
        for path in &kept {
            let bytes = input::read(path)?;
            let sealed = parse(path, &bytes)?;
            known |= { sealed.header().custodians() }.any(|custodian| custodian.id == id);
        }
        match known || kept.is_empty() {
            true => Ok(id),
            false => Err(Refusal::file(
                device.folder(),
                format!("--custodian: {id} is not a custodian of the HSM's domain"),
            )),
        }
    }
}

/// Opens and starts the HSM, which must have a log.
pub fn started(at: &HsmArg) -> Outcome<Device> {
    Ok(started_in(&at.hsm)?.0)
}

fn started_in(folder: &Path) -> Outcome<(Device, Status)> {
    let mut device = Device::open(folder)?;
    let status = device.start(&mut vault())?.status();
    match status.instance {
        Some(_) => Ok((device, status)),
        None => Err(without(&device, "log: it is empty")),
    }
}

/// Adds what the answers to a challenge prove to the log of the HSM in `folder`, which must be one
/// of the domain. An answer that is in the log already proves nothing more, and is refused.
pub fn add_drills<'a>(
    folder: &Path,
    domain: DomainId,
    challenge: ChallengeDigest,
    answers: impl Iterator<Item = &'a Answered>,
) -> Outcome<()> {
    let (mut device, status) = started_in(folder)?;
    if status.domain != Some(domain) {
        let error = "the HSM is of another domain than the one that is drilled, or of none";
        return Err(Refusal::file(folder, error));
    }
    let facts = answers.map(|answer| DrillResult {
        custodian: answer.custodian,
        proof: answer.proof,
        challenge,
    });
    let facts: Vec<_> = facts.collect();
    let kept = device.kept();
    for number in 0..kept.log.tree_head().size {
        let mut buffer = [0; MAX_RECORD_LEN];
        let record = kept.log.read(number, &mut buffer);
        let record = record.map_err(|error| kept.refuse(error))?;
        if let Body::Fact(Fact::Drill(before)) = record.body
            && let Some(again) = facts.iter().find(|fact| {
                (fact.custodian, fact.challenge) == (before.custodian, before.challenge)
            })
        {
            let custodian = again.custodian;
            let error = format!(
                "the answer of custodian {custodian} to this challenge is in the log already, in record {number}"
            );
            return Err(Refusal::file(folder, error));
        }
    }
    for fact in facts {
        add(&mut device, &Fact::Drill(fact))?;
    }
    Ok(())
}

/// Adds a fact to the HSM's log, and returns the number of its record.
pub fn add(device: &mut Device, fact: &Fact<'_>) -> Outcome<u32> {
    let kept = device.kept();
    let added = kept.log.add(clock::unix(), fact);
    added.map_err(|error| kept.refuse(error))
}

/// Reports the record, with what it says in words and in JSON.
pub fn report(number: u32, says: &str, mut object: Value, json: &JsonArg) -> Report {
    object["record"] = json!(number);
    Report::text(json.either(format!("record {number}: {says}\n"), &object))
}
