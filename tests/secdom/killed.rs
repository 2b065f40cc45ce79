// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tool is killed at each system call that can change a file, and run again.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::OsString;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use security_domain::sealed_domain::SealedDomain;

use crate::simulated::{CUSTODIANS, Site};
use crate::{arguments, remove_folder, secdom, tool};

/// The system calls that open, change, name or flush a file.
const CHANGES: &[libc::c_long] = &[
    libc::SYS_openat,
    libc::SYS_write,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_linkat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_flock,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
];

/// Runs the tool as `prepare` makes it ready, and kills it when it is about to make call `point` of those,
/// from 0. Returns whether it was killed, or ended before.
#[expect(clippy::zombie_processes, reason = "`waitpid` waits for it")]
pub fn killed_at(point: usize, line: &[OsString], prepare: fn(&mut Command)) -> bool {
    let mut command = tool();
    prepare(&mut command);
    command
        .args(line)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // SAFETY: the closure makes one system call.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    let child = command.spawn().unwrap();
    let pid = child.id() as libc::pid_t;
    let ptrace = |request: libc::c_uint, address: usize, data: *mut libc::c_void| {
        // SAFETY: the process is this thread's and is stopped; `data` is a number, or room for the answer.
        let done = unsafe { libc::ptrace(request, pid, address, data) };
        assert!(done >= 0, "{}", io::Error::last_os_error());
    };
    let wait = || {
        let mut status = 0;
        // SAFETY: `status` is there to be written.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        status
    };
    assert!(libc::WIFSTOPPED(wait()), "it stops before it begins");
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
    ptrace(libc::PTRACE_SETOPTIONS, 0, options as usize as *mut _);
    let (mut calls, mut pass_on) = (0, 0);
    loop {
        ptrace(libc::PTRACE_SYSCALL, 0, pass_on as usize as *mut _);
        let status = wait();
        if !libc::WIFSTOPPED(status) {
            return false;
        }
        pass_on = libc::WSTOPSIG(status);
        if pass_on != libc::SIGTRAP | 0x80 {
            continue;
        }
        pass_on = 0;
        let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
        let size = size_of::<libc::ptrace_syscall_info>();
        ptrace(
            libc::PTRACE_GET_SYSCALL_INFO,
            size,
            info.as_mut_ptr().cast(),
        );
        // SAFETY: all zeros are a value of it, and the kernel has filled it in.
        let info = unsafe { info.assume_init() };
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            continue;
        }
        // SAFETY: the entry to a call has a number.
        let number = unsafe { info.u.entry.nr };
        if !CHANGES.iter().any(|change| *change as u64 == number) {
            continue;
        }
        if calls == point {
            // SAFETY: the process is this one's child.
            assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
            assert!(libc::WIFSIGNALED(wait()));
            return true;
        }
        calls += 1;
    }
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Kills the activation of the HSM in folder `from` everywhere. Afterwards the HSM is as before, or active;
/// the same command finishes it, and the file is there, whole, and the HSM's.
fn finishes_wherever_it_is_killed(site: &Site, from: &str) {
    let mut seen = [0, 0];
    for point in 0.. {
        let (hsm, out) = (format!("{from}-{point}"), site.path("out.sealed"));
        copy_folder(&site.path(from), &site.path(&hsm));
        let mut line = arguments![
            "hsm",
            "activate",
            "--hsm",
            site.path(&hsm),
            "--sealed",
            &out,
            "--quorum",
            "2",
            "--custodians"
        ]
        .to_vec();
        line.extend(CUSTODIANS.map(|name| site.path(&format!("{name}.cer")).into()));
        let was_killed = killed_at(point, &line, |_| {});
        let whole = |bytes: &[u8]| {
            let sealed = SealedDomain::parse(bytes).unwrap();
            assert!(!sealed.is_pending(), "{point}");
            sealed.header().digest().to_string()
        };
        // On exFAT the name is taken with an empty file first.
        let before = fs::read(&out).ok().filter(|file| !file.is_empty());
        let status = site.status(&hsm);
        match &before {
            Some(file) => assert_eq!(status["header_digest"], *whole(file), "{point}"),
            None => {
                seen[usize::from(status["sealed"] == true)] += 1;
                secdom(&line).done();
            }
        }
        let file = fs::read(&out).unwrap();
        let status = site.status(&hsm);
        assert_eq!(status["state"], "active", "{point}");
        assert_eq!(status["header_digest"], *whole(&file), "{point}");
        assert!(fs::read(site.path(&hsm).join("sealed")).unwrap() == file);
        fs::remove_file(&out).unwrap();
        remove_folder(&site.path(&hsm));
        if !was_killed {
            assert!(before.is_some());
            break;
        }
    }
    assert!(seen[0] > 20 && seen[1] > 10, "{seen:?}");
}

#[test]
fn an_activation_is_finished_wherever_it_is_killed() {
    let site = Site::new();
    site.init("hsm");
    finishes_wherever_it_is_killed(&site, "hsm");
}

#[test]
fn the_sealing_of_an_imported_domain_is_finished_wherever_it_is_killed() {
    let site = Site::new();
    crate::hsm_import::imported(&site);
    finishes_wherever_it_is_killed(&site, "hsm");
}
