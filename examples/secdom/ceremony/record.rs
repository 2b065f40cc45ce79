// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ceremony record`: adds to the transcript what was run or seen.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::iter;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use security_domain::custody::Checkpoint;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::transcript::{Printed, Transcript, What};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{input, show};

const EXAMPLE: &str = "Example:
  secdom ceremony record --transcript ceremony.jsonl --file ceremony.html
  secdom ceremony record --transcript ceremony.jsonl \\
      --seen \"Ada, Ben and Cleo are present\"
  secdom ceremony record --transcript ceremony.jsonl -- \\
      secdom hsm init --hsm hsm-1 --artifact key=key.bin

The first use begins the transcript. What a command prints is shown on standard error and kept in the transcript: run no command that prints a secret. With --json one object \
is printed, with the members line (its number), digest, and code, the exit code of the command.";

/// How much of what a command prints is kept.
const KEPT: usize = 64 << 10;

/// Add to the transcript of a ceremony what was run or seen: a command, words, a file, or the
/// checkpoint of an HSM's log. The exit code is 1 if the command failed
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
#[group(id = "recorded", required = true, multiple = false, args = ["seen", "file", "checkpoint", "command"])]
pub struct Args {
    /// The transcript, which is begun if it does not exist
    #[arg(long, value_name = "FILE")]
    transcript: PathBuf,
    /// What somebody saw or said
    #[arg(long, value_name = "TEXT")]
    seen: Option<String>,
    /// A file that is there, of which the digest is kept
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A checkpoint that the HSM signed, so that the transcript can be compared with the log
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArg,
    /// A command to run, after --
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let mut transcript = Transcript::open(&args.transcript)?;
    let mut notes = transcript.notes();
    let (number, code) = match args.command.as_slice() {
        [] => (transcript.append(what(args)?)?, None),
        [program, arguments @ ..] => {
            let ended = execute(&mut transcript, program, arguments)?;
            (ended.0, Some(ended.1))
        }
    };
    let digest = transcript.last();
    let text = format!("line {number}  {digest}\n");
    let object = json!({ "line": number, "digest": digest, "code": code.flatten() });
    let failed = code.is_some_and(|code| code != Some(0));
    if failed {
        notes.push("the command failed, as the transcript says".into());
    }
    Ok(Report {
        refused_in_part: failed,
        notes,
        ..Report::text(args.json.either(text, &object))
    })
}

fn what(args: &Args) -> Outcome<What> {
    if let Some(text) = &args.seen {
        return Ok(What::Seen { text: text.clone() });
    }
    if let Some(path) = &args.file {
        let sha256 = show::sha256(&input::read(path)?);
        let name = show::path(path);
        return Ok(What::File { name, sha256 });
    }
    let Some(path) = &args.checkpoint else {
        return Err(Refusal::new("nothing is given to record"));
    };
    let bytes = input::read(path)?;
    Checkpoint::parse(&bytes).map_err(|error| Refusal::file(path, error))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(What::Checkpoint { text })
}

/// Runs a command between two lines, so that one that never ends is in the transcript, too. Returns
/// the number of the second line and the command's exit code.
fn execute(
    transcript: &mut Transcript,
    program: &OsStr,
    arguments: &[OsString],
) -> Outcome<(usize, Option<i32>)> {
    let words = iter::once(program).chain(arguments.iter().map(OsString::as_os_str));
    let command = words.map(|word| word.to_string_lossy().into_owned());
    transcript.append(What::Start {
        command: command.collect(),
    })?;
    let refuse = |error: io::Error| Refusal::file(program.as_ref(), input::reason(&error));
    let child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let (out, err) = (Printed::none(), Printed::none());
            transcript.append(What::End {
                code: None,
                out,
                err,
            })?;
            return Err(refuse(error));
        }
    };
    let err = child.stderr.take();
    let err = thread::spawn(move || err.map(printed));
    let out = child.stdout.take().map(printed);
    let code = child.wait().map_err(refuse)?.code();
    let (Some(Ok(out)), Ok(Some(Ok(err)))) = (out, err.join()) else {
        return Err(Refusal::new("what the command printed could not be read"));
    };
    let number = transcript.append(What::End { code, out, err })?;
    Ok((number, code))
}

/// Keeps what a command prints, and shows it on standard error: standard output is for the report.
fn printed(mut from: impl Read) -> io::Result<Printed> {
    let (mut front, mut all) = (Vec::new(), Sha256::new());
    let mut piece = [0; 4096];
    loop {
        let piece = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => &piece[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        all.update(piece);
        let room = KEPT.saturating_sub(front.len()).min(piece.len());
        front.extend_from_slice(&piece[..room]);
        let _ = io::stderr().write_all(piece);
    }
    Ok(Printed {
        text: String::from_utf8_lossy(&front).into_owned(),
        sha256: show::hex(&all.finalize()),
    })
}
