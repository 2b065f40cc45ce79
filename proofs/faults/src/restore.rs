// SPDX-License-Identifier: MIT OR Apache-2.0
//! Restore sessions and drills of Azure files: what a custodian answers, what a collector takes and
//! to whom it seals, and whose key a response proves.

use core::convert::Infallible;
use core::hint::black_box;

use security_domain::contribution::RequestDigest;
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::hazmat::managed_hsm::Asking;
use security_domain::managed_hsm::FileDigest;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::drill::{self, Challenge, Response};
use security_domain::managed_hsm::restore_session::{
    Collector, Contribution, Request, VettedRequest, contribute,
};
use security_domain::rng::Generator;
use security_domain::x509::{Certificate, Thumbprint};

use crate::host::{Rng, buffer};
use crate::scene::Outcome;
use crate::{scene, window};

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/", $name))
    };
}

const NOW: u64 = 1_790_000_060;

/// A domain file, its first custodian's place in it by thumbprint, and what that key unwraps there.
struct Of {
    text: &'static [u8],
    custodian: [u8; 32],
    content_key: [u8; 64],
}

const OF: Of = Of {
    text: vector!("managed-hsm/valid/v01-2of3-2048/sd.json"),
    custodian: hex("dfe1614113397215cca9417dcb2c425611260b7632fb28f53783dcdb7c692d34"),
    content_key: hex(concat!(
        "b813ff11a863f2139f8ebae74e8caacb1b16f428b93415c8d3d9501b5344d48d",
        "921a5531ff5b1bf73494396966cac028195e8a578df1c513021ddfcd92578036"
    )),
};

/// One whose custodians have keys of 3072 bits.
const STRONG: Of = Of {
    text: vector!("managed-hsm/valid/v02-2of3-3072/sd.json"),
    custodian: hex("20594120960f763ea253a5354045b25b8193247fc707154d894b1a7ae9f908d8"),
    content_key: hex(concat!(
        "4ecaa70d9ae96e1b4d5d3deb37961e50a906e20d37bcb8aa492f0e154956aa2e",
        "fcac83ed1c5ec078825a2694d9e47dcf5145e610c43c38f201683ef15f479626"
    )),
};

/// The shares of the first two custodians.
const WORDS: [[u8; 64]; 2] = [
    hex(concat!(
        "3d029d02f102fd02fd029b02770294028e02a4027802f8021f028002a5029b02",
        "ed02df02d7025d02ba024802d60270027802f90253024f027e0284025a02e002"
    )),
    hex(concat!(
        "e104af0486043404a604630421042b042f04c4047f04f50492048a042604a904",
        "3404e004dd04a504ef048204b4042b04d904bf04c704ad043704aa0469043804"
    )),
];

const GIVEN: [&[u8]; 2] = [
    vector!("restore-session/contribution-of-custodian-0.cbor"),
    vector!("restore-session/contribution-of-custodian-1.cbor"),
];
const REQUEST: &[u8] = vector!("restore-session/request-good.cbor");
const CERTIFICATE: &[u8] = vector!("rsa/keys/2048.cer.der");

const CHALLENGE: &[u8] = vector!("file-drill/challenge-good.cbor");
const RESPONSE: &[u8] = vector!("file-drill/response-of-custodian-0.cbor");
const WITHOUT_KEY: &[u8] = vector!("file-drill/response-made-without-the-key.cbor");

const fn hex<const N: usize>(text: &str) -> [u8; N] {
    const fn digit(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit - b'a' + 10,
        }
    }
    let (text, mut bytes, mut at) = (text.as_bytes(), [0; N], 0);
    while at < N {
        bytes[at] = digit(text[2 * at]) << 4 | digit(text[2 * at + 1]);
        at += 1;
    }
    bytes
}

/// A key that gives what it unwrapped elsewhere: in place of a content key, which is bound to
/// nothing, these bytes, and of what is bound to a context these behind the context, or behind
/// another one.
struct Canned {
    content_key: [u8; 64],
    bound: [u8; 64],
    bound_len: usize,
    elsewhere: bool,
}

impl Identity for Canned {
    type Error = Infallible;

    #[inline(never)]
    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        _: &[u8],
        context: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        let bound = self
            .bound
            .get(..self.bound_len)
            .ok_or(UnwrapError::Opaque)?;
        let parts = match context {
            [] => [&self.content_key[..], &[]],
            context => [context, bound],
        };
        let len = parts[0].len() + parts[1].len();
        let out = out.get_mut(..len).ok_or(UnwrapError::Opaque)?;
        for (to, from) in out.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        if self.elsewhere && !context.is_empty() {
            out[0] ^= 1;
        }
        Ok(len)
    }
}

/// A custodian's key that has this content key.
fn key(of: &Of) -> Canned {
    Canned {
        content_key: of.content_key,
        bound: [0; 64],
        bound_len: 0,
        elsewhere: false,
    }
}

/// A session's key that unwraps the words of a share.
fn session_key(words: [u8; 64]) -> Canned {
    Canned {
        content_key: [0; 64],
        bound: words,
        bound_len: 64,
        elsewhere: false,
    }
}

/// A request for the shares of `file`, changed.
fn request(
    file: &DomainFile<'_>,
    out: &'static mut [u8],
    change: impl FnOnce(&mut Asking<'_>),
) -> Option<Request<'static>> {
    let known = Request::parse(black_box(REQUEST)).ok()?;
    let mut asking = Asking {
        session: known.session(),
        file: file.digest(),
        transfer: Thumbprint::of(CERTIFICATE),
        key: known.key(),
        created: 1_790_000_000,
        expires: 1_790_086_400,
    };
    change(&mut asking);
    asking.write(out).ok()
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_contribute_restore(
    file: &DomainFile<'_>,
    request: Request<'static>,
    shown: RequestDigest,
    custodian: &Thumbprint,
    key: &mut Canned,
    now: u64,
    out: &mut [u8],
) -> bool {
    let Ok(request) = VettedRequest::compared(request, shown) else {
        return false;
    };
    let rng = &mut Rng::new(9);
    contribute(file, &request, custodian, key, now, rng, out).is_ok()
}

/// What the first custodian of a file answers.
fn answered(
    of: &Of,
    now: u64,
    shown: Option<RequestDigest>,
    change: impl FnOnce(&mut Asking<'_>),
) -> Option<Outcome> {
    let file = DomainFile::parse(black_box(of.text)).ok()?;
    let request = request(&file, buffer(1), change)?;
    let shown = black_box(shown.unwrap_or(request.digest()));
    let (custodian, out) = (Thumbprint::new(of.custodian), buffer(2));
    let mut key = black_box(key(of));
    let left = window!(act_contribute_restore(
        &file, request, shown, &custodian, &mut key, now, out
    ));
    Some(match left {
        // 256 bytes are wrapped, with heads, a digest and a thumbprint before them.
        true => Outcome::took_effect(Contribution::parse(out.get(..329)?).is_ok()),
        false => Outcome::Refused,
    })
}

scene!(
    /// A request other than the one that the collector showed.
    fault_restore_compared,
    |wrong, _hsm| {
        let shown = wrong.then_some(RequestDigest::from_bytes([0x31; 32]));
        answered(&OF, NOW, shown, |_| ())
    }
);

scene!(
    /// A request for the shares of another file.
    fault_restore_file,
    |wrong, _hsm| {
        answered(&OF, NOW, None, |asking| {
            if wrong {
                asking.file = FileDigest::from_bytes([0x31; 32]);
            }
        })
    }
);

scene!(
    /// A request to seal the domain to a custodian.
    fault_restore_to_custodian,
    |wrong, _hsm| {
        answered(&OF, NOW, None, |asking| {
            if wrong {
                asking.transfer = Thumbprint::new(OF.custodian);
            }
        })
    }
);

scene!(
    /// A request that has expired.
    fault_restore_expired,
    |wrong, _hsm| {
        answered(&OF, NOW, None, |asking| {
            if wrong {
                asking.expires = NOW - 1;
            }
        })
    }
);

scene!(
    /// A session's key that is weaker than the custodian's.
    fault_restore_weaker,
    |wrong, _hsm| {
        answered(if wrong { &STRONG } else { &OF }, NOW, None, |_| ())
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_collect(
    collector: &mut Collector<'_>,
    contribution: &Contribution<'_>,
    key: &mut Canned,
    now: u64,
) -> bool {
    let rng = &mut Rng::new(9);
    collector.add(contribution, key, now, rng).is_ok()
}

/// Whether a collector takes the contribution of the first custodian.
fn collected(
    wrong_session: bool,
    elsewhere: bool,
    change: impl FnOnce(&mut Asking<'_>),
) -> Option<Outcome> {
    let file = DomainFile::parse(black_box(OF.text)).ok()?;
    let request = request(&file, buffer(1), change)?;
    let given = renamed(GIVEN[0], &request, buffer(2), wrong_session)?;
    let mut collector = Collector::new(&file, request).ok()?;
    let mut key = session_key(WORDS[0]);
    key.elsewhere = black_box(elsewhere);
    let taken = window!(act_collect(&mut collector, &given, &mut key, NOW));
    Some(match taken {
        true => Outcome::took_effect(collector.contributors().count() == 1),
        false => Outcome::Refused,
    })
}

/// A contribution to this request: the digest stands behind the head, the version and its own head.
fn renamed(
    given: &[u8],
    request: &Request<'_>,
    out: &'static mut [u8],
    wrong: bool,
) -> Option<Contribution<'static>> {
    let out = out.get_mut(..given.len())?;
    out.copy_from_slice(given);
    out.get_mut(4..36)?
        .copy_from_slice(request.digest().as_bytes());
    if wrong {
        out[4] ^= 1;
    }
    Contribution::parse(out).ok()
}

scene!(
    /// A contribution to another session.
    fault_restore_session,
    |wrong, _hsm| { collected(wrong, false, |_| ()) }
);

scene!(
    /// A contribution to a session that has expired.
    fault_restore_late,
    |wrong, _hsm| {
        collected(false, false, |asking| {
            if wrong {
                asking.expires = NOW - 1;
            }
        })
    }
);

scene!(
    /// A contribution that opens, and is bound to another request.
    fault_restore_bound,
    |wrong, _hsm| { collected(false, wrong, |_| ()) }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_restore(collector: &Collector<'_>, transfer: &Certificate<'_>, out: &mut [u8]) -> usize {
    let rng = &mut Rng::new(9);
    let restored = collector.restore(transfer, NOW, rng, out);
    restored.map_or(0, |restored| restored.len())
}

scene!(
    /// A transfer certificate other than the one that the request names.
    fault_restore_transfer,
    |wrong, _hsm| {
        let file = DomainFile::parse(black_box(OF.text)).ok()?;
        let request = request(&file, buffer(1), |asking| {
            if wrong {
                asking.transfer = Thumbprint::new([0x31; 32]);
            }
        })?;
        let (first, second) = buffer(2).split_at_mut(2048);
        let mut collector = Collector::new(&file, request.clone()).ok()?;
        for ((given, words), out) in GIVEN.iter().zip(WORDS).zip([first, second]) {
            let given = renamed(given, &request, out, false)?;
            let (mut key, rng) = (session_key(words), &mut Rng::new(9));
            collector.add(&given, &mut key, NOW, rng).ok()?;
        }
        let transfer = Certificate::parse(black_box(CERTIFICATE)).ok()?;
        let mut blob = [0; 8192];
        let len = window!(act_restore(&collector, &transfer, &mut blob));
        Some(match len {
            0 => Outcome::Refused,
            len => Outcome::took_effect(blob.get(len - 1) == Some(&b'}')),
        })
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_verify_file(response: &Response<'_>, file: &DomainFile<'_>, to: &Challenge<'_>) -> bool {
    response.verify(file, to).is_ok()
}

/// Whether a response is taken for the first custodian's, as an answer to this challenge.
fn verified(response: &'static [u8], challenge: &'static [u8]) -> Option<Outcome> {
    let file = DomainFile::parse(black_box(OF.text)).ok()?;
    let challenge = Challenge::parse(black_box(challenge)).ok()?;
    let response = Response::parse(black_box(response)).ok()?;
    Some(
        match window!(act_verify_file(&response, &file, &challenge)) {
            true => Outcome::Accepted,
            false => Outcome::Refused,
        },
    )
}

scene!(
    /// A response of somebody who has not the key.
    fault_file_drill_without_key,
    |wrong, _hsm| { verified(if wrong { WITHOUT_KEY } else { RESPONSE }, CHALLENGE) }
);

scene!(
    /// A response to another challenge.
    fault_file_drill_replayed,
    |wrong, _hsm| {
        // The same values, made a second later or before: only the digest is another.
        let other = buffer(1).get_mut(..CHALLENGE.len())?;
        other.copy_from_slice(CHALLENGE);
        *other.get_mut(74)? ^= u8::from(wrong);
        verified(RESPONSE, other)
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_respond(
    file: &DomainFile<'_>,
    challenge: &Challenge<'_>,
    custodian: &Thumbprint,
    key: &mut Canned,
    out: &mut [u8],
) -> bool {
    let rng = &mut Rng::new(9);
    drill::respond(file, challenge, custodian, key, rng, out).is_ok()
}

scene!(
    /// A challenge with something else than a value, such as a content key, which is not bound to
    /// the challenge.
    fault_file_drill_unbound,
    |wrong, _hsm| {
        let file = DomainFile::parse(black_box(OF.text)).ok()?;
        let challenge = Challenge::parse(black_box(CHALLENGE)).ok()?;
        let mut key = key(&OF);
        let value = black_box(RESPONSE).last_chunk::<32>()?;
        key.bound.first_chunk_mut::<32>()?.copy_from_slice(value);
        (key.bound_len, key.elsewhere) = black_box((32, wrong));
        let (custodian, out) = (Thumbprint::new(OF.custodian), buffer(2));
        let left = window!(act_respond(&file, &challenge, &custodian, &mut key, out));
        Some(match left {
            true => Outcome::took_effect(out.get(Response::LEN - 32..Response::LEN)? == value),
            false => Outcome::Refused,
        })
    }
);
