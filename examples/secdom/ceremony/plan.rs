// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ceremony plan`: writes the script of a ceremony, to be printed.

use std::path::PathBuf;

use security_domain::custodian::Recipient;
use security_domain::quorum::Quorum;

use super::steps;
use crate::custody::{Findings, Kept};
use crate::page::{Cell, Content, Part, written};
use crate::pair::KeyFiles;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, input, output, recipients, show};

const EXAMPLE: &str = "Example:
  secdom ceremony plan --custodians A.cer B.cer C.cer --quorum 2 \\
      --out ceremony.html

The script says who takes part, which digests the custodians compare, and what is done in which order: a domain is made \
and sealed, every custodian answers a drill, a quorum rehearses a recovery in another HSM, and the log is kept. Each step has \
a box to tick, its command, and lines for what was seen. Print it before the ceremony; it has no secret. With --json one object is printed, \
with the members result, findings, roles, custodians, files and steps.";

/// Write the script of the ceremony in which a domain is made, sealed, drilled and rehearsed
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The custodians' certificates or public keys, PEM or DER, of any kinds; CER+PUB for a
    /// custodian who needs two
    #[arg(long, required = true, num_args = 1.., value_name = "CER")]
    custodians: Vec<PathBuf>,
    /// How many custodians are needed to open the file, from 2 to all of them
    #[arg(long, value_name = "M")]
    quorum: u8,
    /// The script to write, a page in HTML
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    output::must_be_free(&args.out)?;
    let count = args.custodians.len();
    let quorum = u8::try_from(count).map(|count| Quorum::new(args.quorum, count));
    let Ok(Ok(_)) = quorum else {
        let reason = format!("no quorum can be {} of {count}", args.quorum);
        return Err(Refusal::new(reason));
    };
    let (keys, shown) = recipients::read(&args.custodians)?;
    let keys = keys.iter().zip(shown);
    let keys = keys.map(|(key, shown)| (key.id(), key.algorithm(), shown.holder));
    let kept = Kept::planned(args.quorum, keys.collect());
    let findings = Findings::of_plan(&kept);
    if let Some(refusal) = findings.refusal() {
        return Err(Refusal::new(format!(
            "no such quorum is to be made: {refusal}"
        )));
    }
    let result = vec![
        ("made", Cell::Time(clock::unix())),
        ("quorum", Cell::Text(format!("{} of {count}", args.quorum))),
    ];
    let parts = vec![
        roles(count),
        kept.custodians(),
        files(&args.custodians)?,
        Part {
            heading: "Steps",
            content: Content::Steps(steps::all(&args.custodians, args.quorum)),
        },
        signatures(count),
    ];
    let page = findings.page("Ceremony", result, parts);
    let text = format!("{}: print it\n", show::path(&args.out));
    let text = args.json.either(text, &page.json());
    Ok(Report::written([written(&args.out, &page)?], text))
}

/// Who takes part. Names are written in by hand.
fn roles(custodians: usize) -> Part {
    let rows = [
        (
            "leader",
            "reads each step aloud, and goes on only when all agree",
            1,
        ),
        ("operator", "types the commands", 1),
        ("custodian", "brings the key, and uses it alone", custodians),
        (
            "witness",
            "sees each step, ticks it on a copy, and signs",
            2,
        ),
    ];
    let row = |(role, task, count): (&str, &str, usize)| {
        vec![
            Cell::text(role),
            Cell::Number(count as u64),
            Cell::text(task),
        ]
    };
    Part {
        heading: "Roles",
        content: Content::Table {
            row: "role",
            in_line: true,
            columns: &["role", "people", "task"],
            rows: rows.map(row).into(),
        },
    }
}

/// The digests that custodians compare with those on their own machines.
fn files(custodians: &[PathBuf]) -> Outcome<Part> {
    let mut rows = Vec::new();
    for argument in custodians {
        for path in KeyFiles::of(argument).into_files() {
            let digest = show::sha256(&input::read(&path)?);
            rows.push(vec![Cell::Text(show::path(&path)), Cell::Text(digest)]);
        }
    }
    Ok(Part {
        heading: "Files",
        content: Content::Table {
            row: "file",
            in_line: true,
            columns: &["file", "sha256"],
            rows,
        },
    })
}

fn signatures(custodians: usize) -> Part {
    let others = ["leader", "operator", "witness 1", "witness 2"].map(str::to_owned);
    let custodians = (1..=custodians).map(|number| format!("custodian {number}"));
    let line = |role: String| (format!("{role}: name, date, signature"), Cell::None);
    Part {
        heading: "Signatures",
        content: Content::Steps(vec![crate::page::Step {
            who: "all",
            what: "sign for what was seen, on every copy".into(),
            seen: others.into_iter().chain(custodians).map(line).collect(),
            ..Default::default()
        }]),
    }
}
