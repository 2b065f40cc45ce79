// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm import`: a restore blob of Managed HSM, taken in and confirmed.

use std::ffi::OsString;
use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::simulated::{CUSTODIANS, Site};
use crate::{Run, arguments, names, secdom};

/// A Managed HSM domain of two artifacts, restored to the transfer certificate.
pub fn restore_blob(site: &Site, certificate: &str, tags: [&str; 2], blob: &str) -> Run {
    let cer = CUSTODIANS.map(|name| site.path(&format!("{name}.cer")));
    let file = site.path(&format!("{blob}.json"));
    let artifact = |tag: &str| format!("{tag}={}", site.path("signing.bin").display());
    secdom(arguments![
        "download",
        "--sd-quorum",
        "2",
        "--artifact",
        artifact(tags[0]),
        artifact(tags[1]),
        "--security-domain-file",
        file,
        "--sd-wrapping-keys",
        cer[0],
        cer[1],
        cer[2],
    ])
    .done();
    secdom(arguments![
        "restore-blob",
        "--sd-file",
        file,
        "--sd-exchange-key",
        site.path(certificate),
        "--sd-file-restore-blob",
        site.path(blob),
        "--sd-wrapping-keys",
        site.path(&format!("{}.key", CUSTODIANS[0])),
        site.path(&format!("{}.key", CUSTODIANS[1])),
    ])
}

fn confirm(site: &Site, domain: &str, digests: &[&str]) -> Run {
    let mut given = arguments!["--expect-domain", domain].to_vec();
    for digest in digests {
        given.extend(arguments!["--digest", digest]);
    }
    site.hsm("import-confirm", "hsm", &given)
}

/// An HSM that is active by an import, whose domain has no custodians yet. It is named `hsm`.
pub fn imported(site: &Site) {
    site.import_begin("hsm", "transfer.pem", &["first", "second"])
        .done();
    restore_blob(site, "transfer.pem", ["first", "second"], "blob").done();
    site.import("hsm", "blob").done();
    let shown = site.status("hsm")["domain_id"].clone();
    let given = confirmation(shown.as_str().unwrap());
    site.hsm("import-confirm", "hsm", &given).done();
}

/// What confirms such a domain.
pub fn confirmation(domain: &str) -> Vec<OsString> {
    let digest = Sha256::digest(b"a signing key of thirty-two bytes");
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut given = arguments!["--expect-domain", domain].to_vec();
    for tag in ["first", "second"] {
        given.extend(arguments!["--digest", format!("{tag}={digest}")]);
    }
    given
}

#[test]
fn an_imported_domain_is_used_once_it_is_confirmed() {
    let site = Site::new();
    site.import("hsm", "signing.bin").refused(&["signing.bin"]);
    let missing = confirm(&site, &"0".repeat(64), &[]);
    missing.refused(&["is not a simulated HSM; check --hsm"]);
    site.import_begin("hsm", "transfer.pem", &["first", "second"])
        .done();
    site.is("hsm", "importing");
    restore_blob(&site, "transfer.pem", ["first", "second"], "blob").done();
    restore_blob(&site, "transfer.pem", ["first", "third"], "other").done();

    site.import("hsm", "other").refused(&[
        "other: lists the artifacts \"first\", \"third\"",
        "import-begin expects \"first\", \"second\"",
        "hsm recover-cancel",
        "new hsm import-begin",
    ]);
    let zeros = "0".repeat(64);
    confirm(&site, &zeros, &[]).refused(&["hsm", "importing"]);
    let out = site.import("hsm", "blob").done();
    assert!(out.starts_with("imported\ndomain-id "), "{out}");
    site.is("hsm", "imported");
    site.artifacts("hsm", "early").refused(&["hsm", "imported"]);

    let shown = site.status("hsm")["domain_id"].clone();
    let shown = shown.as_str().unwrap();
    confirm(&site, &zeros, &[]).refused(&[shown, &zeros]);
    let wrong = format!("second={zeros}");
    confirm(&site, shown, &[&wrong]).refused(&["\"second\" has another digest"]);
    let wrong = format!("third={zeros}");
    confirm(&site, shown, &[&wrong]).refused(&["\"third\" did not come in"]);
    site.is("hsm", "imported");
    confirm(&site, shown, &[]).refused(&["\"first\"", "give --digest TAG=SHA256"]);
    let digest = Sha256::digest(b"a signing key of thirty-two bytes");
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let [first, second] = ["first", "second"].map(|tag| format!("{tag}={digest}"));
    confirm(&site, shown, &[&first]).refused(&["\"second\"", "--digest"]);
    let out = confirm(&site, shown, &[&first, &second]).done();
    assert!(out.contains("sealed not yet"), "{out}");
    site.is("hsm", "active");
    assert_eq!(site.status("hsm")["sealed"], false);
    site.artifacts("hsm", "out").done();
    assert_eq!(names(&site.path("out")), ["first", "second"]);
    assert_eq!(
        fs::read(site.path("out/second")).unwrap(),
        b"a signing key of thirty-two bytes"
    );
    assert_eq!(
        site.events("hsm"),
        [
            "begin-import",
            "refused",
            "import",
            "refused",
            "refused",
            "refused",
            "refused",
            "refused",
            "confirm-import"
        ]
    );
    assert_eq!(
        site.outcomes("hsm"),
        ["begin-import done", "import done", "confirm-import done"]
    );
}

/// No custodian has a share of an imported domain, until it is sealed to them.
#[test]
fn an_imported_domain_is_sealed_to_its_custodians() {
    let site = Site::new();
    site.import_begin("hsm", "transfer.pem", &["first", "second"])
        .done();
    restore_blob(&site, "transfer.pem", ["first", "second"], "blob").done();
    let line = arguments!["--json", "--sd-file", site.path("blob")];
    let imported = site.hsm("import", "hsm", &line).done();
    let imported: Value = serde_json::from_str(&imported).unwrap();
    let id = site.status("hsm")["domain_id"].clone();
    assert_eq!(
        imported,
        json!({ "state": "imported", "domain_id": id, "sealed": false })
    );
    let digest = Sha256::digest(fs::read(site.path("signing.bin")).unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let [first, second] = ["first", "second"].map(|tag| format!("{tag}={digest}"));
    let line = arguments![
        "--json",
        "--expect-domain",
        id.as_str().unwrap(),
        "--digest",
        first,
        second
    ];
    let confirmed = site.hsm("import-confirm", "hsm", &line).done();
    let confirmed: Value = serde_json::from_str(&confirmed).unwrap();
    assert_eq!(
        confirmed,
        json!({ "state": "active", "domain_id": id, "sealed": false })
    );
    let out = site
        .activate_to("hsm", &site.path("domain.sealed"), "2")
        .done();
    assert!(out.contains(id.as_str().unwrap()), "{out}");
    let status = site.status("hsm");
    assert_eq!(
        (&status["sealed"], &status["domain_id"]),
        (&true.into(), &id)
    );
    site.activate_to("hsm", &site.path("again.sealed"), "3")
        .refused(&["sealed"]);
    assert!(!site.path("again.sealed").exists());
}

#[test]
fn an_import_that_is_cancelled_leaves_an_empty_hsm() {
    let site = Site::new();
    site.import_begin("hsm", "transfer.pem", &["first", "second"])
        .done();
    restore_blob(&site, "transfer.pem", ["first", "second"], "blob").done();
    site.import("hsm", "blob").done();
    site.plain("recover-cancel", "hsm").done();
    site.is("hsm", "empty");
    assert!(site.status("hsm")["domain_id"].is_null());
    site.import("hsm", "blob").refused(&["hsm", "empty"]);

    site.import_begin("hsm", "again.pem", &["first", "second"])
        .done();
    site.import("hsm", "blob")
        .refused(&["blob", "transfer key"]);
    site.import_begin("hsm", "third.pem", &["first"])
        .refused(&["hsm", "importing"]);
}

#[test]
fn an_importing_hsm_shows_its_transfer_key_and_the_expected_tags() {
    let site = Site::new();
    let begun = site.import_begin("hsm", "transfer.pem", &["first", "second"]);
    let begun = begun.done();
    let (_, thumbprint) = begun.trim_end().split_once("thumbprint ").unwrap();
    let status = site.status("hsm");
    assert_eq!(status["transfer_key"], thumbprint);
    assert_eq!(status["expected"], json!(["first", "second"]));
    assert_eq!(status["tries_left"], 3);
    let text = site.plain("status", "hsm").done();
    assert!(
        text.contains(&format!("transfer-key    {thumbprint}\n")),
        "{text}"
    );
    assert!(
        text.contains("expected        \"first\", \"second\"\n"),
        "{text}"
    );
    site.plain("recover-cancel", "hsm").done();
    let status = site.status("hsm");
    assert!(status["transfer_key"].is_null() && status["expected"].is_null());
    assert!(!names(&site.path("hsm")).contains(&"expected".into()));
}

#[test]
fn a_step_without_its_hsm_says_how_to_begin() {
    let site = Site::new();
    site.import_begin("other", "transfer.pem", &["first", "second"])
        .done();
    restore_blob(&site, "transfer.pem", ["first", "second"], "blob").done();
    site.import("hsm", "blob")
        .refused(&["hsm: is not a simulated HSM; begin with hsm import-begin"]);
    site.add("hsm", &["signing.bin"])
        .refused(&["hsm: is not a simulated HSM; begin with hsm recover-begin"]);
    site.plain("status", "hsm")
        .refused(&["hsm: is not a simulated HSM; check --hsm"]);
}

#[test]
fn tags_that_cannot_be_expected_are_refused() {
    let site = Site::new();
    site.import_begin("hsm", "t.pem", &["a", "a"])
        .refused(&["twice"]);
    site.import_begin("hsm", "t.pem", &[""])
        .refused(&["--expect-tag \"\""]);
    site.import_begin("hsm", "none/t.pem", &["a"])
        .refused(&["none", "none does not exist"]);
    assert!(!site.path("hsm").exists() && !site.path("t.pem").exists());
}
