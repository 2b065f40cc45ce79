// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom rotate`: changes the quorum of a simulated HSM's domain, in two phases.

mod answers;
mod challenge;
mod end;
mod glass;
mod propose;

use std::path::PathBuf;

use security_domain::contribution::RequestDigest;
use security_domain::lifecycle::{AnyDomain, Domain, Rotating, RotationStatus, Vault};
use security_domain::sealed_domain::SealedDomain;
use serde_json::{Value, json};

use super::device::Device;
use super::recover::parse;
use super::{ROOM, not_in_state};
use crate::clock;
use crate::input;
use crate::report::{Outcome, Refusal, Report};

/// Change the quorum of an HSM's domain: the present custodians consent, the next ones prove that they
/// hold their shares, and only then does the next file become complete
#[derive(clap::Subcommand)]
pub enum Verb {
    Propose(propose::Args),
    Approve(answers::ApproveArgs),
    BreakGlass(glass::Args),
    Veto(glass::VetoArgs),
    Challenge(challenge::Args),
    Prove(answers::ProveArgs),
    Commit(end::CommitArgs),
    Confirm(end::ConfirmArgs),
    Abandon(end::AbandonArgs),
}

pub fn run(verb: Verb) -> Outcome<Report> {
    match verb {
        Verb::Propose(args) => propose::run(args),
        Verb::Approve(args) => answers::approve(&args),
        Verb::BreakGlass(args) => glass::break_glass(&args),
        Verb::Veto(args) => glass::veto(&args),
        Verb::Challenge(args) => challenge::run(&args),
        Verb::Prove(args) => answers::prove(&args),
        Verb::Commit(args) => end::commit(&args),
        Verb::Confirm(args) => end::confirm(&args),
        Verb::Abandon(args) => end::abandon(&args),
    }
}

/// The step that begins a change of the quorum.
const BEGINS: &str = "rotate propose";

/// Starts the HSM, whose quorum must be changing.
fn rotating<'v>(
    device: &mut Device,
    vault: &'v mut Vault<ROOM>,
) -> Outcome<Domain<'v, Rotating, ROOM>> {
    match device.start(vault)? {
        AnyDomain::Rotating(domain) => Ok(domain),
        other => Err(not_in_state(device, &other, "rotating")),
    }
}

/// Reads the file of the next epoch: a given copy, or the one that is kept beside the HSM.
fn with_pending<T>(
    device: &mut Device,
    copy: Option<PathBuf>,
    then: impl FnOnce(&mut Device, &SealedDomain<'_>) -> Outcome<T>,
) -> Outcome<T> {
    let path = copy.unwrap_or_else(|| device.pending_path());
    let bytes = input::read(&path)?;
    then(device, &parse(&path, &bytes)?)
}

/// Lists what an HSM shows of a change of its quorum.
pub fn lines(rotation: &RotationStatus) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("next-epoch", rotation.epoch.get().to_string()),
        ("next-header", rotation.header.to_string()),
    ];
    if let Some(request) = rotation.request {
        lines.push(("request-digest", request.to_string()));
        let (have, need) = (rotation.consents, rotation.consents_needed);
        lines.push(("consents", format!("{have} of {need}")));
        if let Some(opens) = rotation.opens {
            lines.push(("opens", clock::shown(opens.get())));
        }
        let (have, need) = (rotation.proofs, rotation.proofs_needed);
        lines.push(("proofs", format!("{have} of {need}")));
    }
    lines
}

/// The same in JSON.
pub fn in_json(rotation: &RotationStatus) -> Value {
    json!({
        "epoch": rotation.epoch.get(),
        "header_digest": rotation.header.to_string(),
        "request_digest": rotation.request.map(|digest: RequestDigest| digest.to_string()),
        "challenge_digest": rotation.challenge.map(|digest| digest.to_string()),
        "consents": rotation.consents,
        "consents_needed": rotation.consents_needed,
        "opens": rotation.opens.map(|opens| clock::shown(opens.get())),
        "proofs": rotation.proofs,
        "proofs_needed": rotation.proofs_needed,
    })
}

/// The refusal of a step whose rotation has expired meanwhile.
fn over(device: &Device) -> Refusal {
    Refusal::file(device.folder(), "the rotation has expired")
}
