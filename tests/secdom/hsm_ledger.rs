// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log that a simulated HSM keeps of its steps.

use std::fs;
use std::path::PathBuf;

use crate::killed::copy_folder;
use crate::ledger::{export, rows, show};
use crate::simulated::Site;
use crate::{arguments, fixture, names, secdom};

/// The file of the HSM's log.
fn file(site: &Site, hsm: &str) -> PathBuf {
    let instance = site.status(hsm)["instance_id"].as_str().unwrap().to_owned();
    site.path(hsm).join(format!("ledger-{instance}"))
}

#[test]
fn every_step_leaves_its_intent_and_its_outcome() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    site.hsm("demand", "first", &arguments!["full-backup"])
        .done();
    site.backup("first", "signing.bin", "full", &[])
        .refused(&["a quorum must first approve"]);
    let shown = show(&export(&site, "first", "first.log"));
    let steps = [
        "provision done",
        "activate done",
        "endorsement",
        "demand-approval done",
        "refused",
    ];
    assert_eq!(rows(&shown), steps);
    assert_eq!(shown["log"][4]["of"], "backup");

    let digest = site.recovering("second", "sealed", &domain, "request");
    for custodian in [0, 2] {
        let out = format!("from-{custodian}");
        site.contribute(custodian, "sealed", &domain, ("request", &digest), &out);
    }
    site.add("second", &["from-0", "from-2"]).done();
    let shown = show(&export(&site, "second", "second.log"));
    assert_eq!(
        rows(&shown),
        [
            "begin-recovery done",
            "contribute done",
            "contribute done",
            "recover done",
            "endorsement"
        ]
    );
    assert_eq!(shown["domain_id"], domain);
    assert!(shown["under_way"].is_null());
    // Each HSM has its own log, which stays when the HSM is zeroized.
    site.plain("zeroize", "second").done();
    site.init("second");
    let logs = names(&site.path("second"));
    let logs = logs.iter().filter(|name| name.starts_with("ledger-"));
    assert_eq!(logs.count(), 2);
}

#[test]
fn a_log_that_was_cut_or_removed_stops_every_step_but_zeroize() {
    let site = Site::new();
    site.active("hsm", "sealed");
    site.hsm("review", "hsm", &arguments!["--event", "due"])
        .done();
    let demand = |hsm: &str| site.hsm("demand", hsm, &arguments!["full-backup"]);
    demand("hsm").done();
    let log = file(&site, "hsm");
    let name = log.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = fs::read(&log).unwrap();
    let attacks: [(&str, Option<Vec<u8>>); 3] = [
        ("removed", None),
        ("emptied", Some(Vec::new())),
        ("cut", Some(whole[..whole.len() / 2].to_vec())),
    ];
    for (attack, bytes) in attacks {
        let hsm = format!("hsm-{attack}");
        copy_folder(&site.path("hsm"), &site.path(&hsm));
        let log = site.path(&hsm).join(&name);
        match bytes {
            None => fs::remove_file(&log).unwrap(),
            Some(bytes) => fs::write(&log, bytes).unwrap(),
        }
        site.is(&hsm, "active");
        demand(&hsm).refused(&[&format!("{hsm}/{name}: ")]);
        let line = arguments!["--event", "due"];
        site.hsm("review", &hsm, &line).refused(&[&name]);
        site.plain("zeroize", &hsm).done();
        site.init(&hsm);
    }
    demand("hsm").done();
}

#[test]
fn a_changed_record_is_not_exported() {
    let site = Site::new();
    site.active("hsm", "sealed");
    let log = file(&site, "hsm");
    let mut bytes = fs::read(&log).unwrap();
    // In the first entry, after its length, and the length of its record.
    bytes[30] ^= 1;
    fs::write(&log, bytes).unwrap();
    let out = site.path("out.log");
    let line = arguments!["ledger", "export", "--hsm", site.path("hsm"), "--out", out];
    secdom(line).refused(&["ledger-", "the entry of record 0 was changed"]);
    assert!(!out.exists());
}

#[test]
fn half_an_entry_at_the_end_is_replaced() {
    let site = Site::new();
    site.active("hsm", "sealed");
    let log = file(&site, "hsm");
    let before = fs::read(&log).unwrap();
    let demand = || site.hsm("demand", "hsm", &arguments!["full-backup"]).done();
    demand();
    let after = fs::read(&log).unwrap();
    for len in [before.len() + 1, before.len() + 2, before.len() + 100] {
        fs::write(&log, &after[..len]).unwrap();
        site.hsm("review", "hsm", &arguments!["--event", "due"])
            .refused(&["ledger-", "cut or replaced"]);
        fs::write(&log, &after).unwrap();
    }
    // The state does not hold the head of a fact, which is therefore lost with what was torn.
    site.hsm("review", "hsm", &arguments!["--event", "due"])
        .done();
    let whole = fs::read(&log).unwrap();
    fs::write(&log, &whole[..whole.len() - 9]).unwrap();
    site.hsm("review", "hsm", &arguments!["--event", "new-threat"])
        .done();
    let shown = show(&export(&site, "hsm", "log"));
    let rows = rows(&shown);
    assert_eq!(rows[3..], ["demand-approval done", "concern"]);
    assert_eq!(shown["log"][4]["cause"], "new-threat");
}

/// An HSM that the tool made before it kept logs.
#[test]
fn an_hsm_without_a_log_begins_one_and_is_endorsed() {
    let site = Site::new();
    copy_folder(&fixture("hsm-without-a-log"), &site.path("hsm"));
    let status = site.status("hsm");
    assert_eq!(status["state"], "active");
    site.hsm("demand", "hsm", &arguments!["full-backup"]).done();
    let log = export(&site, "hsm", "log");
    let shown = show(&log);
    assert_eq!(rows(&shown), ["endorsement", "demand-approval done"]);
    assert_eq!(shown["domain_id"], status["domain_id"]);
    let domain = status["domain_id"].as_str().unwrap();
    secdom(arguments![
        "ledger",
        "verify",
        log,
        "--expect-domain",
        domain
    ])
    .done();
}
