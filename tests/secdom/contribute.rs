// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom contribute`: a custodian's answer, and everything that he must not answer.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64ct::{Base64, Encoding};
use getrandom::SysRng;
use security_domain::rsa::PrivateKey;
use serde_json::Value;

use crate::{Folder, Run, arguments, key, secdom, tool};

/// A request that does not expire.
const REQUEST: &str = "request-without-an-end.cbor";

/// A file of the vectors of the sealed domain.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/sealed-domain")
        .join(name)
}

/// What `inspect --json` says.
pub fn inspected(path: &Path) -> Value {
    serde_json::from_str(&secdom(arguments!["inspect", path, "--json"]).done()).unwrap()
}

fn member(path: &Path, name: &str) -> String {
    inspected(path)[name].as_str().unwrap().to_owned()
}

/// A custodian's key of the vectors in PEM.
pub fn private_key(folder: &Folder, name: &str) -> PathBuf {
    let der = fs::read(file(&format!("keys/{name}.p8"))).unwrap();
    let mut text = vec![0; Base64::encoded_len(&der)];
    let base64 = Base64::encode(&der, &mut text).unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
    folder.write(&format!("{name}.key"), pem)
}

/// The command line of an answer to `request`, with everything as it should be but for its source.
fn line(folder: &Folder, request: &str) -> Vec<OsString> {
    let (sealed, request) = (file("good.sealed"), file(request));
    arguments![
        "contribute",
        "--sealed",
        sealed,
        "--expect-domain",
        member(&sealed, "domain_id"),
        "--request",
        request,
        "--request-digest",
        member(&request, "request_digest"),
        "--out",
        folder.join("out"),
    ]
    .to_vec()
}

fn contribute(folder: &Folder, request: &str, source: &[OsString]) -> Run {
    let mut line = line(folder, request);
    line.extend_from_slice(source);
    secdom(line)
}

/// What custodian `a`'s token unwraps.
pub fn unwrapped() -> Vec<u8> {
    let domain = inspected(&file("good.sealed"));
    let wrapped = domain["custodians"][0]["wrapped_share"].as_str().unwrap();
    let mut buffer = vec![0; wrapped.len()];
    let wrapped = Base64::decode(wrapped, &mut buffer).unwrap();
    let key = PrivateKey::from_pkcs8_der(&fs::read(file("keys/a.p8")).unwrap()).unwrap();
    let mut out = vec![0; 65];
    let len = key.decrypt_oaep_sha256(b"", wrapped, &mut SysRng, &mut out);
    assert_eq!(len, Ok(65));
    out
}

/// A command line that answers a request with a share from this source.
pub fn with_share(folder: &Folder, source: &[OsString]) -> Vec<OsString> {
    let mut line = line(folder, REQUEST);
    line.extend_from_slice(source);
    line
}

#[track_caller]
fn is_of_the_first(folder: &Folder) {
    let out = folder.join("out");
    let contribution = inspected(&out);
    assert_eq!(contribution["format"], "contribution");
    assert_eq!(contribution["index"], 1);
    assert_eq!(
        contribution["request_digest"],
        inspected(&file(REQUEST))["request_digest"]
    );
    fs::remove_file(out).unwrap();
}

/// What key management services answer.
fn answers(share: &[u8]) -> Vec<String> {
    let mut text = [0; 88];
    let base64 = Base64::encode(share, &mut text).unwrap();
    let bare = base64.trim_end_matches('=');
    let url = bare.replace('+', "-").replace('/', "_");
    let json =
        |member: &str, value: &str| format!("{{\"KeyId\": \"k\", \"{member}\": \"{value}\"}}");
    vec![
        base64.into(),
        format!("{base64}\n"),
        format!("{}\n{}\n", &base64[..40], &base64[40..]),
        bare.into(),
        url.clone(),
        format!("{url}=\r\n"),
        format!("\"{base64}\""),
        json("Plaintext", base64),
        json("plaintext", base64),
        json("result", base64),
        json("value", &url),
    ]
}

#[test]
fn a_share_leaves_by_key_by_file_or_through_a_pipe() {
    let folder = Folder::new();
    let key = private_key(&folder, "a");
    let out = contribute(&folder, REQUEST, &arguments!["--key", key]).done();
    let domain = inspected(&file("good.sealed"));
    assert!(
        out.contains(domain["custodians"][0]["id"].as_str().unwrap()),
        "{out}"
    );
    is_of_the_first(&folder);

    let share = folder.write("share", unwrapped());
    contribute(&folder, REQUEST, &arguments!["--share", share]).done();
    for answer in answers(&unwrapped()) {
        fs::remove_file(folder.join("out")).unwrap();
        let share = folder.write("answer", &answer);
        let run = contribute(&folder, REQUEST, &arguments!["--share", share]);
        assert_eq!(run.code, Some(0), "{answer}: {run:?}");
    }
    is_of_the_first(&folder);

    let mut line = line(&folder, REQUEST);
    line.extend(arguments!["--share", "-"]);
    let mut child = tool().args(line).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&unwrapped()).unwrap();
    assert!(child.wait().unwrap().success());
    is_of_the_first(&folder);
}

#[test]
fn what_must_not_be_answered_is_not() {
    let folder = Folder::new();
    let own = arguments!["--key", private_key(&folder, "a")];
    let before = folder.names();
    for (request, words) in [
        ("request-for-another-domain.cbor", "domain"),
        ("request-for-another-header.cbor", "header"),
        ("request-for-another-epoch.cbor", "epoch"),
    ] {
        contribute(&folder, request, &own).refused(&[request, words]);
        assert_eq!(folder.names(), before);
    }
    let stranger = arguments!["--key", key("s2048_0")];
    contribute(&folder, REQUEST, &stranger).refused(&["s2048_0", "no share"]);
    let mut bytes = unwrapped();
    for (place, share) in [(0, "context"), (32, "index"), (64, "share")] {
        bytes[place] ^= 1;
        let path = folder.write(share, &bytes);
        let run = contribute(&folder, REQUEST, &arguments!["--share", path]);
        run.refused(&[share]);
        bytes[place] ^= 1;
        fs::remove_file(path).unwrap();
    }
    let path = folder.write("long", [bytes.as_slice(), b"x"].concat());
    contribute(&folder, REQUEST, &arguments!["--share", path]).refused(&["65 bytes"]);
    assert!(!folder.join("out").exists());
}

/// The option is about domain files: beside --sealed it would do nothing.
#[test]
fn no_unknown_members_are_passed_over_in_a_sealed_domain() {
    let folder = Folder::new();
    let mut arguments = line(&folder, REQUEST);
    let key = private_key(&folder, "a").into_os_string();
    arguments.extend(["--allow-unknown-members".into(), "--key".into(), key]);
    let run = secdom(arguments);
    assert!(run.err.contains("--allow-unknown-members"), "{run:?}");
    run.unreadable();
    assert!(!folder.join("out").exists());
}

#[test]
fn another_digest_another_domain_and_a_taken_name_are_refused() {
    let folder = Folder::new();
    let own = arguments!["--key", private_key(&folder, "a")];
    let refused = |from: &str, to: String, words: &[&str]| {
        let mut line = line(&folder, REQUEST);
        let place = line.iter().position(|argument| argument == from).unwrap() + 1;
        line[place] = to.into();
        line.extend_from_slice(&own);
        let run = secdom(line);
        match words {
            [] => run.unreadable(),
            words => drop(run.refused(words)),
        }
        assert!(!folder.join("out").exists());
    };
    refused("--request-digest", "0".repeat(64), &[REQUEST, "HSM showed"]);
    refused(
        "--expect-domain",
        "0".repeat(64),
        &["good.sealed", "domain"],
    );
    refused("--request-digest", "0".repeat(63), &[]);
    refused("--expect-domain", "g".repeat(64), &[]);
    contribute(&folder, REQUEST, &[]).unreadable();
    let both = [&own[..], &arguments!["--share", "-"]].concat();
    contribute(&folder, REQUEST, &both).refused(&["a.key", "--share", "without --key"]);

    folder.write("out", b"taken");
    contribute(&folder, REQUEST, &own).refused(&["out", "exists"]);
    assert_eq!(fs::read(folder.join("out")).unwrap(), b"taken");
}
