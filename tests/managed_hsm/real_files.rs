// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every valid vector: domains with known keys, and what the real client made of them.

use security_domain::hazmat::managed_hsm::{expose_master_key, share_words};
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::transfer_key::TransferKey;
use security_domain::managed_hsm::{MAX_CERTIFICATE_LEN, certificate_info};
use security_domain::quorum::Threshold;
use security_domain::x509::{Certificate, RecoveryCertificate};
use serde_json::Value;

use super::fixtures::*;

/// The valid domains, each with its manifest entry, its case and the text of its file.
fn domains() -> Vec<(Value, Value, Vec<u8>)> {
    let load = |entry: Value| {
        let dir = text(&entry["dir"]).to_owned();
        let case = json(&format!("{dir}/case.json"));
        (entry, case, bytes(&format!("{dir}/sd.json")))
    };
    let domains: Vec<_> = entries("valid-sd").into_iter().map(load).collect();
    assert_eq!(domains.len(), 14);
    domains
}

#[test]
fn every_domain_opens_to_its_master_key_and_artifacts() {
    for (entry, case, sd) in domains() {
        let id = text(&entry["id"]);
        let file = DomainFile::parse(&sd).unwrap_or_else(|error| panic!("{id}: {error}"));
        let names = texts(&case["custodians"]);
        assert_eq!(u64::from(file.quorum().threshold().get()), case["required"]);
        let listed: Vec<_> = file.custodians().collect();
        let expected: Vec<_> = names.iter().map(|name| thumbprint(name)).collect();
        assert_eq!(listed, expected, "{id}");

        let shares = open_shares(&file, &names);
        for (share, known) in shares.iter().zip(case["shares"].as_array().unwrap()) {
            assert_eq!(u64::from(share.index().get()), known["x"], "{id}");
            let words = share_words(share);
            assert_eq!(hex(words.expose()), text(&known["plaintext_hex"]), "{id}");
        }
        for name in names {
            let der = certificate_der(name);
            let certificate = RecoveryCertificate::parse(&der).unwrap();
            assert_eq!(file.check_certificate(&certificate), Ok(()), "{id}");
        }

        let need = usize::from(file.quorum().threshold().get());
        for given in [&shares[..need], &shares[shares.len() - need..], &shares] {
            let combined = file.combine(given).unwrap_or_else(|e| panic!("{id}: {e}"));
            let key = combined.master_key();
            let master = hex(expose_master_key(key).expose());
            assert_eq!(master, text(&case["master_key_hex"]), "{id}");
            assert_eq!(combined.left_out(), [], "{id}");
            assert_eq!(
                open_all(file.artifacts(), key),
                case_artifacts(&case),
                "{id}"
            );
        }
    }
}

#[test]
fn every_blob_of_the_real_client_opens_to_the_same_artifacts() {
    let mut blobs = 0;
    for (entry, case, _) in domains() {
        for blob in case["restore_blobs"].as_array().unwrap() {
            let name = format!("{}/{}", text(&entry["dir"]), text(&blob["file"]));
            let transfer = text(&blob["transfer_key"]);
            let restore = bytes(&name);
            let parsed = RestoreBlob::parse(&restore).unwrap_or_else(|e| panic!("{name}: {e}"));
            let der = certificate_der(transfer);
            let certificate = Certificate::parse(&der).unwrap();
            assert_eq!(parsed.check_certificate(&certificate), Ok(()), "{name}");
            let key = open_blob(&parsed, transfer);
            assert_eq!(
                open_all(parsed.artifacts(), &key),
                case_artifacts(&case),
                "{name}"
            );
            blobs += 1;
        }
    }
    assert_eq!(blobs, 41);
}

/// A text with every string that is a JWE or a digest taken out: what is left is form.
fn form(text: &[u8]) -> String {
    let text = std::str::from_utf8(text).unwrap();
    let blank = |piece: &str| {
        if piece.len() < 43 {
            piece.to_owned()
        } else {
            format!("{}", piece.len())
        }
    };
    text.split('"').map(blank).collect::<Vec<_>>().join("\"")
}

#[test]
fn our_blobs_have_the_form_of_the_real_ones_and_open() {
    for (entry, case, sd) in domains() {
        let id = text(&entry["id"]);
        let file = DomainFile::parse(&sd).unwrap();
        let blob = &case["restore_blobs"][0];
        let transfer = text(&blob["transfer_key"]);
        let der = certificate_der(transfer);
        let certificate = Certificate::parse(&der).unwrap();

        let shares = open_shares(&file, &texts(&case["custodians"]));
        let need = usize::from(file.quorum().threshold().get());
        let combined = file.combine(&shares[..need]).unwrap();
        let length = restore_blob::encoded_len(&file, &certificate);
        let mut ours = vec![0; length + 1];
        let key = combined.master_key();
        let written = restore_blob::write(&file, key, &certificate, &mut rng(), &mut ours);
        assert_eq!(written, Ok(length), "{id}");
        ours.truncate(length);

        let theirs = bytes(&format!("{}/{}", text(&entry["dir"]), text(&blob["file"])));
        assert_eq!(form(&ours), form(&theirs), "{id}");
        let parsed = RestoreBlob::parse(&ours).unwrap();
        let key = open_blob(&parsed, transfer);
        assert_eq!(
            open_all(parsed.artifacts(), &key),
            case_artifacts(&case),
            "{id}"
        );
    }
}

#[test]
fn transfer_keys_are_read_in_both_forms_and_written_as_the_service_does() {
    let keys = entries("valid-transfer-key");
    assert_eq!(keys.len(), 2);
    for entry in keys {
        let known = certificate_der(text(&entry["key"]));
        for file in texts(&entry["files"]) {
            let mut der = [0; MAX_CERTIFICATE_LEN];
            let document = bytes(file);
            let key = TransferKey::parse(&document, &mut der).unwrap();
            assert_eq!(key.certificate().der(), known, "{file}");

            let kid = "https://hsm.example/transfer_key";
            let length =
                security_domain::managed_hsm::transfer_key::encoded_len(kid, key.certificate());
            let mut out = vec![0; length];
            let written =
                security_domain::managed_hsm::transfer_key::write(kid, key.certificate(), &mut out);
            assert_eq!(written, Ok(length));
            if file.contains(".cli.") {
                assert_eq!(out, document, "{file}");
            }
        }
    }
}

#[test]
fn requests_of_the_real_client_are_read_and_written_to_the_byte() {
    let requests = entries("valid-certificate-info");
    assert_eq!(requests.len(), 3);
    for entry in requests {
        let document = bytes(text(&entry["file"]));
        let mut der = [0; MAX_CERTIFICATE_LEN];
        let request = certificate_info::CertificateInfo::parse(&document, &mut der).unwrap();
        let names: Vec<&str> = texts(&entry["custodians"]);
        assert_eq!(usize::from(request.quorum().count().get()), names.len());

        let ders: Vec<Vec<u8>> = request
            .custodians()
            .map(|custodian| {
                let certificate = request.certificate(&custodian, &mut der).unwrap();
                assert_eq!(certificate.thumbprint(), custodian);
                certificate.der().to_vec()
            })
            .collect();
        let certificates: Vec<_> = ders
            .iter()
            .map(|der| Certificate::parse(der).unwrap())
            .collect();
        let threshold = Threshold::new(request.quorum().threshold().get()).unwrap();
        let length = certificate_info::encoded_len(&certificates, threshold);
        let mut out = vec![0; length];
        assert_eq!(
            certificate_info::write(&certificates, threshold, &mut out),
            Ok(length)
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            String::from_utf8_lossy(&document)
        );
    }
}
