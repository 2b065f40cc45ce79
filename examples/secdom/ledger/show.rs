// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ledger show`: prints the export of a log as a table, and the present after it.

use std::fmt::Write;
use std::path::PathBuf;

use security_domain::custody::Head;
use security_domain::lifecycle::VerifyKey;
use security_domain::sealed_domain::{DomainId, Epoch, ExpectedDomain, InstanceId};
use serde_json::{Value, json};

use super::read::{ExpectArgs, ReadLog, read};
use super::{present, row};
use crate::names::{CertsArg, Names};
use crate::of::SealedFile;
use crate::report::{JsonArg, Outcome, Report};
use crate::{custody, output, page, show};

const EXAMPLE: &str = "Example:
  secdom ledger show hsm-1.log --expect-domain 2c26...e7ae \\
      --certs A.cer B.cer C.cer --html custody.html

Nothing is shown of a log that is not verified, as by ledger verify. A step and its outcome are one \
row, under the number of the record that announced the step.";

/// Show the log of an HSM: what was done, who holds what, the last drills, losses and reviews
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The export of the log; - reads standard input
    #[arg(value_name = "LOG")]
    log: PathBuf,
    #[command(flatten)]
    expect: ExpectArgs,
    #[command(flatten)]
    certs: CertsArg,
    /// Write a page for a browser or a printer, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The sealed domain in use, for the findings of the policy on that page
    #[arg(long, value_name = "FILE", requires_all = ["html", "expect_domain"])]
    sealed: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    args.html.as_deref().map_or(Ok(()), output::must_be_free)?;
    let names = args.certs.read()?;
    let log = read(&args.log, &args.expect)?;
    let text = head(&log) + "\n" + &table(&log, &names) + "\n" + &present::text(&log, &names);
    let mut object = head_json(&log);
    let rows = log.rows.iter().map(|row| row.json(&names));
    object["log"] = rows.collect::<Value>();
    object["present"] = present::json(&log, &names);
    let text = args.json.either(text, &object);
    let Some(html) = &args.html else {
        return Ok(Report::text(text));
    };
    let quorum = match (&args.sealed, args.expect.expect_domain) {
        (Some(path), Some(domain)) => {
            let expect = ExpectedDomain::new(domain, Epoch::FIRST);
            Some(custody::read_sealed(
                &SealedFile { path, expect },
                &args.certs,
                None,
                &[],
            )?)
        }
        _ => None,
    };
    let page = super::page::page(log, &names, quorum);
    Ok(Report::written([page::written(html, &page)?], text))
}

/// What the export proves of its HSM.
pub fn head(log: &ReadLog) -> String {
    let verified = &log.verified;
    let mut text = signed(
        verified.instance,
        verified.domain(),
        &verified.key,
        &verified.head,
    );
    if let Some((step, number)) = verified.open {
        let _ = writeln!(text, "under way: {}, record {number}", step.name());
    }
    text
}

/// The same in JSON.
pub fn head_json(log: &ReadLog) -> Value {
    let verified = &log.verified;
    let mut object = signed_json(
        verified.instance,
        verified.domain(),
        &verified.key,
        &verified.head,
    );
    object["under_way"] = verified.open.map(|(_, number)| number).into();
    object
}

/// Which HSM signed the head of its log.
pub fn signed(
    instance: InstanceId,
    domain: Option<DomainId>,
    key: &VerifyKey,
    head: &Head,
) -> String {
    let domain = domain.map_or("none".into(), |domain| domain.to_string());
    format!(
        "instance-id {instance}\ndomain-id {domain}\ninstance-key {}\nrecords {}\nroot {}\n",
        show::hex(key.as_bytes()),
        head.size,
        head.root,
    )
}

/// The same in JSON.
pub fn signed_json(
    instance: InstanceId,
    domain: Option<DomainId>,
    key: &VerifyKey,
    head: &Head,
) -> Value {
    json!({
        "instance_id": instance.to_string(),
        "domain_id": domain.map(|domain| domain.to_string()),
        "instance_key": show::hex(key.as_bytes()),
        "records": head.size,
        "root": head.root.to_string(),
    })
}

fn table(log: &ReadLog, names: &Names) -> String {
    let mut text = format!(
        "{:>6}  {:<20}  {:<15}  {:<11}  by whom, about what\n",
        "record", "time", "step", "outcome"
    );
    for row in &log.rows {
        let line = format!(
            "{:>6}  {:<20}  {:<15}  {:<11}  {}",
            row.number,
            row::when(row.time),
            row.what,
            row.outcome.unwrap_or("-"),
            row.about(names),
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
