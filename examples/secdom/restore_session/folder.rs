// SPDX-License-Identifier: MIT OR Apache-2.0
//! The folder of a restore session.
//!
//! | file | what it is |
//! |---|---|
//! | `key` | the session's private key, in PKCS#8: secret |
//! | `request` | the request, as the custodians have it |
//! | `domain` | the security-domain file |
//! | `transfer` | the transfer certificate, in DER |
//! | `from-HEX` | a contribution that was taken, by the custodian's thumbprint |
//! | `lock` | locked by the process that uses the folder |
//!
//! Every file is written as a whole. The key is erased first when the session ends: without it, the
//! contributions are worthless.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use security_domain::hex;
use security_domain::x509::Thumbprint;
use zeroize::Zeroizing;

use crate::input::{self, reason};
use crate::kem::PrivateKey;
use crate::output::{self, Access, Published};
use crate::report::{Outcome, Refusal};
use crate::show;

const DOMAIN: &str = "domain";
const KEY: &str = "key";
const LOCK: &str = "lock";
const REQUEST: &str = "request";
const TRANSFER: &str = "transfer";

/// How the name of a contribution begins.
const FROM: &str = "from-";

/// A folder that is in use.
pub struct Folder {
    path: PathBuf,
    /// The lock is released when this is closed, or when the process ends.
    _lock: File,
}

/// What a session begins with.
pub struct Contents<'c> {
    pub key: &'c [u8],
    pub request: &'c [u8],
    pub domain: &'c [u8],
    pub transfer: &'c [u8],
}

impl Folder {
    /// Makes a new folder, complete or not at all.
    pub fn make(path: &Path, contents: &Contents<'_>) -> Outcome<Published> {
        let files = [
            (KEY, contents.key),
            (REQUEST, contents.request),
            (DOMAIN, contents.domain),
            (TRANSFER, contents.transfer),
            (LOCK, b""),
        ];
        output::folder(path, files.into_iter())?.publish()
    }

    /// Opens the folder of a session for this process.
    pub fn open(path: &Path) -> Outcome<Self> {
        let other = || {
            let reason = "is not a restore session; begin one with restore-session begin";
            Refusal::file(path, reason)
        };
        let lock = path.join(LOCK);
        // Another program's lock is no sign of a session.
        if fs::symlink_metadata(&lock).is_ok_and(|lock| !lock.is_file() || lock.len() > 0) {
            return Err(other());
        }
        let lock = File::open(&lock).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => other(),
            _ => Refusal::file(&lock, reason(&error)),
        })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.into(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => {
                Err(Refusal::file(path, "is in use by another process"))
            }
            Err(TryLockError::Error(error)) => Err(Refusal::file(path, reason(&error))),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn request(&self) -> Outcome<Zeroizing<Vec<u8>>> {
        self.read(REQUEST)
    }

    pub fn domain(&self) -> Outcome<Zeroizing<Vec<u8>>> {
        self.read(DOMAIN)
    }

    pub fn transfer(&self) -> Outcome<Zeroizing<Vec<u8>>> {
        self.read(TRANSFER)
    }

    pub fn key(&self) -> Outcome<PrivateKey> {
        let der = self.read(KEY)?;
        let path = self.path.join(KEY);
        let key = PrivateKey::from_pkcs8_der(&der);
        let key = key.ok_or_else(|| Refusal::file(&path, "is not the key of a session"))?;
        key.map_err(|error| Refusal::file(&path, error))
    }

    /// Reads a file of the session. One that is missing is the sign of a session that ended.
    fn read(&self, name: &str) -> Outcome<Zeroizing<Vec<u8>>> {
        let path = self.path.join(name);
        if path.try_exists().is_ok_and(|exists| !exists) {
            let reason = "the session has ended; restore-session cancel removes what is left of it";
            return Err(Refusal::file(&self.path, reason));
        }
        input::read(&path)
    }

    /// Keeps a contribution in the name of a custodian, in place of an earlier one.
    pub fn keep(&self, custodian: &Thumbprint, contribution: &[u8]) -> Outcome<()> {
        output::replace(&self.of(custodian), Access::Owner, contribution)
    }

    fn of(&self, custodian: &Thumbprint) -> PathBuf {
        self.path.join(name_of(custodian))
    }

    /// Returns the contributions that were kept, in the order of the custodians' thumbprints.
    pub fn kept(&self) -> Outcome<Vec<(Thumbprint, PathBuf)>> {
        let mut kept = Vec::new();
        for name in self.names()? {
            if let Some(custodian) = custodian_of(&name) {
                kept.push((custodian, self.path.join(name)));
            }
        }
        kept.sort();
        Ok(kept)
    }

    /// The names of the files in the folder. A session has no folders.
    fn names(&self) -> Outcome<Vec<String>> {
        let mut names = names(&self.path)?;
        names.retain(|name| !is_folder(&self.path.join(name)));
        Ok(names)
    }

    /// Ends the session: erases the key, and removes the folder with the files of the session.
    /// Other files in it stay, and the folder with them.
    pub fn end(self) -> Outcome<Ended> {
        output::erase(&self.path.join(KEY))?;
        for name in self.names()? {
            let is_own = [REQUEST, DOMAIN, TRANSFER].contains(&name.as_str());
            let is_temporary = output::is_temporary(OsStr::new(&name));
            if is_own || is_temporary || custodian_of(&name).is_some() {
                output::erase(&self.path.join(name))?;
            }
        }
        // Last, since it shows that this is a session's folder.
        output::erase(&self.path.join(LOCK))?;
        match fs::remove_dir(&self.path) {
            Ok(()) => Ok(Ended::Whole),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                Ok(Ended::OthersStay(self.path))
            }
            Err(error) => Err(Refusal::file(&self.path, reason(&error))),
        }
    }
}

/// How a session ended.
pub enum Ended {
    /// The folder is gone.
    Whole,
    /// The folder holds files that are not the session's.
    OthersStay(PathBuf),
}

impl Ended {
    /// Tells the operator what is left.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::OthersStay(path) => {
                let folder = show::path(path);
                Some(format!(
                    "{folder}: the session has ended; other files stay in it"
                ))
            }
        }
    }
}

/// The name of the contribution of a custodian.
fn name_of(custodian: &Thumbprint) -> String {
    format!("{FROM}{}", show::hex(custodian.as_bytes()))
}

/// Returns whose contribution has this name, if it is one that the session writes.
fn custodian_of(name: &str) -> Option<Thumbprint> {
    let digest = hex::parse(name.strip_prefix(FROM)?).ok()?;
    Some(Thumbprint::new(digest)).filter(|custodian| name_of(custodian) == name)
}

/// Removes what a session that ended left, if the process was stopped while it did: an empty
/// folder.
pub fn remove_empty(path: &Path) -> Outcome<bool> {
    let is_empty = path.is_dir() && names(path)?.is_empty();
    if is_empty {
        fs::remove_dir(path).map_err(|error| Refusal::file(path, reason(&error)))?;
    }
    Ok(is_empty)
}

/// Whether this is a folder itself, and no link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|of| of.is_dir())
}

fn names(path: &Path) -> Outcome<Vec<String>> {
    let entries = fs::read_dir(path).and_then(|entries| {
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<io::Result<Vec<_>>>()
    });
    entries.map_err(|error| Refusal::file(path, reason(&error)))
}
