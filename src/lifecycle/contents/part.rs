// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the parts of a record have in common.

use minicbor::Encoder;
use minicbor::encode::write::EndOfSlice;

use crate::cbor::{Malformed, Reader};
use crate::hardened::Fault;
use crate::lifecycle::transfer_key::TransferKey;
use crate::rng::Watched;
use crate::rsa::PrivateKey;
use crate::sealed_domain::Epoch;
use crate::secret::Secret;

/// A part of a record's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lifecycle) enum Part {
    Contents,
    Instance,
    Held,
    Standing,
    Session,
}

pub(in crate::lifecycle) type Read<T> = Result<T, Malformed<Part>>;

pub(super) type Out<'o> = Encoder<&'o mut [u8]>;
pub(super) type Written = Result<(), NotEncoded>;

/// Why contents were not written.
pub(super) enum NotEncoded {
    /// There is no room for them.
    NoRoom,
    /// An internal check failed.
    Fault,
}

impl From<minicbor::encode::Error<EndOfSlice>> for NotEncoded {
    fn from(_: minicbor::encode::Error<EndOfSlice>) -> Self {
        Self::NoRoom
    }
}

impl From<Fault> for NotEncoded {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

/// Writes a transfer key as PKCS#8.
///
/// Secret: `key`. Public: the lengths of its integers. Leaks: nothing else.
pub(super) fn write_key(key: &PrivateKey, out: &mut Out<'_>) -> Written {
    let mut der = Secret::<{ PrivateKey::PKCS8_MAX_LEN }>::zeroed();
    // There is room for any key.
    let len = key.to_pkcs8_der(der.expose_mut()).map_err(|_| Fault)?;
    out.bytes(der.expose().get(..len).ok_or(Fault)?)?;
    Ok(())
}

/// Reads a transfer key into its place.
pub(super) fn read_key(
    reader: &mut Reader<'_>,
    place: &mut TransferKey,
    watched: &mut dyn Watched,
) -> Read<()> {
    { place.read(reader.bytes(Part::Session)?, watched) }.map_err(|_| Malformed(Part::Session))
}

/// Reads an epoch.
pub(super) fn read_epoch(reader: &mut Reader<'_>, part: Part) -> Read<Epoch> {
    Epoch::new(reader.small(part)?).ok_or(Malformed(part))
}
