// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `inspect` says of a file, in words and in JSON.

use std::fmt::{Display, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{clock, show};

/// The facts of a file, in words and in JSON.
pub struct Facts {
    words: String,
    members: Map<String, Value>,
    pub findings: Vec<String>,
}

impl Facts {
    pub fn new(path: &Path, format: &'static str, title: &str, bytes: &[u8]) -> Self {
        let mut facts = Self {
            words: String::new(),
            members: Map::new(),
            findings: Vec::new(),
        };
        facts.word("file", show::path(path));
        facts.member("format", format);
        facts.word("format", title);
        facts.fact("sha256", show::sha256(bytes));
        facts
    }

    pub fn word(&mut self, label: &str, value: impl Display) {
        let _ = writeln!(self.words, "{label:<14} {value}");
    }

    pub fn member(&mut self, name: &str, value: impl Into<Value>) {
        self.members.insert(name.into(), value.into());
    }

    /// Adds a fact in words, and as a JSON member whose name has underscores for hyphens.
    pub fn fact(&mut self, label: &str, value: impl Display) {
        let value = value.to_string();
        self.word(label, &value);
        self.member(&label.replace('-', "_"), value);
    }

    /// Adds a time in Unix seconds; 0 means none.
    pub fn time(&mut self, label: &str, seconds: u64, none: &str) {
        let time = i64::try_from(seconds).ok().filter(|&seconds| seconds != 0);
        self.word(label, time.map_or(none.into(), clock::rfc3339));
        self.member(label, time.map(clock::rfc3339));
    }

    /// Adds the validity of a certificate, in words.
    pub fn times(&mut self, not_before: Option<i64>, not_after: Option<i64>) {
        for (label, time) in [("not-before", not_before), ("not-after", not_after)] {
            let time = time.map(clock::rfc3339);
            self.word(label, time.unwrap_or_else(|| "an unreadable time".into()));
        }
    }

    /// Returns the text for standard output.
    pub fn text(mut self, as_json: bool) -> String {
        if as_json {
            self.members.insert("findings".into(), json!(self.findings));
            return show::ascii_json(&format!("{:#}\n", Value::Object(self.members)));
        }
        for finding in std::mem::take(&mut self.findings) {
            self.word("finding", finding);
        }
        self.words
    }
}
