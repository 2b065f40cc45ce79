// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looks for secrets in the memory of a process at the end of a verb.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    feature = "hazmat"
))]

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::interrupted::wait_for;
use crate::odd_keys::numbers_of;
use crate::tool;

/// Runs a verb whose standard output is full, so that the process stops where it is about to end,
/// and returns its writable memory; nothing if it may not be read.
pub fn memory_at_the_end(line: &[OsString]) -> Option<Vec<u8>> {
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

/// How many bytes of a secret are looked for: a part suffices, since registers and spills break it
/// up.
const PART: usize = 13;

/// Values that must not be in memory, with their names.
#[derive(Default)]
pub struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    pub fn add(&mut self, name: &str, value: &[u8]) -> &mut Self {
        assert!(value.len() >= PART, "{name}");
        self.0.push((name.into(), value.into()));
        self
    }

    /// The private numbers of a key, as they are written and as a machine computes with them.
    pub fn key(&mut self, file: &Path) -> &mut Self {
        let names = ["d", "p", "q", "dp", "dq", "inverse"];
        for (name, number) in names.into_iter().zip(&numbers_of(file)[3..]) {
            let little: Vec<u8> = number.iter().rev().copied().collect();
            self.add(name, number).add(name, &little);
        }
        self
    }

    /// The contents of a file.
    pub fn file(&mut self, file: &Path) -> &mut Self {
        let name = file.file_name().unwrap().to_str().unwrap();
        self.add(name, &fs::read(file).unwrap())
    }

    /// Runs a verb, and fails if its memory holds one of the values at its end.
    #[track_caller]
    pub fn are_gone_after(&self, line: &[OsString]) {
        if let Some(memory) = memory_at_the_end(line) {
            self.are_not_in(&memory);
        }
    }

    #[track_caller]
    pub fn are_not_in(&self, memory: &[u8]) {
        let planted = b"a planted copy of a secret";
        let mut parts = HashMap::new();
        for (name, value) in &self.0 {
            for part in [&value[..PART], &value[value.len() - PART..]] {
                parts.insert(part, name.as_str());
            }
        }
        parts.insert(&planted[..PART], "planted");
        let mut starts = vec![false; 1 << 16];
        let start = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
        parts.keys().for_each(|part| starts[start(part)] = true);
        let windows = memory.windows(PART).filter(|window| starts[start(window)]);
        let mut found: Vec<&str> = windows
            .filter_map(|window| parts.get(window))
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, ["planted"]);
    }
}
