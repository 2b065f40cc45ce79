// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much room a vault needs: in the worst case no more than it says.

use security_domain::contribution::Request;
use security_domain::custodian::{
    Algorithm, CustodianId, Identity, Recipient, UnwrapError, WrapError,
};
use security_domain::lifecycle::{
    Activation, Active, AnyDomain, Domain, LifecycleError, Vault, vault_room,
};
use security_domain::quorum::Threshold;
use security_domain::rng::Generator;
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, Epoch, ExpectedDomain, MAX_ARTIFACTS, MAX_CUSTODIANS, ModuleFloor,
    SealedDomain,
};

use crate::flash::Hsm;
use crate::sealed::{FastKey, fast_keys, share};
use crate::world::{Lost, activated, activation, hsm, rsa_transfer, tested};

/// One artifact has a long head, the others have shorter ones. Sealing needs the most room then.
const LONG: usize = 0x1_0000;
const SHORT: usize = 24;
const BYTES: usize = LONG + (MAX_ARTIFACTS - 1) * SHORT;
const ROOM: usize = vault_room(MAX_ARTIFACTS, BYTES);

/// All artifacts are short. A session needs the most room then.
const SMALL_ROOM: usize = vault_room(MAX_ARTIFACTS, MAX_ARTIFACTS * SHORT);

fn vault<const N: usize>() -> Box<Vault<N>> {
    Box::default()
}

/// As many artifacts as there can be, with the longest tags.
fn contents(first: usize) -> Vec<(String, Vec<u8>)> {
    let lengths = std::iter::once(first).chain([SHORT; MAX_ARTIFACTS - 1]);
    let artifacts = lengths.enumerate();
    let artifacts = artifacts.map(|(place, len)| (format!("{place:064}"), vec![place as u8; len]));
    artifacts.collect()
}

fn tagged(contents: &[(String, Vec<u8>)]) -> Vec<(ArtifactTag<'_>, &[u8])> {
    let artifacts = contents.iter();
    let artifacts = artifacts.map(|(tag, bytes)| (ArtifactTag::new(tag).unwrap(), &bytes[..]));
    artifacts.collect()
}

fn is_whole<const N: usize>(
    domain: &Domain<'_, Active, N>,
    hsm: &mut Hsm,
    contents: &[(String, Vec<u8>)],
) -> bool {
    let artifacts = domain.artifacts(hsm).unwrap();
    artifacts.eq(tagged(contents))
}

/// A key pair in the place of an RSA-4096 one.
#[derive(Clone)]
struct Strong(FastKey);

impl Recipient for Strong {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Rsa4096OaepSha256
    }

    fn id(&self) -> CustodianId {
        CustodianId::new(self.algorithm(), &[self.0.0])
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        self.0.wrap(message, context, rng, out)
    }
}

impl Identity for Strong {
    type Error = std::convert::Infallible;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Self::Error>> {
        self.0.unwrap_key(wrapped, context, rng, out)
    }
}

#[test]
fn the_longest_recovery_has_room() {
    longest_recovery::<ROOM>(&contents(LONG));
    longest_recovery::<SMALL_ROOM>(&contents(SHORT));
}

fn longest_recovery<const N: usize>(contents: &[(String, Vec<u8>)]) {
    let keys: Vec<Strong> = fast_keys(MAX_CUSTODIANS as u8)
        .into_iter()
        .map(Strong)
        .collect();
    let (mut first, mut hsm_1) = (vault::<N>(), hsm(1));
    let Ok(AnyDomain::Empty(domain)) = first.start(tested(), &mut hsm_1) else {
        panic!("nothing was saved");
    };
    let domain = domain.provision(&tagged(contents), &mut hsm_1).unwrap();
    let activation = Activation {
        custodians: &keys,
        threshold: Threshold::new(MAX_CUSTODIANS as u8).unwrap(),
        label: DomainLabel::new("test").unwrap(),
        floor: ModuleFloor::NONE,
        break_glass: None,
    };
    hsm_1.now = u64::MAX;
    let (domain, file) = activated(domain, &activation, &mut hsm_1);
    assert!(is_whole(&domain, &mut hsm_1, contents));

    let sealed = SealedDomain::parse(&file).unwrap();
    let (mut second, mut hsm_2) = (vault::<N>(), hsm(2));
    let Ok(AnyDomain::Empty(domain)) = second.start(tested(), &mut hsm_2) else {
        panic!("nothing was saved");
    };
    hsm_2.now = u64::MAX - 1;
    hsm_2.kind = Some(Algorithm::Rsa4096OaepSha256);
    let mut request = vec![0; Request::MAX_LEN];
    let (mut domain, len) = domain
        .begin_recovery(
            &sealed,
            &ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST),
            1.try_into().ok(),
            &mut hsm_2,
            &mut request,
        )
        .unwrap();
    assert_eq!(rsa_transfer(&request[..len]).modulus().len(), 512);
    for key in &keys {
        let share = sealed.unwrap_share(key.id(), &mut key.clone(), &mut crate::sealed::rng(0));
        domain
            .add_share(&sealed, share.unwrap(), &mut hsm_2)
            .unwrap();
    }
    drop(domain);
    let Ok(AnyDomain::QuorumMet(domain)) = second.start(tested(), &mut hsm_2) else {
        panic!("all have contributed");
    };
    let domain = domain.open(&sealed, &mut hsm_2).unwrap();
    assert!(is_whole(&domain, &mut hsm_2, contents));
}

/// Custodians are not asked for a domain that the HSM could not take.
#[test]
fn a_domain_that_is_too_long_is_refused_before_it_is_asked_for() {
    let lost = Lost::new(1);
    let mut vault: Box<Vault<{ vault_room(1, 1) }>> = Box::default();
    let mut hsm_2 = hsm(2);
    let small = ArtifactTag::new("a").unwrap();
    let big = vec![7; vault_room(1, 1)];
    let (mut other, mut hsm_3) = (self::vault::<ROOM>(), hsm(3));
    let Ok(AnyDomain::Empty(domain)) = other.start(tested(), &mut hsm_3) else {
        panic!("nothing was saved");
    };
    let domain = domain.provision(&[(small, &big)], &mut hsm_3).unwrap();
    let (_, file) = activated(domain, &activation(&lost.keys), &mut hsm_3);
    let sealed = SealedDomain::parse(&file).unwrap();

    let Ok(AnyDomain::Empty(domain)) = vault.start(tested(), &mut hsm_2) else {
        panic!("nothing was saved");
    };
    let refused = domain
        .begin_recovery_here(&sealed, &ExpectedDomain::unpinned(), None, &mut hsm_2)
        .unwrap_err();
    assert!(
        matches!(refused.error, LifecycleError::BufferTooSmall { needed } if needed > big.len()),
        "{}",
        refused.error
    );
    // What fits is taken.
    let mut domain = refused
        .domain
        .begin_recovery_here(&lost.sealed(), &lost.expect(), None, &mut hsm_2)
        .unwrap();
    for key in &lost.keys[..2] {
        domain
            .add_share(&lost.sealed(), share(&lost.sealed(), key), &mut hsm_2)
            .unwrap();
    }
    let opened = domain.quorum().unwrap().open(&lost.sealed(), &mut hsm_2);
    opened.unwrap();
}

/// A vault below `vault_room` that would take some of the shares, and then no more.
#[test]
fn a_session_without_room_for_every_share_does_not_begin() {
    const SMALL: usize = PrivateKey::PKCS8_MAX_LEN;
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (Box::<Vault<SMALL>>::default(), hsm(2));
    let Ok(AnyDomain::Empty(domain)) = vault.start(tested(), &mut hsm) else {
        panic!("nothing was saved");
    };
    let mut request = vec![0xaa; Request::MAX_LEN];
    let refused = domain
        .begin_recovery(&lost.sealed(), &lost.expect(), None, &mut hsm, &mut request)
        .unwrap_err();
    let too_small =
        |error| matches!(error, LifecycleError::BufferTooSmall { needed } if needed > SMALL);
    assert!(too_small(refused.error), "{}", refused.error);
    let refused = refused
        .domain
        .begin_recovery_here(&lost.sealed(), &lost.expect(), None, &mut hsm)
        .unwrap_err();
    assert!(too_small(refused.error), "{}", refused.error);
    #[cfg(feature = "managed-hsm")]
    {
        let tag = ArtifactTag::new("a").unwrap();
        let expected = security_domain::lifecycle::ExpectedArtifact { tag, digest: None };
        let size = security_domain::rsa::ModulusSize::Rsa2048;
        let mut certificate = vec![0; security_domain::x509::SELF_SIGNED_MAX_LEN];
        let refused = { refused.domain }
            .begin_import(size, &[expected], None, &mut hsm, &mut certificate)
            .unwrap_err();
        assert!(too_small(refused.error), "{}", refused.error);
    }
}

#[cfg(feature = "managed-hsm")]
#[test]
fn the_longest_import_has_room() {
    longest_import::<ROOM>(&contents(LONG));
    longest_import::<SMALL_ROOM>(&contents(SHORT));
}

#[cfg(feature = "managed-hsm")]
fn longest_import<const N: usize>(contents: &[(String, Vec<u8>)]) {
    use security_domain::lifecycle::ExpectedArtifact;
    use security_domain::managed_hsm::restore_blob::RestoreBlob;
    use security_domain::rsa::ModulusSize;
    use security_domain::x509::SELF_SIGNED_MAX_LEN;
    use sha2::{Digest, Sha256};

    let artifacts = tagged(contents);
    let expected = artifacts.iter().map(|(tag, bytes)| ExpectedArtifact {
        tag: *tag,
        digest: Some(Sha256::digest(bytes).into()),
    });
    let expected: Vec<_> = expected.collect();
    let (mut vault, mut hsm) = (vault::<N>(), hsm(1));
    let Ok(AnyDomain::Empty(domain)) = vault.start(tested(), &mut hsm) else {
        panic!("nothing was saved");
    };
    hsm.now = 1_790_000_000;
    let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
    let (domain, len) = domain
        .begin_import(
            ModulusSize::Rsa4096,
            &expected,
            None,
            &mut hsm,
            &mut certificate,
        )
        .unwrap();
    drop(domain);
    let artifacts: Vec<_> = contents
        .iter()
        .map(|(tag, bytes)| (tag.as_str(), &bytes[..]))
        .collect();
    let blob = crate::import::blob(&artifacts, &certificate[..len]);
    let Ok(AnyDomain::Importing(domain)) = vault.start(tested(), &mut hsm) else {
        panic!("it waits for a blob");
    };
    let domain = domain.import(&RestoreBlob::parse(&blob).unwrap(), &mut hsm);
    drop(domain.unwrap());
    let Ok(AnyDomain::Imported(domain)) = vault.start(tested(), &mut hsm) else {
        panic!("it waits to be confirmed");
    };
    let named = domain.status().domain.unwrap();
    let domain = domain.confirm(named, &[], &mut hsm).unwrap();
    assert!(is_whole(&domain, &mut hsm, contents));
}
