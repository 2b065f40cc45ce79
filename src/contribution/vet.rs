// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vetting: how a custodian knows where a request came from.
//!
//! A custodian's share can be stolen in one place only: it goes to the owner of the transfer key to
//! which it is wrapped. So a share is contributed only to a [`VettedRequest`], and there are three
//! ways to make one. A request to recover allows two of them: no opening rests on a signature
//! alone.

use core::fmt;

use super::id::RequestDigest;
use super::request::{Request, signed_digest};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};
use crate::sealed_domain::{DomainId, SealedDomain};

/// A request that is known to come from the right HSM.
#[derive(Debug)]
pub struct VettedRequest<'a> {
    request: Request<'a>,
    /// Shows that the request was vetted; tested again where a share is wrapped for it.
    vetted: Permit,
}

impl<'a> VettedRequest<'a> {
    /// Vets a request by comparison: the custodian read `shown` from the HSM itself, over a
    /// separate channel from the request. A digest computed from the given request vets nothing.
    ///
    /// # Errors
    ///
    /// [`VetError::OtherRequest`] if the HSM showed another request.
    pub fn compared(request: Request<'a>, shown: RequestDigest) -> Result<Self, VetError> {
        let vetted = Verdict::twice(|| eq_bytes(request.digest().as_bytes(), shown.as_bytes()))
            .permit(VetError::OtherRequest {
                have: request.digest(),
                want: shown,
            })?;
        Ok(Self { request, vetted })
    }

    /// Vets a request by attestation: `verifier` accepts `evidence` as an attestation of the HSM
    /// that contains R.
    ///
    /// # Errors
    ///
    /// [`VetError::Evidence`] if `verifier` does not accept `evidence` for this request.
    pub fn attested<V: Verifier>(
        request: Request<'a>,
        evidence: &[u8],
        verifier: &V,
    ) -> Result<Self, VetError> {
        let accepts = || verifier.accepts(evidence, request.digest());
        let vetted = Verdict::twice(|| Mask::public(accepts())).permit(VetError::Evidence)?;
        Ok(Self { request, vetted })
    }

    /// Vets a request by signature: the key of the domain of `sealed` signed it, so an active HSM
    /// of that domain asks. Such an HSM asks to rotate or to rehearse; a request to recover is
    /// refused even if it is signed.
    ///
    /// `sealed` cannot prove which domain that is; [`contribute`](super::contribute) compares it
    /// with the expected one. This way relies on Ed25519 alone. Compare digests instead if its
    /// signatures may be forged, as by a quantum computer.
    ///
    /// # Errors
    ///
    /// - [`VetError::OtherDomain`]: the request names another domain.
    /// - [`VetError::SignedRecovery`]: the request is to recover.
    /// - [`VetError::Unsigned`]: the request has no signature.
    /// - [`VetError::Signature`]: the domain key did not make the signature.
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

    /// Returns a request that is vetted as far as `vetted` says.
    #[cfg(test)]
    pub(super) const fn with(request: Request<'a>, vetted: Permit) -> Self {
        Self { request, vetted }
    }

    /// Returns the request.
    pub const fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// Tests again that the request was vetted.
    #[inline(always)]
    pub(super) fn check<E>(&self, refusal: E) -> Result<(), E> {
        self.vetted.test(refusal)
    }
}

/// Verifies an HSM's attestation. The caller implements it for the manufacturer's format and keys.
pub trait Verifier {
    /// Returns whether `evidence` is an attestation by a trusted HSM and firmware that contains
    /// `request`. Called twice; the answers must agree.
    fn accepts(&self, evidence: &[u8], request: RequestDigest) -> bool;
}

/// Why a request was not vetted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum VetError {
    /// The HSM showed another request.
    OtherRequest {
        /// The given request.
        have: RequestDigest,
        /// The request that the HSM showed.
        want: RequestDigest,
    },
    /// The verifier does not accept the evidence for this request.
    Evidence,
    /// The request is about another domain.
    OtherDomain {
        /// The domain that the request names.
        have: DomainId,
        /// The domain whose key should have signed.
        want: DomainId,
    },
    /// The request has no signature.
    Unsigned,
    /// The domain key did not make this signature over this request.
    Signature,
    /// The request is to recover, and a signature does not vet that: the custodian must read R from
    /// the HSM itself, or verify its attestation.
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
