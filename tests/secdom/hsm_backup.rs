// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm backup` and `restore`: into every HSM of the domain, and into no other.

use std::fs;

use crate::simulated::Site;
use crate::{arguments, secdom};

#[test]
fn a_backup_comes_back_in_every_hsm_of_the_domain() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    // Nothing, a byte, a whole chunk, a byte more, and some chunks.
    for (number, len) in [0, 1, 65_536, 65_537, 200_000].into_iter().enumerate() {
        let (data, backup) = (format!("data-{number}"), format!("backup-{number}"));
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        site.folder.write(&data, bytes);
        site.backup("first", &data, &backup, &[]).done();
    }
    fs::remove_dir_all(site.path("first")).unwrap();
    site.init("second");
    site.restore("second", "backup-1", "out")
        .refused(&["second", "provisioned"]);
    site.plain("zeroize", "second").done();
    site.recover("second", "sealed", &domain, &[0, 1]).done();
    for number in 0..5 {
        let out = format!("out-{number}");
        site.restore("second", &format!("backup-{number}"), &out)
            .done();
        let data = fs::read(site.path(&format!("data-{number}"))).unwrap();
        assert_eq!(fs::read(site.path(&out)).unwrap(), data);
    }
    site.restore("second", "backup-1", "out-1")
        .refused(&["out-1", "exists"]);
    let events = site.events("second");
    assert_eq!(
        events
            .iter()
            .filter(|event| *event == "begin-restore")
            .count(),
        5
    );
}

#[test]
fn a_foreign_or_broken_backup_restores_nothing() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    let other = site.active("foreign", "other-sealed");
    site.folder.write("data", vec![7; 70_000]);
    let name = arguments!["--key", "signing"];
    site.backup("first", "data", "backup", &name).done();
    site.restore("foreign", "backup", "out")
        .refused(&["backup", &domain, &other]);

    let backup = fs::read(site.path("backup")).unwrap();
    let mut changed = backup.clone();
    changed[69_000] ^= 1;
    let front = backup.len() - 70_000 - 32;
    let mut swapped = backup[..front].to_vec();
    swapped.extend_from_slice(&backup[front + 65_552..]);
    swapped.extend_from_slice(&backup[front..front + 65_552]);
    for (name, bytes, words) in [
        ("cut", backup[..backup.len() - 1].to_vec(), "ends too early"),
        (
            "first-chunk-only",
            backup[..front + 65_552].to_vec(),
            "ends too early",
        ),
        ("extended", [&backup[..], b"x"].concat(), "continues after"),
        ("changed", changed, "chunk 2 of 2: "),
        ("swapped", swapped, "does not open"),
        ("header-only", backup[..40].to_vec(), "header"),
        ("nothing", Vec::new(), "nothing"),
    ] {
        site.folder.write(name, bytes);
        site.restore("first", name, "out").refused(&[name, words]);
        assert!(!site.path("out").exists(), "{name}");
    }
    let hidden = site
        .folder
        .names()
        .into_iter()
        .filter(|name| name.starts_with('.'));
    assert_eq!(hidden.count(), 0);
    site.restore("first", "backup", "out").done();
}

#[test]
fn what_is_not_backed_up() {
    let site = Site::new();
    site.active("hsm", "sealed");
    let long = arguments!["--key", "x".repeat(65)];
    site.backup("hsm", "signing.bin", "backup", &long)
        .refused(&["--key"]);
    let empty = arguments!["--key", ""];
    site.backup("hsm", "signing.bin", "backup", &empty)
        .refused(&["--key"]);
    site.backup("hsm", "missing", "backup", &[])
        .refused(&["missing", "no such file"]);
    site.backup("hsm", "hsm", "backup", &[])
        .refused(&["hsm", "regular file"]);
    assert!(!site.path("backup").exists());
}

#[test]
fn a_backup_that_is_cut_is_named_as_such() {
    let site = Site::new();
    site.active("first", "sealed");
    site.backup("first", "signing.bin", "backup", &[]).done();
    let bytes = fs::read(site.path("backup")).unwrap();
    for length in [5, 40, 120] {
        let cut = site.folder.write("cut", &bytes[..length]);
        site.restore("first", "cut", "out")
            .refused(&["cut: is cut short"]);
        secdom(arguments!["inspect", cut]).refused(&["cut: is cut short"]);
    }
    // The header is whole.
    site.folder.write("cut", &bytes[..bytes.len() - 1]);
    site.restore("first", "cut", "out")
        .refused(&["cut: ends too early"]);
}
