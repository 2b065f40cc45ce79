// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom contribute`: one custodian, alone and offline, sends a share to an HSM that asked for
//! it, or to the collector of a restore session.

mod restore;

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::contribution::{
    ProposalDigest, Request, RequestDigest, SessionPurpose, VettedRequest, contribute,
    contribution_len,
};
use serde_json::json;

use security_domain::x509::Thumbprint;

use crate::confirm::YesArg;
use crate::custodian::Sealed;
use crate::custodians::KeyArgs;
use crate::kind::{self, FileKind};
use crate::of::{Of, OfArgs, SealedFile};
use crate::output::{Access, Content, Target};
use crate::passwords::PasswordArgs;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::share::{self, ShareArgs};
use crate::{clock, hsm, ids, input, show};

const EXAMPLE: &str = "Example:
  secdom contribute --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --request request --request-digest 9f86...0a08 --key A.key --out from-ada

Read the request's digest from the HSM itself, or have its operator read it to you. Do not take it from \
the message that brought the request: whoever made another request would get your share.

With a key in a token that has a PKCS#11 module, give its URI:
  secdom contribute ... --key 'pkcs11:token=A;object=a?module-path=/usr/lib/module.so' --out from-ada

With a key in another token or a key management service: take your wrapped share from inspect --json (wrapped_share, in base64), let the \
token decrypt it (RSA-OAEP, SHA-256 for hash and MGF1, no label) and pipe the 65 bytes to --share:
  openssl pkeyutl -decrypt -inkey A.key -in wrapped \\
      -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 |
      secdom contribute ... --share - --out from-ada
They are your share in the clear. Give them to nothing else.

If the request is to change the quorum, your answer consents to the next one. With the file that it proposes you see to whom:
  secdom contribute ... --pending pending.sealed --key A.key --out from-ada

For a restore session of a Managed HSM's security-domain file, name that file in place of the sealed domain:
  secdom contribute --sd-file domain.json --request request \\
      --request-digest 9f86...0a08 --key A.key --out from-ada
Compare the SHA-256 of the file and the thumbprint of the transfer key, which it shows, with your notes and the HSM's.

If you need two keys, give both as --key A.key+A.x.key. With the RSA key of the two in a token: take rsa_part \
from inspect --json, let the token decrypt it, and give the 64 bytes with the other key:
  secdom contribute ... --key A.cer+A.x.key --share - --out from-ada";

/// Answer the request of an HSM, or of a restore session, with one custodian's share, wrapped so
/// that only who asked can open it
#[derive(clap::Args)]
#[command(after_help = EXAMPLE, group = ShareArgs::of_sealed())]
pub struct Args {
    #[command(flatten)]
    of: OfArgs,
    /// With --sd-file, the thumbprint of the transfer certificate of the HSM to restore, as the HSM
    /// shows it; a request for another one is refused
    #[arg(long, value_name = "THUMBPRINT", value_parser = ids::thumbprint, requires = "sd_file")]
    expect_thumbprint: Option<Thumbprint>,
    /// With --sd-file, certificates that are not beside the key
    #[arg(long, num_args = 1.., value_name = "CER", requires = "sd_file")]
    certs: Vec<PathBuf>,
    /// The request
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The request's digest, as the HSM or the collector shows it
    #[arg(long, value_name = "HEX")]
    request_digest: RequestDigest,
    /// The pending file, if the request is to change the quorum: it must be the one that the request
    /// proposes, and its custodians are shown
    #[arg(long, value_name = "FILE", requires = "sealed")]
    pending: Option<PathBuf>,
    #[command(flatten)]
    from: ShareArgs,
    #[command(flatten)]
    passwords: PasswordArgs,
    #[command(flatten)]
    yes: YesArg,
    #[command(flatten)]
    json: JsonArg,
    /// The contribution to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
}

pub fn run(args: Args) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Binary, &args.json)?;
    match args.of.which()? {
        Of::Sealed(of) => to_hsm(&args, &of, &target),
        Of::DomainFile(sd_file, format) => {
            let answer = restore::Answer {
                sd_file,
                format,
                expect_thumbprint: args.expect_thumbprint,
                request: &args.request,
                request_digest: args.request_digest,
                yes: &args.yes,
                keys: KeyArgs::one(args.from, args.certs, args.passwords),
            };
            restore::run(answer, &target, &args.json)
        }
    }
}

/// Shows on stderr to whom the request proposes to seal the domain, if `path` is the file that it
/// proposes.
fn show_proposal(path: &Path, request: &Request<'_>, request_path: &Path) -> Outcome<()> {
    let SessionPurpose::Rotate(proposal) = request.purpose() else {
        let reason = format!("is to {}, and proposes no file", request.purpose());
        return Err(Refusal::file(request_path, reason));
    };
    let bytes = input::read(path)?;
    let pending = hsm::parse_sealed(path, &bytes)?;
    let header = pending.header();
    let next = request.epoch().next();
    let follows = header.domain_id() == request.domain_id() && Some(header.epoch()) == next;
    if ProposalDigest::of(header.digest()) != proposal || !follows {
        let reason = format!("is not the file that {} proposes", show::path(request_path));
        return Err(Refusal::file(path, reason));
    }
    let (quorum, mut text) = (header.quorum(), String::new());
    for custodian in header.custodians() {
        text += &format!("custodian {}  {}\n", custodian.id, custodian.algorithm);
    }
    let (need, of) = (quorum.threshold().get(), quorum.count().get());
    let digest = header.digest();
    let break_glass = match header.break_glass() {
        None => "never".into(),
        Some(delay) => format!("after {delay} seconds"),
    };
    eprint!("next-header {digest}\nquorum {need} of {of}\nbreak-glass {break_glass}\n{text}");
    Ok(())
}

/// Answers the request of an HSM with a share of its sealed domain.
fn to_hsm(args: &Args, file: &SealedFile<'_>, target: &Target<'_>) -> Outcome<Report> {
    let sealed_bytes = input::read(file.path)?;
    let sealed = file.parse(&sealed_bytes)?;
    let bytes = input::read(&args.request)?;
    let request = Request::parse(&bytes)
        .map_err(|error| kind::refusal(&args.request, &bytes, &FileKind::Request, error))?;
    let request = VettedRequest::compared(request, args.request_digest)
        .map_err(|error| Refusal::file(&args.request, error))?;

    if let Some(path) = &args.pending {
        show_proposal(path, request.request(), &args.request)?;
    }
    let (asked, domain) = (request.request(), sealed.header().domain_id());
    args.yes.confirm(&format!(
        "Send your share of domain {domain} to the HSM that showed request {}, which is to {}",
        asked.digest(),
        asked.purpose()
    ))?;
    let of = Sealed {
        domain: &sealed,
        path: file.path,
    };
    let held = share::read(&args.from.held, &args.passwords, of)?;
    let share = held.share;
    let now = clock::unix();
    let mut out = vec![0; contribution_len(request.request())];
    let contribution = contribute(
        &sealed,
        &file.expect,
        &request,
        &share,
        now,
        &mut SysRng,
        &mut out,
    )
    .map_err(|error| Refusal::file(&args.request, error))?;
    let output = target.write(Access::Everyone, contribution.as_bytes())?;
    let (shown, custodian) = (target.shown(), share.custodian());
    let request = contribution.request();
    let text = format!("{shown}: contribution of custodian {custodian} to request {request}\n");
    let object = json!({
        "file": shown,
        "custodian": custodian.to_string(),
        "request_digest": request.to_string(),
    });
    Ok(Report::about(output, args.json.either(text, &object)))
}
