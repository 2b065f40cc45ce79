// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain file in which the share of one custodian is damaged.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Folder, Run, arguments, key, sealed, secdom, thumbprint, vector};

/// A file whose third share has one character of its tag cut off, or its digest emptied.
fn damaged(folder: &Folder, member: &str) -> PathBuf {
    let text = fs::read(sealed(folder)).unwrap();
    let mut file: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let value = &mut file["SharedKeys"]["enc_shares"][2][member];
    let text = value.as_str().unwrap();
    *value = text[..text.len() - 1].into();
    folder.write("damaged.json", file.to_string())
}

fn restore(folder: &Folder, file: &Path, custodians: &[&str]) -> Run {
    let mut line = arguments![
        "restore-blob",
        "--sd-file",
        file,
        "--sd-exchange-key",
        vector("transfer/stransfer2048.pem"),
        "--sd-file-restore-blob",
        folder.join("restore.json"),
        "--sd-wrapping-keys",
    ]
    .to_vec();
    line.extend(custodians.iter().map(|name| key(name).into()));
    secdom(line)
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
        "damaged.json",
        field,
        "1 share left, but 2 are required",
    ]);
    let run = restore(&folder, &file, &["s2048_0", "s2048_2", "s2048_1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    for word in ["left out", "s2048_2.key", field] {
        assert!(run.err.contains(word), "{run:?}");
    }
}

#[test]
fn a_custodian_whose_digest_is_damaged_is_told_so() {
    let folder = Folder::new();
    let file = damaged(&folder, "x5t_256");
    let field = "SharedKeys.enc_shares[2].x5t_256";
    restore(&folder, &file, &["s2048_0", "s2048_2"]).refused(&["s2048_2.key", field]);
    let text = secdom(arguments!["inspect", file]).done();
    assert!(text.contains(field) && text.contains("2 of 3"), "{text}");
}
