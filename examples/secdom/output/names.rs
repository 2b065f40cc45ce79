// SPDX-License-Identifier: MIT OR Apache-2.0
//! Temporary names, and what processes that were killed left under them.
//!
//! A temporary name says for which output it is, by a part of the digest of its name. So an empty file or
//! folder beside it under the output's name is known for what it is: where a file system can neither link
//! nor rename without replacing, a killed process had taken the name, and had not renamed yet.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use getrandom::{SysRng, rand_core::TryRng};

use super::parent;
use super::temporary::remove;
use crate::show;

const PREFIX: &str = ".secdom-";
const SUFFIX: &str = ".tmp";

/// How many hexadecimal digits are random, and how many are those of the output.
const DIGITS: usize = 8;

/// A file that another process left is at least this old.
const ABANDONED: Duration = Duration::from_secs(60);

/// Makes a fresh name in the folder of `target`.
pub fn temporary_name(target: &Path) -> io::Result<PathBuf> {
    let mut random = [0; DIGITS / 2];
    SysRng
        .try_fill_bytes(&mut random)
        .map_err(|error| io::Error::other(format!("random numbers: {error}")))?;
    let of = digits(target.file_name().unwrap_or_default());
    let name = format!("{PREFIX}{}{of}{SUFFIX}", show::hex(&random));
    Ok(parent(target).join(name))
}

/// Returns the digits by which the name of an output is known.
fn digits(output: &OsStr) -> String {
    let mut digits = show::sha256(output.as_encoded_bytes());
    digits.truncate(DIGITS);
    digits
}

/// Returns the digits of the output in a temporary name, if it is one.
fn output_of(name: &OsStr) -> Option<&str> {
    let inner = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let is_hex = inner.len() == 2 * DIGITS && inner.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| &inner[DIGITS..])
}

/// Returns whether this is a temporary name.
pub fn is_temporary(name: &OsStr) -> bool {
    output_of(name).is_some()
}

/// Removes what killed processes left in a folder: temporary files and folders that nobody has locked, and
/// the empty ones with which they had taken a name.
pub fn sweep(folder: &Path) {
    let names = names(folder);
    for temporary in &names {
        let path = folder.join(temporary);
        let Some(output) = output_of(temporary).filter(|_| is_old(&path) && !is_in_use(&path))
        else {
            continue;
        };
        for name in names.iter().filter(|name| digits(name) == output) {
            reclaim(&folder.join(name));
        }
        remove(&path);
    }
}

/// Removes `target`, and the temporary files for it, if a killed process had taken this name and left it
/// empty. A process locks its temporary file before it takes the name, so it is gone if nobody has.
pub fn reclaim(target: &Path) {
    let Ok(of) = fs::symlink_metadata(target) else {
        return;
    };
    let (folder, digits) = (
        parent(target),
        digits(target.file_name().unwrap_or_default()),
    );
    let names = names(folder);
    let of_target = names.iter().filter(|name| output_of(name) == Some(&digits));
    let temporaries: Vec<_> = of_target.map(|name| folder.join(name)).collect();
    if !cfg!(unix) || temporaries.is_empty() || temporaries.iter().any(|one| is_in_use(one)) {
        return;
    }
    // What is not empty is left alone.
    let removed = if of.is_dir() {
        fs::remove_dir(target).is_ok()
    } else {
        of.is_file() && of.len() == 0 && fs::remove_file(target).is_ok()
    };
    if removed {
        temporaries.iter().for_each(|one| remove(one));
    }
}

fn is_old(path: &Path) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|of| of.modified()).ok();
    { changed.and_then(|then| then.elapsed().ok()) }.is_some_and(|age| age > ABANDONED)
}

/// Returns whether a process has locked this file or folder.
fn is_in_use(path: &Path) -> bool {
    !File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}
