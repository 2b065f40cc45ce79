// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the crate writes: it opens, has the promised length, and is all or nothing.

use security_domain::hazmat::testing::TestRng;
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::{OpenError, Tag, WriteError, certificate_info, key_backup};
use security_domain::quorum::{QuorumError, Threshold};
use security_domain::secret::Secret;
use security_domain::x509::Certificate;

use super::fixtures::*;

const NAMES: [&str; 10] = [
    "s2048_0", "s2048_1", "s2048_2", "s3072_0", "s3072_1", "s4096_0", "s2048_3", "s2048_4",
    "s2048_5", "s2048_6",
];

fn ders(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| certificate_der(name)).collect()
}

fn certificates(ders: &[Vec<u8>]) -> Vec<Certificate<'_>> {
    ders.iter()
        .map(|der| Certificate::parse(der).unwrap())
        .collect()
}

fn threshold(m: u8) -> Threshold {
    Threshold::new(m).unwrap()
}

fn tag(text: &str) -> Tag<'_> {
    Tag::new(text).unwrap()
}

#[test]
fn our_files_open_with_every_kind_of_quorum() {
    // Lengths about the ends of blocks and chunks.
    let contents: Vec<Vec<u8>> = [0, 1, 15, 16, 17, 175, 176, 177, 191, 192, 193, 384, 1000]
        .map(|length| (0..length).map(|i| (i * 7) as u8).collect())
        .to_vec();
    let names: Vec<String> = (0..contents.len())
        .map(|i| format!("tag \"{i}\" \u{1f511}\n\u{e9}"))
        .collect();
    let artifacts: Vec<_> = names
        .iter()
        .zip(&contents)
        .map(|(n, c)| (tag(n), &c[..]))
        .collect();
    let known: Vec<_> = names
        .iter()
        .cloned()
        .zip(contents.iter().cloned())
        .collect();

    for (m, n) in [(2, 3), (3, 3), (3, 5), (10, 10)] {
        let ders = ders(&NAMES[..n]);
        let certificates = certificates(&ders);
        let length = domain_file::encoded_len(&artifacts, threshold(m), &certificates);
        let mut out = vec![0; length];
        let written = domain_file::write(
            &artifacts,
            threshold(m),
            &certificates,
            &mut rng(),
            &mut out,
        );
        assert_eq!(written, Ok(length), "{m} of {n}");
        assert!(out.is_ascii());
        serde_json::from_slice::<serde_json::Value>(&out).unwrap();

        let file = DomainFile::parse(&out).unwrap();
        assert_eq!(file.quorum().to_string(), format!("{m} of {n}"));
        let shares = open_shares(&file, &NAMES[n - usize::from(m)..n]);
        let combined = file.combine(&shares).unwrap();
        assert_eq!(open_all(file.artifacts(), combined.master_key()), known);

        let short = &mut out.clone()[..length - 1];
        let error = domain_file::write(&artifacts, threshold(m), &certificates, &mut rng(), short);
        assert_eq!(error, Err(WriteError::BufferTooSmall { needed: length }));
        assert!(short.iter().all(|&byte| byte == 0), "wiped");
    }
}

#[test]
fn what_cannot_be_a_domain_is_not_written() {
    let ders = ders(&["s2048_0", "s2048_1", "s2048_2", "s2048_0"]);
    let all = certificates(&ders);
    let write = |artifacts: &[(Tag<'_>, &[u8])], m, certificates: &[Certificate<'_>]| {
        let mut out = [0xaa; 9000];
        let result =
            domain_file::write(artifacts, threshold(m), certificates, &mut rng(), &mut out);
        assert!(out.iter().all(|&byte| byte == 0), "wiped");
        result.unwrap_err()
    };
    let one: &[(Tag<'_>, &[u8])] = &[(tag("a"), b"artifact")];
    assert_eq!(write(&[], 2, &all[..3]), WriteError::ArtifactCount);
    let tags: Vec<String> = (0..33).map(|i| i.to_string()).collect();
    let many: Vec<(Tag<'_>, &[u8])> = tags.iter().map(|t| (tag(t), &b""[..])).collect();
    assert_eq!(write(&many, 2, &all[..3]), WriteError::ArtifactCount);
    assert_eq!(
        write(&[one[0], one[0]], 2, &all[..3]),
        WriteError::RepeatedTag
    );
    assert_eq!(write(one, 2, &all[..2]), WriteError::CertificateCount);
    assert_eq!(write(one, 2, &all), WriteError::RepeatedCustodian);
    let quorum = WriteError::Quorum(QuorumError::ThresholdAboveCount);
    assert_eq!(write(one, 4, &all[..3]), quorum);

    let mut out = [0xaa; 9000];
    let request = certificate_info::write(&all, threshold(2), &mut out);
    assert_eq!(request, Err(WriteError::RepeatedCustodian));
    assert!(out.iter().all(|&byte| byte == 0), "wiped");
}

#[test]
fn the_most_artifacts_and_the_longest_tag_are_written_and_read() {
    let tags: Vec<String> = (0..32)
        .map(|i| format!("{}{i:02}", "\u{7ff}".repeat(126)))
        .collect();
    let artifacts: Vec<(Tag<'_>, &[u8])> = tags.iter().map(|t| (tag(t), &b""[..])).collect();
    let ders = ders(&NAMES[..3]);
    let certificates = certificates(&ders);
    let mut out = vec![0; domain_file::encoded_len(&artifacts, threshold(2), &certificates)];
    domain_file::write(
        &artifacts,
        threshold(2),
        &certificates,
        &mut rng(),
        &mut out,
    )
    .unwrap();
    let file = DomainFile::parse(&out).unwrap();
    let read: Vec<String> = file.artifacts().map(|a| a.tag().to_string()).collect();
    assert_eq!(read, tags);
}

#[test]
fn strings_are_escaped_as_python_escapes_them() {
    // What `json.dumps` makes of the same text.
    let text = " \"\\/~\u{7f}\u{80}\u{1}\n\t\r\u{8}\u{c}\u{1f511}";
    let python = r#"" \"\\/~\u007f\u0080\u0001\n\t\r\b\f\ud83d\udd11""#;
    let ders = ders(&NAMES[..3]);
    let certificates = certificates(&ders);
    let artifacts: [(Tag<'_>, &[u8]); 1] = [(tag(text), b"")];
    let mut out = vec![0; domain_file::encoded_len(&artifacts, threshold(2), &certificates)];
    domain_file::write(
        &artifacts,
        threshold(2),
        &certificates,
        &mut rng(),
        &mut out,
    )
    .unwrap();
    let written = String::from_utf8(out).unwrap();
    assert!(written.contains(&format!("\"tag\":{python}")), "{written}");
}

#[test]
fn a_generator_that_fails_at_any_call_leaves_nothing() {
    let ders = ders(&NAMES[..3]);
    let certificates = certificates(&ders);
    let artifacts: &[(Tag<'_>, &[u8])] = &[(tag("a"), b"artifact")];
    let length = domain_file::encoded_len(artifacts, threshold(2), &certificates);
    let mut calls = 0;
    loop {
        let mut out = vec![0xaa; length];
        let mut rng = TestRng::failing_from(1, calls);
        match domain_file::write(artifacts, threshold(2), &certificates, &mut rng, &mut out) {
            Ok(written) => {
                assert_eq!(written, length);
                break;
            }
            Err(error) => assert_eq!(error, WriteError::Rng, "call {calls}"),
        }
        assert!(
            out.iter().all(|&byte| byte == 0),
            "wiped after call {calls}"
        );
        calls += 1;
    }
    assert!(
        calls > 32,
        "{calls} calls: a coefficient for every byte at the least"
    );
}

#[test]
fn a_generator_of_zeros_deals_no_shares() {
    let ders = ders(&NAMES[..3]);
    let certificates = certificates(&ders);
    let artifacts: &[(Tag<'_>, &[u8])] = &[(tag("a"), b"artifact")];
    let mut out = [0; 9000];
    let result = domain_file::write(
        artifacts,
        threshold(2),
        &certificates,
        &mut TestRng::stuck(0),
        &mut out,
    );
    assert_eq!(result, Err(WriteError::Rng));
}

#[test]
fn a_blob_is_made_with_the_right_key_only() {
    let text = bytes("valid/v14-one-entry/sd.json");
    let file = DomainFile::parse(&text).unwrap();
    let other = bytes("valid/v12-3of3/sd.json");
    let other = DomainFile::parse(&other).unwrap();
    let names = ["s2048_0", "s2048_1", "s2048_2"];
    let stranger = other.combine(&open_shares(&other, &names)).unwrap();

    let der = certificate_der("stransfer4096");
    let transfer = Certificate::parse(&der).unwrap();
    let mut out = vec![0xaa; restore_blob::encoded_len(&file, &transfer)];
    let key = stranger.master_key();
    let result = restore_blob::write(&file, key, &transfer, &mut rng(), &mut out);
    assert_eq!(result, Err(WriteError::DoesNotOpen));
    assert!(out.iter().all(|&byte| byte == 0), "wiped");
}

#[test]
fn a_blob_for_another_transfer_key_says_so() {
    use security_domain::managed_hsm::restore_blob::RestoreError;
    let text = bytes("valid/v01-2of3-2048/restore-0-1.json");
    let blob = RestoreBlob::parse(&text).unwrap();
    let (have, want) = (thumbprint("stransfer4096"), thumbprint("stransfer2048"));
    let opened = blob.open(&have, &mut private_key("stransfer4096"), &mut rng());
    assert_eq!(
        opened.err(),
        Some(RestoreError::OtherTransferKey { have, want })
    );
    let opened = blob.open(&want, &mut private_key("s2048_0"), &mut rng());
    assert_eq!(opened.err(), Some(RestoreError::DoesNotOpen));
}

#[test]
fn artifacts_open_whole_or_not_at_all() {
    let text = bytes("valid/v01-2of3-2048/sd.json");
    let file = DomainFile::parse(&text).unwrap();
    let shares = open_shares(&file, &["s2048_0", "s2048_2"]);
    let combined = file.combine(&shares).unwrap();
    for artifact in file.artifacts() {
        let needed = artifact.max_len();
        assert_eq!(artifact.ciphertext_len(), needed + 1);
        let mut out = vec![0; needed - 1];
        let result = artifact.open(combined.master_key(), &mut out);
        assert_eq!(result, Err(OpenError::BufferTooSmall { needed }));
        assert!(out.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn a_key_backup_goes_round_at_every_length_about_a_chunk() {
    let key = Secret::random(&mut rng()).unwrap();
    let other = Secret::from_bytes(&mut [1; 64]);
    for length in 0..=400 {
        let plaintext: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let mut text = vec![0; key_backup::encoded_len(length)];
        let written = key_backup::seal(&key, &plaintext, &mut rng(), &mut text);
        assert_eq!(written, Ok(text.len()));
        let backup = key_backup::KeyBackup::parse(&text).unwrap();
        let mut out = vec![0; backup.max_len()];
        assert_eq!(backup.open(&other, &mut out), Err(OpenError::DoesNotOpen));
        assert_eq!(backup.open(&key, &mut out), Ok(length));
        assert_eq!(out[..length], plaintext[..]);
    }
}
