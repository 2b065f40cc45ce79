// SPDX-License-Identifier: MIT OR Apache-2.0
//! The documents of the interchange.

use security_domain::hazmat::managed_hsm::{master_key, share_from_words, share_words as words_of};
use security_domain::hazmat::testing::TestRng;
use security_domain::managed_hsm::certificate_info::CertificateInfo;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::key_backup::{self, ContentKey, KeyBackup};
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use security_domain::managed_hsm::split_file::SplitFile;
use security_domain::managed_hsm::transfer_key::TransferKey;
use security_domain::managed_hsm::{Artifact, MAX_CERTIFICATE_LEN, MAX_ENTRIES};
use security_domain::quorum::Quorum;
use security_domain::secret::Secret;
use security_domain::x509::Thumbprint;

/// A key that opens nothing.
fn wrong_key() -> Secret<32> {
    Secret::random(&mut TestRng::seeded(1)).unwrap()
}

/// What holds for the artifacts of every file that was read.
fn check<'a>(artifacts: impl Iterator<Item = Artifact<'a>>) {
    let key = master_key(wrong_key());
    let mut tags = Vec::new();
    for artifact in artifacts {
        let mut out = vec![0; artifact.max_len()];
        assert!(artifact.open(&key, &mut out).is_err());
        assert!(out.iter().all(|byte| *byte == 0));
        let tag: Vec<u8> = artifact.tag().bytes().collect();
        assert!(!tag.is_empty() && tag.len() <= 255 && !tag.contains(&0));
        assert!(core::str::from_utf8(&tag).is_ok());
        assert!(!tags.contains(&tag));
        tags.push(tag);
    }
    assert!((1..=MAX_ENTRIES).contains(&tags.len()));
}

/// The security-domain file, of either version.
pub fn domain_file(data: &[u8]) {
    split_file(data);
    let mut unknown = 0;
    let file = DomainFile::parse_ignoring_unknown(data, &mut |_| unknown += 1);
    let strict = DomainFile::parse(data);
    assert_eq!(strict.is_ok(), file.is_ok() && unknown == 0);
    let Ok(file) = file else {
        return;
    };
    let mut custodians: Vec<Thumbprint> = file.custodians().collect();
    let listed = custodians.len();
    let count = usize::from(file.quorum().count().get());
    assert!((3..=10).contains(&count));
    // A custodian who is not named has a damaged share.
    assert!(count <= listed + file.damaged_shares().count());
    assert!(file.damaged_shares().count() <= count);
    custodians.sort();
    custodians.dedup();
    assert_eq!(custodians.len(), listed);
    check(file.artifacts());
}

/// The security-domain file of version 1.
fn split_file(data: &[u8]) {
    let mut unknown = 0;
    let file = SplitFile::parse_ignoring_unknown(data, &mut |_| unknown += 1);
    let strict = SplitFile::parse(data);
    assert_eq!(strict.is_ok(), file.is_ok() && unknown == 0);
    let Ok(file) = file else {
        return;
    };
    assert!(DomainFile::parse(data).is_err());
    let mut custodians: Vec<Thumbprint> = file.custodians().collect();
    let listed = custodians.len();
    assert!(listed <= 10 && file.damaged_halves().count() <= 180);
    custodians.sort();
    custodians.dedup();
    assert_eq!(custodians.len(), listed);
    check(file.artifacts());
}

/// The restore blob.
pub fn restore_blob(data: &[u8]) {
    let Ok(blob) = RestoreBlob::parse(data) else {
        return;
    };
    check(blob.artifacts());
}

/// The transfer key, in both forms.
pub fn transfer_key(data: &[u8]) {
    let mut der = [0; MAX_CERTIFICATE_LEN];
    let Ok(key) = TransferKey::parse(data, &mut der) else {
        return;
    };
    let value: serde_json::Value =
        serde_json::from_slice(data).expect("JSON, as serde_json reads it");
    assert_eq!(value["key_format"], "jwk");
    assert!(key.certificate().der().len() <= MAX_CERTIFICATE_LEN);
}

/// The request for a download.
pub fn certificate_info(data: &[u8]) {
    let mut der = [0; MAX_CERTIFICATE_LEN];
    let Ok(info) = CertificateInfo::parse(data, &mut der) else {
        return;
    };
    let value: serde_json::Value =
        serde_json::from_slice(data).expect("JSON, as serde_json reads it");
    assert_eq!(value["required"], info.quorum().threshold().get());
    let mut count = 0;
    for custodian in info.custodians() {
        let certificate = info
            .certificate(&custodian, &mut der)
            .expect("it was read before");
        assert_eq!(certificate.thumbprint(), custodian);
        count += 1;
    }
    assert_eq!(count, info.quorum().count().get());
}

/// A JWE on its own: a key backup. And what is sealed opens, but with no bit changed.
pub fn jwe(data: &[u8]) {
    let key = ContentKey::random(&mut TestRng::seeded(2)).unwrap();
    if let Ok(backup) = KeyBackup::parse(data) {
        let mut out = vec![0; backup.max_len()];
        assert!(backup.open(&key, &mut out).is_err());
        assert!(out.iter().all(|byte| *byte == 0));
    }
    let [at_low, at_high, flip, plaintext @ ..] = data else {
        return;
    };
    let mut text = vec![0; key_backup::encoded_len(plaintext.len())];
    let len = key_backup::seal(&key, plaintext, &mut TestRng::seeded(3), &mut text).unwrap();
    assert_eq!(len, text.len());
    let backup = KeyBackup::parse(&text).unwrap();
    let mut out = vec![0; backup.max_len()];
    let len = backup.open(&key, &mut out).unwrap();
    assert_eq!(&out[..len], plaintext);

    let at = usize::from(u16::from_le_bytes([*at_low, *at_high])) % text.len();
    if text[at] != *flip {
        text[at] = *flip;
        if let Ok(backup) = KeyBackup::parse(&text) {
            let mut out = vec![0; backup.max_len()];
            assert!(backup.open(&key, &mut out).is_err());
        }
    }
}

/// The words of a share.
pub fn share_words(data: &[u8]) {
    let [threshold, count, words @ ..] = data else {
        return;
    };
    let Some((words, _)) = words.split_first_chunk::<64>() else {
        return;
    };
    let Ok(quorum) = Quorum::new(*threshold, *count) else {
        return;
    };
    let secret = Secret::from_bytes(&mut { *words });
    if let Some(share) = share_from_words(Thumbprint::new([7; 32]), quorum, &secret) {
        assert!(quorum.contains(share.index()));
        assert_eq!(words_of(&share).expose(), words);
    }
}

/// Our JSON reader and serde_json: what ours reads, serde_json reads; and what serde_json makes of it,
/// with other spacing, other escapes and the members in another order, says the same to ours.
pub fn json(data: &[u8]) {
    let Ok(file) = DomainFile::parse(data) else {
        return;
    };
    let value: serde_json::Value =
        serde_json::from_slice(data).expect("JSON, as serde_json reads it");
    assert_eq!(value["version"], 2);
    assert_eq!(
        value["SharedKeys"]["required"],
        file.quorum().threshold().get()
    );
    let entries = value["EncData"]["data"].as_array().unwrap();
    assert_eq!(entries.len(), file.artifacts().count());
    for (entry, artifact) in entries.iter().zip(file.artifacts()) {
        let tag: Vec<u8> = artifact.tag().bytes().collect();
        assert_eq!(entry["tag"].as_str().unwrap().as_bytes(), tag);
    }

    let text = serde_json::to_vec_pretty(&value).unwrap();
    let again = DomainFile::parse(&text).expect("the same file in other words");
    assert_eq!(again.quorum(), file.quorum());
    assert!(again.custodians().eq(file.custodians()));
    for (a, b) in again.artifacts().zip(file.artifacts()) {
        assert!(a.tag().bytes().eq(b.tag().bytes()));
        assert_eq!(a.ciphertext_len(), b.ciphertext_len());
    }
}
