// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ceremony record`: adds to the transcript what was run or seen.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use security_domain::custody::Checkpoint;

use super::transcript::{Printed, Transcript, What};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, input, show};
use serde_json::json;

const EXAMPLE: &str = "Example:
  secdom ceremony record --transcript ceremony.jsonl --file ceremony.html
  secdom ceremony record --transcript ceremony.jsonl \\
      --seen \"Ada, Ben and Cleo are present\"
  secdom ceremony record --transcript ceremony.jsonl -- \\
      secdom hsm init --hsm hsm-1 --artifact key=key.bin

The first use begins the transcript. All that a command prints is kept in it: run no command that prints a secret. With --json one object \
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
    let what = what(args)?;
    let code = match &what {
        What::Run { code, .. } => Some(*code),
        _ => None,
    };
    let number = transcript.append(what)?;
    let digest = transcript.last();
    let text = format!("line {number}  {digest}\n");
    let object = json!({ "line": number, "digest": digest, "code": code.flatten() });
    let failed = code.is_some_and(|code| code != Some(0));
    Ok(Report {
        refused_in_part: failed,
        notes: failed
            .then(|| "the command failed, as the transcript says".into())
            .into_iter()
            .collect(),
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
    if let Some(path) = &args.checkpoint {
        let bytes = input::read(path)?;
        Checkpoint::parse(&bytes).map_err(|error| Refusal::file(path, error))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        return Ok(What::Checkpoint { text });
    }
    execute(&args.command)
}

/// Runs a command. What it prints is shown as it comes.
fn execute(line: &[OsString]) -> Outcome<What> {
    let [program, arguments @ ..] = line else {
        return Err(Refusal::new("no command is given"));
    };
    let refuse = |error: std::io::Error| Refusal::file(program.as_ref(), input::reason(&error));
    let began = clock::unix();
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(refuse)?;
    let err = child.stderr.take();
    // The command's own channels, so that its output can be used as without the transcript.
    let err = thread::spawn(move || err.map(|from| printed(from, std::io::stderr())));
    let out = { child.stdout.take() }.map(|from| printed(from, std::io::stderr()));
    let status = child.wait().map_err(refuse)?;
    let err = err.join().ok().flatten();
    let (Some(out), Some(err)) = (out, err) else {
        return Err(Refusal::new("the command's output was not read"));
    };
    let words = line.iter().map(|word| word.to_string_lossy().into_owned());
    Ok(What::Run {
        command: words.collect(),
        code: status.code(),
        began,
        out,
        err,
    })
}

/// Copies what a command prints, and keeps it.
fn printed(mut from: impl Read, mut to: impl Write) -> Printed {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        all.extend_from_slice(&piece[..read]);
        let _ = to.write_all(&piece[..read]).and_then(|()| to.flush());
    }
    let front = all.get(..KEPT).unwrap_or(&all);
    Printed {
        text: String::from_utf8_lossy(front).into_owned(),
        sha256: show::sha256(&all),
    }
}
