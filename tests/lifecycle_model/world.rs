// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is the same in every life: two domains whose HSMs are gone, and their custodians.

use std::num::NonZeroU64;
use std::sync::OnceLock;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use security_domain::contribution::{Request, VettedRequest, contribute, contribution_len};
use security_domain::custodian::{Identity, Recipient};
use security_domain::hazmat::lifecycle::Fresh;
use security_domain::lifecycle::{
    Activation, AnyDomain, ExpectedArtifact, Host, ROOT_TAG, Vault, vault_room,
};
use security_domain::managed_hsm::Tag;
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::restore_blob;
use security_domain::quorum::Threshold;
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{
    ArtifactTag, DomainId, DomainLabel, DomainShare, Epoch, ExpectedDomain, HeaderDigest,
    ModuleFloor, Root, SealedDomain,
};
use security_domain::secret::Secret;
use security_domain::self_test;
use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN, SelfSigned, write_self_signed};
use sha2::{Digest, Sha256};

use super::fast::{FastKey, fast_keys};
use super::flash::Hsm;

pub const ROOM: usize = vault_room(2, 200);

/// What an HSM holds: a domain, with its secrets in the clear.
#[derive(Clone)]
pub struct Held {
    pub id: DomainId,
    pub root: [u8; 32],
    pub artifacts: [(ArtifactTag<'static>, Vec<u8>); 2],
}

impl Held {
    /// The domain that was provisioned with this root.
    pub fn born(root: [u8; 32]) -> Self {
        #[allow(unused_mut, reason = "only a build that computes it changes it")]
        let mut whole = Root::from_secret(Secret::from_bytes(&mut { root }));
        #[cfg(feature = "pq-identity")]
        whole.commit_to_post_quantum_identity().unwrap();
        Self::of(root, whole.domain_id().unwrap())
    }

    /// The domain that was imported with this root.
    fn imported(root: [u8; 32]) -> Self {
        let whole = Root::from_secret(Secret::from_bytes(&mut { root }));
        Self::of(root, whole.domain_id().unwrap())
    }

    /// The domain with artifacts that no other has.
    fn of(root: [u8; 32], id: DomainId) -> Self {
        let mut draws = ChaCha20Rng::from_seed(root);
        let artifacts = [("signing-key", 40), ("credentials", 17)].map(|(tag, len)| {
            let mut artifact = vec![0; len];
            draws.fill_bytes(&mut artifact);
            (ArtifactTag::new(tag).unwrap(), artifact)
        });
        Self {
            id,
            root,
            artifacts,
        }
    }

    pub fn artifacts(&self) -> [(ArtifactTag<'static>, &[u8]); 2] {
        self.artifacts
            .each_ref()
            .map(|(tag, artifact)| (*tag, artifact.as_slice()))
    }
}

/// A domain whose HSM is gone.
pub struct Lost {
    pub held: Held,
    pub keys: Vec<FastKey>,
    pub threshold: u8,
    pub file: Vec<u8>,
    pub header: HeaderDigest,
    /// The value of each custodian's share.
    pub shares: Vec<Vec<u8>>,
}

pub fn activation(keys: &[FastKey], threshold: u8) -> Activation<'_, FastKey> {
    Activation {
        custodians: keys,
        threshold: Threshold::new(threshold).unwrap(),
        label: DomainLabel::new("model").unwrap(),
        floor: ModuleFloor::NONE,
        break_glass: None,
    }
}

impl Lost {
    fn new(number: u8, threshold: u8) -> Self {
        let keys: Vec<FastKey> = fast_keys(3)
            .iter()
            .map(|key| FastKey(key.0 + 8 * number))
            .collect();
        let mut vault = Box::<Vault<ROOM>>::default();
        let mut hsm = Hsm::with_flash(Hsm::new().flash, 0x80 + number);
        let Ok(AnyDomain::Empty(domain)) = vault.start(self_test::run().unwrap(), &mut hsm) else {
            panic!("a blank HSM is empty");
        };
        let (number, now, mut rng) = (hsm.flash.counter, hsm.now, hsm.rng.clone());
        let fresh = Fresh::drawn(&mut rng, hsm.device_key(), number, now).unwrap();
        let held = Held::born(*fresh.root.secret().expose());
        let domain = domain.provision(&held.artifacts(), &mut hsm).unwrap();
        let activation = activation(&keys, threshold);
        let mut file = vec![0; domain.sealed_len(&activation).unwrap()];
        let (domain, len) = domain.seal(&activation, &mut hsm, &mut file).unwrap();
        let stored = SealedDomain::parse(&file[..len]).unwrap();
        let domain = domain.activate(&stored, &mut hsm).unwrap();
        let file = domain.complete(&stored, &mut hsm).unwrap().concat();
        let sealed = SealedDomain::parse(&file).unwrap();
        assert_eq!(sealed.header().domain_id(), held.id);
        let shares = sealed
            .wrapped_shares()
            .zip(&keys)
            .map(|((_, wrapped), key)| {
                let mut plaintext = [0; 65];
                let unwrapped =
                    key.clone()
                        .unwrap_key(wrapped.as_bytes(), &[], &mut hsm.rng, &mut plaintext);
                assert_eq!(unwrapped.unwrap(), 65);
                plaintext[33..].to_vec()
            });
        let shares: Vec<Vec<u8>> = shares.collect();
        let header = sealed.header().digest();
        Self {
            held,
            keys,
            threshold,
            file,
            header,
            shares,
        }
    }

    pub fn sealed(&self) -> SealedDomain<'_> {
        SealedDomain::parse(&self.file).unwrap()
    }

    pub fn expect(&self) -> ExpectedDomain {
        ExpectedDomain::new(self.held.id, Epoch::FIRST)
    }

    pub fn share(&self, place: usize) -> DomainShare {
        let key = &self.keys[place];
        let rng = &mut ChaCha20Rng::from_seed([0; 32]);
        self.sealed()
            .unwrap_share(key.id(), &mut key.clone(), rng)
            .unwrap()
    }

    /// What the custodian at `place` answers to `request`.
    pub fn contribution(&self, place: usize, request: &[u8]) -> Vec<u8> {
        let request = Request::parse(request).unwrap();
        let shown = request.digest();
        let vetted = VettedRequest::compared(request, shown).unwrap();
        let mut out = vec![0; contribution_len(vetted.request())];
        let rng = &mut ChaCha20Rng::from_seed([place as u8; 32]);
        let (sealed, share) = (self.sealed(), self.share(place));
        contribute(&sealed, &self.expect(), &vetted, &share, 0, rng, &mut out).unwrap();
        out
    }
}

/// The domains that are lost: one of two custodians in three, one of three.
pub fn lost(number: usize) -> &'static Lost {
    static LOST: OnceLock<[Lost; 2]> = OnceLock::new();
    &LOST.get_or_init(|| [Lost::new(0, 2), Lost::new(1, 3)])[number]
}

/// A domain of Managed HSM, in a file of its own.
pub struct Exported {
    pub held: Held,
    file: Vec<u8>,
}

const CUSTODIANS: [&[u8]; 3] = [
    include_bytes!("../vectors/sealed-domain/keys/a.p8"),
    include_bytes!("../vectors/sealed-domain/keys/b.p8"),
    include_bytes!("../vectors/sealed-domain/keys/c.p8"),
];

/// The certificate of a custodian.
fn self_signed(key: &PrivateKey) -> Vec<u8> {
    let content = SelfSigned {
        common_name: "custodian",
        serial: NonZeroU64::MIN,
        not_before: 1_700_000_000,
        not_after: 1_731_536_000,
    };
    let mut out = vec![0; SELF_SIGNED_MAX_LEN];
    let rng = &mut ChaCha20Rng::from_seed([3; 32]);
    let len = write_self_signed(key, &content, rng, &mut out).unwrap();
    out.truncate(len);
    out
}

fn custodians() -> [PrivateKey; 3] {
    CUSTODIANS.map(|key| PrivateKey::from_pkcs8_der(key).unwrap())
}

impl Exported {
    fn new() -> Self {
        let held = Held::imported([0x3e; 32]);
        let ders = custodians().map(|key| self_signed(&key));
        let certificates = ders.each_ref().map(|der| Certificate::parse(der).unwrap());
        let threshold = Threshold::new(2).unwrap();
        let mut artifacts: Vec<(Tag<'_>, &[u8])> = Vec::new();
        for (tag, artifact) in &held.artifacts {
            artifacts.push((Tag::new(tag.as_str()).unwrap(), artifact));
        }
        artifacts.push((Tag::new(ROOT_TAG).unwrap(), &held.root));
        let mut file = vec![0; domain_file::encoded_len(&artifacts, threshold, &certificates)];
        let rng = &mut ChaCha20Rng::from_seed([4; 32]);
        domain_file::write(&artifacts, threshold, &certificates, rng, &mut file).unwrap();
        Self { held, file }
    }

    /// A restore blob of it, to this certificate.
    pub fn blob(&self, certificate: &[u8]) -> Vec<u8> {
        let file = DomainFile::parse(&self.file).unwrap();
        let rng = &mut ChaCha20Rng::from_seed([6; 32]);
        let shares = custodians().map(|mut key| {
            let der = self_signed(&key);
            let thumbprint = Certificate::parse(&der).unwrap().thumbprint();
            file.open_share(&thumbprint, &mut key, rng).unwrap()
        });
        let combined = file.combine(&shares[..2]).unwrap();
        let transfer = Certificate::parse(certificate).unwrap();
        let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
        let rng = &mut ChaCha20Rng::from_seed([5; 32]);
        restore_blob::write(&file, combined.master_key(), &transfer, rng, &mut blob).unwrap();
        blob
    }

    /// Changes the tag of the blob's first artifact.
    pub fn spoil(&self, blob: &mut [u8]) {
        let text = std::str::from_utf8(blob).unwrap();
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let artifacts = value["EncData"]["data"].as_array().unwrap();
        let sealed = artifacts[0]["compact_jwe"].as_str().unwrap();
        let place = text.find(sealed).unwrap() + sealed.len() - 8;
        blob[place] = if blob[place] == b'A' { b'B' } else { b'A' };
    }

    /// What the operator expects, the digests unknown.
    pub fn expected(&self) -> [ExpectedArtifact<'static>; 3] {
        let [a, b] = self.named().map(|named| named.tag);
        let root = ArtifactTag::new(ROOT_TAG).unwrap();
        [a, b, root].map(|tag| ExpectedArtifact { tag, digest: None })
    }

    /// What the operator names in the end.
    pub fn named(&self) -> [ExpectedArtifact<'static>; 2] {
        { self.held.artifacts.each_ref() }.map(|(tag, artifact)| ExpectedArtifact {
            tag: *tag,
            digest: Some(Sha256::digest(artifact).into()),
        })
    }
}

/// The domain of the blobs.
pub fn exported() -> &'static Exported {
    static EXPORTED: OnceLock<Exported> = OnceLock::new();
    EXPORTED.get_or_init(Exported::new)
}
