// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of Managed HSM.

use security_domain::hazmat::managed_hsm as hazmat;
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::split_file::SplitFile;
use security_domain::managed_hsm::{Tag, key_backup};
use security_domain::quorum::{Quorum, Threshold};
use security_domain::rsa::PrivateKey;
use security_domain::secret::Secret;
use security_domain::x509::{Certificate, Thumbprint};

use crate::keys::made;
use crate::sharing::debug;
use crate::{ALL, Row, fixtures, sealed};

const NAMES: [&str; 3] = ["s2048_0", "s2048_1", "s2048_2"];
const TRANSFER: &str = "stransfer2048";

/// A domain file of version 1, two of its custodians, and the key of the first.
const SPLIT: &[u8] = include_bytes!("../vectors/split-keys/domain.json");
const SPLIT_TO: [&[u8]; 2] = [
    include_bytes!("../vectors/rsa/keys/2048.cer.der"),
    include_bytes!("../vectors/rsa/keys/3072.cer.der"),
];
const SPLIT_KEY: &[u8] = include_bytes!("../vectors/rsa/keys/2048.pkcs8.der");

pub const ROWS: fn() -> Vec<Row> = || {
    vec![
        Row {
            name: "the words of the interchange's shares",
            covers: &["managed_hsm/shares deal"],
            shows: ALL,
            run: |rng| {
                let quorum = Quorum::of::<2, 3>();
                let key = hazmat::master_key(Secret::random(&mut sealed::rng(1)).unwrap());
                let shares = debug(hazmat::deal(&key, quorum, rng))?;
                Ok(shares.iter().flat_map(|share| *share.expose()).collect())
            },
        },
        Row {
            name: "a domain file",
            covers: &[
                "managed_hsm/master_key drawn",
                "managed_hsm/domain_file/make write",
                "managed_hsm/enc_data write",
                "managed_hsm/jwe/seal begin",
                "managed_hsm/key_transport seal",
            ],
            shows: ALL,
            run: |rng| {
                let ders = NAMES.map(fixtures::certificate_der);
                let to = ders.each_ref().map(|der| Certificate::parse(der).unwrap());
                let (threshold, artifacts) = (Threshold::new(2).unwrap(), artifacts());
                let mut out = vec![0xaa; domain_file::encoded_len(&artifacts, threshold, &to)];
                let done = debug(domain_file::write(
                    &artifacts, threshold, &to, rng, &mut out,
                ));
                made(done, &out)
            },
        },
        Row {
            name: "a custodian's share of a domain file",
            covers: &[
                "managed_hsm/domain_file open_share",
                "managed_hsm/key_transport open",
            ],
            shows: 0,
            run: |rng| {
                let text = file();
                let file = DomainFile::parse(&text).unwrap();
                let mut key = fixtures::private_key(NAMES[1]);
                let share = debug(file.open_share(&fixtures::thumbprint(NAMES[1]), &mut key, rng))?;
                Ok(hazmat::share_words(&share).expose().to_vec())
            },
        },
        Row {
            name: "a half of a domain file of version 1",
            covers: &["managed_hsm/split_file open_half"],
            shows: 0,
            run: |rng| {
                let file = SplitFile::parse(SPLIT).unwrap();
                let [one, two] = SPLIT_TO.map(Thumbprint::of);
                let mut key = PrivateKey::from_pkcs8_der(SPLIT_KEY).unwrap();
                let half = debug(file.open_half(&one, &two, &mut key, rng))?;
                Ok(hazmat::half_bytes(&half).expose().to_vec())
            },
        },
        Row {
            name: "a restore blob",
            covers: &["managed_hsm/restore_blob write"],
            shows: ALL,
            run: |rng| {
                let text = file();
                let file = DomainFile::parse(&text).unwrap();
                let shares = fixtures::open_shares(&file, &NAMES[..2]);
                let combined = file.combine(&shares).unwrap();
                let der = fixtures::certificate_der(TRANSFER);
                let to = Certificate::parse(&der).unwrap();
                let mut out = vec![0xaa; restore_blob::encoded_len(&file, &to)];
                let key = combined.master_key();
                let done = debug(restore_blob::write(&file, key, &to, rng, &mut out));
                made(done, &out)
            },
        },
        Row {
            name: "the key of a restore blob",
            covers: &["managed_hsm/restore_blob open"],
            shows: 0,
            run: |rng| {
                let text = blob(&artifacts(), &fixtures::certificate_der(TRANSFER));
                let blob = RestoreBlob::parse(&text).unwrap();
                let mut key = fixtures::private_key(TRANSFER);
                let key = debug(blob.open(&fixtures::thumbprint(TRANSFER), &mut key, rng))?;
                Ok(hazmat::expose_master_key(&key).expose().to_vec())
            },
        },
        Row {
            name: "a key's backup",
            covers: &["managed_hsm/key_backup seal"],
            shows: ALL,
            run: |rng| {
                let key = Secret::random(&mut sealed::rng(1)).unwrap();
                let mut out = vec![0xaa; key_backup::encoded_len(20)];
                let done = debug(key_backup::seal(&key, &[5; 20], rng, &mut out));
                made(done, &out)
            },
        },
    ]
};

pub fn artifacts() -> Vec<(Tag<'static>, &'static [u8])> {
    let artifacts: [(&str, &[u8]); 2] = [("signing-key", b"0123456789"), ("backup", &[7; 100])];
    artifacts
        .map(|(tag, bytes)| (Tag::new(tag).unwrap(), bytes))
        .to_vec()
}

fn file() -> Vec<u8> {
    let ders = NAMES.map(fixtures::certificate_der);
    let to = ders.each_ref().map(|der| Certificate::parse(der).unwrap());
    let (threshold, artifacts) = (Threshold::new(2).unwrap(), artifacts());
    let mut out = vec![0; domain_file::encoded_len(&artifacts, threshold, &to)];
    domain_file::write(&artifacts, threshold, &to, &mut sealed::rng(3), &mut out).unwrap();
    out
}

/// A restore blob of these artifacts to this certificate.
pub fn blob(artifacts: &[(Tag<'_>, &[u8])], certificate: &[u8]) -> Vec<u8> {
    let ders = NAMES.map(fixtures::certificate_der);
    let to = ders.each_ref().map(|der| Certificate::parse(der).unwrap());
    let (threshold, mut steady) = (Threshold::new(2).unwrap(), sealed::rng(3));
    let mut text = vec![0; domain_file::encoded_len(artifacts, threshold, &to)];
    domain_file::write(artifacts, threshold, &to, &mut steady, &mut text).unwrap();
    let file = DomainFile::parse(&text).unwrap();
    let combined = file
        .combine(&fixtures::open_shares(&file, &NAMES[..2]))
        .unwrap();
    let transfer = Certificate::parse(certificate).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    let key = combined.master_key();
    restore_blob::write(&file, key, &transfer, &mut steady, &mut blob).unwrap();
    blob
}
