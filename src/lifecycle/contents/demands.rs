// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demands for approvals in a record. All is public.

use super::part::{Out, Part, Read, Written};
use crate::approval::{ActDigest, ActKind};
use crate::cbor::{Malformed, Reader};
use crate::lifecycle::demand::{Demands, OpenAct};

pub(super) fn write(demands: &Demands, out: &mut Out<'_>) -> Written {
    if demands.is_none() {
        return Ok(out.null().map(drop)?);
    }
    let (kinds, again) = demands.parts();
    // Both, so that a flipped bit is found by the next start as well.
    out.array(3)?.u8(kinds)?.u8(again)?;
    let (created, expires) = demands.times();
    match demands.open() {
        Some((kind, digest)) => out
            .array(4)?
            .u8(kind.code())?
            .bytes(digest.as_bytes())?
            .u64(created)?
            .u64(expires)?,
        None => out.null()?,
    };
    Ok(())
}

pub(super) fn read(reader: &mut Reader<'_>) -> Read<Demands> {
    let part = Part::Contents;
    if reader.skip_null(part)? {
        return Ok(Demands::NONE);
    }
    reader.array_of(3, part)?;
    let (kinds, again) = (reader.small(part)?, reader.small(part)?);
    let mut demands = Demands::from_parts(kinds, again).ok_or(Malformed(part))?;
    if !reader.skip_null(part)? {
        reader.array_of(4, part)?;
        demands.ask(OpenAct {
            kind: ActKind::from_code(reader.uint(part)?).ok_or(Malformed(part))?,
            digest: ActDigest::from_bytes(*reader.fixed(part)?),
            created: reader.uint(part)?,
            expires: reader.uint(part)?,
        });
    }
    Ok(demands)
}
