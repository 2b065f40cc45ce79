// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain file in which the share of one custodian is damaged, and keys that cannot be used.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    Folder, Run, arguments, fixture, key, restore_blob, sealed, secdom, thumbprint, upload,
};

/// A file whose third share has one character of its tag cut off, or its digest emptied.
fn damaged(folder: &Folder, member: &str) -> PathBuf {
    let text = fs::read(sealed(folder)).unwrap();
    let mut file: Value = serde_json::from_slice(&text).unwrap();
    let value = &mut file["SharedKeys"]["enc_shares"][2][member];
    let text = value.as_str().unwrap();
    *value = text[..text.len() - 1].into();
    folder.write("damaged.json", file.to_string())
}

fn restore(folder: &Folder, file: &Path, custodians: &[&str]) -> Run {
    let keys = custodians.iter().map(|name| key(name));
    secdom(restore_blob(file, &folder.join("restore.json"), keys))
}

#[test]
fn the_others_restore_and_the_damaged_share_is_named() {
    let folder = Folder::new();
    let file = damaged(&folder, "enc_key");
    let custodian = thumbprint(&key("s2048_2").with_extension("cer"));
    let field = "SharedKeys.enc_shares[2].enc_key (tag)";
    let expected = format!("the share of custodian {custodian} is damaged: {field}");

    let run = restore(&folder, &file, &["s2048_0", "s2048_1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains(&expected), "{run:?}");
    assert!(folder.join("restore.json").exists());

    let run = secdom(arguments![
        "drill",
        "--sd-file",
        file,
        "--sd-wrapping-keys",
        key("s2048_0"),
        key("s2048_1")
    ]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains(&expected), "{run:?}");

    let text = secdom(arguments!["inspect", file]).done();
    assert!(
        text.contains(&expected) && text.contains("2 of 3"),
        "{text}"
    );
}

#[test]
fn a_damaged_share_is_left_out_where_keys_are_to_spare() {
    let folder = Folder::new();
    let file = damaged(&folder, "enc_key");
    let field = "SharedKeys.enc_shares[2].enc_key (tag)";
    restore(&folder, &file, &["s2048_0", "s2048_2"]).refused(&[
        "s2048_2.key",
        "damaged.json",
        field,
    ]);
    let run = restore(&folder, &file, &["s2048_0", "s2048_2", "s2048_1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    for word in ["left out", "s2048_2.key", field] {
        assert!(run.err.contains(word), "{run:?}");
    }
}

#[test]
fn a_key_that_cannot_be_used_is_left_out_where_keys_are_to_spare() {
    let folder = Folder::new();
    let file = sealed(&folder);
    let good = ["s2048_0", "s2048_1"].map(|name| folder.custodian(name, name));
    let empty = folder.custodian("s2048_2", "empty");
    folder.write("empty.key", "");
    let no_certificate = folder.join("alone.key");
    fs::copy(key("s2048_2"), &no_certificate).unwrap();
    let stranger = folder.custodian("s2048_5", "stranger");
    let encrypted = folder.custodian("s2048_2", "encrypted");
    fs::copy(fixture("pbes2-aes256-sha256.key"), &encrypted).unwrap();
    let swapped = folder.custodian("s2048_2", "swapped");
    fs::copy(key("s2048_3"), &swapped).unwrap();
    let twice = folder.custodian("s2048_0", "twice");
    for bad in [
        &empty,
        &no_certificate,
        &stranger,
        &encrypted,
        &swapped,
        &twice,
    ] {
        let name = bad.file_stem().unwrap().to_str().unwrap();
        let restored = folder.join(format!("{name}.json"));
        let run = |keys: &[&PathBuf]| secdom(restore_blob(&file, &restored, keys));
        run(&[&good[0], bad]).refused(&[name]);
        let run = run(&[&good[0], bad, &good[1]]);
        assert_eq!(run.code, Some(0), "{name}: {run:?}");
        assert!(
            run.err.contains("left out: ") && run.err.contains(name),
            "{run:?}"
        );
        assert!(restored.exists());
        // A drill is to prove every key.
        let drill = arguments![
            "drill",
            "--sd-file",
            file,
            "--sd-wrapping-keys",
            good[0],
            good[1],
            bad
        ];
        secdom(drill).refused(&[name]);
    }
    // Each that was left out is named, and why.
    let run = secdom(restore_blob(
        &file,
        &folder.join("none.json"),
        [&empty, &no_certificate],
    ));
    run.refused(&["empty.key: is empty, where a private key is expected"]);
    let three = [&good[0], &empty, &no_certificate];
    let run = secdom(restore_blob(&file, &folder.join("none.json"), three));
    run.refused(&[
        "empty.key: is empty",
        "alone.key: its certificate is missing",
    ]);
    // A certificate file that is of no use, too.
    let mut line = restore_blob(&file, &folder.join("certs.json"), &good);
    line.extend(arguments!["--certs", empty]);
    let run = secdom(line);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.err.contains("left out: ") && run.err.contains("empty.key"),
        "{run:?}"
    );
}

#[test]
fn a_share_that_is_missing_stops_nobody_else() {
    let folder = Folder::new();
    let mut file: Value = serde_json::from_slice(&fs::read(sealed(&folder)).unwrap()).unwrap();
    file["SharedKeys"]["enc_shares"]
        .as_array_mut()
        .unwrap()
        .remove(0);
    let file = folder.write("missing.json", file.to_string());
    let run = restore(&folder, &file, &["s2048_1", "s2048_2"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let finding = "lists 2 custodians, and a domain has at least 3";
    assert!(run.err.contains(finding), "{run:?}");
    let inspected = secdom(arguments!["inspect", file]).done();
    assert!(inspected.contains(finding), "{inspected}");
}

/// A file in which the digest of the third share is this one.
fn with_digest(folder: &Folder, digest: Value) -> PathBuf {
    let text = fs::read(sealed(folder)).unwrap();
    let mut file: Value = serde_json::from_slice(&text).unwrap();
    fs::remove_file(folder.join("domain.json")).unwrap();
    file["SharedKeys"]["enc_shares"][2]["x5t_256"] = digest;
    folder.write("damaged.json", file.to_string())
}

#[test]
fn a_share_whose_digest_is_damaged_is_found_by_the_custodians_key() {
    let folder = Folder::new();
    let custodian = thumbprint(&key("s2048_2").with_extension("cer"));
    let flipped = "A".repeat(43);
    let field = "SharedKeys.enc_shares[2].x5t_256";
    for digest in [json!(""), json!(null), json!(flipped)] {
        let file = with_digest(&folder, digest);
        for keys in [
            &["s2048_0", "s2048_2"][..],
            &["s2048_2", "s2048_1", "s2048_0"],
        ] {
            let run = restore(&folder, &file, keys);
            assert_eq!(run.code, Some(0), "{run:?}");
            assert_eq!(run.err.lines().count(), 1, "{run:?}");
            for word in [field, "s2048_2.key", &custodian, "found by its key alone"] {
                assert!(run.err.contains(word), "{run:?}");
            }
            let out = folder.join("out");
            secdom(upload(&folder.join("restore.json"), &out)).done();
            assert_eq!(fs::read(out.join("first")).unwrap(), b"one");
            fs::remove_file(folder.join("restore.json")).unwrap();
            fs::remove_dir_all(out).unwrap();
        }
        // All certificates in one place: the one that the file does not list belongs to the key.
        let alone = folder.write("alone.key", fs::read(key("s2048_2")).unwrap());
        let certificate = |name| key(name).with_extension("cer");
        let drill = arguments![
            "drill",
            "--sd-file",
            file,
            "--certs",
            certificate("s2048_0"),
            certificate("s2048_2"),
            "--sd-wrapping-keys",
            alone,
            key("s2048_0"),
        ];
        let run = secdom(drill);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(
            run.err.contains(field) && run.out.contains("all opened"),
            "{run:?}"
        );
    }
}

#[test]
fn a_share_is_found_by_its_key_only_where_the_file_lists_somebody_present() {
    let folder = Folder::new();
    let file = with_digest(&folder, json!(""));
    let field = "SharedKeys.enc_shares[2].x5t_256";
    let drill = arguments![
        "drill",
        "--sd-file",
        file,
        "--sd-wrapping-keys",
        key("s2048_2")
    ];
    secdom(drill).refused(&["s2048_2.key", field]);
    // Somebody who has no share does not get one.
    let stranger = restore(&folder, &file, &["s2048_0", "s2048_5"]);
    stranger.refused(&["s2048_5.key", "belongs to no share", field]);
    let encrypted = folder.custodian("s2048_5", "encrypted");
    fs::copy(fixture("pbes2-aes256-sha256.key"), &encrypted).unwrap();
    let keys = [key("s2048_0"), encrypted];
    secdom(restore_blob(&file, &folder.join("restore.json"), keys))
        .refused(&["encrypted.key", "belongs to no share"]);
}

#[test]
fn a_damaged_digest_is_named_by_inspect() {
    let folder = Folder::new();
    let file = damaged(&folder, "x5t_256");
    let field = "SharedKeys.enc_shares[2].x5t_256";
    let text = secdom(arguments!["inspect", file]).done();
    assert!(text.contains(field) && text.contains("2 of 3"), "{text}");
}
