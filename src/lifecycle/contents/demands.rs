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
    out.array(2)?.u8(demands.bits())?;
    match demands.open() {
        Some((kind, digest)) => out
            .array(3)?
            .u8(kind.code())?
            .bytes(digest.as_bytes())?
            .u64(demands.expires())?,
        None => out.null()?,
    };
    Ok(())
}

pub(super) fn read(reader: &mut Reader<'_>) -> Read<Demands> {
    let part = Part::Contents;
    if reader.skip_null(part)? {
        return Ok(Demands::NONE);
    }
    reader.array_of(2, part)?;
    let mut demands = Demands::from_bits(reader.small(part)?);
    if !reader.skip_null(part)? {
        reader.array_of(3, part)?;
        demands.ask(OpenAct {
            kind: ActKind::from_code(reader.uint(part)?).ok_or(Malformed(part))?,
            digest: ActDigest::from_bytes(*reader.fixed(part)?),
            expires: reader.uint(part)?,
        });
    }
    Ok(demands)
}
