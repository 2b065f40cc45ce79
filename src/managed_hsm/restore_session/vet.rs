// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vetting: how a custodian knows which collector a request came from.
//!
//! A contributed share can be stolen in one place only: it goes to the owner of the key to which it
//! is wrapped. So a share is contributed only to a [`VettedRequest`].

use core::fmt;

use super::request::Request;
use crate::contribution::{RequestDigest, Verifier};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};

/// A request that is known to come from the right collector.
#[derive(Debug)]
pub struct VettedRequest<'a> {
    request: Request<'a>,
    /// Shows that the request was vetted; tested again where a share is wrapped for it.
    vetted: Permit,
}

impl<'a> VettedRequest<'a> {
    /// Vets a request by comparison: the custodian read `shown` from the collector itself, over a
    /// separate channel from the request. A digest computed from the given request vets nothing.
    ///
    /// # Errors
    ///
    /// [`VetError::OtherRequest`] if the collector showed another request.
    pub fn compared(request: Request<'a>, shown: RequestDigest) -> Result<Self, VetError> {
        let vetted = Verdict::twice(|| eq_bytes(request.digest().as_bytes(), shown.as_bytes()))
            .permit(VetError::OtherRequest {
                have: request.digest(),
                want: shown,
            })?;
        Ok(Self { request, vetted })
    }

    /// Vets a request by attestation: `verifier` accepts `evidence` as an attestation of the
    /// collector, for example an enclave, that contains R.
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

/// Why a request was not vetted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum VetError {
    /// The collector showed another request.
    OtherRequest {
        /// The given request.
        have: RequestDigest,
        /// The request that the collector showed.
        want: RequestDigest,
    },
    /// The verifier does not accept the evidence for this request.
    Evidence,
}

impl fmt::Display for VetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRequest { have, want } => {
                write!(f, "this is request {have}; the collector showed {want}")
            }
            Self::Evidence => f.write_str("the attestation is not accepted for this request"),
        }
    }
}

impl core::error::Error for VetError {}
