// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates that are given to `inspect`.

use std::path::PathBuf;

use crate::certificate::CertificateFile;
use crate::pair::KeyFiles;
use crate::report::{Outcome, Refusal};

/// The given certificates.
pub struct Certs {
    pub certificates: Vec<CertificateFile>,
    /// The arguments that name two keys of one custodian, and their files.
    pub pairs: Vec<(PathBuf, [PathBuf; 2])>,
}

impl Certs {
    pub fn read(arguments: &[PathBuf]) -> Outcome<Self> {
        let (mut certificates, mut pairs) = (Vec::new(), Vec::new());
        for argument in arguments {
            match KeyFiles::of(argument) {
                KeyFiles::One(path) => certificates.extend(CertificateFile::read_each(&path)?),
                KeyFiles::Both(files) => pairs.push((argument.clone(), files)),
            }
        }
        Ok(Self {
            certificates,
            pairs,
        })
    }

    /// Refuses two keys of one custodian, which Managed HSM does not have.
    pub fn without_pairs(self) -> Outcome<Vec<CertificateFile>> {
        match self.pairs.first() {
            Some((argument, _)) => Err(Refusal::file(
                argument,
                "custodians of Managed HSM have one key: give one certificate",
            )),
            None => Ok(self.certificates),
        }
    }
}
