// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom ceremony`: plans the ceremony in which a domain is sealed, and keeps a transcript of it.

mod plan;
mod steps;

use crate::report::{Outcome, Report};

/// Plan the ceremony in which a domain is sealed to its custodians
#[derive(clap::Subcommand)]
pub enum Verb {
    Plan(plan::Args),
}

pub fn run(verb: Verb) -> Outcome<Report> {
    match verb {
        Verb::Plan(args) => plan::run(&args),
    }
}
