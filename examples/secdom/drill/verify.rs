// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom drill verify`: says what the responses to a challenge prove.

use std::path::{Path, PathBuf};

use security_domain::drill::{Answered, Challenge, Response};
use security_domain::sealed_domain::SealedDomain;
use serde_json::json;

use super::{file, parse_challenge, second};
use crate::kind::{self, FileKind};
use crate::names::CertsArg;
use crate::of::{Of, OfArgs, SealedFile};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{floor, hsm, input, show};

const EXAMPLE: &str = "Example:
  secdom drill verify --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --challenge challenge response-of-ada response-of-bob
  secdom drill verify --sd-file domain.json \\
      --challenge challenge response-of-ada

Take a challenge that you made yourself, and take it once: whoever made it knows what it asks for, and a response that \
was seen before proves nothing. Of a domain file of Managed HSM a response proves that the key is there; that the share \
opened is what the custodian's program says.";

/// Say what responses to your own challenge prove of each custodian: key and share, or that the
/// share is known, or of a domain file of Managed HSM that the key is there. The exit code is 1 if
/// any response was refused
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    of: OfArgs,
    /// The challenge, as you kept it
    #[arg(long, value_name = "FILE")]
    challenge: PathBuf,
    /// The responses
    #[arg(required = true, value_name = "RESPONSE")]
    responses: Vec<PathBuf>,
    /// The simulated HSM of the domain, in whose log the results are recorded
    #[arg(long, value_name = "DIR", requires = "sealed")]
    hsm: Option<PathBuf>,
    #[command(flatten)]
    certs: CertsArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    match args.of.which()? {
        Of::Sealed(of) => of_sealed(args, &of),
        Of::DomainFile(path, format) => {
            let (of, certs) = (file::Of { path, format }, &args.certs.certs);
            file::verify(&of, &args.challenge, &args.responses, certs, &args.json)
        }
    }
}

fn of_sealed(args: &Args, of: &SealedFile<'_>) -> Outcome<Report> {
    let names = args.certs.read()?;
    let bytes = input::read(of.path)?;
    let sealed = of.parse(&bytes)?;
    let bytes = input::read(&args.challenge)?;
    let challenge = parse_challenge(&args.challenge, &bytes, &sealed)?;
    let (mut text, mut listed) = (String::new(), Vec::new());
    let (mut answered, mut refused) = (Vec::<(Answered, &Path)>::new(), Vec::new());
    for file in &args.responses {
        let one = verify(of, &sealed, &challenge, file).and_then(|one| {
            let mut before = answered.iter();
            match before.find(|(before, _)| before.custodian == one.custodian) {
                Some((_, earlier)) => Err(second(file, &names.show(one.custodian), earlier)),
                None => Ok(one),
            }
        });
        let one = match one {
            Ok(one) => one,
            Err(refusal) => {
                refused.push(refusal.to_string());
                continue;
            }
        };
        let (custodian, proof) = (one.custodian, one.proof);
        answered.push((one, file));
        let shown = show::path(file);
        text += &format!("{shown}: custodian {}: {proof}\n", names.show(custodian));
        listed.push(json!({
            "file": shown,
            "custodian": custodian.to_string(),
            "subject": names.subject(custodian),
            "proof": proof.to_string(),
        }));
    }
    if listed.is_empty() {
        return Err(Refusal::new(refused.join("; ")));
    }
    if let Some(folder) = &args.hsm {
        let domain = sealed.header().domain_id();
        let answers = answered.iter().map(|(one, _)| one);
        hsm::add_drills(folder, domain, challenge.digest(), answers)?;
    }
    let mut silent = Vec::new();
    for custodian in sealed.header().custodians() {
        if !answered
            .iter()
            .any(|(one, _)| one.custodian == custodian.id)
        {
            text += &format!("custodian {}: no response\n", names.show(custodian.id));
            silent.push(custodian.id.to_string());
        }
    }
    let floor = sealed.header().module_floor();
    text += &format!("module {}\n", floor::words(floor));
    let object = json!({
        "challenge_digest": challenge.digest().to_string(),
        "module_floor": floor::json(floor),
        "responses": listed,
        "without_response": silent,
        "refused": refused,
    });
    Ok(Report {
        refused_in_part: !refused.is_empty(),
        notes: refused,
        ..Report::text(args.json.either(text, &object))
    })
}

fn verify(
    of: &SealedFile<'_>,
    sealed: &SealedDomain<'_>,
    challenge: &Challenge<'_>,
    file: &Path,
) -> Outcome<Answered> {
    let bytes = input::read(file)?;
    let response = Response::parse(&bytes)
        .map_err(|error| kind::refusal(file, &bytes, &FileKind::Response, error))?;
    { response.verify(sealed, &of.expect, challenge) }.map_err(|error| Refusal::file(file, error))
}
