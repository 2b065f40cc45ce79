// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checkpoints, as this crate and others write and read them.

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use security_domain::custody::{
    Checkpoint, CheckpointError, CheckpointField, CheckpointFileError, CheckpointText, Head,
    RecordHash, Tree,
};
use security_domain::lifecycle::VerifyKey;
use security_domain::sealed_domain::InstanceId;
use sha2::{Digest, Sha256};
use signed_note::{Note, StandardVerifier, VerifierList};

const INSTANCE: InstanceId = InstanceId::from_bytes([0xab; 16]);
const ORIGIN: &str = "security-domain/abababababababababababababababab";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn instance_key(key: &SigningKey) -> VerifyKey {
    VerifyKey::new(&key.verifying_key().to_bytes()).unwrap()
}

fn head(size: u32) -> Head {
    let mut tree = Tree::EMPTY;
    for number in 0..size {
        tree.append(&RecordHash::of(&number.to_be_bytes())).unwrap();
    }
    tree.head()
}

fn checkpoint(instance: InstanceId, head: &Head, key: &SigningKey) -> Vec<u8> {
    let text = CheckpointText::new(instance, head).unwrap();
    let mut out = [0; Checkpoint::MAX_SIGNED_LEN];
    let signature = key.sign(text.as_bytes()).to_bytes();
    let signed = text.signed(&instance_key(key), &signature, &mut out);
    signed.unwrap().to_vec()
}

fn verified(bytes: &[u8]) -> Result<Head, CheckpointError> {
    let parsed = Checkpoint::parse(bytes).unwrap();
    parsed.verify(INSTANCE, &instance_key(&key(1)))
}

#[test]
fn what_is_written_is_read() {
    for size in [0, 1, 9, 10, 300] {
        let bytes = checkpoint(INSTANCE, &head(size), &key(1));
        let parsed = Checkpoint::parse(&bytes).unwrap();
        assert_eq!(parsed.as_bytes(), bytes);
        assert_eq!((parsed.instance(), parsed.head()), (INSTANCE, head(size)));
        assert_eq!(verified(&bytes), Ok(head(size)));
    }
    let longest = Head {
        size: u32::MAX,
        ..head(3)
    };
    let bytes = checkpoint(INSTANCE, &longest, &key(1));
    assert_eq!(bytes.len(), Checkpoint::MAX_SIGNED_LEN);
    assert_eq!(verified(&bytes), Ok(longest));
}

fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len().div_ceil(3) * 4];
    Base64::encode(bytes, &mut text).unwrap().to_owned()
}

/// The verifier of `signed_note` for a key of this name.
fn verifier(name: &str, key: &SigningKey) -> Box<StandardVerifier> {
    let typed = [&[1][..], key.verifying_key().as_bytes()].concat();
    let id = signed_note::key_id(name, &typed);
    let text = format!("{name}+{id:08x}+{}", base64(&typed));
    Box::new(StandardVerifier::new(&text).unwrap())
}

#[test]
fn other_libraries_read_it() {
    let (key, head) = (key(1), head(300));
    let bytes = checkpoint(INSTANCE, &head, &key);
    let note = Note::from_bytes(&bytes).unwrap();
    let known = VerifierList::new(vec![verifier(ORIGIN, &key)]);
    let (signed, unknown) = note.verify(&known).unwrap();
    assert_eq!((signed.len(), unknown.len()), (1, 0));
    assert_eq!(note.to_bytes(), bytes);
    let text = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((text.origin(), text.size()), (ORIGIN, 300));
    assert_eq!(&text.hash().0, head.root.as_bytes());
    assert_eq!(text.extension(), "");
}

/// The line of a witness (C2SP tlog-cosignature, version 1).
fn cosigned(text: &str, name: &str, key: &SigningKey, time: u64) -> String {
    let id = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', 4])
        .chain_update(key.verifying_key())
        .finalize();
    let signature = key.sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
    let signed = [&id[..4], &time.to_be_bytes(), &signature.to_bytes()].concat();
    format!("\u{2014} {name} {}\n", base64(&signed))
}

#[test]
fn witnesses_add_their_lines_and_are_verified() {
    let own = checkpoint(INSTANCE, &head(9), &key(1));
    let text = std::str::from_utf8(&own)
        .unwrap()
        .split_inclusive('\n')
        .take(3)
        .collect::<String>();
    let (name, witness) = ("witness.example/w1", key(2));
    let mut bytes = own.clone();
    for number in 0..16 {
        let line = cosigned(
            &text,
            &format!("{name}{number}"),
            &witness,
            1_790_000_000 + number,
        );
        let mut out = vec![0; bytes.len() + line.len()];
        let parsed = Checkpoint::parse(&bytes).unwrap();
        // With its newline or without.
        let line = if number % 2 == 0 {
            &line
        } else {
            line.trim_end()
        };
        let longer = parsed.with_signature(line, &mut out).unwrap();
        assert_eq!(longer.len(), out.len());
        bytes = out;
    }
    assert_eq!(verified(&bytes), Ok(head(9)));
    let parsed = Checkpoint::parse(&bytes).unwrap();
    let key_of = instance_key;
    for number in 0..16 {
        let time = parsed.verify_witness(&format!("{name}{number}"), &key_of(&witness));
        assert_eq!(time, Ok(1_790_000_000 + number));
    }
    let missing = Err(CheckpointError::NotSigned);
    assert_eq!(parsed.verify_witness(name, &key_of(&witness)), missing);
    assert_eq!(
        parsed.verify_witness("witness.example/w11", &key_of(&key(3))),
        missing
    );

    // A witness signs this head, not another.
    let other = cosigned(&text.replace("\n9\n", "\n8\n"), name, &witness, 7);
    let mut out = [0; 1024];
    let parsed = Checkpoint::parse(&own).unwrap();
    let bytes = parsed.with_signature(&other, &mut out).unwrap();
    let parsed = Checkpoint::parse(bytes).unwrap();
    let bad = parsed.verify_witness(name, &key_of(&witness));
    assert_eq!(bad, Err(CheckpointError::BadSignature));

    let parsed = Checkpoint::parse(&own).unwrap();
    let needed = own.len() + other.len();
    let small = parsed.with_signature(&other, &mut out[..needed - 1]);
    assert_eq!(small, Err(CheckpointError::BufferTooSmall { needed }));
    let long = format!("\u{2014} w {}", "AAAA".repeat(5000));
    for line in [
        "",
        "\n",
        "w AAAAAAAA",
        "\u{2014} w AAAA",
        &other.replace('\n', "\n\n"),
        &long,
    ] {
        let bad = parsed.with_signature(line, &mut out);
        assert_eq!(bad, Err(CheckpointError::BadLine), "{line}");
    }
}

#[test]
fn every_changed_bit_is_refused() {
    let bytes = checkpoint(INSTANCE, &head(300), &key(1));
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let Ok(parsed) = Checkpoint::parse(&bad) else {
            continue;
        };
        let verified = parsed.verify(INSTANCE, &instance_key(&key(1)));
        assert!(
            verified.is_err(),
            "bit {bit}: {}",
            String::from_utf8_lossy(&bad)
        );
    }
}

#[test]
fn a_checkpoint_of_another_hsm_or_key_is_named() {
    let other = InstanceId::from_bytes([0xcd; 16]);
    let (have, want) = (other, INSTANCE);
    let bytes = checkpoint(other, &head(9), &key(1));
    assert_eq!(
        verified(&bytes),
        Err(CheckpointError::OtherInstance { have, want })
    );
    let bytes = checkpoint(INSTANCE, &head(9), &key(2));
    assert_eq!(verified(&bytes), Err(CheckpointError::NotSigned));
    // A good signature behind a bad one under the same name and key does not help.
    let good = String::from_utf8(checkpoint(INSTANCE, &head(9), &key(1))).unwrap();
    let bad = String::from_utf8(checkpoint(INSTANCE, &head(8), &key(1))).unwrap();
    let line = bad.split_inclusive('\n').next_back().unwrap();
    let both = good.replacen("\n\n", &format!("\n\n{line}"), 1);
    assert_eq!(
        verified(both.as_bytes()),
        Err(CheckpointError::BadSignature)
    );
}

#[test]
fn only_a_good_signature_is_written() {
    let text = CheckpointText::new(INSTANCE, &head(9)).unwrap();
    let mut out = [0; Checkpoint::MAX_SIGNED_LEN];
    let signature = key(2).sign(text.as_bytes()).to_bytes();
    let wrong = text.signed(&instance_key(&key(1)), &signature, &mut out);
    assert_eq!(wrong, Err(CheckpointError::BadSignature));
    assert_eq!(out, [0; Checkpoint::MAX_SIGNED_LEN]);
    let needed = out.len();
    let small = text.signed(&instance_key(&key(2)), &signature, &mut out[1..]);
    assert_eq!(small, Err(CheckpointError::BufferTooSmall { needed }));
}

#[test]
fn what_is_malformed_is_named() {
    use CheckpointField::{Origin, Root, Signature, Size, Text};
    let good = String::from_utf8(checkpoint(INSTANCE, &head(9), &key(1))).unwrap();
    let root = good.lines().nth(2).unwrap();
    let line = good.lines().last().unwrap();
    let spare = format!("{}B=", root.strip_suffix("A=").unwrap_or(&root[..42]));
    for (from, to, field) in [
        ("\n\n", "\n", Text),
        ("\n", "\r\n", Text),
        ("9\n", "9\n\t\n", Text),
        ("\n\n", "\nan extension\n\n", Text),
        (ORIGIN, "example.com/log", Origin),
        (ORIGIN, "security-domain/abab", Origin),
        (ORIGIN, &ORIGIN.replace("ab", "AB"), Origin),
        ("\n9\n", "\n09\n", Size),
        ("\n9\n", "\n+9\n", Size),
        ("\n9\n", "\n-9\n", Size),
        ("\n9\n", "\n9 \n", Size),
        ("\n9\n", "\n4294967296\n", Size),
        (root, "", Root),
        (root, &root[..40], Root),
        (root, root.trim_end_matches('='), Root),
        (root, &spare, Root),
        (line, "", Signature),
        (line, &line.replace('\u{2014}', "-"), Signature),
        (line, &line.replacen(ORIGIN, "a+b", 1), Signature),
        (line, &line.replacen(ORIGIN, "", 1), Signature),
        (line, &line.replacen(ORIGIN, "a b", 1), Signature),
        (line, &line.replacen(ORIGIN, "a\u{a0}b", 1), Signature),
        (line, &format!("{line}="), Signature),
        (line, &format!("{line}\n{line}*"), Signature),
        (line, &format!("{line}\n\n{line}"), Signature),
        (line, "\u{2014} w AAAA", Signature),
        (line, "\u{2014} w AA==AAAA", Signature),
    ] {
        let bad = good.replacen(from, to, 1);
        let named = Checkpoint::parse(bad.as_bytes()).map(|_| ());
        assert_eq!(named, Err(CheckpointFileError::Malformed(field)), "{bad}");
    }
    let cut = &good[..good.len() - 1];
    let cut = Checkpoint::parse(cut.as_bytes()).map(|_| ());
    assert_eq!(cut, Err(CheckpointFileError::Malformed(Signature)));
    let latin = [good.as_bytes(), &[0xe9]].concat();
    let latin = Checkpoint::parse(&latin).map(|_| ());
    assert_eq!(latin, Err(CheckpointFileError::Malformed(Text)));
    let long = [good.as_bytes(), &[b'A'; Checkpoint::MAX_LEN]].concat();
    let long = Checkpoint::parse(&long).map(|_| ());
    assert_eq!(long, Err(CheckpointFileError::TooLong));
}
