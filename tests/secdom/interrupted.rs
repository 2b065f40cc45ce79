// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals during a verb, and what memory holds at its end.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use crate::media::on_exfat;
use crate::simulated::Site;
use crate::{Folder, arguments, fixture, key, names, tool, vector};

/// Waits until `reached` is true.
fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
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

/// Runs a verb whose standard output is full, so that the process stops where it is about to end, and returns
/// its writable memory; nothing if it may not be read.
fn memory_at_the_end(line: &[std::ffi::OsString]) -> Option<Vec<u8>> {
    let (reader, writer) = std::io::pipe().unwrap();
    rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    let mut filler = File::from(OwnedFd::from(writer.try_clone().unwrap()));
    while filler.write(&[0; 4096]).is_ok() {}
    while filler.write(&[0]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, OFlags::empty()).unwrap();
    let mut command = tool();
    command
        .env("PLANTED", "a planted copy of a secret")
        .args(line)
        .stdout(writer);
    let mut child = command.spawn().unwrap();
    let proc = format!("/proc/{}", child.id());
    let write = if cfg!(target_arch = "x86_64") {
        "1 0x1 "
    } else {
        "64 0x1 "
    };
    let mut may_read = true;
    wait_for("the end", || {
        match fs::read_to_string(format!("{proc}/syscall")) {
            Ok(call) => call.starts_with(write),
            Err(_) => {
                may_read = false;
                true
            }
        }
    });
    let limits = fs::read_to_string(format!("{proc}/limits"));
    if let Ok(limits) = limits {
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        assert!(core.split_whitespace().rev().nth(1) == Some("0"), "{core}");
    }
    let memory = may_read.then(|| read_memory(&proc));
    child.kill().unwrap();
    child.wait().unwrap();
    drop(reader);
    memory
}

fn read_memory(proc: &str) -> Vec<u8> {
    let maps = fs::read_to_string(format!("{proc}/maps")).unwrap();
    let file = File::open(format!("{proc}/mem")).unwrap();
    let mut memory = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|at| u64::from_str_radix(at, 16).unwrap());
        for page in (start..end).step_by(4096) {
            let mut bytes = [0; 4096];
            if file.read_exact_at(&mut bytes, page).is_ok() {
                memory.extend_from_slice(&bytes);
            }
        }
    }
    memory
}

fn holds(memory: &[u8], secret: &[u8]) -> bool {
    memory.windows(secret.len()).any(|window| window == secret)
}

#[test]
fn at_the_end_of_a_verb_memory_holds_no_secret() {
    let folder = Folder::new();
    let encrypted = folder.custodian("s2048_0", "ada");
    fs::copy(fixture("pbes1-md5-des.key"), &encrypted).unwrap();
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let keys = arguments![
        "--sd-file",
        domain,
        "--sd-wrapping-keys",
        encrypted,
        key("s2048_1"),
        "--password-file",
        folder.write("password", "correct horse"),
        folder.write("none", ""),
    ];
    let restore = arguments![
        "restore-blob",
        "--sd-exchange-key",
        vector("transfer/stransfer2048.pem"),
        "--sd-file-restore-blob",
        folder.join("restore.json"),
    ];
    let case = fs::read(vector("valid/v01-2of3-2048/case.json")).unwrap();
    let case: serde_json::Value = serde_json::from_slice(&case).unwrap();
    let hex = |text: &serde_json::Value| -> Vec<u8> {
        let text = text.as_str().unwrap();
        let byte = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    };
    let mut secrets = vec![
        ("the password", b"correct horse".to_vec()),
        ("the master key", hex(&case["master_key_hex"])),
        ("a share", hex(&case["shares"][0]["plaintext_hex"])),
    ];
    for name in ["s2048_0", "s2048_1"] {
        let numbers = crate::odd_keys::numbers_of(&key(name));
        for (label, place) in [
            ("d", 3),
            ("p", 4),
            ("q", 5),
            ("dp", 6),
            ("dq", 7),
            ("inverse", 8),
        ] {
            let big = numbers[place].clone();
            let little = big.iter().rev().copied().collect();
            secrets.extend([(label, big), (label, little)]);
        }
    }
    let drill = arguments!["drill"].to_vec();
    for start in [drill, restore.to_vec()] {
        let Some(memory) = memory_at_the_end(&[start, keys.to_vec()].concat()) else {
            continue;
        };
        assert!(holds(&memory, b"a planted copy of a secret"));
        for (name, secret) in &secrets {
            // A part suffices: registers and spills break numbers up.
            for part in [
                &secret[..13.min(secret.len())],
                &secret[secret.len() - 13..],
            ] {
                assert!(!holds(&memory, part), "{name}");
            }
        }
    }
}
