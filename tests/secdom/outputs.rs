// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is written: whole or not at all, never over what is there, readable by its owner alone.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::{Folder, Run, arguments, fixture, key, names, sealed, secdom, upload, vector};

/// Restores a domain of Managed HSM with two of its keys.
pub fn restore_blob(out: &Path) -> Vec<OsString> {
    let keys = [key("s2048_0"), key("s2048_1")];
    crate::restore_blob(&vector("valid/v01-2of3-2048/sd.json"), out, keys)
}

/// Makes a transfer key of Managed HSM and its certificate.
pub fn init_recovery(certificate: &Path, key: &Path) -> Vec<OsString> {
    arguments![
        "init-recovery",
        "--bits",
        "2048",
        "--sd-exchange-key",
        certificate,
        "--transfer-key",
        key
    ]
    .to_vec()
}

#[test]
fn an_existing_output_is_never_touched() {
    let folder = Folder::new();
    let there = folder.write("there", "keep");
    let missing = folder.join("missing");
    fs::create_dir(folder.join("empty")).unwrap();
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let certificate = key("s2048_0").with_extension("cer");
    let lines = [
        restore_blob(&there),
        restore_blob(&folder.join("empty")),
        upload(&domain, &there),
        upload(&domain, &folder.join("empty")),
        init_recovery(&there, &missing),
        init_recovery(&missing, &there),
        arguments![
            "download",
            "--sd-wrapping-keys",
            certificate,
            "--sd-quorum",
            "2",
            "--artifact",
            "a=b",
            "--security-domain-file",
            there,
        ]
        .to_vec(),
    ];
    for line in lines {
        secdom(line).refused(&["already exists"]);
        assert_eq!(folder.names(), ["empty", "there"]);
        assert_eq!(fs::read(&there).unwrap(), b"keep");
    }
}

#[test]
fn a_transfer_certificate_is_written_once_more_and_no_other() {
    let folder = Folder::new();
    let (certificate, key) = (folder.join("t.pem"), folder.join("t.key"));
    secdom(init_recovery(&certificate, &key)).done();
    let both = fs::read_to_string(&key).unwrap();
    let first = fs::read_to_string(&certificate).unwrap();
    assert!(both.ends_with(&first));
    let again = |named: &str, text: &str| {
        let key = folder.write(named, text);
        let run = secdom(init_recovery(&folder.join("again.pem"), &key));
        assert_eq!(fs::read_to_string(&key).unwrap(), text);
        run
    };
    again("t.key", &both).done();
    assert_eq!(fs::read_to_string(folder.join("again.pem")).unwrap(), first);
    fs::remove_file(folder.join("again.pem")).unwrap();

    let alone = both.strip_suffix(&first).unwrap();
    let read = |name: &str| fs::read_to_string(crate::key(name)).unwrap();
    let certificate_of =
        |name: &str| fs::read_to_string(crate::key(name).with_extension("cer")).unwrap();
    for other in [
        // Nothing shows that this verb made it.
        alone.to_owned(),
        read("s2048_0") + &certificate_of("s2048_0"),
        read("s2048_0") + &first,
        both.clone() + &certificate_of("s2048_0"),
        read("s2048_0") + &both,
    ] {
        again("other.key", &other).refused(&["other.key", "already exists"]);
        assert_eq!(folder.names(), ["other.key", "t.key", "t.pem"]);
    }
    let mut larger = init_recovery(&folder.join("again.pem"), &key);
    larger[2] = "3072".into();
    secdom(larger).refused(&["t.key", "already exists"]);
}

#[test]
fn of_many_at_once_one_writes_and_the_others_are_refused() {
    let folder = Folder::new();
    let (blob, out) = (folder.join("restore.json"), folder.join("artifacts"));
    for line in [restore_blob(&blob), upload(&blob, &out)] {
        let runs: Vec<Run> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| secdom(&line))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let (done, refused): (Vec<_>, Vec<_>) =
            runs.into_iter().partition(|run| run.code == Some(0));
        assert_eq!((done.len(), refused.len()), (1, 5));
        for run in refused {
            run.refused(&["already exists"]);
        }
    }
    assert_eq!(folder.names(), ["artifacts", "restore.json"]);
    assert_eq!(names(&out).len(), 3);
}

#[cfg(unix)]
#[test]
fn a_dangling_link_counts_as_existing() {
    let folder = Folder::new();
    let link = folder.join("link");
    std::os::unix::fs::symlink(folder.join("nowhere"), &link).unwrap();
    secdom(restore_blob(&link)).refused(&["link", "already exists"]);
    assert_eq!(folder.names(), ["link"]);
}

#[test]
fn an_output_in_no_folder_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    let out = folder.join("no/such");
    secdom(restore_blob(&out)).refused(&["such"]);
    secdom(init_recovery(&out, &folder.join("t.key"))).refused(&["such"]);
    secdom(init_recovery(&folder.join("t.pem"), &out)).refused(&["such"]);
    let same = folder.join("same");
    secdom(init_recovery(&same, &same)).refused(&["same"]);
    // Before a key is opened.
    let is_folder = folder.join("out/");
    let mut line = restore_blob(&is_folder);
    for argument in &mut line {
        if *argument == key("s2048_0") {
            *argument = fixture("pbes2-aes256-sha256.key").into();
        }
    }
    secdom(line).refused(&["out/", "names a folder"]);
    assert!(folder.names().is_empty());
}

#[cfg(unix)]
#[test]
fn secrets_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (certificate, transfer) = (folder.join("t.pem"), folder.join("t.key"));
    secdom(init_recovery(&certificate, &transfer)).done();
    assert_eq!(mode(&transfer), 0o600);

    let (blob, out) = (folder.join("restore.json"), folder.join("artifacts"));
    secdom(restore_blob(&blob)).done();
    secdom(upload(&blob, &out)).done();
    assert_eq!((mode(&blob), mode(&out)), (0o600, 0o700));
    let files = names(&out);
    assert_eq!(files.len(), 3);
    for file in files {
        assert_eq!(mode(&out.join(file)), 0o600);
    }
    assert_eq!(
        folder.names(),
        ["artifacts", "restore.json", "t.key", "t.pem"]
    );
    assert_eq!(mode(&sealed(&folder)), 0o600);
}

#[test]
fn an_upload_that_fails_leaves_no_folder() {
    let folder = Folder::new();
    let blob = folder.join("restore.json");
    secdom(restore_blob(&blob)).done();
    let mut text = fs::read_to_string(&blob).unwrap();
    let last = text.rfind("\"tag\"").unwrap() - 20;
    let changed = if &text[last..=last] == "A" { "B" } else { "A" };
    text.replace_range(last..=last, changed);
    let altered = folder.write("altered.json", text);
    secdom(upload(&altered, &folder.join("out"))).refused(&["altered.json"]);
    assert_eq!(folder.names(), ["altered.json", "restore.json"]);
}

#[test]
fn another_transfer_key_is_refused() {
    let folder = Folder::new();
    let blob = folder.join("restore.json");
    secdom(restore_blob(&blob)).done();
    let (certificate, transfer) = (key("s2048_0").with_extension("cer"), key("s2048_0"));
    let line = |transfer: &Path, certificate: &Path| {
        secdom(arguments![
            "upload",
            "--sd-file",
            blob,
            "--transfer-key",
            transfer,
            "--sd-exchange-key",
            certificate,
            "--out-dir",
            folder.join("out"),
        ])
    };
    line(&transfer, &certificate).refused(&["restore.json"]);
    line(&transfer, &key("stransfer2048").with_extension("cer"))
        .refused(&["s2048_0.key", "certificate"]);
    assert_eq!(folder.names(), ["restore.json"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_whose_report_cannot_be_printed_is_taken_back() {
    let folder = Folder::new();
    let (blob, out) = (folder.join("restore.json"), folder.join("artifacts"));
    let full = |line: Vec<OsString>| {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let run = crate::tool().args(line).stdout(full).output().unwrap();
        assert_eq!(run.status.code(), Some(1));
    };
    full(restore_blob(&blob));
    full(init_recovery(&folder.join("t.pem"), &folder.join("t.key")));
    assert!(folder.names().is_empty());
    secdom(restore_blob(&blob)).done();
    full(upload(&blob, &out));
    assert_eq!(folder.names(), ["restore.json"]);
}
