// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian before the key is opened: a key file, and the certificates that may belong to it.

use std::path::{Path, PathBuf};

use security_domain::managed_hsm::Fault;
use security_domain::x509::RecoveryCertificate;
use zeroize::Zeroizing;

use super::Custodian;
use crate::certificate::{CertificateFile, missing, near};
use crate::domain::File;
use crate::key::{self, Lock};
use crate::report::{Outcome, Refusal};
use crate::{show, text};

/// Where a certificate can be given.
const CERTS: &str = "one of --certs";

/// A key file, and the certificates that belong to custodians and may be those of the key.
pub struct Candidate<'p> {
    pub key_file: PathBuf,
    text: Zeroizing<Vec<u8>>,
    lock: Lock<'p>,
    certificates: Vec<Certificate>,
}

/// A certificate that may be that of the key, and if its custodian is not in the file, the refusal that says so.
struct Certificate {
    file: CertificateFile,
    refusal: Option<Refusal>,
}

/// Where certificates are looked for, in this order.
enum Source {
    /// Beside the key, and in its own file where they are not encrypted.
    Near,
    /// Encrypted in the key's file.
    Encrypted,
    Given,
}

impl<'p> Candidate<'p> {
    /// Finds the certificates for a key: in its own file, beside it, or else among those `given`. They
    /// should belong to custodians of `file`, whose shares must not be damaged. Those that are encrypted in the
    /// key's file are decrypted if there are none before them.
    pub fn read(
        key_file: PathBuf,
        password: Option<&'p [u8]>,
        path: &Path,
        file: &File<'_>,
        given: &[CertificateFile],
    ) -> Outcome<Self> {
        let text = text::read(&key_file)?;
        key::must_be_in(&key_file, &text)?;
        let mut lock = Lock::new(&key_file, &text, password);
        let (mut listed, mut unlisted) = (Vec::new(), Vec::new());
        let mut damaged = None;
        for source in [Source::Near, Source::Encrypted, Source::Given] {
            let certificates = match source {
                Source::Near => near(&key_file, &text)?,
                Source::Encrypted if !unlisted.is_empty() => continue,
                Source::Encrypted => CertificateFile::find(&key_file, &text, Some(&mut lock))?,
                Source::Given => given.to_vec(),
            };
            for certificate in certificates {
                let parsed = match certificate.parse_for_recovery() {
                    Ok(parsed) => parsed,
                    Err(error) => {
                        damaged = damaged.or(Some(error));
                        continue;
                    }
                };
                let refusal = must_belong(&key_file, &parsed, path, file).err();
                let is_listed = file.custodians().contains(&parsed.thumbprint());
                match refusal {
                    Some(refusal) if is_listed => damaged = damaged.or(Some(refusal)),
                    refusal => {
                        let of = if is_listed {
                            &mut listed
                        } else {
                            &mut unlisted
                        };
                        let file = certificate.clone();
                        of.push(Certificate { file, refusal });
                    }
                }
            }
            if !listed.is_empty() {
                break;
            }
        }
        let is_listed = !listed.is_empty();
        listed.append(&mut unlisted);
        if listed.is_empty() || !is_listed && damaged.is_some() {
            return Err(damaged.unwrap_or_else(|| missing(&key_file, CERTS)));
        }
        Ok(Self {
            key_file,
            text,
            lock,
            certificates: listed,
        })
    }

    /// Returns whether one of the certificates belongs to a custodian of the file.
    pub fn is_listed(&self) -> bool {
        self.certificates.iter().any(|one| one.refusal.is_none())
    }

    /// Opens the key, and finds its certificate. If that belongs to no custodian of the file, the refusal
    /// that says so comes with it, or is the result where such a key is not `worth_opening`.
    pub fn open(mut self, worth_opening: bool) -> Outcome<(Custodian, Option<Refusal>)> {
        let refusals = { self.certificates.iter_mut() }.map(|one| one.refusal.take());
        let mut refusals: Vec<_> = refusals.collect();
        if !worth_opening && let Some(refusal) = refusals.iter_mut().find_map(Option::take) {
            return Err(refusal);
        }
        let files = self.certificates.iter().map(|one| &one.file);
        let parsed = { files.clone() }.map(CertificateFile::parse_for_recovery);
        let parsed = parsed.collect::<Outcome<Vec<_>>>()?;
        let publics = parsed.iter().map(|c| [c.modulus(), c.exponent()]);
        let publics: Vec<_> = publics.collect();
        let names: Vec<&Path> = files.map(|file| file.path.as_path()).collect();
        let key = key::read(&self.text, &mut self.lock, &names, &publics);
        let key = key.map_err(|error| match refusals.iter_mut().all(|one| one.is_some()) {
            true => refusals.swap_remove(0).unwrap_or(error),
            false => error,
        })?;
        let place = { publics.iter() }
            .position(|public| Some(*public) == key.public())
            .ok_or_else(|| missing(&self.key_file, CERTS))?;
        let warnings = self.certificates[place].file.warnings(&parsed[place]);
        let custodian = Custodian {
            warnings: Vec::from_iter(warnings),
            thumbprint: parsed[place].thumbprint(),
            key,
            key_file: self.key_file,
        };
        Ok((custodian, refusals[place].take()))
    }
}

/// Checks that a certificate belongs to a custodian, whose share can be opened.
fn must_belong(
    key_file: &Path,
    certificate: &RecoveryCertificate<'_>,
    path: &Path,
    file: &File<'_>,
) -> Outcome<()> {
    let Err(error) = file.check_certificate(certificate) else {
        return Ok(());
    };
    let (thumbprint, path) = (certificate.thumbprint(), show::path(path));
    let reason = if file.custodians().contains(&thumbprint) {
        format!("its share in {path} is damaged: {error}")
    } else if error.fault == Fault::NotListed {
        format!(
            "its certificate {thumbprint} belongs to no share of {path}; if it was renewed, take the \
             certificate to which the file was sealed"
        )
    } else {
        // The digest that cannot be read may have been this one.
        format!(
            "its certificate {thumbprint} belongs to no share of {path}, unless to one whose digest is \
             damaged: {error}"
        )
    };
    Err(Refusal::file(key_file, reason))
}
