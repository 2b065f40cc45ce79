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

use crate::simulated::{CUSTODIANS, Site};
use crate::{Folder, Run, arguments, fixture, key, names, secdom, tool, upload, vector};

/// Makes a process see the errors of exFAT: a filter of its system calls (seccomp).
pub fn on_exfat(command: &mut Command) {
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
    // The numbers of renameat2, linkat, link (which only x86-64 has) and openat.
    let [renameat2, linkat, link, openat] = if cfg!(target_arch = "x86_64") {
        [316, 265, 86, 257]
    } else {
        [276, 37, u32::MAX, 56]
    };
    const LOAD: u16 = 0x20;
    const IF_EQUAL: u16 = 0x15;
    const IF_BITS: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const EINVAL: u32 = 0x5_0016;
    const EPERM: u32 = 0x5_0001;
    const EOPNOTSUPP: u32 = 0x5_005f;
    const TMPFILE: u32 = 0x40_0000;
    const THIRD_ARGUMENT: u32 = 32;
    let filter = [
        Instruction(LOAD, 0, 0, 0),
        Instruction(IF_EQUAL, 5, 0, renameat2),
        Instruction(IF_EQUAL, 5, 0, linkat),
        Instruction(IF_EQUAL, 4, 0, link),
        Instruction(IF_EQUAL, 0, 5, openat),
        Instruction(LOAD, 0, 0, THIRD_ARGUMENT),
        Instruction(IF_BITS, 2, 3, TMPFILE),
        Instruction(RETURN, 0, 0, EINVAL),
        Instruction(RETURN, 0, 0, EPERM),
        Instruction(RETURN, 0, 0, EOPNOTSUPP),
        Instruction(RETURN, 0, 0, ALLOW),
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

fn stick(arguments: impl IntoIterator<Item = OsString>) -> Run {
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
    stick(arguments![
        "init-recovery",
        "--bits",
        "2048",
        "--sd-exchange-key",
        pem,
        "--transfer-key",
        transfer,
    ])
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
fn an_hsm_can_be_on_a_medium_without_links() {
    let site = Site::new();
    let hsm = site.path("stick");
    let artifact = format!("signing={}", site.path("signing.bin").display());
    stick(arguments![
        "hsm",
        "init",
        "--hsm",
        hsm,
        "--artifact",
        artifact
    ])
    .done();
    let sealed = site.path("stick.sealed");
    let line = arguments![
        "hsm",
        "activate",
        "--hsm",
        hsm,
        "--quorum",
        "2",
        "--sealed",
        sealed,
        "--custodians"
    ];
    let custodians = CUSTODIANS.map(|name| site.path(&format!("{name}.cer")).into());
    stick(line.into_iter().chain(custodians)).done();
    let (file, backup) = (site.path("signing.bin"), site.path("keys.backup"));
    stick(arguments![
        "hsm", "backup", "--hsm", hsm, "--in", file, "--out", backup
    ])
    .done();
    let back = site.path("back.bin");
    stick(arguments![
        "hsm", "restore", "--hsm", hsm, "--in", backup, "--out", back
    ])
    .done();
    assert_eq!(fs::read(back).unwrap(), fs::read(file).unwrap());
    assert!(
        !site
            .folder
            .names()
            .iter()
            .any(|name| name.contains(".secdom-"))
    );
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
