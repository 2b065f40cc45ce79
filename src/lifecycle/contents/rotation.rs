// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rotation in a record.

use super::part::{Out, Part, Read, Written, read_epoch, read_key, write_key};
use crate::cbor::{Malformed, Reader};
use crate::contribution::RequestDigest;
use crate::drill::ChallengeDigest;
use crate::hardened::copy;
use crate::lifecycle::rotate::{Glass, Rotation, Tally};
use crate::lifecycle::session_key::SessionKey;
use crate::lifecycle::stage::Stage;
use crate::quorum::Threshold;
use crate::rng::Watched;
use crate::sealed_domain::{HeaderDigest, RELEASE_LEN};
use crate::secret::Secret;

/// The number of items of a rotation in a record.
pub(super) const ITEMS: u64 = 13;

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
    write_tally(rotation.consents, out)?;
    let (opens, complement) = rotation.glass.parts();
    out.u64(opens)?.u64(complement)?;
    match rotation.challenge {
        Some(challenge) => out.bytes(challenge.as_bytes())?,
        None => out.null()?,
    };
    out.u8(rotation.proofs_needed)?;
    write_tally(rotation.proofs, out)
}

/// Writes both halves, so that a flipped bit is found by the next start as well.
fn write_tally(tally: Tally, out: &mut Out<'_>) -> Written {
    let (set, complement) = tally.parts();
    out.u16(set)?.u16(complement)?;
    Ok(())
}

fn read_tally(reader: &mut Reader<'_>) -> Read<Tally> {
    let part = Part::Session;
    let (set, complement) = (reader.small(part)?, reader.small(part)?);
    Tally::from_parts(set, complement).ok_or(Malformed(part))
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
    let consents = read_tally(reader)?;
    let (opens, complement) = (reader.uint(part)?, reader.uint(part)?);
    let glass = Glass::from_parts(opens, complement).ok_or(Malformed(part))?;
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
        glass,
        challenge,
        proofs_needed: needed(reader)?,
        proofs: read_tally(reader)?,
    })
}
