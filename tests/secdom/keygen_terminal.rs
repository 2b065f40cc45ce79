// SPDX-License-Identifier: MIT OR Apache-2.0
//! The terminal asks for the password of a new key.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::fs;
use std::io::Write;

use crate::interrupted::{Terminal, echoes, wait_for};
use crate::{Folder, arguments, secdom};

/// Makes a key on a terminal where `typed` is typed; returns whether it was made, and what was
/// shown.
fn made(folder: &Folder, typed: &[&str]) -> (bool, String) {
    let mut terminal = Terminal::new();
    let open = terminal.open();
    let line = arguments![
        "keygen",
        "--kind",
        "x-wing",
        "--key",
        folder.join("a.key"),
        "--pub",
        folder.join("a.pub"),
    ];
    let mut child = terminal.run(line);
    let mut shown = String::new();
    for (number, text) in typed.iter().enumerate() {
        while shown.matches(": ").count() <= number {
            shown += &terminal.shown();
        }
        wait_for("a prompt without echo", || !echoes(&open));
        terminal.master.write_all(text.as_bytes()).unwrap();
        terminal.master.write_all(b"\n").unwrap();
    }
    let done = child.wait().unwrap().success();
    assert!(echoes(&open));
    drop(open);
    shown += &terminal.rest();
    assert!(!shown.contains("horse"), "{shown}");
    (done, shown)
}

#[test]
fn a_password_is_asked_for_twice() {
    let folder = Folder::new();
    let (done, shown) = made(&folder, &["correct horse", "correct horse"]);
    assert!(done && shown.contains("New password of "), "{shown}");
    assert!(shown.contains("The same password again: "), "{shown}");
    let password = folder.write("password", "correct horse");
    let line = arguments![
        "paper",
        "write",
        "--key",
        folder.join("a.key"),
        "--pub",
        folder.join("a.pub"),
        "--password-file",
        password,
        "--out",
        folder.join("a.txt"),
        "--no-verify",
    ];
    secdom(line).done();
}

#[test]
fn passwords_that_differ_or_are_empty_make_no_key() {
    let folder = Folder::new();
    let (done, shown) = made(&folder, &["correct horse", "correct house"]);
    assert!(
        !done && shown.contains("the two passwords differ"),
        "{shown}"
    );
    let (done, shown) = made(&folder, &["", ""]);
    assert!(!done && shown.contains("--no-password"), "{shown}");
    assert!(folder.names().is_empty());
}

#[test]
fn the_password_of_a_key_that_is_there_is_asked_for_once() {
    let folder = Folder::new();
    made(&folder, &["correct horse", "correct horse"]);
    fs::remove_file(folder.join("a.pub")).unwrap();
    let (done, shown) = made(&folder, &["correct horse"]);
    assert!(done && shown.contains("was there already"), "{shown}");
    assert_eq!(folder.names(), ["a.key", "a.pub"]);
}
