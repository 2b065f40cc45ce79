// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes files and folders completely or not at all, and never over existing ones.
//!
//! Everything is written under a random name in the target folder, flushed to the disk, and then
//! renamed in one step that fails if the name is taken by then. Only the owner can read a file
//! (mode 0600, folders 0700); on Windows it inherits its folder's permissions instead.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use getrandom::{SysRng, rand_core::TryRng};

use crate::input::reason;
use crate::report::{Outcome, Refusal};
use crate::show;

/// Refuses early, before any work or question, if `path` exists or nothing can be written into its
/// folder. [`Pending::publish`] refuses again.
pub fn must_be_free(path: &Path) -> Outcome<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => {
            return Err(Refusal::file(
                path,
                "already exists, and is not overwritten",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(refusal(path, &error)),
    }
    drop(file(path, Access::Owner, b"")?);
    Ok(())
}

/// Makes the refusal of an output, which names the folder if that is at fault.
fn refusal(target: &Path, error: &io::Error) -> Refusal {
    let folder = parent(target);
    let why = match error.kind() {
        io::ErrorKind::NotFound => "does not exist",
        io::ErrorKind::NotADirectory => "is not a folder",
        io::ErrorKind::PermissionDenied => "may not be written to",
        io::ErrorKind::ReadOnlyFilesystem => "is on a read-only file system",
        _ => return Refusal::file(target, reason(error)),
    };
    Refusal::file(target, format!("the folder {} {why}", show::path(folder)))
}

/// Who may read a file.
#[derive(Clone, Copy)]
pub enum Access {
    Owner,
    Everyone,
}

/// A complete file or folder on the disk, under a temporary name; removed if dropped.
pub struct Pending {
    temporary: PathBuf,
    target: PathBuf,
    folder: bool,
}

/// Writes `bytes` beside `target`, to be published later.
pub fn file(target: &Path, access: Access, bytes: &[u8]) -> Outcome<Pending> {
    let pending = Pending {
        temporary: temporary(target)?,
        target: target.into(),
        folder: false,
    };
    write(&pending.temporary, access, bytes).map_err(|error| refusal(target, &error))?;
    Ok(pending)
}

/// Writes the named files into a folder beside `target`, to be published later.
pub fn folder<'a>(
    target: &Path,
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Outcome<Pending> {
    let temporary = temporary(target)?;
    create_folder(&temporary).map_err(|error| refusal(target, &error))?;
    let pending = Pending {
        temporary,
        target: target.into(),
        folder: true,
    };
    for (name, bytes) in files {
        write(&pending.temporary.join(name), Access::Owner, bytes)
            .map_err(|e| Refusal::file(&target.join(name), reason(&e)))?;
    }
    sync_folder(&pending.temporary);
    Ok(pending)
}

/// Writes `bytes` as the new file `target`.
pub fn publish_file(target: &Path, access: Access, bytes: &[u8]) -> Outcome<Published> {
    file(target, access, bytes)?.publish()
}

/// Replaces the contents of `target` with `bytes` in one step. This is for a program's own state,
/// not for its output.
pub fn replace(target: &Path, access: Access, bytes: &[u8]) -> Outcome<()> {
    let pending = file(target, access, bytes)?;
    fs::rename(&pending.temporary, target).map_err(|e| Refusal::file(target, reason(&e)))?;
    sync_folder(parent(target));
    Ok(())
}

/// Overwrites `target` in place and removes it; does nothing if there is no such file. A disk may
/// still keep the overwritten data.
pub fn erase(target: &Path) -> Outcome<()> {
    let erased = (|| {
        let mut file = OpenOptions::new().write(true).open(target)?;
        let len = file.metadata()?.len();
        io::copy(&mut io::repeat(0).take(len), &mut file)?;
        file.sync_all()?;
        fs::remove_file(target)
    })();
    match erased {
        Ok(()) => sync_folder(parent(target)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Refusal::file(target, reason(&error))),
    }
    Ok(())
}

/// A file beside its target, written piece by piece.
pub struct Stream {
    file: File,
    pending: Pending,
}

/// Begins a file that is too large to be in memory as a whole.
pub fn stream(target: &Path, access: Access) -> Outcome<Stream> {
    let pending = Pending {
        temporary: temporary(target)?,
        target: target.into(),
        folder: false,
    };
    let file = create(&pending.temporary, access).map_err(|error| refusal(target, &error))?;
    Ok(Stream { file, pending })
}

impl Stream {
    /// Writes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.file
            .write_all(bytes)
            .map_err(|e| Refusal::file(&self.pending.target, reason(&e)))
    }

    /// Completes the file, to be published.
    pub fn finish(self) -> Outcome<Pending> {
        self.file
            .sync_all()
            .map_err(|e| Refusal::file(&self.pending.target, reason(&e)))?;
        Ok(self.pending)
    }
}

impl Pending {
    /// Gives it its name, unless that is taken.
    pub fn publish(self) -> Outcome<Published> {
        rename_new(&self.temporary, &self.target, self.folder)
            .map_err(|error| Refusal::file(&self.target, reason(&error)))?;
        sync_folder(parent(&self.target));
        Ok(Published {
            path: self.target.clone(),
            folder: self.folder,
        })
        // Dropping removes anything left under the temporary name.
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        remove(&self.temporary, self.folder);
    }
}

/// A file or folder under its final name.
pub struct Published {
    path: PathBuf,
    folder: bool,
}

impl Published {
    /// Removes it again, because a step that belongs to it failed.
    pub fn take_back(self) {
        remove(&self.path, self.folder);
    }
}

fn remove(path: &Path, folder: bool) {
    let _ = if folder {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
}

/// Publishes both or neither.
pub fn publish_both(first: Pending, second: Pending) -> Outcome<[Published; 2]> {
    let first = first.publish()?;
    match second.publish() {
        Ok(second) => Ok([first, second]),
        Err(refusal) => {
            first.take_back();
            Err(refusal)
        }
    }
}

/// Makes a fresh name in the folder of `target`.
fn temporary(target: &Path) -> Outcome<PathBuf> {
    if target.file_name().is_none() {
        return Err(Refusal::file(target, "names no file"));
    }
    let mut random = [0; 8];
    SysRng
        .try_fill_bytes(&mut random)
        .map_err(|error| Refusal::new(format!("random numbers: {error}")))?;
    Ok(parent(target).join(format!(".secdom-{}.tmp", show::hex(&random))))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn write(path: &Path, access: Access, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path, access)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn create(path: &Path, access: Access) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(match access {
            Access::Owner => 0o600,
            Access::Everyone => 0o644,
        });
    }
    #[cfg(not(unix))]
    let _ = access;
    options.open(path)
}

fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the names in a folder survive a power failure, where the system and the file system can.
fn sync_folder(path: &Path) {
    if cfg!(unix) {
        let _ = File::open(path).and_then(|folder| folder.sync_all());
    }
}

/// Renames, and fails if `to` exists, in one step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_new(from: &Path, to: &Path, folder: bool) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not support the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename_claimed(from, to, folder),
        outcome => outcome.map_err(io::Error::from),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_new(from: &Path, to: &Path, folder: bool) -> io::Result<()> {
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
