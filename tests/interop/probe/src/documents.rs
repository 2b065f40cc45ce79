// SPDX-License-Identifier: MIT OR Apache-2.0
//! The documents that go over the wire and that the tool reads but does not write.

use security_domain::managed_hsm::{certificate_info, transfer_key as transfer};
use security_domain::quorum::Threshold;
use security_domain::x509::Certificate;

use crate::file;

pub fn certificate_info(threshold: u8, paths: &[&str]) -> Vec<u8> {
    let ders: Vec<Vec<u8>> = paths.iter().map(|path| file(path)).collect();
    let certificates: Vec<Certificate<'_>> = ders
        .iter()
        .map(|der| Certificate::parse(der).expect("a certificate"))
        .collect();
    let threshold = Threshold::new(threshold).expect("a threshold");
    let mut out = vec![0; certificate_info::encoded_len(&certificates, threshold)];
    let length = certificate_info::write(&certificates, threshold, &mut out).expect("it fits");
    out.truncate(length);
    out
}

pub fn transfer_key(kid: &str, der: &[u8]) -> Vec<u8> {
    let certificate = Certificate::parse(der).expect("a certificate");
    let mut out = vec![0; transfer::encoded_len(kid, &certificate)];
    let length = transfer::write(kid, &certificate, &mut out).expect("it fits");
    out.truncate(length);
    out
}
