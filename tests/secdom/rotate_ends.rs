// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a change of the quorum leaves beside the HSM, and what is kept when the HSM fails on the way.

use std::fs;

use crate::rotate::Change;
use crate::{arguments, secdom};

/// The files that a change of the quorum keeps.
const KEPT: [&str; 3] = ["pending", "next", "challenge"];

#[test]
fn nothing_is_kept_of_a_rotation_that_expired_or_was_destroyed() {
    let change = Change::activated_with(&[]);
    let kept = |want: bool| {
        for name in KEPT {
            let file = change.path("first").join(name);
            assert_eq!(file.exists(), want, "{name}");
        }
    };
    let challenged = |more: &[std::ffi::OsString]| {
        secdom([&change.proposal()[..], more].concat()).done();
        let out = arguments!["--out", change.path("challenge")];
        change.rotate("challenge", &out).done();
        kept(true);
        for name in ["pending", "request", "challenge"] {
            fs::remove_file(change.path(name)).unwrap();
        }
    };
    challenged(&arguments!["--expires", "3"]);
    std::thread::sleep(std::time::Duration::from_millis(4100));
    change.site.is("first", "active");
    kept(false);
    challenged(&[]);
    change.site.plain("zeroize", "first").done();
    kept(false);
}

#[test]
fn a_commit_takes_any_copy_of_the_pending_file() {
    let change = Change::activated_with(&[]);
    change.answered();
    let kept = change.path("first").join("pending");
    fs::remove_file(&kept).unwrap();
    let out = change.path("two.sealed");
    let commit = |pending: &str| {
        let pending = change.path(pending);
        change.rotate(
            "commit",
            &arguments!["--sealed", &out, "--pending", pending],
        )
    };
    change.end("commit", "two.sealed").refused(&["pending"]);
    commit("one.sealed").refused(&["header"]);
    commit("pending").done();
    change.end("confirm", "two.sealed").done();
}

/// The log takes no more lines while the second answer is read.
#[cfg(unix)]
#[test]
fn answers_that_were_taken_are_reported_though_the_hsm_fails() {
    let change = Change::activated_with(&[]);
    let digest = change.propose();
    for (place, out) in [(0, "from-0"), (2, "from-2")] {
        change.contribute(place, &digest, out);
    }
    let pipe = change.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let second = fs::read(change.path("from-2")).unwrap();
    let (events, aside) = (change.path("first/events"), change.path("events"));
    let writer = std::thread::spawn({
        let (events, aside) = (events.clone(), aside.clone());
        move || {
            // Opened when the tool reads it.
            let mut open = fs::OpenOptions::new().write(true).open(pipe).unwrap();
            fs::rename(&events, &aside).unwrap();
            fs::create_dir(&events).unwrap();
            std::io::Write::write_all(&mut open, &second).unwrap();
        }
    });
    let run = change.take("approve", &["from-0", "pipe"]);
    writer.join().unwrap();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("from-0: custodian "), "{run:?}");
    assert!(run.out.contains("consents 1 of 2\n"), "{run:?}");
    assert!(run.err.contains("events"), "{run:?}");
    fs::remove_dir(&events).unwrap();
    fs::rename(aside, events).unwrap();
    change.is_shown("consents", 1);
}
