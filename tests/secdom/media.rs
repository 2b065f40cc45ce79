// SPDX-License-Identifier: MIT OR Apache-2.0
//! Outputs on a medium that can neither rename without replacing nor link, such as FAT and exFAT, and in
//! folders that cannot be written to.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::simulated::Site;
use crate::{Folder, Run, arguments, fixture, key, names, secdom, tool, upload, vector};

/// Makes a process see the errors of exFAT.
pub fn on_exfat(command: &mut Command) {
    filtered(command, ALLOW);
}

const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;

/// Makes a process see the errors of exFAT by a filter of its system calls (seccomp), and what comes of a
/// plain rename.
fn filtered(command: &mut Command, renaming: u32) {
    #[repr(C)]
    struct Instruction(u16, u8, u8, u32);
    #[repr(C)]
    struct Program {
        len: u16,
        instructions: *const Instruction,
    }
    unsafe extern "C" {
        fn prctl(option: i32, ...) -> i32;
    }
    // The numbers of renameat2, linkat, link and rename (which only x86-64 has), openat, renameat
    // and fsync, which some of these file systems lack, too.
    let [renameat2, linkat, link, rename, openat, renameat, fsync] = if cfg!(target_arch = "x86_64")
    {
        [316, 265, 86, 82, 257, 264, 74]
    } else {
        [276, 37, u32::MAX, u32::MAX, 56, 38, 82]
    };
    const LOAD: u16 = 0x20;
    const IF_EQUAL: u16 = 0x15;
    const IF_BITS: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const EINVAL: u32 = 0x5_0016;
    const EPERM: u32 = 0x5_0001;
    const EOPNOTSUPP: u32 = 0x5_005f;
    const TMPFILE: u32 = 0x40_0000;
    const THIRD_ARGUMENT: u32 = 32;
    let filter = [
        Instruction(LOAD, 0, 0, 0),
        Instruction(IF_EQUAL, 8, 0, renameat2),
        Instruction(IF_EQUAL, 8, 0, linkat),
        Instruction(IF_EQUAL, 7, 0, link),
        Instruction(IF_EQUAL, 9, 0, rename),
        Instruction(IF_EQUAL, 8, 0, renameat),
        Instruction(IF_EQUAL, 3, 0, fsync),
        Instruction(IF_EQUAL, 0, 5, openat),
        Instruction(LOAD, 0, 0, THIRD_ARGUMENT),
        Instruction(IF_BITS, 2, 3, TMPFILE),
        Instruction(RETURN, 0, 0, EINVAL),
        Instruction(RETURN, 0, 0, EPERM),
        Instruction(RETURN, 0, 0, EOPNOTSUPP),
        Instruction(RETURN, 0, 0, ALLOW),
        Instruction(RETURN, 0, 0, renaming),
    ];
    let install = move || {
        let program = Program {
            len: filter.len() as u16,
            instructions: filter.as_ptr(),
        };
        const NO_NEW_PRIVS: i32 = 38;
        const SECCOMP: i32 = 22;
        const MODE_FILTER: usize = 2;
        // SAFETY: prctl reads its arguments and the program, which outlives the call.
        let done = unsafe {
            prctl(NO_NEW_PRIVS, 1usize, 0usize, 0usize, 0usize) == 0
                && prctl(SECCOMP, MODE_FILTER, &raw const program) == 0
        };
        if done {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    };
    // SAFETY: the closure makes system calls alone.
    unsafe { command.pre_exec(install) };
}

fn stick(arguments: Vec<OsString>) -> Run {
    let mut command = tool();
    on_exfat(&mut command);
    let output = command.args(arguments).output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn restore_blob(key: &Path, out: &Path) -> Vec<OsString> {
    let keys = [key, &crate::key("s2048_1")];
    crate::restore_blob(&vector("valid/v01-2of3-2048/sd.json"), out, keys)
}

#[test]
fn every_output_can_be_on_a_medium_without_links() {
    let folder = Folder::new();
    let (blob, out) = (folder.join("restore.json"), folder.join("artifacts"));
    let (pem, transfer) = (folder.join("t.pem"), folder.join("t.key"));
    stick(restore_blob(&key("s2048_0"), &blob)).done();
    stick(upload(&blob, &out)).done();
    stick(
        arguments![
            "init-recovery",
            "--bits",
            "2048",
            "--sd-exchange-key",
            pem,
            "--transfer-key",
            transfer,
        ]
        .to_vec(),
    )
    .done();
    assert_eq!(names(&out).len(), 3);
    assert_eq!(
        folder.names(),
        ["artifacts", "restore.json", "t.key", "t.pem"]
    );
    assert_eq!(secdom(arguments!["inspect", blob]).code, Some(0));
    assert_eq!(secdom(arguments!["inspect", pem]).code, Some(0));
}

#[test]
fn an_hsm_and_its_sessions_can_be_on_a_medium_without_links() {
    let site = Site::run_by(stick);
    let id = site.active("hsm-1", "domain.sealed");
    site.has_the_secrets("hsm-1");
    site.backup("hsm-1", "signing.bin", "backup", &[]).done();
    let digest = site.recovering("hsm-2", "domain.sealed", &id, "request");
    for (custodian, out) in [(0, "ada"), (1, "bob")] {
        site.contribute(custodian, "domain.sealed", &id, ("request", &digest), out);
    }
    site.add("hsm-2", &["ada", "bob"]).done();
    site.has_the_secrets("hsm-2");
    site.restore("hsm-2", "backup", "back").done();
    let read = |name| fs::read(site.path(name)).unwrap();
    assert_eq!(read("back"), read("signing.bin"));
    site.plain("zeroize", "hsm-2").done();
    site.recover("hsm-2", "domain.sealed", &id, &[1, 2]).done();
    site.plain("discard", "hsm-2").done();
    site.is("hsm-2", "empty");

    site.import_begin("hsm-3", "transfer.pem", &["first", "second"])
        .done();
    crate::hsm_import::restore_blob(&site, "transfer.pem", ["first", "second"], "blob").done();
    site.import("hsm-3", "blob").done();
    site.plain("recover-cancel", "hsm-3").done();
    site.is("hsm-3", "empty");
    let mut names = site.folder.names().into_iter();
    assert!(!names.any(|name| name.contains(".secdom-")));
}

/// Runs a verb that is killed after it has taken the name of its output and before it renames to it.
fn killed(arguments: impl IntoIterator<Item = OsString>) {
    let mut command = tool();
    filtered(&mut command, KILL);
    let output = command.args(arguments).output().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!(
        signal,
        Some(rustix::process::Signal::SYS.as_raw()),
        "{output:?}"
    );
}

#[test]
fn what_was_killed_there_is_finished_by_another_run() {
    let folder = Folder::new();
    let (blob, out) = (folder.join("restore.json"), folder.join("artifacts"));
    killed(restore_blob(&key("s2048_0"), &blob));
    assert_eq!(fs::metadata(&blob).unwrap().len(), 0);
    assert_eq!(folder.names().len(), 2);
    stick(restore_blob(&key("s2048_0"), &blob)).done();
    assert_eq!(folder.names(), ["restore.json"]);
    killed(upload(&blob, &out));
    assert!(names(&out).is_empty());
    stick(upload(&blob, &out)).done();
    assert_eq!(folder.names(), ["artifacts", "restore.json"]);
    assert_eq!(names(&out).len(), 3);

    let site = Site::new();
    let (hsm, artifact) = (site.path("hsm"), site.path("signing.bin"));
    let artifact = format!("one={}", artifact.display());
    let init = arguments!["hsm", "init", "--hsm", hsm, "--artifact", artifact];
    killed(init.clone());
    stick(init.to_vec()).done();
    site.is("hsm", "provisioned");
}

#[test]
fn an_empty_file_of_somebody_else_stays() {
    use std::io::Write;
    let folder = Folder::new();
    let blob = folder.join("restore.json");
    let line = || restore_blob(&key("s2048_0"), &blob);
    // Nothing says that it is ours.
    folder.write("restore.json", "");
    stick(line()).refused(&["already exists"]);
    fs::remove_file(&blob).unwrap();
    killed(line());
    let hidden = folder.names()[0].clone();
    // A process that works on it.
    let other = fs::File::open(folder.join(&hidden)).unwrap();
    other.lock().unwrap();
    stick(line()).refused(&["already exists"]);
    drop(other);
    // Another output is not affected.
    stick(restore_blob(&key("s2048_0"), &folder.join("other"))).done();
    assert_eq!(folder.names(), [&hidden, "other", "restore.json"]);
    // It was written to since.
    fs::File::options()
        .append(true)
        .open(&blob)
        .unwrap()
        .write_all(b"x")
        .unwrap();
    stick(line()).refused(&["already exists"]);
    assert_eq!(fs::read(&blob).unwrap(), b"x");

    // An old one goes with the next output in the folder.
    let third = folder.join("third");
    killed(restore_blob(&key("s2048_0"), &third));
    let left = folder
        .names()
        .into_iter()
        .find(|name| name.starts_with('.') && *name != hidden);
    let left = fs::File::options()
        .write(true)
        .open(folder.join(left.unwrap()))
        .unwrap();
    left.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600))
        .unwrap();
    drop(left);
    stick(restore_blob(&key("s2048_0"), &folder.join("fourth"))).done();
    assert_eq!(folder.names(), [&hidden, "fourth", "other", "restore.json"]);
}

#[test]
fn nothing_is_overwritten_there_either() {
    let folder = Folder::new();
    let there = folder.write("there", "keep");
    stick(restore_blob(&key("s2048_0"), &there)).refused(&["already exists"]);
    assert_eq!(fs::read(&there).unwrap(), b"keep");

    let out = folder.join("restore.json");
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let run = || stick(restore_blob(&key("s2048_0"), &out));
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(run)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    });
    let done = runs.iter().filter(|run| run.code == Some(0)).count();
    assert_eq!(done, 1, "{runs:?}");
    assert_eq!(folder.names(), ["restore.json", "there"]);
}

#[test]
fn the_folder_is_looked_at_before_a_password_is_asked_for() {
    let folder = Folder::new();
    let encrypted = folder.custodian("s2048_0", "ada");
    fs::copy(fixture("pbes2-aes256-sha256.key"), &encrypted).unwrap();
    let file = folder.write("file", "");
    for (out, why) in [
        (folder.join("none/r.json"), "none does not exist"),
        (file.join("r.json"), "file is not a folder"),
    ] {
        // No password is given, so the key would be refused if it were opened first.
        let refused = secdom(restore_blob(&encrypted, &out)).refused(&["the folder", why]);
        assert!(!refused.contains("ada.key"), "{refused}");
    }
}
