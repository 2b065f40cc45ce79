// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vetting: knowing where a request came from.
//!
//! A custodian can be robbed in one place only: whoever's transfer key he wraps his share to gets it.
//! So a share is contributed to a [`VettedRequest`], and there are three ways to one.

use core::fmt;

use super::id::RequestDigest;
use super::request::{Request, signed_digest};
use crate::ct::{Mask, eq_bytes};
use crate::domain::{DomainId, SealedDomain};
use crate::hardened::Verdict;

/// A request that is known to come from the HSM that it should come from.
#[derive(Clone, Debug)]
pub struct VettedRequest<'a>(Request<'a>);

impl<'a> VettedRequest<'a> {
    /// The custodian read `shown` from the HSM itself, by a way that the request did not take. A digest
    /// computed from the request at hand vets nothing.
    pub fn compared(request: Request<'a>, shown: RequestDigest) -> Result<Self, VetError> {
        let (have, want) = (request.digest(), shown);
        Verdict::twice(|| eq_bytes(have.as_bytes(), want.as_bytes()))
            .or(VetError::OtherRequest { have, want })?;
        Ok(Self(request))
    }

    /// `verifier` accepts `evidence` as an attestation of the HSM, with R inside.
    pub fn attested<V: Verifier>(
        request: Request<'a>,
        evidence: &[u8],
        verifier: &V,
    ) -> Result<Self, VetError> {
        let accepts = || verifier.accepts(evidence, request.digest());
        Verdict::twice(|| Mask::public(accepts())).or(VetError::Evidence)?;
        Ok(Self(request))
    }

    /// The request is signed by the key of the domain of `sealed`: an active HSM of that domain asks.
    ///
    /// Which domain that is, `sealed` cannot prove; [`contribute`](super::contribute) compares with what
    /// is expected. This way rests on Ed25519 alone. Who fears that its signatures may be forged, as by a
    /// quantum computer, compares digests.
    pub fn signed(request: Request<'a>, sealed: &SealedDomain<'_>) -> Result<Self, VetError> {
        let header = sealed.header();
        let (have, want) = (request.domain_id(), header.domain_id());
        Verdict::twice(|| eq_bytes(have.as_bytes(), want.as_bytes()))
            .or(VetError::OtherDomain { have, want })?;
        let signature = request.signature.ok_or(VetError::Unsigned)?;
        Verdict::twice(|| {
            let digest = signed_digest(&request.digest());
            header.domain_key().verifies(&digest, signature)
        })
        .or(VetError::Signature)?;
        Ok(Self(request))
    }

    /// The request.
    pub const fn request(&self) -> &Request<'a> {
        &self.0
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
        }
    }
}

impl core::error::Error for VetError {}
