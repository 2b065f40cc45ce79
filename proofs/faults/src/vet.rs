// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a custodian answers, and to whom.

use core::hint::black_box;

use security_domain::contribution::{
    Contribution, Request, RequestDigest, SessionId, SessionPurpose, Verifier, VettedRequest,
    contribute,
};
use security_domain::hazmat::contribution::Asking;
use security_domain::sealed_domain::{
    DomainId, DomainShare, Epoch, ExpectedDomain, InstanceId, LedgerHead, ModuleVersion,
    SealedDomain,
};

use crate::act::{FastKey, KEYS, STRONG_KEYS, expect, sealed, sealed_to, share, share_of};
use crate::host::{Rng, buffer};
use crate::scene::Outcome;
use crate::{scene, window};

const NOW: u64 = 1_790_000_060;

const REQUEST: &[u8] = include_bytes!("../../../tests/vectors/sealed-domain/request-recover.cbor");

/// The request of an HSM for the shares of `sealed`, changed.
fn request(
    sealed: &SealedDomain<'_>,
    change: impl FnOnce(&mut Asking<'_>),
) -> Option<Request<'static>> {
    // The same transfer key.
    let known = Request::parse(black_box(REQUEST)).ok()?;
    let mut asking = Asking {
        purpose: SessionPurpose::Recover,
        session: SessionId::from_bytes([3; 32]),
        header: sealed.header().digest(),
        domain_id: sealed.header().domain_id(),
        epoch: Epoch::FIRST,
        transfer: known.transfer(),
        instance: InstanceId::from_bytes([5; 16]),
        module_version: ModuleVersion::NONE,
        created: 1_790_000_000,
        expires: 1_790_086_400,
        ledger_head: LedgerHead::NONE,
    };
    change(&mut asking);
    asking.write(None, buffer(1)).ok()
}

/// Whether a contribution left.
fn contributed(left: bool, out: &[u8]) -> Outcome {
    if left {
        let end = out.iter().rposition(|&byte| byte != 0).unwrap_or(0);
        // Its length is not known here; the signature's last byte is.
        Outcome::took_effect((end..end + 4).any(|end| {
            out.get(..end)
                .is_some_and(|bytes| Contribution::parse(bytes).is_ok())
        }))
    } else {
        Outcome::Refused
    }
}

/// Whether a vetted request is answered. It stands in each act.
#[inline(always)]
fn answers(
    request: &VettedRequest<'_>,
    sealed: &SealedDomain<'_>,
    share: &DomainShare,
    out: &mut [u8],
) -> bool {
    contribute(
        sealed,
        &expect(sealed),
        request,
        share,
        NOW,
        &mut Rng::new(9),
        out,
    )
    .is_ok()
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_compare(
    request: Request<'static>,
    shown: RequestDigest,
    sealed: &SealedDomain<'_>,
    share: &DomainShare,
    out: &mut [u8],
) -> bool {
    let Ok(request) = VettedRequest::compared(request, shown) else {
        return false;
    };
    answers(&request, sealed, share, out)
}

scene!(
    /// A request other than the one that the HSM showed.
    fault_compared,
    |wrong, _hsm| {
        let sealed = sealed(0)?;
        let request = request(&sealed, |_| ())?;
        let shown = if wrong {
            RequestDigest::from_bytes([0x31; 32])
        } else {
            request.digest()
        };
        let (share, out) = (share(&sealed, 0)?, buffer(2));
        let left = window!(act_compare(request, black_box(shown), &sealed, &share, out));
        Some(contributed(left, out))
    }
);

struct Judge(bool);

impl Verifier for Judge {
    #[inline(never)]
    fn accepts(&self, _: &[u8], _: RequestDigest) -> bool {
        black_box(self.0)
    }
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_attest(
    request: Request<'static>,
    judge: &Judge,
    sealed: &SealedDomain<'_>,
    share: &DomainShare,
    out: &mut [u8],
) -> bool {
    let Ok(request) = VettedRequest::attested(request, b"evidence", judge) else {
        return false;
    };
    answers(&request, sealed, share, out)
}

scene!(
    /// Evidence that the verifier does not accept.
    fault_attested,
    |wrong, _hsm| {
        let sealed = sealed(0)?;
        let request = request(&sealed, |_| ())?;
        let (share, out) = (share(&sealed, 0)?, buffer(2));
        let judge = black_box(Judge(!wrong));
        let left = window!(act_attest(request, &judge, &sealed, &share, out));
        Some(contributed(left, out))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_contribute(
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    request: &VettedRequest<'_>,
    share: &DomainShare,
    now: u64,
    out: &mut [u8],
) -> bool {
    contribute(sealed, expect, request, share, now, &mut Rng::new(9), out).is_ok()
}

fn answer(now: u64, change: impl FnOnce(&mut Asking)) -> Option<Outcome> {
    answer_of(&KEYS, now, change)
}

/// What the first of these custodians answers.
fn answer_of(
    custodians: &[FastKey; 3],
    now: u64,
    change: impl FnOnce(&mut Asking),
) -> Option<Outcome> {
    let sealed = sealed_to(custodians, 0)?;
    let request = request(&sealed, change)?;
    let shown = request.digest();
    let request = VettedRequest::compared(request, shown).ok()?;
    let (share, out) = (share_of(&custodians[0], &sealed)?, buffer(2));
    let expect = black_box(expect(&sealed));
    let left = window!(act_contribute(&sealed, &expect, &request, &share, now, out));
    Some(contributed(left, out))
}

scene!(
    /// A request for another header.
    fault_asked_header,
    |wrong, _hsm| {
        answer(NOW, |asking| {
            if wrong {
                asking.header = security_domain::sealed_domain::HeaderDigest::from_bytes([0x31; 32]);
            }
        })
    }
);

scene!(
    /// A request that names another domain.
    fault_asked_domain,
    |wrong, _hsm| {
        answer(NOW, |asking| {
            if wrong {
                asking.domain_id = DomainId::from_bytes([0x31; 32]);
            }
        })
    }
);

scene!(
    /// A request that has expired.
    fault_asked_expired,
    |wrong, _hsm| { answer(if wrong { 1_790_086_401 } else { NOW }, |_| ()) }
);

scene!(
    /// A request whose transfer key is weaker than what sealed the share.
    fault_asked_weaker,
    |wrong, _hsm| { answer_of(if wrong { &STRONG_KEYS } else { &KEYS }, NOW, |_| ()) }
);
