// SPDX-License-Identifier: MIT OR Apache-2.0
//! A step, a fact and an export of a log are killed at each system call that can change a file: the
//! log goes on, and the export is whole or not there.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::killed::{copy_folder, killed_at};
use crate::killed_outputs::finishes;
use crate::ledger::{export, rows, show};
use crate::simulated::Site;
use crate::{arguments, secdom};

/// Kills a step of the HSM "hsm" everywhere and then records a fact. Gives what was seen of the
/// step before and after that.
fn seen(site: &Site, verb: &str, more: &[std::ffi::OsString], before: usize) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for point in 0.. {
        copy_folder(&site.path("hsm"), &site.path("killed"));
        let line = arguments!["hsm", verb, "--hsm", site.path("killed")];
        let was_killed = killed_at(point, &[&line[..], more].concat(), |_| {});
        site.hsm("review", "killed", &arguments!["--event", "due"])
            .done();
        let log = export(site, "killed", "log");
        let shown = rows(&show(&log));
        seen.insert(shown[before..].join(", "));
        fs::remove_file(log).unwrap();
        fs::remove_dir_all(site.path("killed")).unwrap();
        let out = site.path("out.sealed");
        if out.exists() {
            fs::remove_file(out).unwrap();
        }
        if !was_killed {
            break;
        }
    }
    seen
}

#[test]
fn a_step_has_an_outcome_wherever_it_is_killed() {
    let site = Site::new();
    site.active("hsm", "sealed");
    let seen = seen(&site, "demand", &arguments!["full-backup"], 3);
    let all = [
        "concern",
        "demand-approval done, concern",
        "demand-approval not known, concern",
    ];
    assert_eq!(Vec::from_iter(&seen), all);
}

#[test]
fn an_hsm_is_endorsed_wherever_its_activation_is_killed() {
    let site = Site::new();
    site.init("hsm");
    let activation = site.activation(&site.path("out.sealed"), "2");
    for point in (0..).step_by(3) {
        copy_folder(&site.path("hsm"), &site.path("killed"));
        let line = arguments!["hsm", "activate", "--hsm", site.path("killed")];
        let line = [&line[..], &activation].concat();
        let was_killed = killed_at(point, &line, |_| {});
        if site.status("killed")["state"] == "active" {
            let log = export(&site, "killed", "log");
            let shown = show(&log);
            let header = &site.status("killed")["header_digest"];
            assert_eq!(&shown["present"]["header_digest"], header, "{point}");
            assert_eq!(rows(&shown).last().unwrap(), "endorsement", "{point}");
            fs::remove_file(log).unwrap();
        }
        fs::remove_dir_all(site.path("killed")).unwrap();
        let _ = fs::remove_file(site.path("out.sealed"));
        if !was_killed {
            break;
        }
    }
}

#[test]
fn an_export_is_whole_or_not_there_wherever_it_is_killed() {
    let site = Site::new();
    site.active("hsm", "sealed");
    let out = site.path("out.log");
    let line = arguments!["ledger", "export", "--hsm", site.path("hsm"), "--out", out];
    let is_whole = |out: &Path| secdom(arguments!["ledger", "verify", out]).code == Some(0);
    for has_links in [true, false] {
        finishes(&site.folder, &line, &[&out], is_whole, has_links);
    }
}
