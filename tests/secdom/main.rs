// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command-line tool, driven as a black box: exit codes, the one line on stderr, and what it
//! writes.
#![cfg(all(feature = "managed-hsm", feature = "p256", feature = "pq"))]

#[path = "../known_answer/mod.rs"]
mod known_answer;

mod approve;
#[cfg(unix)]
mod ceremony;
mod certificates;
mod columns;
mod command_line;
mod contribute;
mod curves;
mod damaged;
mod demands;
mod drill;
mod drill_file;
mod drill_sealed;
mod formats;
mod glass;
mod hsm;
mod hsm_backup;
mod hsm_flash;
mod hsm_import;
mod hsm_ledger;
#[cfg(unix)]
mod hsm_read_only;
mod hsm_recover;
mod inspect;
mod inspect_own;
mod interrupted;
mod json;
mod keygen;
#[cfg(unix)]
mod keygen_terminal;
mod keys;
mod killed;
mod killed_drill;
mod killed_ledger;
mod killed_outputs;
mod killed_restore_session;
mod killed_steps;
mod kinds;
mod ledger;
mod ledger_page;
mod ledger_prove;
mod malformed;
mod media;
#[cfg(unix)]
mod memory;
mod odd_certificates;
mod odd_keys;
mod outputs;
mod paper;
mod paper_codes;
#[cfg(unix)]
mod paper_terminal;
mod policy;
mod readiness;
mod rehearse;
mod restore;
mod restore_session;
mod rotate;
mod rotate_ends;
#[cfg(unix)]
mod scan;
mod seeds;
mod simulated;
mod split_keys;
mod streams;
mod tokens;
mod transcript;
mod transfer;
mod transfer_kinds;
mod two_keys;
mod unknown_members;
mod unwrapped;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a run of the tool left.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `secdom` without a terminal.
fn secdom<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Run {
    let output = tool().args(arguments).output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The example that cargo builds beside this test.
fn tool() -> Command {
    let test = std::env::current_exe().unwrap();
    let example = test
        .parent()
        .unwrap()
        .with_file_name("examples")
        .join("secdom");
    let example = example.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        example.exists(),
        "{} is built by: cargo build --all-features --examples",
        example.display()
    );
    let mut command = Command::new(example);
    command.stdin(Stdio::null());
    command
}

/// The findings of a report in JSON: severity, code and what it is about.
fn findings(out: &str) -> Vec<[String; 3]> {
    let report: serde_json::Value = serde_json::from_str(out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let names = ["severity", "code", "about"];
    findings
        .map(|one| names.map(|name| text(&one[name])))
        .collect()
}

impl Run {
    /// Done, and silent on stderr.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        self.out
    }

    /// Refused with exactly one line, which holds every word of `words`; nothing on stdout.
    #[track_caller]
    fn refused(self, words: &[&str]) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{self:?}");
        assert!(
            self.err.ends_with('\n') && self.err.lines().count() == 1,
            "{self:?}"
        );
        assert!(
            self.err.is_ascii() || self.err.chars().all(|c| c == '\n' || !c.is_control()),
            "{self:?}"
        );
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in {self:?}");
        }
        self.err
    }

    /// The command line could not be read.
    #[track_caller]
    fn unreadable(self) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert!(self.out.is_empty() && !self.err.is_empty(), "{self:?}");
    }
}

/// Removes a folder with all that is in it. Some file systems keep a file that a killed process had
/// open for a moment longer.
fn remove_folder(path: &Path) {
    for _ in 0..100 {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            removed => return removed.unwrap(),
        }
    }
    panic!("{}: something stays", path.display());
}

/// A fresh folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("secdom-test-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file and returns its path.
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A custodian's key and certificate from the vectors under another name; returns the key's
    /// path.
    fn custodian(&self, vector: &str, name: &str) -> PathBuf {
        fs::copy(
            key(vector).with_extension("cer"),
            self.join(format!("{name}.cer")),
        )
        .unwrap();
        let path = self.join(format!("{name}.key"));
        fs::copy(key(vector), &path).unwrap();
        path
    }

    /// The names in the folder, hidden ones too.
    fn names(&self) -> Vec<String> {
        names(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove_folder(&self.0);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A file of the interchange vectors.
fn vector(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/managed-hsm")
        .join(path)
}

/// A private key of the interchange vectors, its certificate beside it.
fn key(name: &str) -> PathBuf {
    vector("keys").join(format!("{name}.key"))
}

/// A key or certificate made for these tests.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/secdom")
        .join(name)
}

/// The whole argument list: literals and paths alike.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => {
        [$(std::ffi::OsString::from(&$argument)),*]
    };
}
use arguments;

/// A command line that restores `file` with `keys` to the transfer key of the vectors.
fn restore_blob<K: Into<OsString>>(
    file: &Path,
    out: &Path,
    keys: impl IntoIterator<Item = K>,
) -> Vec<OsString> {
    let mut line = arguments![
        "restore-blob",
        "--sd-file",
        file,
        "--sd-exchange-key",
        vector("transfer/stransfer2048.pem"),
        "--sd-file-restore-blob",
        out,
        "--sd-wrapping-keys",
    ]
    .to_vec();
    line.extend(keys.into_iter().map(Into::into));
    line
}

/// A command line that unpacks what such a command line made.
fn upload(blob: &Path, out: &Path) -> Vec<OsString> {
    arguments![
        "upload",
        "--sd-file",
        blob,
        "--transfer-key",
        key("stransfer2048"),
        "--sd-exchange-key",
        key("stransfer2048").with_extension("cer"),
        "--out-dir",
        out,
    ]
    .to_vec()
}

/// A custodian's thumbprint, as the files name him.
fn thumbprint(certificate: &Path) -> String {
    let text = secdom(arguments![
        "inspect",
        vector("valid/v01-2of3-2048/sd.json"),
        "--json",
        "--certs",
        certificate
    ]);
    let report: serde_json::Value = serde_json::from_str(&text.done()).unwrap();
    let holder = report["custodians"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["subject"].is_string());
    holder.unwrap()["thumbprint"].as_str().unwrap().to_owned()
}

/// Three custodians and two artifacts, sealed by the tool; returns the file.
fn sealed(folder: &Folder) -> PathBuf {
    let (first, second) = (
        folder.write("first.bin", b"one"),
        folder.write("second.bin", b""),
    );
    let out = folder.join("domain.json");
    let run = secdom(arguments![
        "download",
        "--sd-wrapping-keys",
        key("s2048_0").with_extension("cer"),
        key("s2048_1").with_extension("cer"),
        key("s2048_2").with_extension("cer"),
        "--sd-quorum",
        "2",
        "--artifact",
        format!("first={}", first.display()),
        format!("second={}", second.display()),
        "--security-domain-file",
        out,
    ]);
    run.done();
    out
}
