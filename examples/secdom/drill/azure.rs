// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom drill --sd-file`: proves, without an upload, that the given keys open the file.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use security_domain::managed_hsm::domain_file::DomainFile;
use serde_json::json;

use crate::custodians::{self, Custodian, KeyArgs, Unusable, Whom};
use crate::domain::{self, Domain, File, FormatArgs};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{show, split, text};

#[derive(clap::Args)]
pub struct Args {
    /// The security-domain file of a Managed HSM
    #[arg(long, value_name = "FILE")]
    sd_file: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: Args) -> Outcome<Report> {
    let path = &args.sd_file;
    let text = text::read_json(path)?;
    let Domain {
        mut file,
        passed_over,
    } = domain::read(path, &text, &args.format)?;
    let mut custodians = custodians::read(
        args.keys,
        path,
        &mut file,
        1,
        Unusable::Refused,
        Whom::Listed,
    )?
    .custodians;

    match &file {
        File::Shared(file) => drill_shares(path, file, &mut custodians)?,
        File::Split(file) => split::drill(path, file, &mut custodians)?,
    }
    let (mut text, mut listed) = (String::new(), Vec::new());
    for custodian in &custodians {
        let _ = writeln!(text, "{} opens its share", custodian.name());
        listed.push(json!({
            "key": show::path(&custodian.key_file),
            "thumbprint": custodian.thumbprint.to_string(),
        }));
    }
    let required = usize::from(file.required());
    let is_quorum = custodians.len() >= required;
    let _ = if !is_quorum {
        writeln!(
            text,
            "{} of the {required} required keys: the artifacts were not opened",
            custodians.len(),
        )
    } else {
        let all_agree = if custodians.len() > required {
            ", and all shares agree"
        } else {
            ""
        };
        writeln!(
            text,
            "{}, {required} required: {}, all opened{all_agree}",
            show::count(custodians.len(), "key"),
            show::count(file.artifacts().len(), "artifact"),
        )
    };
    let mut notes = custodians::notes(&file, &custodians);
    notes.extend(passed_over);
    let object = json!({
        "custodians": listed,
        "required": required,
        "artifacts": file.artifacts().len(),
        "artifacts_opened": is_quorum,
    });
    Ok(Report {
        notes,
        ..Report::text(args.json.either(text, &object))
    })
}

/// Opens the share of each custodian and, with a quorum, every artifact.
fn drill_shares(path: &Path, file: &DomainFile<'_>, custodians: &mut [Custodian]) -> Outcome<()> {
    let failed = |wrong: &[String]| Refusal::file(path, custodians::wrong_shares(wrong));
    let (shares, mut wrong) = custodians::open_shares(custodians, file)?;
    if !wrong.is_empty() {
        return Err(failed(&wrong));
    }
    if custodians.len() >= usize::from(file.quorum().threshold().get()) {
        custodians::combine(path, file, custodians, &shares, &mut wrong)?;
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(failed(&wrong))
    }
}
