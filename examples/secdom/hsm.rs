// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm`: a simulated HSM whose flash is a folder, for rehearsals and tests.
//!
//! It runs the library as firmware does. `status` says what a folder cannot provide: anyone who can
//! write the folder can set its counter back, and its device key is stored beside its flash.

mod activate;
mod adopt;
mod artifacts;
mod backup;
mod demand;
mod device;
mod end;
mod fact;
mod handoff;
mod import;
mod init;
mod ledger;
mod log;
mod recover;
mod recover_here;
pub mod rehearse;
mod report_lost;
mod review;
pub mod rotate;
mod status;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use security_domain::custody::Checkpoint;
use security_domain::lifecycle::{AnyDomain, Domain, Empty, Stage, Vault, vault_room};
use security_domain::sealed_domain::MAX_ARTIFACTS;

use serde_json::json;

use crate::output::Published;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use device::Device;

pub use fact::add_drills;
pub use log::{described, ended};
pub use recover::parse as parse_sealed;

/// Simulate an HSM whose flash is a folder, from its first domain to its recovery
#[derive(clap::Subcommand)]
pub enum Verb {
    Init(init::Args),
    Status(status::Args),
    Activate(activate::Args),
    Artifacts(artifacts::Args),
    Adopt(adopt::Args),
    RecoverBegin(recover::BeginArgs),
    RecoverAdd(recover::AddArgs),
    RecoverCancel(recover::CancelArgs),
    Recover(recover_here::Args),
    ImportBegin(import::BeginArgs),
    Import(import::Args),
    ImportConfirm(import::ConfirmArgs),
    Backup(backup::Args),
    Demand(demand::Args),
    Ask(demand::AskArgs),
    Emit(demand::EmitArgs),
    DropDemands(demand::DropArgs),
    Restore(backup::RestoreArgs),
    Handoff(handoff::Args),
    ReportLost(report_lost::Args),
    Review(review::Args),
    Zeroize(end::ZeroizeArgs),
    Discard(end::DiscardArgs),
}

pub fn run(verb: Verb) -> Outcome<Report> {
    match verb {
        Verb::Init(args) => init::run(args),
        Verb::Status(args) => status::run(&args),
        Verb::Activate(args) => activate::run(args),
        Verb::Artifacts(args) => artifacts::run(&args),
        Verb::Adopt(args) => adopt::run(&args),
        Verb::RecoverBegin(args) => recover::begin(&args),
        Verb::RecoverAdd(args) => recover::add(&args),
        Verb::RecoverCancel(args) => recover::cancel(&args),
        Verb::Recover(args) => recover_here::run(args),
        Verb::ImportBegin(args) => import::begin(&args),
        Verb::Import(args) => import::import(&args),
        Verb::ImportConfirm(args) => import::confirm(&args),
        Verb::Backup(args) => backup::backup(&args),
        Verb::Demand(args) => demand::demand(&args),
        Verb::Ask(args) => demand::ask(&args),
        Verb::Emit(args) => demand::emit(&args),
        Verb::DropDemands(args) => demand::drop(&args),
        Verb::Restore(args) => backup::restore(&args),
        Verb::Handoff(args) => handoff::run(&args),
        Verb::ReportLost(args) => report_lost::run(&args),
        Verb::Review(args) => review::run(&args),
        Verb::Zeroize(args) => end::zeroize(&args),
        Verb::Discard(args) => end::discard(&args),
    }
}

/// The location of the HSM.
#[derive(clap::Args)]
pub struct HsmArg {
    /// The folder that is the HSM's flash; no second process uses it at the same time
    #[arg(long, value_name = "DIR")]
    hsm: PathBuf,
}

/// The maximum total length of a simulated HSM's artifacts in bytes.
const ARTIFACT_BYTES: usize = 1 << 20;

const ROOM: usize = vault_room(MAX_ARTIFACTS, ARTIFACT_BYTES);

/// The only vault of this process. It is too large for some stacks.
fn vault() -> MutexGuard<'static, Vault<ROOM>> {
    static VAULT: Mutex<Vault<ROOM>> = Mutex::new(Vault::new());
    VAULT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does the same with the domain in any state.
macro_rules! in_any {
    ($device:expr, $start:expr, $domain:ident => $step:expr) => {
        match $start {
            AnyDomain::Empty($domain) => $step,
            AnyDomain::Provisioned($domain) => $step,
            AnyDomain::Recovering($domain) => $step,
            AnyDomain::QuorumMet($domain) => $step,
            AnyDomain::Rehearsing($domain) => $step,
            AnyDomain::Importing($domain) => $step,
            AnyDomain::Imported($domain) => $step,
            AnyDomain::Active($domain) => $step,
            AnyDomain::Rotating($domain) => $step,
            AnyDomain::Committed($domain) => $step,
            other => return Err(not_in_state(&$device, &other, "of a known state")),
        }
    };
}

/// Starts the HSM, and returns it with a checkpoint of its log, which the HSM signs.
pub fn signed_checkpoint(at: &HsmArg) -> Outcome<(Device, Vec<u8>)> {
    let mut device = Device::open(&at.hsm)?;
    let mut vault = vault();
    let start = device.start(&mut vault)?;
    let mut out = [0; Checkpoint::MAX_SIGNED_LEN];
    let signed = in_any!(device, start, domain => {
        domain.checkpoint(&mut device, &mut out).map(<[u8]>::to_vec)
    });
    let signed = signed.map_err(|error| device.refusal(error))?;
    Ok((device, signed))
}

/// What a step needs that brings in a domain.
const EMPTY: &str = "empty";

/// Starts the HSM, which must be empty.
fn empty<'v>(device: &mut Device, vault: &'v mut Vault<ROOM>) -> Outcome<Domain<'v, Empty, ROOM>> {
    match device.start(vault)? {
        AnyDomain::Empty(domain) => Ok(domain),
        other => Err(not_in_state(device, &other, EMPTY)),
    }
}

/// Takes a step with a domain in use, whatever its state.
macro_rules! in_use {
    ($device:expr, $start:expr, $domain:ident => $step:expr) => {
        match $start {
            AnyDomain::Active($domain) => $step,
            AnyDomain::Rotating($domain) => $step,
            AnyDomain::Committed($domain) => $step,
            other => return Err(not_in_state(&$device, other, "active")),
        }
    };
}
use in_use;

/// The refusal of what needs another state.
fn not_in_state(device: &Device, start: &AnyDomain<'_, ROOM>, needed: &str) -> Refusal {
    let stage = start.status().stage;
    let way = match stage {
        Stage::Recovering | Stage::Rehearsing | Stage::Importing | Stage::Imported
            if needed == EMPTY =>
        {
            "; hsm recover-cancel ends its session"
        }
        Stage::Rotating => "; rotate abandon ends its rotation",
        Stage::Committed => "; rotate confirm ends its rotation",
        _ => "",
    };
    Refusal::file(
        device.folder(),
        format!("the HSM is {stage}; this step needs one that is {needed}{way}"),
    )
}

/// The refusal of a step after which the HSM lacks what it must have.
fn without(device: &Device, what: &str) -> Refusal {
    Refusal::file(device.folder(), format!("the HSM has no {what}"))
}

/// Reports the state that a step left.
fn state(stage: Stage, json: &JsonArg) -> Report {
    let object = json!({ "state": stage.to_string() });
    Report::text(json.either(format!("{stage}\n"), &object))
}

/// Reports a session that was begun, whose output stays even if the report cannot be printed.
fn begun(output: Option<Published>, text: String) -> Report {
    Report {
        outputs: Vec::new(),
        ..Report::about(output, text)
    }
}
