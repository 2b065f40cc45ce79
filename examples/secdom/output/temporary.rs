// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files and folders that have no name yet, or a temporary one. They are removed when they are dropped, and
//! when a signal ends the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::names::temporary_name;
use super::rename::rename_new;
use super::{Access, parent};

/// The paths to remove when a signal ends the process.
static NAMED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// While this is held, no signal ends the process, and no temporary file is made.
pub fn hold() -> MutexGuard<'static, Vec<PathBuf>> {
    NAMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what has a temporary name. The process must end before it lets go of the lock.
pub fn remove_all(named: &mut Vec<PathBuf>) {
    for path in named.drain(..) {
        // The other thread may still write a file into a folder that is being removed.
        for _ in 0..3 {
            remove(&path);
        }
    }
}

/// Something that has no name, or a temporary one.
pub enum Temporary {
    /// A file that only this process sees; the system removes it.
    Unnamed(File, Access),
    /// A file with a temporary name, open so that it stays locked.
    File(File, Named),
    /// A folder with a temporary name, open so that it stays locked, where folders can be opened.
    Folder(Option<File>, Named),
}

/// A temporary name, which is taken away again when this is dropped.
pub struct Named(PathBuf);

impl Temporary {
    /// Makes an empty file for `target`, unnamed if the file system can.
    pub fn file(target: &Path, access: Access) -> io::Result<Self> {
        match unnamed(parent(target), access)? {
            Some(file) => Ok(Self::Unnamed(file, access)),
            None => Self::named(target, access),
        }
    }

    /// Makes an empty file for `target` with a temporary name beside it.
    pub fn named(target: &Path, access: Access) -> io::Result<Self> {
        let (file, name) = Named::make(target, &mut hold(), |path| create(path, access))?;
        lock(&file);
        Ok(Self::File(file, name))
    }

    /// Makes an empty folder for `target`.
    pub fn folder(target: &Path) -> io::Result<Self> {
        let ((), name) = Named::make(target, &mut hold(), create_folder)?;
        let folder = File::open(&name.0).ok().inspect(lock);
        Ok(Self::Folder(folder, name))
    }

    pub fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(..))
    }

    /// Returns the file to write to.
    pub fn contents(&self) -> Option<&File> {
        match self {
            Self::Unnamed(file, _) | Self::File(file, _) => Some(file),
            Self::Folder(..) => None,
        }
    }

    /// Returns the temporary path, which is empty for a file without a name.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unnamed(..) => Path::new(""),
            Self::File(_, name) | Self::Folder(_, name) => &name.0,
        }
    }

    /// Gives it its name, unless that is taken. The caller holds the lock.
    pub fn publish(self, target: &Path, held: &mut Vec<PathBuf>) -> io::Result<()> {
        let (mut file, access) = match self {
            Self::Unnamed(file, access) => (file, access),
            // The lock lasts until it has its name.
            Self::File(_lock, name) => return name.publish(target, false, held),
            Self::Folder(_lock, name) => return name.publish(target, true, held),
        };
        let error = match link(&file, target) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(error) => error,
        };
        // The file system makes unnamed files, but links none.
        let (mut copy, name) = Named::make(target, held, |path| create(path, access))?;
        lock(&copy);
        let copied = file.rewind().and_then(|()| {
            io::copy(&mut file, &mut copy)?;
            super::sync(&copy)
        });
        match copied {
            Ok(()) => name.publish(target, false, held),
            Err(_) => {
                name.forget(held);
                Err(error)
            }
        }
    }

    /// Replaces `target`. The caller holds the lock.
    pub fn replace(self, target: &Path, held: &mut Vec<PathBuf>) -> io::Result<()> {
        let Self::File(_, name) = self else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let replaced = fs::rename(&name.0, target);
        name.forget(held);
        replaced
    }
}

impl Named {
    fn make<T>(
        target: &Path,
        held: &mut Vec<PathBuf>,
        make: impl FnOnce(&Path) -> io::Result<T>,
    ) -> io::Result<(T, Self)> {
        let path = temporary_name(target)?;
        let made = make(&path)?;
        held.push(path.clone());
        Ok((made, Self(path)))
    }

    fn publish(self, target: &Path, folder: bool, held: &mut Vec<PathBuf>) -> io::Result<()> {
        let renamed = rename_new(&self.0, target, folder);
        // After a hard link the temporary name is still there.
        self.forget(held);
        renamed
    }

    /// Does what dropping does, for a caller that holds the lock.
    fn forget(mut self, held: &mut Vec<PathBuf>) {
        let path = std::mem::take(&mut self.0);
        remove(&path);
        held.retain(|other| *other != path);
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let mut held = hold();
            remove(&self.0);
            held.retain(|path| *path != self.0);
        }
    }
}

/// Removes a file, or a folder with its contents.
pub fn remove(path: &Path) {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|of| of.is_dir());
    let _ = if is_folder {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
}

/// Marks a file or folder as in use, where that does not keep others from reading it.
fn lock(file: &File) {
    if cfg!(unix) {
        let _ = file.try_lock();
    }
}

/// Creates a file that does not exist.
pub fn create(path: &Path, access: Access) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, access.mode());
    #[cfg(not(unix))]
    let _ = access;
    options.open(path)
}

/// Creates a folder that does not exist.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens a file without a name, if the system and the file system have such.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path, access: Access) -> io::Result<Option<File>> {
    use rustix::fs::{CWD, Mode, OFlags, openat};
    use rustix::io::Errno;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match openat(CWD, folder, flags, Mode::from_raw_mode(access.mode())) {
        Ok(file) => Ok(Some(file.into())),
        Err(Errno::NOTSUP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path, _: Access) -> io::Result<Option<File>> {
    Ok(None)
}

/// Gives an unnamed file a name, unless that is taken.
#[cfg(target_os = "linux")]
fn link(file: &File, target: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, from, CWD, target, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
