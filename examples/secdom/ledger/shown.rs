// SPDX-License-Identifier: MIT OR Apache-2.0
//! One record of a log with its proofs, to be shown without the rest (`docs/format.md`, "Shown
//! record").

use std::path::Path;

use security_domain::custody::{
    Body, Checkpoint, CheckpointError, Fact, Head, Inclusion, MAX_PROOF_LEN, Record, RecordHash,
};
use security_domain::lifecycle::{Endorsement, VerifyKey};
use security_domain::sealed_domain::{DomainId, InstanceId};

use super::pins;
use super::read::ExpectArgs;
use super::records::{frames, records};
use super::row::{self, Row};
use crate::kind::{self, FileKind};
use crate::report::{Outcome, Refusal};

/// The first bytes of a shown record.
const MAGIC: &[u8] = b"sdrec\x01";

/// What the file has shown.
pub struct Shown {
    pub instance: InstanceId,
    pub domain: DomainId,
    pub key: VerifyKey,
    /// The signed head of the log that holds the record.
    pub head: Head,
    /// The record. Its step, if it is an outcome, is not in the file.
    pub row: Row,
}

/// Writes record `number` of `export`, which is verified, with its proof; then the endorsement of
/// the HSM in record `endorsement` with its own; and then the checkpoint. `None` if there is no
/// such record.
pub fn write(export: &[u8], number: u32, endorsement: u32) -> Option<Vec<u8>> {
    let (records, checkpoint) = records(export);
    let hashes: Vec<_> = records
        .iter()
        .map(|record| RecordHash::of(record))
        .collect();
    let size = u32::try_from(records.len()).ok()?;
    let mut out = MAGIC.to_vec();
    for number in [number, endorsement] {
        let record = *records.get(number as usize)?;
        let hash = |number: u32| hashes.get(number as usize).copied().ok_or(std::fmt::Error);
        let mut buffer = [0; MAX_PROOF_LEN];
        let proof = Inclusion::write(number, size, hash, &mut buffer).ok()?;
        for part in [record, proof] {
            out.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
            out.extend_from_slice(part);
        }
    }
    out.extend([0; 2]);
    out.extend_from_slice(checkpoint);
    Some(out)
}

/// Verifies `bytes`, those of the file `path`.
pub fn verify(path: &Path, bytes: &[u8], expect: &ExpectArgs) -> Outcome<Shown> {
    let pins = pins::read(&expect.checkpoint)?;
    let shown = verified(bytes, expect)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::ShownRecord, error))?;
    for pin in &pins {
        pin.must_be_of(shown.instance, &shown.key)?;
        let (have, want) = (shown.head, pin.head());
        if have.size != want.size {
            let error = format!(
                "the proof is for a log of {} records, and this checkpoint has {}: only the log shows both",
                have.size, want.size
            );
            return Err(Refusal::file(pin.path(), error));
        }
        if have != want {
            return Err(Refusal::file(
                path,
                "forked: the record is not in the log of the checkpoint that is given",
            ));
        }
    }
    Ok(shown)
}

type Error = Box<dyn std::error::Error>;

fn verified(bytes: &[u8], expect: &ExpectArgs) -> Result<Shown, Error> {
    let (parts, checkpoint) = frames(bytes.strip_prefix(MAGIC).ok_or("not a shown record")?);
    let [shown, shown_proof, endorsing, endorsing_proof] = parts.as_slice() else {
        return Err("does not have two records with a proof each".into());
    };
    let record = Record::parse(shown)?;
    let endorsement = endorsement(&Record::parse(endorsing)?)?;
    let (instance, domain, key) = (record.instance, endorsement.domain(), endorsement.key);
    if let Some(want) = expect.expect_instance.filter(|want| *want != instance) {
        return Err(format!("the record is of HSM {instance}, not {want}").into());
    }
    if endorsement.instance != instance {
        let have = endorsement.instance;
        return Err(format!("the endorsement is of HSM {have}, not {instance}").into());
    }
    if let Some(want) = expect.expect_domain.filter(|want| *want != domain) {
        return Err(format!("the endorsement is by domain {domain}, not {want}").into());
    }
    if !endorsement.is_of(domain) {
        return Err("the endorsement is not signed by its domain".into());
    }
    let checkpoint = Checkpoint::parse(checkpoint)?;
    let head = { checkpoint.verify(instance, &key) }.map_err(|error: CheckpointError| error)?;
    for (what, bytes, proof) in [
        ("record", shown, shown_proof),
        ("endorsement", endorsing, endorsing_proof),
    ] {
        let number = Record::parse(bytes)?.number;
        let proof = Inclusion::parse(proof)?;
        if proof.number() != number {
            let of = proof.number();
            return Err(format!("the {what} has number {number}, and its proof is of {of}").into());
        }
        { proof.verify(&RecordHash::of(bytes), &head) }
            .map_err(|error| format!("the {what}: {error}"))?;
    }
    if let Body::Fact(Fact::HandOff(hand_off)) = &record.body
        && !hand_off.is_signed(instance)
    {
        return Err("the hand-off is not signed by its taker".into());
    }
    Ok(Shown {
        instance,
        domain,
        key,
        head,
        row: row::alone(&record),
    })
}

fn endorsement(record: &Record<'_>) -> Result<Endorsement, Error> {
    match &record.body {
        Body::Endorsement(endorsement) => Ok(*endorsement),
        _ => Err("the second record is no endorsement".into()),
    }
}
