// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shows names and foreign text so that no file can control the terminal.
//!
//! In text from files, printable ASCII is unchanged, a backslash is doubled, and everything else is
//! written `\u{..}`. So control characters, right-to-left marks and look-alike letters cannot
//! deceive. Paths are the operator's own: letters of any script are unchanged there, and only
//! unprintable characters are escaped.

use std::fmt::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::input::STDIN;

/// How many characters of foreign text a message shows.
const CUT: usize = 64;

/// Foreign text in a message: escaped, quoted, cut at 64 characters.
pub fn text(text: &str) -> String {
    quoted(text, CUT)
}

/// Foreign text in a listing: escaped, quoted, whole.
pub fn whole(text: &str) -> String {
    quoted(text, usize::MAX)
}

/// Returns tags from a file, each as in a message.
pub fn tags(tags: &[String]) -> String {
    let shown = tags.iter().map(|tag| text(tag));
    shown.collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str, cut: usize) -> String {
    let mut out = String::from("\"");
    let mut characters = text.chars();
    for c in characters.by_ref().take(cut) {
        match c {
            '\\' | '"' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out.push('"');
    if characters.next().is_some() {
        out.push_str("...");
    }
    out
}

/// The path of an input or of a named output, with unprintable characters escaped.
pub fn path(path: &Path) -> String {
    if path == Path::new(STDIN) {
        return "standard input".into();
    }
    printable(&path.to_string_lossy())
}

/// A message on one line, whatever it contains.
pub fn one_line(message: &str) -> String {
    printable(message)
}

fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '"' | '\'' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    out
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// SHA-256 of `bytes` in hexadecimal, as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// `1 key`, `2 keys`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// JSON in ASCII: anything that is not printable ASCII can only be inside a string, where an escape
/// has the same meaning.
pub fn ascii_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, ' '..='~' | '\n') {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
