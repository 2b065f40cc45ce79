// SPDX-License-Identifier: MIT OR Apache-2.0
//! A step of a simulated HSM is killed at each system call that can change a file: the HSM is then as before
//! or after the step, never damaged, and its outputs are whole or not there.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::OsString;
use std::fs;

use crate::hsm_import::{confirmation, restore_blob};
use crate::killed::{copy_folder, killed_at};
use crate::simulated::Site;
use crate::{arguments, secdom};

/// A step of an HSM that is a copy of the one in folder `from`.
struct Step<'a> {
    verb: &'a str,
    from: &'a str,
    more: Vec<OsString>,
    /// The state of the HSM before the step and after it.
    states: [&'a str; 2],
    /// The file or folder that the step writes.
    out: Option<&'a str>,
}

/// The state of the HSM. While its slots are erased it can have none: it is discarded then.
fn state(site: &Site, hsm: &str, after: &str) -> String {
    let run = site.hsm("status", hsm, &arguments!["--json"]);
    if after == "empty" && run.code == Some(1) {
        run.refused(&[hsm, "no record"]);
        site.plain("discard", hsm).done();
    }
    site.status(hsm)["state"].as_str().unwrap().to_owned()
}

/// Kills the step everywhere. Gives how often the HSM was as before, and as after it.
fn killed_everywhere(site: &Site, step: &Step<'_>) -> [usize; 2] {
    let mut seen = [0, 0];
    let [before, after] = step.states;
    // A key takes long to make, so not every call is struck there.
    let stride = if step.verb.ends_with("-begin") { 3 } else { 1 };
    for point in (0..).step_by(stride) {
        let hsm = "killed";
        copy_folder(&site.path(step.from), &site.path(hsm));
        let mut line = arguments!["hsm", step.verb, "--hsm", site.path(hsm)].to_vec();
        line.extend_from_slice(&step.more);
        let was_killed = killed_at(point, &line, |_| {});
        let out = step.out.map(|out| site.path(out));
        let is_out = out.as_ref().is_none_or(|out| out.exists());
        let state = state(site, hsm, after);
        if before != after {
            let between = before == "empty" && state == "recovering";
            assert!(
                state == before || state == after || between,
                "{point}: {state}"
            );
        }
        let is_done = state == after && is_out;
        seen[usize::from(is_done)] += 1;
        if !is_done {
            assert!(was_killed, "{}: {state}", step.verb);
            if state != before {
                // Its session began and is of no use: what it wrote is lost, or it has no quorum yet.
                assert_eq!(before, "empty", "{}", step.verb);
                site.plain("recover-cancel", hsm).done();
            }
            if let Some(out) = out.as_ref().filter(|out| out.exists()) {
                // Its session never began, or was cancelled just now.
                assert_eq!(before, "empty", "{}", step.verb);
                fs::remove_file(out).unwrap();
            }
            secdom(&line).done();
            site.is(hsm, after);
        }
        match &out {
            Some(out) if out.is_dir() => fs::remove_dir_all(out).unwrap(),
            Some(out) => {
                assert!(!fs::read(out).unwrap().is_empty());
                fs::remove_file(out).unwrap();
            }
            None => {}
        }
        fs::remove_dir_all(site.path(hsm)).unwrap();
        if !was_killed {
            break;
        }
    }
    seen
}

/// A step that needs no more than the HSM, or that its user can repeat as it is.
fn step<'a>(verb: &'a str, from: &'a str, more: &[OsString], states: [&'a str; 2]) -> Step<'a> {
    Step {
        verb,
        from,
        more: more.to_vec(),
        states,
        out: None,
    }
}

#[track_caller]
fn is_done_or_not(site: &Site, step: &Step<'_>) {
    let seen = killed_everywhere(site, step);
    assert!(seen[0] > 3 && seen[1] > 0, "{}: {seen:?}", step.verb);
}

#[test]
fn no_step_of_a_recovery_is_half_done_wherever_it_is_killed() {
    let site = Site::new();
    let domain = site.active("lost", "domain.sealed");
    site.plain("zeroize", "lost").done();
    let sealed = arguments![
        "--sealed",
        site.path("domain.sealed"),
        "--expect-domain",
        &domain
    ];
    let request = arguments!["--request", site.path("request")];
    is_done_or_not(
        &site,
        &Step {
            out: Some("request"),
            ..step(
                "recover-begin",
                "lost",
                &[&sealed[..], &request].concat(),
                ["empty", "recovering"],
            )
        },
    );

    let digest = site.recovering("lost", "domain.sealed", &domain, "request");
    for (custodian, out) in [(0, "c0"), (2, "c2")] {
        let request = ("request", &*digest);
        site.contribute(custodian, "domain.sealed", &domain, request, out);
    }
    let both = arguments![site.path("c0"), site.path("c2")];
    is_done_or_not(
        &site,
        &step("recover-add", "lost", &both, ["recovering", "active"]),
    );
    is_done_or_not(
        &site,
        &step("recover-cancel", "lost", &[], ["recovering", "empty"]),
    );

    site.plain("recover-cancel", "lost").done();
    let keys = [0, 1].map(|custodian| site.key(custodian).into());
    let keys = [&sealed[..], &arguments!["--keys"], &keys].concat();
    is_done_or_not(&site, &step("recover", "lost", &keys, ["empty", "active"]));
}

#[test]
fn no_step_of_an_import_is_half_done_wherever_it_is_killed() {
    let site = Site::new();
    site.init("hsm");
    site.plain("zeroize", "hsm").done();
    let tags = arguments![
        "--sd-exchange-key",
        site.path("t.pem"),
        "--expect-tag",
        "first",
        "second"
    ];
    is_done_or_not(
        &site,
        &Step {
            out: Some("t.pem"),
            ..step("import-begin", "hsm", &tags, ["empty", "importing"])
        },
    );

    site.import_begin("hsm", "transfer.pem", &["first", "second"])
        .done();
    restore_blob(&site, "transfer.pem", ["first", "second"], "blob").done();
    let blob = arguments!["--sd-file", site.path("blob")];
    is_done_or_not(
        &site,
        &step("import", "hsm", &blob, ["importing", "imported"]),
    );

    site.import("hsm", "blob").done();
    let domain = site.status("hsm")["domain_id"].as_str().unwrap().to_owned();
    let known = confirmation(&domain);
    is_done_or_not(
        &site,
        &step("import-confirm", "hsm", &known, ["imported", "active"]),
    );
}

#[test]
fn no_end_and_no_backup_is_half_done_wherever_it_is_killed() {
    let site = Site::new();
    site.active("hsm", "domain.sealed");
    is_done_or_not(&site, &step("zeroize", "hsm", &[], ["active", "empty"]));

    let files = |from: &str, to: &str| arguments!["--in", site.path(from), "--out", site.path(to)];
    site.backup("hsm", "signing.bin", "kept", &[]).done();
    for (verb, from, out) in [
        ("backup", "signing.bin", "backup"),
        ("restore", "kept", "restored"),
    ] {
        is_done_or_not(
            &site,
            &Step {
                out: Some(out),
                ..step(verb, "hsm", &files(from, out), ["active", "active"])
            },
        );
    }
}
