// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom restore-session`: the collector, through which custodians who never meet restore the
//! domain of a Managed HSM, share by share.

mod add;
mod begin;
mod folder;
mod status;

pub use begin::shared;
use security_domain::managed_hsm::restore_session::Request;
use serde_json::{Value, json};

use crate::clock;
use crate::report::{Outcome, Report};

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

fn time(seconds: u64) -> String {
    clock::rfc3339(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn now() -> u64 {
    u64::try_from(clock::now()).unwrap_or(0)
}

/// Whether a request has expired by this machine's clock.
fn is_expired(request: &Request<'_>) -> bool {
    request
        .expires()
        .is_some_and(|expires| now() > expires.get())
}
