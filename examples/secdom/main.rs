// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom`: security domains of HSMs on the command line, offline.
//!
//! Custodians restore, drill and inspect the files of Azure Managed HSM with it; `download`,
//! `init-recovery` and `upload` simulate the HSM's side. `restore-session` collects the shares of
//! custodians who never meet. `hsm` simulates an HSM with the crate's own sealed domains;
//! `contribute`, `drill respond`, `keygen` and `paper` are its custodians' side. Exit code 0: done.
//! 1: refused, with one line on stderr that names the file and the reason. 2: the command line is
//! invalid.

mod answer;
mod approve;
mod artifacts;
mod both;
mod ceremony;
mod certificate;
mod check;
mod clock;
mod confirm;
mod contribute;
mod custodian;
mod custodians;
mod custody;
mod domain;
mod download;
mod drill;
mod floor;
mod fold;
mod hsm;
mod ids;
mod init_recovery;
mod input;
mod inspect;
mod kem;
mod key;
mod keygen;
mod kind;
mod ledger;
mod memory;
mod names;
mod new_key;
mod of;
mod output;
mod page;
mod pair;
mod paper;
mod passwords;
mod pem;
mod pkcs12;
mod policy;
mod progress;
mod public;
mod readiness;
mod recipients;
mod report;
mod restore_blob;
mod restore_session;
mod share;
mod shell;
mod show;
mod signals;
mod source;
mod split;
mod text;
mod token;
mod transfer;
mod upload;

use std::io::Write;
use std::process::ExitCode;

use clap::{FromArgMatches, Parser};

/// Security domains of HSMs: restore, drill and inspect Managed HSM files, and recover the crate's
/// own sealed domains, offline
///
/// Exit code 0: done. 1: refused, with one line on stderr that gives the reason. 2: the command
/// line is invalid. No verb overwrites a file. Each verb's --help has an example.
#[derive(Parser)]
#[command(name = "secdom", version, max_term_width = fold::WIDTH)]
enum Verb {
    Download(download::Args),
    InitRecovery(init_recovery::Args),
    RestoreBlob(restore_blob::Args),
    Upload(upload::Args),
    Check(check::Args),
    Inspect(inspect::Args),
    Drill(drill::Drill),
    #[command(subcommand)]
    RestoreSession(restore_session::Verb),
    Contribute(contribute::Args),
    Approve(approve::Args),
    Policy(policy::Args),
    Readiness(readiness::Args),
    #[command(subcommand)]
    Ceremony(ceremony::Verb),
    Keygen(keygen::Args),
    #[command(subcommand)]
    Paper(paper::Verb),
    #[command(subcommand)]
    Hsm(hsm::Verb),
    #[command(subcommand)]
    Rotate(hsm::rotate::Verb),
    #[command(subcommand)]
    Rehearse(hsm::rehearse::Verb),
    #[command(subcommand)]
    Ledger(ledger::Verb),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

fn main() -> ExitCode {
    memory::protect();
    signals::watch();
    let parsed =
        { shell::command().try_get_matches() }.and_then(|matches| Verb::from_arg_matches(&matches));
    let verb = match parsed {
        Ok(verb) => verb,
        Err(error) => return unparsed(&error),
    };
    if report::print(memory::scrubbed(|| run(verb))) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run(verb: Verb) -> report::Outcome<report::Report> {
    match verb {
        Verb::Download(args) => download::run(args),
        Verb::InitRecovery(args) => init_recovery::run(args),
        Verb::RestoreBlob(args) => restore_blob::run(args),
        Verb::Upload(args) => upload::run(args),
        Verb::Check(args) => check::run(&args),
        Verb::Inspect(args) => inspect::run(&args),
        Verb::Drill(drill) => drill::run(drill),
        Verb::RestoreSession(verb) => restore_session::run(verb),
        Verb::Contribute(args) => contribute::run(args),
        Verb::Approve(args) => approve::run(args),
        Verb::Policy(args) => policy::run(&args),
        Verb::Readiness(args) => readiness::run(&args),
        Verb::Ceremony(verb) => ceremony::run(verb),
        Verb::Keygen(args) => keygen::run(args),
        Verb::Paper(verb) => paper::run(verb),
        Verb::Hsm(verb) => hsm::run(verb),
        Verb::Rotate(verb) => hsm::rotate::run(verb),
        Verb::Rehearse(verb) => hsm::rehearse::run(verb),
        Verb::Ledger(verb) => ledger::run(verb),
        Verb::Completions(args) => shell::completions(&args),
        Verb::Man(args) => shell::man(&args),
    }
}

/// Shows help, or why the command line is invalid. It quotes arguments, which are shown escaped.
fn unparsed(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let message = error.render().to_string();
    for line in message.lines() {
        let _ = writeln!(std::io::stderr(), "{}", report::shown(line, 2));
    }
    ExitCode::from(2)
}
