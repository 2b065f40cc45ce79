// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ledger export`, `show` and `verify`, and the attacks in `tests/vectors/custody`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::simulated::{CUSTODIANS, Site};
use crate::{Folder, Run, arguments, secdom};

pub fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/custody")
}

pub fn cases() -> Value {
    serde_json::from_slice(&fs::read(vectors().join("cases.json")).unwrap()).unwrap()
}

/// A person's own key, which openssl made.
pub fn taker(folder: &Folder, seed: u8) -> PathBuf {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([seed; 32]);
    folder.write(&format!("taker-{seed}.key"), der)
}

/// Exports the log of an HSM to a file, and returns its path.
pub fn export(site: &Site, hsm: &str, out: &str) -> PathBuf {
    let path = site.path(out);
    let line = arguments!["ledger", "export", "--hsm", site.path(hsm), "--out", path];
    secdom(line).done();
    path
}

pub fn show(log: &Path) -> Value {
    let shown = secdom(arguments!["ledger", "show", log, "--json"]).done();
    serde_json::from_str(&shown).unwrap()
}

/// Each row as its step or fact, and its outcome if it has one.
pub fn rows(shown: &Value) -> Vec<String> {
    let row = |row: &Value| match row["outcome"].as_str() {
        Some(outcome) => format!("{} {outcome}", row["what"].as_str().unwrap()),
        None => row["what"].as_str().unwrap().to_owned(),
    };
    shown["log"].as_array().unwrap().iter().map(row).collect()
}

pub fn handoff(site: &Site, custodian: usize, taker: &str, key: &Path) -> Run {
    let certificate = site.path(&format!("{}.cer", CUSTODIANS[custodian]));
    let line = arguments!["--custodian", certificate, "--taker", taker, "--key", key];
    site.hsm("handoff", "hsm", &line)
}

#[test]
fn a_log_says_who_holds_what_what_is_lost_and_what_was_reviewed() {
    let site = Site::new();
    let domain = site.active("hsm", "sealed");
    let [ann, bob] = [1, 2].map(|seed| taker(&site.folder, seed));
    let fact = |verb: &str, more: &[OsString]| {
        let run = site.hsm(verb, "hsm", &[more, &arguments!["--json"]].concat());
        let object: Value = serde_json::from_str(&run.done()).unwrap();
        object["record"].as_u64().unwrap()
    };
    handoff(&site, 0, "Ann", &ann).done();
    let hostile = "Bob <b>\"\\ \u{444}";
    let said = handoff(&site, 0, hostile, &bob).done();
    assert!(said.starts_with("record 6: \"Bob <b>\\\"\\\\ \\u{444}\" takes the token"));
    let second = site.path(&format!("{}.cer", CUSTODIANS[1]));
    let lost = ["--custodian", "--kind", "--detail"].map(OsString::from);
    let [custodian, kind, detail] = lost;
    let lost = |word: &str| {
        [
            custodian.clone(),
            second.clone().into(),
            kind.clone(),
            word.into(),
            detail.clone(),
            "in a fire".into(),
        ]
    };
    let first_loss = fact("report-lost", &lost("destroyed"));
    assert_eq!(first_loss, 7);
    fact(
        "report-lost",
        &arguments!["--closes", first_loss.to_string()],
    );
    let open = fact("report-lost", &lost("compromised"));
    fact("review", &arguments!["--event", "due", "--close"]);
    let asked = fact("review", &arguments!["--event", "member-left"]);

    let log = export(&site, "hsm", "hsm.log");
    let shown = show(&log);
    let facts = [
        "provision done",
        "activate done",
        "endorsement",
        "hand-off",
        "hand-off",
        "loss",
        "loss-closed",
        "loss",
        "review",
        "concern",
    ];
    assert_eq!(rows(&shown), facts);
    assert_eq!(shown["domain_id"], domain);
    let present = &shown["present"];
    let status = site.status("hsm");
    assert_eq!(present["header_digest"], status["header_digest"]);
    assert_eq!(
        (
            &present["epoch"],
            present["custodians"].as_array().unwrap().len()
        ),
        (&json!(1), 2)
    );
    let [first, second] = [0, 1].map(|place| &present["custodians"][place]);
    assert_eq!(first["holder"]["name"], hostile);
    assert_eq!(first["may_know_share"].as_array().unwrap().len(), 1);
    assert_eq!(first["may_know_share"][0]["name"], "Ann");
    assert!(first["open_loss"].is_null() && first["drill"].is_null());
    assert_eq!(second["open_loss"]["record"], open);
    assert_eq!(second["open_loss"]["kind"], "compromised");
    assert_eq!(present["review"]["cause"], "due");
    assert_eq!(present["concern"]["record"], asked);
    assert_eq!(present["concern"]["cause"], "member-left");

    let line = arguments!["ledger", "show", log, "--expect-domain", domain, "--certs"];
    let certificates = CUSTODIANS.map(|name| site.path(&format!("{name}.cer")).into());
    let text = secdom([&line[..], &certificates].concat()).done();
    for part in [
        "held by \"Bob <b>\\\"\\\\ \\u{444}\" since",
        "may still know the share: \"Ann\"",
        "open loss: ",
        "last review: ",
        "asks for a review: ",
        "s2048_0",
        "compromised: \"in a fire\"",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(text.is_ascii());
}

#[test]
fn what_is_no_fact_of_this_hsm_is_refused() {
    let site = Site::new();
    site.active("hsm", "sealed");
    let key = taker(&site.folder, 3);
    let stranger = "ab".repeat(32);
    let line = arguments!["--custodian", stranger, "--taker", "Ann", "--key", key];
    site.hsm("handoff", "hsm", &line)
        .refused(&["hsm: ", "not a custodian of the HSM's domain"]);
    handoff(&site, 0, "", &key).refused(&["--taker"]);
    handoff(&site, 0, "An\u{202e}n", &key).refused(&["--taker", "mislead"]);
    handoff(&site, 0, "Ann", &site.key(0)).refused(&["s2048_0.key", "no Ed25519 key"]);
    let line = arguments!["--event", "due", "--detail", "x".repeat(257)];
    site.hsm("review", "hsm", &line)
        .refused(&["--detail", "longer than 256 bytes"]);
    site.hsm("report-lost", "hsm", &arguments!["--closes", "4"])
        .refused(&["ledger-", "record 4 is not that of a loss"]);
    site.hsm("report-lost", "hsm", &[]).unreadable();
    let shown = show(&export(&site, "hsm", "log"));
    assert_eq!(shown["records"], 5, "nothing was recorded");
    site.plain("zeroize", "hsm").done();
    site.hsm("review", "hsm", &arguments!["--event", "due"])
        .refused(&["hsm: ", "the HSM has no log: it is empty"]);
    let line = ["ledger", "export", "--hsm"].map(OsString::from);
    let [hsm, out] = ["hsm", "none.log"].map(|name| site.path(name));
    let more = arguments![hsm, "--out", out];
    secdom([&line[..], &more].concat()).refused(&["hsm: "]);
    assert!(!out.exists());
}

#[test]
fn every_attack_on_a_log_is_named() {
    let cases = cases();
    let path = |name: &str| vectors().join(name);
    let (mut good, mut bad) = (0, 0);
    for case in cases["exports"].as_array().unwrap() {
        let name = format!("{}.log", case["file"].as_str().unwrap());
        let mut line = arguments![
            "ledger",
            "verify",
            path(&name),
            "--expect-domain",
            cases["domain"].as_str().unwrap(),
            "--expect-instance",
            cases["instance"].as_str().unwrap()
        ]
        .to_vec();
        if case["pinned"].as_bool().unwrap() {
            line.extend(arguments!["--checkpoint", path("pinned.checkpoint")]);
        }
        let run = secdom(&line);
        match case["says"].as_str().unwrap() {
            "" => {
                assert!(run.done().contains("\nrecords "), "{name}");
                good += 1;
            }
            _ if name == "without-bytes.log" => drop(run.refused(&[&name, "is empty"])),
            says => {
                let error = run.refused(&[&name]);
                assert!(error.ends_with(&format!(": {says}\n")), "{name}: {error}");
                bad += 1;
            }
        }
        // What is not verified is not shown.
        line[1] = "show".into();
        let shown = secdom(&line);
        let is_good = case["says"] == "";
        assert_eq!(shown.code == Some(0), is_good, "{name}");
        assert_eq!(shown.out.is_empty(), !is_good, "{name}");
    }
    assert!(good > 3 && bad > 38, "{good} {bad}");
}

#[test]
fn a_checkpoint_of_another_is_refused_whatever_the_log_says() {
    let verify = |log: &str, checkpoint: &str| {
        let [log, checkpoint] = [log, checkpoint].map(|name| vectors().join(name));
        secdom(arguments![
            "ledger",
            "verify",
            log,
            "--checkpoint",
            checkpoint
        ])
    };
    verify("good.log", "pinned.checkpoint").done();
    for log in ["good.log", "forked.log"] {
        verify(log, "pinned-by-another-key.checkpoint").refused(&[
            "pinned-by-another-key.checkpoint: ",
            "not signed with the HSM's key",
        ]);
        verify(log, "pinned-of-another-instance.checkpoint").refused(&[
            "pinned-of-another-instance.checkpoint: ",
            "the checkpoint is of the log of HSM",
        ]);
    }
    verify("good.log", "good.log").refused(&["good.log: is the export of a log, where"]);
    verify("pinned.checkpoint", "pinned.checkpoint")
        .refused(&["pinned.checkpoint: is the checkpoint of a log, where"]);
}

#[test]
fn the_checkpoint_of_an_export_is_kept_and_later_logs_go_on_from_it() {
    let site = Site::new();
    site.active("hsm", "sealed");
    let first = export(&site, "hsm", "first");
    let checkpoint = site.path("of-june");
    let write = |log: &Path| {
        let line = arguments!["ledger", "checkpoint", log, "--out", checkpoint];
        secdom(line)
    };
    let said = write(&first).done();
    assert!(
        said.contains("of-june: checkpoint of 5 records; root "),
        "{said}"
    );
    let bytes = fs::read(&checkpoint).unwrap();
    assert!(bytes.starts_with(b"security-domain/") && fs::read(&first).unwrap().ends_with(&bytes));
    write(&first).refused(&["of-june: already exists"]);
    let line = arguments![
        "ledger",
        "checkpoint",
        vectors().join("cut.log"),
        "--out",
        "-"
    ];
    secdom(line).refused(&["cut.log: the log was cut"]);

    site.hsm("review", "hsm", &arguments!["--event", "new-threat"])
        .done();
    let later = export(&site, "hsm", "later");
    let verify = |log: &Path| {
        secdom(arguments![
            "ledger",
            "verify",
            log,
            "--checkpoint",
            checkpoint
        ])
    };
    verify(&first).done();
    assert!(verify(&later).done().contains("\nrecords 6\n"));
    // Another HSM's log does not go on from it.
    site.active("other", "sealed-2");
    let other = export(&site, "other", "other.log");
    verify(&other).refused(&["of-june: ", "the checkpoint is of the log of HSM"]);
    let line = ["ledger", "export", "--hsm"].map(OsString::from);
    let more = arguments![site.path("hsm"), "--out", first];
    secdom([&line[..], &more].concat()).refused(&["first: already exists"]);
}
