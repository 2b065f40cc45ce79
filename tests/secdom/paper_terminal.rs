// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sheet is typed back on the terminal.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::OsString;
use std::io::Write;

use crate::interrupted::Terminal;
use crate::{Folder, arguments};

const PAPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/paper/");

/// Writes a sheet on a terminal where `typed` is typed; returns whether it was done, and what was shown.
fn written(out: impl Into<OsString>, typed: &[&str]) -> (bool, String) {
    let mut terminal = Terminal::new();
    let line = arguments![
        "paper",
        "write",
        "--key",
        format!("{PAPER}x-wing.key"),
        "--pub",
        format!("{PAPER}x-wing.pub"),
        "--out",
        out.into(),
    ];
    let mut child = terminal.run(line);
    let mut shown = String::new();
    for text in typed {
        while !shown.ends_with("> ") {
            shown += &terminal.shown();
        }
        shown.clear();
        terminal.master.write_all(text.as_bytes()).unwrap();
        terminal.master.write_all(b"\n\n").unwrap();
    }
    let done = child.wait().unwrap().success();
    shown += &terminal.rest();
    (done, shown)
}

#[test]
fn a_sheet_stays_if_it_is_typed_back_right() {
    let folder = Folder::new();
    let sheet = std::fs::read_to_string(format!("{PAPER}x-wing.txt")).unwrap();
    let text = sheet.split("\n\n").nth(2).unwrap();
    let one = text.replacen(&text[8..9], "?", 1);
    let (done, shown) = written(folder.join("a.svg"), &["zoo zoo", &one]);
    assert!(done && shown.contains("typed back and right"), "{shown}");
    assert!(shown.contains("corrected row "), "{shown}");
    assert_eq!(folder.names(), ["a.svg"]);
    let (done, shown) = written(folder.join("b.txt"), &["zoo zoo", "zoo", "a b"]);
    assert!(!done && shown.contains("2 words"), "{shown}");
    assert_eq!(folder.names(), ["a.svg"]);
}
