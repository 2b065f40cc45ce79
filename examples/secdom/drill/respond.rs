// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom drill respond`: one custodian, alone and offline, answers a challenge.

use std::path::PathBuf;

use getrandom::SysRng;
use security_domain::drill::{Challenge, DrillValue, Proof, Response, ValueError, respond};
use security_domain::sealed_domain::SealedDomain;
use serde_json::json;

use super::{file, parse_challenge};
use crate::custodian::Sealed;
use crate::custodians::KeyArgs;
use crate::key::Key;
use crate::of::{Of, OfArgs, SealedFile};
use crate::output::{Access, Content, Target};
use crate::passwords::PasswordArgs;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::share::{self, Held, ShareArgs};
use crate::{answer, input};

const EXAMPLE: &str = "Example:
  secdom drill respond --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --challenge challenge --key A.key --out response-of-ada

The response holds nothing of your share. The challenge may come from anybody.

Of a domain file of Managed HSM, both your share and the value for you must open, with one key:
  secdom drill respond --sd-file domain.json --challenge challenge \\
      --key A.key --out response-of-ada
With the key elsewhere, let it decrypt both (wrapped_content_key of inspect --json on the file, wrapped_value on the \
challenge, with your thumbprint):
  secdom drill respond ... --sd-unwrapped A.cer=content-key --value value \\
      --out response-of-ada

With a key in a token that has a PKCS#11 module, give its URI to --key. With a key in another token or a key management \
service: let it decrypt your wrapped share (wrapped_share of inspect --json on the sealed domain) and the value for you \
(wrapped_value of inspect --json on the challenge, with the index of your share), both as secdom contribute --help says:
  secdom drill respond ... --share share --value value --out response-of-ada

If you need two keys, give both as --key A.key+A.x.key. With the RSA key of the two in a token: --key A.cer+A.x.key, and \
in --share and --value the 64 bytes that it decrypted: of your rsa_part, and of as many bytes from the front of the \
wrapped value.";

/// Answer a challenge as one custodian: the response proves that you have your key and your share,
/// or of a domain file of Managed HSM that you have your key, and holds nothing of either
#[derive(clap::Args)]
#[command(after_help = EXAMPLE, group = ShareArgs::of_sealed())]
pub struct Args {
    #[command(flatten)]
    of: OfArgs,
    /// The challenge
    #[arg(long, value_name = "FILE")]
    challenge: PathBuf,
    #[command(flatten)]
    from: ShareArgs,
    /// With --share or --sd-unwrapped, what the key unwrapped of the challenge's value, in the same
    /// forms. With --share it may be left out: the response shows only that the share is known then
    #[arg(long, value_name = "FILE", requires = "elsewhere")]
    value: Option<PathBuf>,
    /// With --sd-file, certificates that are not beside the key
    #[arg(long, num_args = 1.., value_name = "CER", requires = "sd_file")]
    certs: Vec<PathBuf>,
    #[command(flatten)]
    passwords: PasswordArgs,
    #[command(flatten)]
    json: JsonArg,
    /// The response to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
}

pub fn run(args: Args) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Binary, &args.json)?;
    match args.of.which()? {
        Of::Sealed(of) => with_share(&args, &of, &target),
        Of::DomainFile(path, format) => {
            let of = file::Of { path, format };
            if args.from.sd_unwrapped.is_some() && args.value.is_none() {
                let reason =
                    "--sd-unwrapped: give --value, too: what the key decrypted of the challenge";
                return Err(Refusal::new(reason));
            }
            let answer = file::Answer {
                challenge: &args.challenge,
                keys: KeyArgs::one(args.from, args.certs, args.passwords),
                value: args.value.as_deref(),
            };
            file::answer(&of, answer, &target, &args.json)
        }
    }
}

fn with_share(args: &Args, file: &SealedFile<'_>, target: &Target<'_>) -> Outcome<Report> {
    let bytes = input::read(file.path)?;
    let sealed = file.parse(&bytes)?;
    let bytes = input::read(&args.challenge)?;
    let challenge = parse_challenge(&args.challenge, &bytes, &sealed)?;
    let of = Sealed {
        domain: &sealed,
        path: file.path,
    };
    let mut held = share::read(&args.from.held, &args.passwords, of)?;
    let given = Given {
        challenge: &challenge,
        challenge_file: &args.challenge,
        key_file: args.from.held.key.as_ref(),
        value_file: args.value.as_ref(),
    };
    let (value, note) = given.value(&sealed, &mut held)?;

    let mut out = [0; Response::MAX_LEN];
    let (share, value) = (&held.share, value.as_ref());
    let response = respond(
        &sealed,
        &file.expect,
        &challenge,
        share,
        value,
        &mut SysRng,
        &mut out,
    )
    .map_err(|error| Refusal::file(&args.challenge, error))?;
    let output = target.write(Access::Everyone, response.as_bytes())?;
    let proof = match value {
        Some(_) => Proof::KeyAndShare,
        None => Proof::ShareKnown,
    };
    let (file, custodian, digest) = (target.shown(), share.custodian(), challenge.digest());
    let text =
        format!("{file}: response of custodian {custodian} to challenge {digest}: {proof}\n");
    let object = json!({
        "file": file,
        "custodian": custodian.to_string(),
        "challenge_digest": digest.to_string(),
        "proof": proof.to_string(),
    });
    let mut report = Report::about(output, args.json.either(text, &object));
    report.notes.extend(note);
    Ok(report)
}

/// What the custodian was sent, and where the value for him is opened.
struct Given<'g> {
    challenge: &'g Challenge<'g>,
    challenge_file: &'g PathBuf,
    key_file: Option<&'g PathBuf>,
    value_file: Option<&'g PathBuf>,
}

impl Given<'_> {
    /// Returns the value for the custodian, or why the response does without it.
    fn value(
        &self,
        sealed: &SealedDomain<'_>,
        held: &mut Held,
    ) -> Outcome<(Option<DrillValue>, Option<String>)> {
        let (challenge, id) = (self.challenge, held.share.custodian());
        let without = |why: String| {
            let note = format!("{why}: the response shows only that the share is known");
            Ok((None, Some(note)))
        };
        let opened = match (&mut held.key, self.value_file) {
            (Some(key), None) if !held.answered => {
                challenge.unwrap_value(sealed, id, key, &mut SysRng)
            }
            (_, None) => return without("no --value is given".into()),
            (Some(key), Some(file)) => {
                let answer = answer::read(file, &answer::RSA_PART)?;
                if let Key::Both(keys) = key {
                    keys.answer(answer);
                }
                challenge.unwrap_value(sealed, id, key, &mut SysRng)
            }
            (None, Some(file)) => {
                let value = answer::read(file, &answer::VALUE)?;
                let accepted = challenge.accept_value(sealed, id, &value);
                return match accepted {
                    Ok(value) => Ok((Some(value), None)),
                    Err(error @ ValueError::NotAsked(_)) => {
                        Err(Refusal::file(self.challenge_file, error))
                    }
                    Err(error) => Err(Refusal::file(file, error)),
                };
            }
        };
        match opened {
            Ok(value) => Ok((Some(value), None)),
            Err(error @ ValueError::NotAsked(_)) if self.value_file.is_none() => {
                without(error.to_string())
            }
            Err(error) => {
                let file = match error {
                    ValueError::Device(..) => self.key_file,
                    ValueError::DoesNotOpen(_) => self.value_file,
                    _ => None,
                };
                Err(Refusal::file(file.unwrap_or(self.challenge_file), error))
            }
        }
    }
}
