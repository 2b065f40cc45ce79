// SPDX-License-Identifier: MIT OR Apache-2.0
//! One custodian, alone, sends a share to the HSM that asked for it.

use core::fmt;
use core::hint::black_box;

use minicbor::Encoder;

use super::answer::{Contribution, context, encode, encoded_len, statement};
use super::request::{MAX_TRANSFERRED_LEN, Request};
use super::vet::VettedRequest;
use crate::burn::{self, burning};
use crate::ct::{Mask, declassify_bytes, eq_bytes};
use crate::custodian::{Algorithm, CustodianId, Recipient, WrapError};
use crate::hardened::{Permit, Verdict};
use crate::rng::{Erased, Generator};
use crate::sealed_domain::{
    DomainId, DomainShare, Epoch, ExpectError, ExpectedDomain, Header, HeaderDigest,
    NeedsNewerModule, SealedDomain,
};
use crate::wrapped_share::{PLAINTEXT_LEN, WrappedShare, wrap};

#[cfg(test)]
mod tests;

/// Returns the length of a contribution to `request`; at most [`Contribution::MAX_LEN`].
pub fn contribution_len(request: &Request<'_>) -> usize {
    encoded_len(request.transfer().algorithm().wrapped_len(PLAINTEXT_LEN))
}

/// Wraps `share` for the HSM that asked, and returns the contribution as read back from the front
/// of `out`. On an error `out` is left empty.
///
/// Refuses, in this order: a sealed domain that is not the expected one; a request for another
/// header, domain or epoch; an HSM whose firmware is too old for the
/// domain; a request that has expired at `now`, in Unix seconds, 0 if there is no clock; a share of another header; a transfer key of a weaker
/// kind than the one that the share was sealed to.
///
/// Secret: the share. Public: everything else, the contribution. Leaks: nothing else.
///
/// # Errors
///
/// Fails for each reason in [`ContributeError`].
///
/// ```
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::from_seed([1; 32]);
/// # let mut my_key = security_domain::rsa::PrivateKey::from_pkcs8_der(KEY)?;
/// use security_domain::custodian::Recipient;
/// use security_domain::sealed_domain::{Epoch, ExpectedDomain, SealedDomain};
/// use security_domain::contribution::{Contribution, Request, VettedRequest, contribute};
///
/// // The custodian noted the domain when it was activated.
/// # let domain_id = SealedDomain::parse(SEALED)?.header().domain_id();
/// let expect = ExpectedDomain::new(domain_id, Epoch::FIRST);
/// let sealed = SealedDomain::parse(SEALED)?;
/// let me = my_key.public_key().id();
/// let share = sealed.unwrap_share(me, &mut my_key, &mut rng)?;
///
/// // The request came by mail; the digest was read from the HSM itself.
/// # let shown = Request::parse(REQUEST)?.digest();
/// let request = VettedRequest::compared(Request::parse(REQUEST)?, shown)?;
/// let (now, mut out) = (1_790_000_060, [0; Contribution::MAX_LEN]);
/// let contribution = contribute(&sealed, &expect, &request, &share, now, &mut rng, &mut out)?;
/// assert_eq!(contribution.request(), shown);
/// # const SEALED: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/good.sealed");
/// # const REQUEST: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/request-recover.cbor");
/// # const KEY: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/keys/a.p8");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A request that was not vetted gets no share; this does not compile:
///
/// ```compile_fail,E0308
/// # use rand_core::TryCryptoRng;
/// use security_domain::sealed_domain::{DomainShare, ExpectedDomain, SealedDomain};
/// use security_domain::contribution::{Request, contribute};
///
/// fn answer<R: TryCryptoRng>(
///     sealed: &SealedDomain,
///     expect: &ExpectedDomain,
///     request: &Request,
///     share: &DomainShare,
///     rng: &mut R,
/// ) {
///     contribute(sealed, expect, request, share, 0, rng, &mut [0; 1024]);
/// }
/// ```
pub fn contribute<'o, R: Generator + ?Sized>(
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    request: &VettedRequest<'_>,
    share: &DomainShare,
    now: u64,
    rng: &mut R,
    out: &'o mut [u8],
) -> Result<Contribution<'o>, ContributeError> {
    // Each comparison uses its own copy of the time.
    let now_again = black_box(now);
    burning::<{ burn::SEALING }, _>(move || {
        let (header, asked) = (sealed.header(), request.request());
        let permit = expect
            .permit(header)
            .map_err(ContributeError::Expect)?
            .and(check_request(header, asked)?)
            .and(check_module(header, asked)?)
            .and(check_time(asked, now)?)
            .and(check_time(asked, now_again)?)
            .and(check_share(header, share)?)
            // Both evaluations use the same pointer to the request.
            .and(check_strength(header, asked, share)?)
            .and(check_strength(header, black_box(asked), share)?);
        let needed = contribution_len(asked);
        let out = out
            .get_mut(..needed)
            .ok_or(ContributeError::BufferTooSmall { needed })?;
        write(sealed, request, share, permit, rng, out).inspect_err(|_| out.fill(0))?;
        Contribution::parse(out).map_err(|_| ContributeError::Fault)
    })
}

/// Returns a permit if the request is about this header.
fn check_request(header: &Header<'_>, request: &Request<'_>) -> Result<Permit, ContributeError> {
    let same_header =
        Verdict::twice(|| eq_bytes(request.header().as_bytes(), header.digest().as_bytes()))
            .permit(ContributeError::OtherHeader {
                have: request.header(),
                want: header.digest(),
            })?;
    let same_domain = Verdict::twice(|| {
        eq_bytes(
            request.domain_id().as_bytes(),
            header.domain_id().as_bytes(),
        )
    })
    .permit(ContributeError::OtherDomain {
        have: request.domain_id(),
        want: header.domain_id(),
    })?;
    let same_epoch = Verdict::twice(|| Mask::eq(request.epoch().get(), header.epoch().get()))
        .permit(ContributeError::OtherEpoch {
            have: request.epoch(),
            want: header.epoch(),
        })?;
    Ok(same_header.and(same_domain).and(same_epoch))
}

/// Returns a permit if the HSM that asks can use the domain.
fn check_module(header: &Header<'_>, request: &Request<'_>) -> Result<Permit, ContributeError> {
    { header.module_floor() }
        .permit(request.module_version())
        .map_err(ContributeError::NeedsNewerModule)
}

/// Returns a permit if there is time left, which holds without a clock or an expiry.
#[inline(never)]
fn check_time(request: &Request<'_>, now: u64) -> Result<Permit, ContributeError> {
    let expires = || request.expires().map_or(u64::MAX, |expires| expires.get());
    Verdict::twice(|| Mask::public(now <= expires())).permit(ContributeError::Expired {
        expires: expires(),
        now,
    })
}

/// Returns a permit if the share belongs to this header.
fn check_share(header: &Header<'_>, share: &DomainShare) -> Result<Permit, ContributeError> {
    share.check_of(header, ContributeError::ForeignShare(share.custodian()))
}

/// Returns a permit if the transfer key is at least as strong as the key that the share was sealed
/// to.
#[inline(never)]
fn check_strength(
    header: &Header<'_>,
    request: &Request<'_>,
    share: &DomainShare,
) -> Result<Permit, ContributeError> {
    let sealed = || header.custodian(share.index()).map(|of| of.algorithm);
    let transfer = || request.transfer().algorithm();
    Verdict::twice(|| match sealed() {
        Some(sealed) => Mask::public(transfer().is_as_strong_as(sealed)),
        None => Mask::public(false),
    })
    .permit(match sealed() {
        Some(sealed) => ContributeError::WeakerKey {
            transfer: transfer(),
            sealed,
        },
        None => ContributeError::ForeignShare(share.custodian()),
    })
}

/// Wraps the share, checks the result and writes it. The decisions taken so far, including that the
/// request was vetted, are tested again before the share is wrapped and before anything is written.
///
/// Secret: the share. Public: everything else, `out`. Leaks: nothing else.
fn write<R: Generator + ?Sized>(
    sealed: &SealedDomain<'_>,
    vetted: &VettedRequest<'_>,
    share: &DomainShare,
    permit: Permit,
    rng: &mut R,
    out: &mut [u8],
) -> Result<(), ContributeError> {
    let request = vetted.request();
    let (digest, index, transfer) = (request.digest(), share.index(), request.transfer());
    let mut wrapped = [0; MAX_TRANSFERRED_LEN];
    let wrapped = wrapped
        .get_mut(..transfer.algorithm().wrapped_len(PLAINTEXT_LEN))
        .ok_or(ContributeError::Fault)?;
    let context = context(&digest, index);
    permit.test(ContributeError::Fault)?;
    vetted.check(ContributeError::Fault)?;
    let hidden =
        wrap(share.share(), &context, &transfer, rng, wrapped).map_err(ContributeError::Wrap)?;
    // From here on the wrapped share is public: it is signed and leaves.
    declassify_bytes(wrapped);
    let wrapped = WrappedShare::from_bytes(wrapped);
    let signature = statement(&digest, &wrapped)
        .sign(sealed, share, &mut Erased(rng))
        .map_err(|_| ContributeError::Fault)?;
    permit.and(hidden).spend(ContributeError::Fault)?;
    vetted.check(ContributeError::Fault)?;
    let mut encoder = Encoder::new(out);
    encode(digest, index, wrapped.as_bytes(), &signature, &mut encoder)
        .map_err(|_| ContributeError::Fault)
}

/// Why a custodian's contribution was refused. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ContributeError {
    /// The sealed domain is not the expected one.
    Expect(ExpectError),
    /// The request asks for the shares of another header.
    OtherHeader {
        /// The header that the request asks for.
        have: HeaderDigest,
        /// The header of the given sealed domain.
        want: HeaderDigest,
    },
    /// The request names another domain.
    OtherDomain {
        /// The domain that the request names.
        have: DomainId,
        /// The domain of the given sealed domain.
        want: DomainId,
    },
    /// The request names another epoch.
    OtherEpoch {
        /// The epoch that the request names.
        have: Epoch,
        /// The epoch of the given sealed domain.
        want: Epoch,
    },
    /// The firmware of the HSM that asks is older than the sealed domain allows.
    NeedsNewerModule(NeedsNewerModule),
    /// The request has expired.
    Expired {
        /// When the request expired.
        expires: u64,
        /// The time now.
        now: u64,
    },
    /// The share does not belong to this header.
    ForeignShare(CustodianId),
    /// The transfer key is of a weaker kind than the key that the share was sealed to.
    WeakerKey {
        /// The kind of the transfer key.
        transfer: Algorithm,
        /// The kind of the custodian's key.
        sealed: Algorithm,
    },
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// Wrapping to the transfer key failed.
    Wrap(WrapError),
    /// The result failed the check that follows: a hardware fault or a bug in this crate.
    Fault,
}

impl fmt::Display for ContributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect(error) => error.fmt(f),
            Self::OtherHeader { have, want } => {
                write!(f, "the request asks for header {have}, not {want}")
            }
            Self::OtherDomain { have, want } => {
                write!(f, "the request names domain {have}, not {want}")
            }
            Self::OtherEpoch { have, want } => {
                write!(f, "the request names epoch {have}, not {want}")
            }
            Self::NeedsNewerModule(error) => error.fmt(f),
            Self::Expired { expires, now } => {
                write!(f, "the request expired at {expires}; it is {now}")
            }
            Self::ForeignShare(id) => {
                write!(
                    f,
                    "the share of custodian {id} belongs to another domain or epoch"
                )
            }
            Self::WeakerKey { transfer, sealed } => write!(
                f,
                "the transfer key is {transfer}, weaker than the custodian's {sealed}"
            ),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Wrap(_) => f.write_str("wrapping to the transfer key failed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for ContributeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Expect(error) => error.source(),
            Self::NeedsNewerModule(error) => error.source(),
            Self::Wrap(error) => Some(error),
            _ => None,
        }
    }
}
