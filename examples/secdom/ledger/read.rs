// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads and verifies the export of a log, and folds it to the present.

use std::path::{Path, PathBuf};

use security_domain::custodian::CustodianId;
use security_domain::custody::{
    Body, Expected, Fact, Head, Holder, Holding, Present, Record, Verified, Verifier, VerifyError,
};
use security_domain::sealed_domain::{DomainId, InstanceId};

use super::pins::{self, Pin};
use super::row::{self, Row};
use crate::input;
use crate::kind::{self, FileKind};
use crate::report::{Outcome, Refusal};

/// What is known of a log before it is read.
#[derive(Default, clap::Args)]
pub struct ExpectArgs {
    /// The domain's id, as noted when it was activated. Without it, the log proves only that the
    /// HSM of some domain wrote it
    #[arg(long, value_name = "HEX")]
    pub expect_domain: Option<DomainId>,
    /// The HSM's id
    #[arg(long, value_name = "HEX")]
    pub expect_instance: Option<InstanceId>,
    /// Checkpoints that the HSM showed before, from which the log must go on
    #[arg(long, num_args = 1.., value_name = "CHECKPOINT")]
    pub checkpoint: Vec<PathBuf>,
}

impl ExpectArgs {
    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.expect_domain.is_none() && self.expect_instance.is_none() && self.checkpoint.is_empty()
    }
}

/// A log that was read and verified.
pub struct ReadLog {
    /// What the export has proven.
    pub verified: Verified,
    /// The present after its records.
    pub present: Present,
    /// Whether it was compared with a checkpoint that was kept.
    pub is_pinned: bool,
    /// Its records, with the outcome of each step beside the step.
    pub rows: Vec<Row>,
    /// Who held each token, one after the other.
    held: Vec<(CustodianId, Vec<Held>)>,
}

/// Who held a token, the record that says so, and its time.
#[derive(Clone, Copy)]
pub struct Held {
    pub number: u32,
    pub time: u64,
    pub holder: Holder,
}

/// Reads the export `path`.
pub fn read(path: &Path, expect: &ExpectArgs) -> Outcome<ReadLog> {
    read_bytes(path, &input::read(path)?, expect)
}

/// The same for `bytes`, those of the file.
pub fn read_bytes(path: &Path, bytes: &[u8], expect: &ExpectArgs) -> Outcome<ReadLog> {
    read_pinned(path, bytes, expect, &pins::read(&expect.checkpoint)?)
}

/// The same with these checkpoints.
pub fn read_pinned(
    path: &Path,
    bytes: &[u8],
    expect: &ExpectArgs,
    checkpoints: &[Pin],
) -> Outcome<ReadLog> {
    let heads: Vec<Head> = checkpoints.iter().map(Pin::head).collect();
    let read = verified(bytes, expect, &heads);
    // Checkpoints of others prove nothing of this log, whatever it says.
    let known = match (&read, heads.is_empty()) {
        (Ok(read), _) => Some(read.verified),
        (Err(_), true) => None,
        (Err(_), false) => verified(bytes, expect, &[]).ok().map(|read| read.verified),
    };
    if let Some(known) = known {
        for checkpoint in checkpoints {
            checkpoint.must_be_of(known.instance, &known.key)?;
        }
    }
    read.map_err(|error| match error {
        VerifyError::NotALog | VerifyError::Truncated { .. } => {
            kind::refusal(path, bytes, &FileKind::Log, error)
        }
        error => Refusal::file(path, error),
    })
}

fn verified(bytes: &[u8], expect: &ExpectArgs, pins: &[Head]) -> Result<ReadLog, VerifyError> {
    let mut verifier = Verifier::new(Expected {
        instance: expect.expect_instance,
        domain: expect.expect_domain,
        key: None,
        pins,
    });
    let (mut present, mut rows, mut held) = (Present::new(), Vec::new(), Vec::new());
    verifier.feed(bytes, &mut |record| {
        present.fold(record);
        row::add(&mut rows, record);
        hold(&mut held, record);
    })?;
    Ok(ReadLog {
        verified: verifier.finish()?,
        present,
        is_pinned: !pins.is_empty(),
        rows,
        held,
    })
}

/// Remembers who takes a token. Who takes it again with the same key is one holder.
fn hold(held: &mut Vec<(CustodianId, Vec<Held>)>, record: &Record<'_>) {
    let Body::Fact(Fact::HandOff(hand_off)) = &record.body else {
        return;
    };
    let place = held.iter().position(|(of, _)| *of == hand_off.custodian);
    let place = place.unwrap_or_else(|| {
        held.push((hand_off.custodian, Vec::new()));
        held.len() - 1
    });
    let holders = &mut held[place].1;
    holders.pop_if(|last| last.holder.key == hand_off.key);
    holders.push(Held {
        number: record.number,
        time: record.time,
        holder: Holder::of(hand_off),
    });
}

impl ReadLog {
    /// Returns the number of the record of the last endorsement.
    pub fn endorsed_in(&self) -> Option<u32> {
        let rows = &mut self.rows.iter().rev();
        Some(rows.find(|row| row.is_endorsement)?.number)
    }

    /// Returns who held a token before its holder, since the share was made anew: each may still
    /// know the share.
    pub fn former(&self, holding: &Holding) -> &[Held] {
        let of = self.held.iter().find(|(of, _)| *of == holding.custodian);
        let before = of.and_then(|(_, all)| all.split_last());
        let before = before.map_or(&[][..], |(_, before)| before);
        let known = before.len().saturating_sub(holding.former as usize);
        &before[known..]
    }
}
