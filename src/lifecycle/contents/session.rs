// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session in a record.

use heapless::Vec;

#[cfg(feature = "managed-hsm")]
use super::import;
use super::part::{Out, Part, Read, Written, read_epoch, read_key, write_key};
use super::rotation;
use crate::cbor::{Malformed, Reader};
use crate::contribution::RequestDigest;
use crate::custodian::CustodianId;
use crate::hardened::copy;
use crate::lifecycle::holding::Holding;
use crate::lifecycle::session::{Aim, Clock, Place, Recovery, Session, Task};
use crate::lifecycle::session_key::SessionKey;
use crate::lifecycle::stage::Stage;
use crate::quorum::{ShareIndex, Threshold};
use crate::rng::Watched;
use crate::sealed_domain::{DomainId, DomainShare, HeaderDigest};
use crate::secret::Secret;
use crate::shamir::Share;

#[cfg_attr(
    not(feature = "managed-hsm"),
    allow(unused_variables, reason = "only an import depends on them")
)]
pub(super) fn write_session<const N: usize>(
    place: &Place,
    held: &Holding<N>,
    stage: Stage,
    out: &mut Out<'_>,
) -> Written {
    let Some(session) = place.as_ref() else {
        return Ok(out.null().map(drop)?);
    };
    let Clock { latest, expires } = session.clock;
    out.array(3)?.u64(latest)?.u64(expires)?;
    match &session.task {
        Task::Recovery(recovery) => write_recovery(recovery, &place.key, out),
        #[cfg(feature = "managed-hsm")]
        Task::Import(import) => import::write(import, &place.key, held, stage, out),
        Task::Rotation(rotation) => rotation::write(rotation, &place.key, stage, out),
    }
}

fn write_recovery(recovery: &Recovery, key: &SessionKey, out: &mut Out<'_>) -> Written {
    out.array(7)?
        .u8(recovery.aim as u8)?
        .bytes(recovery.header.as_bytes())?
        .bytes(recovery.domain.as_bytes())?
        .u32(recovery.epoch.get())?
        .u8(recovery.threshold.get())?;
    match recovery.request {
        Some(request) => {
            out.array(2)?.bytes(request.as_bytes())?;
            write_key(key, out)?;
        }
        None => {
            out.null()?;
        }
    }
    out.array(recovery.shares.len() as u64)?;
    for share in &recovery.shares {
        let (custodian, share) = (share.custodian(), share.share());
        out.array(3)?
            .bytes(custodian.as_bytes())?
            .u8(share.index().get())?
            .bytes(share.value().expose())?;
    }
    Ok(())
}

/// Reads a session, its transfer key into `key`, and what an import expects into `held`.
#[cfg_attr(
    not(feature = "managed-hsm"),
    allow(unused_variables, reason = "only an import depends on it")
)]
pub(super) fn read_session<const N: usize>(
    reader: &mut Reader<'_>,
    key: &mut SessionKey,
    held: &mut Holding<N>,
    watched: &mut dyn Watched,
) -> Read<Session> {
    reader.array_of(3, Part::Session)?;
    let clock = Clock {
        latest: reader.uint(Part::Session)?,
        expires: reader.uint(Part::Session)?,
    };
    let task = match reader.array(Part::Session)? {
        7 => Task::Recovery(read_recovery(reader, key, watched)?),
        #[cfg(feature = "managed-hsm")]
        import::ITEMS => Task::Import(import::read(reader, key, held, watched)?),
        rotation::ITEMS => Task::Rotation(rotation::read(reader, key, watched)?),
        _ => return Err(Malformed(Part::Session)),
    };
    Ok(Session { clock, task })
}

fn read_recovery(
    reader: &mut Reader<'_>,
    key: &mut SessionKey,
    watched: &mut dyn Watched,
) -> Read<Recovery> {
    let part = Part::Session;
    let aim: u8 = reader.small(part)?;
    let aim = { [Aim::Recover, Aim::Rehearse].into_iter() }.find(|known| *known as u8 == aim);
    let aim = aim.ok_or(Malformed(part))?;
    let header = HeaderDigest::from_bytes(*reader.fixed(part)?);
    let domain = DomainId::from_bytes(*reader.fixed(part)?);
    let epoch = read_epoch(reader, part)?;
    let threshold = Threshold::new(reader.small(part)?).map_err(|_| Malformed(part))?;
    let request = if reader.skip_null(part)? {
        None
    } else {
        reader.array_of(2, part)?;
        let request = RequestDigest::from_bytes(*reader.fixed(part)?);
        read_key(reader, key, watched)?;
        Some(request)
    };
    let mut shares = Vec::new();
    for _ in 0..reader.array(part)? {
        shares
            .push(read_share(reader, header)?)
            .map_err(|_| Malformed(part))?;
    }
    Ok(Recovery {
        aim,
        header,
        domain,
        epoch,
        threshold,
        request,
        shares,
    })
}

fn read_share(reader: &mut Reader<'_>, header: HeaderDigest) -> Read<DomainShare> {
    let part = Part::Session;
    reader.array_of(3, part)?;
    let custodian = CustodianId::from_bytes(*reader.fixed(part)?);
    let index = ShareIndex::new(reader.small(part)?).map_err(|_| Malformed(part))?;
    let bytes: &[u8; 32] = reader.fixed(part)?;
    let mut value = Secret::zeroed();
    copy(value.expose_mut(), bytes).map_err(|_| Malformed(part))?;
    DomainShare::kept(Share::new(index, value), custodian, header).map_err(|_| Malformed(part))
}
