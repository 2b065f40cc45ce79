// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom readiness`: whether a domain could be recovered now, on one page.

mod backup;
mod status;

use std::path::PathBuf;

use security_domain::policy::Severity;

use crate::custody::{CustodyArgs, Findings, Kept, Sealed};
use crate::ledger::ReadLog;
use crate::page::{Cell, Content, PageArgs, Part};
use crate::report::{Outcome, Report};
use crate::show;

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
    about_shares(&kept, &mut findings);
    let mut parts = Vec::from(kept.file());
    parts.push(kept.custodians());
    if let Some(sealed) = &kept.sealed {
        about_file(&kept, sealed, &mut findings);
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
    parts.extend(kept.log.as_ref().map(log));
    findings.report("Readiness", kept.result(), parts, &args.page)
}

/// Says which shares in the file cannot be used.
fn about_shares(kept: &Kept, findings: &mut Findings) {
    let damaged = kept.members.iter().filter(|member| member.damaged).count();
    if damaged == 0 {
        return;
    }
    let shares = show::count(damaged, "share");
    let (severity, text) = match kept.serving() < kept.threshold.into() {
        true => (Severity::Refuse, "too few custodians can contribute"),
        false => (Severity::Warn, "a quorum is left"),
    };
    let text = format!("{shares} in it cannot be used: {text}; take another copy of the file");
    findings.add(severity, "share-damaged", "file", text);
}

/// Says whether the file is the one in use.
fn about_file(kept: &Kept, sealed: &Sealed, findings: &mut Findings) {
    if sealed.pending {
        let text = "pending: no quorum can open it before its rotation is committed";
        findings.add(Severity::Refuse, "pending", "file", text);
    }
    let log = kept.log.as_ref().and_then(|log| log.present.header());
    if let Some((epoch, header)) = log.filter(|(_, header)| *header != sealed.header) {
        let epoch = epoch.get();
        let text = format!("the log says that epoch {epoch} with header {header} is in use");
        findings.add(Severity::Refuse, "superseded", "file", text);
    }
}

fn log(log: &ReadLog) -> Part {
    let (verified, present) = (&log.verified, &log.present);
    let review = present.review();
    let concern = present.concern();
    let concern =
        concern.map(|(_, when, cause)| format!("{cause}, on {}", crate::clock::shown(when)));
    Part {
        heading: "Log",
        content: Content::Facts(vec![
            ("instance-id", Cell::text(verified.instance)),
            ("records", Cell::Number(verified.head.size.into())),
            ("head", Cell::text(verified.head.root)),
            ("last review", Cell::time(review.map(|(_, when, _)| when))),
            ("open event", concern.map_or(Cell::None, Cell::Text)),
        ]),
    }
}
