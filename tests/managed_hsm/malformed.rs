// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every malformed vector is refused for its own defect: a table of defect and reason.

use security_domain::managed_hsm::certificate_info::CertificateInfo;
use security_domain::managed_hsm::domain_file::{CombineError, DomainFile, ShareError};
use security_domain::managed_hsm::restore_blob::{RestoreBlob, RestoreError};
use security_domain::managed_hsm::transfer_key::TransferKey;
use security_domain::managed_hsm::{Fault, FileError, MAX_CERTIFICATE_LEN, TagError};
use security_domain::rsa::KeyError;
use security_domain::x509::CertificateError;
use serde_json::Value;

use super::fixtures::*;

/// Why a file is refused.
#[derive(Debug, PartialEq)]
enum Refusal {
    /// Its form: the field and the fault.
    Form(String, Fault),
    /// A member that is not in the format: the object and the member's name.
    Unknown(String, String),
    /// The shares of the custodians in these places of the manifest's list do not open, which leaves
    /// too few.
    Shares(Vec<usize>),
    /// No share is for these custodians.
    NoShare,
    /// The shares open, and do not combine to a key that opens everything.
    Combining,
    /// A restore blob does not open.
    Blob,
}
use Refusal::{Blob, Combining, NoShare, Shares};

fn unknown(object: &str, name: &str) -> Refusal {
    Refusal::Unknown(object.to_owned(), name.to_owned())
}

fn form(field: &str, fault: Fault) -> Refusal {
    Refusal::Form(field.to_owned(), fault)
}

/// The defect of each file, and what it must be refused for.
fn table() -> Vec<(&'static str, Refusal)> {
    use Fault::*;
    let enc_key = "SharedKeys.enc_shares[0].enc_key";
    let jwe = "EncData.data[0].compact_jwe";
    let shares_at = |part: &str, fault| form(&format!("{enc_key} ({part})"), fault);
    let data_at = |part: &str, fault| form(&format!("{jwe} ({part})"), fault);
    let wrapped_at = |part: &str, fault| form(&format!("WrappedKey.enc_key ({part})"), fault);
    let required = "SharedKeys.required";
    let (both, three) = (|| Shares(vec![0, 1]), || Shares(vec![0, 1, 2]));
    let first = || Shares(vec![0]);
    vec![
        (
            "json-truncated",
            form("SharedKeys.enc_shares[1].enc_key", Syntax),
        ),
        ("json-trailing", form("security domain", Trailing)),
        ("json-dup-required", form(required, Duplicate)),
        ("json-dup-encdata", form("EncData", Duplicate)),
        ("json-deep", unknown("security domain", "x")),
        ("json-bad-utf8", form("security domain", NotUtf8)),
        ("json-bom", form("security domain", Syntax)),
        ("json-unknown-member", unknown("security domain", "comment")),
        ("version-missing", form("version", Missing)),
        ("version-3", form("version", Value)),
        ("version-string", form("version", NotAnInteger)),
        ("kdf-missing", form("EncData.kdf", Missing)),
        ("required-negative", form(required, NotAnInteger)),
        ("required-string", form(required, NotAnInteger)),
        ("required-float", form(required, NotAnInteger)),
        ("required-bool", form(required, NotAnInteger)),
        ("required-null", form(required, NotAnInteger)),
        ("required-above-n", form(required, Required)),
        ("required-below-degree", Combining),
        ("share-value-257", three()),
        ("share-value-511", three()),
        ("share-x-zero", first()),
        ("share-x-same", Combining),
        ("share-x-127", first()),
        ("share-x-above-n", first()),
        ("share-long-64", shares_at("ciphertext", Length)),
        ("share-odd-length", both()),
        ("share-empty", shares_at("ciphertext", Length)),
        ("share-big-endian", both()),
        ("share-shift-8", first()),
        ("share-combines-256", Combining),
        ("share-tag-empty", shares_at("tag", Length)),
        ("share-tag-16", shares_at("tag", Length)),
        ("share-tag-flip", both()),
        ("share-tag-1", shares_at("tag", Length)),
        ("share-oaep-sha1", shares_at("header alg", Value)),
        ("share-alg-lie", both()),
        ("share-alg-dir", shares_at("header alg", Value)),
        ("share-enc-gcm", shares_at("header enc", Value)),
        (
            "share-crit",
            unknown("SharedKeys.enc_shares[0].enc_key (header)", "crit"),
        ),
        ("share-cek-80", both()),
        ("share-cek-32", both()),
        ("share-four-parts", form(enc_key, Parts)),
        ("share-header-array", shares_at("header", NotAnObject)),
        ("share-rsa-long", shares_at("encrypted key", Length)),
        ("share-iv-8", shares_at("IV", Length)),
        ("x5t-unknown", NoShare),
        ("x5t-swapped", both()),
        ("x5t-sha1", form("SharedKeys.enc_shares[0].x5t_256", Length)),
        (
            "custodian-twice",
            form("SharedKeys.enc_shares[1].x5t_256", Repeated),
        ),
        ("shares-none", form("SharedKeys.enc_shares", Count)),
        ("shares-eleven", form("SharedKeys.enc_shares", Count)),
        ("data-tag-flip", Combining),
        ("data-tag-empty-ivflip", data_at("tag", Length)),
        ("data-tag-31", data_at("tag", Length)),
        ("data-iv-flip", Combining),
        ("data-header-changed", Combining),
        ("data-swapped", data_at("header kid", Mismatch)),
        ("data-swapped-notag", data_at("header kid", Mismatch)),
        ("data-kid-other", data_at("header kid", Mismatch)),
        ("data-kid-missing", data_at("header kid", Missing)),
        ("data-alg-rsa", data_at("header alg", Value)),
        ("data-alg-none", data_at("header alg", Value)),
        (
            "data-zip",
            unknown("EncData.data[0].compact_jwe (header)", "zip"),
        ),
        (
            "data-crit",
            unknown("EncData.data[0].compact_jwe (header)", "crit"),
        ),
        ("data-enckey-present", data_at("encrypted key", NotEmpty)),
        ("data-pad-bad", Combining),
        ("data-pad-zero", Combining),
        ("data-pad-17", Combining),
        ("data-ct-empty", data_at("ciphertext", Length)),
        ("data-ct-17", data_at("ciphertext", Length)),
        ("data-key-halves", Combining),
        ("kdf-L-bytes", Combining),
        ("kdf-no-separator", Combining),
        ("kdf-context-tag", Combining),
        ("kdf-sha256", Combining),
        (
            "tag-empty",
            form("EncData.data[0].tag", Tag(TagError::Empty)),
        ),
        ("tag-nul", form("EncData.data[0].tag", Tag(TagError::Nul))),
        ("tag-missing", form("EncData.data[0].tag", Missing)),
        ("data-object", form("EncData.data", NotAnArray)),
        ("b64-padding", data_at("tag", Base64)),
        ("b64-dangling", data_at("tag", Base64)),
        ("rb-no-wrappedkey", form("WrappedKey", Missing)),
        ("rb-is-sd", unknown("restore blob", "SharedKeys")),
        ("rb-key-16", wrapped_at("ciphertext", Length)),
        ("rb-key-33", Blob),
        ("rb-rsa15", wrapped_at("header alg", Value)),
        ("rb-oaep-sha1", wrapped_at("header alg", Value)),
        ("rb-wrap-tag-16", wrapped_at("tag", Length)),
        ("rb-data-tag-empty", data_at("tag", Length)),
        ("rb-data-tag-flip", Blob),
        ("rb-dup-tag", form("EncData.data[3].tag", Repeated)),
        ("rb-kdf-empty", form("EncData.kdf", Value)),
        ("rb-kid-other", data_at("header kid", Mismatch)),
        ("tk-x5c-empty", form("transfer_key (x5c)", Count)),
        ("tk-n-other", form("transfer_key (n)", Mismatch)),
        ("tk-x5t-other", form("transfer_key (x5t#S256)", Mismatch)),
        (
            "tk-rsa-1536",
            form(
                "transfer_key (x5c)",
                Certificate(CertificateError::Key(KeyError::ModulusSize { bits: 1536 })),
            ),
        ),
        (
            "tk-ec",
            form("transfer_key (x5c)", Certificate(CertificateError::NotRsa)),
        ),
        ("tk-alg-rsa15", form("transfer_key (alg)", Value)),
        ("tk-keyops-sign", form("transfer_key (key_ops)", Value)),
        ("tk-format", form("key_format", Value)),
        ("ci-dup-cert", form("certificates[1] (x5c)", Repeated)),
        ("ci-dup-key", form("certificates[1] (n)", Repeated)),
        ("ci-required-above", form("required", Required)),
        (
            "ci-rsa-1024",
            form(
                "certificates[0] (x5c)",
                Certificate(CertificateError::Key(KeyError::ModulusSize { bits: 1024 })),
            ),
        ),
        ("ci-n-other", form("certificates[0] (n)", Mismatch)),
        ("ci-no-required", form("required", Missing)),
        ("ci-eleven", form("certificates", Count)),
    ]
}

fn refused_form(error: FileError) -> Refusal {
    let field = error.field.to_string();
    match error.fault {
        Fault::UnknownMember(name) => Refusal::Unknown(field, name.as_str().to_owned()),
        fault => Refusal::Form(field, fault),
    }
}

/// What the custodians of the case make of a domain file.
fn refuse_domain(document: &[u8], entry: &Value) -> Option<Refusal> {
    let file = match DomainFile::parse(document) {
        Ok(file) => file,
        Err(error) => return Some(refused_form(error)),
    };
    let (mut shares, mut failed) = (Vec::new(), Vec::new());
    for (place, name) in texts(&entry["custodians"]).into_iter().enumerate() {
        match open_share(&file, name) {
            Ok(share) => shares.push(share),
            Err(ShareError::NotListed) => return Some(NoShare),
            Err(ShareError::Damaged(error)) => {
                assert!(file.damaged_shares().any(|share| share.error == error));
                return Some(refused_form(error));
            }
            Err(ShareError::DoesNotOpen) => failed.push(place),
            Err(other) => panic!("{other}"),
        }
    }
    match file.combine(&shares) {
        Ok(_) => None,
        Err(CombineError::DoesNotOpen) if failed.is_empty() => Some(Combining),
        Err(CombineError::TooFewShares { have, .. }) if have == shares.len() => {
            Some(Shares(failed))
        }
        Err(other) => panic!("{other}"),
    }
}

fn refuse_blob(document: &[u8], entry: &Value) -> Option<Refusal> {
    let transfer = text(&entry["transfer_key"]);
    match RestoreBlob::parse(document) {
        Err(error) => Some(refused_form(error)),
        Ok(blob) => {
            let opened = blob.open(
                &thumbprint(transfer),
                &mut private_key(transfer),
                &mut rng(),
            );
            match opened {
                Ok(_) => None,
                Err(RestoreError::DoesNotOpen) => Some(Blob),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn every_malformed_file_is_refused_for_its_defect() {
    let mut table = table();
    let mut wrong = Vec::new();
    for entry in entries("malformed") {
        let id = text(&entry["id"]);
        let document = bytes(text(&entry["file"]));
        let mut der = [0; MAX_CERTIFICATE_LEN];
        let refusal = match text(&entry["target"]) {
            "sd" => refuse_domain(&document, &entry),
            "restore-blob" => refuse_blob(&document, &entry),
            "transfer-key" => TransferKey::parse(&document, &mut der)
                .err()
                .map(refused_form),
            "certificate-info" => CertificateInfo::parse(&document, &mut der)
                .err()
                .map(refused_form),
            other => panic!("{other}"),
        };
        let row = table.iter().position(|(row, _)| *row == id);
        let row = row.unwrap_or_else(|| panic!("{id} has no row"));
        let (_, expected) = table.swap_remove(row);
        if refusal.as_ref() != Some(&expected) {
            wrong.push(format!("{id}: expected {expected:?}, was {refusal:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(table, [], "rows without a file");
}
