// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm` on a folder that takes no writes.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use serde_json::Value;

use crate::simulated::{CUSTODIANS, Site};
use crate::{Run, arguments, names, tool};

/// Permissions do not bind the superuser, so his tests run the tool as this user.
const NOBODY: u32 = 65_534;

fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

fn run(line: &[OsString]) -> Run {
    let mut command = tool();
    command.args(line);
    if is_superuser() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Gives everything in the site's folder to whoever runs the tool.
fn give(folder: &Path) {
    if is_superuser() {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => give(&path),
                false => chown(path, Some(NOBODY), Some(NOBODY)).unwrap(),
            }
        }
    }
}

/// Lets nobody write to the HSM's folder and what is in it, or its owner again.
fn set_writable(hsm: &Path, writable: bool) {
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in names(hsm) {
        set(&hsm.join(name), if writable { 0o600 } else { 0o400 });
    }
    set(hsm, if writable { 0o700 } else { 0o500 });
}

fn contents(hsm: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let bytes = fs::read(hsm.join(&name)).unwrap();
        (name, bytes)
    };
    names(hsm).into_iter().map(read).collect()
}

fn activate(site: &Site, hsm: &Path, out: &str) -> Run {
    let mut line = arguments!["hsm", "activate", "--hsm", hsm].to_vec();
    line.extend(arguments![
        "--quorum",
        "2",
        "--sealed",
        site.path(out),
        "--custodians"
    ]);
    line.extend(CUSTODIANS.map(|name| site.path(&format!("{name}.cer")).into()));
    run(&line)
}

#[test]
fn an_active_hsm_shows_its_state_and_backs_up() {
    let site = Site::new();
    site.active("hsm", "first.sealed");
    let shown = site.status("hsm");
    let (hsm, input) = (site.path("hsm"), site.path("signing.bin"));
    give(&site.path(""));
    set_writable(&hsm, false);
    let before = contents(&hsm);

    let status = run(&arguments!["hsm", "status", "--hsm", hsm, "--json"]).done();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&shown["takes_writes"], &status["takes_writes"]),
        (&true.into(), &false.into())
    );
    for member in ["state", "domain_id", "header_digest"] {
        assert_eq!(status[member], shown[member]);
    }
    let text = run(&arguments!["hsm", "status", "--hsm", hsm]).done();
    assert!(text.contains("nothing can be saved"), "{text}");

    let (backup, restored) = (site.path("backup"), site.path("restored"));
    let line = arguments![
        "hsm", "backup", "--hsm", hsm, "--in", input, "--out", backup
    ];
    let made = run(&line);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(
        made.err.contains("begin-backup") && made.err.contains("done"),
        "{made:?}"
    );
    let line = arguments![
        "hsm", "restore", "--hsm", hsm, "--in", backup, "--out", restored
    ];
    assert_eq!(run(&line).code, Some(0));
    assert_eq!(fs::read(restored).unwrap(), fs::read(input).unwrap());

    activate(&site, &hsm, "again.sealed").done();
    let [first, again] = ["first.sealed", "again.sealed"].map(|name| fs::read(site.path(name)));
    assert_eq!(first.unwrap(), again.unwrap());
    let refused = run(&arguments!["hsm", "zeroize", "--hsm", hsm]);
    refused.refused(&["hsm"]);
    assert!(contents(&hsm) == before);

    set_writable(&hsm, true);
    let status = run(&arguments!["hsm", "status", "--hsm", hsm, "--json"]).done();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["state"], &status["takes_writes"]),
        (&"active".into(), &true.into())
    );
}

#[test]
fn what_would_have_to_be_saved_is_refused() {
    let site = Site::new();
    site.init("hsm");
    let hsm = site.path("hsm");
    give(&site.path(""));
    set_writable(&hsm, false);
    let before = contents(&hsm);
    activate(&site, &hsm, "sealed").refused(&[
        "hsm: ",
        "the flash does not take writes, so nothing can be saved",
        "may not be written to",
    ]);
    assert!(!site.path("sealed").exists());
    assert!(contents(&hsm) == before);
    set_writable(&hsm, true);
    activate(&site, &hsm, "sealed").done();
}
