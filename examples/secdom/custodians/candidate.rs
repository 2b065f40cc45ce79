// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian before the key is opened: a key file, and the certificates that may belong to it.

use std::path::{Path, PathBuf};

use security_domain::managed_hsm::Fault;
use security_domain::x509::{RecoveryCertificate, Thumbprint};
use zeroize::Zeroizing;

use super::Custodian;
use crate::certificate::CertificateFile;
use crate::domain::File;
use crate::report::{Outcome, Refusal};
use crate::{key, show, text};

/// The extensions of a certificate beside its key.
const EXTENSIONS: [&str; 5] = ["cer", "crt", "pem", "cert", "der"];

/// A key file, and the certificates that belong to custodians and may be those of the key.
pub struct Candidate {
    /// The place among the key files.
    pub index: usize,
    pub key_file: PathBuf,
    text: Zeroizing<Vec<u8>>,
    certificates: Vec<CertificateFile>,
}

impl Candidate {
    /// Finds the certificates for a key: in its own file, beside it, or else among those `given`. They
    /// must belong to custodians of `file` whose shares can be opened.
    pub fn read(
        index: usize,
        key_file: PathBuf,
        path: &Path,
        file: &File<'_>,
        given: &[CertificateFile],
    ) -> Outcome<Self> {
        let text = text::read(&key_file)?;
        let near = near(&key_file, &text)?;
        let mut refusal = None;
        for certificates in [near, given.to_vec()] {
            let mut belonging = Vec::new();
            for certificate in certificates {
                let checked = certificate
                    .parse_for_recovery()
                    .and_then(|parsed| must_belong(&key_file, &parsed, path, file));
                match checked {
                    Ok(()) => belonging.push(certificate),
                    Err(error) => refusal = refusal.or(Some(error)),
                }
            }
            if !belonging.is_empty() {
                return Ok(Self {
                    index,
                    key_file,
                    text,
                    certificates: belonging,
                });
            }
        }
        Err(refusal.unwrap_or_else(|| no_certificate(&key_file)))
    }

    /// Returns the custodian's thumbprint, if it is certain before the key is opened.
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        match self.certificates.as_slice() {
            [one] => one.parse_for_recovery().ok().map(|c| c.thumbprint()),
            _ => None,
        }
    }

    /// Opens the key, and finds its certificate.
    pub fn open(self, password: Option<&[u8]>) -> Outcome<Custodian> {
        let parsed = self.certificates.iter();
        let parsed = parsed.map(CertificateFile::parse_for_recovery);
        let parsed = parsed.collect::<Outcome<Vec<_>>>()?;
        let publics = parsed.iter().map(|c| [c.modulus(), c.exponent()]);
        let publics: Vec<_> = publics.collect();
        let names: Vec<&Path> = self.certificates.iter().map(|c| c.path.as_path()).collect();
        let key = key::read(&self.key_file, &self.text, password, &names, &publics)?;
        let place = { publics.iter() }
            .position(|public| *public == key.public())
            .ok_or_else(|| no_certificate(&self.key_file))?;
        Ok(Custodian {
            warnings: self.certificates[place].warnings(&parsed[place]),
            thumbprint: parsed[place].thumbprint(),
            key,
            key_file: self.key_file.clone(),
        })
    }
}

/// Reads the certificates in the key's own file, whose text is given, and beside it.
fn near(key_file: &Path, text: &[u8]) -> Outcome<Vec<CertificateFile>> {
    let mut all = Vec::new();
    for extension in EXTENSIONS {
        let beside = key_file.with_extension(extension);
        if beside != key_file && beside.try_exists().unwrap_or(false) {
            let bytes = text::read(&beside)?;
            let found = CertificateFile::find(&beside, &bytes)?;
            if found.is_empty() && extension == EXTENSIONS[0] {
                // This one is the certificate by its name, so it is at fault.
                return CertificateFile::read_each(&beside);
            }
            all.extend(found);
        }
    }
    all.extend(CertificateFile::find(key_file, text)?);
    Ok(all)
}

fn no_certificate(key_file: &Path) -> Refusal {
    let beside = show::path(&key_file.with_extension(EXTENSIONS[0]));
    Refusal::file(
        key_file,
        format!(
            "its certificate is missing: it is looked for beside the key as {beside} (or .crt, .pem), in the \
             key's own file, and among --certs"
        ),
    )
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
