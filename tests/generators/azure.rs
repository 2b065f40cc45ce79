// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of Managed HSM.

use security_domain::contribution::SessionPublicKey;
use security_domain::custodian::Recipient;
use security_domain::hazmat::managed_hsm as hazmat;
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::drill;
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::restore_session::{
    self, AskError, Collector, Request, Times, VettedRequest,
};
use security_domain::managed_hsm::split_file::SplitFile;
use security_domain::managed_hsm::{Tag, key_backup};
use security_domain::quorum::{Quorum, Threshold};
use security_domain::rng::Generator;
use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::secret::Secret;
use security_domain::x509::{Certificate, RecoveryCertificate, Thumbprint};

use crate::keys::made;
use crate::sharing::debug;
use crate::{ALL, Row, fixtures, sealed};

const NAMES: [&str; 3] = ["s2048_0", "s2048_1", "s2048_2"];
const TRANSFER: &str = "stransfer2048";
const SESSION: &str = "stransfer4096";

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
            name: "a challenge to custodians of a domain file",
            covers: &[
                "managed_hsm/drill/write write",
                "managed_hsm/drill/write write_value",
            ],
            shows: 1,
            run: |rng| {
                let text = file();
                let file = DomainFile::parse(&text).unwrap();
                let ders = NAMES.map(fixtures::certificate_der);
                let asked = ders.each_ref();
                let asked = asked.map(|der| RecoveryCertificate::parse(der).unwrap());
                let mut out = vec![0xaa; drill::Challenge::MAX_LEN];
                let written = drill::Challenge::write(&file, &asked, 0, rng, &mut out);
                made(
                    debug(written.map(|challenge| challenge.as_bytes().len())),
                    &out,
                )
            },
        },
        Row {
            name: "a response of a custodian of a domain file",
            covers: &[
                "managed_hsm/drill/respond respond",
                "managed_hsm/drill/respond unwrap",
            ],
            shows: 0,
            run: |rng| {
                let text = file();
                let file = DomainFile::parse(&text).unwrap();
                let der = fixtures::certificate_der(NAMES[0]);
                let asked = [RecoveryCertificate::parse(&der).unwrap()];
                let mut room = vec![0; drill::Challenge::MAX_LEN];
                let challenge =
                    drill::Challenge::write(&file, &asked, 0, &mut sealed::rng(5), &mut room);
                let challenge = challenge.unwrap();
                let (me, mut key) = (
                    fixtures::thumbprint(NAMES[0]),
                    fixtures::private_key(NAMES[0]),
                );
                let mut out = [0; drill::Response::LEN];
                let answer = drill::respond(&file, &challenge, &me, &mut key, rng, &mut out);
                Ok(debug(answer)?.as_bytes().to_vec())
            },
        },
        Row {
            name: "a request to restore",
            covers: &["managed_hsm/restore_session/request ask"],
            shows: ALL,
            run: |rng| {
                let text = file();
                let mut out = vec![0xaa; Request::MAX_LEN];
                let done = debug(asked(&DomainFile::parse(&text).unwrap(), rng, &mut out));
                let done = done.map(|request| request.as_bytes().to_vec());
                if done.is_err() {
                    // Nothing was written over what was there.
                    assert!(out.iter().all(|byte| *byte == 0xaa));
                }
                done
            },
        },
        Row {
            name: "a contribution to a restore",
            covers: &[
                "managed_hsm/restore_session/contribute contribute",
                "managed_hsm/restore_session/contribute write",
            ],
            shows: 0,
            run: |rng| {
                let text = file();
                contributed(&DomainFile::parse(&text).unwrap(), NAMES[0], rng)
            },
        },
        Row {
            name: "a contribution to a restore, taken",
            covers: &[
                "managed_hsm/restore_session/collector add",
                "managed_hsm/restore_session/collector open",
            ],
            shows: 0,
            run: |rng| {
                let text = file();
                let file = DomainFile::parse(&text).unwrap();
                let mut room = vec![0; Request::MAX_LEN];
                let request = asked(&file, &mut sealed::rng(5), &mut room).unwrap();
                let given = contributed(&file, NAMES[0], &mut sealed::rng(6)).unwrap();
                let given = restore_session::Contribution::parse(&given).unwrap();
                let mut collector = Collector::new(&file, request).unwrap();
                let mut key = fixtures::private_key(SESSION);
                let done = debug(collector.add(&given, &mut key, 0, rng));
                if done.is_err() {
                    assert_eq!(collector.contributors().count(), 0);
                }
                done.map(|_| vec![1])
            },
        },
        Row {
            name: "a restore blob of a session",
            covers: &[
                "managed_hsm/restore_session/collector restore",
                "managed_hsm/restore_session/collector restore_into",
            ],
            shows: ALL,
            run: |rng| {
                let text = file();
                let file = DomainFile::parse(&text).unwrap();
                let mut room = vec![0; Request::MAX_LEN];
                let request = asked(&file, &mut sealed::rng(5), &mut room).unwrap();
                let mut collector = Collector::new(&file, request).unwrap();
                let mut key = fixtures::private_key(SESSION);
                for name in &NAMES[..2] {
                    let given = contributed(&file, name, &mut sealed::rng(6)).unwrap();
                    let given = restore_session::Contribution::parse(&given).unwrap();
                    let rng = &mut sealed::rng(7);
                    collector.add(&given, &mut key, 0, rng).unwrap();
                }
                let der = fixtures::certificate_der(TRANSFER);
                let to = Certificate::parse(&der).unwrap();
                let mut out = vec![0xaa; restore_blob::encoded_len(&file, &to)];
                let done = debug(collector.restore(&to, 0, rng, &mut out));
                made(done.map(|restored| restored.len()), &out)
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

/// The request of a collector whose key is that of `SESSION`.
fn asked<'o, R: Generator + ?Sized>(
    file: &DomainFile<'_>,
    rng: &mut R,
    out: &'o mut [u8],
) -> Result<Request<'o>, AskError> {
    let der = fixtures::certificate_der(TRANSFER);
    let mut spki = vec![0; PublicKey::SPKI_MAX_LEN];
    let key = fixtures::private_key(SESSION);
    let len = key.public_key().to_spki_der(&mut spki).unwrap();
    let key = SessionPublicKey::new(key.public_key().algorithm(), &spki[..len]).unwrap();
    let times = Times {
        created: 0,
        expires: 0,
    };
    let transfer = Certificate::parse(&der).unwrap();
    restore_session::ask(file, &transfer, key, times, rng, out)
}

/// A custodian's contribution to the same request.
fn contributed<R: Generator + ?Sized>(
    file: &DomainFile<'_>,
    name: &str,
    rng: &mut R,
) -> Result<Vec<u8>, String> {
    let mut room = vec![0; Request::MAX_LEN];
    let request = asked(file, &mut sealed::rng(5), &mut room).unwrap();
    let shown = request.digest();
    let request = VettedRequest::compared(request, shown).unwrap();
    let mut out = vec![0xaa; restore_session::contribution_len(request.request())];
    let (of, mut key) = (fixtures::thumbprint(name), fixtures::private_key(name));
    let done = restore_session::contribute(file, &request, &of, &mut key, 0, rng, &mut out);
    let done = done.map(drop);
    if done.is_err() {
        let empty = |byte: &u8| [0, 0xaa].contains(byte);
        assert!(out.iter().all(empty), "something is left");
    }
    debug(done).map(|()| out)
}

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
