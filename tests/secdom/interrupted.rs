// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals during a verb.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
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

/// A terminal.
pub struct Terminal {
    pub master: File,
    slave: CString,
}

impl Terminal {
    pub fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = ptsname(&master, Vec::new()).unwrap();
        Self {
            master: master.into(),
            slave,
        }
    }

    pub fn open(&self) -> OwnedFd {
        rustix::fs::open(&self.slave, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap()
    }

    /// Runs the tool as if somebody sat there.
    pub fn run(&self, line: impl IntoIterator<Item = OsString>) -> Child {
        let control = self.open();
        let mut command = tool();
        command.args(line);
        command
            .stdin(self.open())
            .stdout(self.open())
            .stderr(self.open());
        // SAFETY: the closure makes system calls alone.
        unsafe {
            command.pre_exec(move || {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(&control)?;
                Ok(())
            });
        }
        command.spawn().unwrap()
    }

    /// Waits for the next piece of what is shown, which can be of any length.
    pub fn shown(&mut self) -> String {
        let mut shown = [0; 1024];
        let read = self.master.read(&mut shown).unwrap();
        String::from_utf8_lossy(&shown[..read]).into_owned()
    }

    /// The rest of what is shown, to its end. Nobody may have the terminal open any more.
    pub fn rest(mut self) -> String {
        let mut shown = Vec::new();
        let end = self.master.read_to_end(&mut shown).unwrap_err();
        assert_eq!(end.raw_os_error(), Some(Errno::IO.raw_os_error()));
        String::from_utf8_lossy(&shown).into_owned()
    }
}

/// A drill with the file of a key that is encrypted.
fn drill(key: &Path) -> [OsString; 5] {
    arguments![
        "drill",
        "--sd-file",
        vector("valid/v01-2of3-2048/sd.json"),
        "--sd-wrapping-keys",
        key
    ]
}

/// Returns whether what is typed is shown.
pub fn echoes(terminal: &OwnedFd) -> bool {
    let modes = tcgetattr(terminal.as_fd()).unwrap().local_modes;
    modes.contains(LocalModes::ECHO)
}

#[test]
fn an_interrupted_prompt_leaves_a_terminal_that_shows_what_is_typed() {
    let folder = Folder::new();
    let encrypted = folder.custodian("s2048_0", "ada");
    fs::copy(fixture("pbes2-aes256-sha256.key"), &encrypted).unwrap();
    let mut terminal = Terminal::new();
    let open = terminal.open();
    assert!(echoes(&open));
    let mut child = terminal.run(drill(&encrypted));
    wait_for("a prompt", || !echoes(&open));
    let mut shown = String::new();
    while !shown.contains("Password of ") {
        shown += &terminal.shown();
    }
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
    assert!(echoes(&open));
}

#[test]
fn the_password_of_a_file_with_key_and_certificate_is_asked_for_once() {
    let mut terminal = Terminal::new();
    let open = terminal.open();
    let folder = Folder::new();
    let pfx = folder.join("ada.pfx");
    fs::copy(fixture("pkcs12-aes256.pfx"), &pfx).unwrap();
    let mut child = terminal.run(drill(&pfx));
    wait_for("a prompt", || !echoes(&open));
    terminal.master.write_all(b"correct horse\n").unwrap();
    assert!(child.wait().unwrap().success());
    drop(open);
    let shown = terminal.rest();
    assert_eq!(shown.matches("Password of ").count(), 1, "{shown}");
}

#[test]
fn nothing_is_echoed_once_a_prompt_is_shown() {
    let folder = Folder::new();
    let encrypted = folder.custodian("s2048_0", "ada");
    fs::copy(fixture("pbes2-aes256-sha256.key"), &encrypted).unwrap();
    for _ in 0..20 {
        let mut terminal = Terminal::new();
        let open = terminal.open();
        let mut child = terminal.run(drill(&encrypted));
        let shown = terminal.shown();
        let echoed = echoes(&open);
        assert!(shown.starts_with("Password of "), "{shown}");
        assert!(!echoed, "the echo is on at the prompt");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_wrong_password_is_asked_for_three_times() {
    let folder = Folder::new();
    let pfx = folder.join("ada.pfx");
    fs::copy(fixture("pkcs12-aes256.pfx"), &pfx).unwrap();
    let (wrong, right) = ("wrong", "correct horse");
    for (answers, opens) in [
        ([wrong, wrong, right], true),
        ([wrong, wrong, wrong], false),
    ] {
        let mut terminal = Terminal::new();
        let mut child = terminal.run(drill(&pfx));
        let mut shown = String::new();
        for (number, answer) in answers.iter().enumerate() {
            while shown.matches("Password of ").count() <= number {
                shown += &terminal.shown();
            }
            terminal.master.write_all(answer.as_bytes()).unwrap();
            terminal.master.write_all(b"\n").unwrap();
        }
        assert_eq!(child.wait().unwrap().success(), opens, "{shown}");
        shown += &terminal.rest();
        assert_eq!(shown.matches("Password of ").count(), 3, "{shown}");
        assert!(shown.contains("does not open with the given"), "{shown}");
    }
}
