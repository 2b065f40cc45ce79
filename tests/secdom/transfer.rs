// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transfer certificate of a restore: that of an HSM, and of the expected one.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::{Folder, Run, arguments, key, restore_blob, sealed, secdom, upload, vector};

/// Restores to this transfer certificate.
fn restore(folder: &Folder, transfer: &Path, more: &[OsString]) -> Run {
    let file = folder.join("domain.json");
    let keys = [key("s2048_0"), key("s2048_1")];
    let mut line = restore_blob(&file, &folder.join("restore.json"), keys);
    let place = line.iter().position(|word| word == "--sd-exchange-key");
    line[place.unwrap() + 1] = transfer.into();
    line.extend_from_slice(more);
    secdom(line)
}

#[test]
fn no_domain_is_restored_to_a_custodian() {
    let folder = Folder::new();
    sealed(&folder);
    let is_refused = |transfer: &Path, name: &str| {
        let run = restore(&folder, transfer, &[]);
        run.refused(&[
            name,
            "is the certificate of a custodian of ",
            "domain.json, not of an HSM to restore",
        ]);
        assert!(!folder.join("restore.json").exists());
    };
    // The last one is absent.
    for custodian in ["s2048_0", "s2048_2"] {
        let certificate = key(custodian).with_extension("cer");
        is_refused(&certificate, &format!("{custodian}.cer"));
    }
    // The file does not list this certificate, but its key is that of a custodian.
    let renewed = folder.join("renewed.cer");
    let openssl = std::process::Command::new("openssl")
        .args([
            "req", "-new", "-x509", "-days", "9", "-subj", "/CN=HSM", "-key",
        ])
        .args([&key("s2048_0"), Path::new("-out"), &renewed])
        .output();
    assert!(openssl.unwrap().status.success());
    is_refused(&renewed, "renewed.cer");
}

#[test]
fn a_transfer_key_outside_the_hsm_is_warned_of() {
    let folder = Folder::new();
    sealed(&folder);
    let [certificate, whole] = ["transfer.pem", "transfer.key"].map(|name| folder.join(name));
    secdom(arguments![
        "init-recovery",
        "--sd-exchange-key",
        certificate,
        "--transfer-key",
        whole,
        "--bits",
        "2048"
    ])
    .done();
    let run = restore(&folder, &whole, &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let warning = "transfer.key also holds the private key, which belongs in the HSM only\n";
    assert!(run.err.ends_with(warning), "{run:?}");
    fs::remove_file(folder.join("restore.json")).unwrap();
    restore(&folder, &certificate, &[]).done();
}

#[test]
fn another_transfer_certificate_than_the_expected_one_is_refused() {
    let folder = Folder::new();
    sealed(&folder);
    let transfer = vector("transfer/stransfer2048.pem");
    let shown = secdom(arguments!["inspect", transfer, "--json"]).done();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let base64 = shown["certificates"][0]["thumbprint"].as_str().unwrap();
    let der = fs::read(key("stransfer2048").with_extension("cer")).unwrap();
    let text = String::from_utf8_lossy(&der);
    assert!(text.starts_with("-----BEGIN"), "{text}");
    let expect = |thumbprint: &str| {
        let more = arguments!["--expect-thumbprint", thumbprint];
        restore(&folder, &transfer, &more)
    };
    let other = "A".repeat(43);
    // Without a password that would open this key.
    let ada = folder.custodian("s2048_0", "ada");
    fs::copy(crate::fixture("pbes2-aes256-sha256.key"), &ada).unwrap();
    let mut line = restore_blob(
        &folder.join("domain.json"),
        &folder.join("restore.json"),
        [ada],
    );
    line.extend(arguments!["--expect-thumbprint", other]);
    secdom(line).refused(&["stransfer2048.pem", base64, &other, "expected"]);
    expect(&"0".repeat(64)).refused(&[base64, &other]);
    expect(&base64[1..]).unreadable();
    expect(base64).done();
    fs::remove_file(folder.join("restore.json")).unwrap();
    let hex = hex_of_base64url(base64);
    expect(&hex).done();
}

fn hex_of_base64url(text: &str) -> String {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = text.chars().map(|c| DIGITS.find(c).unwrap());
    let bits: String = bits.map(|bits| format!("{bits:06b}")).collect();
    let (nibbles, _) = bits.as_bytes().as_chunks::<4>();
    let nibble = |bits: &[u8; 4]| {
        bits.iter()
            .fold(0, |all, bit| all << 1 | u32::from(bit & 1))
    };
    let digits = nibbles.iter().map(|bits| format!("{:x}", nibble(bits)));
    digits.take(64).collect()
}

#[test]
fn a_blob_for_another_transfer_key_names_both() {
    let folder = Folder::new();
    sealed(&folder);
    let transfer = vector("transfer/stransfer2048.pem");
    restore(&folder, &transfer, &[]).done();
    let mut line = upload(&folder.join("restore.json"), &folder.join("out"));
    let place = line.iter().position(|word| word == "--sd-exchange-key");
    line[place.unwrap() + 1] = vector("transfer/stransfer4096.pem").into();
    secdom(line).refused(&[
        "restore.json: is sealed to transfer key ",
        ", but ",
        "stransfer4096.pem is ",
    ]);
    // The certificate is found beside the key.
    let line = arguments![
        "upload",
        "--sd-file",
        folder.join("restore.json"),
        "--transfer-key",
        key("s2048_0"),
        "--out-dir",
        folder.join("out"),
    ];
    secdom(line).refused(&[
        "restore.json: is sealed to transfer key ",
        "s2048_0.cer is ",
    ]);
}
