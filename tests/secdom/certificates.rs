// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates in PKCS#7 and PKCS#12, and those near their keys.

use std::fs;
use std::path::Path;

use base64ct::{Base64, Encoding};
use serde_json::Value;

use crate::formats::{download, drill};
use crate::{Folder, arguments, fixture, key, names, secdom};

#[test]
fn certificates_are_read_from_pkcs7() {
    let folder = Folder::new();
    let der = fs::read(fixture("chain.p7b")).unwrap();
    let mut text = vec![0; Base64::encoded_len(&der)];
    let base64 = Base64::encode(&der, &mut text).unwrap();
    let leaf = fs::read(fixture("chain-leaf.cer")).unwrap();
    let thumbprints = |file: &Path| {
        let shown = secdom(arguments!["inspect", "--json", file]).done();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let all = shown["certificates"].as_array().unwrap().clone();
        all.into_iter()
            .map(|one| one["thumbprint"].clone())
            .collect::<Vec<_>>()
    };
    let expected = thumbprints(&folder.write("leaf.cer", leaf))[0].clone();
    for bytes in [
        der.clone(),
        base64.into(),
        format!("-----BEGIN PKCS7-----\n{base64}\n-----END PKCS7-----\n").into(),
        format!("-----BEGIN CMS-----\n{base64}\n-----END CMS-----\n").into(),
    ] {
        let file = folder.write("chain.p7b", bytes);
        let all = thumbprints(&file);
        assert!(all.len() == 2 && all.contains(&expected), "{all:?}");
        // The one that issued no other, as in a chain of PEM.
        let sealed = download(&folder, &file).done();
        assert!(sealed.contains(expected.as_str().unwrap()), "{sealed}");
        // Beside its key.
        let key_file = folder.write("chain.key", fs::read(fixture("chain-leaf.key")).unwrap());
        drill(&folder.join("domain.json"), &[&key_file]).done();
    }
    // BER, as some programs write it, and one that is cut.
    let mut ber = vec![0x30, 0x80];
    ber.extend(&der[4..]);
    ber.extend([0, 0]);
    for (bytes, why) in [(ber, "openssl pkcs7"), (der[..900].to_vec(), "cut short")] {
        let file = folder.write("chain.p7b", bytes);
        download(&folder, &file).refused(&["chain.p7b", why]);
        secdom(arguments!["inspect", file]).refused(&["chain.p7b", why]);
    }
}

#[test]
fn certificates_are_read_from_pkcs12() {
    let folder = Folder::new();
    // Of two certificates the one that issued no other.
    let der = fs::read(fixture("chain-plain-certificates.pfx")).unwrap();
    let mut text = vec![0; Base64::encoded_len(&der)];
    let base64 = Base64::encode(&der, &mut text).unwrap();
    let leaf = fs::read_to_string(fixture("chain-leaf.cer")).unwrap();
    let sealed = download(&folder, &folder.write("leaf.cer", leaf)).done();
    let thumbprint = |sealed: &str| {
        let line = sealed.lines().find(|line| line.contains("CN=Ada"));
        line.unwrap().split_whitespace().nth(2).unwrap().to_owned()
    };
    let expected = thumbprint(&sealed);
    for bytes in [der.clone(), base64.into()] {
        let file = folder.write("ada.pfx", bytes);
        let sealed = download(&folder, &file).done();
        assert_eq!(thumbprint(&sealed), expected);
        assert!(sealed.contains("one of 2 in the file"), "{sealed}");
    }
    // Nobody is there who could be asked for the password.
    let file = folder.write("ada.pfx", fs::read(fixture("pkcs12-aes256.pfx")).unwrap());
    download(&folder, &file).refused(&["ada.pfx", "is encrypted", "openssl pkcs12", "-nokeys"]);
    let mut ber = vec![0x30, 0x80];
    ber.extend(&der[4..]);
    ber.extend([0, 0]);
    for (bytes, why) in [(ber, "openssl pkcs12"), (der[..900].to_vec(), "cut short")] {
        let file = folder.write("ada.pfx", bytes);
        download(&folder, &file).refused(&["ada.pfx", why]);
        secdom(arguments!["inspect", file]).refused(&["ada.pfx", why]);
    }
}

#[test]
fn a_transfer_certificate_beside_its_key_or_in_it_serves() {
    let folder = Folder::new();
    let blob = folder.join("restore.json");
    secdom(crate::outputs::restore_blob(&blob)).done();
    let private = fs::read_to_string(key("stransfer2048")).unwrap();
    let certificate = fs::read_to_string(key("stransfer2048").with_extension("cer")).unwrap();
    let other = fs::read_to_string(key("s2048_0").with_extension("cer")).unwrap();
    let upload = |key: &Path, out: &str| {
        let out = folder.join(out);
        secdom(arguments![
            "upload",
            "--sd-file",
            blob,
            "--transfer-key",
            key,
            "--out-dir",
            out
        ])
    };
    let alone = folder.write("alone.key", &private);
    upload(&alone, "none").refused(&["alone.key", "alone.cer", "--sd-exchange-key"]);
    upload(
        &folder.write("both.key", format!("{other}{private}{certificate}")),
        "one",
    )
    .done();
    folder.write("alone.crt", &certificate);
    upload(&alone, "two").done();
    folder.write("alone.crt", &other);
    upload(&alone, "three").refused(&["restore.json"]);
    assert_eq!(names(&folder.join("one")), names(&folder.join("two")));
}
