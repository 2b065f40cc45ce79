// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an act is written.

use core::fmt;

use minicbor::Encoder;

use super::act::{Act, Items};
use super::id::{ActId, ActSubject};
use super::kind::ActKind;
use crate::ct::declassify_bytes;
use crate::hardened::Fault;
use crate::rng::{self, Generator, RngError};
use crate::sealed_domain::{InstanceId, SealedDomain};

/// What an HSM asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller must fill in every field"
)]
pub struct ActTerms {
    /// What it is to do.
    pub kind: ActKind,
    /// Its id.
    pub instance: InstanceId,
    /// What the act is about.
    pub subject: ActSubject,
    /// The time in Unix seconds; 0 without a clock.
    pub created: u64,
    /// The last second in which the act can be approved; 0 if it does not expire.
    pub expires: u64,
}

impl<'o> Act<'o> {
    /// Writes an act for the custodians of `sealed` to the front of `out`, and returns it as read
    /// back from there. Its id is drawn. On an error `out` is left empty.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ActError`].
    pub fn write<R: Generator + ?Sized>(
        sealed: &SealedDomain<'_>,
        terms: &ActTerms,
        rng: &mut R,
        out: &'o mut [u8],
    ) -> Result<Self, ActError> {
        let drawn = draw(rng).inspect_err(|_| out.fill(0))?;
        Self::write_as(drawn, sealed, terms, out)
    }

    /// The same, with this id. It must belong to this act alone.
    pub(crate) fn write_as(
        id: ActId,
        sealed: &SealedDomain<'_>,
        terms: &ActTerms,
        out: &'o mut [u8],
    ) -> Result<Self, ActError> {
        let len = write(id, sealed, terms, out).inspect_err(|_| out.fill(0))?;
        let file = out.get(..len).ok_or(Fault)?;
        Self::parse(file).map_err(|_| ActError::Fault)
    }
}

fn draw<R: Generator + ?Sized>(rng: &mut R) -> Result<ActId, RngError> {
    let mut id = [0; 32];
    rng::fill(rng, &mut id)?;
    declassify_bytes(&mut id);
    Ok(ActId::from_bytes(id))
}

/// Writes the file to the front of `out`, and returns its length.
fn write(
    id: ActId,
    sealed: &SealedDomain<'_>,
    terms: &ActTerms,
    out: &mut [u8],
) -> Result<usize, ActError> {
    let needed = Act::MAX_LEN;
    let out = { out.get_mut(..needed) }.ok_or(ActError::BufferTooSmall { needed })?;
    let header = sealed.header();
    let items = Items {
        kind: terms.kind,
        domain: header.domain_id(),
        epoch: header.epoch(),
        header: header.digest(),
        instance: terms.instance,
        id,
        subject: terms.subject,
        created: terms.created,
        expires: terms.expires,
    };
    if !items.ends_after_it_began() {
        return Err(ActError::Expiry);
    }
    let mut encoder = Encoder::new(out);
    items.encode(&mut encoder).map_err(|_| Fault)?;
    Ok(needed.saturating_sub(encoder.writer().len()))
}

/// Why an act was not written. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ActError {
    /// The act expires before it was written, or it expires and the HSM has no clock.
    Expiry,
    /// The random number generator failed.
    Rng,
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for ActError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<RngError> for ActError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for ActError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expiry => f.write_str("expires is before created, or there is no clock"),
            Self::Rng => RngError.fmt(f),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for ActError {}
