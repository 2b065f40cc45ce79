// SPDX-License-Identifier: MIT OR Apache-2.0
//! An import in a record.

use heapless::{String, Vec};

use super::part::{Out, Part, Read, Written, read_key, write_key};
use crate::cbor::{Malformed, Reader};
use crate::lifecycle::import::{Expected, Import};
use crate::lifecycle::stage::Stage;
use crate::lifecycle::transfer_key::TransferKey;
use crate::x509::Thumbprint;

/// The number of items of an import in a record.
pub(super) const ITEMS: u64 = 4;

/// Writes the import into a record, without its key once a blob has been taken in.
pub(super) fn write(
    import: &Import,
    key: &TransferKey,
    stage: Stage,
    out: &mut Out<'_>,
) -> Written {
    out.array(ITEMS)?;
    match key.get().filter(|_| stage == Stage::Importing) {
        Some(key) => write_key(key, out)?,
        None => {
            out.null()?;
        }
    }
    out.bytes(import.certificate.as_bytes())?.u8(import.tried)?;
    out.array(import.expected.len() as u64)?;
    for Expected { tag, digest } in &import.expected {
        out.array(2)?.str(tag)?;
        match digest {
            Some(digest) => out.bytes(digest)?,
            None => out.null()?,
        };
    }
    Ok(())
}

/// Reads an import, and its transfer key into `key`.
pub(super) fn read(reader: &mut Reader<'_>, key: &mut TransferKey) -> Read<Import> {
    let part = Part::Session;
    if !reader.skip_null(part)? {
        read_key(reader, key)?;
    }
    let certificate = Thumbprint::new(*reader.fixed(part)?);
    let tried = reader.small(part)?;
    let mut expected = Vec::new();
    for _ in 0..reader.array(part)? {
        reader.array_of(2, part)?;
        let tag = String::try_from(reader.text(part)?).map_err(|_| Malformed(part))?;
        let digest = (!reader.skip_null(part)?)
            .then(|| reader.fixed(part).copied())
            .transpose()?;
        expected
            .push(Expected { tag, digest })
            .map_err(|_| Malformed(part))?;
    }
    Ok(Import {
        certificate,
        tried,
        expected,
    })
}
