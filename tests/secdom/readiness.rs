// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `secdom readiness` says, and its page.

use std::ffi::OsString;
use std::fs;

use serde_json::Value;

use crate::simulated::Site;
use crate::{Run, arguments, findings, secdom, vector};

/// An HSM with a domain, a backup of it, and its status.
fn ready() -> (Site, String) {
    let site = Site::new();
    let id = site.active("hsm-1", "domain.sealed");
    let data = site.folder.write("data.bin", vec![7; 70_000]);
    let backup = site.path("full.backup");
    let line = arguments!["--in", data, "--out", backup];
    site.hsm("backup", "hsm-1", &line).done();
    status(&site, "hsm-1");
    (site, id)
}

/// Writes the status of an HSM to a file of its name.
fn status(site: &Site, hsm: &str) {
    let status = site.status(hsm).to_string();
    site.folder.write(&format!("{hsm}.json"), status);
}

fn readiness(site: &Site, id: &str, sealed: &str, backup: &str, hsm: &str) -> Run {
    let mut line = line(site, id, sealed);
    line.extend(arguments![
        "--backup",
        site.path(backup),
        "--status",
        site.path(&format!("{hsm}.json")),
        "--json"
    ]);
    secdom(line)
}

fn line(site: &Site, id: &str, sealed: &str) -> Vec<OsString> {
    let sealed = site.path(sealed);
    arguments!["readiness", "--sealed", sealed, "--expect-domain", id].to_vec()
}

/// The codes that refuse, each with what it is about.
fn refused(run: &Run) -> Vec<String> {
    let grave = findings(&run.out).into_iter();
    let grave = grave.filter(|[severity, ..]| severity == "refuse");
    let grave: Vec<_> = grave
        .map(|[_, code, about]| format!("{about} {code}"))
        .collect();
    assert_eq!(run.code, Some(i32::from(!grave.is_empty())), "{run:?}");
    assert_eq!(run.err.is_empty(), grave.is_empty(), "{run:?}");
    grave
}

#[test]
fn a_domain_with_backup_and_hsm_is_ready() {
    let (site, id) = ready();
    let run = readiness(&site, &id, "domain.sealed", "full.backup", "hsm-1");
    assert_eq!(refused(&run), [""; 0]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    for (part, member, expected) in [
        ("result", "result", "warn".into()),
        ("result", "quorum", "2 of 3".into()),
        ("result", "can_contribute", 3.into()),
        ("result", "can_be_lost", 1.into()),
        ("domain", "domain_id", Value::from(id.as_str())),
        ("domain", "epoch", 1.into()),
        ("domain", "suite", 1.into()),
        (
            "domain",
            "module",
            "\"secdom\", opened by every version".into(),
        ),
        ("backup", "kind", "full".into()),
        ("backup", "size", 70_000.into()),
        ("hsm", "hsm", "has the domain".into()),
        ("hsm", "epoch", 1.into()),
    ] {
        assert_eq!(report[part][member], expected, "{part} {member} {report}");
    }
    assert_eq!(
        report["artifacts"],
        serde_json::json!([{ "tag": "signing", "bytes": 33 }, { "tag": "a/b", "bytes": 0 }])
    );
    // An HSM that is empty can recover it.
    site.plain("zeroize", "hsm-1").done();
    status(&site, "hsm-1");
    let run = readiness(&site, &id, "domain.sealed", "full.backup", "hsm-1");
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["hsm"]["hsm"], "can begin a recovery");
    assert_eq!(refused(&run), [""; 0]);
    // Without a backup no key comes back.
    let text = secdom(line(&site, &id, "domain.sealed")).done();
    assert!(text.contains("note  no-backup  backup  "), "{text}");
}

#[test]
fn what_would_stop_a_recovery_is_named() {
    let (site, id) = ready();
    let other = site.active("hsm-2", "other.sealed");
    status(&site, "hsm-2");
    let run = readiness(&site, &id, "domain.sealed", "full.backup", "hsm-2");
    assert_eq!(refused(&run), ["HSM not-empty"]);
    let run = readiness(&site, &other, "other.sealed", "full.backup", "hsm-2");
    assert_eq!(refused(&run), ["backup other-domain"]);

    let cut = fs::read(site.path("full.backup")).unwrap();
    site.folder.write("cut.backup", &cut[..cut.len() - 1]);
    let run = readiness(&site, &id, "domain.sealed", "cut.backup", "hsm-1");
    assert_eq!(refused(&run), ["backup incomplete"]);

    let mut status = site.status("hsm-1");
    status["module_version"] = 0.into();
    status["takes_writes"] = false.into();
    status["header_digest"] = "00".repeat(32).into();
    status["epoch"] = 2.into();
    site.folder.write("strange.json", status.to_string());
    let run = readiness(&site, &id, "domain.sealed", "full.backup", "strange");
    assert_eq!(refused(&run), ["HSM superseded", "HSM takes-no-writes"]);

    status["header_digest"] = "00".into();
    site.folder.write("strange.json", status.to_string());
    readiness(&site, &id, "domain.sealed", "full.backup", "strange")
        .refused(&["strange.json", "header_digest"]);
    site.folder.write("strange.json", "{}");
    readiness(&site, &id, "domain.sealed", "full.backup", "strange").refused(&[
        "strange.json",
        "status of an HSM",
        "state",
    ]);
    let backup = site.path("domain.sealed");
    let mut line = line(&site, &id, "domain.sealed");
    line.extend(arguments!["--backup", backup]);
    secdom(line).refused(&["domain.sealed", "sealed domain"]);
}

#[test]
fn a_file_for_newer_modules_needs_one() {
    let site = Site::new();
    site.init("hsm-1");
    let sealed = site.path("domain.sealed");
    let mut activation = site.activation(&sealed, "2");
    activation.extend(arguments!["--min-module-version", "1"]);
    site.hsm("activate", "hsm-1", &activation).done();
    let mut status = site.status("hsm-1");
    let id = status["domain_id"].as_str().unwrap().to_owned();
    let mut refused_by = |version: u32| {
        status["module_version"] = version.into();
        let path = site.folder.write("old.json", status.to_string());
        let mut line = line(&site, &id, "domain.sealed");
        line.extend(arguments!["--status", path, "--json"]);
        refused(&secdom(line))
    };
    assert_eq!(refused_by(0), ["HSM module-too-old"]);
    assert_eq!(refused_by(1), [""; 0]);
}

#[test]
fn a_pending_file_is_not_ready() {
    let (site, id) = ready();
    let (pending, request) = (site.path("pending.sealed"), site.path("request"));
    let mut line = arguments![
        "rotate",
        "propose",
        "--hsm",
        site.path("hsm-1"),
        "--sealed",
        pending,
        "--request",
        request,
        "--quorum",
        "2",
        "--custodians"
    ]
    .to_vec();
    line.extend(crate::simulated::CUSTODIANS.map(|name| site.path(&format!("{name}.cer")).into()));
    assert_eq!(secdom(line).code, Some(0));
    let run = readiness(&site, &id, "pending.sealed", "full.backup", "hsm-1");
    assert_eq!(refused(&run)[0], "file pending");
}

#[test]
fn a_page_is_written_and_holds_what_is_printed() {
    let (site, id) = ready();
    let page = site.path("page.html");
    let mut line = line(&site, &id, "domain.sealed");
    line.extend(arguments!["--html", page]);
    let text = secdom(line.clone()).done();
    let html = fs::read_to_string(&page).unwrap();
    assert!(
        html.contains("default-src 'none'; style-src 'sha256-"),
        "{html}"
    );
    assert!(!html.contains("<script"), "{html}");
    for line in text.lines() {
        for part in line[16..].split("  ") {
            let part = part.replace('"', "&quot;");
            let bare = part.trim_matches(|c| "&quot;".contains(c));
            assert!(
                html.contains(&part) || html.contains(bare),
                "{part} is not in {html}"
            );
        }
    }
    // It is not overwritten.
    secdom(line).refused(&["page.html", "already exists"]);
}

#[test]
fn a_managed_hsm_file_has_a_page_too() {
    let file = vector("valid/v01-2of3-2048/sd.json");
    let out = secdom(arguments!["readiness", "--sd-file", file, "--json"]).done();
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        report["domain"]["format"],
        "Managed HSM security domain, version 2"
    );
    assert_eq!(report["custodians"].as_array().unwrap().len(), 3);
    let refused = secdom(arguments!["readiness", "--sd-file", file, "--backup", "b"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}
