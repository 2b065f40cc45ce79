// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every malformed file of the vectors, and things that are no files of ours at all.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::{Folder, arguments, key, restore_blob, secdom, vector};

#[test]
fn every_malformed_file_is_refused_with_one_line() {
    let folder = Folder::new();
    let manifest: Value =
        serde_json::from_slice(&fs::read(vector("manifest.json")).unwrap()).unwrap();
    let mut refused = 0;
    for entry in manifest["entries"].as_array().unwrap() {
        let Some(target) = entry["target"].as_str() else {
            continue;
        };
        let file = vector(entry["file"].as_str().unwrap());
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let run = match target {
            "sd" => {
                let custodians = entry["custodians"].as_array().unwrap().iter();
                let keys = custodians.map(|name| key(name.as_str().unwrap()));
                secdom(restore_blob(&file, &folder.join("restore.json"), keys))
            }
            "restore-blob" => {
                let transfer = entry["transfer_key"].as_str().unwrap();
                secdom(arguments![
                    "upload",
                    "--sd-file",
                    file,
                    "--transfer-key",
                    key(transfer),
                    "--sd-exchange-key",
                    key(transfer).with_extension("cer"),
                    "--out-dir",
                    folder.join("artifacts"),
                ])
            }
            kind => secdom(arguments!["check", kind, file]),
        };
        if name == "json-bom.json" {
            // The format has no byte order mark, but editors write one, so the tool passes over it.
            run.done();
            fs::remove_file(folder.join("restore.json")).unwrap();
            continue;
        }
        // A key may be named instead: one custodian's, whom the file lists twice or not at all.
        let line = run.refused(&[]);
        assert!(line.contains(&name) || line.contains(".key"), "{line}");
        assert!(folder.names().is_empty(), "{name} left something behind");
        refused += 1;
    }
    assert_eq!(refused, 108);
}

#[test]
fn things_that_are_no_file_of_ours_are_refused() {
    let folder = Folder::new();
    let empty = folder.write("empty", "");
    let noise = folder.write("noise", [0xff, 0x00, 0x1b, 0x5b]);
    let missing = folder.join("missing");
    let (key_file, certificate) = (key("s2048_0"), key("s2048_0").with_extension("cer"));
    let odd: [&PathBuf; 5] = [&empty, &noise, &missing, &key_file, &folder.0];
    for file in odd {
        let name = file.file_name().unwrap().to_str().unwrap();
        if file != &key_file {
            secdom(arguments!["inspect", file]).refused(&[name]);
        }
        secdom(arguments!["check", "transfer-key", file]).refused(&[name]);
        secdom(arguments!["check", "certificate-info", file]).refused(&[name]);
        secdom(arguments![
            "drill",
            "--sd-file",
            file,
            "--sd-wrapping-keys",
            key_file
        ])
        .refused(&[name]);
        secdom(arguments![
            "upload",
            "--sd-file",
            file,
            "--transfer-key",
            key_file,
            "--sd-exchange-key",
            certificate,
            "--out-dir",
            folder.join("out"),
        ])
        .refused(&[name]);
    }
    let good = vector("valid/v01-2of3-2048/sd.json");
    for file in [&empty, &noise, &missing, &folder.0] {
        let name = file.file_name().unwrap().to_str().unwrap();
        secdom(arguments!["inspect", good, "--certs", file]).refused(&[name]);
        secdom(arguments![
            "drill",
            "--sd-file",
            good,
            "--sd-wrapping-keys",
            file
        ])
        .refused(&[name]);
    }
}

#[cfg(unix)]
#[test]
fn odd_paths_are_named_on_one_line() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new();
    secdom(arguments![
        "inspect",
        folder.0.join(OsStr::from_bytes(b"\xff\n\x1b[2J"))
    ])
    .refused(&["no such file"]);
    secdom(["inspect", "/dev/null"]).refused(&["/dev/null"]);
    let line =
        secdom(["inspect", "kein\u{202e}e \u{fc}bung"]).refused(&["\u{fc}bung", "\\u{202e}"]);
    assert!(!line.contains('\u{202e}'));
}

#[test]
fn a_file_larger_than_the_limit_is_refused() {
    let folder = Folder::new();
    let large = folder.join("large");
    fs::File::create(&large)
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    secdom(arguments!["inspect", large]).refused(&["large", "64 MiB"]);
}
