// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sealed domain: sealed, its shares unwrapped or accepted, opened. Root, artifacts, shares and
//! everything that is drawn are secret.

use core::convert::Infallible;

use security_domain::custodian::{
    Algorithm, CustodianId, Identity, Recipient, UnwrapError, WrapError,
};
use security_domain::quorum::{ShareIndex, Threshold};
use security_domain::rng::Generator;
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{
    ArtifactTag, DomainId, DomainLabel, DomainShare, Epoch, ExpectedDomain, InstanceId, Lineage,
    ModuleFloor, OpenError, Root, SealedDomain, Sealing, ShareError,
};
use security_domain::secret::Secret;
use security_domain::shamir::Share;
use security_domain::wrapped_share::{PLAINTEXT_LEN, WrappedShare, read_share};

use crate::Operation;
use crate::rng::SecretRng;
use crate::rsa::{KEYS, secret_key};
use crate::valgrind::{hidden, reveal, revealed};

pub const OPERATIONS: &[Operation] = &[
    ("domain: root, domain id", identity_of_domain),
    ("domain: post-quantum identity", post_quantum_identity),
    ("domain: seal, open, 3 of 5", seal_and_open),
    ("domain: seal, unwrap, open, 2 of 3, RSA", with_rsa),
    ("domain: accept a share, refuse a wrong one", accept),
    ("domain: shares that do not open", refuse),
    ("wrap: wrap, unwrap, RSA-2048", wrap),
    ("wrap: read a share, refuse a wrong one", read),
];

const ARTIFACTS: [&[u8]; 2] = [&[0x61; 300], &[0x62; 31]];

/// A key pair that only masks, in place of an RSA-2048 one: the bytes stay secret, and it is fast.
pub struct Masking(pub u8);

impl Masking {
    fn mask(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte ^= self.0);
    }
}

impl Recipient for Masking {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Rsa2048OaepSha256
    }

    fn id(&self) -> CustodianId {
        CustodianId::new(self.algorithm(), &[self.0])
    }

    /// Draws, in each way that there is, from the generator that the library hedged; that does not tell
    /// in `out`.
    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        _context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        let mut drawn = [0; 48];
        rng.try_fill_bytes(&mut drawn).map_err(|_| WrapError::Rng)?;
        rng.try_next_u32().map_err(|_| WrapError::Rng)?;
        rng.try_next_u64().map_err(|_| WrapError::Rng)?;
        out.fill(0);
        let out = out.get_mut(..message.len()).ok_or(WrapError::WrongLength)?;
        out.copy_from_slice(message);
        self.mask(out);
        Ok(())
    }
}

/// What is wrapped lies in a file, so it is public there, and secret again once it is unwrapped.
impl Identity for Masking {
    type Error = Infallible;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _context: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        let plaintext = wrapped.get(..out.len()).ok_or(UnwrapError::Opaque)?;
        out.copy_from_slice(plaintext);
        self.mask(out);
        crate::valgrind::hide(out);
        Ok(out.len())
    }
}

fn secret<const N: usize>(bytes: [u8; N]) -> Secret<N> {
    Secret::from_bytes(&mut hidden(bytes))
}

fn root() -> Root {
    Root::from_secret(secret([0x72; 32]))
}

/// The id of that root's domain, made public as a file makes it.
fn domain_id() -> DomainId {
    DomainId::from_bytes(revealed(root().domain_id().unwrap().as_bytes()))
}

fn sealed<K: Recipient>(custodians: &[K], threshold: u8) -> Vec<u8> {
    let root = root();
    let (long, short) = (hidden([0x61; 300]), hidden([0x62; 31]));
    let sealing = Sealing {
        root: &root,
        artifacts: &[
            (ArtifactTag::new("long").unwrap(), &long),
            (ArtifactTag::new("short").unwrap(), &short),
        ],
        custodians,
        threshold: Threshold::new(threshold).unwrap(),
        label: DomainLabel::new("memcheck").unwrap(),
        lineage: Lineage::FIRST,
        floor: ModuleFloor::NONE,
        break_glass: None,
        created: 0,
        instance: InstanceId::from_bytes([7; 16]),
    };
    let mut scratch = vec![0; sealing.scratch_len().unwrap()];
    let mut file = vec![0; sealing.sealed_len().unwrap()];
    sealing
        .seal(&mut SecretRng(30), &mut scratch, &mut file)
        .unwrap();
    reveal(&mut file);
    file
}

fn share<K: Recipient + Identity<Error: core::fmt::Debug>>(
    file: &SealedDomain<'_>,
    key: &mut K,
) -> DomainShare {
    file.unwrap_share(key.id(), key, &mut SecretRng(31))
        .unwrap()
}

/// Opens the file, and looks at what comes out.
fn check(file: &SealedDomain<'_>, shares: &[&DomainShare]) {
    let expect = ExpectedDomain::new(domain_id(), Epoch::FIRST);
    let mut out = vec![0; file.opened_len()];
    let opened = file.open(&expect, shares, &mut out).unwrap();
    assert_eq!(revealed(opened.root().secret().expose()), [0x72; 32]);
    for ((_, artifact), expected) in opened.artifacts().zip(ARTIFACTS) {
        let mut artifact = artifact.to_vec();
        reveal(&mut artifact);
        assert_eq!(artifact, expected);
    }
}

fn identity_of_domain() {
    let id = domain_id();
    assert_eq!(
        id,
        Root::from_secret(public([0x72; 32])).domain_id().unwrap(),
        "the id of the same root, made without a secret"
    );
}

/// The key's coefficients are drawn by rejection: what is let pass is in `declassify.supp`.
fn post_quantum_identity() {
    let mut root = root();
    root.commit_to_post_quantum_identity().unwrap();
    let mut same = Root::from_secret(public([0x72; 32]));
    same.commit_to_post_quantum_identity().unwrap();
    assert_eq!(root.commitment(), same.commitment());
}

/// A secret that is none.
fn public<const N: usize>(mut bytes: [u8; N]) -> Secret<N> {
    Secret::from_bytes(&mut bytes)
}

fn masking() -> [Masking; 5] {
    [1, 2, 3, 4, 5].map(Masking)
}

fn seal_and_open() {
    let mut keys = masking();
    let text = sealed(&keys, 3);
    let file = SealedDomain::parse(&text).unwrap();
    let shares: Vec<_> = keys.iter_mut().map(|key| share(&file, key)).collect();
    check(&file, &[&shares[4], &shares[0], &shares[2]]);
}

/// With real keys: the sizes of all three custodians differ.
fn with_rsa() {
    let keys = KEYS.map(secret_key);
    let custodians = keys.each_ref().map(|key| key.public_key().clone());
    let text = sealed(&custodians, 2);
    let file = SealedDomain::parse(&text).unwrap();
    let [mut first, _, mut third]: [PrivateKey; 3] = keys;
    let shares = [(&mut first, 0), (&mut third, 2)].map(|(key, place)| {
        file.unwrap_share(custodians[place].id(), key, &mut SecretRng(32))
            .unwrap()
    });
    check(&file, &[&shares[1], &shares[0]]);
}

/// The bytes that a token of `key` unwraps.
fn plaintext(file: &SealedDomain<'_>, mut key: Masking) -> [u8; PLAINTEXT_LEN] {
    let mut listed = file.wrapped_shares();
    let (_, wrapped) = listed.find(|(of, _)| of.id == key.id()).unwrap();
    let mut out = [0; PLAINTEXT_LEN];
    key.unwrap_key(wrapped.as_bytes(), &[], &mut SecretRng(33), &mut out)
        .unwrap();
    out
}

fn accept() {
    let text = sealed(&masking(), 3);
    let file = SealedDomain::parse(&text).unwrap();
    let [key, ..] = masking();
    let id = key.id();
    let mut bytes = plaintext(&file, key);
    let share = file.accept_share(id, &bytes).unwrap();
    assert_eq!(share.custodian(), id);
    // In the context, in the index, in the share.
    for place in [31, 32, 64] {
        bytes[place] ^= 1;
        let refused = file.accept_share(id, &bytes).unwrap_err();
        assert_eq!(refused, ShareError::DoesNotOpen(id));
        bytes[place] ^= 1;
    }
}

/// A commitment that is not to this key: the file of the vectors whose commitment was exchanged.
fn refuse() {
    const FILE: &[u8] =
        include_bytes!("../../../../tests/vectors/sealed-domain/commitment-to-another-key.sealed");
    const CUSTODIANS: [&[u8]; 3] = [
        include_bytes!("../../../../tests/vectors/sealed-domain/keys/a.p8"),
        include_bytes!("../../../../tests/vectors/sealed-domain/keys/b.p8"),
        include_bytes!("../../../../tests/vectors/sealed-domain/keys/c.p8"),
    ];
    let file = SealedDomain::parse(FILE).unwrap();
    let shares = CUSTODIANS.map(|der| {
        let mut key = secret_key(der);
        let id = key.public_key().id();
        file.unwrap_share(id, &mut key, &mut SecretRng(34)).unwrap()
    });
    let mut out = vec![0; file.opened_len()];
    let opened = file.open(&ExpectedDomain::unpinned(), &shares.each_ref(), &mut out);
    assert_eq!(opened.err(), Some(OpenError::DoesNotOpen));
}

fn wrap() {
    let index = ShareIndex::new(3).unwrap();
    let share = Share::new(index, secret([0x73; 32]));
    let mut key = secret_key(KEYS[0]);
    let mut wrapped = [0; 256];
    WrappedShare::wrap(
        &share,
        &[9; 32],
        key.public_key(),
        &mut SecretRng(35),
        &mut wrapped,
    )
    .unwrap();
    reveal(&mut wrapped);
    let unwrapped = WrappedShare::from_bytes(&wrapped)
        .unwrap(&[9; 32], index, &mut key, &mut SecretRng(36))
        .unwrap();
    assert_eq!(revealed(unwrapped.value().expose()), [0x73; 32]);
    let other = WrappedShare::from_bytes(&wrapped);
    let refused = other.unwrap(&[8; 32], index, &mut key, &mut SecretRng(37));
    assert_eq!(refused.err(), Some(UnwrapError::Opaque));
}

fn read() {
    let index = ShareIndex::new(3).unwrap();
    let mut plaintext = hidden([0x73; PLAINTEXT_LEN]);
    plaintext[32] = 3;
    let share = read_share(&plaintext, &[0x73; 32], index).unwrap();
    assert_eq!(revealed(share.value().expose()), [0x73; 32]);
    for place in 0..33 {
        plaintext[place] ^= 0x80;
        assert!(read_share(&plaintext, &[0x73; 32], index).is_err());
        plaintext[place] ^= 0x80;
    }
}
