// SPDX-License-Identifier: MIT OR Apache-2.0
//! The security-domain file that a recovery begins with.

use std::path::Path;

use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::{Fault, FileError};

use crate::report::{Outcome, Refusal};
use crate::show;

#[derive(clap::Args)]
pub struct FormatArgs {
    /// Pass over members of the domain file that this version of secdom does not know, and name them.
    /// Take it only if the service has added a member to its files
    #[arg(long)]
    allow_unknown_members: bool,
}

/// A domain file, and what was passed over in it.
pub struct Domain<'t> {
    pub file: DomainFile<'t>,
    pub passed_over: Vec<String>,
}

/// Reads a domain file.
pub fn read<'t>(path: &Path, text: &'t [u8], args: &FormatArgs) -> Outcome<Domain<'t>> {
    let mut passed_over = Vec::new();
    let file = if args.allow_unknown_members {
        DomainFile::parse_ignoring_unknown(text, &mut |member| {
            passed_over.push(format!("{}: passed over {member}", show::path(path)));
        })
    } else {
        DomainFile::parse(text)
    };
    let file = file.map_err(|error| Refusal::file(path, hint(error)))?;
    Ok(Domain { file, passed_over })
}

/// Names the flag with which the file can be read, if there is one.
fn hint(error: FileError) -> String {
    match error.fault {
        // In a header it changes what the sealed bytes mean.
        Fault::UnknownMember(_) if error.field.part.is_empty() => {
            format!("{error}; --allow-unknown-members passes over it")
        }
        _ => error.to_string(),
    }
}
