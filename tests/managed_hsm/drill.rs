// SPDX-License-Identifier: MIT OR Apache-2.0
//! Drills of a domain file: who proves what, and what proves nothing.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use security_domain::custodian::{Identity, UnwrapError, WrapError};
use security_domain::drill::DrillFileError;
use security_domain::managed_hsm::domain_file::{DomainFile, ShareError};
use security_domain::managed_hsm::drill::{
    Challenge, ChallengeError, RespondError, Response, ResponseError, respond,
};
use security_domain::managed_hsm::{Fault, FileDigest};
use security_domain::rng::Generator;
use security_domain::rsa::{KeyError, PrivateKey};
use security_domain::x509::{RecoveryCertificate, Thumbprint};

use crate::fixtures::{bytes, certificate_der, private_key, rng, thumbprint};
use crate::sealed::FailsAt;

const NAMES: [&str; 3] = ["s2048_0", "s2048_1", "s2048_2"];
const NOW: u64 = 1_790_000_000;

fn text() -> Vec<u8> {
    bytes("valid/v01-2of3-2048/sd.json")
}

/// A challenge to the custodians of these names.
fn challenge(text: &[u8], names: &[&str]) -> Result<Vec<u8>, ChallengeError> {
    let mut out = vec![0xaa; Challenge::MAX_LEN];
    let written = write(text, names, &mut rng(), &mut out).map(|len| out[..len].to_vec());
    if written.is_err() {
        assert!(out.iter().all(|byte| *byte == 0));
    }
    written
}

fn write(
    text: &[u8],
    names: &[&str],
    rng: &mut impl Generator,
    out: &mut [u8],
) -> Result<usize, ChallengeError> {
    let ders: Vec<_> = names.iter().map(|name| certificate_der(name)).collect();
    let certificates: Vec<_> = { ders.iter() }
        .map(|der| RecoveryCertificate::parse(der).unwrap())
        .collect();
    let file = DomainFile::parse(text).unwrap();
    Challenge::write(&file, &certificates, NOW, rng, out).map(|made| made.as_bytes().len())
}

/// The response of `me` with a key.
fn responded<I: Identity>(
    text: &[u8],
    challenge: &[u8],
    me: &Thumbprint,
    key: &mut I,
) -> Result<Vec<u8>, RespondError<I::Error>> {
    let (file, challenge) = (
        DomainFile::parse(text).unwrap(),
        Challenge::parse(challenge).unwrap(),
    );
    let mut out = [0xaa; Response::LEN];
    let made = respond(&file, &challenge, me, key, &mut rng(), &mut out);
    let made = made.map(|response| response.as_bytes().to_vec());
    assert!(made.is_ok() || out == [0xaa; Response::LEN]);
    made
}

fn of(text: &[u8], challenge: &[u8], name: &str) -> Vec<u8> {
    responded(text, challenge, &thumbprint(name), &mut private_key(name)).unwrap()
}

fn verified(text: &[u8], challenge: &[u8], response: &[u8]) -> Result<Thumbprint, ResponseError> {
    let file = DomainFile::parse(text).unwrap();
    let challenge = Challenge::parse(challenge).unwrap();
    Response::parse(response).unwrap().verify(&file, &challenge)
}

/// A key that counts how often it is asked.
struct Counted<K>(K, usize);

impl<K: Identity> Identity for Counted<K> {
    type Error = K::Error;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<K::Error>> {
        self.1 += 1;
        self.0.unwrap_key(wrapped, context, rng, out)
    }
}

#[test]
fn each_custodian_alone_shows_that_the_key_is_there() {
    let text = text();
    let asked = challenge(&text, &["s2048_2", "s2048_0"]).unwrap();
    let parsed = Challenge::parse(&asked).unwrap();
    assert_eq!(
        (parsed.created(), parsed.file()),
        (NOW, FileDigest::of(&text))
    );
    let mut whom: Vec<_> = parsed.values().map(|(of, _)| of).collect();
    assert!(whom.is_sorted());
    whom.retain(|of| *of != thumbprint("s2048_0"));
    assert_eq!(whom, [thumbprint("s2048_2")]);
    for name in ["s2048_0", "s2048_2"] {
        let (me, mut key) = (thumbprint(name), Counted(private_key(name), 0));
        let response = responded(&text, &asked, &me, &mut key).unwrap();
        // The content key, and the value.
        assert_eq!(key.1, 2);
        assert_eq!(response.len(), Response::LEN);
        assert_eq!(verified(&text, &asked, &response), Ok(me));
        let read = Response::parse(&response).unwrap();
        assert_eq!((read.challenge(), read.custodian()), (parsed.digest(), me));
    }
    let me = thumbprint("s2048_1");
    let refused = responded(&text, &asked, &me, &mut private_key("s2048_1"));
    assert!(matches!(refused, Err(RespondError::NotAsked(of)) if of == me));
}

/// Nobody's key is used for a challenge that is not to be answered.
#[test]
fn what_is_not_to_be_answered_uses_no_key() {
    let (text, other) = (text(), bytes("valid/v04-3of5-2048/sd.json"));
    let me = thumbprint("s2048_0");
    for (file, names) in [(&other, &["s2048_0"][..]), (&text, &["s2048_1"])] {
        let asked = challenge(file, names).unwrap();
        let mut key = Counted(private_key("s2048_0"), 0);
        assert!(responded(&text, &asked, &me, &mut key).is_err());
        assert_eq!(key.1, 0);
    }
    let asked = challenge(&text, &NAMES).unwrap();
    let (file, parsed) = (
        DomainFile::parse(&text).unwrap(),
        Challenge::parse(&asked).unwrap(),
    );
    let (mut key, needed) = (Counted(private_key("s2048_0"), 0), Response::LEN);
    let mut short = [0; Response::LEN - 1];
    let refused = respond(&file, &parsed, &me, &mut key, &mut rng(), &mut short);
    assert!(
        matches!(refused, Err(RespondError::BufferTooSmall { needed: n }) if n == needed)
            && key.1 == 0
    );
}

/// A share that does not open, whoever unwraps the value; and a value that does not.
#[test]
fn there_is_no_response_unless_both_open() {
    let whole = text();
    let me = thumbprint("s2048_0");
    let mut file: serde_json::Value = serde_json::from_slice(&whole).unwrap();
    let place = { file["SharedKeys"]["enc_shares"].as_array().unwrap().iter() }
        .position(|share| share["x5t_256"] == me.to_string())
        .unwrap();
    let sealed = &mut file["SharedKeys"]["enc_shares"][place]["enc_key"];
    let mut jwe: Vec<String> = { sealed.as_str().unwrap().split('.') }
        .map(str::to_owned)
        .collect();
    let first = jwe[4].remove(0);
    jwe[4].insert(0, if first == 'A' { 'B' } else { 'A' });
    *sealed = jwe.join(".").into();
    let changed = serde_json::to_vec(&file).unwrap();
    let asked = challenge(&changed, &NAMES).unwrap();
    let refused = responded(&changed, &asked, &me, &mut private_key("s2048_0"));
    assert_eq!(
        refused,
        Err(RespondError::Share(ShareError::DoesNotOpen)),
        "the tag"
    );

    let asked = challenge(&whole, &NAMES).unwrap();
    let refused = responded(&whole, &asked, &me, &mut private_key("s2048_1"));
    assert_eq!(refused, Err(RespondError::Share(ShareError::DoesNotOpen)));

    /// A token that decrypts once.
    struct Once(Option<PrivateKey>);
    impl Identity for Once {
        type Error = &'static str;
        fn unwrap_key<R: Generator + ?Sized>(
            &mut self,
            wrapped: &[u8],
            context: &[u8],
            rng: &mut R,
            out: &mut [u8],
        ) -> Result<usize, UnwrapError<&'static str>> {
            let mut key = self.0.take().ok_or(UnwrapError::Device("gone"))?;
            key.unwrap_key(wrapped, context, rng, out)
                .map_err(|_| UnwrapError::Opaque)
        }
    }
    let mut once = Once(Some(private_key("s2048_0")));
    let refused = responded(&whole, &asked, &me, &mut once);
    assert_eq!(refused, Err(RespondError::Device("gone")));
    let refused = responded(&whole, &asked, &me, &mut once);
    assert_eq!(
        refused,
        Err(RespondError::Share(ShareError::Device("gone")))
    );

    /// A device that says of the value that it opened, and gives what it likes.
    struct Lies(PrivateKey, usize, usize);
    impl Identity for Lies {
        type Error = security_domain::rng::RngError;
        fn unwrap_key<R: Generator + ?Sized>(
            &mut self,
            wrapped: &[u8],
            context: &[u8],
            rng: &mut R,
            out: &mut [u8],
        ) -> Result<usize, UnwrapError<Self::Error>> {
            self.1 += 1;
            if self.1 == 1 {
                return self.0.unwrap_key(wrapped, context, rng, out);
            }
            out[..32].copy_from_slice(context);
            Ok(self.2)
        }
    }
    for length in [0, 31, 32, 63, 64] {
        let mut key = Lies(private_key("s2048_0"), 0, length);
        let refused = responded(&whole, &asked, &me, &mut key);
        assert_eq!(refused, Err(RespondError::DoesNotOpen(me)), "{length}");
    }
    let mut key = Lies(private_key("s2048_0"), 0, 65);
    assert_eq!(
        responded(&whole, &asked, &me, &mut key),
        Err(RespondError::Fault)
    );
}

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let text = text();
    let asked = challenge(&text, &NAMES).unwrap();
    let response = of(&text, &asked, "s2048_1");
    for len in 0..asked.len() {
        assert!(Challenge::parse(&asked[..len]).is_err(), "{len}");
    }
    for len in 0..response.len() {
        assert!(Response::parse(&response[..len]).is_err(), "{len}");
    }
    for more in [&[0][..], &asked, &response] {
        let refused = Challenge::parse(&[&asked, more].concat()).unwrap_err();
        assert_eq!(refused, DrillFileError::NotDeterministic);
        let refused = Response::parse(&[&response, more].concat()).unwrap_err();
        assert_eq!(refused, DrillFileError::NotDeterministic);
    }
}

/// No response with a flipped bit proves anything, nor does one to a challenge with a flipped bit.
#[test]
fn every_single_bit_counts() {
    let text = text();
    let asked = challenge(&text, &NAMES[..1]).unwrap();
    let response = of(&text, &asked, "s2048_0");
    let flipped = |bytes: &[u8], bit: usize| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    };
    let mut read = 0;
    for bit in 0..response.len() * 8 {
        let changed = flipped(&response, bit);
        if Response::parse(&changed).is_ok() {
            read += 1;
            assert!(verified(&text, &asked, &changed).is_err(), "bit {bit}");
        }
    }
    assert_eq!(read, 3 * 32 * 8);
    read = 0;
    for bit in 0..asked.len() * 8 {
        let changed = flipped(&asked, bit);
        if Challenge::parse(&changed).is_ok() {
            read += 1;
            let refused = verified(&text, &changed, &response);
            let other = matches!(
                refused,
                Err(ResponseError::OtherChallenge { .. } | ResponseError::OtherFile { .. })
            );
            assert!(other, "bit {bit}: {refused:?}");
        }
    }
    assert!(read > 3000, "{read}");
}

/// Everybody answers; no answer serves in another's name, or for another challenge.
#[test]
fn an_answer_is_its_custodians_and_its_challenges() {
    let text = text();
    let (first, mut out) = (
        challenge(&text, &NAMES).unwrap(),
        vec![0; Challenge::MAX_LEN],
    );
    let mut drawn = drawing(9);
    let len = write(&text, &NAMES, &mut drawn, &mut out).unwrap();
    let second = &out[..len];
    for name in NAMES {
        let response = of(&text, &first, name);
        assert_eq!(verified(&text, &first, &response), Ok(thumbprint(name)));
        let refused = verified(&text, second, &response);
        assert!(matches!(refused, Err(ResponseError::OtherChallenge { .. })));
        // Relabelled by whoever has it: for the other challenge, and for the others.
        let digest = *Challenge::parse(second).unwrap().digest().as_bytes();
        let relabelled = [&response[..4], &digest, &response[36..]].concat();
        let refused = verified(&text, second, &relabelled);
        assert_eq!(refused, Err(ResponseError::WrongValue(thumbprint(name))));
        for other in NAMES.into_iter().filter(|other| *other != name) {
            let of = thumbprint(other);
            let relabelled = [&response[..38], of.as_bytes(), &response[70..]].concat();
            let refused = verified(&text, &first, &relabelled);
            assert_eq!(refused, Err(ResponseError::WrongValue(of)));
        }
    }
}

fn drawing(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_nothing() {
    let text = text();
    assert_eq!(challenge(&text, &[]), Err(ChallengeError::NobodyAsked));
    let twice = thumbprint("s2048_0");
    assert_eq!(
        challenge(&text, &["s2048_0", "s2048_0"]),
        Err(ChallengeError::Repeated(twice))
    );
    let stranger = thumbprint("s2048_5");
    let refused = challenge(&text, &["s2048_0", "s2048_5"]).unwrap_err();
    assert!(matches!(refused, ChallengeError::Certificate(of, error)
            if of == stranger && error.fault == Fault::NotListed));
    let der = certificate_der("s2048_0");
    let certificates = [RecoveryCertificate::parse(&der).unwrap()];
    let needed = Challenge::written_len(&certificates);
    let mut short = vec![0; needed - 1];
    assert_eq!(
        write(&text, &["s2048_0"], &mut rng(), &mut short),
        Err(ChallengeError::BufferTooSmall { needed })
    );
    assert!(challenge(&text, &NAMES).unwrap().len() <= Challenge::MAX_LEN);
}

/// A custodian whose certificate has an exponent that nobody wraps to.
#[test]
fn a_key_that_is_too_weak_to_wrap_to_is_refused_by_name() {
    let whole = text();
    let der = certificate_der("s2048_0");
    let odd = [2, 3, 1, 0, 1];
    let at = { der.windows(odd.len()) }
        .position(|part| part == odd)
        .unwrap();
    let mut weak = der.clone();
    weak[at + 4] = 0;
    let of = Thumbprint::of(&weak);
    let old = thumbprint("s2048_0").to_string();
    let text = String::from_utf8(whole).unwrap();
    let text = text.replace(&old, &of.to_string());
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let certificates = [RecoveryCertificate::parse(&weak).unwrap()];
    let mut out = vec![0xaa; Challenge::MAX_LEN];
    let refused = Challenge::write(&file, &certificates, 0, &mut rng(), &mut out).unwrap_err();
    assert_eq!(refused, ChallengeError::Key(of, KeyError::EvenExponent));
    assert!(out.iter().all(|byte| *byte == 0));
}

/// The generator fails at each of its calls: no challenge comes out.
#[test]
fn a_generator_that_fails_once_gives_no_challenge() {
    let text = text();
    let mut refused = 0;
    loop {
        let mut out = vec![0xaa; Challenge::MAX_LEN];
        let mut fails = FailsAt::<ChaCha20Rng>(drawing(2), refused);
        match write(&text, &NAMES, &mut fails, &mut out) {
            Ok(_) => break,
            Err(error) => {
                let by = |of| ChallengeError::Wrap(of, WrapError::Rng);
                let wrap = NAMES.iter().any(|name| error == by(thumbprint(name)));
                assert!(error == ChallengeError::Rng || wrap, "{error}");
                assert!(out.iter().all(|byte| *byte == 0));
            }
        }
        refused += 1;
    }
    // The name, and for each custodian a value and what the wrap draws.
    assert_eq!(refused, 1 + 3 * 2);
}
