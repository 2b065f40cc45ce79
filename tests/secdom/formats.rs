// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files as editors, shells and other tools leave them.

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use crate::keygen::keygen;
use crate::{Folder, Run, arguments, fixture, key, secdom, vector};

pub fn drill(file: &Path, keys: &[&Path]) -> Run {
    let line = arguments!["drill", "--sd-file", file, "--sd-wrapping-keys"];
    secdom(line.into_iter().chain(keys.iter().map(Into::into)))
}

fn domain() -> PathBuf {
    vector("valid/v01-2of3-2048/sd.json")
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    let mark = mark.then_some(0xfeff);
    let units = mark.into_iter().chain(text.encode_utf16());
    units.flat_map(unit).collect()
}

/// Text in every encoding that an editor may give it.
fn saved(text: &str) -> Vec<Vec<u8>> {
    vec![
        text.into(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        utf16(text, u16::to_le_bytes, true),
        utf16(text, u16::to_be_bytes, true),
        utf16(text, u16::to_le_bytes, false),
        utf16(text, u16::to_be_bytes, false),
    ]
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = vec![0; Base64::encoded_len(bytes)];
    Base64::encode(bytes, &mut text).unwrap().into()
}

/// PEM in every layout that a shell, YAML or a form makes of it.
fn laid_out(pem: &str) -> Vec<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let lines = |end: &str| {
        pem.lines()
            .map(|line| format!("{line}{end}"))
            .collect::<String>()
    };
    let indented = pem
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect::<String>();
    let mut all: Vec<Vec<u8>> = [
        lines(" "),
        lines(""),
        lines("\r"),
        indented,
        lines("  \t\n"),
        body,
        // As variables, JSON and vaults hold it.
        lines("\\n"),
        lines("\\r\\n"),
        json!(pem).to_string(),
        json!({ "id": "https://vault", "value": pem }).to_string(),
        encoded(pem.as_bytes()),
    ]
    .map(String::into_bytes)
    .into();
    all.extend(saved(pem));
    all
}

#[test]
fn keys_and_certificates_are_read_in_every_layout() {
    let folder = Folder::new();
    let key_file = folder.custodian("s2048_0", "ada");
    let certificate = key_file.with_extension("cer");
    for file in [&key_file, &certificate] {
        let pem = fs::read_to_string(file).unwrap();
        for (place, bytes) in laid_out(&pem).into_iter().enumerate() {
            fs::write(file, bytes).unwrap();
            let run = drill(&domain(), &[&key_file]);
            assert_eq!(run.code, Some(0), "{file:?} in layout {place}: {run:?}");
        }
        fs::write(file, &pem).unwrap();
    }
    let encrypted = fs::read_to_string(fixture("proc-type.key")).unwrap();
    for bytes in [
        encrypted.replace('\n', " "),
        encrypted.replace('\n', "\n  "),
    ] {
        fs::write(&key_file, bytes).unwrap();
        let line = arguments![
            "drill",
            "--sd-file",
            domain(),
            "--sd-wrapping-keys",
            key_file,
            "--passwords",
            "correct horse",
        ];
        secdom(line).done();
    }
}

#[test]
fn a_domain_file_is_read_as_it_was_saved() {
    let folder = Folder::new();
    let text = fs::read_to_string(domain()).unwrap();
    let quoted = json!(text).to_string();
    let answer = json!({ "value": text, "status": "Success" }).to_string();
    let answer_quoted = json!(answer).to_string();
    let object = format!("{{\"value\": {text}, \"status\": \"Success\"}}");
    for wrapped in [&text, &quoted, &answer, &answer_quoted, &object] {
        for bytes in saved(wrapped) {
            let file = folder.write("domain.json", bytes);
            drill(&file, &[&key("s2048_0")]).done();
            let report = secdom(arguments!["inspect", file, "--json"]).done();
            let report: Value = serde_json::from_str(&report).unwrap();
            assert_eq!(report["required"], 2);
        }
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let folder = Folder::new();
    let text = fs::read_to_string(domain()).unwrap();
    let answer = json!({ "value": &text[..2000] }).to_string();
    let cut = json!({ "value": text }).to_string()[..2000].to_owned();
    for (bytes, why) in [
        (String::new(), "is empty"),
        (" \n".into(), "is empty"),
        (text[..2000].into(), "cut short"),
        (cut, "cut short"),
        (answer, "cut short"),
        (
            json!({ "error": { "code": "Forbidden" } }).to_string(),
            "JSON of another kind",
        ),
        ("<!DOCTYPE html><title>Sign in</title>".into(), "web page"),
        ("PK\u{3}\u{4}".into(), "archive"),
    ] {
        let file = folder.write("file", bytes);
        secdom(arguments!["inspect", file]).refused(&["file", why]);
        let expected = "a Managed HSM security domain is expected";
        drill(&file, &[&key("s2048_0")]).refused(&["file", why, expected]);
    }
    for (file, kind) in [
        (
            vector("valid/v01-2of3-2048/restore-0-1.json"),
            "a Managed HSM restore blob",
        ),
        (
            vector("transfer/stransfer2048.rest.json"),
            "a Managed HSM transfer key",
        ),
        (
            vector("requests/certificate-info-2-of-3.json"),
            "a Managed HSM certificate info",
        ),
        (key("s2048_0"), "a private key"),
        (key("s2048_0").with_extension("cer"), "a certificate"),
        (fixture("chain.pfx"), "a PKCS#12 file"),
        (fixture("chain.p7b"), "openssl pkcs7"),
    ] {
        let expected = "a Managed HSM security domain is expected";
        drill(&file, &[&key("s2048_0")]).refused(&[kind, expected]);
    }
}

/// The key and the certificate of the chain, and a file with the chain in some order.
fn chain(folder: &Folder, order: &[&str]) -> PathBuf {
    let key_file = folder.join("ada.key");
    fs::copy(fixture("chain-leaf.key"), &key_file).unwrap();
    let all = order
        .iter()
        .map(|name| fs::read_to_string(fixture(name)).unwrap());
    fs::write(folder.join("ada.cer"), all.collect::<String>()).unwrap();
    key_file
}

pub fn download(folder: &Folder, certificate: &Path) -> Run {
    let _ = fs::remove_file(folder.join("domain.json"));
    let artifact = folder.write("artifact", "one");
    secdom(arguments![
        "download",
        "--sd-quorum",
        "2",
        "--artifact",
        format!("one={}", artifact.display()),
        "--security-domain-file",
        folder.join("domain.json"),
        "--sd-wrapping-keys",
        certificate,
        key("s2048_1").with_extension("cer"),
        key("s2048_2").with_extension("cer"),
    ])
}

#[test]
fn of_a_chain_the_certificate_that_issued_no_other_is_taken() {
    let folder = Folder::new();
    let (root, leaf) = ("chain-root.cer", "chain-leaf.cer");
    for order in [
        &[root, leaf][..],
        &[leaf, root],
        &[root, leaf, root],
        &[leaf],
    ] {
        let key_file = chain(&folder, order);
        let said = download(&folder, &key_file.with_extension("cer")).done();
        assert!(
            said.contains("CN=Ada") && !said.contains("Example Root"),
            "{said}"
        );
        drill(&folder.join("domain.json"), &[&key_file]).done();
    }
    let stranger = key("s2048_0").with_extension("cer");
    let both = [stranger, fixture(leaf)].map(|file| fs::read_to_string(file).unwrap());
    let unclear = folder.write("unclear.cer", both.concat());
    download(&folder, &unclear).refused(&["unclear.cer", "2 certificates", "not clear"]);
}

#[test]
fn a_certificate_is_found_beside_its_key_in_it_and_among_those_given() {
    let (key_pem, certificate) = (key("s2048_0"), key("s2048_0").with_extension("cer"));
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    for name in ["ada.crt", "ada.pem", "ada.cert", "ada.der"] {
        let folder = Folder::new();
        let key_file = folder.write("ada.key", read(&key_pem));
        folder.write(name, read(&certificate));
        drill(&domain(), &[&key_file]).done();
    }
    let folder = Folder::new();
    let both = folder.write("ada.pem", read(&key_pem) + &read(&certificate));
    drill(&domain(), &[&both]).done();
    // Key Vault gives the chain, too, and a stranger's certificate is no reason to refuse.
    let stranger = read(&fixture("chain-root.cer"));
    let all = stranger + &read(&certificate) + &read(&key_pem);
    drill(&domain(), &[&folder.write("all.pem", all)]).done();

    let alone = folder.write("alone.key", read(&key_pem));
    drill(&domain(), &[&alone]).refused(&["alone.key", "certificate", "alone.cer"]);
    let others = ["s2048_2", "s2048_1", "s2048_0"].map(|name| key(name).with_extension("cer"));
    let [first, second, third] = others;
    let line = |certificates: &[&PathBuf]| {
        let line = arguments![
            "drill",
            "--sd-file",
            domain(),
            "--sd-wrapping-keys",
            alone,
            "--certs"
        ];
        secdom(line.into_iter().chain(certificates.iter().map(Into::into)))
    };
    line(&[&first, &second, &third]).done();
    line(&[&first, &second]).refused(&["alone.key", "is not the private key"]);
}

#[test]
fn the_key_of_the_certificate_is_taken_among_several_in_a_file() {
    let folder = Folder::new();
    let key_file = folder.custodian("s2048_0", "ada");
    let read = |name: &str| fs::read_to_string(key(name)).unwrap();
    fs::write(&key_file, read("s2048_1") + &read("s2048_0")).unwrap();
    drill(&domain(), &[&key_file]).done();
    fs::write(&key_file, read("s2048_1") + &read("s2048_2")).unwrap();
    drill(&domain(), &[&key_file]).refused(&["ada.key", "not the private key"]);
}

#[test]
fn ids_that_are_no_thumbprints_are_told_apart() {
    use sha2::Digest;
    let folder = Folder::new();
    let mut file: Value = serde_json::from_slice(&fs::read(domain()).unwrap()).unwrap();
    let certificate = key("s2048_0").with_extension("cer");
    let pem = fs::read_to_string(&certificate).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut digest = [0; 43];
    let digest = Base64UrlUnpadded::encode(&sha2::Sha256::digest(body), &mut digest);
    let digest = digest.unwrap();
    for id in [digest.to_owned(), format!("{digest}=")] {
        file["SharedKeys"]["enc_shares"][0]["x5t_256"] = id.into();
        let file = folder.write("domain.json", file.to_string());
        let said = secdom(arguments!["inspect", file, "--certs", certificate]).done();
        assert!(said.contains("Terraform"), "{said}");
    }
    let said = secdom(arguments![
        "inspect",
        domain(),
        "--certs",
        fixture("chain-leaf.cer")
    ])
    .done();
    assert!(
        said.contains("belongs to no custodian") && !said.contains("Terraform"),
        "{said}"
    );
}

/// A pipe can be read once.
#[test]
fn a_file_may_come_through_a_pipe() {
    use std::process::Stdio;
    let folder = Folder::new();
    let [x_key, x_public] = keygen(&folder, "x-wing");
    for file in [
        domain(),
        key("s2048_0"),
        key("s2048_0").with_extension("cer"),
        fixture("chain.p7b"),
        x_key,
        x_public,
    ] {
        let mut command = crate::tool();
        command.args(["inspect", "-"]);
        command.stdin(fs::File::open(&file).unwrap());
        let run = command.stdout(Stdio::piped()).output().unwrap();
        let out = String::from_utf8(run.stdout).unwrap();
        let named = secdom(arguments!["inspect", file]).done();
        let after_name = |text: &str| text.split_once('\n').unwrap().1.to_owned();
        assert_eq!(after_name(&out), after_name(&named));
    }
}

#[test]
fn numbers_out_of_range_are_named_with_the_range() {
    let folder = Folder::new();
    let download = |quorum: &str, count: usize| {
        let artifact = folder.write("artifact", "one");
        let line = arguments![
            "download",
            "--sd-quorum",
            quorum,
            "--artifact",
            format!("one={}", artifact.display()),
            "--security-domain-file",
            folder.join("domain.json"),
            "--sd-wrapping-keys",
        ];
        let certificate = |n| key(&format!("s2048_{n}")).with_extension("cer");
        secdom(
            line.into_iter()
                .chain((0..count).map(|n| certificate(n).into())),
        )
    };
    for quorum in ["0", "1", "4", "256", "258"] {
        download(quorum, 3).refused(&["--sd-quorum", quorum, "2 to 3"]);
    }
    download("2", 2).refused(&["--sd-wrapping-keys", "2 certificates", "3 to 10"]);
}

#[test]
fn a_file_has_a_bounded_number_of_keys_and_certificates() {
    let folder = Folder::new();
    let key_file = folder.custodian("s2048_0", "ada");
    let pem = fs::read_to_string(&key_file).unwrap();
    fs::write(&key_file, pem.repeat(17)).unwrap();
    drill(&domain(), &[&key_file]).refused(&["ada.key", "more than 16 private keys"]);
    fs::write(&key_file, pem).unwrap();
    let certificate = fs::read_to_string(key_file.with_extension("cer")).unwrap();
    fs::write(key_file.with_extension("cer"), certificate.repeat(257)).unwrap();
    drill(&domain(), &[&key_file]).refused(&["ada.cer", "more than 256 certificates"]);
}

#[test]
fn keys_and_certificates_are_inspected() {
    let certificate = secdom(arguments!["inspect", key("s2048_0").with_extension("cer")]).done();
    let id = "5aa01e00bcd5aebb504f3fdd1e5d29a884d1c6109114b00a771ac3fdf5c8549d";
    for word in [
        "3-FhQRM5chXMqUF9yyxCVhEmC3Yy-yj1N4Pc23xpLTQ",
        id,
        "2048 bits",
        "is small",
    ] {
        assert!(certificate.contains(word), "{certificate}");
    }
    let plain = secdom(arguments!["inspect", key("s2048_0"), "--json"]).done();
    let plain: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!(plain["keys"][0]["custodian_id"], id);
    let encrypted = secdom(arguments!["inspect", fixture("pbes1-md5-des.key")]).done();
    assert!(
        encrypted.contains("encrypted") && !encrypted.contains(id),
        "{encrypted}"
    );
}

#[test]
fn keys_of_every_kind_are_read_in_der() {
    let folder = Folder::new();
    for kind in ["rsa-2048", "x-wing", "mlkem1024-p384", "p256", "mlkem1024"] {
        for file in keygen(&folder, kind) {
            let inspected = |file: &Path| {
                let said = secdom(arguments!["inspect", file]).done();
                let ids = said.lines().filter(|line| line.starts_with("custodian-id"));
                ids.map(str::to_owned).collect::<Vec<_>>()
            };
            let pem = fs::read_to_string(&file).unwrap();
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            let mut der = vec![0; body.len()];
            let der = Base64::decode(&body, &mut der).unwrap();
            let ids = inspected(&file);
            assert_eq!(ids.len(), 1, "{kind}");
            assert_eq!(inspected(&folder.write("der", der)), ids, "{kind}");
            assert_eq!(inspected(&folder.write("base64", body)), ids, "{kind}");
        }
    }
}
