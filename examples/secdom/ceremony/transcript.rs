// SPDX-License-Identifier: MIT OR Apache-2.0
//! A transcript: lines of JSON, each with the SHA-256 of the line before, so that none can be
//! changed, dropped or moved without changing every later one. Witnesses sign the last one.
//!
//! A line is written and flushed as a whole. What a killed process left of one is replaced by a
//! line that says so.

mod entry;
mod signature;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use entry::{Entry, Printed, What};
pub use signature::sign;
use signature::verifies;

use crate::input::{LIMIT, reason};
use crate::report::{Outcome, Refusal};
use crate::{clock, output, show};

/// The room that a line may need at most.
const LINE: usize = 2 << 20;

/// A transcript that this process writes.
pub struct Transcript {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
    /// The digest of the last line.
    last: String,
    /// The length of the whole lines in bytes.
    length: u64,
    /// How many bytes after them were dropped.
    pub torn: usize,
}

impl Transcript {
    /// Opens the transcript `path`, which must have been begun.
    pub fn existing(path: &Path) -> Outcome<Self> {
        match path.try_exists() {
            Ok(false) => Err(Refusal::file(path, "no such file")),
            _ => Self::open(path),
        }
    }

    /// Opens the transcript `path`, or begins it. No other process may write to it at the same
    /// time.
    pub fn open(path: &Path) -> Outcome<Self> {
        let refuse = |error: std::io::Error| Refusal::file(path, reason(&error));
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let (file, begun) = match options.open(path) {
            Ok(file) => (file, false),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                output::file(path, output::Access::Owner, b"")?.publish()?;
                (options.open(path).map_err(refuse)?, true)
            }
            Err(error) => return Err(refuse(error)),
        };
        { file.try_lock() }.map_err(|_| Refusal::file(path, "is in use by another process"))?;
        let mut text = String::new();
        let read = (&file).take(LIMIT as u64).read_to_string(&mut text);
        if read.map_err(refuse)? > LIMIT - LINE {
            return Err(Refusal::file(path, "is full: begin another transcript"));
        }
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let (entries, last) = parse(path, &text[..whole])?;
        let mut transcript = Self {
            path: path.into(),
            file,
            entries,
            last,
            length: whole as u64,
            torn: text.len() - whole,
        };
        if transcript.entries.is_empty() {
            // Nothing of somebody else's is overwritten.
            if !begun && !text.is_empty() {
                return Err(Refusal::file(path, "not a transcript of a ceremony"));
            }
            let version = env!("CARGO_PKG_VERSION").into();
            transcript.append(What::Begin { version })?;
        } else if transcript.torn > 0 {
            let bytes = transcript.torn;
            transcript.append(What::Torn { bytes })?;
        }
        Ok(transcript)
    }

    /// Returns the digest of the last line.
    pub fn last(&self) -> &str {
        &self.last
    }

    /// Returns what to tell whoever writes to it.
    pub fn notes(&self) -> Vec<String> {
        let bytes = show::count(self.torn, "byte");
        let note = format!(
            "{}: the last line was not whole; {bytes} of it were replaced by a line that says so",
            show::path(&self.path)
        );
        (self.torn > 0).then_some(note).into_iter().collect()
    }

    /// Adds a line, and returns its number.
    pub fn append(&mut self, what: What) -> Outcome<usize> {
        let number = self.entries.len();
        let entry = Entry {
            number,
            time: clock::unix(),
            previous: self.last.clone(),
            what,
        };
        let line = serde_json::to_string(&entry).map_err(Refusal::new)?;
        let line = show::ascii_json(&line);
        let bytes = format!("{line}\n");
        // What is torn is written over, so that it is there until the line that says so is.
        let written = (|| {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(bytes.as_bytes())?;
            self.file.set_len(self.length + bytes.len() as u64)?;
            self.file.sync_all()
        })();
        written.map_err(|error| Refusal::file(&self.path, reason(&error)))?;
        self.length += bytes.len() as u64;
        self.last = digest(&line);
        self.entries.push(entry);
        Ok(number)
    }
}

/// Reads a transcript, all of whose lines must be whole. Returns them with the digest of the last.
pub fn parse(path: &Path, text: &str) -> Outcome<(Vec<Entry>, String)> {
    let (mut entries, mut last) = (Vec::<Entry>::new(), String::new());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let refuse = |why: String| Refusal::file(path, format!("line {}: {why}", number + 1));
        let Some(line) = line.strip_suffix('\n') else {
            return Err(refuse("is not whole".into()));
        };
        let entry: Entry = serde_json::from_str(line).map_err(|error| refuse(error.to_string()))?;
        if entry.previous != last {
            let why =
                "does not go on from the line before: one of them was changed, dropped or moved";
            return Err(refuse(why.into()));
        }
        let begins = matches!(entry.what, What::Begin { .. });
        if entry.number != number || begins != (number == 0) {
            return Err(refuse("is not in its place".into()));
        }
        if let What::Signature {
            name,
            key,
            signature,
        } = &entry.what
            && !verifies(&last, name, key, signature)
        {
            return Err(refuse(format!(
                "the signature of {} is wrong",
                show::text(name)
            )));
        }
        last = digest(line);
        entries.push(entry);
    }
    Ok((entries, last))
}

fn digest(line: &str) -> String {
    show::hex(&Sha256::digest(line))
}
