// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that are not RSA keys: what wraps to them, and what they unwrap; and of which kind a
//! session's key is.

use core::hint::black_box;

use security_domain::both::{Both, BothPublicKeys};
use security_domain::contribution::Request;
use security_domain::custodian::{Algorithm, Identity, Recipient, WrapError};
use security_domain::kem::{Kem, MlKem1024, PrivateKey, PublicKey, XWing};
use security_domain::lifecycle::Empty;
use security_domain::rsa;
use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};

use crate::act::{In, KEYS, STRONG_KEYS, TRANSFER, empty, expect, sealed_to};
use crate::host::{Hsm, Rng, buffer};
use crate::scene::Outcome;
use crate::{scene, window};

const MESSAGE: [u8; 65] = [0x6d; 65];
const CONTEXT: [u8; 32] = [7; 32];
/// What X-Wing wraps the message to.
const LEN: usize = 1120 + 65 + 16;
/// What ML-KEM-1024 wraps it to, with AES-256 key wrap with padding.
const KEY_WRAP_LEN: usize = 1568 + 8 + 72;

fn key(byte: u8) -> Option<(PrivateKey<XWing>, PublicKey<XWing>)> {
    pair(&[byte; 32])
}

fn pair<K: Kem>(seed: &[u8]) -> Option<(PrivateKey<K>, PublicKey<K>)> {
    let key = PrivateKey::from_seed(black_box(seed)).ok()?;
    let public = key.public_key().ok()?;
    Some((key, public))
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_kem_wrap(to: &PublicKey<XWing>, rng: &mut Rng, out: &mut [u8]) -> Result<(), WrapError> {
    to.wrap(&MESSAGE, &CONTEXT, rng, out)
}

scene!(
    /// What is wrapped to a key of X-Wing does not open with it. The right input stands for such an
    /// outcome.
    fault_kem_wrap,
    |wrong, _hsm| {
        let (mut key, public) = key(1)?;
        let (mut known, mut out) = ([0; LEN], [0; LEN]);
        public.wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut known).ok()?;
        let mut rng = Rng::new(9);
        let answer = window!(act_kem_wrap(&public, &mut rng, &mut out));
        if answer.is_err() {
            return Some(Outcome::Refused);
        }
        if !wrong {
            out[LEN - 1] ^= 1;
        }
        if out == known {
            return Some(Outcome::Refused);
        }
        let mut opened = [0; 65];
        let len = key.unwrap_key(&out, &CONTEXT, &mut rng, &mut opened);
        Some(Outcome::failed_to_end(len != Ok(65) || opened != MESSAGE))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_both_wrap(
    to: &BothPublicKeys<XWing>,
    rng: &mut Rng,
    out: &mut [u8],
) -> Result<(), WrapError> {
    to.wrap(&MESSAGE, &CONTEXT, rng, out)
}

scene!(
    /// What is wrapped to two keys does not open with both. The right input stands for such an
    /// outcome.
    fault_both_wrap,
    |wrong, _hsm| {
        let (mut second, public) = key(1)?;
        let mut first = rsa::PrivateKey::from_pkcs8_der(black_box(TRANSFER)).ok()?;
        let to = BothPublicKeys::new(first.public_key().clone(), public);
        let (mut known, mut out) = ([0; 256 + LEN], [0; 256 + LEN]);
        to.wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut known).ok()?;
        let mut rng = Rng::new(9);
        let answer = window!(act_both_wrap(&to, &mut rng, &mut out));
        if answer.is_err() {
            return Some(Outcome::Refused);
        }
        if !wrong {
            out[256 + LEN - 1] ^= 1;
        }
        if out == known {
            return Some(Outcome::Refused);
        }
        let mut opened = [0; 65];
        let mut keys = Both::new(&to, &mut first, &mut second);
        let len = keys.unwrap_key(&out, &CONTEXT, &mut rng, &mut opened);
        Some(Outcome::failed_to_end(len != Ok(65) || opened != MESSAGE))
    }
);

type TwoKeys<'k> = Both<'k, XWing, rsa::PrivateKey, PrivateKey<XWing>>;

#[inline(never)]
#[unsafe(no_mangle)]
fn act_kem_unwrap(key: &mut PrivateKey<XWing>, wrapped: &[u8], out: &mut [u8]) -> bool {
    let unwrapped = key.unwrap_key(wrapped, &CONTEXT, &mut Rng::new(9), out);
    unwrapped.is_ok()
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_key_wrap_unwrap(key: &mut PrivateKey<MlKem1024>, wrapped: &[u8], out: &mut [u8]) -> bool {
    let unwrapped = key.unwrap_key(wrapped, &[], &mut Rng::new(9), out);
    unwrapped.is_ok()
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_both_unwrap(keys: &mut TwoKeys<'_>, wrapped: &[u8], out: &mut [u8]) -> bool {
    let unwrapped = keys.unwrap_key(wrapped, &CONTEXT, &mut Rng::new(9), out);
    unwrapped.is_ok()
}

/// What was wrapped, with its last byte changed if it is to be `wrong`.
fn changed(wrong: bool, wrapped: &mut [u8]) -> &[u8] {
    if wrong && let Some(last) = wrapped.last_mut() {
        *last ^= 1;
    }
    wrapped
}

fn outcome(unwrapped: bool, out: &[u8]) -> Outcome {
    match unwrapped {
        true => Outcome::took_effect(out.iter().any(|byte| *byte != 0)),
        false => Outcome::Refused,
    }
}

scene!(
    /// A changed message under a key of X-Wing.
    fault_kem_unwrap,
    |wrong, _hsm| {
        let (mut key, public) = key(1)?;
        let (mut wrapped, mut out) = ([0; LEN], [0; 65]);
        public
            .wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut wrapped)
            .ok()?;
        let wrapped = changed(wrong, &mut wrapped);
        let unwrapped = window!(act_kem_unwrap(&mut key, wrapped, &mut out));
        Some(outcome(unwrapped, &out))
    }
);

/// A seed of ML-KEM-1024, a message in key wrap under it, and the same with another ICV2.
const WRAPPED: &[u8; 64 + 2 * KEY_WRAP_LEN] =
    include_bytes!("../../../tests/vectors/kem/another-icv.bin");

scene!(
    /// A message in AES-256 key wrap under ML-KEM-1024, with another ICV2: a changed one has another
    /// length as well, and does not fit.
    fault_key_wrap_unwrap,
    |wrong, _hsm| {
        let (seed, both) = black_box(WRAPPED).split_at(64);
        let (mut key, _) = pair::<MlKem1024>(seed)?;
        let (right, other) = both.split_at(KEY_WRAP_LEN);
        let (wrapped, mut out) = (if wrong { other } else { right }, [0; 65]);
        let unwrapped = window!(act_key_wrap_unwrap(&mut key, wrapped, &mut out));
        Some(outcome(unwrapped, &out))
    }
);

scene!(
    /// A changed message under two keys.
    fault_both_unwrap,
    |wrong, _hsm| {
        let (mut second, public) = key(1)?;
        let mut first = rsa::PrivateKey::from_pkcs8_der(black_box(TRANSFER)).ok()?;
        let to = BothPublicKeys::new(first.public_key().clone(), public);
        let (mut wrapped, mut out) = ([0; 256 + LEN], [0; 65]);
        to.wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut wrapped)
            .ok()?;
        let wrapped = changed(wrong, &mut wrapped);
        let mut keys = Both::new(&to, &mut first, &mut second);
        let unwrapped = window!(act_both_unwrap(&mut keys, wrapped, &mut out));
        Some(outcome(unwrapped, &out))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_begin_apart(
    domain: In<Empty>,
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    hsm: &mut Hsm,
    request: &mut [u8],
) -> Option<usize> {
    let begun = domain.begin_recovery(sealed, expect, None, hsm, request);
    begun.ok().map(|(_, len)| len)
}

scene!(
    /// A transfer key of a kind that is weaker than a custodian's key.
    fault_weak_transfer,
    |wrong, hsm| {
        let sealed = sealed_to(if wrong { &STRONG_KEYS } else { &KEYS }, 0)?;
        let domain = empty(hsm)?;
        let weak = Algorithm::Rsa2048OaepSha256;
        hsm.prepared = rsa::PrivateKey::from_pkcs8_der(black_box(TRANSFER)).ok();
        hsm.kind = Some(weak);
        let (expect, request) = (black_box(expect(&sealed)), buffer(2));
        let Some(len) = window!(act_begin_apart(domain, &sealed, &expect, hsm, request)) else {
            return Some(Outcome::Refused);
        };
        let asks = Request::parse(request.get(..len)?).ok()?;
        Some(Outcome::took_effect(asks.transfer().algorithm() == weak))
    }
);
