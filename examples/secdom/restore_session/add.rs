// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom restore-session add`: takes contributions, and with a quorum of them writes the restore
//! blob.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::managed_hsm::domain_file::{CombineError, DomainFile};
use security_domain::managed_hsm::restore_blob;
use security_domain::managed_hsm::restore_session::{
    Added, CollectError, Collector, Contribution, FinishError, Restored,
};
use security_domain::x509::{Certificate, Thumbprint};
use serde_json::{Value, json};

use super::folder::{Ended, Folder};
use super::{is_expired, parse, time};
use crate::kem::PrivateKey;
use crate::kind::{self, FileKind};
use crate::output::{Access, Content, Target};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, input, show};

const EXAMPLE: &str = "Example:
  secdom restore-session add restore from-ada from-bob \\
      --sd-file-restore-blob restore.json

With a quorum it writes the restore blob, and the session ends: its key is wiped. Until then it can be run again with \
more contributions.";

/// Take custodians' contributions; with a quorum of them, write the restore blob and end the
/// session. The exit code is 1 if any contribution was refused
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The folder of the session
    #[arg(value_name = "DIR")]
    session: PathBuf,
    /// The contributions. With none, those that were taken before are combined
    #[arg(value_name = "CONTRIBUTION")]
    contributions: Vec<PathBuf>,
    /// Take a contribution although another one in the name of the same custodian was taken before.
    /// One of the two is wrong
    #[arg(long)]
    replace: bool,
    /// The restore blob to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    sd_file_restore_blob: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let target = Target::new(&args.sd_file_restore_blob, Content::Text, &args.json)?;
    let folder = Folder::open(&args.session)?;
    let bytes = folder.request()?;
    let request = parse(folder.path(), &bytes)?;
    if is_expired(&request) {
        let expired = request.expires().map_or(0, |expires| expires.get());
        let ended = match folder.end() {
            Ok(Ended::Whole) => "its key is wiped".into(),
            Ok(Ended::OthersStay(_)) => "its key is wiped; other files stay in the folder".into(),
            Err(refusal) => format!("{refusal}; run restore-session cancel"),
        };
        let reason = format!("the session expired at {}; {ended}", time(expired));
        return Err(Refusal::file(&args.session, reason));
    }
    let mut key = folder.key()?;
    let (text, transfer) = (folder.domain()?, folder.transfer()?);
    // What is not in the format was named when the session began.
    let file = DomainFile::parse_ignoring_unknown(&text, &mut |_| ());
    let file = file.map_err(|error| Refusal::file(folder.path(), error))?;
    let transfer = Certificate::parse(&transfer);
    let transfer = transfer.map_err(|error| Refusal::file(folder.path(), error))?;
    let collector = Collector::new(&file, request);
    let collector = collector.map_err(|error| Refusal::file(folder.path(), error))?;
    let mut session = Session {
        needed: file.quorum().threshold().get(),
        collector,
        folder: &folder,
        replace: args.replace,
    };
    let mut refused = session.take_kept(&mut key)?;
    let (mut text, mut taken) = (String::new(), Vec::new());
    let progress = Progress::show("opening contributions");
    for contribution in &args.contributions {
        match session.add(contribution, &mut key)? {
            Ok(one) => {
                text += &one.line();
                taken.push(one.in_json());
            }
            Err(refusal) => refused.push(refusal.to_string()),
        }
        progress.tick();
    }
    drop(progress);
    let (collector, needed) = (session.collector, session.needed);
    let have = collector.contributors().count();
    let mut object = json!({
        "shares": have,
        "needed": needed,
        "contributions": taken,
        "restored": false,
    });
    let mut output = None;
    let mut notes = Vec::new();
    if collector.has_quorum() {
        match restored(&collector, &file, &transfer) {
            Ok((restored, blob)) => {
                output = target.write(Access::Owner, &blob)?;
                text += &line(&target, &file, &transfer, &blob);
                object["restored"] = json!(true);
                object["file"] = json!(target.shown());
                object["artifacts"] = json!(file.artifacts().count());
                object["transfer_key"] = json!(transfer.thumbprint().to_string());
                object["sha256"] = json!(show::sha256(&blob));
                object["left_out"] = { restored.left_out() }
                    .map(|custodian| custodian.to_string())
                    .collect();
                notes.extend({ restored.left_out() }.map(|custodian| {
                    format!("left out: the share in the name of custodian {custodian} is wrong")
                }));
                drop((collector, key));
                // The blob is there, and so is what ends the session, if this fails.
                match folder.end() {
                    Ok(ended) => notes.extend(ended.note()),
                    Err(refusal) => notes.push(format!("{refusal}; run restore-session cancel")),
                }
            }
            Err(error) => refused.push(why(&args.session, &collector, &error).to_string()),
        }
    }
    if taken.is_empty() && object["restored"] == false {
        if refused.is_empty() {
            refused.push(format!(
                "{}: {have} of {needed} shares, and no contribution is given",
                show::path(&args.session)
            ));
        }
        return Err(Refusal::new(refused.join("; ")));
    }
    object["refused"] = json!(refused);
    notes.splice(0..0, refused.iter().cloned());
    let is_restored = object["restored"] == true;
    let text = args.json.either(text, &object);
    let mut report = match is_restored {
        true => Report::about(output, text),
        false => Report::text(text),
    };
    // The session has ended: what it was for is not taken back.
    report.outputs.clear();
    report.notes.extend(notes);
    report.refused_in_part = !refused.is_empty();
    Ok(report)
}

/// The session, as far as it has come.
struct Session<'s> {
    needed: u8,
    collector: Collector<'s>,
    folder: &'s Folder,
    replace: bool,
}

impl Session<'_> {
    /// Takes the contributions that were kept. One that is damaged is named, and has to come again.
    fn take_kept(&mut self, key: &mut PrivateKey) -> Outcome<Vec<String>> {
        let mut refused = Vec::new();
        for (_, path) in self.folder.kept()? {
            let bytes = input::read(&path)?;
            if let Err(refusal) = self.open(&path, &bytes, key)? {
                refused.push(refusal.to_string());
            }
        }
        Ok(refused)
    }

    /// Adds one contribution, and keeps it; the inner refusal concerns only this one.
    fn add(&mut self, path: &Path, key: &mut PrivateKey) -> Outcome<Outcome<Taken>> {
        let bytes = match input::read(path) {
            Ok(bytes) => bytes,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let added = match self.open(path, &bytes, key)? {
            Ok(added) => added,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (custodian, is_new) = match added {
            Added::Already(custodian) => (custodian, false),
            Added::New(custodian) => {
                self.folder.keep(&custodian, &bytes)?;
                (custodian, true)
            }
            _ => return Err(Refusal::file(path, "was taken in an unknown way")),
        };
        Ok(Ok(Taken {
            file: show::path(path),
            custodian,
            is_new,
            shares: self.collector.contributors().count(),
            needed: self.needed,
        }))
    }

    fn open(&mut self, path: &Path, bytes: &[u8], key: &mut PrivateKey) -> Outcome<Outcome<Added>> {
        let contribution = match Contribution::parse(bytes) {
            Ok(contribution) => contribution,
            Err(error) => {
                let kind = FileKind::RestoreContribution;
                return Ok(Err(kind::refusal(path, bytes, &kind, error)));
            }
        };
        let mut add = |collector: &mut Collector<'_>| {
            collector.add(&contribution, key, clock::unix(), &mut SysRng)
        };
        let mut added = add(&mut self.collector);
        if let (Err(CollectError::OtherShare(custodian)), true) = (&added, self.replace) {
            self.collector.remove(custodian);
            added = add(&mut self.collector);
        }
        Ok(match added {
            Ok(added) => Ok(added),
            Err(error @ CollectError::OtherShare(_)) => Err(Refusal::file(
                path,
                format!("{error}; one of the two is wrong, and --replace takes this one"),
            )),
            // The machine's fault, not the contribution's.
            Err(error @ (CollectError::Device(_) | CollectError::Fault)) => {
                return Err(Refusal::file(path, error));
            }
            Err(error) => Err(Refusal::file(path, error)),
        })
    }
}

/// Combines the shares, and seals the domain to the transfer key.
fn restored(
    collector: &Collector<'_>,
    file: &DomainFile<'_>,
    transfer: &Certificate<'_>,
) -> Result<(Restored, Vec<u8>), FinishError> {
    let _progress = Progress::show("combining shares");
    let mut blob = vec![0; restore_blob::encoded_len(file, transfer)];
    let restored = collector.restore(transfer, clock::unix(), &mut SysRng, &mut blob)?;
    blob.truncate(restored.len());
    Ok((restored, blob))
}

fn line(
    target: &Target<'_>,
    file: &DomainFile<'_>,
    transfer: &Certificate<'_>,
    blob: &[u8],
) -> String {
    format!(
        "{}: {} for transfer key {}; SHA-256 {}\n",
        target.shown(),
        show::count(file.artifacts().count(), "artifact"),
        transfer.thumbprint(),
        show::sha256(blob),
    )
}

/// Says why a quorum of shares did not restore the domain.
fn why(session: &Path, collector: &Collector<'_>, error: &FinishError) -> Refusal {
    let FinishError::Combine(CombineError::DoesNotOpen) = error else {
        return Refusal::file(session, error.to_string());
    };
    let names = collector
        .contributors()
        .map(|custodian| custodian.to_string());
    let names = names.collect::<Vec<_>>().join(", ");
    Refusal::file(
        session,
        format!(
            "the domain file does not open with the shares in the names of {names}: one of them is wrong, or the file was \
             altered. All are kept: with the contribution of another custodian, the wrong one is named; --replace takes a \
             better one in its place"
        ),
    )
}

/// A contribution that was taken.
struct Taken {
    file: String,
    custodian: Thumbprint,
    is_new: bool,
    shares: usize,
    needed: u8,
}

impl Taken {
    fn line(&self) -> String {
        let what = match self.is_new {
            true => "contributed",
            false => "has already contributed",
        };
        format!(
            "{}: custodian {} {what}; {} of {} shares\n",
            self.file, self.custodian, self.shares, self.needed
        )
    }

    fn in_json(&self) -> Value {
        json!({
            "file": self.file,
            "custodian": self.custodian.to_string(),
            "new": self.is_new,
        })
    }
}
