// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a challenge is written.

use core::fmt;
use core::mem;

use minicbor::Encoder;

use super::challenge::{
    Challenge, Front, asked_len, commitment, context, encode_front, encode_head, front_len,
};
use super::id::ChallengeId;
use crate::burn::{self, burning};
use crate::ct::declassify_bytes;
use crate::custodian::{CustodianId, Recipient, WrapError};
use crate::hardened::Fault;
use crate::rng::{self, Generator, RngError};
use crate::sealed_domain::{Custodian, SealedDomain};
use crate::secret::{Secret, wipe};
use crate::shamir::Share;
use crate::wrapped_share::{PLAINTEXT_LEN, wrap};

impl<'o> Challenge<'o> {
    /// Returns how many bytes [`write`](Self::write) needs at most; at most [`Self::MAX_LEN`].
    pub fn written_len<K: Recipient>(keys: &[K]) -> usize {
        let each = { keys.iter() }.map(|key| asked_len(key.algorithm().wrapped_len(PLAINTEXT_LEN)));
        each.fold(front_len(), usize::saturating_add)
    }

    /// Writes a challenge to the custodians of `sealed` to the front of `out`, and returns it as
    /// read back from there. `keys` are the public keys of those who shall prove that they have
    /// their keys; the others can prove that they know their shares. `created` is the time in Unix
    /// seconds, 0 without a clock. On an error `out` is left empty.
    ///
    /// Secret: the values. Public: everything else, the challenge. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ChallengeError`].
    pub fn write<K: Recipient, R: Generator + ?Sized>(
        sealed: &SealedDomain<'_>,
        keys: &[K],
        created: u64,
        rng: &mut R,
        out: &'o mut [u8],
    ) -> Result<Self, ChallengeError> {
        let needed = Self::written_len(keys);
        let room = (out.len() >= needed).then_some(out);
        let out = room.ok_or(ChallengeError::BufferTooSmall { needed })?;
        let len = burning::<{ burn::SEALING }, _>(|| write(sealed, keys, created, rng, out))
            .inspect_err(|_| wipe(out))?;
        let file = out.get(..len).ok_or(Fault)?;
        Challenge::parse(file).map_err(|_| ChallengeError::Fault)
    }
}

/// Writes the file, and returns its length.
fn write<K: Recipient, R: Generator + ?Sized>(
    sealed: &SealedDomain<'_>,
    keys: &[K],
    created: u64,
    rng: &mut R,
    out: &mut [u8],
) -> Result<usize, ChallengeError> {
    check_keys(sealed, keys)?;
    let mut id = [0; 32];
    rng::fill(rng, &mut id)?;
    declassify_bytes(&mut id);
    let front = Front {
        id: ChallengeId::from_bytes(id),
        header: sealed.header().digest(),
        created,
    };
    let whole = out.len();
    let mut encoder = Encoder::new(out);
    encode_front(&front, keys.len(), &mut encoder).map_err(|_| Fault)?;
    for custodian in sealed.header().custodians() {
        if let Some(key) = keys.iter().find(|key| key.id() == custodian.id) {
            write_value(&front, &custodian, key, rng, &mut encoder)?;
        }
    }
    Ok(whole.saturating_sub(encoder.writer().len()))
}

/// Each key must be a custodian's, and of each there must be one.
fn check_keys<K: Recipient>(sealed: &SealedDomain<'_>, keys: &[K]) -> Result<(), ChallengeError> {
    let mut rest = keys.iter();
    while let Some(key) = rest.next() {
        let id = key.id();
        if !{ sealed.header().custodians() }.any(|custodian| custodian.id == id) {
            return Err(ChallengeError::NotListed(id));
        }
        if rest.clone().any(|other| other.id() == id) {
            return Err(ChallengeError::Repeated(id));
        }
    }
    Ok(())
}

/// Draws the value for one custodian, and writes it wrapped.
fn write_value<K: Recipient, R: Generator + ?Sized>(
    front: &Front,
    custodian: &Custodian,
    key: &K,
    rng: &mut R,
    encoder: &mut Encoder<&mut [u8]>,
) -> Result<(), ChallengeError> {
    let mut drawn = Secret::zeroed();
    let permit = rng::draw(rng, drawn.expose_mut())?;
    let value = Share::new(custodian.index, drawn);
    let context = context(front, custodian.index, custodian.id);
    let mut committed = commitment(&context, value.value().expose());
    declassify_bytes(&mut committed);
    let len = key.algorithm().wrapped_len(PLAINTEXT_LEN);
    encode_head(custodian.index, &committed, len, encoder).map_err(|_| Fault)?;
    let rest = mem::take(encoder.writer_mut());
    let (place, rest) = rest.split_at_mut_checked(len).ok_or(Fault)?;
    wrap(&value, &context, key, rng, place)
        .map_err(|error| ChallengeError::Wrap(custodian.id, error))?
        .and(permit)
        .spend(ChallengeError::Fault)?;
    declassify_bytes(place);
    *encoder.writer_mut() = rest;
    Ok(())
}

/// Why a challenge was not written. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChallengeError {
    /// This key is no custodian's of the sealed domain.
    NotListed(CustodianId),
    /// This custodian's key is given twice.
    Repeated(CustodianId),
    /// The random number generator failed.
    Rng,
    /// Wrapping a value to this custodian's key failed.
    Wrap(CustodianId, WrapError),
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for ChallengeError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<RngError> for ChallengeError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(id) => write!(f, "{id} is no custodian of the domain"),
            Self::Repeated(id) => write!(f, "the key of custodian {id} is given twice"),
            Self::Rng => RngError.fmt(f),
            Self::Wrap(id, _) => write!(f, "wrapping to the key of custodian {id} failed"),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for ChallengeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Wrap(_, error) => Some(error),
            _ => None,
        }
    }
}
