// SPDX-License-Identifier: MIT OR Apache-2.0
//! The security-domain file that a recovery begins with.

use std::path::Path;

use security_domain::managed_hsm::domain_file::{DamagedShare, DomainFile};
use security_domain::managed_hsm::restore_blob::Origin;
use security_domain::managed_hsm::split_file::SplitFile;
use security_domain::managed_hsm::{Artifact, Fault, FileError, MIN_CUSTODIANS};
use security_domain::rsa::ModulusSize;
use security_domain::x509::{RecoveryCertificate, Thumbprint};

use crate::kind::{self, FileKind};
use crate::report::Outcome;
use crate::show;

#[derive(clap::Args)]
pub struct FormatArgs {
    /// Pass over members of the domain file that this version of secdom does not know, and name
    /// them. Take it only if the service has added a member to its files
    #[arg(long)]
    allow_unknown_members: bool,
}

/// A domain file, and what was passed over in it.
pub struct Domain<'t> {
    pub file: File<'t>,
    pub passed_over: Vec<String>,
}

/// A domain file of either version.
// There is one at a time, so the size of the smaller does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum File<'t> {
    /// Version 2: a quorum of custodians has shares of the master key.
    Shared(DomainFile<'t>),
    /// Version 1: any two custodians have two halves of it.
    Split(SplitFile<'t>),
}

impl<'t> File<'t> {
    /// Returns the format in words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Shared(_) => "Managed HSM security domain, version 2",
            Self::Split(_) => "Managed HSM security domain, version 1",
        }
    }

    /// Returns how many custodians open the file together.
    pub fn required(&self) -> u8 {
        match self {
            Self::Shared(file) => file.quorum().threshold().get(),
            Self::Split(_) => 2,
        }
    }

    /// Returns the number of custodians, of whom some may not be named.
    pub fn count(&self) -> usize {
        match self {
            Self::Shared(file) => usize::from(file.quorum().count().get()),
            Self::Split(file) => file.custodians().count(),
        }
    }

    pub fn custodians(&self) -> Vec<Thumbprint> {
        match self {
            Self::Shared(file) => file.custodians().collect(),
            Self::Split(file) => file.custodians().collect(),
        }
    }

    /// Returns a custodian's wrapped content key, of which there is one in a file of version 2.
    pub fn wrapped_content_key(&self, custodian: &Thumbprint) -> Option<Vec<u8>> {
        let Self::Shared(file) = self else {
            return None;
        };
        let mut room = [0; ModulusSize::MAX_BYTES];
        let wrapped = file.wrapped_content_key(custodian, &mut room).ok()?;
        Some(wrapped.into())
    }

    pub fn artifacts(&self) -> Vec<Artifact<'t>> {
        match self {
            Self::Shared(file) => file.artifacts().collect(),
            Self::Split(file) => file.artifacts().collect(),
        }
    }

    /// Checks that a certificate belongs to a custodian, whose share or half can be opened.
    pub fn check_certificate(
        &self,
        certificate: &RecoveryCertificate<'_>,
    ) -> Result<(), FileError> {
        match self {
            Self::Shared(file) => file.check_certificate(certificate),
            Self::Split(file) => file.check_certificate(certificate),
        }
    }

    /// Returns the custodians whose shares or halves cannot be opened.
    pub fn without_share(&self) -> Vec<Thumbprint> {
        let damaged: Vec<_> = match self {
            Self::Shared(file) => file.damaged_shares().collect(),
            Self::Split(file) => file.damaged_halves().collect(),
        };
        damaged.iter().filter_map(|share| share.custodian).collect()
    }

    /// Names the shares and halves that cannot be opened.
    pub fn damaged(&self) -> Vec<String> {
        let (damaged, listed): (Vec<_>, _) = match self {
            Self::Shared(file) => (file.damaged_shares().collect(), file.digests().count()),
            Self::Split(file) => (file.damaged_halves().collect(), MIN_CUSTODIANS),
        };
        let missing = (listed < MIN_CUSTODIANS).then(|| {
            format!("it lists {listed} custodians, and a domain has at least {MIN_CUSTODIANS}: shares are missing from the file")
        });
        let name = |share: DamagedShare| {
            let custodian = share.custodian.map(|to| format!(" of custodian {to}"));
            let custodian = custodian.unwrap_or_default();
            format!("the share{custodian} is damaged: {}", share.error)
        };
        damaged.into_iter().map(name).chain(missing).collect()
    }
}

impl<'f> From<&'f File<'_>> for Origin<'f> {
    fn from(file: &'f File<'_>) -> Self {
        match file {
            File::Shared(file) => file.into(),
            File::Split(file) => file.into(),
        }
    }
}

/// Reads a domain file.
pub fn read<'t>(path: &Path, text: &'t [u8], args: &FormatArgs) -> Outcome<Domain<'t>> {
    let mut members = Vec::new();
    let mut report = |member| members.push(member);
    let mut file = if args.allow_unknown_members {
        DomainFile::parse_ignoring_unknown(text, &mut report).map(File::Shared)
    } else {
        DomainFile::parse(text).map(File::Shared)
    };
    if matches!(&file, Err(error) if error.fault == Fault::Version1) {
        members.clear();
        let mut report = |member| members.push(member);
        file = if args.allow_unknown_members {
            SplitFile::parse_ignoring_unknown(text, &mut report).map(File::Split)
        } else {
            SplitFile::parse(text).map(File::Split)
        };
    }
    let passed_over = |member| format!("{}: passed over {member}", show::path(path));
    Ok(Domain {
        file: file
            .map_err(|error| kind::refusal(path, text, &FileKind::DomainFile, hint(error)))?,
        passed_over: members.into_iter().map(passed_over).collect(),
    })
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
