// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line of a transcript.

use serde::{Deserialize, Serialize};

use crate::show;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The number of the line, from 0.
    pub number: usize,
    /// When it was written, in Unix seconds, by the clock of the machine.
    pub time: u64,
    /// The digest of the line before; empty in the first.
    pub previous: String,
    /// What was run or seen.
    pub what: What,
}

impl Entry {
    pub fn is_signature(&self) -> bool {
        matches!(self.what, What::Signature { .. })
    }

    pub fn is_end(&self) -> bool {
        matches!(self.what, What::End { .. })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// The transcript begins, by this version of the tool.
    Begin { version: String },
    /// A command begins.
    Start { command: Vec<String> },
    /// The command of the line before has ended.
    End {
        /// The exit code; nothing if a signal ended it.
        code: Option<i32>,
        out: Printed,
        err: Printed,
    },
    /// Somebody saw something.
    Seen { text: String },
    /// A file was there.
    File { name: String, sha256: String },
    /// The HSM showed the head of its log.
    Checkpoint { text: String },
    /// A witness signs all lines before this.
    Signature {
        name: String,
        key: String,
        signature: String,
    },
    /// A line before this was not whole, and was dropped.
    Torn { bytes: usize },
}

/// What a command printed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Printed {
    /// The text, of which the front alone is kept if it is long.
    pub text: String,
    /// The digest of all that it printed, in hexadecimal digits.
    pub sha256: String,
}

impl Printed {
    /// Makes it for a command that could not be run.
    pub fn none() -> Self {
        Self {
            text: String::new(),
            sha256: show::sha256(b""),
        }
    }
}
