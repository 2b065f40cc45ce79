// SPDX-License-Identifier: MIT OR Apache-2.0
//! An output that is a new file or, for `-`, standard output: one that holds no secret in the clear, or a key's sheet.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::{Access, Published, Stream, must_be_free, stream};
use crate::input::STDIN;
use crate::report::{JsonArg, Outcome, Refusal};
use crate::show;

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Text,
    /// Bytes that a terminal would misread.
    Binary,
}

/// Where a verb's only output goes.
#[derive(Clone, Copy)]
pub struct Target<'p>(Option<&'p Path>);

impl<'p> Target<'p> {
    /// Checks where the output goes, before any work or question.
    pub fn new(path: &'p Path, content: Content, json: &JsonArg) -> Outcome<Self> {
        if path != Path::new(STDIN) {
            must_be_free(path)?;
            return Ok(Self(Some(path)));
        }
        let this = Self(None);
        if json.is_wanted() {
            return Err(this.refusal("takes either the output or --json"));
        }
        if content == Content::Binary && io::stdout().is_terminal() {
            return Err(this.refusal("is a terminal, and the output is not text"));
        }
        Ok(this)
    }

    /// Returns whether the output is shown on a terminal.
    pub fn is_terminal(&self) -> bool {
        self.0.is_none() && io::stdout().is_terminal()
    }

    /// Makes a refusal of the output.
    pub fn refusal(&self, reason: impl Into<Box<dyn std::error::Error>>) -> Refusal {
        match self.0 {
            Some(path) => Refusal::file(path, reason),
            None => Refusal::file(Path::new(&self.shown()), reason),
        }
    }

    /// Returns the name of the output, to be shown.
    pub fn shown(&self) -> String {
        self.0.map_or("standard output".into(), show::path)
    }

    /// Begins the output. A file is made already.
    pub fn begin(&self, access: Access) -> Outcome<Begun> {
        let file = self.0.map(|path| stream(path, access));
        file.transpose().map(Begun)
    }

    /// Writes the output.
    pub fn write(&self, access: Access, bytes: &[u8]) -> Outcome<Option<Published>> {
        self.begin(access)?.write(bytes)
    }
}

/// An output that was begun: a file, or else standard output.
pub struct Begun(Option<Stream>);

impl Begun {
    /// Writes the output, and returns the file. Standard output has it when this returns.
    pub fn write(self, bytes: &[u8]) -> Outcome<Option<Published>> {
        let Some(mut stream) = self.0 else {
            let mut stdout = io::stdout().lock();
            let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
            return match written {
                Ok(()) => Ok(None),
                Err(error) => Err(Refusal::new(format!("standard output: {error}"))),
            };
        };
        stream.write(bytes)?;
        stream.finish()?.publish().map(Some)
    }
}
