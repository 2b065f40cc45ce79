// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads files, with a size limit, into buffers that are wiped.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

use crate::report::{Outcome, Refusal};

/// The largest file that is read. A real domain file has about 19,000 bytes.
pub const LIMIT: usize = 64 << 20;

/// The path that means standard input.
pub const STDIN: &str = "-";

/// How many bytes are read at first from a pipe, whose length is unknown.
const PIPE: usize = 64 << 10;

/// Reads all of `path`, which may be a pipe or standard input, into memory that is wiped when
/// dropped.
pub fn read(path: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    read_bounded(path, LIMIT)
        .map_err(|error| Refusal::file(path, reason(&error)))?
        .ok_or_else(|| {
            Refusal::file(
                path,
                format!("larger than {} MiB, the limit for reading", LIMIT >> 20),
            )
        })
}

/// Opens `path` for reading piece by piece.
pub fn open(path: &Path) -> Outcome<Box<dyn Read>> {
    let opened = if path == Path::new(STDIN) {
        stdin().map(|stdin| Box::new(stdin) as Box<dyn Read>)
    } else {
        File::open(path).map(|file| Box::new(file) as Box<dyn Read>)
    };
    opened.map_err(|error| Refusal::file(path, reason(&error)))
}

/// Returns standard input, for its only reader.
fn stdin() -> io::Result<io::StdinLock<'static>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(io::Error::other("is already read as another file"));
    }
    Ok(io::stdin().lock())
}

/// Describes an error, in a few words for the most common ones.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "is a directory".into(),
        io::ErrorKind::AlreadyExists => "already exists, and is not overwritten".into(),
        _ => error.to_string(),
    }
}

fn read_bounded(path: &Path, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    if path == Path::new(STDIN) {
        return read_all(stdin()?, 0, limit);
    }
    let file = File::open(path)?;
    let expected = usize::try_from(file.metadata()?.len())
        .unwrap_or(limit)
        .min(limit);
    read_all(file, expected, limit)
}

/// Reads all of `file`, which is expected to have so many bytes.
fn read_all(
    mut file: impl Read,
    expected: usize,
    limit: usize,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(vec![0; (expected + 1).max(PIPE)]);
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            // A growing `Vec` would leave its old bytes behind, so it is grown by hand.
            let mut larger = Zeroizing::new(vec![0; (2 * filled).min(limit + 1)]);
            larger[..filled].copy_from_slice(&bytes);
            bytes = larger;
        }
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled > limit {
            return Ok(None);
        }
    }
    bytes.truncate(filled);
    Ok(Some(bytes))
}
