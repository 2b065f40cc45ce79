// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vetting: knowing where a request came from.
//!
//! A custodian can be robbed in one place only: whoever's transfer key he wraps his share to gets it.
//! So a share is contributed to a [`VettedRequest`], and there are three ways to one. A request to
//! recover has two of them: no opening rests on a signature alone.

use core::fmt;

use super::id::RequestDigest;
use super::request::{Request, signed_digest};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};
use crate::sealed_domain::{DomainId, SealedDomain};

/// A request that is known to come from the HSM that it should come from.
#[derive(Debug)]
pub struct VettedRequest<'a> {
    request: Request<'a>,
    /// That it was vetted, tested again where a share is wrapped for it.
    vetted: Permit,
}

impl<'a> VettedRequest<'a> {
    /// The custodian read `shown` from the HSM itself, by a way that the request did not take. A digest
    /// computed from the request at hand vets nothing.
    pub fn compared(request: Request<'a>, shown: RequestDigest) -> Result<Self, VetError> {
        let vetted = Verdict::twice(|| eq_bytes(request.digest().as_bytes(), shown.as_bytes()))
            .permit(VetError::OtherRequest {
                have: request.digest(),
                want: shown,
            })?;
        Ok(Self { request, vetted })
    }

    /// `verifier` accepts `evidence` as an attestation of the HSM, with R inside.
    pub fn attested<V: Verifier>(
        request: Request<'a>,
        evidence: &[u8],
        verifier: &V,
    ) -> Result<Self, VetError> {
        let accepts = || verifier.accepts(evidence, request.digest());
        let vetted = Verdict::twice(|| Mask::public(accepts())).permit(VetError::Evidence)?;
        Ok(Self { request, vetted })
    }

    /// The request is signed by the key of the domain of `sealed`: an active HSM of that domain asks. It
    /// asks to rotate or to rehearse; a request to recover is refused, whoever signed it.
    ///
    /// Which domain that is, `sealed` cannot prove; [`contribute`](super::contribute) compares with what
    /// is expected. This way rests on Ed25519 alone. Who fears that its signatures may be forged, as by a
    /// quantum computer, compares digests.
    pub fn signed(request: Request<'a>, sealed: &SealedDomain<'_>) -> Result<Self, VetError> {
        let header = sealed.header();
        let named = Verdict::twice(|| {
            eq_bytes(
                request.domain_id().as_bytes(),
                header.domain_id().as_bytes(),
            )
        })
        .permit(VetError::OtherDomain {
            have: request.domain_id(),
            want: header.domain_id(),
        })?;
        let signature = request.signature.ok_or(VetError::Unsigned)?;
        let signed = Verdict::twice(|| {
            let digest = signed_digest(&request.digest());
            header.domain_key().verifies(&digest, signature)
        })
        .permit(VetError::Signature)?;
        let purpose =
            Verdict::twice(|| !request.is_for_recovery()).permit(VetError::SignedRecovery)?;
        Ok(Self {
            request,
            vetted: named.and(signed).and(purpose),
        })
    }

    /// A request that is vetted as far as `vetted` says.
    #[cfg(test)]
    pub(super) const fn with(request: Request<'a>, vetted: Permit) -> Self {
        Self { request, vetted }
    }

    /// The request.
    pub const fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// Tests again that it was vetted.
    #[inline(always)]
    pub(super) fn check<E>(&self, refusal: E) -> Result<(), E> {
        self.vetted.test(refusal)
    }
}

/// What can tell an HSM's attestation from anything else: the caller's, who knows the maker's format and
/// keys.
pub trait Verifier {
    /// Whether `evidence` is an attestation, by an HSM and firmware that are trusted, that carries
    /// `request`. Asked twice, with the same answer unless the machine erred.
    fn accepts(&self, evidence: &[u8], request: RequestDigest) -> bool;
}

/// Why a request is not vetted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VetError {
    /// The HSM showed another request.
    OtherRequest {
        /// The one at hand.
        have: RequestDigest,
        /// The one that the HSM showed.
        want: RequestDigest,
    },
    /// The verifier does not accept the evidence for this request.
    Evidence,
    /// The request is about another domain.
    OtherDomain {
        /// The one that the request names.
        have: DomainId,
        /// The one that should have signed.
        want: DomainId,
    },
    /// The request has no signature.
    Unsigned,
    /// The signature is not the domain key's for this request.
    Signature,
    /// The request is to recover, and a signature does not vet that: the custodian reads R from the HSM
    /// itself, or verifies its attestation.
    SignedRecovery,
}

impl fmt::Display for VetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRequest { have, want } => {
                write!(f, "this is request {have}; the HSM showed {want}")
            }
            Self::Evidence => f.write_str("the attestation is not accepted for this request"),
            Self::OtherDomain { have, want } => {
                write!(f, "the request is about domain {have}, not {want}")
            }
            Self::Unsigned => f.write_str("the request has no signature"),
            Self::Signature => f.write_str("the request's signature is not the domain's"),
            Self::SignedRecovery => f.write_str("a signature does not vet a request to recover"),
        }
    }
}

impl core::error::Error for VetError {}
