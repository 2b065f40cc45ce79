// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom restore-session status` and `cancel`.

use std::path::{Path, PathBuf};

use security_domain::managed_hsm::domain_file::DomainFile;
use serde_json::json;

use super::folder::{Folder, remove_empty};
use super::{in_json, in_text, is_expired, parse};
use crate::output;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::show;

const EXAMPLE: &str = "Example:
  secdom restore-session status restore";

const CANCEL_EXAMPLE: &str = "Example:
  secdom restore-session cancel restore";

/// Show what a restore session waits for
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The folder of the session
    #[arg(value_name = "DIR")]
    session: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let folder = Folder::open(&args.session)?;
    let bytes = folder.request()?;
    let request = parse(folder.path(), &bytes)?;
    folder.key()?;
    let text = folder.domain()?;
    let file = DomainFile::parse_ignoring_unknown(&text, &mut |_| ());
    let file = file.map_err(|error| Refusal::file(folder.path(), error))?;
    let kept = folder.kept()?;
    let (quorum, expired) = (file.quorum(), is_expired(&request));
    let needed = usize::from(quorum.threshold().get());
    let state = match (expired, kept.len() >= needed) {
        (true, _) => "expired",
        (false, true) => "quorum",
        (false, false) => "collecting",
    };
    let mut text = format!("state {state}\n");
    text += &in_text(&request);
    text += &format!("quorum {quorum}\n");
    let mut object = in_json(&request);
    object["state"] = json!(state);
    object["needed"] = json!(needed);
    object["count"] = json!(quorum.count().get());
    object["contributors"] = { kept.iter() }
        .map(|(custodian, _)| custodian.to_string())
        .collect();
    for (custodian, _) in &kept {
        text += &format!("contributed {custodian}\n");
    }
    let mut report = Report::text(args.json.either(text, &object));
    if expired {
        let folder = show::path(&args.session);
        let note =
            format!("{folder}: the session has expired; restore-session cancel wipes its key");
        report.notes.push(note);
    }
    Ok(report)
}

/// End a restore session: its key and everything gathered are wiped
#[derive(clap::Args)]
#[command(after_help = CANCEL_EXAMPLE)]
pub struct CancelArgs {
    /// The folder of the session
    #[arg(value_name = "DIR")]
    session: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn cancel(args: &CancelArgs) -> Outcome<Report> {
    let path: &Path = &args.session;
    output::reclaim(path);
    let (state, what, note) = match remove_empty(path)? {
        true => ("empty", "an empty folder; it was removed", None),
        false => {
            let ended = Folder::open(path)?.end()?;
            ("cancelled", "cancelled", ended.note())
        }
    };
    let folder = show::path(path);
    let object = json!({ "session": folder, "state": state });
    let text = format!("{folder}: {what}\n");
    let mut report = Report::text(args.json.either(text, &object));
    report.notes.extend(note);
    Ok(report)
}
