// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors, keys and certificates.

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use security_domain::managed_hsm::MasterKey;
use security_domain::managed_hsm::domain_file::{DomainFile, ShareError};
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use security_domain::managed_hsm::{Artifact, Share};
use security_domain::rng::RngError;
use security_domain::rsa::PrivateKey;
use security_domain::x509::{Certificate, Thumbprint};
use serde_json::Value;

pub fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([0x5d; 32])
}

pub fn path(name: &str) -> PathBuf {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/managed-hsm");
    vectors.join(name)
}

pub fn bytes(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap()
}

/// The entries of the manifest of one kind.
pub fn entries(kind: &str) -> Vec<Value> {
    let manifest = json("manifest.json");
    let entries = manifest["entries"].as_array().unwrap().iter();
    entries.filter(|e| e["kind"] == kind).cloned().collect()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(text).collect()
}

/// The body of a PEM file, whatever the length of its lines.
fn pem(name: &str) -> Vec<u8> {
    let pem = String::from_utf8(bytes(name)).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    base64(&body)
}

pub fn certificate_der(name: &str) -> Vec<u8> {
    pem(&format!("keys/{name}.cer"))
}

pub fn private_key(name: &str) -> PrivateKey {
    PrivateKey::from_pkcs8_der(&pem(&format!("keys/{name}.key"))).unwrap()
}

pub fn thumbprint(name: &str) -> Thumbprint {
    Certificate::parse(&certificate_der(name))
        .unwrap()
        .thumbprint()
}

/// What a custodian makes of a file with his certificate and key.
pub fn open_share(file: &DomainFile<'_>, name: &str) -> Result<Share, ShareError<RngError>> {
    file.open_share(&thumbprint(name), &mut private_key(name), &mut rng())
}

pub fn open_shares(file: &DomainFile<'_>, names: &[&str]) -> Vec<Share> {
    let open = |name: &&str| open_share(file, name).unwrap_or_else(|e| panic!("{name}: {e}"));
    names.iter().map(open).collect()
}

/// Opens a restore blob with a transfer key.
pub fn open_blob(blob: &RestoreBlob<'_>, transfer: &str) -> MasterKey {
    let mut key = private_key(transfer);
    { blob.open(&thumbprint(transfer), &mut key, &mut rng()) }.unwrap()
}

/// The tags and plaintexts of artifacts.
pub fn open_all<'a>(
    artifacts: impl Iterator<Item = Artifact<'a>>,
    key: &MasterKey,
) -> Vec<(String, Vec<u8>)> {
    artifacts
        .map(|artifact| {
            let mut out = vec![0xaa; artifact.max_len()];
            let length = artifact.open(key, &mut out).unwrap();
            assert!(
                out[length..].iter().all(|&byte| byte == 0),
                "padding is wiped"
            );
            out.truncate(length);
            (artifact.tag().to_string(), out)
        })
        .collect()
}

/// The artifacts that a case names.
pub fn case_artifacts(case: &Value) -> Vec<(String, Vec<u8>)> {
    let artifacts = case["artifacts"].as_array().unwrap().iter();
    artifacts
        .map(|artifact| {
            let plaintext = base64(text(&artifact["b64"]));
            (text(&artifact["tag"]).to_owned(), plaintext)
        })
        .collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn base64(text: &str) -> Vec<u8> {
    let mut out = vec![0; text.len()];
    Base64::decode(text, &mut out).unwrap().to_vec()
}

pub fn base64url(bytes: &[u8]) -> String {
    let mut out = vec![0; bytes.len() * 2 + 4];
    Base64UrlUnpadded::encode(bytes, &mut out)
        .unwrap()
        .to_owned()
}

pub fn from_base64url(text: &str) -> Vec<u8> {
    let mut out = vec![0; text.len()];
    Base64UrlUnpadded::decode(text, &mut out).unwrap().to_vec()
}
