// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long making and restoring a file takes. For each line on standard input, one of the two is done
//! and its nanoseconds are answered, so that another process can take turns with this one.
//!
//! `make` writes a file for the custodians' certificates. `restore` does all that the real client does
//! with files already read: it parses the keys and the certificates, opens the shares, combines them,
//! and writes the restore blob. Only PEM's base64 is left out.

use std::io::stdin;
use std::time::Instant;

use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::{Tag, restore_blob};
use security_domain::quorum::Threshold;
use security_domain::rsa::PrivateKey;
use security_domain::x509::Certificate;

use crate::{file, rng};

/// A custodian as read from files: private key and certificate, both DER.
struct Custodian {
    key: Vec<u8>,
    certificate: Vec<u8>,
}

/// `artifacts` are lengths, separated by commas; `paths` are key and certificate in turns.
pub fn serve(threshold: u8, transfer: &[u8], artifacts: &str, paths: &[&str]) {
    let custodians: Vec<Custodian> = paths
        .chunks_exact(2)
        .map(|pair| Custodian {
            key: file(pair[0]),
            certificate: file(pair[1]),
        })
        .collect();
    let lengths = artifacts
        .split(',')
        .map(|length| length.parse().expect("a length"));
    let artifacts: Vec<(String, Vec<u8>)> = lengths
        .enumerate()
        .map(|(n, length)| (format!("tag-{n}"), vec![n as u8; length]))
        .collect();
    let mut text = make(threshold, &artifacts, &custodians);
    for line in stdin().lines() {
        let began = Instant::now();
        match line.expect("standard input").as_str() {
            "make" => text = make(threshold, &artifacts, &custodians),
            "restore" => drop(restore(&text, transfer, &custodians[..threshold.into()])),
            other => panic!("no such work: {other}"),
        }
        println!("{}", began.elapsed().as_nanos());
    }
}

fn make(threshold: u8, artifacts: &[(String, Vec<u8>)], custodians: &[Custodian]) -> Vec<u8> {
    let certificates: Vec<Certificate<'_>> = custodians
        .iter()
        .map(|c| Certificate::parse(&c.certificate).expect("a certificate"))
        .collect();
    let artifacts: Vec<(Tag<'_>, &[u8])> = artifacts
        .iter()
        .map(|(tag, bytes)| (Tag::new(tag).expect("a tag"), bytes.as_slice()))
        .collect();
    let threshold = Threshold::new(threshold).expect("a threshold");
    let mut out = vec![0; domain_file::encoded_len(&artifacts, threshold, &certificates)];
    let length = domain_file::write(&artifacts, threshold, &certificates, &mut rng(), &mut out);
    out.truncate(length.expect("it fits"));
    out
}

fn restore(text: &[u8], transfer: &[u8], custodians: &[Custodian]) -> Vec<u8> {
    let transfer = Certificate::parse(transfer).expect("a certificate");
    let domain = DomainFile::parse(text).expect("a domain file");
    let shares: Vec<_> = custodians
        .iter()
        .map(|custodian| {
            let certificate = Certificate::parse(&custodian.certificate).expect("a certificate");
            let mut key = PrivateKey::from_pkcs8_der(&custodian.key).expect("a key");
            assert!(key.public_key() == certificate.public_key());
            domain
                .open_share(&certificate.thumbprint(), &mut key, &mut rng())
                .expect("it opens")
        })
        .collect();
    let combined = domain.combine(&shares).expect("a quorum");
    let mut out = vec![0; restore_blob::encoded_len(&domain, &transfer)];
    let key = combined.master_key();
    let length = restore_blob::write(&domain, key, &transfer, &mut rng(), &mut out);
    out.truncate(length.expect("it fits"));
    out
}
