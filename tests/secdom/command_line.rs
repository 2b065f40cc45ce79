// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is exit code 2, what is help, and how output is printed.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use crate::{arguments, secdom, tool, vector};

/// Every verb.
pub const VERBS: [&str; 68] = [
    "download",
    "init-recovery",
    "restore-blob",
    "upload",
    "check",
    "inspect",
    "drill",
    "drill challenge",
    "drill respond",
    "drill verify",
    "restore-session begin",
    "restore-session add",
    "restore-session status",
    "restore-session cancel",
    "contribute",
    "approve",
    "policy",
    "readiness",
    "ceremony plan",
    "ceremony record",
    "ceremony sign",
    "ceremony verify",
    "keygen",
    "paper write",
    "paper verify",
    "paper read",
    "hsm init",
    "hsm status",
    "hsm activate",
    "hsm artifacts",
    "hsm adopt",
    "hsm recover-begin",
    "hsm recover-add",
    "hsm recover-cancel",
    "hsm recover",
    "hsm import-begin",
    "hsm import",
    "hsm import-confirm",
    "hsm backup",
    "hsm demand",
    "hsm ask",
    "hsm emit",
    "hsm drop-demands",
    "hsm restore",
    "hsm handoff",
    "hsm report-lost",
    "hsm review",
    "hsm zeroize",
    "hsm discard",
    "rehearse begin",
    "rehearse add",
    "rehearse report",
    "rotate propose",
    "rotate approve",
    "rotate break-glass",
    "rotate veto",
    "rotate challenge",
    "rotate prove",
    "rotate commit",
    "rotate confirm",
    "rotate abandon",
    "ledger export",
    "ledger checkpoint",
    "ledger show",
    "ledger verify",
    "ledger prove",
    "completions",
    "man",
];

#[test]
fn help_and_version_are_no_errors() {
    let help = secdom(["--help"]).done()
        + &secdom(["hsm", "--help"]).done()
        + &secdom(["ceremony", "--help"]).done()
        + &secdom(["drill", "--help"]).done()
        + &secdom(["paper", "--help"]).done()
        + &secdom(["restore-session", "--help"]).done()
        + &secdom(["rotate", "--help"]).done()
        + &secdom(["ledger", "--help"]).done()
        + &secdom(["rehearse", "--help"]).done();
    for verb in VERBS {
        let last = verb.split(' ').next_back().unwrap();
        assert!(help.contains(&format!("\n  {last} ")), "{help}");
        let help = secdom(verb.split(' ').chain(["--help"])).done();
        assert!(
            help.contains(&format!("  secdom {verb} ")),
            "no example: {help}"
        );
    }
    assert!(
        secdom(["--version"])
            .done()
            .contains(env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_command_line_that_cannot_be_read_is_exit_code_2() {
    for line in [
        "",
        "frobnicate",
        "inspect",
        "inspect a b",
        "inspect a --certs",
        "check",
        "check transfer-key",
        "check other a",
        "drill --sd-file a",
        "drill",
        "drill --sd-wrapping-keys a",
        "drill --sd-file a challenge --sealed b --expect-domain c --out d",
        "drill challenge --sealed a --out b",
        "drill respond --sealed a --expect-domain b --challenge c --out d",
        "approve --sealed a --expect-domain b --act c --out d",
        "drill verify --sealed a --expect-domain b --challenge c",
        "drill --sd-file a --sd-wrapping-keys b --passwords c --password-file d",
        "download --sd-wrapping-keys a --sd-quorum two --artifact b=c --security-domain-file d",
        "download --sd-wrapping-keys a --sd-quorum 2 --artifact b --security-domain-file d",
        "download --sd-wrapping-keys a --sd-quorum 2 --artifact b= --security-domain-file d",
        "download --sd-wrapping-keys a --artifact b=c --security-domain-file d",
        "restore-blob --sd-file a --sd-exchange-key b --sd-wrapping-keys c",
        "restore-session begin --sd-file a --sd-exchange-key b --request c",
        "restore-session add a b",
        "restore-session cancel",
        "contribute --request a --request-digest b --key c --out d",
        "upload --sd-file a --transfer-key b --sd-exchange-key c",
        "init-recovery --sd-exchange-key a",
        "init-recovery --sd-exchange-key a --transfer-key b --bits 1024",
        "init-recovery --sd-exchange-key a --transfer-key b --bits",
    ] {
        secdom(line.split_whitespace()).unreadable();
    }
}

#[test]
fn shells_and_manuals_know_every_verb() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = secdom(["completions", shell]).done();
        assert!(
            script.contains("recover-begin") && script.contains("sd-file"),
            "{shell}"
        );
    }
    let page = secdom(["man"]).done();
    assert!(
        page.contains(".TH secdom 1") && page.contains("restore\\-blob"),
        "{page}"
    );
    let page = secdom(["man", "hsm", "activate"]).done();
    assert!(
        page.contains("secdom\\-hsm\\-activate") && page.contains("quorum"),
        "{page}"
    );
    let page = secdom(["man", "drill"]).done();
    for words in ["sd\\-wrapping\\-keys", "secdom\\-drill\\-challenge(1)"] {
        assert!(page.contains(words), "{page}");
    }
    let page = secdom(["man", "drill", "respond"]).done();
    assert!(page.contains("secdom\\-drill\\-respond"), "{page}");
    secdom(["man", "hsm", "fly"]).refused(&["\"fly\"", "secdom-hsm"]);
}

#[test]
fn an_argument_cannot_speak_to_the_terminal() {
    let hostile = "b\u{1b}[2J\u{202e}\u{7}";
    for line in [
        &["inspect", "a", hostile][..],
        &[hostile],
        &["inspect", "--x\u{1b}[2J"],
    ] {
        let run = secdom(line);
        assert_eq!(run.code, Some(2));
        let printable = |c: char| c == '\n' || matches!(c, ' '..='~');
        assert!(run.err.chars().all(printable), "{:?}", run.err);
    }
}

#[test]
fn pem_is_read_in_linear_time() {
    let folder = crate::Folder::new();
    for line in [
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN ",
        "-----END A-----",
        "-",
        "-----BEGIN A-----:",
    ] {
        let file = folder.write("large.pem", line.repeat((8 << 20) / line.len()));
        let start = std::time::Instant::now();
        secdom(arguments!["inspect", file]).refused(&["large.pem"]);
        assert!(start.elapsed().as_secs() < 20, "{line}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = tool()
        .args(arguments!["inspect", vector("valid/v01-2of3-2048/sd.json")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_stdout_is_refused() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let run = tool()
        .args(arguments!["inspect", vector("valid/v01-2of3-2048/sd.json")])
        .stdout(full)
        .output()
        .unwrap();
    let err = String::from_utf8(run.stderr).unwrap();
    assert_eq!(
        (run.status.code(), err.lines().count()),
        (Some(1), 1),
        "{err}"
    );
    assert!(err.contains("standard output"), "{err}");
}
