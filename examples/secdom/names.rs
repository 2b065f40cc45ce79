// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of a sealed domain's custodians, which their certificates give.

use std::path::PathBuf;

use security_domain::custodian::{CustodianId, Recipient};

use crate::certificate::{CertificateFile, Holder};
use crate::pair::KeyFiles;
use crate::report::Outcome;
use crate::{recipients, show};

#[derive(clap::Args)]
pub struct CertsArg {
    /// Certificates, PEM or DER, that show who the custodians are; CER+PUB for one who needs two
    /// keys
    #[arg(long, num_args = 1.., value_name = "CER")]
    pub certs: Vec<PathBuf>,
}

/// The subjects of custodians whose certificates are given.
pub struct Names(Vec<(CustodianId, String)>);

impl CertsArg {
    pub fn read(&self) -> Outcome<Names> {
        let holders = self.holders()?.into_iter();
        let name = |(_, id, holder): (_, _, Option<Holder>)| Some((id, holder?.subject));
        Ok(Names(holders.filter_map(name).collect()))
    }

    /// Returns whose certificate each is, and the argument that gives it.
    pub fn holders(&self) -> Outcome<Vec<(PathBuf, CustodianId, Option<Holder>)>> {
        let mut holders = Vec::new();
        for argument in &self.certs {
            match KeyFiles::of(argument) {
                KeyFiles::One(path) => {
                    for file in CertificateFile::read_each(&path)? {
                        let (key, holder) = file.own()?;
                        holders.push((path.clone(), key.id(), Some(holder)));
                    }
                }
                KeyFiles::Both(files) => {
                    let (key, shown) = recipients::pair(argument, &files)?;
                    holders.push((argument.clone(), key.id(), shown.holder));
                }
            }
        }
        Ok(holders)
    }
}

impl Names {
    /// Returns the subject of a custodian, if it is known; escape it before showing it.
    pub fn subject(&self, id: CustodianId) -> Option<&str> {
        let mut names = self.0.iter();
        names
            .find(|(of, _)| *of == id)
            .map(|(_, name)| name.as_str())
    }

    /// Returns the id of a custodian and, if it is known, the subject, to be shown.
    pub fn show(&self, id: CustodianId) -> String {
        match self.subject(id) {
            Some(subject) => format!("{id} {}", show::text(subject)),
            None => id.to_string(),
        }
    }
}
