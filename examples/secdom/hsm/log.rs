// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lines of the simulated HSM's log.

use security_domain::contribution::RequestDigest;
use security_domain::lifecycle::{Ended, Event, Outcome};
use security_domain::sealed_domain::{DomainId, Epoch, HeaderDigest};
use serde_json::{Value, json};

use crate::clock;

/// Formats one line of JSON: when, what, and what it is about.
pub fn line(event: &Event) -> String {
    let (name, mut object) = described(event);
    object["event"] = json!(name);
    object["time"] = json!(clock::rfc3339(clock::now()));
    format!("{object}\n")
}

/// Returns what happened in a word, and in JSON what it is about.
pub fn described(event: &Event) -> (&'static str, Value) {
    match event {
        Event::Provision { domain } => ("provision", json!({ "domain_id": domain.to_string() })),
        Event::Activate { domain, header } => (
            "activate",
            json!({ "domain_id": domain.to_string(), "header_digest": header.to_string() }),
        ),
        Event::BeginRecovery {
            domain,
            epoch,
            header,
            pinned,
            request,
        } => (
            "begin-recovery",
            begun((domain, *epoch, header), *pinned, *request),
        ),
        Event::BeginRehearsal {
            domain,
            epoch,
            header,
            pinned,
            request,
        } => (
            "begin-rehearsal",
            begun((domain, *epoch, header), *pinned, *request),
        ),
        Event::Rehearse {
            domain,
            epoch,
            header,
        } => ("rehearse", file(domain, *epoch, header)),
        Event::Contribute { custodian } => {
            ("contribute", json!({ "custodian": custodian.to_string() }))
        }
        Event::Recover {
            domain,
            epoch,
            header,
        } => ("recover", file(domain, *epoch, header)),
        Event::Propose {
            epoch,
            header,
            request,
        } => (
            "propose",
            json!({
                "epoch": epoch.get(),
                "header_digest": header.to_string(),
                "request_digest": request.to_string(),
            }),
        ),
        Event::Consent { custodian } => ("consent", json!({ "custodian": custodian.to_string() })),
        Event::Challenge { challenge } => (
            "challenge",
            json!({ "challenge_digest": challenge.to_string() }),
        ),
        Event::Prove { custodian } => ("prove", json!({ "custodian": custodian.to_string() })),
        Event::Commit { epoch, header } => (
            "commit",
            json!({ "epoch": epoch.get(), "header_digest": header.to_string() }),
        ),
        Event::Confirm { epoch, header } => (
            "confirm",
            json!({ "epoch": epoch.get(), "header_digest": header.to_string() }),
        ),
        Event::BreakGlass {
            epoch,
            header,
            opens,
            reason,
        } => (
            "break-glass",
            json!({
                "epoch": epoch.get(),
                "header_digest": header.to_string(),
                "opens": clock::shown(*opens),
                "reason": reason.as_str(),
            }),
        ),
        Event::DemandApproval { kind } => ("demand-approval", json!({ "kind": kind.to_string() })),
        Event::AskApproval { kind, act } => (
            "ask-approval",
            json!({ "kind": kind.to_string(), "act_digest": act.to_string() }),
        ),
        Event::DropDemands { act } => ("drop-demands", json!({ "act_digest": act.to_string() })),
        Event::EmitRelease { act } => ("emit-release", json!({ "act_digest": act.to_string() })),
        Event::EndRotation(ended) => ("end-rotation", json!({ "because": because(*ended) })),
        Event::Adopt {
            epoch,
            header,
            instead_of,
            pinned,
        } => (
            "adopt",
            json!({
                "epoch": epoch.get(),
                "header_digest": header.to_string(),
                "instead_of": instead_of.map(|header| header.to_string()),
                "pinned": pinned,
            }),
        ),
        Event::BeginImport => ("begin-import", json!({})),
        Event::Import => ("import", json!({})),
        Event::ConfirmImport { domain } => {
            ("confirm-import", json!({ "domain_id": domain.to_string() }))
        }
        Event::EndSession(ended) => ("end-session", json!({ "because": because(*ended) })),
        Event::BeginBackup { backup, act } => (
            "begin-backup",
            json!({
                "backup_id": backup.to_string(),
                "act_digest": act.map(|act| act.to_string()),
            }),
        ),
        Event::BeginRestore { backup } => {
            ("begin-restore", json!({ "backup_id": backup.to_string() }))
        }
        Event::Zeroize => ("zeroize", json!({})),
        Event::Outcome { step, outcome } => (
            "outcome",
            json!({ "of": step.name(), "outcome": ended(*outcome) }),
        ),
        Event::Refused { step, count } => ("refused", json!({ "of": step.name(), "count": count })),
        // An event that this tool does not know must still be visible.
        other => ("other", json!({ "says": format!("{other:?}") })),
    }
}

/// The word for the outcome of a step.
pub fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
        _ => "other",
    }
}

fn because(ended: Ended) -> &'static str {
    match ended {
        Ended::Cancelled => "cancelled",
        Ended::Expired => "expired",
        Ended::TooManyFailures => "too many failures",
        Ended::Vetoed => "vetoed",
        _ => "other",
    }
}

/// Which sealed domain an event is about.
fn file(domain: &DomainId, epoch: Epoch, header: &HeaderDigest) -> Value {
    json!({
        "domain_id": domain.to_string(),
        "epoch": epoch.get(),
        "header_digest": header.to_string(),
    })
}

/// The beginning of a session that gathers a quorum.
fn begun(
    (domain, epoch, header): (&DomainId, Epoch, &HeaderDigest),
    pinned: bool,
    request: Option<RequestDigest>,
) -> Value {
    let mut object = file(domain, epoch, header);
    object["pinned"] = json!(pinned);
    object["request_digest"] = json!(request.map(|request| request.to_string()));
    object
}
