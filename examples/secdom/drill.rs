// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom drill`: shows that custodians still have what they should. The files of Managed HSM are
//! drilled with keys that are brought together, and both formats by a challenge that each custodian
//! answers alone.

mod azure;
mod challenge;
mod file;
mod respond;
mod verify;

use std::path::Path;

use clap::error::Error;
use clap::{ArgMatches, Command, FromArgMatches, Subcommand};
use security_domain::drill::Challenge;
use security_domain::sealed_domain::SealedDomain;

use crate::kind::{self, FileKind};
use crate::report::{Outcome, Refusal, Report};
use crate::show;

const ABOUT: &str = "\
Prove that keys open a domain file of Managed HSM: fewer than a quorum open their own shares, a quorum opens every \
artifact, more than a quorum must all agree. Or ask the custodians of such a file, or of a sealed domain, with a \
challenge that each of them answers alone. Shows no secret";

const EXAMPLE: &str = "Examples:
  secdom drill --sd-file domain.json --sd-wrapping-keys A.key
  secdom drill --sd-file domain.json --sd-wrapping-keys A.key B.key C.key
  secdom drill challenge --sealed domain.sealed --expect-domain 2c26...e7ae \\
      --custodians A.cer B.cer C.cer --out challenge
  secdom drill challenge --sd-file domain.json \\
      --custodians A.cer B.cer C.cer --out challenge";

/// What is drilled: keys that are here, or custodians who answer alone.
pub enum Drill {
    Keys(azure::Args),
    Custodians(Verb),
}

/// The steps of a drill in which custodians answer alone.
#[derive(Subcommand)]
pub enum Verb {
    Challenge(challenge::Args),
    Respond(respond::Args),
    Verify(verify::Args),
}

impl clap::Args for Drill {
    fn augment_args(command: Command) -> Command {
        let command = Verb::augment_subcommands(azure::Args::augment_args(command));
        command
            .about(ABOUT)
            .after_help(EXAMPLE)
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Drill {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        match matches.subcommand() {
            Some(_) => Verb::from_arg_matches(matches).map(Self::Custodians),
            None => azure::Args::from_arg_matches(matches).map(Self::Keys),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub fn run(drill: Drill) -> Outcome<Report> {
    match drill {
        Drill::Keys(args) => azure::run(args),
        Drill::Custodians(Verb::Challenge(args)) => challenge::run(&args),
        Drill::Custodians(Verb::Respond(args)) => respond::run(args),
        Drill::Custodians(Verb::Verify(args)) => verify::run(&args),
    }
}

/// Parses the challenge in `path`, which must be for `sealed`.
fn parse_challenge<'b>(
    path: &Path,
    bytes: &'b [u8],
    sealed: &SealedDomain<'_>,
) -> Outcome<Challenge<'b>> {
    let challenge = Challenge::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::Challenge, error))?;
    let (have, want) = (challenge.header(), sealed.header().digest());
    if have != want {
        let reason = format!("the challenge is for header {have}, not {want}");
        return Err(Refusal::file(path, reason));
    }
    Ok(challenge)
}

/// The refusal of a second response of one custodian, who is shown as `name`.
fn second(file: &Path, name: &str, earlier: &Path) -> Refusal {
    let reason = match file == earlier {
        true => "is given twice".into(),
        false => format!(
            "custodian {name} has responded with {}",
            show::path(earlier)
        ),
    };
    Refusal::file(file, reason)
}
