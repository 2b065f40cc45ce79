// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom restore-session begin`: writes the request that custodians answer.

use std::num::NonZeroU64;
use std::path::PathBuf;

use getrandom::SysRng;
use security_domain::contribution::SessionPublicKey;
use security_domain::custodian::Algorithm;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{Request, Times, ask};
use security_domain::x509::Certificate;

use super::folder::{Contents, Folder};
use super::{in_json, in_text, is_expired, parse, read, shared, time};
use crate::domain::{self, Domain, FormatArgs};
use crate::kem::{Kind, PrivateKey};
use crate::output::{self, Access, Content, Published, Target};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::transfer::{TransferArgs, with_key};
use crate::{clock, show};

const EXAMPLE: &str = "Example:
  secdom restore-session begin --sd-file domain.json \\
      --sd-exchange-key transfer.pem \\
      --session restore --request request --expires 604800

It prints the request's digest, the SHA-256 of the domain file and the thumbprint of the transfer key. Tell them to the \
custodians over a separate channel, such as the phone, and send them the request. Each answers alone:
  secdom contribute --sd-file domain.json --request request \\
      --request-digest 9f86...0a08 --key A.key --out from-ada

The folder holds the session's key: whoever has it and a quorum of contributions has the domain.";

/// Begin to restore a domain with custodians who never meet: write the request that they answer
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The security-domain file
    #[arg(long, value_name = "FILE")]
    sd_file: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    to: TransferArgs,
    /// The new folder for the session, with its private key
    #[arg(long, value_name = "DIR")]
    session: PathBuf,
    /// The request to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    request: PathBuf,
    /// After how many seconds the session expires; by default, never
    #[arg(long, value_name = "SECONDS")]
    expires: Option<NonZeroU64>,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let target = Target::new(&args.request, Content::Binary, &args.json)?;
    let path = &args.sd_file;
    let (text, around) = read(path)?;
    let Domain { file, passed_over } = domain::read(path, &text, &args.format)?;
    let file = shared(path, file)?;
    let transfer_file = args.to.read()?;
    let transfer = transfer_file.parse()?;
    args.to.must_be_expected(&transfer)?;

    let begun = target.begin(Access::Everyone)?;
    let mut notes = Vec::new();
    let (request, made) = match resumed(args, &file, &transfer)? {
        Some(request) => {
            let folder = show::path(&args.session);
            notes.push(format!(
                "{folder}: this session was begun before; this is its request"
            ));
            (request, None)
        }
        None => {
            let (request, made) = made(args, &file, &text, &transfer)?;
            (request, Some(made))
        }
    };
    let written = match begun.write(&request) {
        Ok(written) => written,
        Err(refusal) => {
            // Without the request nobody can answer.
            if let Some(made) = made {
                made.take_back();
            }
            return Err(refusal);
        }
    };
    let parsed = parse(&args.request, &request)?;
    let text = args.json.either(in_text(&parsed), &in_json(&parsed));
    // The session stays even if the report cannot be printed, and so does its request.
    let mut report = Report {
        outputs: Vec::new(),
        ..Report::about(written, text)
    };
    notes.extend({ file.damaged_shares() }.map(|share| {
        let of = share.custodian.map(|to| format!(" of custodian {to}"));
        format!(
            "the share{} is damaged: {}",
            of.unwrap_or_default(),
            share.error
        )
    }));
    report.notes.extend(
        notes
            .into_iter()
            .chain(around)
            .chain(passed_over)
            .chain(with_key(&transfer_file)),
    );
    Ok(report)
}

/// Makes the key, the request and the folder of a session.
fn made(
    args: &Args,
    file: &DomainFile<'_>,
    text: &[u8],
    transfer: &Certificate<'_>,
) -> Outcome<(Vec<u8>, Published)> {
    output::folder_must_be_free(&args.session)?;
    let refusal = |error: &dyn std::error::Error| Refusal::file(&args.session, error.to_string());
    let key = PrivateKey::generate(Kind::XWing).map_err(|error| refusal(&error))?;
    let public = key.public_key().map_err(|error| refusal(&error))?;
    let public = SessionPublicKey::new(Algorithm::XWing, public.spki_der());
    let public = public.map_err(|error| refusal(&error))?;
    let created = clock::unix();
    let expires = args.expires.map_or(0, |after| end(created, after));
    let mut request = vec![0; Request::MAX_LEN];
    let times = Times { created, expires };
    let asked = ask(file, transfer, public, times, &mut SysRng, &mut request);
    let asked = asked.map_err(|error| Refusal::file(&args.to.sd_exchange_key, error))?;
    let request = asked.as_bytes().to_vec();
    let der = key.to_pkcs8_der().map_err(|error| refusal(&error))?;
    let contents = Contents {
        key: &der,
        request: &request,
        domain: text,
        transfer: transfer.der(),
    };
    let made = Folder::make(&args.session, &contents)?;
    Ok((request, made))
}

/// Returns the request of the session in the folder, if there is one for the same file and transfer
/// key: a process that was stopped made it, or its request was lost.
fn resumed(
    args: &Args,
    file: &DomainFile<'_>,
    transfer: &Certificate<'_>,
) -> Outcome<Option<Vec<u8>>> {
    output::reclaim(&args.session);
    if !args.session.is_dir() {
        return Ok(None);
    }
    let folder = Folder::open(&args.session)?;
    let bytes = folder.request()?;
    let request = parse(folder.path(), &bytes)?;
    folder.key()?;
    if request.file() != file.digest() || request.transfer() != transfer.thumbprint() {
        let reason = "holds a session for another domain file or transfer key";
        return Err(Refusal::file(&args.session, reason));
    }
    if is_expired(&request) {
        let reason = "has expired; run restore-session cancel";
        return Err(Refusal::file(&args.session, reason));
    }
    let expires = request.expires().map(NonZeroU64::get);
    let other = |after: &NonZeroU64| Some(end(request.created(), *after)) != expires;
    if args.expires.as_ref().is_some_and(other) {
        let when = expires.map_or("never".into(), |at| format!("at {}", time(at)));
        let reason = format!(
            "holds a session that expires {when}: without --expires its request is written again"
        );
        return Err(Refusal::file(&args.session, reason));
    }
    Ok(Some(bytes.to_vec()))
}

/// The last second of a session.
fn end(created: u64, after: NonZeroU64) -> u64 {
    created.saturating_add(after.get())
}
