// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords of encrypted keys: given as arguments, read from files, or asked for on the terminal.

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::report::{Outcome, Refusal};
use crate::{show, signals, text};

#[derive(clap::Args)]
pub struct PasswordArgs {
    /// Passwords in the order of the keys, "" for an unencrypted key; those at the end may be left
    /// out. That of a key in a token is its PIN, which is tried once. Write one that begins with a
    /// hyphen as --passwords=-x. Other users of the machine can see them while the command runs:
    /// prefer --password-file, or the prompt
    #[arg(long, num_args = 1.., value_name = "PASSWORD", conflicts_with = "password_file")]
    passwords: Vec<String>,
    /// A file with one password, once for each key, in their order; empty for an unencrypted key.
    /// One line end at its end is ignored
    #[arg(long, num_args = 1.., value_name = "FILE")]
    password_file: Vec<PathBuf>,
}

/// The passwords of the first keys.
pub struct Passwords(Vec<Zeroizing<Vec<u8>>>);

impl PasswordArgs {
    /// Reads the passwords for `keys` keys.
    pub fn read(&self, keys: usize) -> Outcome<Passwords> {
        let (given, what) = if self.password_file.is_empty() {
            (
                self.passwords
                    .iter()
                    .map(|p| Zeroizing::new(p.as_bytes().to_vec()))
                    .collect(),
                "password",
            )
        } else {
            let files = self.password_file.iter().map(|path| read_file(path));
            (files.collect::<Outcome<Vec<_>>>()?, "password file")
        };
        if given.len() > keys {
            return Err(Refusal::new(format!(
                "{} for {}: give one for each key, and an empty one for an unencrypted key",
                show::count(given.len(), what),
                show::count(keys, "key"),
            )));
        }
        Ok(Passwords(given))
    }
}

impl Passwords {
    /// Returns the password for key number `index`; `None` if it was not given.
    pub fn given(&self, index: usize) -> Option<&[u8]> {
        self.0.get(index).map(|password| password.as_slice())
    }
}

/// Asks for the password of a file, without echo, if there is a terminal. Else the refusal says
/// what to do `instead`.
pub fn ask(file: &Path, instead: &str) -> Outcome<Zeroizing<Vec<u8>>> {
    if !stdin().is_terminal() {
        return Err(Refusal::file(
            file,
            format!("is encrypted, and no password is given for it; {instead}"),
        ));
    }
    let prompt = format!("Password of {}: ", show::path(file));
    signals::ask(&prompt)
        .map(|password| Zeroizing::new(password.into_bytes()))
        .map_err(|error| Refusal::file(file, format!("cannot ask for its password: {error}")))
}

/// Asks for the PIN of a token, without echo and once, if there is a terminal.
#[cfg(all(unix, feature = "pkcs11"))]
pub fn ask_pin(key: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    if !stdin().is_terminal() {
        let reason = "no PIN is given for the token; give --password-file, add pin-source=FILE to the query of its URI, \
                      or run it on a terminal";
        return Err(Refusal::file(key, reason));
    }
    let prompt = format!("PIN of {}: ", show::path(key));
    signals::ask(&prompt)
        .map(|pin| Zeroizing::new(pin.into_bytes()))
        .map_err(|error| Refusal::file(key, format!("cannot ask for its PIN: {error}")))
}

/// Reads the password in a file.
pub fn read_file(path: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    // Editors write a byte order mark, and PowerShell UTF-16.
    let mut password = text::read(path)?;
    for end in [b'\n', b'\r'] {
        if password.last() == Some(&end) {
            password.pop();
        }
    }
    Ok(password)
}
