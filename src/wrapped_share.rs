// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares wrapped to custodians' keys.
//!
//! The plaintext has 65 bytes: the context (32), the share's index (1), the share (32). The context
//! is a digest of everything that the share belongs to. The wrapping itself carries no label, so
//! that any token or key service with OAEP-SHA-256 can unwrap. The context binds the share instead,
//! and is compared when the share comes back.
//!
//! ```
//! use security_domain::quorum::ShareIndex;
//! use security_domain::secret::Secret;
//! use security_domain::wrapped_share::{PLAINTEXT_LEN, read_share};
//!
//! // The bytes that a token unwrapped: a share in the clear, which must stay secret.
//! let context = [7; 32];
//! let mut plaintext = [0; PLAINTEXT_LEN];
//! plaintext[..32].copy_from_slice(&context);
//! plaintext[32] = 1;
//!
//! let first = ShareIndex::new(1).unwrap();
//! assert!(read_share(&plaintext, &context, first).is_ok());
//! assert!(read_share(&plaintext, &[8; 32], first).is_err());
//! ```

use crate::burn::{self, burning};
use crate::ct::{Mask, eq_bytes};
use crate::custodian::{Algorithm, Identity, PostQuantum, Recipient, UnwrapError, WrapError};
use crate::hardened::{Fault, Permit, Verdict, copy};
use crate::labels::Purpose;
use crate::quorum::ShareIndex;
use crate::rng::Generator;
use crate::rsa::ModulusSize;
use crate::secret::{Secret, wipe};
use crate::shamir::Share;

mod hides;
mod rsa_oaep;

pub(crate) use hides::check_hides;

/// The length of the plaintext in bytes.
pub const PLAINTEXT_LEN: usize = 65;

/// The maximum length of a wrapped share, over every kind of key.
pub(crate) const MAX_LEN: usize = Algorithm::Both {
    rsa: ModulusSize::Rsa4096,
    other: PostQuantum::MlKem1024P384,
}
.wrapped_len(PLAINTEXT_LEN);

/// A share of 32 bytes, wrapped to a custodian's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrappedShare<'a>(&'a [u8]);

impl<'a> WrappedShare<'a> {
    /// Wraps `share` under `context` to `recipient`, into `out`, which must be exactly
    /// [`Algorithm::wrapped_len`](crate::custodian::Algorithm::wrapped_len) bytes long.
    ///
    /// Secret: the share's value. Public: its index, `context`, `out`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`WrapError`].
    pub fn wrap<K: Recipient, R: Generator + ?Sized>(
        share: &Share<32>,
        context: &[u8; 32],
        recipient: &K,
        rng: &mut R,
        out: &'a mut [u8],
    ) -> Result<Self, WrapError> {
        wrap(share, context, recipient, rng, out)?.spend(WrapError::Fault)?;
        Ok(Self(out))
    }

    /// Makes a wrapped share from its bytes.
    pub const fn from_bytes(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Returns the digest, `D("wrapped", bytes)` (`docs/format.md`).
    pub fn digest(&self) -> [u8; 32] {
        Purpose::Wrapped.digest([self.0])
    }

    /// Unwraps the share with `identity`. It must be the share at `index` under `context`: any
    /// other content is [`UnwrapError::Opaque`], as if it had not opened.
    ///
    /// Secret: the share's value. Public: `context`, `index`. Leaks: whether it opened.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`UnwrapError`].
    pub fn unwrap<I: Identity, R: Generator + ?Sized>(
        &self,
        context: &[u8; 32],
        index: ShareIndex,
        identity: &mut I,
        rng: &mut R,
    ) -> Result<Share<32>, UnwrapError<I::Error>> {
        burning::<{ burn::SYMMETRIC }, _>(move || {
            let mut plaintext = Secret::<PLAINTEXT_LEN>::zeroed();
            let len = identity.unwrap_key(self.0, context, rng, plaintext.expose_mut())?;
            let plaintext = plaintext.expose().get(..len).ok_or(UnwrapError::Opaque)?;
            read_share(plaintext, context, index).map_err(|_| UnwrapError::Opaque)
        })
    }
}

/// Wraps as [`WrappedShare::wrap`] does, and returns a permit to let the contents of `out` leave.
///
/// Secret: the share's value. Public: its index, `context`, `out`. Leaks: nothing else.
pub(crate) fn wrap<K: Recipient, R: Generator + ?Sized>(
    share: &Share<32>,
    context: &[u8; 32],
    recipient: &K,
    rng: &mut R,
    out: &mut [u8],
) -> Result<Permit, WrapError> {
    burning::<{ burn::WRAP }, _>(move || {
        if out.len() != recipient.algorithm().wrapped_len(PLAINTEXT_LEN) {
            return Err(WrapError::WrongLength);
        }
        // `out` holds zeros until a share is wrapped; they are refused below.
        wipe(out);
        let mut plaintext = Secret::<PLAINTEXT_LEN>::zeroed();
        write_share(share, context, &mut plaintext)?;
        recipient
            .wrap(plaintext.expose(), context, rng, out)
            .and_then(|()| {
                let value = share.value().expose();
                check_hides(out, recipient.algorithm(), value, WrapError::Fault)
            })
            .inspect_err(|_| wipe(out))
    })
}

/// Reads what a token unwrapped: only the share at `index` under `context` is accepted.
///
/// Secret: `plaintext`. Public: its length, `context`, `index`. Leaks: whether it is that share.
///
/// # Errors
///
/// [`NotThisShare`] if the bytes are anything else.
pub fn read_share(
    plaintext: &[u8],
    context: &[u8; 32],
    index: ShareIndex,
) -> Result<Share<32>, NotThisShare> {
    burning::<{ burn::SYMMETRIC }, _>(move || {
        let ([bound @ .., at], value) = plaintext.split_first_chunk::<33>().ok_or(NotThisShare)?;
        let value: &[u8; 32] = value.try_into().map_err(|_| NotThisShare)?;
        Verdict::twice(|| {
            eq_bytes(bound, context) & Mask::eq(u32::from(*at), u32::from(index.get()))
        })
        .or(NotThisShare)?;
        let mut share = Secret::zeroed();
        *share.expose_mut() = *value;
        Ok(Share::new(index, share))
    })
}

/// Writes the plaintext: the inverse of [`read_share`].
///
/// Secret: the share's value, `plaintext`. Public: its index, `context`. Leaks: nothing else.
fn write_share(
    share: &Share<32>,
    context: &[u8; 32],
    plaintext: &mut Secret<PLAINTEXT_LEN>,
) -> Result<(), Fault> {
    let (front, value) = { plaintext.expose_mut() }
        .split_first_chunk_mut::<33>()
        .ok_or(Fault)?;
    let [bound @ .., at] = front;
    *bound = *context;
    *at = share.index().get();
    copy(value, share.value().expose())
}

/// The bytes are not the share that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct NotThisShare;

impl core::fmt::Display for NotThisShare {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the bytes are not the share that was asked for")
    }
}

impl core::error::Error for NotThisShare {}
