// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ceremony sign`: a witness signs the transcript.

use std::path::PathBuf;

use security_domain::custody::Name;
use serde_json::json;

use super::transcript::{self, Transcript};
use crate::key::SigningArgs;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::show;

const EXAMPLE: &str = "Example:
  secdom ceremony sign --transcript ceremony.jsonl --name Dora --key dora.key

The key is the witness's own: openssl genpkey -algorithm ed25519 -aes256 -out dora.key makes one. The signature covers every \
line before it. Write down the number of the line and the digest: lines can be cut off the end of a transcript, and only who knows them notices. With --json one object is printed, with the members line, name, key (the public key) and digest, which is that of the line \
that is signed.";

/// Sign the transcript of a ceremony as a witness
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The transcript
    #[arg(long, value_name = "FILE")]
    transcript: PathBuf,
    /// The name of the witness, at most 64 bytes
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    key: SigningArgs,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let name = Name::new(&args.name);
    let name = name.map_err(|error| Refusal::new(format!("--name: {error}")))?;
    let key = args.key.read()?;
    let mut transcript = Transcript::existing(&args.transcript)?;
    let digest = transcript.last().to_owned();
    let number = transcript.append(transcript::sign(&key, &digest, name.as_str()))?;
    let public = show::hex(key.verifying_key().as_bytes());
    let (name, shown) = (name.as_str(), show::whole(name.as_str()));
    let text = format!("line {number}  {shown} signs {digest}; key {public}\n");
    let object = json!({ "line": number, "name": name, "key": public, "digest": digest });
    Ok(Report {
        notes: transcript.notes(),
        ..Report::text(args.json.either(text, &object))
    })
}
