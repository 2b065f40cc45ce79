// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes files and folders completely or not at all, and never over existing ones.
//!
//! Everything is written into the target folder, without a name where the system can, else under a random
//! one, flushed to the disk, and then named in one step that fails if the name is taken by then.
//! Only the owner can read a file (mode 0600, folders 0700); on Windows it inherits its folder's
//! permissions instead.

mod names;
mod rename;
mod target;
mod temporary;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

pub use names::{is_temporary, reclaim};
pub use target::{Content, Target};
use temporary::{Temporary, create};
pub use temporary::{hold, remove_all};

use crate::input::{STDIN, reason};
use crate::report::{Outcome, Refusal};
use crate::show;

/// Refuses early, before any work or question, if the file `path` exists or nothing can be written
/// into its folder. [`Pending::publish`] refuses again.
pub fn must_be_free(path: &Path) -> Outcome<()> {
    let ends_with = |character| path.as_os_str().as_encoded_bytes().last() == Some(&character);
    if ends_with(b'/') || cfg!(windows) && ends_with(b'\\') {
        return Err(Refusal::file(path, "names a folder, but a file is written"));
    }
    folder_must_be_free(path)
}

/// Does the same for a folder.
pub fn folder_must_be_free(path: &Path) -> Outcome<()> {
    if path == Path::new(STDIN) {
        let why = "this output is not written to standard output: name a file, or ./- for one of this name";
        return Err(Refusal::new(format!("-: {why}")));
    }
    reclaim(path);
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

impl Access {
    #[cfg(unix)]
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everyone => 0o644,
        }
    }
}

/// A complete file or folder on the disk that has no name yet; removed if dropped.
pub struct Pending {
    temporary: Temporary,
    target: PathBuf,
}

/// Writes `bytes` for `target`, to be published later.
pub fn file(target: &Path, access: Access, bytes: &[u8]) -> Outcome<Pending> {
    let mut stream = stream(target, access)?;
    stream.write(bytes)?;
    stream.finish()
}

/// Writes the named files into a folder for `target`, to be published later.
pub fn folder<'a>(
    target: &Path,
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Outcome<Pending> {
    let temporary = begin(target, Temporary::folder)?;
    let pending = Pending {
        temporary,
        target: target.into(),
    };
    let path = pending.temporary.path();
    for (name, bytes) in files {
        write(&path.join(name), bytes)
            .map_err(|e| Refusal::file(&target.join(name), reason(&e)))?;
    }
    sync_folder(path);
    Ok(pending)
}

/// Replaces the contents of `target` with `bytes` in one step. This is for a program's own state,
/// not for its output.
pub fn replace(target: &Path, access: Access, bytes: &[u8]) -> Outcome<()> {
    let temporary = begin(target, |target| Temporary::named(target, access))?;
    let mut stream = Stream::new(temporary, target);
    stream.write(bytes)?;
    let pending = stream.finish()?;
    { pending.temporary.replace(target, &mut hold()) }
        .map_err(|e| Refusal::file(target, reason(&e)))?;
    sync_folder(parent(target));
    Ok(())
}

/// Overwrites `target` in place and removes it; does nothing if there is no such file. Of a link
/// only the link is removed, since what it points to is not ours. A disk may still keep the
/// overwritten data.
pub fn erase(target: &Path) -> Outcome<()> {
    let erased = (|| {
        if fs::symlink_metadata(target)?.is_file() {
            let mut file = OpenOptions::new().write(true).open(target)?;
            let len = file.metadata()?.len();
            io::copy(&mut io::repeat(0).take(len), &mut file)?;
            file.sync_all()?;
        }
        fs::remove_file(target)
    })();
    match erased {
        Ok(()) => sync_folder(parent(target)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Refusal::file(target, reason(&error))),
    }
    Ok(())
}

/// A file that is written piece by piece.
pub struct Stream(Pending);

/// Begins a file that is too large to be in memory as a whole.
pub fn stream(target: &Path, access: Access) -> Outcome<Stream> {
    let temporary = begin(target, |target| Temporary::file(target, access))?;
    Ok(Stream::new(temporary, target))
}

impl Stream {
    fn new(temporary: Temporary, target: &Path) -> Self {
        Self(Pending {
            temporary,
            target: target.into(),
        })
    }

    /// Writes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        let written = self
            .0
            .temporary
            .contents()
            .map_or(Ok(()), |mut file| file.write_all(bytes));
        written.map_err(|e| Refusal::file(&self.0.target, reason(&e)))
    }

    /// Completes the file, to be published.
    pub fn finish(self) -> Outcome<Pending> {
        let synced = self.0.temporary.contents().map_or(Ok(()), sync);
        synced.map_err(|e| Refusal::file(&self.0.target, reason(&e)))?;
        Ok(self.0)
    }
}

impl Pending {
    /// Gives it its name, unless that is taken.
    pub fn publish(self) -> Outcome<Published> {
        self.publish_held(&mut hold())
    }

    fn publish_held(self, held: &mut Vec<PathBuf>) -> Outcome<Published> {
        let folder = self.temporary.is_folder();
        { self.temporary.publish(&self.target, held) }
            .map_err(|error| Refusal::file(&self.target, reason(&error)))?;
        sync_folder(parent(&self.target));
        Ok(Published {
            path: self.target,
            folder,
        })
    }
}

/// A file or folder under its final name.
pub struct Published {
    path: PathBuf,
    folder: bool,
}

impl Published {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it again, because a step that belongs to it failed.
    pub fn take_back(self) {
        let _ = if self.folder {
            fs::remove_dir_all(&self.path)
        } else {
            fs::remove_file(&self.path)
        };
    }
}

/// Publishes both or neither; no signal comes in between.
pub fn publish_both(first: Pending, second: Pending) -> Outcome<[Published; 2]> {
    let mut held = hold();
    let first = first.publish_held(&mut held)?;
    match second.publish_held(&mut held) {
        Ok(second) => Ok([first, second]),
        Err(refusal) => {
            first.take_back();
            Err(refusal)
        }
    }
}

/// Begins an output, after removing what killed processes left in its folder.
fn begin(target: &Path, make: impl FnOnce(&Path) -> io::Result<Temporary>) -> Outcome<Temporary> {
    if target.file_name().is_none() {
        return Err(Refusal::file(target, "names no file"));
    }
    names::sweep(parent(target));
    make(target).map_err(|error| refusal(target, &error))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path, Access::Owner)?;
    file.write_all(bytes)?;
    sync(&file)
}

/// Writes what is buffered of a file to the disk, where the file system can.
pub fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error)
            if [io::ErrorKind::InvalidInput, io::ErrorKind::Unsupported]
                .contains(&error.kind()) =>
        {
            Ok(())
        }
        done => done,
    }
}

/// Makes the names in a folder survive a power failure, where the system and the file system can.
fn sync_folder(path: &Path) {
    if cfg!(unix) {
        let _ = File::open(path).and_then(|folder| folder.sync_all());
    }
}
