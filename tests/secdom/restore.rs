// SPDX-License-Identifier: MIT OR Apache-2.0
//! The main job: `restore-blob`, and `upload` of what it wrote, on every domain of the vectors.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Folder, arguments, key, restore_blob, sealed, secdom, thumbprint, vector};

fn read_json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect()
}

/// The tag as RFC 3986 would write it.
fn file_name(tag: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| {
        if unreserved(byte) {
            char::from(byte).into()
        } else {
            format!("%{byte:02X}")
        }
    };
    tag.bytes().map(encode).collect()
}

/// Restores with the keys of `custodians` and compares every artifact.
fn round(id: &str, custodians: &[&str], transfer: &str) {
    let folder = Folder::new();
    let (blob, out) = (folder.join("restore.json"), folder.join("artifacts"));
    let mut line = arguments![
        "restore-blob",
        "--sd-file",
        vector(format!("valid/{id}/sd.json")),
        "--sd-exchange-key",
        vector(format!("transfer/{transfer}.pem")),
        "--sd-file-restore-blob",
        blob,
        "--sd-wrapping-keys",
    ]
    .to_vec();
    line.extend(custodians.iter().map(|name| key(name).into()));
    secdom(line).done();
    secdom(arguments![
        "upload",
        "--sd-file",
        blob,
        "--transfer-key",
        key(transfer),
        "--sd-exchange-key",
        vector(format!("transfer/{transfer}.pem")),
        "--out-dir",
        out,
    ])
    .done();

    let case = read_json(vector(format!("valid/{id}/case.json")));
    let artifacts = case["artifacts"].as_array().unwrap();
    assert_eq!(crate::names(&out).len(), artifacts.len());
    for artifact in artifacts {
        let name = file_name(artifact["tag"].as_str().unwrap());
        let bytes = fs::read(out.join(name)).unwrap();
        assert_eq!(bytes.len() as u64, artifact["size"].as_u64().unwrap());
        assert_eq!(base64(&bytes), artifact["b64"].as_str().unwrap());
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(DIGITS[bits as usize & 63]);
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0, |group, &byte| group << 8 | u32::from(byte))
            << (8 * (3 - chunk.len()));
        out.push(digit(group >> 18));
        out.push(digit(group >> 12));
        out.push(if chunk.len() > 1 {
            digit(group >> 6)
        } else {
            '='
        });
        out.push(if chunk.len() > 2 { digit(group) } else { '=' });
    }
    out
}

#[test]
fn every_domain_of_the_vectors_restores() {
    let manifest = read_json(vector("manifest.json"));
    let mut rounds = 0;
    for entry in manifest["entries"].as_array().unwrap() {
        if entry["kind"] == "valid-sd" {
            let required = entry["required"].as_u64().unwrap() as usize;
            let custodians = strings(&entry["custodians"]);
            let transfer = if rounds % 7 == 0 {
                "stransfer4096"
            } else {
                "stransfer2048"
            };
            // The last custodians first: the order of the keys means nothing.
            let present: Vec<&str> = custodians.iter().rev().take(required).copied().collect();
            round(entry["id"].as_str().unwrap(), &present, transfer);
            rounds += 1;
        }
    }
    assert_eq!(rounds, 14);
}

#[test]
fn more_keys_than_required_restore_too() {
    round(
        "v06-3of10-2048",
        &["s2048_9", "s2048_0", "s2048_5", "s2048_3"],
        "stransfer2048",
    );
}

#[test]
fn the_real_clients_blobs_upload() {
    let folder = Folder::new();
    for id in ["v01-2of3-2048", "v11-pretty-reordered", "v13-tag-text"] {
        let case = vector("valid").join(id);
        let blob = fs::read_dir(case)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                path.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with("restore-")
            });
        let blob = blob.unwrap();
        let thumbprint = &read_json(blob.clone())["WrappedKey"]["x5t_256"];
        let transfer = ["stransfer2048", "stransfer4096"].into_iter().find(|name| {
            let key = read_json(vector(format!("transfer/{name}.rest.json")));
            key["transfer_key"]["x5t#S256"] == *thumbprint
        });
        let transfer = transfer.unwrap();
        secdom(arguments![
            "upload",
            "--sd-file",
            blob,
            "--transfer-key",
            key(transfer),
            "--sd-exchange-key",
            vector(format!("transfer/{transfer}.pem")),
            "--out-dir",
            folder.join(id),
        ])
        .done();
    }
}

/// A `restore-blob` of `domain` with `keys`, into the folder.
fn restore(folder: &Folder, domain: &Path, keys: &[PathBuf]) -> crate::Run {
    secdom(restore_blob(domain, &folder.join("restore.json"), keys))
}

/// The domain file with the encrypted share of custodian number `index` damaged: its tag, so that
/// nobody can tell without the key.
fn with_wrong_share(folder: &Folder, domain: PathBuf, index: usize) -> PathBuf {
    let mut file = read_json(domain);
    let jwe = &mut file["SharedKeys"]["enc_shares"][index]["enc_key"];
    let mut text = jwe.as_str().unwrap().to_owned().into_bytes();
    let last = text.len() - 10;
    text[last] = if text[last] == b'A' { b'B' } else { b'A' };
    *jwe = String::from_utf8(text).unwrap().into();
    folder.write("wrong-share.json", file.to_string())
}

#[test]
fn a_wrong_share_is_left_out_and_named() {
    let folder = Folder::new();
    let domain = with_wrong_share(&folder, sealed(&folder), 1);
    let run = restore(
        &folder,
        &domain,
        &[key("s2048_0"), key("s2048_1"), key("s2048_2")],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.err.lines().count(), 1, "{run:?}");
    let thumbprint = thumbprint(&key("s2048_1").with_extension("cer"));
    assert!(
        run.err.contains("s2048_1.key") && run.err.contains(&thumbprint),
        "{run:?}"
    );
    assert!(folder.join("restore.json").exists());
}

#[test]
fn a_wrong_share_of_exactly_a_quorum_is_refused_and_named() {
    let folder = Folder::new();
    let domain = with_wrong_share(&folder, sealed(&folder), 1);
    restore(&folder, &domain, &[key("s2048_0"), key("s2048_1")])
        .refused(&["wrong-share.json", "s2048_1.key"]);
    assert!(!folder.join("restore.json").exists());
}

#[test]
fn a_share_that_disagrees_is_left_out_and_named() {
    // The file was made with other custodians' order, so that a share of another domain stands in
    // it.
    let (folder, other) = (Folder::new(), Folder::new());
    let mut file = read_json(sealed(&folder));
    file["SharedKeys"]["enc_shares"][2] =
        read_json(sealed(&other))["SharedKeys"]["enc_shares"][2].take();
    let domain = folder.write("disagrees.json", file.to_string());
    let run = restore(
        &folder,
        &domain,
        &[key("s2048_2"), key("s2048_1"), key("s2048_0")],
    );
    assert_eq!((run.code, run.err.lines().count()), (Some(0), 1), "{run:?}");
    assert!(run.err.contains("s2048_2.key"), "{run:?}");
    fs::remove_file(folder.join("restore.json")).unwrap();
    restore(&folder, &domain, &[key("s2048_2"), key("s2048_1")]).refused(&["disagrees.json"]);
}

#[test]
fn too_few_keys_are_refused_with_both_numbers() {
    let folder = Folder::new();
    let domain = vector("valid/v04-3of5-2048/sd.json");
    restore(&folder, &domain, &[key("s2048_0"), key("s2048_1")])
        .refused(&["2 keys", "3", "sd.json"]);
    restore(&folder, &domain, &[key("s2048_0")]).refused(&["1 key ", "3", "sd.json"]);
    assert!(folder.names().is_empty());
}

#[test]
fn a_custodian_given_twice_is_refused() {
    let folder = Folder::new();
    let again = folder.custodian("s2048_0", "again");
    let domain = vector("valid/v01-2of3-2048/sd.json");
    restore(&folder, &domain, &[key("s2048_0"), again]).refused(&["again.key", "s2048_0.key"]);
    restore(&folder, &domain, &[key("s2048_0"), key("s2048_0")])
        .refused(&["s2048_0.key: is given twice"]);
    let certificate = key("s2048_0").with_extension("cer");
    secdom(arguments![
        "download",
        "--sd-quorum",
        "2",
        "--artifact",
        format!("one={}", domain.display()),
        "--security-domain-file",
        folder.join("out.json"),
        "--sd-wrapping-keys",
        certificate,
        certificate,
        key("s2048_1").with_extension("cer"),
    ])
    .refused(&["s2048_0.cer: is given twice"]);
}

#[test]
fn a_key_that_belongs_to_no_share_is_refused() {
    let folder = Folder::new();
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let keys = [key("s2048_0"), key("s2048_9")];
    restore(&folder, &domain, &keys).refused(&["s2048_9.key", "sd.json"]);
    assert!(folder.names().is_empty());
}

#[test]
fn a_key_beside_another_keys_certificate_is_refused() {
    let folder = Folder::new();
    let crossed = folder.custodian("s2048_1", "crossed");
    fs::copy(key("s2048_3"), &crossed).unwrap();
    let domain = vector("valid/v01-2of3-2048/sd.json");
    restore(&folder, &domain, &[key("s2048_0"), crossed]).refused(&["crossed.key", "certificate"]);
    // The certificate is that of the second key, which is right.
    let crossed = folder.custodian("s2048_1", "crossed");
    fs::copy(key("s2048_0"), &crossed).unwrap();
    let blamed = restore(&folder, &domain, &[crossed, key("s2048_1")]);
    blamed.refused(&[
        "crossed.key: is not the private key of the certificate",
        "crossed.cer",
    ]);
}
