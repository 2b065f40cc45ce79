// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether an HSM can recover the domain, or has it, by its status.

use std::path::Path;

use security_domain::policy::Severity;
use security_domain::sealed_domain::{DomainId, HeaderDigest};
use serde::Deserialize;

use crate::custody::{Findings, Sealed};
use crate::input;
use crate::page::{Cell, Content, Part};
use crate::report::{Outcome, Refusal};
use crate::show;

/// What matters here of what `secdom hsm status --json` prints.
#[derive(Deserialize)]
struct Status {
    state: String,
    domain_id: Option<String>,
    epoch: Option<u32>,
    header_digest: Option<String>,
    module_version: u32,
    takes_writes: bool,
}

/// Reads the status.
pub fn read(path: &Path, sealed: &Sealed, findings: &mut Findings) -> Outcome<Part> {
    let bytes = input::read(path)?;
    let status: Status = serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::file(path, format!("not the status of an HSM: {error}")))?;
    let refuse = |member: &str, error: &dyn std::fmt::Display| {
        Refusal::file(path, format!("not the status of an HSM: {member}: {error}"))
    };
    let domain = status.domain_id.as_deref().map(str::parse::<DomainId>);
    let domain = domain
        .transpose()
        .map_err(|error| refuse("domain_id", &error))?;
    let header = status
        .header_digest
        .as_deref()
        .map(str::parse::<HeaderDigest>);
    let header = header
        .transpose()
        .map_err(|error| refuse("header_digest", &error))?;
    let mut find = |severity, code, text: String| findings.add(severity, code, "HSM", text);
    let same = domain == Some(sealed.domain);
    let answer = match status.state.as_str() {
        "empty" => "can begin a recovery",
        "recovering" if same => "recovers the domain",
        "active" | "rotating" | "committed" if same => "has the domain",
        state => {
            let of = if same { "" } else { ", with another domain" };
            let state = show::text(state);
            let text = format!("the state is {state}{of}: a recovery needs an empty one");
            find(Severity::Refuse, "not-empty", text);
            "cannot recover the domain as it is"
        }
    };
    if same && header.is_some_and(|header| header != sealed.header) {
        let epoch = status
            .epoch
            .map_or("another epoch".into(), |epoch| format!("epoch {epoch}"));
        let text = format!(
            "it has {epoch} of the domain, and the file epoch {}",
            sealed.epoch.get()
        );
        find(Severity::Refuse, "superseded", text);
    }
    if status.module_version < sealed.minimum.get() {
        let text = format!(
            "its module has version {}, and the file needs {}",
            status.module_version, sealed.minimum
        );
        find(Severity::Refuse, "module-too-old", text);
    }
    if !status.takes_writes {
        let text = "it takes no writes: nothing can be recovered into it";
        find(Severity::Refuse, "takes-no-writes", text.into());
    }
    Ok(Part {
        heading: "HSM",
        content: Content::Facts(vec![
            ("status", Cell::Text(show::path(path))),
            ("HSM", Cell::text(answer)),
            ("state", Cell::foreign(&status.state)),
            ("domain-id", domain.map_or(Cell::None, Cell::text)),
            (
                "epoch",
                status
                    .epoch
                    .map_or(Cell::None, |epoch| Cell::Number(epoch.into())),
            ),
            ("header-digest", header.map_or(Cell::None, Cell::text)),
            ("module-version", Cell::Number(status.module_version.into())),
        ]),
    })
}
