// SPDX-License-Identifier: MIT OR Apache-2.0
//! A JWE, as a function of 32 secret bytes; `proofs/trace.py` has its answer.

use security_domain::managed_hsm::key_backup::{self, ContentKey, KeyBackup};

use crate::rng::Xorshift;
use crate::trace::{Bytes, published, trace};

/// How long a JWE of 32 bytes is at most.
const ROOM: usize = 512;

fn key(bytes: &Bytes) -> Option<ContentKey> {
    let fill = |key: &mut [u8; 64]| {
        let (mac, cipher) = key.split_at_mut(32);
        mac.copy_from_slice(bytes);
        cipher.copy_from_slice(bytes);
        Ok::<(), ()>(())
    };
    ContentKey::try_init(fill).ok()
}

/// The secret, sealed under itself.
fn sealed<'o>(bytes: &Bytes, out: &'o mut [u8; ROOM]) -> Option<&'o mut [u8]> {
    let len = key_backup::seal(&key(bytes)?, bytes, &mut Xorshift(7), out).ok()?;
    out.get_mut(..len)
}

// Sealed and opened.
trace!(trace_jwe_open, |bytes, out| {
    let mut text = [0; ROOM];
    let text = sealed(bytes, &mut text)?;
    published(text);
    let mut opened = [0; 48];
    let len = KeyBackup::parse(text).ok()?.open(&key(bytes)?, &mut opened);
    out.copy_from_slice(opened.get(..len.ok()?)?);
    Some(())
});

// With another tag than this key's.
trace!(trace_jwe_refused, |bytes, out| {
    let mut text = [0; ROOM];
    let text = sealed(&[7; 32], &mut text)?;
    let opened = KeyBackup::parse(text)
        .ok()?
        .open(&key(bytes)?, &mut [0; 48]);
    out.fill(u8::from(opened.is_err()));
    Some(())
});
