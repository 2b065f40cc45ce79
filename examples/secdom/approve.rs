// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom approve`: one custodian, alone and offline, approves an act of an HSM.

use std::path::PathBuf;

use getrandom::SysRng;
use security_domain::approval::{Act, ActSubject, Approval, approve};
use serde_json::json;

use crate::custodian::Sealed;
use crate::kind::{self, FileKind};
use crate::of::SealedArgs;
use crate::output::{Access, Content, Target};
use crate::passwords::PasswordArgs;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::share::{self, HeldArgs};
use crate::{clock, input};

const EXAMPLE: &str = "Example:
  secdom approve --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --act act --key A.key --out approval-of-ada

It shows the act before your key is used. Approve it only if you agree to what it does, on that HSM and about that \
subject. The approval holds nothing of your share, and counts for this act alone.

With a key in a token that has a PKCS#11 module, give its URI to --key. With a key in another token or a key management \
service: let it decrypt your wrapped share, as secdom contribute --help says:
  secdom approve ... --share share --out approval-of-ada";

/// Approve an act of an HSM as one custodian, with your share, which does not leave you
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    of: SealedArgs,
    /// The act
    #[arg(long, value_name = "FILE")]
    act: PathBuf,
    #[command(flatten)]
    from: HeldArgs,
    #[command(flatten)]
    passwords: PasswordArgs,
    #[command(flatten)]
    json: JsonArg,
    /// The approval to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
}

pub fn run(args: Args) -> Outcome<Report> {
    let target = Target::new(&args.out, Content::Binary, &args.json)?;
    let file = args.of.file();
    let bytes = input::read(file.path)?;
    let sealed = file.parse(&bytes)?;
    let bytes = input::read(&args.act)?;
    let act = Act::parse(&bytes)
        .map_err(|error| kind::refusal(&args.act, &bytes, &FileKind::Act, error))?;
    let now = clock::unix();
    act.check(&sealed, now)
        .map_err(|error| Refusal::file(&args.act, error))?;
    // Before the key is used, and where no output can hide it.
    eprint!("{}", shown(&act));
    let of = Sealed {
        domain: &sealed,
        path: file.path,
    };
    let held = share::read(&args.from, &args.passwords, of)?;

    let mut out = [0; Approval::MAX_LEN];
    let (expect, share) = (&file.expect, &held.share);
    let approval = approve(&sealed, expect, &act, share, now, &mut SysRng, &mut out)
        .map_err(|error| Refusal::file(&args.act, error))?;
    let output = target.write(Access::Everyone, approval.as_bytes())?;
    let (shown, custodian, digest) = (target.shown(), share.custodian(), act.digest());
    let kind = act.kind();
    let text = format!("{shown}: approval of custodian {custodian} of act {digest}: {kind}\n");
    let object = json!({
        "file": shown,
        "custodian": custodian.to_string(),
        "act_digest": digest.to_string(),
        "kind": kind.to_string(),
    });
    Ok(Report::about(output, args.json.either(text, &object)))
}

/// Says what is about to be approved.
fn shown(act: &Act<'_>) -> String {
    let subject = match act.subject() {
        ActSubject::NONE => "the domain".into(),
        subject => subject.to_string(),
    };
    let created = match act.created() {
        0 => "by an HSM without a clock".into(),
        created => clock::shown(created),
    };
    let expires = { act.expires() }.map_or("never".into(), |expires| clock::shown(expires.get()));
    format!(
        "act {}: {}\ndomain-id {}\nepoch {}\ninstance-id {}\nsubject {subject}\ncreated {created}\nexpires {expires}\n",
        act.digest(),
        act.kind(),
        act.domain_id(),
        act.epoch().get(),
        act.instance(),
    )
}
