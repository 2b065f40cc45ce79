// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rotate break-glass` and `rotate veto`.

use std::ffi::OsString;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::contribute::inspected;
use crate::rotate::Change;
use crate::{Run, arguments, secdom};

fn break_glass(change: &Change, out: &str) -> Run {
    let reason = "two of three have left";
    let line = arguments!["--reason", reason, "--out", change.path(out)];
    change.rotate("break-glass", &line)
}

/// The next custodians prove, and nobody consents.
fn proven(change: &Change) {
    let challenge = arguments!["--out", change.path("challenge")];
    change.rotate("challenge", &challenge).done();
    let answers = ["dan", "eve", "fay"].map(|name| {
        let out = format!("of-{name}");
        change.respond(name, "challenge", &out);
        out
    });
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    change.take("prove", &answers).done();
}

fn approve(change: &Change, act: &str, out: &str) {
    let line: [OsString; 11] = arguments![
        "approve",
        "--sealed",
        change.path("one.sealed"),
        "--expect-domain",
        &change.domain,
        "--act",
        change.path(act),
        "--key",
        change.site.key(1),
        "--out",
        change.path(out)
    ];
    let run = secdom(line);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains(": veto a break-glass"), "{run:?}");
}

#[test]
fn after_the_delay_the_quorum_changes_without_its_consent() {
    let change = Change::activated_with(&arguments!["--break-glass", "2"]);
    assert_eq!(inspected(&change.path("one.sealed"))["break_glass"], 2);
    change.propose();
    proven(&change);
    change
        .end("commit", "two.sealed")
        .refused(&["0 of the present custodians have consented, and 2 must"]);
    let out = break_glass(&change, "veto-act").done();
    let opens = out.lines().next().unwrap().strip_prefix("opens ").unwrap();
    change.is_shown("opens", opens);
    let log = fs::read_to_string(change.path("first/events")).unwrap();
    assert!(
        log.contains(r#""reason":"two of three have left""#),
        "{log}"
    );
    // Again: another copy of the act, and no other time.
    assert_eq!(
        break_glass(&change, "again").done().lines().next(),
        out.lines().next()
    );
    let copies = ["veto-act", "again"].map(|name| fs::read(change.path(name)).unwrap());
    assert_eq!(copies[0], copies[1]);
    sleep(Duration::from_millis(3100));
    change.end("commit", "two.sealed").done();
    change.end("confirm", "two.sealed").done();
    change.site.is("first", "active");
    // The next file allows it as the one before.
    assert_eq!(inspected(&change.path("two.sealed"))["break_glass"], 2);
}

#[test]
fn one_custodian_s_veto_ends_it() {
    let change = Change::activated_with(&arguments!["--break-glass", "1"]);
    change.propose();
    proven(&change);
    break_glass(&change, "veto-act").done();
    let act = inspected(&change.path("veto-act"));
    assert_eq!(act["kind"], "veto a break-glass");
    approve(&change, "veto-act", "veto");
    sleep(Duration::from_millis(2100));
    let veto = arguments![change.path("veto")];
    let first = change.path("first");
    change.rotate("veto", &veto).done();
    change.site.is("first", "active");
    for left in ["pending", "next", "challenge"] {
        assert!(!first.join(left).exists(), "{left}");
    }
    change.rotate("veto", &veto).refused(&["the HSM is active"]);
    let log = fs::read_to_string(first.join("events")).unwrap();
    assert!(log.contains(r#""because":"vetoed""#), "{log}");

    // It serves no other rotation.
    fs::remove_file(change.path("pending")).unwrap();
    fs::remove_file(change.path("request")).unwrap();
    change.propose();
    break_glass(&change, "second-act").done();
    change
        .rotate("veto", &veto)
        .refused(&["the approval is of act"]);
    change.site.is("first", "rotating");
}

#[test]
fn the_file_must_allow_it_and_the_reason_be_a_text() {
    let change = Change::activated_with(&[]);
    change.propose();
    break_glass(&change, "act").refused(&["does not allow a rotation without consent"]);
    assert!(!change.path("act").exists());
    for (reason, says) in [("", "empty"), (&*"x".repeat(65), "longer than 64 bytes")] {
        let line = arguments!["--reason", reason, "--out", change.path("act")];
        change
            .rotate("break-glass", &line)
            .refused(&[&format!("--reason: {says}")]);
    }
}
