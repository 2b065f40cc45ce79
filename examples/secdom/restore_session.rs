// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom restore-session`: the collector, through which custodians who never meet restore the
//! domain of a Managed HSM, share by share.

mod add;
mod begin;
mod folder;
mod status;

use std::path::Path;

use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::Request;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::domain::File;
use crate::report::{Outcome, Refusal, Report};
use crate::{clock, input, show, text};

/// Collect the shares of custodians who never meet, and restore a domain with them, offline
#[derive(clap::Subcommand)]
pub enum Verb {
    Begin(begin::Args),
    Add(add::Args),
    Status(status::Args),
    Cancel(status::CancelArgs),
}

pub fn run(verb: Verb) -> Outcome<Report> {
    match verb {
        Verb::Begin(args) => begin::run(&args),
        Verb::Add(args) => add::run(&args),
        Verb::Status(args) => status::run(&args),
        Verb::Cancel(args) => status::cancel(&args),
    }
}

/// Reads a domain file, and tells how its digest differs from the one that other programs show, if
/// there is something around the document.
pub fn read(path: &Path) -> Outcome<(Zeroizing<Vec<u8>>, Option<String>)> {
    let bytes = input::read(path)?;
    let Some(document) = text::json(&bytes) else {
        return Ok((bytes, None));
    };
    let note = format!(
        "{}: domain-file is the SHA-256 of the document in this file; of the file as it is saved, the SHA-256 is {}",
        show::path(path),
        show::sha256(&bytes)
    );
    Ok((document, Some(note)))
}

/// Returns the file if its custodians can restore it apart.
pub fn shared<'t>(path: &Path, file: File<'t>) -> Outcome<DomainFile<'t>> {
    match file {
        File::Shared(file) => Ok(file),
        File::Split(_) => Err(Refusal::file(
            path,
            "is of version 1, in which each pair of custodians has two halves of the key and nobody has a share: \
             two of them restore it together, with restore-blob",
        )),
    }
}

/// Parses the request of a session.
fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Outcome<Request<'a>> {
    Request::parse(bytes).map_err(|error| Refusal::file(path, error))
}

/// What the operator tells the custodians, in text.
fn in_text(request: &Request<'_>) -> String {
    let expires = match request.expires() {
        Some(expires) => time(expires.get()),
        None => "never".into(),
    };
    format!(
        "request-digest {}\ndomain-file {}\ntransfer-key {}\nexpires {expires}\n",
        request.digest(),
        request.file(),
        request.transfer(),
    )
}

/// The same in JSON.
fn in_json(request: &Request<'_>) -> Value {
    json!({
        "request_digest": request.digest().to_string(),
        "domain_file": request.file().to_string(),
        "transfer_key": request.transfer().to_string(),
        "created": request.created(),
        "expires": request.expires(),
    })
}

pub fn time(seconds: u64) -> String {
    clock::rfc3339(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Whether a request has expired by this machine's clock.
pub fn is_expired(request: &Request<'_>) -> bool {
    request
        .expires()
        .is_some_and(|expires| clock::unix() > expires.get())
}
