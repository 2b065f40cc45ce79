// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians with two keys that are both needed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use getrandom::SysRng;
use security_domain::rsa::PrivateKey;
use serde_json::Value;

use crate::contribute::inspected;
use crate::keygen::keygen;
use crate::kinds::sealed_to;
use crate::simulated::{CUSTODIANS, Site};
use crate::{Run, arguments, secdom};

/// `A+B`.
pub fn both(first: &Path, second: &Path) -> PathBuf {
    let mut argument = OsString::from(first);
    argument.push("+");
    argument.push(second);
    argument.into()
}

/// A domain sealed to a custodian with an RSA key and one of `kind`, one with an RSA key and a key
/// of MLKEM1024-P384, and one with an RSA key alone.
pub struct Ceremony {
    pub site: Site,
    /// Private and public half of the second keys.
    pub other: [[PathBuf; 2]; 2],
    pub sealed: PathBuf,
    pub domain: String,
    said: String,
}

impl Ceremony {
    pub fn new(kind: &str) -> Self {
        let site = Site::new();
        let other = [kind, "mlkem1024-p384"].map(|kind| keygen(&site.folder, kind));
        let custodians = [
            both(&certificate(&site, 0), &other[0][1]),
            // The order does not matter.
            both(&other[1][1], &certificate(&site, 1)),
            certificate(&site, 2),
        ];
        let (sealed, domain, said) = sealed_to(&site, "first", &custodians);
        Self {
            site,
            other,
            sealed,
            domain,
            said,
        }
    }

    fn recover(&self, keys: &[PathBuf], more: &[OsString]) -> Run {
        secdom(self.line(keys, more))
    }

    /// The command line of a recovery in the HSM `second`.
    pub fn line(&self, keys: &[PathBuf], more: &[OsString]) -> Vec<OsString> {
        let (hsm, sealed, domain) = (self.site.path("second"), &self.sealed, &self.domain);
        let mut line = arguments![
            "hsm",
            "recover",
            "--hsm",
            hsm,
            "--sealed",
            sealed,
            "--expect-domain",
            domain,
            "--keys"
        ]
        .to_vec();
        line.extend(keys.iter().map(Into::into));
        line.extend_from_slice(more);
        line
    }

    /// The keys of the custodian number `place`, who needs both.
    pub fn pair(&self, place: usize) -> PathBuf {
        both(&self.site.key(place), &self.other[place][0])
    }
}

pub fn certificate(site: &Site, custodian: usize) -> PathBuf {
    site.path(&format!("{}.cer", CUSTODIANS[custodian]))
}

fn custodian_id(file: &Path) -> String {
    inspected(file)["custodian_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_custodian_with_two_keys_recovers_with_both() {
    for kind in ["x-wing", "mlkem1024"] {
        let ceremony = Ceremony::new(kind);
        let (site, other) = (&ceremony.site, &ceremony.other);
        let name = if kind == "x-wing" {
            "X-Wing"
        } else {
            "ML-KEM-1024"
        };
        let listed = inspected(&ceremony.sealed);
        let custodian = |place: usize| &listed["custodians"][place];
        assert_eq!(custodian(0)["algorithm"], format!("RSA-2048 and {name}"));
        assert_eq!(custodian(1)["algorithm"], "RSA-2048 and MLKEM1024-P384");
        // Both keys are shown, and the id of both together.
        for word in [
            CUSTODIANS[0],
            &custodian_id(&other[0][1]),
            custodian(0)["id"].as_str().unwrap(),
            "both needed",
        ] {
            assert!(ceremony.said.contains(word), "{}", ceremony.said);
        }
        // A quorum needs one key at least that withstands a quantum computer.
        assert!(!ceremony.said.contains("quantum"), "{}", ceremony.said);

        let keys = [ceremony.pair(0), ceremony.pair(1)];
        ceremony.recover(&keys, &[]).done();
        site.has_the_secrets("second");
        fs::remove_dir_all(site.path("second")).unwrap();
        let turned = both(&other[0][0], &site.key(0));
        ceremony.recover(&[site.key(2), turned], &[]).done();
    }
}

#[test]
fn a_key_that_is_missing_swapped_or_of_the_wrong_kind_is_named() {
    let ceremony = Ceremony::new("x-wing");
    let (site, other) = (&ceremony.site, &ceremony.other);
    let [curve, _] = keygen(&site.folder, "p256");
    let alone = site.key(2);
    let refused = |argument: &Path, words: &[&str]| {
        let said = ceremony
            .recover(&[argument.to_path_buf(), alone.clone()], &[])
            .refused(words);
        assert!(!site.path("second").exists(), "{said}");
    };
    for one in [&site.key(0), &other[0][0]] {
        let name = one.file_name().unwrap().to_str().unwrap();
        refused(one, &[name, "opens no share", "KEY+KEY"]);
    }
    let missing = both(&site.key(0), &site.path("none.key"));
    refused(&missing, &["none.key: no such file"]);
    let swapped = both(&site.key(0), &other[1][0]);
    refused(&swapped, &["s2048_0.key+", "no custodian of", "together"]);
    let kinds = "RSA key and one of X-Wing, MLKEM1024-P384 or ML-KEM-1024";
    let wrong = both(&site.key(0), &curve);
    refused(&wrong, &["the keys are RSA-2048 and P-256", kinds]);
    let wrong = both(&site.key(0), &site.key(1));
    refused(&wrong, &["the keys are RSA-2048 and RSA-2048", kinds]);
    let wrong = both(&other[0][0], &other[1][0]);
    refused(&wrong, &["the keys are X-Wing and MLKEM1024-P384", kinds]);
    let public = both(&site.key(0), &other[0][1]);
    refused(&public, &["x-wing.pub", "is a public key"]);
    let more = both(&site.key(2), &other[0][0]);
    refused(&more, &["has one of these two keys alone"]);
    let turned = both(&other[0][0], &site.key(0));
    let twice = [ceremony.pair(0), turned];
    ceremony
        .recover(&twice, &[])
        .refused(&["has the same key as"]);
}

#[test]
fn each_key_of_two_has_its_password() {
    let ceremony = Ceremony::new("x-wing");
    let site = &ceremony.site;
    let password = site.folder.write("password", "correct horse");
    let none = site.folder.write("none", "");
    let seed = &ceremony.other[0][0];
    let sheet = site.path("sheet.txt");
    let public = &ceremony.other[0][1];
    let line = arguments![
        "paper", "write", "--key", seed, "--pub", public, "--out", sheet
    ];
    secdom(line.iter().chain(&arguments!["--no-verify"])).done();
    let key = site.path("encrypted.key");
    let line = arguments![
        "paper",
        "read",
        "--pub",
        public,
        "--in",
        sheet,
        "--key",
        key,
        "--password-file",
        password,
    ];
    secdom(line).done();
    let keys = [both(&site.key(0), &key), site.key(2)];
    let with = |files: &[&PathBuf]| {
        let mut more = arguments!["--password-file"].to_vec();
        more.extend(files.iter().map(Into::into));
        ceremony.recover(&keys, &more)
    };
    with(&[&none, &password, &none, &none]).refused(&["4 password files for 3 keys"]);
    with(&[&password, &none, &none]).refused(&["s2048_0.key", "not encrypted"]);
    with(&[&none]).refused(&["encrypted.key", "no password is given"]);
    with(&[&none, &password]).done();
}

#[test]
fn a_file_whose_name_has_a_plus_is_one_file() {
    let ceremony = Ceremony::new("x-wing");
    let site = &ceremony.site;
    let odd = site.path("a+b.key");
    fs::copy(site.key(0), &odd).unwrap();
    let second = site.path("c+d.key");
    fs::copy(&ceremony.other[0][0], &second).unwrap();
    let whole = site.path("e+f.key");
    fs::copy(site.key(2), &whole).unwrap();
    ceremony.recover(&[both(&odd, &second), whole], &[]).done();
    let none = both(&site.path("x"), &site.path("y"));
    fs::remove_dir_all(site.path("second")).unwrap();
    let name = format!("{}: no such file", none.display());
    ceremony
        .recover(&[none, site.key(2)], &[])
        .refused(&[&name]);
}

#[test]
fn certificates_of_custodians_with_two_keys_show_who_they_are() {
    let ceremony = Ceremony::new("x-wing");
    let (site, other) = (&ceremony.site, &ceremony.other);
    let pair = both(&certificate(site, 0), &other[0][1]);
    let certs = |argument: &Path| {
        let line = arguments!["inspect", "--json", ceremony.sealed, "--certs", argument];
        serde_json::from_str::<Value>(&secdom(line).done()).unwrap()
    };
    let shown = certs(&pair);
    let subject = shown["custodians"][0]["subject"].as_str().unwrap();
    assert!(subject.contains(CUSTODIANS[0]), "{shown}");
    // The certificate alone is not all that he has.
    let shown = certs(&certificate(site, 0));
    assert!(shown["custodians"][0]["subject"].is_null(), "{shown}");
    let findings = shown["findings"].to_string();
    assert!(
        findings.contains("has no share") && findings.contains("CER+PUB"),
        "{findings}"
    );

    let keys = [ceremony.pair(0), ceremony.pair(1)];
    let wrapped = inspected(&ceremony.sealed)["custodians"][0]["wrapped_share"].clone();
    let mut buffer = [0; 4096];
    let wrapped = Base64::decode(wrapped.as_str().unwrap(), &mut buffer).unwrap();
    let mut bytes = fs::read(&ceremony.sealed).unwrap();
    let mut places = bytes.windows(wrapped.len());
    let place = places.position(|part| part == wrapped).unwrap();
    bytes[place] ^= 1;
    fs::write(&ceremony.sealed, bytes).unwrap();
    let run = ceremony.recover(&keys, &arguments!["--certs", pair]);
    run.refused(&[CUSTODIANS[0], "1 share available, but 2 are required"]);

    let azure = crate::vector("valid/v01-2of3-2048/sd.json");
    let line = arguments!["inspect", azure, "--certs", pair];
    secdom(line).refused(&["custodians of Managed HSM have one key"]);
}

#[test]
fn two_keys_of_no_custodian_seal_nothing() {
    let site = Site::new();
    let [x, x_public] = keygen(&site.folder, "x-wing");
    let [_, curve] = keygen(&site.folder, "p256");
    let [_, lattice] = keygen(&site.folder, "mlkem1024");
    site.init("first");
    let rest = [certificate(&site, 1), certificate(&site, 2)];
    let mut tries = 0;
    let mut refused = |custodian: PathBuf, words: &[&str]| {
        tries += 1;
        let out = site.path(&format!("{tries}.sealed"));
        let mut line = arguments!["--sealed", out, "--quorum", "2", "--custodians"].to_vec();
        line.extend([&custodian, &rest[0], &rest[1]].map(Into::into));
        site.hsm("activate", "first", &line).refused(words);
        site.is("first", "provisioned");
        assert!(!out.exists());
    };
    let own = certificate(&site, 0);
    refused(both(&own, &curve), &["the keys are RSA-2048 and P-256"]);
    refused(
        both(&x_public, &lattice),
        &["the keys are X-Wing and ML-KEM-1024"],
    );
    refused(
        both(&own, &rest[0]),
        &["the keys are RSA-2048 and RSA-2048"],
    );
    refused(both(&own, &x), &["x-wing.key", "is a private key"]);
    refused(
        both(&own, &site.path("none.pub")),
        &["none.pub: no such file"],
    );
    // No key serves two custodians, alone or as one of two.
    refused(
        both(&rest[0], &x_public),
        &["has the same key as", "x-wing.pub"],
    );
}

/// The custodians never meet, and the RSA key of one is in a token.
#[test]
fn a_custodian_contributes_with_two_keys_or_with_one_and_a_token() {
    let ceremony = Ceremony::new("x-wing");
    let (site, other) = (&ceremony.site, &ceremony.other);
    let sealed = ceremony.sealed.to_str().unwrap();
    let digest = site.recovering("second", sealed, &ceremony.domain, "request");
    let contribute = |more: &[OsString], out: &str| {
        let line = arguments![
            "contribute",
            "--sealed",
            sealed,
            "--expect-domain",
            ceremony.domain,
            "--request",
            site.path("request"),
            "--request-digest",
            digest,
            "--out",
            site.path(out),
        ];
        secdom(line.iter().chain(more))
    };
    contribute(&arguments!["--key", ceremony.pair(1)], "second-answer").done();
    contribute(&arguments!["--key", site.key(0)], "none").refused(&["opens no share", "KEY+KEY"]);

    let listed = inspected(&ceremony.sealed);
    let part = listed["custodians"][0]["rsa_part"].as_str().unwrap();
    assert!(listed["custodians"][2]["rsa_part"].is_null());
    let mut buffer = [0; 256];
    let part = Base64::decode(part, &mut buffer).unwrap();
    let der = fs::read_to_string(site.key(0)).unwrap();
    let body: String = der.lines().filter(|line| !line.starts_with('-')).collect();
    let mut der = vec![0; body.len()];
    let der = Base64::decode(&body, &mut der).unwrap();
    let token = PrivateKey::from_pkcs8_der(der).unwrap();
    let mut decrypted = [0; 64];
    let length = token.decrypt_oaep_sha256(b"", part, &mut SysRng, &mut decrypted);
    assert_eq!(length, Ok(64));

    let answer = site.folder.write("answer", decrypted);
    let with = |key: &Path, answer: &Path, out: &str| {
        contribute(&arguments!["--key", key, "--share", answer], out)
    };
    let pair = both(&certificate(site, 0), &other[0][0]);
    let mut wrong = decrypted;
    wrong[40] ^= 1;
    let wrong = site.folder.write("wrong", wrong);
    with(&pair, &wrong, "none").refused(&["s2048_0.cer+", "does not open"]);
    let short = site.folder.write("short", &decrypted[..63]);
    with(&pair, &short, "none").refused(&["short", "has 64 bytes"]);
    with(&other[0][0], &answer, "none").refused(&["--share", "CER+KEY"]);
    let strangers = both(&certificate(site, 1), &other[0][0]);
    with(&strangers, &answer, "none").refused(&["no custodian of", "together"]);
    let kinds = "RSA key and one of X-Wing, MLKEM1024-P384 or ML-KEM-1024";
    let no_key = both(&certificate(site, 0), &other[0][1]);
    with(&no_key, &answer, "none").refused(&[kinds]);
    let two_keys = ceremony.pair(0);
    with(&two_keys, &answer, "none").refused(&["with --share", "certificate or public key"]);
    let turned = both(&other[0][1], &site.key(0));
    with(&turned, &answer, "none").refused(&["the keys are X-Wing and RSA-2048"]);
    assert!(!site.path("none").exists());

    let mut text = [0; 88];
    let base64 = Base64::encode(&decrypted, &mut text).unwrap();
    let answer = site.folder.write("answer", base64);
    with(&pair, &answer, "first-answer").done();
    site.add("second", &["first-answer", "second-answer"])
        .done();
    site.has_the_secrets("second");
}
