// SPDX-License-Identifier: MIT OR Apache-2.0
//! `hsm demand`, `ask`, `emit` and `drop-demands`, and backups that need approval.

use std::ffi::OsString;
use std::fs;

use crate::simulated::Site;
use crate::{Run, arguments, secdom};

/// An active HSM "first", whose domain three custodians hold.
struct World {
    site: Site,
    domain: String,
}

impl World {
    fn new() -> Self {
        let site = Site::new();
        let domain = site.active("first", "one.sealed");
        Self { site, domain }
    }

    fn hsm(&self, verb: &str, more: &[OsString]) -> Run {
        self.site.hsm(verb, "first", more)
    }

    fn ask(&self, what: &str, act: &str) {
        self.hsm("ask", &arguments![what, "--out", self.site.path(act)])
            .done();
    }

    /// Two custodians approve the act; gives their approvals.
    fn approved(&self, act: &str) -> [OsString; 2] {
        [0, 2].map(|custodian| {
            let out = self.site.path(&format!("{act}-{custodian}"));
            let line: [OsString; 11] = arguments![
                "approve",
                "--sealed",
                self.site.path("one.sealed"),
                "--expect-domain",
                &self.domain,
                "--act",
                self.site.path(act),
                "--key",
                self.site.key(custodian),
                "--out",
                &out
            ];
            let run = secdom(line);
            assert_eq!(run.code, Some(0), "{run:?}");
            out.into()
        })
    }

    fn backup(&self, out: &str, approvals: &[OsString]) -> Run {
        let (file, out) = (self.site.path("signing.bin"), self.site.path(out));
        let mut line = arguments!["--in", file, "--out", out].to_vec();
        if !approvals.is_empty() {
            line.push("--approvals".into());
            line.extend_from_slice(approvals);
        }
        self.hsm("backup", &line)
    }
}

#[test]
fn a_full_backup_waits_for_a_quorum_and_is_written_once() {
    let world = World::new();
    let out = world.hsm("demand", &arguments!["full-backup"]).done();
    assert_eq!(out, "a quorum must approve to write a full backup\n");
    let demands = &world.site.status("first")["demands"];
    assert_eq!(demands, &serde_json::json!(["write a full backup"]));
    let refused = "a quorum must first approve to write a full backup";
    world.backup("full.backup", &[]).refused(&[refused]);

    let none = [world.site.path("one.sealed").into()];
    world
        .backup("full.backup", &none)
        .refused(&["run hsm ask first"]);
    world.ask("full-backup", "act");
    let shown = &world.site.status("first")["act"]["kind"];
    assert_eq!(shown, "write a full backup");
    let approvals = world.approved("act");
    world
        .backup("full.backup", &approvals[..1])
        .refused(&["1 of the 2 custodians who must approve have approved"]);
    world
        .backup("full.backup", &[approvals[0].clone(), approvals[0].clone()])
        .refused(&["has already approved"]);
    assert!(!world.site.path("full.backup").exists());
    world.backup("full.backup", &approvals).done();
    world
        .backup("again.backup", &approvals)
        .refused(&["no act of this HSM waits for approval"]);
    assert!(!world.site.path("again.backup").exists());
    let restored = arguments![
        "--in",
        world.site.path("full.backup"),
        "--out",
        world.site.path("restored")
    ];
    world.hsm("restore", &restored).done();
    let [have, want] =
        ["restored", "signing.bin"].map(|name| fs::read(world.site.path(name)).unwrap());
    assert_eq!(have, want);
}

#[test]
fn the_file_is_emitted_again_and_the_demand_dropped_with_approval_only() {
    let world = World::new();
    world.hsm("demand", &arguments!["emit-release"]).done();
    let again = world.site.path("again.sealed");
    world
        .site
        .activate_to("first", &again, "2")
        .refused(&["a quorum must first approve to emit the release again"]);
    assert!(!again.exists());
    world.ask("emit-release", "act");
    let approvals = world.approved("act");
    // An act of another kind is not approved by it.
    world
        .hsm("drop-demands", &approvals)
        .refused(&["the act that waits for approval is to emit the release again"]);
    let mut line = arguments!["--sealed", &again].to_vec();
    line.extend_from_slice(&approvals);
    world.hsm("emit", &line).done();
    let first = fs::read(world.site.path("one.sealed")).unwrap();
    assert_eq!(fs::read(&again).unwrap(), first);

    world.ask("drop-demands", "drop");
    let approvals = world.approved("drop");
    let out = world.hsm("drop-demands", &approvals).done();
    assert_eq!(out, "no act needs approval\n");
    let third = world.site.path("third.sealed");
    world.site.activate_to("first", &third, "2").done();
}
