// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading and opening a sealed domain.

use core::convert::Infallible;
use core::hint::black_box;

use security_domain::custodian::{CustodianId, Identity, Recipient};
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{
    DomainShare, ExpectedDomain, ParseError, SealedDomain, ShareError,
};

use crate::act::{KEYS, act_begin, act_open, begun, believed, empty, expect, sealed, share};
use crate::host::{Rng, buffer};
use crate::scene::Outcome;
use crate::{scene, window};

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/sealed-domain/", $name))
    };
}

const GOOD: &[u8] = vector!("good.sealed");
const UNSIGNED: &[u8] = vector!("signature-changed.sealed");
const PENDING: &[u8] = vector!("pending.sealed");
const COMMITMENT: &[u8] = vector!("commitment-to-another-key.sealed");
const BODY: &[u8] = vector!("body-under-another-key.sealed");
const ROOT: &[u8] = vector!("root-of-another-domain.sealed");
const CUSTODIANS: [&[u8]; 2] = [vector!("keys/a.p8"), vector!("keys/b.p8")];

#[inline(never)]
#[unsafe(no_mangle)]
fn act_parse(bytes: &'static [u8]) -> Result<SealedDomain<'static>, ParseError> {
    SealedDomain::parse(bytes)
}

scene!(
    /// A file that its domain key has not signed.
    fault_file_signature,
    |wrong, _hsm| {
        let bytes = black_box(if wrong { UNSIGNED } else { GOOD });
        Some(match window!(act_parse(bytes)) {
            Ok(sealed) => Outcome::took_effect(sealed.as_bytes() == bytes),
            Err(_) => Outcome::Refused,
        })
    }
);

pub fn unwrapped(sealed: &SealedDomain<'_>, place: usize) -> Option<DomainShare> {
    let mut key = PrivateKey::from_pkcs8_der(black_box(CUSTODIANS[place])).ok()?;
    let id = key.public_key().id();
    sealed.unwrap_share(id, &mut key, &mut Rng::new(8)).ok()
}

/// Opens one of the vectors with two shares.
fn open(bytes: &'static [u8]) -> Option<Outcome> {
    let sealed = SealedDomain::parse(black_box(bytes)).ok()?;
    let shares = [unwrapped(&sealed, 0)?, unwrapped(&sealed, 1)?];
    let [a, b] = &shares;
    let expect = black_box(ExpectedDomain::unpinned());
    let answer = window!(act_open(&sealed, &expect, &[a, b], buffer(2)));
    Some(match answer {
        Ok(opened) => Outcome::took_effect(opened.artifacts().count() > 0),
        Err(_) => Outcome::Refused,
    })
}

scene!(
    /// A commitment to another key.
    fault_commitment,
    |wrong, _hsm| { open(if wrong { COMMITMENT } else { GOOD }) }
);

scene!(
    /// A body under another key.
    fault_body,
    |wrong, _hsm| { open(if wrong { BODY } else { GOOD }) }
);

scene!(
    /// A root that is not the one of the key that signed.
    fault_root,
    |wrong, _hsm| { open(if wrong { ROOT } else { GOOD }) }
);

scene!(
    /// A session for a pending domain.
    fault_pending,
    |wrong, hsm| {
        let sealed = SealedDomain::parse(black_box(if wrong { PENDING } else { GOOD })).ok()?;
        let domain = empty(hsm)?;
        let expect = black_box(expect(&sealed));
        let answer = window!(act_begin(domain, &sealed, &expect, hsm));
        Some(begun(answer, &sealed))
    }
);

scene!(
    /// A session without an expectation of which the sink hears that it has one.
    fault_pinned_report,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let domain = empty(hsm)?;
        let expect = if wrong {
            ExpectedDomain::unpinned()
        } else {
            expect(&sealed)
        };
        let answer = window!(act_begin(domain, &sealed, &black_box(expect), hsm));
        Some(match begun(answer, &sealed) {
            Outcome::Accepted if !hsm.told_pinned => Outcome::Refused,
            outcome => outcome,
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_accept_share(
    sealed: &SealedDomain<'_>,
    custodian: CustodianId,
    plaintext: &[u8],
) -> Result<DomainShare, ShareError<Infallible>> {
    sealed.accept_share(custodian, plaintext)
}

scene!(
    /// A share that is not the one that was dealt.
    fault_share,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let mut key = KEYS[0].clone();
        let (_, wrapped) = sealed.wrapped_shares().next()?;
        let mut plaintext = [0; 65];
        key.unwrap_key(wrapped.as_bytes(), &[], &mut hsm.rng, &mut plaintext)
            .ok()?;
        if wrong {
            plaintext[64] ^= 1;
        }
        let answer = window!(act_accept_share(&sealed, key.id(), &plaintext));
        Some(match answer {
            Ok(first) => believed(&sealed, &[&first, &share(&sealed, 1)?]),
            Err(_) => Outcome::Refused,
        })
    }
);
