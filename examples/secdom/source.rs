// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a custodian's key comes from, as an argument names it: a key file, a key in a token, or a
//! content key that was unwrapped elsewhere.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::input::STDIN;
use crate::report::{Outcome, Refusal};
use crate::token::Uri;

/// Where a custodian's key is.
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In a token, which decrypts with it.
    Token(Box<Uri>),
    /// Elsewhere: what it decrypted is in a file.
    Unwrapped(Unwrapped),
}

impl KeySource {
    /// Reads an argument where a key file is accepted.
    pub fn of(argument: &Path) -> Outcome<Self> {
        match Uri::of(argument) {
            Some(uri) => uri.map(|uri| Self::Token(Box::new(uri))),
            None => Ok(Self::File(argument.into())),
        }
    }

    /// Returns by what name messages name the key.
    pub fn name(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Token(uri) => uri.name(),
            Self::Unwrapped(unwrapped) => unwrapped.name(),
        }
    }
}

/// `CER=FILE` as an argument: a custodian's certificate, and what the custodian's key decrypted.
pub struct Unwrapped {
    pub certificate: PathBuf,
    pub answer: PathBuf,
}

impl Unwrapped {
    /// Reads an argument. Names may have a `=` in them: the first part that is a file is the
    /// certificate.
    pub fn of(argument: &Path) -> Outcome<Self> {
        let splits = argument.to_str().into_iter().flat_map(|text| {
            let split = |(at, _)| [&text[..at], &text[at + 1..]].map(PathBuf::from);
            text.match_indices('=').map(split)
        });
        let splits: Vec<[PathBuf; 2]> = splits
            .filter(|parts| parts.iter().all(|part| !part.as_os_str().is_empty()))
            .collect();
        let is_file = |parts: &&[PathBuf; 2]| parts[0] == Path::new(STDIN) || parts[0].exists();
        let found = splits.iter().find(is_file).or(splits.first());
        let [certificate, answer] = found.cloned().ok_or_else(|| {
            let reason = "is not CER=FILE: a custodian's certificate, and the file with what his key decrypted";
            Refusal::file(argument, reason)
        })?;
        Ok(Self {
            certificate,
            answer,
        })
    }

    fn name(&self) -> PathBuf {
        let mut name = OsString::from(&self.certificate);
        name.push("=");
        name.push(&self.answer);
        name.into()
    }
}
