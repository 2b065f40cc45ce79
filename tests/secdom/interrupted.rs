// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals during a verb.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use crate::media::on_exfat;
use crate::simulated::Site;
use crate::{Folder, arguments, fixture, names, tool, vector};

/// Waits until `reached` is true.
pub fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_signal_leaves_no_decrypted_data() {
    let site = Site::new();
    site.active("hsm-1", "domain.sealed");
    let large = site.folder.write("large.bin", vec![7; 300_000]);
    let backup = site.path("large.backup");
    site.hsm(
        "backup",
        "hsm-1",
        &arguments!["--in", large, "--out", backup],
    )
    .done();
    let half = fs::read(backup).unwrap()[..200_000].to_vec();
    for (named, which) in [
        (false, Signal::TERM),
        (true, Signal::TERM),
        (true, Signal::INT),
        (true, Signal::HUP),
    ] {
        let (pipe, out) = (site.path("pipe"), site.path("out"));
        fs::create_dir(&out).unwrap();
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
        let mut command = tool();
        command.args(arguments![
            "hsm",
            "restore",
            "--hsm",
            site.path("hsm-1"),
            "--in",
            pipe,
            "--out",
            out.join("restored")
        ]);
        if named {
            on_exfat(&mut command);
        }
        let mut child = command.spawn().unwrap();
        let mut writer = File::options().write(true).open(&pipe).unwrap();
        writer.write_all(&half).unwrap();
        if named {
            let length = |name: &String| fs::metadata(out.join(name)).map_or(0, |of| of.len());
            wait_for("decrypted data", || {
                names(&out).iter().map(length).sum::<u64>() > 65_536
            });
        } else {
            std::thread::sleep(Duration::from_millis(200));
        }
        signal(&child, which);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(which.as_raw()), "{status}");
        assert!(names(&out).is_empty(), "{:?}", names(&out));
        fs::remove_dir(out).unwrap();
        fs::remove_file(pipe).unwrap();
    }
}

#[test]
fn what_a_killed_process_left_is_swept_away() {
    let folder = Folder::new();
    let old = std::time::SystemTime::now() - Duration::from_secs(3600);
    let leave = |name: &str| {
        let file = File::create(folder.join(name)).unwrap();
        file.set_modified(old).unwrap();
        file
    };
    leave(".secdom-0123456789abcdef.tmp");
    let in_use = leave(".secdom-0123456789abcde0.tmp");
    in_use.lock().unwrap();
    leave(".secdom-notes.tmp");
    folder.write(".secdom-0123456789abcde1.tmp", "new");
    crate::sealed(&folder);
    let hidden = folder.names();
    let hidden: Vec<_> = hidden.iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(
        hidden,
        [
            ".secdom-0123456789abcde0.tmp",
            ".secdom-0123456789abcde1.tmp",
            ".secdom-notes.tmp"
        ]
    );
}

#[test]
fn an_interrupted_prompt_leaves_a_terminal_that_shows_what_is_typed() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let slave = ptsname(&master, Vec::new()).unwrap();
    let open = || rustix::fs::open(&slave, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let terminal: OwnedFd = open();
    let echoes = || {
        tcgetattr(terminal.as_fd())
            .unwrap()
            .local_modes
            .contains(LocalModes::ECHO)
    };
    let folder = Folder::new();
    let encrypted = folder.custodian("s2048_0", "ada");
    fs::copy(fixture("pbes2-aes256-sha256.key"), &encrypted).unwrap();
    let mut command = tool();
    command
        .args(arguments![
            "drill",
            "--sd-file",
            vector("valid/v01-2of3-2048/sd.json"),
            "--sd-wrapping-keys",
            encrypted
        ])
        .stdin(open())
        .stdout(open())
        .stderr(open());
    let control = open();
    // SAFETY: the closure makes system calls alone.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(&control)?;
            Ok(())
        });
    }
    assert!(echoes());
    let mut child = command.spawn().unwrap();
    wait_for("a prompt", || !echoes());
    let mut master = File::from(master);
    let mut shown = [0; 256];
    let read = master.read(&mut shown).unwrap();
    let shown = String::from_utf8_lossy(&shown[..read]).into_owned();
    assert!(shown.contains("Password of "), "{shown}");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
    assert!(echoes());
}
