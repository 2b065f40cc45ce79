// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line of a transcript.

use serde::{Deserialize, Serialize};

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

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// The transcript begins, by this version of the tool.
    Begin { version: String },
    /// A command was run.
    Run {
        command: Vec<String>,
        /// The exit code; nothing if a signal ended it.
        code: Option<i32>,
        /// When it began, in Unix seconds.
        began: u64,
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
    /// The digest of all that it printed.
    pub sha256: String,
}
