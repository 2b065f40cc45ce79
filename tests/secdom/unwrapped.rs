// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--sd-unwrapped`: custodians whose keys are elsewhere give what their keys decrypted.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64ct::{Base64, Encoding};
use getrandom::SysRng;
use security_domain::rsa::PrivateKey;
use serde_json::Value;

use crate::contribute::inspected;
use crate::{Folder, Run, arguments, key, restore_blob, secdom, tool, upload, vector};

fn domain() -> PathBuf {
    vector("valid/v04-3of5-2048/sd.json")
}

fn certificate(number: usize) -> PathBuf {
    key(&format!("s2048_{number}")).with_extension("cer")
}

fn keys<const N: usize>(numbers: [usize; N]) -> [OsString; N] {
    numbers.map(|number| key(&format!("s2048_{number}")).into())
}

/// The key of custodian `number` unwraps what `inspect` prints for custodian `of`.
pub fn content_key(number: usize, of: usize) -> Vec<u8> {
    let pem = fs::read_to_string(key(&format!("s2048_{number}"))).unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let private = PrivateKey::from_pkcs8_der(&decoded(&base64)).unwrap();
    let wrapped = wrapped(&inspected(&domain())["custodians"][of]);
    let mut out = [0; 80];
    let length = private.decrypt_oaep_sha256(b"", &wrapped, &mut SysRng, &mut out);
    out[..length.unwrap()].to_vec()
}

fn wrapped(custodian: &Value) -> Vec<u8> {
    decoded(custodian["wrapped_content_key"].as_str().unwrap())
}

fn decoded(base64: &str) -> Vec<u8> {
    let mut bytes = vec![0; base64.len()];
    Base64::decode(base64, &mut bytes).unwrap().to_vec()
}

/// `CER=FILE`.
fn unwrapped(certificate: &Path, answer: &Path) -> OsString {
    let mut argument = OsString::from(certificate);
    argument.push("=");
    argument.push(answer);
    argument
}

/// What the custodian's key unwrapped, in a file.
fn answer(folder: &Folder, number: usize) -> OsString {
    let path = folder.write(&format!("{number}.unwrapped"), content_key(number, number));
    unwrapped(&certificate(number), &path)
}

fn restore(folder: &Folder, keys: &[OsString], unwrapped: &[OsString]) -> Run {
    let out = folder.join("restore.json");
    secdom(with_unwrapped(
        restore_blob(&domain(), &out, keys),
        unwrapped,
    ))
}

fn drill(keys: &[OsString], unwrapped: &[OsString]) -> Run {
    let mut line = arguments!["drill", "--sd-file", domain(), "--sd-wrapping-keys"].to_vec();
    line.extend_from_slice(keys);
    secdom(with_unwrapped(line, unwrapped))
}

/// Without keys, the option for them goes, too.
fn with_unwrapped(mut line: Vec<OsString>, unwrapped: &[OsString]) -> Vec<OsString> {
    if line.last().is_some_and(|last| last == "--sd-wrapping-keys") {
        line.pop();
    }
    line.push("--sd-unwrapped".into());
    line.extend_from_slice(unwrapped);
    line
}

#[test]
fn a_quorum_restores_with_and_without_keys_here() {
    let folder = Folder::new();
    let answers = [0, 1, 2].map(|number| answer(&folder, number));
    for (place, (keys, answers)) in [
        (&keys([3, 4])[..], &answers[..1]),
        (&keys([4]), &answers[1..]),
        (&[], &answers),
    ]
    .into_iter()
    .enumerate()
    {
        restore(&folder, keys, answers).done();
        let out = folder.join(format!("artifacts-{place}"));
        secdom(upload(&folder.join("restore.json"), &out)).done();
        fs::remove_file(folder.join("restore.json")).unwrap();
        let said = drill(keys, answers).done();
        assert!(said.contains("2 artifacts, all opened"), "{said}");
    }
    let names = |place: u32| crate::names(&folder.join(format!("artifacts-{place}")));
    for name in names(0) {
        let artifact = |place| fs::read(folder.join(format!("artifacts-{place}/{name}"))).unwrap();
        assert!(!artifact(0).is_empty());
        assert_eq!([artifact(1), artifact(2)], [artifact(0), artifact(0)]);
    }
    assert_eq!(names(0).len(), 2);
    let one = drill(&[], &answers[..1]).done();
    assert!(
        one.contains("s2048_0.cer=") && one.contains("opens its share"),
        "{one}"
    );
}

#[test]
fn content_keys_are_read_in_every_form() {
    let folder = Folder::new();
    let bytes = content_key(0, 0);
    let mut room = [0; 88];
    let base64 = Base64::encode(&bytes, &mut room).unwrap().to_owned();
    let url = base64
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = digits.concat();
    for form in [
        base64.clone(),
        format!("{base64}\n"),
        url.clone(),
        hex.clone(),
        hex.to_uppercase() + "\r\n",
        digits.join(":"),
        digits.join(" "),
        format!("\"{hex}\""),
        format!("{{\"KeyId\": \"k\", \"Plaintext\": \"{base64}\"}}"),
        format!("{{\"kid\": \"k\", \"result\": \"{url}\"}}"),
    ] {
        let path = folder.write("answer", &form);
        let run = drill(&[], &[unwrapped(&certificate(0), &path)]);
        assert_eq!(run.code, Some(0), "{form}: {run:?}");
    }
    for form in [&hex[..126], &hex[1..], "", "x", &base64[..80]] {
        let path = folder.write("answer", form);
        drill(&[], &[unwrapped(&certificate(0), &path)]).refused(&["answer", "64 bytes"]);
    }
    let line = arguments!["drill", "--sd-file", domain()].to_vec();
    let line = with_unwrapped(line, &[unwrapped(&certificate(0), Path::new("-"))]);
    let mut child = tool().args(line).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_wrong_content_key_is_named() {
    let folder = Folder::new();
    let mut bytes = content_key(0, 0);
    bytes[63] ^= 1;
    let right = [1, 2].map(|number| answer(&folder, number));
    let other = folder.write("other", content_key(1, 1));
    for wrong in [folder.write("flipped", bytes), other] {
        let wrong = unwrapped(&certificate(0), &wrong);
        let name = wrong.to_str().unwrap().rsplit('/').next().unwrap();
        let all = [&right[..], std::slice::from_ref(&wrong)].concat();
        drill(&[], &all).refused(&["s2048_0.cer=", name, "is wrong"]);
        restore(&folder, &[], &all).refused(&["s2048_0.cer=", name, "is wrong"]);
        // The others are a quorum without it.
        let run = restore(&folder, &keys([3]), &all);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(
            run.err.contains(name) && run.err.contains("is wrong"),
            "{run:?}"
        );
        fs::remove_file(folder.join("restore.json")).unwrap();
    }
    let stranger = unwrapped(&certificate(7), &folder.join("other"));
    drill(&keys([1]), &[stranger]).refused(&["s2048_7.cer=", "belongs to no share"]);
}

#[test]
fn a_custodian_counts_once() {
    let folder = Folder::new();
    let own = answer(&folder, 0);
    let words = ["s2048_0.cer=", "already gives", "s2048_0.key"];
    drill(&keys([0, 1]), std::slice::from_ref(&own)).refused(&words);
    drill(&[], &[own.clone(), own.clone()]).refused(&["is given twice"]);
    let again = folder.write("again", content_key(0, 0));
    let again = unwrapped(&certificate(0), &again);
    drill(&[], &[own.clone(), again]).refused(&["again", "already gives"]);
    restore(&folder, &keys([0, 1]), &[own]).refused(&words);
    assert!(!folder.join("restore.json").exists());
}

#[test]
fn what_is_no_certificate_and_file_is_refused() {
    let folder = Folder::new();
    drill(&[], &["answer".into()]).refused(&["answer", "CER=FILE"]);
    drill(&[], &["=answer".into()]).refused(&["CER=FILE"]);
    drill(&[], &["no.cer=answer".into()]).refused(&["no.cer", "no such file"]);
    let missing = unwrapped(&certificate(0), &folder.join("none"));
    drill(&[], &[missing]).refused(&["none", "no such file"]);
    secdom(arguments!["drill", "--sd-file", domain()]).unreadable();
    // A name with the sign in it.
    let odd = folder.join("a=b.cer");
    fs::copy(certificate(0), &odd).unwrap();
    let path = folder.write("c=d", content_key(0, 0));
    drill(&[], &[unwrapped(&odd, &path)]).done();

    let split = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/split-keys/domain.json");
    let line = arguments!["drill", "--sd-file", split].to_vec();
    secdom(with_unwrapped(line, &[answer(&folder, 0)])).refused(&["version 1", "partner"]);
}

/// The command itself is run by `tests/interop/tokens.py`.
#[test]
fn inspect_says_how_to_unwrap() {
    let report = inspected(&domain());
    let custodians = report["custodians"].as_array().unwrap();
    assert_eq!(custodians.len(), 5);
    for custodian in custodians {
        assert_eq!(wrapped(custodian).len(), 256);
        let command = custodian["command"].as_str().unwrap();
        assert!(command.contains(custodian["wrapped_content_key"].as_str().unwrap()));
        for part in ["pkeyutl -decrypt", "oaep_md:sha256", "mgf1_md:sha256"] {
            assert!(command.contains(part), "{command}");
        }
    }
    // A damaged share has none, and a request has no share.
    let mut file: Value = serde_json::from_slice(&fs::read(domain()).unwrap()).unwrap();
    file["SharedKeys"]["enc_shares"][1]["enc_key"] = "damaged".into();
    let folder = Folder::new();
    let report = inspected(&folder.write("damaged.json", file.to_string()));
    assert_eq!(report["custodians"][1]["wrapped_content_key"], Value::Null);
    assert_ne!(report["custodians"][0]["wrapped_content_key"], Value::Null);
}
