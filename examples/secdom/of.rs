// SPDX-License-Identifier: MIT OR Apache-2.0
//! The domain of which a custodian has a share: the crate's own, or one of Managed HSM.

use std::path::{Path, PathBuf};

use security_domain::sealed_domain::{DomainId, Epoch, ExpectedDomain, SealedDomain};

use crate::domain::FormatArgs;
use crate::hsm;
use crate::report::{Outcome, Refusal};

#[derive(clap::Args)]
pub struct OfArgs {
    /// The sealed domain
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "sd_file",
        requires = "expect_domain",
        conflicts_with = "allow_unknown_members"
    )]
    sealed: Option<PathBuf>,
    /// The domain's id, as noted when it was activated
    #[arg(long, value_name = "HEX", requires = "sealed")]
    expect_domain: Option<DomainId>,
    /// The security-domain file of a Managed HSM, in place of --sealed and --expect-domain
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sealed", "expect_domain"])]
    sd_file: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
}

/// A sealed domain alone.
#[derive(clap::Args)]
pub struct SealedArgs {
    /// The sealed domain, complete or pending
    #[arg(long, value_name = "FILE")]
    sealed: PathBuf,
    /// The domain's id, as noted when it was activated
    #[arg(long, value_name = "HEX")]
    expect_domain: DomainId,
}

impl SealedArgs {
    pub fn file(&self) -> SealedFile<'_> {
        SealedFile {
            path: &self.sealed,
            expect: ExpectedDomain::new(self.expect_domain, Epoch::FIRST),
        }
    }
}

/// Which domain it is.
pub enum Of<'a> {
    Sealed(SealedFile<'a>),
    DomainFile(&'a Path, &'a FormatArgs),
}

impl OfArgs {
    pub fn which(&self) -> Outcome<Of<'_>> {
        match (&self.sd_file, &self.sealed, self.expect_domain) {
            (Some(file), ..) => Ok(Of::DomainFile(file, &self.format)),
            (None, Some(path), Some(domain)) => Ok(Of::Sealed(SealedFile {
                path,
                expect: ExpectedDomain::new(domain, Epoch::FIRST),
            })),
            _ => Err(Refusal::new("neither --sealed nor --sd-file is given")),
        }
    }
}

/// A sealed domain, and how it is known to be the right one.
pub struct SealedFile<'a> {
    pub path: &'a Path,
    pub expect: ExpectedDomain,
}

impl SealedFile<'_> {
    /// Parses `bytes`, those of the file, which must be the expected domain.
    pub fn parse<'b>(&self, bytes: &'b [u8]) -> Outcome<SealedDomain<'b>> {
        let sealed = hsm::parse_sealed(self.path, bytes)?;
        let checked = self.expect.check(sealed.header());
        checked.map_err(|error| Refusal::file(self.path, error))?;
        Ok(sealed)
    }
}
