// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ceremony`: plans the ceremony in which a domain is sealed, and keeps a transcript of it.

mod compare;
mod plan;
mod record;
mod sign;
mod steps;
mod transcript;
mod verify;

use crate::report::{Outcome, Report};

/// Plan a ceremony, keep a transcript of it, sign and verify the transcript
#[derive(clap::Subcommand)]
pub enum Verb {
    Plan(plan::Args),
    Record(record::Args),
    Sign(sign::Args),
    Verify(verify::Args),
}

pub fn run(verb: Verb) -> Outcome<Report> {
    match verb {
        Verb::Plan(args) => plan::run(&args),
        Verb::Record(args) => record::run(&args),
        Verb::Sign(args) => sign::run(&args),
        Verb::Verify(args) => verify::run(&args),
    }
}
