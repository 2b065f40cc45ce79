// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's certificate that no domain would be sealed to today, and that an old one was sealed to.

use std::fs;
use std::path::PathBuf;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::{Folder, arguments, key, restore_blob, sealed, secdom};

fn certificate() -> Vec<u8> {
    let pem = fs::read_to_string(key("s2048_2").with_extension("cer")).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let mut der = vec![0; body.len()];
    Base64::decode(&body, &mut der).unwrap().to_vec()
}

/// Where `pattern` begins, the first time.
fn first(bytes: &[u8], pattern: &[u8]) -> usize {
    {
        bytes
            .windows(pattern.len())
            .position(|window| window == pattern)
    }
    .unwrap()
}

/// Where `pattern` begins, the last time.
fn last(bytes: &[u8], pattern: &[u8]) -> usize {
    {
        bytes
            .windows(pattern.len())
            .rposition(|window| window == pattern)
    }
    .unwrap()
}

/// A key with the changed certificate beside it, and a domain file with a share for this certificate.
fn files(folder: &Folder, change: fn(&mut Vec<u8>)) -> [PathBuf; 3] {
    let mut der = certificate();
    change(&mut der);
    let key_file = folder.join("odd.key");
    fs::copy(key("s2048_2"), &key_file).unwrap();
    let certificate = folder.write("odd.cer", &der);
    let mut file: serde_json::Value =
        serde_json::from_slice(&fs::read(sealed(folder)).unwrap()).unwrap();
    let mut digest = [0; 43];
    let digest = Base64UrlUnpadded::encode(&Sha256::digest(&der), &mut digest).unwrap();
    file["SharedKeys"]["enc_shares"][2]["x5t_256"] = (*digest).into();
    [
        key_file,
        certificate,
        folder.write("old.json", file.to_string()),
    ]
}

#[test]
fn an_odd_certificate_restores_with_a_warning_and_seals_nothing_new() {
    const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    type Case = (&'static str, fn(&mut Vec<u8>));
    let cases: [Case; 4] = [
        ("signature algorithms", |der| {
            let at = first(der, SHA256_WITH_RSA);
            der[at + 8] = 12;
        }),
        ("rsaEncryption", |der| {
            let at = first(der, RSA);
            der[at + 8] = 10;
        }),
        ("validity", |der| {
            let at = first(der, &[0x17, 13]);
            der[at + 2..at + 4].copy_from_slice(b"69");
        }),
        ("signature is not whole bytes", |der| {
            let at = last(der, &[3, 0x82, 1, 1, 0]);
            der[at + 4] = 7;
        }),
    ];
    for (warning, change) in cases {
        let folder = Folder::new();
        let [odd, certificate, file] = files(&folder, change);
        let (out, keys) = (folder.join("restore.json"), [&odd, &key("s2048_0")]);
        let run = secdom(restore_blob(&file, &out, keys));
        assert_eq!(run.code, Some(0), "{warning}: {run:?}");
        assert!(
            run.err.contains("odd.cer") && run.err.contains(warning),
            "{run:?}"
        );

        let text = secdom(arguments!["inspect", file, "--certs", certificate]).done();
        assert!(text.contains(warning), "{text}");

        let one = folder.write("one.bin", b"one");
        secdom(arguments![
            "download",
            "--sd-wrapping-keys",
            certificate,
            key("s2048_0").with_extension("cer"),
            key("s2048_1").with_extension("cer"),
            "--sd-quorum",
            "2",
            "--artifact",
            format!("one={}", one.display()),
            "--security-domain-file",
            folder.join("new.json"),
        ])
        .refused(&["odd.cer"]);
    }
}
