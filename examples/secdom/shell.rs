// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom completions` and `man`: what a shell and a manual know of the tool.

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::report::{Outcome, Refusal, Report};
use crate::{Verb, fold, show};

const COMPLETIONS_EXAMPLE: &str = "Example:
  secdom completions bash > /etc/bash_completion.d/secdom";

const MAN_EXAMPLE: &str = "Examples:
  secdom man > secdom.1
  secdom man hsm activate > secdom-hsm-activate.1";

/// Print what completes the command line in a shell
#[derive(clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLE)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub fn completions(args: &CompletionsArgs) -> Outcome<Report> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "secdom", &mut script);
    text(script)
}

/// Print the manual page of secdom or of one of its verbs
#[derive(clap::Args)]
#[command(after_help = MAN_EXAMPLE)]
pub struct ManArgs {
    /// The verb; without one, the page is about secdom
    verb: Vec<String>,
}

pub fn man(args: &ManArgs) -> Outcome<Report> {
    let mut command = command();
    let mut name = "secdom".to_owned();
    for verb in &args.verb {
        let found: Option<Command> = command.find_subcommand(verb).cloned();
        command = found.ok_or_else(|| {
            Refusal::new(format!("{}: is not a verb of {name}", show::text(verb)))
        })?;
        name = format!("{name}-{verb}");
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(Refusal::new)?;
    text(page)
}

/// Returns the command line, with usage lines that fit into the help's width.
pub fn command() -> Command {
    let mut command = Verb::command();
    command.build();
    with_short_usage(command)
}

fn with_short_usage(command: Command) -> Command {
    let mut command = command.mut_subcommands(with_short_usage);
    let usage = command.render_usage().to_string();
    if usage.len() <= fold::WIDTH {
        return command;
    }
    // An option and its value stay on one line.
    let joined = usage.replace(" <", "\u{a0}<").replace("\u{a0}<--", " <--");
    let folded = fold::one(&joined, 6, fold::WIDTH).replace('\u{a0}', " ");
    command.override_usage(folded.trim_start_matches("Usage: ").to_owned())
}

fn text(bytes: Vec<u8>) -> Outcome<Report> {
    let text = String::from_utf8(bytes).map_err(Refusal::new)?;
    Ok(Report {
        verbatim: true,
        ..Report::text(text)
    })
}
