// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian before the key is opened: where the key is, and the certificates that may belong to
//! it.

use std::path::{Path, PathBuf};

use security_domain::managed_hsm::Fault;
use security_domain::x509::{RecoveryCertificate, Thumbprint};
use zeroize::Zeroizing;

use super::Custodian;
use crate::certificate::{CertificateFile, missing, near};
use crate::domain::File;
use crate::key::{self, Key, Lock, UnwrappedKey};
use crate::report::{Outcome, Refusal};
use crate::source::KeySource;
use crate::token::Token;
use crate::{answer, show, text};

/// Why a file of version 1 is not opened with one content key of a custodian.
const SPLIT: &str = "in a domain file of version 1 a custodian has a content key for each partner, not one: give the key, as a file \
                     or in a token";

/// Where a certificate can be given.
const CERTS: &str = "one of --certs";

/// Where a key is, and the certificates that belong to custodians and may be those of the key.
pub struct Candidate<'p> {
    /// By what name messages name the key.
    pub key_file: PathBuf,
    key: Closed<'p>,
    certificates: Vec<Certificate>,
}

/// A key that is not open yet.
enum Closed<'p> {
    /// The text of a key file.
    File(Zeroizing<Vec<u8>>, Lock<'p>),
    /// A token, and the PIN that is given for it.
    Token(Box<Token>, Option<&'p [u8]>),
    /// What the key unwrapped elsewhere.
    Unwrapped(Zeroizing<Vec<u8>>),
}

/// A certificate that may be that of the key, and if its custodian is not in the file, the refusal
/// that says so.
struct Certificate {
    file: CertificateFile,
    refusal: Option<Refusal>,
}

/// Where certificates are looked for, in this order.
enum Place {
    /// Beside the key, and in its own file where they are not encrypted, or on its token.
    Near,
    /// Encrypted in the key's file.
    Encrypted,
    Given,
}

impl<'p> Candidate<'p> {
    /// Finds the certificates for a key: in its own file, beside it, on its token, or else among
    /// those `given`. They should belong to custodians of `file`, whose shares must not be damaged.
    /// Those that are encrypted in the key's file are decrypted if there are none before them.
    pub fn read(
        source: KeySource,
        password: Option<&'p [u8]>,
        path: &Path,
        file: &File<'_>,
        given: &[CertificateFile],
    ) -> Outcome<Self> {
        let key_file = source.name();
        let mut near_by = Vec::new();
        let mut key = match source {
            KeySource::File(_) => {
                let text = text::read(&key_file)?;
                key::must_be_in(&key_file, &text)?;
                near_by = near(&key_file, &text)?;
                let lock = Lock::new(&key_file, &text, password);
                Closed::File(text, lock)
            }
            KeySource::Token(uri) => {
                let token = Token::find(&uri)?;
                for der in token.certificates()? {
                    near_by.extend(CertificateFile::find(&key_file, &der, None)?);
                }
                Closed::Token(Box::new(token), password)
            }
            KeySource::Unwrapped(unwrapped) => {
                if let File::Split(_) = file {
                    return Err(Refusal::file(&key_file, SPLIT));
                }
                near_by.push(CertificateFile::read(&unwrapped.certificate)?);
                let content_key = answer::read(&unwrapped.answer, &answer::CONTENT_KEY)?;
                Closed::Unwrapped(content_key)
            }
        };
        let (mut listed, mut unlisted) = (Vec::new(), Vec::new());
        let mut damaged = None;
        for place in [Place::Near, Place::Encrypted, Place::Given] {
            let certificates = match (place, &mut key) {
                (Place::Near, _) => std::mem::take(&mut near_by),
                (Place::Encrypted, Closed::File(text, lock)) if unlisted.is_empty() => {
                    CertificateFile::find(&key_file, text, Some(lock))?
                }
                (Place::Given, Closed::File(..) | Closed::Token(..)) => given.to_vec(),
                _ => continue,
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
            return Err(damaged.unwrap_or_else(|| key.without_certificate(&key_file)));
        }
        Ok(Self {
            key_file,
            key,
            certificates: listed,
        })
    }

    /// Returns whether one of the certificates belongs to a custodian of the file.
    pub fn is_listed(&self) -> bool {
        self.certificates.iter().any(|one| one.refusal.is_none())
    }

    /// Refuses a custodian of the file for whom a challenge has no value.
    pub fn must_be_among(&self, asked: &[Thumbprint]) -> Outcome<()> {
        let listed = { self.certificates.iter() }.filter(|one| one.refusal.is_none());
        let listed: Vec<_> = listed.map(|one| Thumbprint::of(one.file.der())).collect();
        match listed.first() {
            Some(me) if !listed.iter().any(|one| asked.contains(one)) => Err(Refusal::file(
                &self.key_file,
                format!("the challenge has no value for custodian {me}"),
            )),
            _ => Ok(()),
        }
    }

    /// Opens the key, and finds its certificate. If that belongs to no custodian of the file, the
    /// refusal that says so comes with it, or is the result where such a key is not
    /// `worth_opening`.
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
        let without = self.key.without_certificate(&self.key_file);
        let key = self.key.open(&self.key_file, &names, &publics);
        let key = key.map_err(|error| match refusals.iter_mut().all(|one| one.is_some()) {
            true => refusals.swap_remove(0).unwrap_or(error),
            false => error,
        })?;
        let place = { publics.iter() }
            .position(|public| Some(*public) == key.public())
            .ok_or(without)?;
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

impl Closed<'_> {
    /// Opens the key of one of the certificates, whose moduli and exponents are `publics`.
    fn open(self, key_file: &Path, names: &[&Path], publics: &[[&[u8]; 2]]) -> Outcome<Key> {
        match self {
            Self::File(text, mut lock) => key::read(&text, &mut lock, names, publics),
            Self::Token(token, pin) => {
                let key = Key::Token(Box::new(token.open(pin)?));
                if key.public().is_some_and(|public| publics.contains(&public)) {
                    return Ok(key);
                }
                if key.public().is_none() {
                    return Err(Refusal::file(
                        key_file,
                        "the key in the token is not an RSA key",
                    ));
                }
                let reason = "is not the private key of any of the certificates of custodians on its token and in --certs";
                Err(Refusal::file(key_file, reason))
            }
            Self::Unwrapped(content_key) => {
                let public = { publics.first() }.ok_or_else(|| missing(key_file, CERTS))?;
                let key = UnwrappedKey::new(*public, content_key);
                Ok(Key::Unwrapped(Box::new(key)))
            }
        }
    }

    /// Returns the refusal of a key without a certificate.
    fn without_certificate(&self, key_file: &Path) -> Refusal {
        match self {
            Self::Token(..) => {
                let reason = format!("its certificate is neither on the token nor {CERTS}");
                Refusal::file(key_file, reason)
            }
            Self::File(..) | Self::Unwrapped(_) => missing(key_file, CERTS),
        }
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
