// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys of custodians, as `secdom keygen` makes them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Folder, Run, arguments, secdom};

/// Makes a key of a kind, and its public half.
pub fn keygen(folder: &Folder, kind: &str) -> [PathBuf; 2] {
    let files = ["key", "pub"].map(|end| folder.join(format!("{kind}.{end}")));
    make(kind, &files).done();
    files
}

pub fn make(kind: &str, [key, public]: &[PathBuf; 2]) -> Run {
    secdom(arguments![
        "keygen",
        "--kind",
        kind,
        "--key",
        key,
        "--pub",
        public,
        "--no-password"
    ])
}

#[test]
fn keys_are_made_of_each_kind() {
    let folder = Folder::new();
    for (kind, name) in [
        ("rsa-2048", "RSA-2048"),
        ("x-wing", "X-Wing"),
        ("mlkem1024-p384", "MLKEM1024-P384"),
        ("p256", "P-256"),
        ("mlkem1024", "ML-KEM-1024"),
    ] {
        let [key, public] = keygen(&folder, kind);
        let inspected = |file: &Path| {
            let report = secdom(arguments!["inspect", file, "--json"]).done();
            serde_json::from_str::<Value>(&report).unwrap()
        };
        let (private, public_report) = (inspected(&key), inspected(&public));
        assert_eq!(
            private["keys"][0]["custodian_id"],
            public_report["custodian_id"]
        );
        assert_eq!(private["keys"][0]["kind"], name);
        assert_eq!(public_report["format"], "public-key");
        make(kind, &[key, public]).refused(&["already exists"]);
    }
}

#[test]
fn a_new_key_is_encrypted_unless_told_not_to() {
    let folder = Folder::new();
    let [key, public] = [folder.join("a.key"), folder.join("a.pub")];
    let line = arguments!["keygen", "--kind", "x-wing", "--key", key, "--pub", public];
    secdom(&line).refused(&["a.key", "--password-file", "--no-password"]);
    let empty = folder.write("empty", "\n");
    let password = folder.write("password", "correct horse\n");
    let with = |file: &Path| secdom(line.iter().chain(&arguments!["--password-file", file]));
    with(&empty).refused(&["empty", "--no-password"]);
    assert!(!key.exists() && !public.exists());
    with(&password).done();
    let text = fs::read_to_string(&key).unwrap();
    assert!(
        text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
        "{text}"
    );
    let write = |file: &Path, out: &str| {
        let line = arguments![
            "paper",
            "write",
            "--key",
            key,
            "--pub",
            public,
            "--out",
            folder.join(out),
            "--no-verify",
            "--password-file",
            file,
        ];
        secdom(line)
    };
    write(&folder.write("wrong", "x"), "a.txt").refused(&["a.key", "password"]);
    write(&password, "a.txt").done();
    let again = folder.join("again.key");
    let read = arguments![
        "paper",
        "read",
        "--pub",
        public,
        "--in",
        folder.join("a.txt"),
        "--key",
        again,
        "--password-file",
        password,
    ];
    secdom(read).done();
    assert!(fs::read_to_string(again).unwrap().contains("ENCRYPTED"));
    let rsa = arguments![
        "keygen",
        "--kind",
        "rsa-4096",
        "--key",
        folder.join("b.key"),
        "--pub",
        folder.join("b.pub"),
        "--no-password",
        "--paper",
        folder.join("b.svg"),
        "--no-verify",
    ];
    secdom(rsa).refused(&["b.svg", "RSA", "no sheet"]);
    let paper = arguments![
        "keygen",
        "--kind",
        "p256",
        "--key",
        folder.join("b.key"),
        "--pub",
        folder.join("b.pub"),
        "--no-password",
        "--paper",
        folder.join("b.svg"),
        "--no-verify",
    ];
    assert!(secdom(paper).done().contains("not typed back"));
    assert!(folder.join("b.svg").exists() && folder.join("b.pub").exists());
}

#[test]
fn a_key_without_its_public_key_is_finished() {
    let folder = Folder::new();
    let password = folder.write("password", "correct horse\n");
    for kind in ["rsa-2048", "x-wing"] {
        let [key, public] = [folder.join("a.key"), folder.join("a.pub")];
        let run = |kind: &str, password: &[&Path]| {
            let mut line =
                arguments!["keygen", "--kind", kind, "--key", key, "--pub", public].to_vec();
            match password {
                [file] => line.extend(arguments!["--password-file", file]),
                _ => line.extend(arguments!["--no-password"]),
            }
            secdom(line)
        };
        run(kind, &[&password]).done();
        let made = [&key, &public].map(|file| fs::read(file).unwrap());
        fs::remove_file(&public).unwrap();
        // What is not such a key, or does not open, is left as it is.
        run("p256", &[&password]).refused(&["a.key", "already exists"]);
        run(kind, &[]).refused(&["a.key", "is encrypted"]);
        let wrong = folder.write("wrong", "x");
        run(kind, &[&wrong]).refused(&["a.key", "does not open"]);
        assert!(!public.exists());
        let said = run(kind, &[&password]).done();
        assert!(said.contains("a.key: was there already: "), "{said}");
        assert_eq!([&key, &public].map(|file| fs::read(file).unwrap()), made);
        fs::remove_file(&key).unwrap();
        fs::remove_file(&public).unwrap();
        folder.write("a.key", "something else");
        run(kind, &[&password]).refused(&["a.key", "already exists"]);
        fs::remove_file(&key).unwrap();
    }
}
