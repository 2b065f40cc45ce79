// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verbs that play the HSM: `download`, `init-recovery` and `upload`, round and round.

use std::ffi::OsString;
use std::fs;

use crate::{Folder, Run, arguments, key, names, sealed, secdom};

/// A `download` to three custodians, with `artifacts` as they stand on the line.
fn download(folder: &Folder, quorum: &str, artifacts: &[OsString]) -> Run {
    let mut line = arguments![
        "download",
        "--sd-quorum",
        quorum,
        "--security-domain-file",
        folder.join("domain.json"),
        "--sd-wrapping-keys",
        key("s2048_0").with_extension("cer"),
        key("s3072_0").with_extension("cer"),
        key("s4096_0").with_extension("cer"),
        "--artifact",
    ]
    .to_vec();
    line.extend_from_slice(artifacts);
    secdom(line)
}

/// Restores the folder's domain to a new transfer key and uploads it into `out`.
fn round(folder: &Folder) -> Run {
    let (certificate, transfer) = (folder.join("t.pem"), folder.join("t.key"));
    let (blob, out) = (folder.join("restore.json"), folder.join("out"));
    secdom(arguments![
        "init-recovery",
        "--sd-exchange-key",
        certificate,
        "--transfer-key",
        transfer,
        "--bits",
        "2048"
    ])
    .done();
    secdom(arguments![
        "restore-blob",
        "--sd-file",
        folder.join("domain.json"),
        "--sd-exchange-key",
        certificate,
        "--sd-wrapping-keys",
        key("s4096_0"),
        key("s2048_0"),
        "--sd-file-restore-blob",
        blob,
    ])
    .done();
    secdom(arguments![
        "upload",
        "--sd-file",
        blob,
        "--transfer-key",
        transfer,
        "--sd-exchange-key",
        certificate,
        "--out-dir",
        out,
    ])
}

#[test]
fn what_is_downloaded_comes_back() {
    let folder = Folder::new();
    let tags = [
        "hsm_backup",
        ".",
        "..",
        "a/b",
        "..\\c",
        "sp ace",
        "sch\u{fc}ssel",
        "%41",
        "~-_.",
        "a=b",
    ];
    let mut artifacts = Vec::new();
    for (index, tag) in tags.iter().enumerate() {
        let file = folder.write(&format!("{index}.bin"), vec![index as u8; index * 7]);
        // The tag ends at the first equals sign, so the last one's file is named b=...
        let file = if tag.contains('=') {
            let named = folder.join(format!("b={index}.bin"));
            fs::rename(file, &named).unwrap();
            named
        } else {
            file
        };
        artifacts.push(OsString::from(format!(
            "{}={}",
            tag.split('=').next().unwrap(),
            file.display()
        )));
    }
    download(&folder, "2", &artifacts).done();
    round(&folder).done();
    let out = folder.join("out");
    let expected = [
        "%2541",
        "%2E",
        "%2E%2E",
        "..%5Cc",
        "a",
        "a%2Fb",
        "hsm_backup",
        "sch%C3%BCssel",
        "sp%20ace",
        "~-_.",
    ];
    assert_eq!(names(&out), expected);
    let index = |name: &str| fs::read(out.join(name)).unwrap().len() / 7;
    assert_eq!(
        ["hsm_backup", "%2E", "%2E%2E", "a%2Fb"].map(index),
        [0, 1, 2, 3]
    );
    assert_eq!(
        ["..%5Cc", "sp%20ace", "sch%C3%BCssel", "%2541", "~-_.", "a"].map(index),
        [4, 5, 6, 7, 8, 9]
    );
}

#[test]
fn a_tag_whose_file_name_is_too_long_is_refused_before_anything_is_written() {
    let folder = Folder::new();
    let file = folder.write("x", "content");
    let fits = "/".repeat(85);
    download(&folder, "2", &[format!("{fits}={}", file.display()).into()]).done();
    round(&folder).done();
    assert_eq!(names(&folder.join("out")), ["%2F".repeat(85)]);

    let folder = Folder::new();
    let file = folder.write("x", "content");
    let long = "/".repeat(86);
    download(&folder, "2", &[format!("{long}={}", file.display()).into()]).done();
    round(&folder).refused(&["restore.json", "258 bytes", "..."]);
    assert!(!folder.join("out").exists());
}

#[test]
fn downloads_that_break_a_rule_are_refused_and_leave_nothing() {
    let folder = Folder::new();
    let file = folder.write("x", "content");
    let artifact = |tag: &str| OsString::from(format!("{tag}={}", file.display()));
    let cases: &[(&str, Vec<OsString>, &[&str])] = &[
        ("1", vec![artifact("a")], &["--sd-quorum", "1"]),
        ("0", vec![artifact("a")], &["--sd-quorum", "0"]),
        ("4", vec![artifact("a")], &["--sd-quorum", "4"]),
        (
            "18446744073709551615",
            vec![artifact("a")],
            &["--sd-quorum"],
        ),
        (
            "2",
            vec![artifact("a"), artifact("a")],
            &["--artifact \"a\"", "twice"],
        ),
        ("2", vec![artifact("")], &["--artifact \"\""]),
        (
            "2",
            vec![artifact(&"x".repeat(256))],
            &["--artifact", "..."],
        ),
        ("2", vec!["a=missing".into()], &["missing", "no such file"]),
        (
            "2",
            (0..33).map(|index| artifact(&index.to_string())).collect(),
            &["32"],
        ),
    ];
    for (quorum, artifacts, words) in cases {
        download(&folder, quorum, artifacts).refused(words);
        assert_eq!(folder.names(), ["x"]);
    }
    let few = |count: usize, more: &[&str]| {
        let keys =
            (0..count).map(|index| key(&format!("s2048_{index}")).with_extension("cer").into());
        let line = arguments![
            "download",
            "--artifact",
            artifact("a"),
            "--security-domain-file",
            folder.join("d")
        ];
        let line = line
            .into_iter()
            .chain(arguments!["--sd-quorum", "2", "--sd-wrapping-keys"])
            .chain(keys);
        secdom(
            line.chain(
                more.iter()
                    .map(|name| key(name).with_extension("cer").into()),
            ),
        )
    };
    few(2, &[]).refused(&["3 to 10"]);
    few(10, &["s3072_0"]).refused(&["3 to 10"]);
    few(3, &["s2048_1"]).refused(&["s2048_1.cer"]);
    assert_eq!(folder.names(), ["x"]);
}

#[test]
fn the_transfer_key_is_what_it_says() {
    let folder = Folder::new();
    let (certificate, transfer) = (folder.join("t.pem"), folder.join("t.key"));
    let out = secdom(arguments![
        "init-recovery",
        "--sd-exchange-key",
        certificate,
        "--transfer-key",
        transfer
    ])
    .done();
    assert!(out.contains("4096 bits"), "{out}");
    let text = fs::read_to_string(&certificate).unwrap();
    assert!(
        text.starts_with("-----BEGIN CERTIFICATE-----\n")
            && text.ends_with("-----END CERTIFICATE-----\n")
    );
    let both = fs::read_to_string(&transfer).unwrap();
    let key = both.strip_suffix(&text).unwrap();
    assert!(
        key.starts_with("-----BEGIN PRIVATE KEY-----\n")
            && key.ends_with("-----END PRIVATE KEY-----\n")
    );
    assert_eq!(folder.names(), ["t.key", "t.pem"]);
}

#[test]
fn two_downloads_share_nothing() {
    let (first, second) = (Folder::new(), Folder::new());
    assert_ne!(
        fs::read(sealed(&first)).unwrap(),
        fs::read(sealed(&second)).unwrap()
    );
}
