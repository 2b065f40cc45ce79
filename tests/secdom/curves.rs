// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates with keys of P-256: custodians of sealed domains, not of Managed HSM.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::keygen::make;
use crate::kinds::sealed_to;
use crate::restore_session::x509;
use crate::simulated::Site;
use crate::{Folder, arguments, fixture, secdom};

fn certificate() -> Vec<u8> {
    x509(&fs::read_to_string(fixture("ec.cer")).unwrap())
}

#[test]
fn a_certificate_with_a_key_of_p256_makes_a_custodian() {
    let site = Site::new();
    let (certificate, key) = (fixture("ec.cer"), fixture("ec.key"));
    let certificates = [certificate.clone(), site.path("s2048_0.cer")];
    let hybrid = [site.path("x.key"), site.path("x.pub")];
    make("x-wing", &hybrid).done();
    let custodians = [&certificates[..], &hybrid[1..]].concat();
    let (sealed, id, said) = sealed_to(&site, "hsm", &custodians);
    let line = said.lines().find(|line| line.contains("ec.cer: "));
    assert!(
        line.unwrap().contains("\"CN=ec\"  P-256  valid until "),
        "{said}"
    );
    assert!(
        said.contains("a quorum with RSA and P-256 keys alone"),
        "{said}"
    );
    // An elliptic curve's key is not a small RSA key.
    assert_eq!(said.matches(" is small: ").count(), 1, "{said}");

    let inspect = arguments!["inspect", "--json", sealed, "--certs", certificate];
    let shown: Value = serde_json::from_str(&secdom(inspect).done()).unwrap();
    let custodian = &shown["custodians"][0];
    assert_eq!(
        (&custodian["subject"], &custodian["key_bits"]),
        (&"CN=ec".into(), &256.into())
    );
    let inspect = arguments!["inspect", "--json", certificate];
    let alone: Value = serde_json::from_str(&secdom(inspect).done()).unwrap();
    assert_eq!(
        alone["certificates"][0]["custodian_id"], custodian["id"],
        "{alone}"
    );

    let pinned = arguments!["--sealed", sealed, "--expect-domain", id];
    let recover = [
        &pinned[..],
        &arguments!["--certs", certificate, "--keys", key, hybrid[0]],
    ];
    let said = site.hsm("recover", "again", &recover.concat()).done();
    site.is("again", "active");
    assert!(said.contains("active"), "{said}");

    let [challenge, response] = [site.path("challenge"), site.path("response")];
    let drill = |verb: &str, more: &[std::ffi::OsString]| {
        let line = [
            &arguments!["drill", verb],
            &pinned[..],
            &arguments!["--json"],
            more,
        ];
        secdom(line.concat())
    };
    drill(
        "challenge",
        &arguments!["--custodians", certificate, "--out", challenge],
    )
    .done();
    let more = arguments!["--challenge", challenge, "--key", key, "--out", response];
    drill("respond", &more).done();
    let more = arguments![
        "--certs",
        certificate,
        "--challenge",
        challenge,
        "--",
        response
    ];
    let verified: Value = serde_json::from_str(&drill("verify", &more).done()).unwrap();
    assert_eq!(verified["responses"][0]["proof"], "key and share");
    assert_eq!(verified["responses"][0]["subject"], "CN=ec", "{verified}");
}

/// Each change of the certificate, and what is said of it.
#[test]
fn a_certificate_with_another_key_or_a_defect_is_refused() {
    let folder = Folder::new();
    let good = certificate();
    let refused = |bytes: Vec<u8>, words: &str| {
        let path: PathBuf = folder.write("bad.cer", bytes);
        let site = Site::new();
        site.init("hsm");
        let (out, other) = (site.path("sealed"), site.path("s2048_0.cer"));
        let third = site.path("s2048_1.cer");
        let line = arguments![
            "--sealed",
            out,
            "--quorum",
            "2",
            "--custodians",
            path,
            other,
            third
        ];
        site.hsm("activate", "hsm", &line)
            .refused(&["bad.cer", words]);
        assert!(!out.exists());
    };
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        assert_ne!(bytes[at], to);
        bytes[at] = to;
        bytes
    };
    // The offsets are those of `openssl asn1parse`.
    let neither = "neither an RSA key nor one of P-256";
    refused(changed(131, 6), neither);
    refused(changed(121, 2), neither);
    refused(changed(136, good[136] ^ 1), "the key is not valid");
    refused(changed(296, 3), "two signature algorithms differ");
    refused(changed(12, 1), "a version other than 1 and 3");
    // From 2036 to 2026.
    let mut reversed = good.clone();
    reversed[66..68].copy_from_slice(b"37");
    refused(reversed, "not a period of time");
    refused(changed(64, 0x18), "bad.cer");
    refused([&good[..], &[0]].concat(), "bad.cer");
    refused(good[..good.len() - 1].to_vec(), "bad.cer");
    let both = arguments![
        "drill",
        "--sd-file",
        crate::vector("valid/v01-2of3-2048/sd.json"),
        "--sd-wrapping-keys",
        fixture("ec.key"),
    ];
    secdom(both).refused(&["ec.cer", "is not an RSA key"]);
}
