// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private key files: PKCS#8, encrypted PKCS#8, PKCS#1 and OpenSSL's older encryption, in PEM or DER.

mod encryption;
mod forms;
mod numbers;
mod old;

use std::path::Path;

use security_domain::rsa::{PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::report::{Outcome, Refusal};
use crate::{passwords, show, text};
use forms::{Form, forms};

/// Reads the private key in `path` that belongs to one of the certificates in `certificate_files`, whose
/// moduli and exponents are `publics`.
/// `password` is the given one, or `None` to ask on the terminal.
pub fn read(
    path: &Path,
    password: Option<&[u8]>,
    certificate_files: &[&Path],
    publics: &[[&[u8]; 2]],
) -> Outcome<PrivateKey> {
    let belongs = |key: &PublicKey| publics.contains(&[key.modulus(), key.exponent()]);
    read_one(path, password, belongs)?.map_err(|_| {
        let names = certificate_files.iter().map(|file| show::path(file));
        let mut names: Vec<_> = names.collect();
        names.dedup();
        let names = names.join(", ");
        Refusal::file(
            path,
            format!("is not the private key of the certificate {names}"),
        )
    })
}

/// Reads the private key in `path` for which `belongs` returns true, or else the last one.
/// `password` is the given one, or `None` to ask on the terminal.
pub fn read_private(
    path: &Path,
    password: Option<&[u8]>,
    belongs: impl Fn(&PublicKey) -> bool,
) -> Outcome<PrivateKey> {
    read_one(path, password, belongs).map(|key| key.unwrap_or_else(|other| other))
}

/// Reads the private key for which `belongs` returns true, or as an error the last one of the file.
fn read_one(
    path: &Path,
    password: Option<&[u8]>,
    belongs: impl Fn(&PublicKey) -> bool,
) -> Outcome<Result<PrivateKey, PrivateKey>> {
    let bytes = text::read(path)?;
    let forms = forms(path, &bytes)?;
    let is_given = password.is_some_and(|password| !password.is_empty());
    if is_given && !forms.iter().any(Form::is_encrypted) {
        return Err(Refusal::file(
            path,
            "is not encrypted, but a password is given for it",
        ));
    }
    let mut lock = Lock {
        path,
        given: password,
        asked: None,
    };
    let (mut refusal, mut other) = (None, None);
    for form in &forms {
        match form.open(&mut lock) {
            Ok(key) if belongs(key.public_key()) => return Ok(Ok(key)),
            Ok(key) => other = Some(key),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match (refusal, other) {
        (None, Some(key)) => Ok(Err(key)),
        (Some(refusal), _) => Err(refusal),
        (None, None) => Err(Refusal::file(path, "holds no private key in PEM or DER")),
    }
}

/// Returns the public half of each private key in a file; nothing for an encrypted one, and an empty list
/// if there is none.
pub fn published(path: &Path, bytes: &[u8]) -> Outcome<Vec<Option<PublicKey>>> {
    let Ok(forms) = forms(path, bytes) else {
        return Ok(Vec::new());
    };
    let mut lock = Lock {
        path,
        given: None,
        asked: None,
    };
    let public = |form: &Form| match form.is_encrypted() {
        true => Ok(None),
        false => form
            .open(&mut lock)
            .map(|key| Some(key.public_key().clone())),
    };
    forms.iter().map(public).collect()
}

/// The password of a file, asked for at most once.
pub struct Lock<'a> {
    pub path: &'a Path,
    given: Option<&'a [u8]>,
    asked: Option<Zeroizing<Vec<u8>>>,
}

impl Lock<'_> {
    /// Returns the password of an encrypted key.
    pub fn password(&mut self) -> Outcome<&[u8]> {
        match self.given {
            Some([]) => {
                return Err(self.refuse("is encrypted, but its password is given as empty"));
            }
            Some(password) => return Ok(password),
            None => {}
        }
        if self.asked.is_none() {
            self.asked = Some(passwords::ask(self.path)?);
        }
        Ok(self.asked.as_deref().map_or(&[], Vec::as_slice))
    }

    pub fn refuse(&self, reason: impl Into<Box<dyn std::error::Error>>) -> Refusal {
        Refusal::file(self.path, reason)
    }

    /// The refusal of a password.
    pub fn wrong(&self) -> Refusal {
        self.refuse("does not open with the given password")
    }
}
