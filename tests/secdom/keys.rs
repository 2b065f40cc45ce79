// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key and certificate files in every form they are met in, and passwords.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Folder, Run, arguments, fixture, key, secdom, vector};

const PASSWORD: &str = "correct horse";

/// A drill with one key in `folder`, and whatever else is on the line.
fn drill(key: &Path, more: &[&str]) -> Run {
    let line = arguments![
        "drill",
        "--sd-file",
        vector("valid/v01-2of3-2048/sd.json"),
        "--sd-wrapping-keys",
        key
    ];
    secdom(line.into_iter().chain(more.iter().map(Into::into)))
}

/// `s2048_0` with its key file replaced by `bytes`.
fn with_key(folder: &Folder, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.custodian("s2048_0", "ada");
    fs::write(&path, bytes).unwrap();
    path
}

/// `s2048_0` with its certificate file replaced by `bytes`.
fn with_certificate(folder: &Folder, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.custodian("s2048_0", "ada");
    fs::write(path.with_extension("cer"), bytes).unwrap();
    path
}

/// The base64 of a PEM file, without its line ends, and its label.
fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[test]
fn keys_are_read_in_pkcs1_and_in_any_layout() {
    let folder = Folder::new();
    let pem = fs::read_to_string(key("s2048_0")).unwrap();
    let other = fs::read_to_string(fixture("ec.cer")).unwrap();
    for bytes in [
        fs::read(fixture("pkcs1.key")).unwrap(),
        pem.replace('\n', "\r\n").into_bytes(),
        pem.replace('\n', "\r").into_bytes(),
        pem.trim_end().into(),
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
            body(&pem)
        )
        .into(),
        format!("Bag Attributes\n    friendlyName: ada\n{other}\n{pem}\nafter\n").into(),
        [b"\xef\xbb\xbf", pem.as_bytes()].concat(),
        [b"friendlyName: J\xfcrgen\n", pem.as_bytes()].concat(),
    ] {
        drill(&with_key(&folder, bytes), &[]).done();
    }
}

#[test]
fn certificates_are_read_in_der_and_in_any_layout() {
    let folder = Folder::new();
    let pem = fs::read_to_string(key("s2048_0").with_extension("cer")).unwrap();
    let body = body(&pem);
    let wrap = |width: usize| {
        let lines: Vec<&str> = body
            .as_bytes()
            .chunks(width)
            .map(|c| str::from_utf8(c).unwrap())
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
            lines.join("\n")
        )
    };
    let second = fs::read_to_string(key("s2048_1").with_extension("cer")).unwrap();
    for text in [
        wrap(65),
        wrap(76),
        wrap(1),
        wrap(body.len()),
        format!("text\n{pem}{second}"),
    ] {
        drill(&with_certificate(&folder, text), &[]).done();
    }
    let der = decode(&body);
    drill(&with_certificate(&folder, &der), &[]).done();
    drill(&with_certificate(&folder, &der[..der.len() - 1]), &[]).refused(&["ada.cer"]);
    drill(&with_certificate(&folder, [&der[..], b"\0"].concat()), &[]).refused(&["ada.cer"]);
}

fn decode(base64: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = base64
        .bytes()
        .filter(|&byte| byte != b'=')
        .map(value)
        .collect();
    let group = |chunk: &[u8]| {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, &digit| bits << 6 | u32::from(digit))
            << (6 * (4 - chunk.len()));
        bits.to_be_bytes()[1..chunk.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

#[test]
fn what_is_no_usable_key_is_refused_by_name() {
    let folder = Folder::new();
    let pem = fs::read_to_string(key("s2048_0")).unwrap();
    for (bytes, reason) in [
        (Vec::new(), "is empty"),
        (b"\0\xff garbage".to_vec(), "no private key"),
        (
            fs::read(key("s2048_0").with_extension("cer")).unwrap(),
            "is a certificate, where a private key is expected",
        ),
        (pem.replace("-----END", "----END").into(), "cut short"),
        (pem.replacen("MII", "M!I", 1).into(), "base64"),
        (
            fs::read(fixture("ec.key")).unwrap(),
            "holds no RSA private key, but one of P-256",
        ),
        (fs::read(fixture("ed25519.key")).unwrap(), "ada.key"),
        (
            pem.replace("PRIVATE", "OPENSSH PRIVATE").into(),
            "ssh-keygen -p -m PKCS8",
        ),
        // In BER.
        (
            [b"\x30\x80", &fs::read(fixture("chain.pfx")).unwrap()[4..]].concat(),
            "PKCS#12 file (PFX)",
        ),
        (
            fs::read(key("s2048_1")).unwrap(),
            "not the private key of the certificate",
        ),
    ] {
        drill(&with_key(&folder, bytes), &[]).refused(&["ada.key", reason]);
    }
}

#[test]
fn what_is_no_usable_certificate_is_refused_by_name() {
    let folder = Folder::new();
    for (bytes, reason) in [
        (Vec::new(), "is empty"),
        (
            fs::read(key("s2048_0")).unwrap(),
            "is a private key, where a certificate is expected",
        ),
        // In BER.
        (
            [b"\x30\x80", &fs::read(fixture("chain.p7b")).unwrap()[4..]].concat(),
            "PKCS#7",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec(),
            "base64",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_vec(),
            "",
        ),
        (fs::read(fixture("ec.cer")).unwrap(), "RSA"),
        (fs::read(fixture("rsa1024.cer")).unwrap(), "1024"),
    ] {
        drill(&with_certificate(&folder, bytes), &[]).refused(&["ada.cer", reason]);
    }
    let key = folder.custodian("s2048_0", "ada");
    fs::remove_file(key.with_extension("cer")).unwrap();
    drill(&key, &[]).refused(&["ada.key", "its certificate is missing", "ada.cer"]);
}

#[test]
fn the_certificates_name_is_the_keys_with_its_last_extension_replaced() {
    let folder = Folder::new();
    for (key_name, certificate_name) in [
        ("ada.old.pem", "ada.old.cer"),
        ("plain", "plain.cer"),
        (".hidden", ".hidden.cer"),
        // As Windows writes them.
        ("UPPER.KEY", "UPPER.CER"),
        ("mixed.key", "mixed.CRT"),
    ] {
        let path = folder.join(key_name);
        fs::copy(key("s2048_0"), &path).unwrap();
        fs::copy(
            key("s2048_0").with_extension("cer"),
            folder.join(certificate_name),
        )
        .unwrap();
        drill(&path, &[]).done();
    }
}

#[test]
fn encrypted_keys_open_with_their_password() {
    let folder = Folder::new();
    let file = folder.write("password.txt", format!("{PASSWORD}\r\n"));
    let wide = format!("\u{feff}{PASSWORD}\r\n");
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let powershell = folder.write("powershell.txt", wide);
    let marked = folder.write("marked.txt", format!("\u{feff}{PASSWORD}"));
    for name in [
        "pbes2-aes256-sha256",
        "pbes2-aes128-sha1",
        "pbes2-3des-sha256",
        "pbes2-scrypt",
        "pbes2-des",
        "pbes1-md5-des",
        "pbes1-md5-rc2",
        "pbes1-sha1-des",
        "pbes1-sha1-rc2",
        "pkcs12-3des",
        "pkcs12-2des",
        "pkcs12-rc2-128",
        "pkcs12-rc2-40",
        "proc-type",
        "proc-type-aes128",
        "proc-type-aes192",
        "proc-type-des3",
        "proc-type-des",
    ] {
        let key = with_key(&folder, fs::read(fixture(&format!("{name}.key"))).unwrap());
        drill(&key, &["--passwords", PASSWORD]).done();
        for file in [&file, &powershell, &marked] {
            drill(&key, &["--password-file", file.to_str().unwrap()]).done();
        }
        drill(&key, &["--passwords", "wrong"]).refused(&["ada.key", "password"]);
        drill(&key, &["--passwords", ""]).refused(&["ada.key", "encrypted"]);
        drill(&key, &[]).refused(&["ada.key", "encrypted"]);
    }
}

#[test]
fn an_encryption_that_is_not_read_is_named_with_the_command_that_converts() {
    let folder = Folder::new();
    for name in ["pbes2-rc2", "pkcs12-rc4", "proc-type-camellia256"] {
        let key = with_key(&folder, fs::read(fixture(&format!("{name}.key"))).unwrap());
        let refused = drill(&key, &["--passwords", PASSWORD]).refused(&[
            "ada.key",
            "not read here",
            "openssl pkcs8 -topk8",
        ]);
        assert!(!refused.contains("password"), "{refused}");
    }
}

#[test]
fn the_work_that_a_key_asks_for_is_bounded() {
    let folder = Folder::new();
    for (name, why) in [
        ("work-iterations", "2000000000 iterations"),
        ("work-pbes1", "2000000000 iterations"),
        ("work-scrypt-memory", "MiB of memory"),
        ("work-scrypt-passes", "passes"),
    ] {
        let key = with_key(&folder, fs::read(fixture(&format!("{name}.key"))).unwrap());
        drill(&key, &["--passwords", PASSWORD]).refused(&["ada.key", why]);
    }
}

#[test]
fn the_key_and_the_certificate_in_pkcs12_serve() {
    for (name, certificate_is_plain) in [
        ("pkcs12-aes256.pfx", false),
        ("pkcs12-3des.pfx", false),
        ("pkcs12-rc2.pfx", false),
        ("pkcs12-plain-certificates.pfx", true),
    ] {
        let folder = Folder::new();
        let bytes = fs::read(fixture(name)).unwrap();
        let key = with_key(&folder, &bytes);
        for beside in [true, false] {
            if !beside {
                fs::remove_file(key.with_extension("cer")).unwrap();
            }
            let out = drill(&key, &["--passwords", PASSWORD]).done();
            assert!(out.contains("opens its share"), "{out}");
            drill(&key, &["--passwords", "wrong"]).refused(&["ada.key", "password"]);
            drill(&key, &["--passwords", ""]).refused(&["ada.key", "password"]);
            drill(&key, &[]).refused(&[
                "ada.key",
                "is encrypted",
                "; give --password-file, or run it on a terminal",
            ]);
        }
        // The certificates of others do not hide the one in the file.
        let certs = crate::key("s2048_1").with_extension("cer");
        let certs = ["--certs", certs.to_str().unwrap(), "--passwords", PASSWORD];
        drill(&key, &certs).done();
        // Cut, or changed: the key or its certificate does not open, and nothing panics.
        let mut opened = 0;
        for place in (0..bytes.len()).step_by(97) {
            let mut other = bytes.clone();
            other[place] ^= 0x10;
            for changed in [&bytes[..place], &other] {
                let key = folder.write("ada.key", changed);
                let run = drill(&key, &["--passwords", PASSWORD]);
                assert!(matches!(run.code, Some(0 | 1)), "{place}: {run:?}");
                opened += usize::from(run.code == Some(0));
            }
        }
        // The checksum is not verified, and only a change that nobody uses goes unnoticed.
        assert!(opened < bytes.len() / 97, "{opened}");
        let shown = secdom(arguments!["inspect", folder.write("ada.pfx", &bytes)]).done();
        assert!(shown.contains("key            encrypted"), "{shown}");
        assert_eq!(shown.contains("s2048_0"), certificate_is_plain, "{shown}");
        assert_eq!(shown.contains("-nokeys"), !certificate_is_plain, "{shown}");
    }
    // Azure Key Vault exports with an empty password.
    let empty = fixture("pkcs12-empty-password.pfx");
    drill(&empty, &[]).done();
    drill(&empty, &["--passwords", ""]).done();
    drill(&empty, &["--passwords", "wrong"]).refused(&["password.pfx", "does not open"]);
    drill(&fixture("pkcs12-no-key.pfx"), &["--passwords", PASSWORD])
        .refused(&["no-key.pfx", "without a private key"]);

    let folder = Folder::new();
    let key = with_key(&folder, fs::read(fixture("pkcs12-rc4.pfx")).unwrap());
    for _ in 0..2 {
        let refused = drill(&key, &["--passwords", PASSWORD]).refused(&[
            "ada.key",
            "not read here",
            "openssl pkcs12 -legacy",
        ]);
        assert!(!refused.contains("pkcs8"), "{refused}");
        let _ = fs::remove_file(key.with_extension("cer"));
    }
}

/// No wrong password opens a key, whose padding is right once in 256 times.
#[test]
fn a_wrong_password_is_named_as_such() {
    let folder = Folder::new();
    let key = with_key(&folder, fs::read(fixture("pbes1-md5-des.key")).unwrap());
    for number in 0..600 {
        drill(&key, &["--passwords", &number.to_string()])
            .refused(&["ada.key", "does not open with the given password"]);
    }
}

#[test]
fn passwords_come_in_the_order_of_the_keys() {
    let folder = Folder::new();
    let encrypted = with_key(
        &folder,
        fs::read(fixture("pbes2-aes256-sha256.key")).unwrap(),
    );
    let empty = folder.write("empty.txt", "");
    let password = folder.write("password.txt", PASSWORD);
    let plain = key("s2048_1");
    let drill = |keys: [&PathBuf; 2], more: &[&str]| {
        let line = arguments![
            "drill",
            "--sd-file",
            vector("valid/v01-2of3-2048/sd.json"),
            "--sd-wrapping-keys",
            keys[0],
            keys[1],
        ];
        secdom(line.into_iter().chain(more.iter().map(Into::into)))
    };
    let (empty, password) = (empty.to_str().unwrap(), password.to_str().unwrap());
    drill([&encrypted, &plain], &["--passwords", PASSWORD, ""]).done();
    drill([&plain, &encrypted], &["--passwords", "", PASSWORD]).done();
    drill(
        [&plain, &encrypted],
        &["--passwords=", "--passwords", PASSWORD],
    )
    .done();
    drill(
        [&plain, &encrypted],
        &["--password-file", empty, "--password-file", password],
    )
    .done();
    drill([&encrypted, &plain], &["--passwords", "", PASSWORD]).refused(&["ada.key", "encrypted"]);
    drill([&plain, &encrypted], &["--passwords", "x", PASSWORD])
        .refused(&["s2048_1.key", "not encrypted"]);
    // Those at the end may be left out, as with the real client.
    drill([&encrypted, &plain], &["--passwords", PASSWORD]).done();
    drill([&encrypted, &plain], &["--password-file", password]).done();
    drill([&plain, &encrypted], &["--passwords", ""]).refused(&["ada.key", "no password is given"]);
    drill([&plain, &encrypted], &["--passwords", "", PASSWORD, ""])
        .refused(&["3 passwords ", "2 keys"]);
    let files = ["--password-file", empty, password, empty];
    drill([&plain, &encrypted], &files).refused(&["3 password files", "2 keys"]);
    drill(
        [&plain, &encrypted],
        &["--password-file", empty, "--password-file", "absent.txt"],
    )
    .refused(&["absent.txt", "no such file"]);
}
