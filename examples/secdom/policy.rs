// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom policy`: what is wrong with a quorum and how it is kept.

use crate::custody::{CustodyArgs, Findings};
use crate::page::PageArgs;
use crate::report::{Outcome, Report};

const EXAMPLE: &str = "Example:
  secdom policy --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --certs *.cer --roster roster.json --log hsm-1.log

The roster is a list such as [{\"custodian\": \"2f81...\", \"holder\": \"Ada\", \"place\": \"Oslo\", \"role\": \"auditor\", \
\"since\": \"2026-01-31\"}]. custodian is the id that inspect shows, or in a file of Managed HSM the thumbprint; the other \
members may be left out. A finding has a severity (refuse, warn, note) and a code that does not change. The exit code \
is 1 if the severity of any is refuse. With --json one object is printed, with the members result, findings and \
custodians.";

/// Say what is wrong with a quorum and how it is kept: its numbers, its keys and who holds them,
/// drills and reviews
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    custody: CustodyArgs,
    #[command(flatten)]
    page: PageArgs,
}

pub fn run(args: &Args) -> Outcome<Report> {
    args.page.must_be_free()?;
    let kept = args.custody.read()?;
    let findings = Findings::of_policy(&kept);
    findings.report("Policy", kept.result(), vec![kept.custodians()], &args.page)
}
