// SPDX-License-Identifier: MIT OR Apache-2.0
//! The stop before what cannot be taken back.

use std::io::{IsTerminal, stderr, stdin};

use crate::report::{Outcome, Refusal};
use crate::{show, signals};

#[derive(clap::Args)]
pub struct YesArg {
    /// On a terminal, do not ask whether to go on
    #[arg(long)]
    yes: bool,
}

impl YesArg {
    /// Says on a terminal what is about to be done, and goes on if `yes` is typed. A program is not
    /// asked.
    pub fn confirm(&self, what: &str) -> Outcome<()> {
        if self.yes || !stdin().is_terminal() || !stderr().is_terminal() {
            return Ok(());
        }
        let prompt = format!("{}? Type yes to go on: ", show::one_line(what));
        let answer = signals::ask_shown(&prompt)
            .map_err(|error| Refusal::new(format!("cannot ask whether to go on: {error}")))?;
        match answer.trim_ascii() {
            b"yes" => Ok(()),
            _ => Err(Refusal::new(
                "not confirmed: no share was opened, and nothing is written",
            )),
        }
    }
}
