// SPDX-License-Identifier: MIT OR Apache-2.0
//! One custodian of a domain file, alone, answers a challenge.

use core::fmt;

use minicbor::Encoder;

use super::challenge::{Asked, Challenge, PLAINTEXT_LEN, commitment};
use super::response::{Front, Response};
use crate::burn::{self, burning};
use crate::ct::{declassify_bytes, eq_bytes};
use crate::custodian::{Identity, UnwrapError};
use crate::hardened::{Permit, Verdict, copy};
use crate::managed_hsm::domain_file::{DomainFile, ShareError};
use crate::managed_hsm::file_digest::FileDigest;
use crate::rng::Generator;
use crate::secret::Secret;
use crate::x509::Thumbprint;

/// Answers `challenge` as `custodian`, and returns the response as read back from the front of
/// `out`. On an error `out` is left empty.
///
/// Opens the custodian's share in `file` with `identity`, then the value in the challenge, in this
/// order. Each is 64 bytes when `identity` has unwrapped it. There is no response unless both open.
///
/// A response holds nothing of the share. The value in it is of no use to anyone any more. The
/// challenge may come from anybody: nothing that was wrapped for another purpose, such as a content
/// key, is taken for a value.
///
/// Secret: the identity's key, the share. Public: everything else, the response, the value in it.
/// Leaks: whether the share opens, its index then, and whether the value opens.
///
/// # Errors
///
/// Fails for each reason in [`RespondError`].
pub fn respond<'o, I, R>(
    file: &DomainFile<'_>,
    challenge: &Challenge<'_>,
    custodian: &Thumbprint,
    identity: &mut I,
    rng: &mut R,
    out: &'o mut [u8],
) -> Result<Response<'o>, RespondError<I::Error>>
where
    I: Identity,
    R: Generator + ?Sized,
{
    burning::<{ burn::JWE }, _>(move || {
        let permit = challenge.permit(file, |have, want| RespondError::OtherFile { have, want })?;
        let asked = challenge.asked(custodian);
        let asked = asked.ok_or(RespondError::NotAsked(*custodian))?;
        let needed = Response::LEN;
        let out = { out.get_mut(..needed) }.ok_or(RespondError::BufferTooSmall { needed })?;
        permit.test(RespondError::Fault)?;
        let share = file
            .open_share(custodian, identity, rng)
            .map_err(RespondError::Share)?;
        let opened =
            Verdict::twice(|| eq_bytes(share.custodian().as_bytes(), custodian.as_bytes()))
                .permit(RespondError::Fault)?;
        let mut shown = [0; 32];
        let proven = unwrap(challenge, asked, identity, rng, &mut shown)?;
        let front = Front {
            challenge: challenge.digest(),
            custodian: *custodian,
            value: &shown,
        };
        { permit.and(opened).and(proven) }.spend(RespondError::Fault)?;
        if front.encode(&mut Encoder::new(&mut *out)).is_err() {
            out.fill(0);
            return Err(RespondError::Fault);
        }
        Response::parse(out).map_err(|_| RespondError::Fault)
    })
}

/// Unwraps the value for a custodian into `shown`, which is public then, and returns a permit if it
/// is the one that the challenge commits to.
///
/// Secret: the identity's key, the value if it does not suit. Public: everything else. Leaks:
/// whether it opens.
fn unwrap<I, R>(
    challenge: &Challenge<'_>,
    asked: &Asked<'_>,
    identity: &mut I,
    rng: &mut R,
    shown: &mut [u8; 32],
) -> Result<Permit, RespondError<I::Error>>
where
    I: Identity,
    R: Generator + ?Sized,
{
    let of = asked.custodian;
    let context = challenge.context(&of);
    let mut plaintext = Secret::<PLAINTEXT_LEN>::zeroed();
    let answer = identity.unwrap_key(asked.wrapped, &context, rng, plaintext.expose_mut());
    let length = answer.map_err(|error| match error {
        UnwrapError::Opaque => RespondError::DoesNotOpen(of),
        UnwrapError::Device(error) => RespondError::Device(error),
        UnwrapError::Fault => RespondError::Fault,
    })?;
    let opened = { plaintext.expose().get(..length) }.ok_or(RespondError::Fault)?;
    let Some((bound, value)) = opened.split_first_chunk::<32>() else {
        return Err(RespondError::DoesNotOpen(of));
    };
    let Ok(value) = <&[u8; 32]>::try_from(value) else {
        return Err(RespondError::DoesNotOpen(of));
    };
    // Whatever else the key unwrapped stays secret.
    let permit = Verdict::twice(|| {
        let context = challenge.context(&of);
        eq_bytes(bound, &context) & eq_bytes(&commitment(&context, value), asked.commitment)
    })
    .permit(RespondError::DoesNotOpen(of))?;
    permit.test(RespondError::Fault)?;
    copy(shown, value).map_err(|_| RespondError::Fault)?;
    // It proves what it is for by leaving.
    declassify_bytes(shown);
    Ok(permit)
}

/// Why a custodian's response was refused. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RespondError<E> {
    /// The challenge is for another file.
    OtherFile {
        /// The file that the challenge names.
        have: FileDigest,
        /// The given file.
        want: FileDigest,
    },
    /// The challenge has no value for this custodian.
    NotAsked(Thumbprint),
    /// The custodian's share did not open.
    Share(ShareError<E>),
    /// The value for this custodian does not open. Deliberately gives no reason.
    DoesNotOpen(Thumbprint),
    /// The device that holds the key opened the share, and failed then.
    Device(E),
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The result failed the check that follows: a hardware fault or a bug in this crate.
    Fault,
}

impl<E> fmt::Display for RespondError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherFile { have, want } => {
                write!(f, "the challenge is for file {have}, not {want}")
            }
            Self::NotAsked(of) => write!(f, "the challenge has no value for custodian {of}"),
            Self::Share(error) => error.fmt(f),
            Self::DoesNotOpen(of) => write!(f, "the value for custodian {of} does not open"),
            Self::Device(_) => f.write_str("the key's device failed"),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for RespondError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Share(error) => error.source(),
            Self::Device(error) => Some(error),
            _ => None,
        }
    }
}
