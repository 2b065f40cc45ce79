// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transcript of a ceremony: what it keeps, who signs it, and whether the log agrees.

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::simulated::Site;
use crate::{Run, arguments, secdom, tool};

const TRANSCRIPT: &str = "ceremony.jsonl";

/// The private key of RFC 8032 section 7.1, test 1, in PKCS#8.
pub const WITNESS: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// Its public key.
const WITNESS_KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn record(site: &Site, more: &[OsString]) -> Run {
    let mut line = arguments!["ceremony", "record", "--transcript", site.path(TRANSCRIPT)].to_vec();
    line.extend_from_slice(more);
    secdom(line)
}

/// Records a command of the tool.
fn runs(site: &Site, command: &[OsString]) -> Run {
    let mut line = arguments!["--", tool().get_program()].to_vec();
    line.extend_from_slice(command);
    record(site, &line)
}

fn sign(site: &Site, name: &str) -> Run {
    let key = site.folder.write("witness.key", WITNESS);
    secdom(arguments![
        "ceremony",
        "sign",
        "--transcript",
        site.path(TRANSCRIPT),
        "--name",
        name,
        "--key",
        key
    ])
}

fn verify(site: &Site, more: &[OsString]) -> Run {
    let mut line = arguments!["ceremony", "verify", "--transcript", site.path(TRANSCRIPT)].to_vec();
    line.extend_from_slice(more);
    secdom(line)
}

fn lines(site: &Site) -> Vec<String> {
    let text = fs::read_to_string(site.path(TRANSCRIPT)).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn put(site: &Site, lines: &[String]) {
    site.folder.write(TRANSCRIPT, lines.join("\n") + "\n");
}

/// The findings: severity, code and what it is about.
fn findings(run: &Run) -> Vec<String> {
    let findings = crate::findings(&run.out).into_iter();
    findings.map(|finding| finding.join(" ")).collect()
}

/// A transcript of some lines that a witness signed.
fn recorded() -> Site {
    let site = Site::new();
    let plan = site.folder.write("plan.html", "a plan");
    record(&site, &arguments!["--file", plan]).done();
    record(&site, &arguments!["--seen", "Ada is \"there\"\u{202e}"]).done();
    let run = runs(&site, &arguments!["--version"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    // What the command printed is seen, and is not the tool's own output.
    assert!(run.err.contains(env!("CARGO_PKG_VERSION")), "{run:?}");
    assert!(run.out.starts_with("line 4  "), "{run:?}");
    let signed = sign(&site, "Dora").done();
    assert!(signed.contains(WITNESS_KEY), "{signed}");
    site
}

#[test]
fn what_was_run_and_seen_is_kept_and_signed() {
    let site = recorded();
    let run = verify(&site, &arguments!["--json", "--witness", WITNESS_KEY]);
    assert_eq!(findings(&run), [""; 0]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    let kinds = report["lines"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["begin", "file", "seen", "start", "end", "signature"]
    );
    assert_eq!(report["lines"][2]["what"], "Ada is \"there\"\u{202e}");
    assert_eq!(
        (
            &report["signatures"][0]["name"],
            &report["signatures"][0]["key"]
        ),
        (&"Dora".into(), &WITNESS_KEY.into())
    );
    let line: Value = serde_json::from_str(&lines(&site)[4]).unwrap();
    let out = line["what"]["end"]["out"]["text"].as_str().unwrap();
    assert_eq!(out, format!("secdom {}\n", env!("CARGO_PKG_VERSION")));

    // What came after the signature is not signed.
    record(&site, &arguments!["--seen", "later"]).done();
    let run = verify(&site, &arguments!["--json"]);
    assert_eq!(
        findings(&run),
        ["warn open-end transcript", "note no-witness transcript"]
    );
}

#[test]
fn a_command_that_fails_is_kept_and_named() {
    let site = Site::new();
    let run = runs(&site, &arguments!["inspect", site.path("nothing")]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.err.contains("no such file") && run.err.contains("the command failed"),
        "{run:?}"
    );
    record(&site, &arguments!["--", site.path("no-program")]).refused(&["no-program"]);
    sign(&site, "Dora").done();
    let run = verify(&site, &arguments!["--json"]);
    assert_eq!(
        findings(&run),
        [
            "warn command-failed line 2",
            "warn command-failed line 4",
            "note no-witness transcript"
        ]
    );
}

#[test]
fn a_transcript_that_was_touched_is_refused() {
    let site = recorded();
    let good = lines(&site);
    let refused = |lines: &[String], words: &[&str]| {
        put(&site, lines);
        verify(&site, &[]).refused(words);
        // Nothing is added to it either.
        record(&site, &arguments!["--seen", "more"]).refused(words);
        assert_eq!(self::lines(&site), lines);
    };
    let mut changed = good.clone();
    changed[2] = changed[2].replace("Ada", "Bob");
    refused(&changed, &["line 4", "changed, dropped or moved"]);
    let mut dropped = good.clone();
    dropped.remove(2);
    refused(&dropped, &["line 3", "changed, dropped or moved"]);
    let mut moved = good.clone();
    moved.swap(1, 2);
    refused(&moved, &["line 2", "changed, dropped or moved"]);
    let mut without_begin = good.clone();
    without_begin.remove(0);
    refused(&without_begin, &["line 1"]);
    let mut other_name = good.clone();
    other_name[5] = other_name[5].replace("Dora", "Eve");
    refused(&other_name, &["line 6", "signature", "Eve"]);
    let mut other_number = good.clone();
    other_number[5] = other_number[5].replace("\"number\":5", "\"number\":6");
    refused(&other_number, &["line 6", "place"]);
    let mut more = good.clone();
    more[1] = more[1].replace("\"time\"", "\"tame\"");
    refused(&more, &["line 2", "tame"]);
    refused(&["something else".into()], &["line 1"]);

    // Without its signature it proves nothing.
    put(&site, &good[..5]);
    let run = verify(&site, &arguments!["--json"]);
    assert_eq!(findings(&run), ["refuse not-signed transcript"]);
    assert_eq!(run.code, Some(1));
    sign(&Site::new(), "Dora").refused(&[TRANSCRIPT, "no such file"]);
    let other = "00".repeat(32);
    put(&site, &good);
    let run = verify(
        &site,
        &arguments!["--json", "--witness", WITNESS_KEY, other],
    );
    assert_eq!(findings(&run), ["refuse witness-missing transcript"]);
    sign(&site, "Eve").done();
    let run = verify(&site, &arguments!["--json", "--witness", WITNESS_KEY]);
    assert_eq!(findings(&run), ["warn same-key transcript"]);
    verify(&site, &arguments!["--expect-domain", other]).refused(&["--log"]);
    site.folder.write(TRANSCRIPT, "");
    verify(&site, &[]).refused(&[TRANSCRIPT, "nothing"]);
}

#[test]
fn a_line_that_was_torn_is_named() {
    let site = recorded();
    let mut text = fs::read_to_string(site.path(TRANSCRIPT)).unwrap();
    text.truncate(text.len() - 10);
    site.folder.write(TRANSCRIPT, text);
    let run = record(&site, &arguments!["--seen", "the power came back"]);
    assert_eq!(run.code, Some(0));
    assert!(run.err.contains("was not whole"), "{run:?}");
    sign(&site, "Dora").done();
    let run = verify(&site, &arguments!["--json"]);
    assert_eq!(
        findings(&run),
        ["warn torn line 5", "note no-witness transcript"]
    );
    // A file of another program is left alone.
    site.folder.write(TRANSCRIPT, "no end of line");
    record(&site, &arguments!["--seen", "x"]).refused(&[TRANSCRIPT, "not a transcript"]);
    assert_eq!(lines(&site), ["no end of line"]);
}

#[test]
fn the_log_says_what_the_transcript_does_not() {
    let site = Site::new();
    let hsm = site.path("hsm-1");
    let export = |name: &str| {
        let log = site.path(&format!("{name}.log"));
        secdom(arguments!["ledger", "export", "--hsm", hsm, "--out", log]).done();
        let checkpoint = site.path(&format!("{name}.checkpoint"));
        secdom(arguments!["ledger", "checkpoint", log, "--out", checkpoint]).done();
        record(&site, &arguments!["--checkpoint", checkpoint]).done();
        log
    };
    let artifact = format!("signing={}", site.path("signing.bin").display());
    let init = arguments!["hsm", "init", "--hsm", hsm, "--artifact", artifact];
    assert_eq!(runs(&site, &init).code, Some(0));
    let mut activate = arguments!["hsm", "activate", "--hsm", hsm].to_vec();
    activate.extend(site.activation(&site.path("domain.sealed"), "2"));
    assert_eq!(runs(&site, &activate).code, Some(0));
    let log = export("after");
    sign(&site, "Dora").done();
    let with_log = |log| {
        arguments![
            "--json",
            "--skew",
            "0",
            "--witness",
            WITNESS_KEY,
            "--log",
            log
        ]
    };
    let run = verify(&site, &with_log(log.clone()));
    assert_eq!(findings(&run), [""; 0]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    let steps = report["log"].as_array().unwrap().iter();
    let steps: Vec<_> = steps.map(|row| row["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["provision", "activate", "endorsement"]);

    // Something is done that is not recorded.
    std::thread::sleep(Duration::from_millis(2100));
    let rehearsal = site.folder.write("data", "data");
    let out = site.path("secret.backup");
    site.hsm(
        "backup",
        "hsm-1",
        &arguments!["--in", rehearsal, "--out", out],
    )
    .done();
    std::thread::sleep(Duration::from_millis(2100));
    let log = export("later");
    sign(&site, "Dora").done();
    let run = verify(&site, &with_log(log.clone()));
    assert_eq!(run.code, Some(1));
    assert_eq!(findings(&run), ["refuse not-in-the-transcript record 5"]);

    // A ceremony that begins with a checkpoint begins there.
    fs::remove_file(site.path(TRANSCRIPT)).unwrap();
    let first = site.path("later.checkpoint");
    record(&site, &arguments!["--checkpoint", first]).done();
    let data = site.folder.write("more", "more");
    let (hsm, out) = (site.path("hsm-1"), site.path("second.backup"));
    let backup = arguments!["hsm", "backup", "--hsm", hsm, "--in", data, "--out", out];
    assert_eq!(runs(&site, &backup).code, Some(0));
    let log = export("last");
    sign(&site, "Dora").done();
    let run = verify(&site, &with_log(log));
    assert_eq!(findings(&run), [""; 0]);

    // A command after the last checkpoint is compared with nothing; what is not signed does not
    // count.
    let status = arguments!["hsm", "status", "--hsm", site.path("hsm-1")];
    assert_eq!(runs(&site, &status).code, Some(0));
    let run = verify(&site, &with_log(site.path("last.log")));
    assert_eq!(findings(&run), ["warn open-end transcript"]);
    sign(&site, "Dora").done();
    let run = verify(&site, &with_log(site.path("last.log")));
    assert_eq!(findings(&run), ["refuse not-compared transcript"]);

    // A log of another HSM does not go on from the checkpoints.
    site.active("hsm-2", "other.sealed");
    let other = site.path("other.log");
    secdom(arguments![
        "ledger",
        "export",
        "--hsm",
        site.path("hsm-2"),
        "--out",
        other
    ])
    .done();
    let run = verify(&site, &with_log(other));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.out, "");
}
