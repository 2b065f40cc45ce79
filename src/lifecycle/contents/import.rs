// SPDX-License-Identifier: MIT OR Apache-2.0
//! An import in a record.

use minicbor::encode::Write;

use super::part::{NotEncoded, Out, Part, Read, Written, read_key, write_key};
use crate::cbor::{Malformed, Reader};
use crate::lifecycle::holding::Holding;
use crate::lifecycle::import::{ExpectedList, Import, store};
use crate::lifecycle::session_key::SessionKey;
use crate::lifecycle::stage::Stage;
use crate::rng::Watched;
use crate::sealed_domain::MAX_ARTIFACTS;
use crate::x509::Thumbprint;

/// The number of items of an import in a record.
pub(super) const ITEMS: u64 = 4;

/// Writes the import into a record, without its key once a blob has been taken in.
pub(super) fn write<const N: usize>(
    import: &Import,
    key: &SessionKey,
    held: &Holding<N>,
    stage: Stage,
    out: &mut Out<'_>,
) -> Written {
    out.array(ITEMS)?;
    match stage {
        Stage::Importing => write_key(key, out)?,
        _ => {
            out.null()?;
        }
    }
    out.bytes(import.certificate.as_bytes())?.u8(import.tried)?;
    let expected = held.expected()?;
    let list = ExpectedList(Reader::new(expected));
    out.array(list.count() as u64)?;
    { out.writer_mut().write_all(expected) }.map_err(|_| NotEncoded::NoRoom)
}

/// Reads an import, its transfer key into `key`, and what it expects into `held`.
pub(super) fn read<const N: usize>(
    reader: &mut Reader<'_>,
    key: &mut SessionKey,
    held: &mut Holding<N>,
    watched: &mut dyn Watched,
) -> Read<Import> {
    let part = Part::Session;
    if !reader.skip_null(part)? {
        read_key(reader, key, watched)?;
    }
    let certificate = Thumbprint::new(*reader.fixed(part)?);
    let tried = reader.small(part)?;
    let count = usize::try_from(reader.array(part)?).ok();
    let count = { count.filter(|count| *count <= MAX_ARTIFACTS) }.ok_or(Malformed(part))?;
    let mut list = ExpectedList(reader.clone());
    let expected = list.clone().take(count);
    for _ in 0..count {
        list.read().map_err(|_| Malformed(part))?;
    }
    *reader = list.0;
    store(expected, held).map_err(|_| Malformed(part))?;
    Ok(Import { certificate, tried })
}
