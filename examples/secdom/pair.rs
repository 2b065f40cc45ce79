// SPDX-License-Identifier: MIT OR Apache-2.0
//! `A+B` as an argument: two files of one custodian, whose keys are both needed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::input::STDIN;
use crate::source::KeySource;
use crate::token::is_uri;

/// The files of a custodian's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFiles {
    One(PathBuf),
    /// Two files, in either order.
    Both([PathBuf; 2]),
}

impl KeyFiles {
    /// Returns the files, one or two.
    pub fn into_files(self) -> Vec<PathBuf> {
        match self {
            Self::One(path) => vec![path],
            Self::Both(files) => files.into(),
        }
    }

    /// Reads an argument. Names may have a `+` in them: a file that has the whole name is meant,
    /// else the two of which most exist. A PKCS#11 URI counts as a file.
    pub fn of(argument: &Path) -> Self {
        let one = Self::One(argument.into());
        let is_file = is_there(argument);
        let Some(text) = argument.to_str().filter(|_| !is_file) else {
            return one;
        };
        let splits = text.match_indices('+').filter_map(|(at, _)| {
            let files = [&text[..at], &text[at + 1..]];
            (!files.contains(&"")).then(|| files.map(PathBuf::from))
        });
        let number = |files: &[PathBuf; 2]| {
            let there = files.iter().filter(|file| is_uri(file) || is_there(file));
            there.count()
        };
        match splits.max_by_key(number) {
            // A URI may have a `+` in it, so both halves are there, or it is one.
            Some(files) if number(&files) > usize::from(files.iter().any(|file| is_uri(file))) => {
                Self::Both(files)
            }
            _ => one,
        }
    }

    /// Reads arguments.
    pub fn of_all(arguments: &[PathBuf]) -> Vec<Self> {
        let files = arguments.iter().map(|argument| Self::of(argument));
        files.collect()
    }

    /// Returns how many files there are.
    pub fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Both(_) => 2,
        }
    }

    /// Returns what messages name the files by: the argument, without what may be a PIN in a URI.
    pub fn argument(&self) -> PathBuf {
        let name = |file: &PathBuf| match KeySource::of(file) {
            Ok(source) => source.name(),
            Err(_) => file.clone(),
        };
        match self {
            Self::One(file) => name(file),
            Self::Both([first, second]) => {
                let mut argument = OsString::from(name(first));
                argument.push("+");
                argument.push(name(second));
                argument.into()
            }
        }
    }
}

fn is_there(path: &Path) -> bool {
    path == Path::new(STDIN) || path.exists()
}
