// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two keys that are both needed: each alone opens nothing, and either may be in a token.

use security_domain::both::{Both, BothError, BothPublicKeys, Decapsulate, Second};
use security_domain::custodian::{CustodianId, Identity, Recipient, UnwrapError, WrapError};
use security_domain::custodian_key::CustodianKey;
use security_domain::kem::{MlKem1024, MlKem1024P384, P256, PrivateKey, XWing};
use security_domain::rng::Generator;
use security_domain::rsa;
use security_domain::sealed_domain::{SealError, SealedDomain, ShareError};

use super::sealed::{FailsAt, artifacts, rng, scratch, sealing, vectors};
use super::{CONTEXT, MESSAGE, key};

pub fn rsa_key(name: &str) -> rsa::PrivateKey {
    let der = std::fs::read(vectors().join(format!("keys/{name}.p8"))).unwrap();
    rsa::PrivateKey::from_pkcs8_der(&der).unwrap()
}

fn pair<K: Second>(name: &str, number: u8) -> (rsa::PrivateKey, PrivateKey<K>, BothPublicKeys<K>) {
    let (rsa, other) = (rsa_key(name), key::<K>(number));
    let public = BothPublicKeys::new(rsa.public_key().clone(), other.public_key().unwrap());
    (rsa, other, public)
}

fn wrapped<K: Second>(to: &BothPublicKeys<K>) -> Vec<u8> {
    let mut out = vec![0xee; to.algorithm().wrapped_len(MESSAGE.len())];
    to.wrap(&MESSAGE, &CONTEXT, &mut rng(9), &mut out).unwrap();
    out
}

fn opens<K: Second>(
    public: &BothPublicKeys<K>,
    first: &mut impl Identity,
    second: &mut impl Decapsulate,
    wrapped: &[u8],
) -> bool {
    let mut out = [0x5a; 65];
    let mut both = Both::new(public, first, second);
    match both.unwrap_key(wrapped, &CONTEXT, &mut rng(0), &mut out) {
        Ok(65) => out == MESSAGE,
        Err(UnwrapError::Opaque) => {
            assert_eq!(out, [0x5a; 65]);
            false
        }
        _ => panic!("another error or length"),
    }
}

fn needs_both<K: Second>() {
    let (mut rsa, mut other, public) = pair::<K>("a", 1);
    let (mut wrong_rsa, mut wrong_other, _) = pair::<K>("b", 2);
    let good = wrapped(&public);
    assert!(opens(&public, &mut rsa, &mut other, &good));
    assert!(!opens(&public, &mut wrong_rsa, &mut other, &good));
    assert!(!opens(&public, &mut rsa, &mut wrong_other, &good));
    // Every part: the RSA ciphertext, the KEM's, the message, the tag.
    let places = { 0..good.len() }.filter(|at| at % 61 == 0 || good.len() - at < 85);
    for at in places {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(!opens(&public, &mut rsa, &mut other, &bad), "at {at}");
    }
    for len in (0..good.len()).step_by(97).chain([good.len() - 1]) {
        assert!(!opens(&public, &mut rsa, &mut other, &good[..len]));
    }
    // Parts of two wrappings to the same keys do not mix.
    let mut again = vec![0; good.len()];
    public
        .wrap(&MESSAGE, &CONTEXT, &mut rng(10), &mut again)
        .unwrap();
    for cut in [256, 256 + K::SECOND.ciphertext_len()] {
        let mixed = [&good[..cut], &again[cut..]].concat();
        assert!(!opens(&public, &mut rsa, &mut other, &mixed));
    }
    // The public keys say whose wrapping it is.
    let stranger = BothPublicKeys::new(rsa.public_key().clone(), key::<K>(3).public_key().unwrap());
    assert!(!opens(&stranger, &mut rsa, &mut other, &good));
    let mut out = [0; 65];
    let mut both = Both::new(&public, &mut rsa, &mut other);
    let refused = both.unwrap_key(&good, &[8; 32], &mut rng(0), &mut out);
    assert!(
        matches!(refused, Err(UnwrapError::Opaque)),
        "another context"
    );
}

#[test]
fn both_keys_are_needed_whatever_the_second_is() {
    needs_both::<XWing>();
    needs_both::<MlKem1024P384>();
    needs_both::<MlKem1024>();
}

/// A device that answers as told.
struct Token<T>(T);

#[derive(Debug, PartialEq)]
struct Absent;

impl Identity for Token<Option<rsa::PrivateKey>> {
    type Error = Absent;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Absent>> {
        let key = self.0.as_mut().ok_or(UnwrapError::Device(Absent))?;
        let done = key.unwrap_key(wrapped, context, rng, out);
        done.map_err(|_| UnwrapError::Opaque)
    }
}

impl Decapsulate for Token<Option<PrivateKey<XWing>>> {
    type Error = Absent;

    fn decapsulate(
        &mut self,
        ciphertext: &[u8],
        shared: &mut [u8; 32],
    ) -> Result<(), UnwrapError<Absent>> {
        let key = self.0.as_mut().ok_or(UnwrapError::Device(Absent))?;
        let done = Decapsulate::decapsulate(key, ciphertext, shared);
        done.map_err(|_| UnwrapError::Opaque)
    }
}

#[test]
fn either_key_may_be_in_a_token_and_the_absent_one_is_named() {
    let (mut rsa, mut other, public) = pair::<XWing>("a", 1);
    let good = wrapped(&public);
    assert!(opens(
        &public,
        &mut Token(Some(rsa_key("a"))),
        &mut other,
        &good
    ));
    assert!(opens(
        &public,
        &mut rsa,
        &mut Token(Some(key::<XWing>(1))),
        &good
    ));
    let mut out = [0; 65];
    let mut token = Token(None::<rsa::PrivateKey>);
    let mut both = Both::new(&public, &mut token, &mut other);
    let refused = both.unwrap_key(&good, &CONTEXT, &mut rng(0), &mut out);
    assert_eq!(refused, Err(UnwrapError::Device(BothError::First(Absent))));
    let mut token = Token(None::<PrivateKey<XWing>>);
    let mut both = Both::new(&public, &mut rsa, &mut token);
    let refused = both.unwrap_key(&good, &CONTEXT, &mut rng(0), &mut out);
    assert_eq!(refused, Err(UnwrapError::Device(BothError::Second(Absent))));
}

#[test]
fn a_generator_that_fails_leaves_nothing() {
    let (_, _, public) = pair::<XWing>("a", 1);
    let mut out = vec![0; public.algorithm().wrapped_len(MESSAGE.len())];
    let mut calls = 0;
    loop {
        out.fill(0xee);
        let mut fails = FailsAt(rng(2), calls);
        match public.wrap(&MESSAGE, &CONTEXT, &mut fails, &mut out) {
            Ok(()) => break,
            Err(error) => assert_eq!(error, WrapError::Rng),
        }
        assert!(out.iter().all(|byte| *byte == 0), "call {calls}");
        calls += 1;
    }
    assert_eq!(
        calls, 3,
        "the first secret, the seed of OAEP, the second secret"
    );
}

#[test]
fn the_id_is_of_both_keys_and_depends_on_their_order() {
    let (rsa, other, public) = pair::<XWing>("a", 1);
    let ids = [rsa.public_key().id(), other.public_key().unwrap().id()];
    let spki: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
    assert_eq!(public.id(), CustodianId::new(public.algorithm(), &spki));
    assert_eq!(public.key_ids(), ids.map(Some));
    assert_eq!(public.algorithm().code(), 0x1_647a);
}

/// One domain with every kind of custodian; no key serves two of them.
#[test]
fn a_quorum_may_mix_kinds() {
    let root = security_domain::sealed_domain::Root::random(&mut rng(1)).unwrap();
    let artifacts = artifacts();
    let (mut rsa, mut other, public) = pair::<XWing>("b", 1);
    let mut p256 = key::<P256>(2);
    let custodians = [
        CustodianKey::Rsa(rsa_key("a").public_key().clone()),
        CustodianKey::P256(p256.public_key().unwrap()),
        CustodianKey::XWing(key::<XWing>(3).public_key().unwrap()),
        CustodianKey::MlKem1024P384(key::<MlKem1024P384>(4).public_key().unwrap()),
        CustodianKey::MlKem1024(key::<MlKem1024>(5).public_key().unwrap()),
        CustodianKey::RsaAndXWing(public.clone()),
        CustodianKey::RsaAndMlKem1024P384(pair("c", 6).2),
        CustodianKey::RsaAndMlKem1024(pair("d", 7).2),
    ];
    let made = sealing(&root, &artifacts, &custodians, 3);
    let mut file = vec![0; made.sealed_len().unwrap()];
    made.seal(&mut rng(2), &mut scratch(&made), &mut file)
        .unwrap();
    let sealed = SealedDomain::parse(&file).unwrap();
    let share = sealed.unwrap_share(custodians[1].id(), &mut p256, &mut rng(0));
    assert!(share.is_ok());
    let id = custodians[5].id();
    let mut both = Both::new(&public, &mut rsa, &mut other);
    assert!(sealed.unwrap_share(id, &mut both, &mut rng(0)).is_ok());
    // One of the two keys alone, as if it were the custodian's only one.
    let refused = sealed.unwrap_share(id, &mut rsa, &mut rng(0)).unwrap_err();
    assert_eq!(refused, ShareError::DoesNotOpen(id));
    assert!(sealed.unwrap_share(id, &mut other, &mut rng(0)).is_err());

    // The same X-Wing key alone and as one of two; the same RSA key.
    for shared in [
        CustodianKey::XWing(other.public_key().unwrap()),
        CustodianKey::Rsa(rsa.public_key().clone()),
    ] {
        let of = shared.id();
        let custodians = [custodians[0].clone(), shared, custodians[5].clone()];
        let refused = sealing(&root, &artifacts, &custodians, 2).sealed_len();
        assert_eq!(refused, Err(SealError::SameCustodian(of)));
    }
}
