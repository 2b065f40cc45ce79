// SPDX-License-Identifier: MIT OR Apache-2.0
//! `drill`: one key, fewer than a quorum, a quorum, more than a quorum.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Folder, Run, arguments, key, sealed, secdom, vector};

fn drill(domain: &Path, keys: &[PathBuf]) -> Run {
    let line = arguments!["drill", "--sd-file", domain, "--sd-wrapping-keys"];
    secdom(line.into_iter().chain(keys.iter().map(Into::into)))
}

fn keys(numbers: impl IntoIterator<Item = u32>) -> Vec<PathBuf> {
    numbers
        .into_iter()
        .map(|number| key(&format!("s2048_{number}")))
        .collect()
}

#[test]
fn any_number_of_keys_can_drill() {
    let domain = vector("valid/v04-3of5-2048/sd.json");
    let one = drill(&domain, &keys([4])).done();
    assert!(
        one.contains("s2048_4.key") && one.contains("opens its share"),
        "{one}"
    );
    let two = drill(&domain, &keys([4, 0])).done();
    assert_eq!(two.matches("opens its share").count(), 2);
    assert!(!two.contains("all opened"), "{two}");
    let three = drill(&domain, &keys([4, 0, 2])).done();
    assert!(
        three.contains("2 artifacts, all opened") && !three.contains("agree"),
        "{three}"
    );
    let five = drill(&domain, &keys(0..5)).done();
    assert!(five.contains("all opened, and all shares agree"), "{five}");
}

#[test]
fn a_drill_writes_nothing() {
    let folder = Folder::new();
    let domain = sealed(&folder);
    let before = folder.names();
    drill(&domain, &keys(0..3)).done();
    assert_eq!(folder.names(), before);
}

#[test]
fn one_share_that_disagrees_fails_the_drill() {
    let (folder, other) = (Folder::new(), Folder::new());
    let read =
        |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let mut file = read(sealed(&folder));
    file["SharedKeys"]["enc_shares"][1] =
        read(sealed(&other))["SharedKeys"]["enc_shares"][1].take();
    let domain = folder.write("disagrees.json", file.to_string());
    drill(&domain, &keys(0..3)).refused(&["disagrees.json", "s2048_1.key"]);
    drill(&domain, &keys([0, 1])).refused(&["disagrees.json"]);
    // Alone it opens: that is all that one key can show.
    drill(&domain, &keys([1])).done();
    drill(&domain, &keys([0, 2])).done();
}

#[test]
fn an_altered_artifact_fails_the_drill_of_a_quorum() {
    let folder = Folder::new();
    let text = fs::read_to_string(sealed(&folder)).unwrap();
    let end = text.find("\",\"tag\":\"first\"").unwrap() - 10;
    let changed = if &text[end..=end] == "A" { "B" } else { "A" };
    let domain = folder.write(
        "altered.json",
        format!("{}{changed}{}", &text[..end], &text[end + 1..]),
    );
    drill(&domain, &keys([0, 1])).refused(&["altered.json"]);
    drill(&domain, &keys(0..3)).refused(&["altered.json"]);
    drill(&domain, &keys([0])).done();
}

#[test]
fn a_key_that_belongs_to_no_share_is_refused() {
    drill(&vector("valid/v01-2of3-2048/sd.json"), &keys([7])).refused(&["s2048_7.key", "sd.json"]);
}
