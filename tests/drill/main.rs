// SPDX-License-Identifier: MIT OR Apache-2.0
//! Drills: who proves what, and what proves nothing.
#![cfg(feature = "sealed-domain")]

use std::convert::Infallible;

use rand_chacha::ChaCha20Rng;
use security_domain::custodian::{Identity, Recipient, UnwrapError, WrapError};
use security_domain::drill::{
    Answered, Challenge, ChallengeError, DrillFileError, DrillValue, Proof, RespondError, Response,
    ResponseError, ValueError, respond,
};
use security_domain::quorum::ShareIndex;
use security_domain::rng::Generator;
use security_domain::sealed_domain::{
    DomainId, DomainShare, Epoch, ExpectError, ExpectedDomain, SealedDomain,
};

#[path = "../chain/mod.rs"]
mod chain;
#[path = "../known_answer/mod.rs"]
mod known_answer;
#[path = "../sealed/mod.rs"]
mod sealed;

mod files;
mod vectors;

use sealed::{FailsAt, FastKey, fast_keys, rng, share};

const NOW: u64 = 1_790_000_000;

/// A domain with four custodians, two of whom are a quorum.
struct World {
    keys: Vec<FastKey>,
    file: Vec<u8>,
}

impl World {
    fn new(seed: u8) -> Self {
        let keys = fast_keys(4);
        let (_, file) = sealed::sealed(seed, &keys, 2);
        Self { keys, file }
    }

    fn sealed(&self) -> SealedDomain<'_> {
        SealedDomain::parse(&self.file).unwrap()
    }

    fn expect(&self) -> ExpectedDomain {
        ExpectedDomain::new(self.sealed().header().domain_id(), Epoch::FIRST)
    }

    /// A challenge to the custodians at these places.
    fn challenge(&self, places: &[usize], seed: u8) -> Vec<u8> {
        let keys: Vec<_> = places.iter().map(|at| self.keys[*at].clone()).collect();
        let mut out = vec![0xaa; Challenge::written_len(&keys)];
        let challenge = Challenge::write(&self.sealed(), &keys, NOW, &mut rng(seed), &mut out);
        challenge.unwrap().as_bytes().to_vec()
    }

    fn share(&self, at: usize) -> DomainShare {
        share(&self.sealed(), &self.keys[at])
    }

    fn value(&self, challenge: &[u8], at: usize) -> Result<DrillValue, ValueError<Infallible>> {
        let mut key = self.keys[at].clone();
        Challenge::parse(challenge).unwrap().unwrap_value(
            &self.sealed(),
            key.id(),
            &mut key,
            &mut rng(0),
        )
    }

    fn respond(
        &self,
        challenge: &[u8],
        share: &DomainShare,
        value: Option<&DrillValue>,
    ) -> Result<Vec<u8>, RespondError> {
        let mut out = [0xaa; Response::MAX_LEN];
        let challenge = Challenge::parse(challenge).unwrap();
        let (sealed, expect) = (self.sealed(), self.expect());
        let response = respond(
            &sealed,
            &expect,
            &challenge,
            share,
            value,
            &mut rng(0),
            &mut out,
        );
        response.map(|response| response.as_bytes().to_vec())
    }

    /// The response of a custodian who has everything.
    fn whole(&self, challenge: &[u8], at: usize) -> Vec<u8> {
        let value = self.value(challenge, at).unwrap();
        self.respond(challenge, &self.share(at), Some(&value))
            .unwrap()
    }

    fn verify(&self, challenge: &[u8], response: &[u8]) -> Result<Answered, ResponseError> {
        let challenge = Challenge::parse(challenge).unwrap();
        let response = Response::parse(response).unwrap();
        response.verify(&self.sealed(), &self.expect(), &challenge)
    }
}

#[test]
fn a_drill_tells_who_has_key_and_share() {
    let world = World::new(1);
    let challenge = world.challenge(&[2, 0], 2);
    let parsed = Challenge::parse(&challenge).unwrap();
    assert_eq!(parsed.created(), NOW);
    assert_eq!(parsed.header(), world.sealed().header().digest());
    // In the order of the shares, whatever the order of the keys.
    let asked: Vec<_> = parsed.values().map(|(index, _)| index.get()).collect();
    assert_eq!(asked, [1, 3]);
    for at in 0..4 {
        let id = world.keys[at].id();
        let known = world.respond(&challenge, &world.share(at), None).unwrap();
        assert_eq!(Response::parse(&known).unwrap().claims(), Proof::ShareKnown);
        let answered = world.verify(&challenge, &known).unwrap();
        assert_eq!(
            (answered.custodian, answered.proof),
            (id, Proof::ShareKnown)
        );
        if at % 2 == 1 {
            let refused = world.value(&challenge, at).unwrap_err();
            assert_eq!(refused, ValueError::NotAsked(id));
            continue;
        }
        let whole = world.whole(&challenge, at);
        assert_eq!(
            Response::parse(&whole).unwrap().challenge(),
            parsed.digest()
        );
        assert_eq!(
            Response::parse(&whole).unwrap().claims(),
            Proof::KeyAndShare
        );
        let answered = world.verify(&challenge, &whole).unwrap();
        assert_eq!(
            (answered.custodian, answered.proof),
            (id, Proof::KeyAndShare)
        );
    }
    let nobody = world.challenge(&[], 3);
    assert_eq!(Challenge::parse(&nobody).unwrap().values().count(), 0);
    let known = world.respond(&nobody, &world.share(0), None).unwrap();
    assert!(world.verify(&nobody, &known).is_ok());
}

#[test]
fn a_response_answers_one_challenge_of_one_domain() {
    let world = World::new(1);
    let [challenge, other] = [2, 3].map(|seed| world.challenge(&[0, 1], seed));
    let response = world.whole(&challenge, 0);
    let digest = |challenge: &[u8]| Challenge::parse(challenge).unwrap().digest();
    // Replayed.
    let refused = world.verify(&other, &response);
    let (have, want) = (digest(&challenge), digest(&other));
    assert_eq!(refused, Err(ResponseError::OtherChallenge { have, want }));

    // Another domain, or another epoch, has another header.
    let stranger = World::new(9);
    let (have, want) = [&world, &stranger]
        .map(|world| world.sealed().header().digest())
        .into();
    let parsed = Challenge::parse(&challenge).unwrap();
    let read = Response::parse(&response).unwrap();
    let refused = read.verify(&stranger.sealed(), &stranger.expect(), &parsed);
    assert_eq!(refused, Err(ResponseError::OtherHeader { have, want }));
    let refused = stranger.respond(&challenge, &stranger.share(0), None);
    assert_eq!(refused, Err(RespondError::OtherHeader { have, want }));
    let refused = stranger.value(&challenge, 0).unwrap_err();
    assert_eq!(refused, ValueError::OtherHeader { have, want });

    // Not the expected domain.
    let expect = stranger.expect();
    let refused = read.verify(&world.sealed(), &expect, &parsed);
    let (have, want) = [&world, &stranger]
        .map(|world| world.sealed().header().domain_id())
        .into();
    let wrong = ExpectError::WrongDomain { have, want };
    assert_eq!(refused, Err(ResponseError::Expect(wrong)));
    let mut out = [0xaa; Response::MAX_LEN];
    let sealed = world.sealed();
    let refused = respond(
        &sealed,
        &expect,
        &parsed,
        &world.share(0),
        None,
        &mut rng(0),
        &mut out,
    );
    assert_eq!(refused.unwrap_err(), RespondError::Expect(wrong));
    assert_ne!(DomainId::from_bytes([0; 32]), have);
}

#[test]
fn a_share_or_a_value_of_somebody_else_answers_nothing() {
    let world = World::new(1);
    let challenge = world.challenge(&[0, 1], 2);
    let foreign = World::new(9).share(0);
    let refused = world.respond(&challenge, &foreign, None);
    assert_eq!(
        refused,
        Err(RespondError::ForeignShare(foreign.custodian()))
    );
    // The value of another custodian, and that of another challenge.
    let value = world.value(&challenge, 1).unwrap();
    let refused = world.respond(&challenge, &world.share(0), Some(&value));
    assert_eq!(refused, Err(RespondError::ForeignValue));
    let value = world.value(&world.challenge(&[0, 1], 3), 0).unwrap();
    let refused = world.respond(&challenge, &world.share(0), Some(&value));
    assert_eq!(refused, Err(RespondError::ForeignValue));
    // A key does not open the value for another.
    let mut key = world.keys[1].clone();
    let parsed = Challenge::parse(&challenge).unwrap();
    let id = world.keys[0].id();
    let refused = parsed.unwrap_value(&world.sealed(), id, &mut key, &mut rng(0));
    assert_eq!(refused.unwrap_err(), ValueError::DoesNotOpen(id));
}

/// What is wrapped for one purpose is not taken for another: a challenge cannot be made to open a
/// share, and a value is no share.
#[test]
fn a_wrapped_share_is_no_value() {
    let world = World::new(1);
    let challenge = world.challenge(&[0], 2);
    let sealed = world.sealed();
    let (_, wrapped) = sealed.wrapped_shares().next().unwrap();
    let (_, value) = Challenge::parse(&challenge)
        .unwrap()
        .values()
        .next()
        .unwrap();
    let at = challenge.len() - value.as_bytes().len();
    let forged = [&challenge[..at], wrapped.as_bytes()].concat();
    let refused = world.value(&forged, 0).unwrap_err();
    assert_eq!(refused, ValueError::DoesNotOpen(world.keys[0].id()));

    // Unwrapped by a token, and given as what it is not.
    let plaintext = |wrapped: &[u8]| {
        let mut out = [0; 65];
        let mut key = world.keys[0].clone();
        let len = key.unwrap_key(wrapped, &[], &mut rng(0), &mut out).unwrap();
        assert_eq!(len, 65);
        out
    };
    let parsed = Challenge::parse(&challenge).unwrap();
    let id = world.keys[0].id();
    let (value, share) = (plaintext(value.as_bytes()), plaintext(wrapped.as_bytes()));
    assert!(parsed.accept_value(&sealed, id, &value).is_ok());
    let refused = parsed.accept_value(&sealed, id, &share).unwrap_err();
    assert_eq!(refused, ValueError::DoesNotOpen(id));
    assert!(sealed.accept_share(id, &share).is_ok());
    assert!(sealed.accept_share(id, &value).is_err());
    for changed in 0..65 {
        let mut other = value;
        other[changed] ^= 1;
        assert!(
            parsed.accept_value(&sealed, id, &other).is_err(),
            "{changed}"
        );
    }
    assert!(parsed.accept_value(&sealed, id, &value[..64]).is_err());
}

/// A response without the value, to which somebody adds one, or a response with it, from which
/// somebody takes it.
#[test]
fn a_value_cannot_be_added_to_a_response_or_taken_from_it() {
    let world = World::new(1);
    let challenge = world.challenge(&[0, 1], 2);
    let (whole, other) = (world.whole(&challenge, 0), world.whole(&challenge, 1));
    let known = world.respond(&challenge, &world.share(0), None).unwrap();
    let signature = |response: &[u8]| response[response.len() - 64..].to_vec();
    let front = |response: &[u8]| response[..response.len() - 64].to_vec();
    let claims = world.keys[0].id();
    for (front, signature) in [
        (front(&whole), signature(&known)),
        (front(&known), signature(&whole)),
        (front(&whole), signature(&other)),
    ] {
        let refused = world.verify(&challenge, &[front, signature].concat());
        assert_eq!(refused, Err(ResponseError::Unsigned { claims }));
    }
}

#[test]
fn a_domain_has_no_more_shares_than_custodians() {
    let world = World::new(1);
    let challenge = world.challenge(&[0], 2);
    let mut response = world.whole(&challenge, 0);
    // The index follows the version and the digest.
    let at = 2 + 34;
    assert_eq!(response[at], 1);
    response[at] = 5;
    let fifth = ShareIndex::new(5).unwrap();
    assert_eq!(
        world.verify(&challenge, &response),
        Err(ResponseError::NotListed(fifth))
    );
    response[at] = 2;
    let claims = world.keys[1].id();
    assert_eq!(
        world.verify(&challenge, &response),
        Err(ResponseError::Unsigned { claims })
    );
}

/// A key whose wrapping fails.
struct Broken(FastKey);

impl Recipient for Broken {
    fn algorithm(&self) -> security_domain::custodian::Algorithm {
        self.0.algorithm()
    }

    fn id(&self) -> security_domain::custodian::CustodianId {
        self.0.id()
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        _: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        // In the clear.
        for (to, from) in out.iter_mut().zip(message) {
            *to = *from;
        }
        Ok(())
    }
}

/// A token that is not there.
struct Absent;

impl Identity for Absent {
    type Error = ();

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        _: &[u8],
        _: &[u8],
        _: &mut R,
        _: &mut [u8],
    ) -> Result<usize, UnwrapError<()>> {
        Err(UnwrapError::Device(()))
    }
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_nothing() {
    let world = World::new(1);
    let sealed = world.sealed();
    let mut out = vec![0xaa; Challenge::MAX_LEN];
    let stranger = FastKey(77);
    let twice = [world.keys[0].clone(), world.keys[0].clone()];
    for (keys, error) in [
        (
            &[stranger.clone()][..],
            ChallengeError::NotListed(stranger.id()),
        ),
        (&twice, ChallengeError::Repeated(twice[0].id())),
    ] {
        let refused = Challenge::write(&sealed, keys, NOW, &mut rng(1), &mut out);
        assert_eq!(refused.unwrap_err(), error);
        assert!(out.iter().all(|byte| *byte == 0));
    }
    let broken = [Broken(world.keys[0].clone())];
    let refused = Challenge::write(&sealed, &broken, NOW, &mut rng(1), &mut out);
    let (id, fault) = (broken[0].id(), WrapError::Fault);
    assert_eq!(refused.unwrap_err(), ChallengeError::Wrap(id, fault));
    assert!(out.iter().all(|byte| *byte == 0));

    let needed = Challenge::written_len(&world.keys);
    let mut short = vec![0xaa; needed - 1];
    let refused = Challenge::write(&sealed, &world.keys, NOW, &mut rng(1), &mut short);
    assert_eq!(
        refused.unwrap_err(),
        ChallengeError::BufferTooSmall { needed }
    );

    let challenge = world.challenge(&[0], 2);
    let parsed = Challenge::parse(&challenge).unwrap();
    let absent = parsed.unwrap_value(&sealed, world.keys[0].id(), &mut Absent, &mut rng(0));
    assert_eq!(
        absent.unwrap_err(),
        ValueError::Device(world.keys[0].id(), ())
    );
    let mut short = [0xaa; Response::MAX_LEN - 33];
    let value = world.value(&challenge, 0).unwrap();
    let (share, expect) = (world.share(0), world.expect());
    let refused = respond(
        &sealed,
        &expect,
        &parsed,
        &share,
        Some(&value),
        &mut rng(0),
        &mut short,
    );
    let needed = Response::MAX_LEN;
    assert_eq!(
        refused.unwrap_err(),
        RespondError::BufferTooSmall { needed }
    );
}

/// The generator fails at each of its calls: no challenge comes out.
#[test]
fn a_generator_that_fails_once_gives_no_challenge() {
    let world = World::new(1);
    let mut refused = 0;
    loop {
        let mut out = vec![0xaa; Challenge::written_len(&world.keys)];
        let mut fails = FailsAt::<ChaCha20Rng>(rng(2), refused);
        match Challenge::write(&world.sealed(), &world.keys, NOW, &mut fails, &mut out) {
            Ok(_) => break,
            Err(error) => {
                let by = |id| ChallengeError::Wrap(id, WrapError::Rng);
                let wrap = world.keys.iter().any(|key| error == by(key.id()));
                assert!(error == ChallengeError::Rng || wrap, "{error}");
                assert!(out.iter().all(|byte| *byte == 0));
            }
        }
        refused += 1;
    }
    // The name, and for each custodian a value and what the wrap draws.
    assert_eq!(refused, 1 + 4 * 2);
}

#[test]
fn errors_say_what_is_wrong() {
    let says = |error: &dyn std::error::Error| error.to_string();
    assert!(says(&DrillFileError::UnknownVersion(2)).contains("version 2"));
    let id = FastKey(1).id();
    assert!(says(&ResponseError::WrongValue(id)).contains(&id.to_string()));
}
