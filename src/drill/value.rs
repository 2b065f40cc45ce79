// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a custodian unwraps of a challenge.

use core::convert::Infallible;
use core::fmt;

use super::challenge::{Asked, Challenge, commitment};
use super::id::ChallengeDigest;
use crate::burn::{self, burning};
use crate::ct::eq_bytes;
use crate::custodian::{CustodianId, Identity, UnwrapError};
use crate::hardened::{Fault, Verdict};
use crate::rng::Generator;
use crate::sealed_domain::{HeaderDigest, SealedDomain};
use crate::shamir::Share;
use crate::wrapped_share::read_share;

/// The value that a challenge holds for one custodian, unwrapped by him. It shows that he has his
/// key, once.
#[derive(Debug)]
pub struct DrillValue {
    pub(super) value: Share<32>,
    pub(super) challenge: ChallengeDigest,
}

impl Challenge<'_> {
    /// Unwraps the value for `custodian` with his `identity`, and checks it.
    ///
    /// What comes out is bound to this challenge: nothing that was wrapped for another purpose,
    /// such as a share, is taken for a value.
    ///
    /// Secret: the key, the value. Public: everything else. Leaks: whether it opened.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ValueError`].
    pub fn unwrap_value<I: Identity, R: Generator + ?Sized>(
        &self,
        sealed: &SealedDomain<'_>,
        custodian: CustodianId,
        identity: &mut I,
        rng: &mut R,
    ) -> Result<DrillValue, ValueError<I::Error>> {
        burning::<{ burn::DOMAIN }, _>(move || {
            let (asked, context) = self.place(sealed, custodian)?;
            let value = asked.wrapped.unwrap(&context, asked.index, identity, rng);
            let value = value.map_err(|error| match error {
                UnwrapError::Opaque => ValueError::DoesNotOpen(custodian),
                UnwrapError::Device(error) => ValueError::Device(custodian, error),
                UnwrapError::Fault => ValueError::Fault,
            })?;
            self.confirm(asked, &context, value, custodian)
        })
    }

    /// Checks what a custodian's token unwrapped by itself: the 65 bytes inside the wrapped value.
    ///
    /// Secret: `plaintext`. Public: its length, everything else. Leaks: whether it is his value.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ValueError`] except `Device`.
    pub fn accept_value(
        &self,
        sealed: &SealedDomain<'_>,
        custodian: CustodianId,
        plaintext: &[u8],
    ) -> Result<DrillValue, ValueError<Infallible>> {
        burning::<{ burn::DOMAIN }, _>(move || {
            let (asked, context) = self.place(sealed, custodian)?;
            let value = read_share(plaintext, &context, asked.index)
                .map_err(|_| ValueError::DoesNotOpen(custodian))?;
            self.confirm(asked, &context, value, custodian)
        })
    }

    /// Returns what the challenge holds for this custodian, and what it is bound to.
    fn place<E>(
        &self,
        sealed: &SealedDomain<'_>,
        id: CustodianId,
    ) -> Result<(&Asked<'_>, [u8; 32]), ValueError<E>> {
        let header = sealed.header();
        self.permit(header, |have, want| ValueError::OtherHeader { have, want })?
            .spend(ValueError::Fault)?;
        let custodian = { header.custodians() }.find(|custodian| custodian.id == id);
        let asked = custodian.and_then(|custodian| self.asked(custodian.index));
        let asked = asked.ok_or(ValueError::NotAsked(id))?;
        Ok((asked, self.context(asked.index, id)))
    }

    fn confirm<E>(
        &self,
        asked: &Asked<'_>,
        context: &[u8; 32],
        value: Share<32>,
        custodian: CustodianId,
    ) -> Result<DrillValue, ValueError<E>> {
        Verdict::twice(|| {
            let committed = commitment(context, value.value().expose());
            eq_bytes(&committed, asked.commitment)
        })
        .or(ValueError::DoesNotOpen(custodian))?;
        Ok(DrillValue {
            value,
            challenge: self.digest(),
        })
    }
}

/// Why a custodian's value is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ValueError<E> {
    /// The challenge is for another header.
    OtherHeader {
        /// The header that the challenge is for.
        have: HeaderDigest,
        /// The header of the given sealed domain.
        want: HeaderDigest,
    },
    /// The challenge holds no value for this custodian, or the domain does not list him.
    NotAsked(CustodianId),
    /// This custodian's value does not open. Deliberately gives no reason.
    DoesNotOpen(CustodianId),
    /// The device that holds this custodian's key failed.
    Device(CustodianId, E),
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl<E> From<Fault> for ValueError<E> {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl<E> fmt::Display for ValueError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherHeader { have, want } => {
                write!(f, "the challenge is for header {have}, not {want}")
            }
            Self::NotAsked(id) => write!(f, "the challenge has no value for custodian {id}"),
            Self::DoesNotOpen(id) => write!(f, "the value for custodian {id} does not open"),
            Self::Device(id, _) => write!(f, "the device with the key of custodian {id} failed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ValueError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(_, error) => Some(error),
            _ => None,
        }
    }
}
