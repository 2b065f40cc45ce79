// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the parts of a record have in common.

use minicbor::Encoder;
use minicbor::encode::write::EndOfSlice;

use crate::cbor::{Malformed, Reader};
use crate::contribution::TRANSFER_KINDS;
use crate::custodian::Algorithm;
use crate::hardened::Fault;
use crate::lifecycle::session_key::SessionKey;
use crate::rng::Watched;
use crate::rsa::{PrivateKey, PublicKey};
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
    /// A state that this version does not know.
    UnknownState(u8),
    /// A kind of transfer key that this version does not know.
    UnknownKey(u8),
    /// The code of an algorithm that this version does not know, or does not compute.
    UnknownAlgorithm(u32),
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

/// The kind of a key that a device holds. An RSA key in the record has no kind.
const IN_DEVICE: u8 = 1;

/// The kind of a key that is not an RSA key.
const SEED: u8 = 2;

/// Writes a transfer key: as PKCS#8, the public half of one in a device, or the algorithm and the
/// seed.
///
/// Secret: `key`. Public: the lengths of its integers, who holds it, its algorithm. Leaks: nothing
/// else.
pub(super) fn write_key(key: &SessionKey, out: &mut Out<'_>) -> Written {
    #[cfg(any(feature = "p256", feature = "pq"))]
    if let Some(key) = key.kem() {
        let algorithm = key.algorithm().ok_or(Fault)?;
        out.array(3)?.u8(SEED)?.u32(algorithm.code())?;
        out.bytes(key.expose_seed().ok_or(Fault)?)?;
        return Ok(());
    }
    let Some(key) = key.rsa() else {
        let public = key.rsa_public_key().ok_or(Fault)?;
        out.array(3)?.u8(IN_DEVICE)?;
        out.bytes(public.modulus())?.bytes(public.exponent())?;
        return Ok(());
    };
    let mut der = Secret::<{ PrivateKey::PKCS8_MAX_LEN }>::zeroed();
    // There is room for any key.
    let len = key.to_pkcs8_der(der.expose_mut()).map_err(|_| Fault)?;
    out.bytes(der.expose().get(..len).ok_or(Fault)?)?;
    Ok(())
}

/// Reads a transfer key, or the public half of one in a device, into its place.
pub(super) fn read_key(
    reader: &mut Reader<'_>,
    place: &mut SessionKey,
    watched: &mut dyn Watched,
) -> Read<()> {
    let part = Part::Session;
    if reader.is_array(part)? {
        let items = reader.array(part)?;
        return match reader.small(part)? {
            IN_DEVICE if items == 3 => {
                let public = PublicKey::new(reader.bytes(part)?, reader.bytes(part)?);
                place.set_in_device(&public.map_err(|_| Malformed(part))?);
                Ok(())
            }
            SEED if items == 3 => read_seed(reader, place),
            IN_DEVICE | SEED => Err(Malformed(part)),
            kind => Err(Malformed(Part::UnknownKey(kind))),
        };
    }
    { place.read(reader.bytes(part)?, watched) }.map_err(|_| Malformed(part))
}

/// Reads a key that is not an RSA key.
fn read_seed(reader: &mut Reader<'_>, place: &mut SessionKey) -> Read<()> {
    let part = Part::Session;
    let code = reader.small(part)?;
    let known = Algorithm::from_code(code);
    if known.is_some_and(|kind| kind.rsa_size().is_some()) {
        return Err(Malformed(part));
    }
    let algorithm = known.filter(|kind| TRANSFER_KINDS.contains(kind));
    let algorithm = algorithm.ok_or(Malformed(Part::UnknownAlgorithm(code)))?;
    { place.read_kem(algorithm, reader.bytes(part)?) }.map_err(|_| Malformed(part))
}

/// Reads an epoch.
pub(super) fn read_epoch(reader: &mut Reader<'_>, part: Part) -> Read<Epoch> {
    Epoch::new(reader.small(part)?).ok_or(Malformed(part))
}
