// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm recover-begin`, `recover-add`, `recover-cancel`: custodians who never meet bring a
//! sealed domain into this HSM, share by share.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use security_domain::contribution::{Contribution, Request};
use security_domain::custodian::CustodianId;
use security_domain::lifecycle::{
    Active, Added, AnyDomain, Domain, Empty, Gathers, LifecycleError, QuorumMet, Refused, Stage,
};
use security_domain::sealed_domain::{DomainId, Epoch, ExpectedDomain, HeaderDigest, SealedDomain};

use super::device::Device;
use super::{HsmArg, ROOM, begun, empty, not_in_state, state, vault, without};
use serde_json::{Value, json};

use crate::keygen::Kind;
use crate::kind::{self, FileKind};
use crate::names::{CertsArg, Names};
use crate::output::{Access, Content, Published, Target};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{input, show};

const BEGIN_EXAMPLE: &str = "Example:
  secdom hsm recover-begin --hsm hsm-2 --sealed domain.sealed \\
      --expect-domain 2c26...e7ae --request request --expires 86400

It prints the request's digest. Tell it to the custodians over a separate channel, such as the phone.";

const ADD_EXAMPLE: &str = "Example:
  secdom hsm recover-add --hsm hsm-2 from-ada from-bob";

const CANCEL_EXAMPLE: &str = "Example:
  secdom hsm recover-cancel --hsm hsm-2";

/// Begin to recover a sealed domain in a new HSM or an empty one: write the request that custodians answer
#[derive(clap::Args)]
#[command(after_help = BEGIN_EXAMPLE)]
pub struct BeginArgs {
    #[command(flatten)]
    gather: GatherArgs,
}

/// What a session needs in which custodians contribute.
#[derive(clap::Args)]
pub struct GatherArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The sealed domain
    #[arg(long, value_name = "FILE")]
    sealed: PathBuf,
    /// The domain's id, as noted when it was activated
    #[arg(long, value_name = "HEX")]
    expect_domain: DomainId,
    /// The request to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    request: PathBuf,
    #[command(flatten)]
    json: JsonArg,
    /// After how many seconds the session expires; by default, never
    #[arg(long, value_name = "SECONDS")]
    expires: Option<NonZeroU64>,
    /// The kind of the session's key, as strong as the key of every custodian; by default x-wing,
    /// or mlkem1024-p384 if a custodian's key is stronger
    #[arg(long, value_name = "KIND")]
    transfer_kind: Option<Kind>,
}

pub fn begin(args: &BeginArgs) -> Outcome<Report> {
    begin_by(
        &args.gather,
        |domain, sealed, expect, lifetime, host, out| {
            domain.begin_recovery(sealed, expect, lifetime, host, out)
        },
    )
}

/// How a session begins.
type Begin<S> =
    for<'v> fn(
        Domain<'v, Empty, ROOM>,
        &SealedDomain<'_>,
        &ExpectedDomain,
        Option<NonZeroU64>,
        &mut Device,
        &mut [u8],
    ) -> Result<(Domain<'v, S, ROOM>, usize), Refused<Domain<'v, Empty, ROOM>>>;

/// Begins a session in which custodians contribute.
pub fn begin_by<S: Gathers>(args: &GatherArgs, by: Begin<S>) -> Outcome<Report> {
    let target = Target::new(&args.request, Content::Binary, &args.json)?;
    let bytes = input::read(&args.sealed)?;
    let sealed = parse(&args.sealed, &bytes)?;
    let expect = ExpectedDomain::new(args.expect_domain, Epoch::FIRST);
    expect
        .check(sealed.header())
        .map_err(|error| Refusal::file(&args.sealed, error))?;

    let (digest, request) = Device::empty(&args.at.hsm, |mut device| {
        begin_in(&mut device, args, &target, (&sealed, &expect), by)
    })?;
    let object = json!({ "request_digest": digest });
    let text = format!("request-digest {digest}\n");
    Ok(begun(request, args.json.either(text, &object)))
}

fn begin_in<S: Gathers>(
    device: &mut Device,
    args: &GatherArgs,
    target: &Target<'_>,
    (sealed, expect): (&SealedDomain<'_>, &ExpectedDomain),
    by: Begin<S>,
) -> Outcome<(String, Option<Published>)> {
    let mut vault = vault();
    device.transfer_kind = args.transfer_kind.map(Kind::algorithm);
    let domain = empty(device, &mut vault)?;
    let begun = target.begin(Access::Everyone)?;
    device.keep_sealed(sealed)?;
    let mut request = vec![0; Request::MAX_LEN];
    let progress = Progress::show("generating a transfer key");
    let (domain, length) = by(domain, sealed, expect, args.expires, device, &mut request)
        .map_err(|error| device.refusal(error))?;
    drop(progress);
    request.truncate(length);
    let written = match begun.write(&request) {
        Ok(written) => written,
        Err(refusal) => {
            // Without the request nobody can answer.
            domain
                .cancel(device)
                .map_err(|error| device.refusal(error))?;
            device.forget_session();
            return Err(refusal);
        }
    };
    let digest = domain.request().ok_or_else(|| without(device, "request"))?;
    Ok((digest.to_string(), written))
}

/// Take custodians' contributions; with a quorum of them, the domain is opened and the HSM is
/// active. The exit code is 1 if any contribution was refused
#[derive(clap::Args)]
#[command(after_help = ADD_EXAMPLE)]
pub struct AddArgs {
    #[command(flatten)]
    pub at: HsmArg,
    /// The contributions
    #[arg(required = true, value_name = "CONTRIBUTION")]
    contributions: Vec<PathBuf>,
    #[command(flatten)]
    certs: CertsArg,
    #[command(flatten)]
    pub json: JsonArg,
}

pub fn add(args: &AddArgs) -> Outcome<Report> {
    let mut device = Device::open_begun(&args.at.hsm, "hsm recover-begin")?;
    let path = device.sealed_path();
    let mut vault = vault();
    let mut domain = match device.start(&mut vault)? {
        AnyDomain::Recovering(domain) => domain,
        // The power failed after the last share was added.
        AnyDomain::QuorumMet(domain) => {
            let bytes = input::read(&path)?;
            let opened = open(domain, &parse(&path, &bytes)?, &mut device)?;
            return Ok(opened.report(&args.json));
        }
        other => return Err(not_in_state(&device, &other, "recovering a sealed domain")),
    };
    let bytes = input::read(&path)?;
    let sealed = parse(&path, &bytes)?;
    let mut gathered = Gathered::of(&mut domain, &sealed, args, &mut device)?;
    if let Ok(domain) = domain.quorum() {
        let opened = open(domain, &sealed, &mut device)?;
        gathered.text += &opened.text();
        for (member, value) in opened.members() {
            gathered.object[member] = value.into();
        }
    }
    Ok(gathered.report(&args.json))
}

/// What became of the given contributions.
pub struct Gathered {
    text: String,
    object: Value,
    refused: Vec<String>,
}

impl Gathered {
    /// Adds the contributions to the session.
    pub fn of<S: Gathers>(
        domain: &mut Domain<'_, S, ROOM>,
        sealed: &SealedDomain<'_>,
        args: &AddArgs,
        device: &mut Device,
    ) -> Outcome<Self> {
        let names = args.certs.read()?;
        let (mut text, mut taken, mut refused) = (String::new(), Vec::new(), Vec::new());
        let progress = Progress::show("opening contributions");
        for contribution in &args.contributions {
            match add_one(domain, sealed, contribution, device)? {
                Ok(one) => {
                    text += &one.line(&names);
                    taken.push(one.in_json(&names));
                }
                Err(refusal) => refused.push(refusal.to_string()),
            }
            progress.tick();
        }
        drop(progress);
        if taken.is_empty() {
            return Err(Refusal::new(refused.join("; ")));
        }
        let object = json!({
            "state": domain.status().stage.to_string(),
            "shares": domain.contributors().count(),
            "needed": domain.needed(),
            "contributions": taken,
            "refused": refused,
        });
        Ok(Self {
            text,
            object,
            refused,
        })
    }

    pub fn report(self, json: &JsonArg) -> Report {
        Report {
            refused_in_part: !self.refused.is_empty(),
            notes: self.refused,
            ..Report::text(json.either(self.text, &self.object))
        }
    }
}

/// A contribution that was taken.
struct Taken {
    file: String,
    custodian: CustodianId,
    is_new: bool,
    shares: usize,
    needed: u8,
}

impl Taken {
    fn line(&self, names: &Names) -> String {
        let custodian = names.show(self.custodian);
        let what = if self.is_new {
            "contributed"
        } else {
            "has already contributed"
        };
        format!(
            "{}: custodian {custodian} {what}; {} of {} shares\n",
            self.file, self.shares, self.needed
        )
    }

    fn in_json(&self, names: &Names) -> Value {
        json!({
            "file": self.file,
            "custodian": self.custodian.to_string(),
            "subject": names.subject(self.custodian),
            "new": self.is_new,
        })
    }
}

/// Adds one contribution; the inner refusal concerns only this one.
fn add_one<S: Gathers>(
    domain: &mut Domain<'_, S, ROOM>,
    sealed: &SealedDomain<'_>,
    path: &Path,
    device: &mut Device,
) -> Outcome<Outcome<Taken>> {
    let bytes = match input::read(path) {
        Ok(bytes) => bytes,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let contribution = match Contribution::parse(&bytes) {
        Ok(contribution) => contribution,
        Err(error) => {
            return Ok(Err(kind::refusal(
                path,
                &bytes,
                &FileKind::Contribution,
                error,
            )));
        }
    };
    let is_new = match domain.add(sealed, &contribution, device) {
        Ok(added) => added == Added::New,
        Err(error @ LifecycleError::Contribution(_)) => return Ok(Err(Refusal::file(path, error))),
        Err(error) => return Err(device.refusal(error)),
    };
    let mut custodians = sealed.header().custodians();
    let author = custodians.find(|custodian| custodian.index == contribution.index());
    let author = author.ok_or_else(|| without(device, "custodian of the contribution"))?;
    Ok(Ok(Taken {
        file: show::path(path),
        custodian: author.id,
        is_new,
        shares: domain.contributors().count(),
        needed: domain.needed(),
    }))
}

/// Opens the domain with a quorum's shares, and describes it. If that fails, the session continues.
fn open(
    domain: Domain<'_, QuorumMet, ROOM>,
    sealed: &SealedDomain<'_>,
    device: &mut Device,
) -> Outcome<Opened> {
    let domain = domain
        .open(sealed, device)
        .map_err(|error| device.refusal(error))?;
    Ok(Opened::of(&domain, sealed))
}

/// What the operator compares with their notes.
pub struct Opened {
    stage: Stage,
    domain: DomainId,
    header: HeaderDigest,
}

impl Opened {
    pub fn of(domain: &Domain<'_, Active, ROOM>, sealed: &SealedDomain<'_>) -> Self {
        let header = sealed.header();
        Self {
            stage: domain.status().stage,
            domain: header.domain_id(),
            header: header.digest(),
        }
    }

    fn text(&self) -> String {
        format!(
            "{}\ndomain-id {}\nheader-digest {}\n",
            self.stage, self.domain, self.header
        )
    }

    fn members(&self) -> [(&'static str, String); 3] {
        [
            ("state", self.stage.to_string()),
            ("domain_id", self.domain.to_string()),
            ("header_digest", self.header.to_string()),
        ]
    }

    pub fn report(&self, json: &JsonArg) -> Report {
        let object = self.members().into_iter().collect::<Value>();
        Report::text(json.either(self.text(), &object))
    }
}

/// Reads a sealed domain.
pub fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Outcome<SealedDomain<'a>> {
    SealedDomain::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::SealedDomain, error))
}

/// End a recovery, a rehearsal or an import: its transfer key and everything gathered are wiped
#[derive(clap::Args)]
#[command(after_help = CANCEL_EXAMPLE)]
pub struct CancelArgs {
    #[command(flatten)]
    at: HsmArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn cancel(args: &CancelArgs) -> Outcome<Report> {
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let cancelled = match device.start(&mut vault)? {
        AnyDomain::Recovering(domain) => domain.cancel(&mut device),
        AnyDomain::QuorumMet(domain) => domain.cancel(&mut device),
        AnyDomain::Rehearsing(domain) => domain.cancel(&mut device),
        AnyDomain::Importing(domain) => domain.cancel(&mut device),
        AnyDomain::Imported(domain) => domain.cancel(&mut device),
        other => {
            return Err(not_in_state(
                &device,
                &other,
                "recovering, rehearsing, importing or imported",
            ));
        }
    };
    let domain = cancelled.map_err(|error| device.refusal(error))?;
    device.forget_session();
    Ok(state(domain.status().stage, &args.json))
}
