// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rotation in a record.

use super::part::{Out, Part, Read, Written, read_epoch, read_key, write_key};
use crate::cbor::{Malformed, Reader};
use crate::contribution::RequestDigest;
use crate::drill::ChallengeDigest;
use crate::hardened::copy;
use crate::lifecycle::rotate::{Rotation, Tally};
use crate::lifecycle::session_key::SessionKey;
use crate::lifecycle::stage::Stage;
use crate::quorum::Threshold;
use crate::rng::Watched;
use crate::sealed_domain::{HeaderDigest, RELEASE_LEN};
use crate::secret::Secret;

/// The number of items of a rotation in a record.
pub(super) const ITEMS: u64 = 10;

/// Writes the rotation into a record; without its request and key once it is committed.
///
/// Secret: the release, the key. Public: the rest. Leaks: nothing else.
pub(super) fn write(
    rotation: &Rotation,
    key: &SessionKey,
    stage: Stage,
    out: &mut Out<'_>,
) -> Written {
    out.array(ITEMS)?
        .bytes(rotation.header.as_bytes())?
        .u32(rotation.epoch.get())?
        .bytes(rotation.release.expose())?;
    match rotation.request.filter(|_| stage == Stage::Rotating) {
        Some(request) => {
            out.array(2)?.bytes(request.as_bytes())?;
            write_key(key, out)?;
        }
        None => {
            out.null()?;
        }
    }
    out.u8(rotation.consents_needed)?;
    out.u16(rotation.consents.bits())?.u64(rotation.opens)?;
    match rotation.challenge {
        Some(challenge) => out.bytes(challenge.as_bytes())?,
        None => out.null()?,
    };
    out.u8(rotation.proofs_needed)?;
    out.u16(rotation.proofs.bits())?;
    Ok(())
}

/// Reads how many custodians must answer.
fn needed(reader: &mut Reader<'_>) -> Read<u8> {
    let needed = Threshold::new(reader.small(Part::Session)?);
    Ok(needed.map_err(|_| Malformed(Part::Session))?.get())
}

/// Reads a rotation, and its transfer key into `key`.
///
/// Secret: the release, the key. Public: the rest. Leaks: nothing else.
pub(super) fn read(
    reader: &mut Reader<'_>,
    key: &mut SessionKey,
    watched: &mut dyn Watched,
) -> Read<Rotation> {
    let part = Part::Session;
    let header = HeaderDigest::from_bytes(*reader.fixed(part)?);
    let epoch = read_epoch(reader, part)?;
    let bytes: &[u8; RELEASE_LEN] = reader.fixed(part)?;
    let mut release = Secret::zeroed();
    copy(release.expose_mut(), bytes).map_err(|_| Malformed(part))?;
    let request = match reader.skip_null(part)? {
        true => None,
        false => {
            reader.array_of(2, part)?;
            let request = RequestDigest::from_bytes(*reader.fixed(part)?);
            read_key(reader, key, watched)?;
            Some(request)
        }
    };
    let consents_needed = needed(reader)?;
    let consents = Tally::from_bits(reader.small(part)?);
    let opens = reader.uint(part)?;
    let challenge = match reader.skip_null(part)? {
        true => None,
        false => Some(ChallengeDigest::from_bytes(*reader.fixed(part)?)),
    };
    Ok(Rotation {
        header,
        epoch,
        release,
        request,
        consents_needed,
        consents,
        opens,
        challenge,
        proofs_needed: needed(reader)?,
        proofs: Tally::from_bits(reader.small(part)?),
    })
}
