// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm status`: the public data of the HSM.

use std::fmt::Write;

use security_domain::contribution::RequestDigest;
use security_domain::custodian::CustodianId;
use security_domain::lifecycle::{AnyDomain, Stage};
use security_domain::storage::Flash;
use serde_json::{Value, json};

use super::device::{Device, MODULE_VERSION};
use super::{HsmArg, ROOM, demand, rotate, vault};
use crate::names::CertsArg;
use crate::report::{Outcome, Report};
use crate::show;

const EXAMPLE: &str = "Example:
  secdom hsm status --hsm hsm-1 --json

With --json one object is printed, with the members state (empty, provisioned, recovering, \
importing, imported, active, rotating, committed, rehearsing), domain_id, epoch, header_digest, instance_id, request_digest, contributed (each \
custodian whose share is in, with the members custodian, which is the id, and subject), needed, transfer_key (the thumbprint that an import shows), expected \
(the tags of its artifacts), tries_left (how many more blobs may fail before it ends), rotation (of the next quorum: \
epoch, header_digest, request_digest, challenge_digest, consents, consents_needed, opens, proofs, proofs_needed), demands (the acts that need a quorum's approval), act (the one that waits for it: \
kind, act_digest), counter_is_hardware, module_version, takes_writes; what there \
is not is null.";

/// Show the HSM's state, its domain's id, epoch and header digest, and who has contributed
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    #[command(flatten)]
    certs: CertsArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a session has gathered so far.
struct Session {
    request: Option<RequestDigest>,
    contributed: Vec<CustodianId>,
    needed: u8,
}

/// Shown for an HSM whose domain was imported.
pub const NOT_SEALED: &str = "not yet: no custodian has a share; run `secdom hsm activate`";

pub fn run(args: &Args) -> Outcome<Report> {
    let names = args.certs.read()?;
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let start = device.start(&mut vault)?;
    let status = start.status();
    let session = session(&start);
    let (transfer, expected) = match &start {
        AnyDomain::Importing(domain) => (domain.certificate(), device.expected()),
        _ => (None, None),
    };
    let tries = match &start {
        AnyDomain::Importing(domain) => Some(domain.tries_left()),
        _ => None,
    };
    let rotation = match &start {
        AnyDomain::Rotating(domain) => domain.rotation(),
        AnyDomain::Committed(domain) => domain.rotation(),
        _ => None,
    };
    let (demands, act) = demand::shown(&start);
    let transfer = transfer.map(|thumbprint| thumbprint.to_string());
    let hardware = device.counter_is_hardware();
    let unsealed = status.stage == Stage::Active && status.header.is_none();

    let domain = status.domain.map(|id| id.to_string());
    let epoch = status.epoch.map(|epoch| epoch.get());
    let header = status.header.map(|digest| digest.to_string());
    let instance = status.instance.map(|id| id.to_string());
    let request = session.as_ref().and_then(|session| session.request);
    let request = request.map(|digest| digest.to_string());
    let needed = session.as_ref().map(|session| session.needed);
    let contributed = session.map(|session| session.contributed);
    if args.json {
        let contributed = contributed.map(|ids| {
            ids.into_iter()
                .map(|id| json!({ "custodian": id.to_string(), "subject": names.subject(id) }))
                .collect::<Value>()
        });
        let object = json!({
            "state": status.stage.to_string(),
            "domain_id": domain,
            "epoch": epoch,
            "header_digest": header,
            "sealed": status.header.is_some(),
            "instance_id": instance,
            "request_digest": request,
            "contributed": contributed,
            "needed": needed,
            "transfer_key": transfer,
            "expected": expected,
            "tries_left": tries,
            "demands": demands,
            "act": act.map(|(kind, digest)| json!({ "kind": kind.to_string(), "act_digest": digest.to_string() })),
            "rotation": rotation.as_ref().map(rotate::in_json),
            "counter_is_hardware": hardware,
            "module_version": MODULE_VERSION.get(),
            "takes_writes": status.takes_writes,
        });
        return Ok(Report::text(show::ascii_json(&format!("{object:#}\n"))));
    }
    let mut text = String::new();
    let mut line = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{label:<15} {value}");
        }
    };
    line("state", Some(status.stage.to_string()));
    line("domain-id", domain);
    line("epoch", epoch.map(|epoch| epoch.to_string()));
    line("header-digest", header);
    if unsealed {
        line("sealed", Some(NOT_SEALED.into()));
    }
    line("instance-id", instance);
    line("request-digest", request);
    line("needed", needed.map(|needed| needed.to_string()));
    line("transfer-key", transfer);
    line("expected", expected.map(|tags| show::tags(&tags)));
    line("tries-left", tries.map(|tries| tries.to_string()));
    for (label, value) in rotation.iter().flat_map(rotate::lines) {
        line(label, Some(value));
    }
    for kind in demands {
        line("demands", Some(format!("approval to {kind}")));
    }
    line("act", act.map(|(kind, digest)| format!("{digest}: {kind}")));
    for custodian in contributed.unwrap_or_default() {
        line("contributed", Some(names.show(custodian)));
    }
    if let (false, Some(why)) = (status.takes_writes, device.unwritten()) {
        line("writes", Some(format!("none, nothing can be saved: {why}")));
    }
    if !hardware {
        line(
            "counter",
            Some("simulated: an old copy of the folder cannot be told from the newest".into()),
        );
    }
    Ok(Report::text(text))
}

fn session(start: &AnyDomain<'_, ROOM>) -> Option<Session> {
    match start {
        AnyDomain::Recovering(domain) => Some(Session {
            request: domain.request(),
            contributed: domain.contributors().collect(),
            needed: domain.needed(),
        }),
        AnyDomain::Rehearsing(domain) => Some(Session {
            request: domain.request(),
            contributed: domain.contributors().collect(),
            needed: domain.needed(),
        }),
        AnyDomain::QuorumMet(domain) => Some(Session {
            request: None,
            contributed: domain.contributors().collect(),
            needed: domain.needed(),
        }),
        _ => None,
    }
}
