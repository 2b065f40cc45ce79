// SPDX-License-Identifier: MIT OR Apache-2.0
//! The custodians of a domain file of version 1, any two of whom open it.

use std::path::Path;

use getrandom::SysRng;
use security_domain::managed_hsm::domain_file::ShareError;
use security_domain::managed_hsm::split_file::{Half, SplitFile};
use security_domain::managed_hsm::{MasterKey, OpenError};
use security_domain::x509::Thumbprint;

use crate::custodians::Custodian;
use crate::progress::Progress;
use crate::report::{Outcome, Refusal};
use crate::show;

/// Opens the file with the first two custodians who can. Returns the key, and what did not open
/// before.
pub fn open(
    path: &Path,
    file: &SplitFile<'_>,
    custodians: &mut [Custodian],
) -> Outcome<(MasterKey, Vec<String>)> {
    let _progress = Progress::show("opening pairs");
    let mut wrong = Vec::new();
    for (one, two) in pairs(custodians.len()) {
        match open_pair(file, custodians, one, two)? {
            Ok(key) => return Ok((key, wrong)),
            Err(reason) => wrong.push(reason),
        }
    }
    Err(Refusal::file(path, wrong.join("; ")))
}

/// Opens every half of the custodians and, of two or more, every pair of theirs.
pub fn drill(path: &Path, file: &SplitFile<'_>, custodians: &mut [Custodian]) -> Outcome<()> {
    let progress = Progress::show("opening pairs");
    let partners: Vec<_> = file.custodians().collect();
    for custodian in &mut *custodians {
        for partner in &partners {
            match half(file, custodian, partner)? {
                Ok(_) | Err(None) => {}
                Err(Some(reason)) => return Err(Refusal::file(path, reason)),
            }
        }
        progress.tick();
    }
    for (one, two) in pairs(custodians.len()) {
        if let Err(reason) = open_pair(file, custodians, one, two)? {
            return Err(Refusal::file(path, reason));
        }
        progress.tick();
    }
    Ok(())
}

/// Returns any two of a number of custodians.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |one| (one + 1..count).map(move |two| (one, two)))
}

/// Opens the file with two custodians, or says why it does not open with them.
fn open_pair(
    file: &SplitFile<'_>,
    custodians: &mut [Custodian],
    one: usize,
    two: usize,
) -> Outcome<Result<MasterKey, String>> {
    let thumbprints = [one, two].map(|place| custodians[place].thumbprint);
    let first = half(file, &mut custodians[one], &thumbprints[1])?;
    let second = half(file, &mut custodians[two], &thumbprints[0])?;
    let names = [one, two].map(|place| show::path(&custodians[place].key_file));
    let names = names.join(" and ");
    let (first, second) = match (first, second) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(Some(reason)), _) | (_, Err(Some(reason))) => return Ok(Err(reason)),
        _ => return Ok(Err(format!("{names} have no pair"))),
    };
    match file.combine([&first, &second]) {
        Ok(key) => Ok(Ok(key)),
        Err(OpenError::DoesNotOpen) => Ok(Err(format!(
            "EncData: does not open with {names}: a half is wrong, or the file was altered"
        ))),
        Err(error) => Err(Refusal::new(error)),
    }
}

/// Opens a custodian's half of the pair with a partner, or says why it does not open; nothing if the
/// two have no pair.
fn half(
    file: &SplitFile<'_>,
    custodian: &mut Custodian,
    partner: &Thumbprint,
) -> Outcome<Result<Half, Option<String>>> {
    let name = custodian.name();
    let reason = |why: &dyn std::fmt::Display| Some(format!("the half of {name}: {why}"));
    match file.open_half(
        &custodian.thumbprint,
        partner,
        &mut custodian.key,
        &mut SysRng,
    ) {
        Ok(half) => Ok(Ok(half)),
        Err(ShareError::NotListed) => Ok(Err(None)),
        Err(ShareError::DoesNotOpen) => Ok(Err(reason(&"does not open"))),
        Err(ShareError::Damaged(error)) => Ok(Err(reason(&error))),
        Err(error) => Err(Refusal::file(&custodian.key_file, error)),
    }
}
