// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom drill challenge`: asks custodians to show that they have their keys and shares.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::custodian::{Algorithm, Recipient};
use security_domain::custodian_key::CustodianKey;
use security_domain::drill::{Challenge, Proof};
use security_domain::sealed_domain::SealedDomain;
use serde_json::json;

use super::file;
use crate::of::{Of, OfArgs, SealedFile};
use crate::output::{Access, Content, Target};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, floor, input, recipients, show};

const EXAMPLE: &str = "Example:
  secdom drill challenge --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --custodians A.cer B.cer C.cer --out challenge
  secdom drill challenge --sd-file domain.json \\
      --custodians A.cer B.cer C.cer --out challenge

Keep the challenge, and verify the responses with that copy, once. Make a new one for each drill.";

/// Write a challenge to custodians. Of a sealed domain, those whose certificates or public keys are
/// given can prove that they have key and share, the others that the share is known. Of a domain
/// file of Managed HSM, those whose certificates are given can prove that they have their keys
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    of: OfArgs,
    /// The certificates or public keys of the custodians who are to prove that they have their
    /// keys, PEM or DER, of any kinds; CER+PUB for a custodian who needs two
    #[arg(long, num_args = 1.., value_name = "CER")]
    custodians: Vec<PathBuf>,
    /// The challenge to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Binary, &args.json)?;
    match args.of.which()? {
        Of::Sealed(of) => to_sealed(args, &of, &target),
        Of::DomainFile(path, format) => {
            let of = file::Of { path, format };
            file::challenge(&of, &args.custodians, &target, &args.json)
        }
    }
}

fn to_sealed(args: &Args, of: &SealedFile<'_>, target: &Target<'_>) -> Outcome<Report> {
    let bytes = input::read(of.path)?;
    let sealed = of.parse(&bytes)?;
    let (keys, _) = recipients::read(&args.custodians)?;
    for (key, argument) in keys.iter().zip(&args.custodians) {
        must_be_listed(key, argument, &sealed, of.path)?;
    }
    let now = clock::unix();
    let mut out = vec![0; Challenge::written_len(&keys)];
    let challenge = Challenge::write(&sealed, &keys, now, &mut SysRng, &mut out)
        .map_err(|error| Refusal::file(of.path, error))?;
    let output = target.write(Access::Everyone, challenge.as_bytes())?;

    let (file, digest) = (target.shown(), challenge.digest());
    let floor = sealed.header().module_floor();
    let (mut text, mut listed) = (format!("{file}: challenge {digest}\n"), Vec::new());
    text += &format!("module {}\n", floor::words(floor));
    for custodian in sealed.header().custodians() {
        let id = custodian.id.to_string();
        let given = keys.iter().zip(&args.custodians);
        let given = { given.into_iter() }.find(|(key, _)| key.id() == custodian.id);
        let of = given.map(|(_, argument)| show::path(argument));
        let proof = match of {
            Some(_) => Proof::KeyAndShare,
            None => Proof::ShareKnown,
        };
        let name = of.as_ref().map_or(String::new(), |of| format!(" ({of})"));
        text += &format!("custodian {id}{name}: {proof}\n");
        listed.push(json!({ "custodian": id, "file": of, "proof": proof.to_string() }));
    }
    let object = json!({
        "file": file,
        "challenge_digest": digest.to_string(),
        "module_floor": floor::json(floor),
        "custodians": listed,
    });
    Ok(Report::about(output, args.json.either(text, &object)))
}

/// Refuses the key of somebody who is no custodian of the domain.
fn must_be_listed(
    key: &CustodianKey,
    argument: &Path,
    sealed: &SealedDomain<'_>,
    path: &Path,
) -> Outcome<()> {
    let id = key.id();
    let custodians = || sealed.header().custodians();
    if custodians().any(|custodian| custodian.id == id) {
        return Ok(());
    }
    let more = match custodians().any(|one| matches!(one.algorithm, Algorithm::Both { .. })) {
        true => "; a custodian who needs two keys is given as CER+PUB",
        false => "",
    };
    let file = show::path(path);
    let reason = format!("custodian {id} has no share of {file}{more}");
    Err(Refusal::file(argument, reason))
}
