// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ledger`: exports the log of a simulated HSM, shows and verifies exports of any.

mod checkpoint;
mod export;
mod page;
mod pins;
mod present;
mod prove;
mod read;
mod records;
mod row;
mod show;
mod shown;
mod verify;

pub use page::proven;
pub use pins::{Pin, read as read_pins};
pub use read::{ExpectArgs, ReadLog, read, read_pinned};
pub use row::{cause, loss_kind};

use crate::report::{Outcome, Report};

/// Export, show and verify the log of an HSM
#[derive(clap::Subcommand)]
pub enum Verb {
    Export(export::Args),
    Checkpoint(checkpoint::Args),
    Show(show::Args),
    Verify(verify::Args),
    Prove(prove::Args),
}

pub fn run(verb: Verb) -> Outcome<Report> {
    match verb {
        Verb::Export(args) => export::run(&args),
        Verb::Checkpoint(args) => checkpoint::run(&args),
        Verb::Show(args) => show::run(&args),
        Verb::Verify(args) => verify::run(&args),
        Verb::Prove(args) => prove::run(&args),
    }
}
