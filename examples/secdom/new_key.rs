// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes a private key: PKCS#8 in PEM, encrypted unless told not to.

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use der::Encode;
use der::asn1::OctetStringRef;
use getrandom::SysRng;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Parameters;
use zeroize::Zeroizing;

use crate::passwords::read_file;
use crate::report::{Outcome, Refusal};
use crate::{pem, show, signals};

#[derive(clap::Args)]
pub struct NewPasswordArgs {
    /// A file with the password that encrypts the key; without it, the terminal asks for one. One line
    /// end at its end is ignored
    #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
    password_file: Option<PathBuf>,
    /// Write the key unencrypted
    #[arg(long)]
    no_password: bool,
}

/// The password of a new key, or nothing for an unencrypted one.
pub struct NewPassword(Option<Zeroizing<Vec<u8>>>);

impl NewPasswordArgs {
    /// Returns the password for `key_file`, which the terminal asks for twice.
    pub fn read(&self, key_file: &Path) -> Outcome<NewPassword> {
        if self.no_password {
            return Ok(NewPassword(None));
        }
        let (from, password) = match &self.password_file {
            Some(path) => (path.as_path(), read_file(path)?),
            None => (key_file, ask(key_file)?),
        };
        match password.is_empty() {
            true => Err(Refusal::file(
                from,
                "the password is empty; give --no-password for an unencrypted key",
            )),
            false => Ok(NewPassword(Some(password))),
        }
    }

    /// Returns the password of a key that was written before, if it is given.
    pub fn of_key_that_is_there(&self) -> Outcome<Option<Zeroizing<Vec<u8>>>> {
        match (&self.password_file, self.no_password) {
            (Some(path), _) => read_file(path).map(Some),
            (None, true) => Ok(Some(Zeroizing::default())),
            (None, false) => Ok(None),
        }
    }
}

fn ask(key_file: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    if !stdin().is_terminal() {
        let reason = "no password is given for it; give --password-file or --no-password, or run it on a terminal";
        return Err(Refusal::file(key_file, reason));
    }
    let name = show::path(key_file);
    let ask = |prompt: &str| {
        signals::ask(prompt)
            .map(|password| Zeroizing::new(password.into_bytes()))
            .map_err(|error| {
                Refusal::file(key_file, format!("cannot ask for its password: {error}"))
            })
    };
    let first = ask(&format!("New password of {name}: "))?;
    let second = ask("The same password again: ")?;
    match first == second {
        true => Ok(first),
        false => Err(Refusal::file(key_file, "the two passwords differ")),
    }
}

impl NewPassword {
    pub fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Returns a PEM block with the key in `der`, which is PKCS#8.
    pub fn pem(&self, der: &[u8]) -> Outcome<Zeroizing<Vec<u8>>> {
        let Some(password) = &self.0 else {
            return Ok(pem::encode("PRIVATE KEY", der));
        };
        // PBKDF2 with SHA-256, which every program that reads PKCS#8 has, and AES-256.
        let parameters = Parameters::generate_pbkdf2(&mut SysRng).map_err(Refusal::new)?;
        let scheme = EncryptionScheme::from(parameters);
        let encrypted = scheme
            .encrypt(password.as_slice(), der)
            .map_err(Refusal::new)?;
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: scheme,
            encrypted_data: OctetStringRef::new(&encrypted).map_err(Refusal::new)?,
        };
        let info = info.to_der().map_err(Refusal::new)?;
        Ok(pem::encode("ENCRYPTED PRIVATE KEY", &info))
    }
}
