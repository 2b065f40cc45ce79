// SPDX-License-Identifier: MIT OR Apache-2.0
//! Renames without replacing, by whatever means the file system has.

use std::fs;
use std::io;
use std::path::Path;

use super::Access;
use super::temporary::{create, create_folder};

/// Renames, and fails if `to` exists, in one step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub fn rename_new(from: &Path, to: &Path, folder: bool) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not support the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename_claimed(from, to, folder),
        outcome => outcome.map_err(io::Error::from),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub fn rename_new(from: &Path, to: &Path, folder: bool) -> io::Result<()> {
    rename_claimed(from, to, folder)
}

/// The same by older means. A hard link never replaces a file. FAT and exFAT have no links: there
/// the name is taken with an empty file or folder of our own, which the rename then replaces.
fn rename_claimed(from: &Path, to: &Path, folder: bool) -> io::Result<()> {
    if !folder {
        match fs::hard_link(from, to) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => drop(create(to, Access::Owner)?),
        }
    } else if cfg!(unix) {
        create_folder(to)?;
    }
    fs::rename(from, to).inspect_err(|_| {
        if !folder {
            let _ = fs::remove_file(to);
        } else if cfg!(unix) {
            let _ = fs::remove_dir(to);
        }
    })
}
