// SPDX-License-Identifier: MIT OR Apache-2.0
//! What cannot be sealed, and what fails meanwhile.

use crate::sealed::{FailsAt, FastKey, artifacts, fast_keys, rng, scratch, sealing};
use security_domain::custodian::{Algorithm, CustodianId, Recipient, WrapError};
use security_domain::quorum::{QuorumError, ShareIndex};
use security_domain::rng::Generator;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, OpenError, Root, SealError, SealedDomain, ShareError, TextError,
};

#[test]
fn a_generator_that_fails_at_any_call_leaves_nothing() {
    let keys = fast_keys(3);
    let root = Root::random(&mut rng(1)).unwrap();
    let artifacts = artifacts();
    let sealing = sealing(&root, &artifacts, &keys, 2);
    let mut calls = 0;
    loop {
        let mut file = vec![0xaa; sealing.sealed_len().unwrap()];
        match sealing.seal(
            &mut FailsAt(rng(1), calls),
            &mut scratch(&sealing),
            &mut file,
        ) {
            Ok(_) => break,
            Err(error) => assert_eq!(error, SealError::Rng, "call {calls}"),
        }
        assert!(file.iter().all(|byte| *byte == 0), "call {calls}");
        calls += 1;
    }
    assert!(calls > 4, "{calls} calls");
}

/// A virtual machine restored from a snapshot repeats its generator.
#[test]
fn a_repeated_generator_repeats_no_key() {
    let keys = fast_keys(4);
    let root = Root::random(&mut rng(1)).unwrap();
    let seal = |change: fn(&mut security_domain::sealed_domain::Sealing<'_, FastKey>)| {
        let artifacts = artifacts();
        let mut sealing = sealing(&root, &artifacts, &keys, 3);
        change(&mut sealing);
        let mut file = vec![0; sealing.sealed_len().unwrap()];
        sealing
            .seal(&mut rng(9), &mut scratch(&sealing), &mut file)
            .unwrap();
        file
    };
    let same = seal(|_| {});
    assert_eq!(seal(|_| {}), same, "the same sealing gives the same file");
    let changed = [
        seal(|sealing| sealing.created += 1),
        seal(|sealing| sealing.label = DomainLabel::new("tesu").unwrap()),
        seal(|sealing| {
            sealing.artifacts = Box::leak(Box::new({
                let mut artifacts = artifacts();
                artifacts[2].1 = b"user:passwore";
                artifacts
            }));
        }),
    ];
    // The wrapped shares hold what was drawn: no run of bytes stays.
    let drawn = |file: &[u8]| {
        let sealed = SealedDomain::parse(file).unwrap();
        let wrapped = sealed
            .wrapped_shares()
            .flat_map(|(_, share)| share.as_bytes().to_vec());
        wrapped.collect::<Vec<_>>()
    };
    for file in changed {
        let (a, b) = (drawn(&same), drawn(&file));
        let equal = a.iter().zip(&b).filter(|(a, b)| a == b).count();
        // 1 byte of length and 1 of index stay in each share; by chance, 4 more in all.
        assert!(equal < 30, "{equal} of {} bytes are the same", a.len());
    }
}

#[test]
fn what_cannot_be_sealed_is_named() {
    let root = Root::random(&mut rng(1)).unwrap();
    let artifacts = artifacts();
    let keys = fast_keys(11);
    let len = |custodians: &[FastKey], threshold| {
        sealing(&root, &artifacts, custodians, threshold).sealed_len()
    };
    assert_eq!(len(&keys[..2], 2), Err(SealError::CustodianCount));
    assert_eq!(len(&keys, 2), Err(SealError::CustodianCount));
    assert!(len(&keys[..10], 10).is_ok());
    let above = SealError::Quorum(QuorumError::ThresholdAboveCount);
    assert_eq!(len(&keys[..3], 4), Err(above));
    let twice = [FastKey(1), FastKey(2), FastKey(1)];
    assert_eq!(
        len(&twice, 2),
        Err(SealError::SameCustodian(FastKey(1).id()))
    );

    // Two keys that are both needed are no other custodian's, in whatever order.
    let pairs = |pairs: [[u8; 2]; 3]| {
        let pairs = pairs.map(|pair| Pair(pair.map(FastKey)));
        sealing(&root, &artifacts, &pairs, 2).sealed_len()
    };
    assert!(pairs([[1, 2], [3, 4], [5, 6]]).is_ok());
    for shared in [
        [[1, 2], [3, 4], [4, 6]],
        [[1, 2], [3, 4], [5, 4]],
        [[4, 4], [2, 3], [5, 6]],
    ] {
        assert_eq!(
            pairs(shared),
            Err(SealError::SameCustodian(FastKey(4).id()))
        );
    }

    let len = |artifacts: &[_]| sealing(&root, artifacts, &keys[..3], 2).sealed_len();
    assert_eq!(len(&[]), Err(SealError::ArtifactCount));
    let tags: Vec<_> = (0..33).map(|i| format!("artifact {i}")).collect();
    let many: Vec<_> = tags
        .iter()
        .map(|tag| (ArtifactTag::new(tag).unwrap(), &b"x"[..]))
        .collect();
    assert_eq!(len(&many), Err(SealError::ArtifactCount));
    assert!(len(&many[..32]).is_ok());
    let twice = [many[0], many[1], many[0]];
    assert_eq!(len(&twice), Err(SealError::SameTag(2)));
}

#[test]
fn a_body_of_four_gibibytes_is_refused_before_anything_is_read() {
    let root = Root::random(&mut rng(1)).unwrap();
    let keys = fast_keys(3);
    // One mebibyte, listed 32 times, is far from it; so the lengths must come from one large slice.
    let big = vec![0; (1 << 27) - 1];
    let tags: Vec<_> = (0..32).map(|i| i.to_string()).collect();
    let all: Vec<_> = tags
        .iter()
        .map(|tag| (ArtifactTag::new(tag).unwrap(), &big[..]))
        .collect();
    // 32 * (2^27 - 1) + 48 = 2^32 + 16.
    assert_eq!(
        sealing(&root, &all, &keys, 2).sealed_len(),
        Err(SealError::TooLong)
    );
    assert!(sealing(&root, &all[1..], &keys, 2).sealed_len().is_ok());
}

#[test]
fn texts_cannot_mislead() {
    assert_eq!(DomainLabel::new(&"x".repeat(65)), Err(TextError::TooLong));
    assert!(DomainLabel::new(&"x".repeat(64)).is_ok());
    assert!(DomainLabel::new("").is_ok());
    assert!(DomainLabel::new("Domäne für die Übung, 域").is_ok());
    assert_eq!(ArtifactTag::new(""), Err(TextError::Empty));
    for c in [
        '\0', '\n', '\r', '\x1b', '\x7f', '\u{85}', '\u{61c}', '\u{200e}', '\u{202e}', '\u{2028}',
        '\u{2029}', '\u{2066}', '\u{2069}',
    ] {
        let text = format!("a{c}b");
        assert_eq!(DomainLabel::new(&text), Err(TextError::Character), "{c:?}");
        assert_eq!(ArtifactTag::new(&text), Err(TextError::Character), "{c:?}");
    }
}

/// A custodian with two keys that are both needed.
struct Pair([FastKey; 2]);

impl Recipient for Pair {
    fn algorithm(&self) -> Algorithm {
        self.0[0].algorithm()
    }

    fn id(&self) -> CustodianId {
        let ids = self.0.each_ref().map(|key| *key.id().as_bytes());
        CustodianId::new(self.algorithm(), ids.as_flattened())
    }

    fn key_ids(&self) -> [Option<CustodianId>; 2] {
        self.0.each_ref().map(|key| Some(key.id()))
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        _: &[u8],
        _: &[u8],
        _: &mut R,
        _: &mut [u8],
    ) -> Result<(), WrapError> {
        Err(WrapError::Fault)
    }
}

/// A custodian whose device refuses.
struct Broken(FastKey);

impl Recipient for Broken {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }
    fn id(&self) -> CustodianId {
        self.0.id()
    }
    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        self.0.wrap(message, context, rng, out)?;
        if self.0.0 == 2 {
            Err(WrapError::MessageTooLong)
        } else {
            Ok(())
        }
    }
}

#[test]
fn a_custodian_who_cannot_be_served_is_named_and_nobody_is() {
    let root = Root::random(&mut rng(1)).unwrap();
    let artifacts = artifacts();
    let keys: Vec<_> = fast_keys(3).into_iter().map(Broken).collect();
    let sealing = sealing(&root, &artifacts, &keys, 2);
    let mut file = vec![0xaa; sealing.sealed_len().unwrap()];
    let error = sealing
        .seal(&mut rng(1), &mut scratch(&sealing), &mut file)
        .unwrap_err();
    assert_eq!(
        error,
        SealError::Wrap(keys[1].id(), WrapError::MessageTooLong)
    );
    assert!(file.iter().all(|byte| *byte == 0));
}

#[test]
fn errors_say_where() {
    let id = FastKey(1).id();
    let says = [
        SealError::SameCustodian(id).to_string(),
        ShareError::<WrapError>::DoesNotOpen(id).to_string(),
        OpenError::SameShare(id).to_string(),
    ];
    assert!(
        says.iter().all(|text| text.contains(&id.to_string())),
        "{says:?}"
    );
    assert_eq!(id.to_string().len(), 64);
    let index = ShareIndex::new(2).unwrap();
    assert_eq!(
        security_domain::sealed_domain::ParseError::WrappedLength(index).to_string(),
        "wrapped share 2 has the wrong length"
    );
}
