// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom readiness`: whether a domain could be recovered now, on one page.

mod backup;
mod status;

use std::path::PathBuf;

use security_domain::policy::Severity;

use crate::custody::{CustodyArgs, Findings};
use crate::ledger;
use crate::page::PageArgs;
use crate::report::{Outcome, Report};

const EXAMPLE: &str = "Example:
  secdom readiness --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --backup full.backup --status hsm-2.json --log hsm-1.log \\
      --html readiness.html

The status is what `secdom hsm status --json` prints of the HSM that is to recover the domain, or has it. The log is that of \
an HSM that has it. Nothing secret is read, and no custodian is needed. The page says what the files say: it proves neither \
that the backup opens nor that a custodian's key is there; drills prove the latter. The exit code is 1 if a finding \
has the severity refuse. With --json one object is printed, with the members result, findings, domain, artifacts, custodians, and, if they \
are given, backup, hsm and log.";

/// Say on one page whether a domain could be recovered now: the file, the custodians, a backup and
/// an HSM
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    custody: CustodyArgs,
    /// A backup of an HSM that has the domain
    #[arg(long, value_name = "FILE", conflicts_with = "sd_file")]
    backup: Option<PathBuf>,
    /// The status of an HSM, as `secdom hsm status --json` prints it
    #[arg(long, value_name = "FILE", conflicts_with = "sd_file")]
    status: Option<PathBuf>,
    #[command(flatten)]
    page: PageArgs,
}

pub fn run(args: &Args) -> Outcome<Report> {
    args.page.must_be_free()?;
    let mut kept = args.custody.read()?;
    let mut findings = Findings::of_policy(&kept);
    let mut parts = Vec::from(kept.file());
    parts.push(kept.custodians());
    if let Some(sealed) = &kept.sealed {
        match &args.backup {
            Some(path) => parts.push(backup::read(path, sealed, &mut findings)?),
            None => findings.add(
                Severity::Note,
                "no-backup",
                "backup",
                "no backup is given: the domain alone restores no keys",
            ),
        }
        if let Some(path) = &args.status {
            parts.push(status::read(path, sealed, &mut findings)?);
        }
    }
    parts.extend(kept.log.as_ref().map(ledger::proven));
    findings.report("Readiness", kept.result(), parts, &args.page)
}
