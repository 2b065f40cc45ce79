// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's answer to a restore session: the share in a security-domain file, wrapped to the
//! collector's key.

use std::io::{IsTerminal, Write};
use std::path::Path;

use getrandom::SysRng;
use security_domain::contribution::RequestDigest;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{
    ContributeError, Request, VettedRequest, contribute, contribution_len,
};
use security_domain::rng::RngError;
use security_domain::x509::Thumbprint;
use serde_json::json;

use crate::confirm::YesArg;
use crate::custodians::{self, Custodian, KeyArgs, Present, Unusable, Whom};
use crate::domain::{self, Domain, File, FormatArgs};
use crate::kind::{self, FileKind};
use crate::output::{Access, Target};
use crate::report::{self, JsonArg, Outcome, Refusal, Report};
use crate::restore_session::{is_expired, shared, time};
use crate::{clock, input, restore_session, show};

/// What a custodian of a security-domain file gives.
pub struct Answer<'a> {
    pub sd_file: &'a Path,
    pub format: &'a FormatArgs,
    pub expect_thumbprint: Option<Thumbprint>,
    pub request: &'a Path,
    pub request_digest: RequestDigest,
    pub yes: &'a YesArg,
    pub keys: KeyArgs,
}

pub fn run(answer: Answer<'_>, target: &Target<'_>, json: &JsonArg) -> Outcome<Report> {
    let path = answer.sd_file;
    let (text, around) = restore_session::read(path)?;
    let Domain { file, passed_over } = domain::read(path, &text, answer.format)?;
    let file = shared(path, file)?;
    let bytes = input::read(answer.request)?;
    let request = Request::parse(&bytes)
        .map_err(|error| kind::refusal(answer.request, &bytes, &FileKind::RestoreRequest, error))?;
    let of_request = |reason: String| Refusal::file(answer.request, reason);
    let (have, want) = (request.transfer(), answer.expect_thumbprint);
    let vetted = VettedRequest::compared(request.clone(), answer.request_digest)
        .map_err(|error| Refusal::file(answer.request, error))?;
    if request.file() != file.digest() {
        return Err(of_request(format!(
            "asks for the shares of a domain file with SHA-256 {}, and {} has {}",
            request.file(),
            show::path(path),
            file.digest()
        )));
    }
    if let Some(want) = want.filter(|want| *want != have) {
        return Err(of_request(format!(
            "is to restore the HSM with transfer key {have}, but {want} is expected"
        )));
    }
    // No password is asked for, and no PIN spent, on a request that is not answered.
    if file.custodians().any(|custodian| custodian == have) {
        return Err(Refusal::file(
            answer.request,
            ContributeError::<RngError>::TransferOfCustodian(have),
        ));
    }
    if is_expired(&request) {
        let expires = request.expires().map_or(0, |expires| expires.get());
        let (expires, now) = (time(expires), time(clock::unix()));
        return Err(of_request(format!(
            "the request expired at {expires}; it is {now}"
        )));
    }
    // The custodian knows what the share is for before the key is opened.
    let purpose = purpose(&request);
    show_first(&purpose);
    answer.yes.confirm(&format!(
        "Send your share of {} to the collector that showed request {}, which restores the HSM with transfer key {have}",
        show::path(path),
        request.digest(),
    ))?;

    let (original, mut file) = (file.clone(), File::Shared(file));
    let Present { mut custodians, .. } = custodians::read(
        answer.keys,
        path,
        &mut file,
        1,
        Unusable::Refused,
        Whom::Anybody,
    )?;
    let notes = custodians::notes(&file, &custodians);
    let file = shared(path, file)?;
    let custodian = custodians.first_mut();
    let custodian = custodian.ok_or_else(|| Refusal::file(path, "no key is given"))?;
    let of = listed_as(path, &original, &file, custodian)?;
    let mut out = vec![0; contribution_len(&request)];
    let (key, rng) = (&mut custodian.key, &mut SysRng);
    let contribution = contribute(&original, &vetted, &of, key, clock::unix(), rng, &mut out);
    let contribution = contribution.map_err(|error| match error {
        ContributeError::Share(error) => {
            let name = custodian.key_file.as_path();
            Refusal::file(name, format!("custodian {of}: {}", report::chain(&error)))
        }
        error => Refusal::file(answer.request, error),
    })?;
    let output = target.write(Access::Everyone, contribution.as_bytes())?;
    let shown = target.shown();
    let digest = contribution.request();
    let text = format!("{purpose}{shown}: contribution of custodian {of} to request {digest}\n");
    let object = json!({
        "file": shown,
        "custodian": of.to_string(),
        "request_digest": digest.to_string(),
        "domain_file": request.file().to_string(),
        "transfer_key": request.transfer().to_string(),
    });
    let mut report = Report::about(output, json.either(text, &object));
    report
        .notes
        .extend(around.into_iter().chain(passed_over).chain(notes));
    Ok(report)
}

/// Returns the thumbprint by which the file lists a custodian. It is that of the certificate, unless
/// the digest in the file is damaged and the key alone found the share: `found` is the file in which
/// the share is the custodian's.
fn listed_as(
    path: &Path,
    file: &DomainFile<'_>,
    found: &DomainFile<'_>,
    custodian: &Custodian,
) -> Outcome<Thumbprint> {
    let me = custodian.thumbprint;
    let mut places = file.digests().zip(found.digests());
    match places.find(|(_, now)| *now == Ok(me)) {
        Some((Ok(listed), _)) => Ok(listed),
        Some((Err(error), _)) => Err(Refusal::file(
            path,
            format!(
                "{error}: it is the digest of custodian {me}, whose key opens the share, but a collector cannot know \
                 whose the share is: restore with restore-blob"
            ),
        )),
        None => Err(Refusal::file(path, format!("does not list custodian {me}"))),
    }
}

/// Which file the request is for, and which HSM is restored.
fn purpose(request: &Request<'_>) -> String {
    format!(
        "domain-file {}\ntransfer-key {}\n",
        request.file(),
        request.transfer()
    )
}

/// Shows a custodian at a terminal what the share is for, before a password is asked for. A program
/// reads it in the report.
fn show_first(purpose: &str) {
    let mut stderr = std::io::stderr().lock();
    if stderr.is_terminal() {
        for line in purpose.lines() {
            let _ = writeln!(stderr, "{}", report::shown(&format!("secdom: {line}"), 2));
        }
    }
}
