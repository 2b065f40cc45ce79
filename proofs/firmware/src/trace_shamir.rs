// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sharing, as functions of 32 secret bytes; `proofs/trace.py` has each one's answer.

use security_domain::hazmat::gf256::{Public, mul_add_row};
use security_domain::quorum::{Quorum, QuorumError, ShareIndex};
use security_domain::shamir::check::{SetId, ShareDigest, correct_rows};
use security_domain::shamir::encoded::{EncodedShare, encoded_len};
use security_domain::shamir::renew::{refresh, repair, reshare};
use security_domain::shamir::text::text_len;
use security_domain::shamir::{ShareRow, combine_rows, split};

use crate::rng::Xorshift;
use crate::trace::{secret, trace};

fn quorum(threshold: u8, count: u8) -> Result<Quorum, QuorumError> {
    Quorum::new(threshold, count)
}

fn row(index: u8, value: &[u8]) -> Result<ShareRow<'_>, QuorumError> {
    let index = ShareIndex::new(index)?;
    Ok(ShareRow { index, value })
}

// The third share of two of three.
trace!(trace_shamir_split, |bytes, out| {
    let [_, _, third] = split(&secret(bytes), quorum(2, 3).ok()?, &mut Xorshift(7)).ok()?;
    out.copy_from_slice(third.as_row().value);
    Some(())
});

// Three shares of ten bytes, at 1, 2 and 4.
trace!(trace_shamir_combine, |bytes, out| {
    let rows = [
        row(1, &bytes[..10]).ok()?,
        row(2, &bytes[10..20]).ok()?,
        row(4, &bytes[20..30]).ok()?,
    ];
    combine_rows(quorum(3, 5).ok()?, &rows, &mut out[..10]).ok()
});

// The sum of the two addends into which the first holder cuts his term of the third share.
trace!(trace_shamir_repair, |bytes, out| {
    let holders = [ShareIndex::new(1).ok()?, ShareIndex::new(2).ok()?];
    let lost = ShareIndex::new(3).ok()?;
    let (mut a, mut b) = ([0; 32], [0; 32]);
    repair::mask(
        quorum(2, 3).ok()?,
        &holders,
        lost,
        row(1, bytes).ok()?,
        &mut Xorshift(7),
        &mut [&mut a, &mut b],
    )
    .ok()?;
    repair::pool(quorum(2, 3).ok()?, &[&a, &b], out).ok()
});

// What two shares of sixteen bytes combine to after both have been refreshed.
trace!(trace_shamir_refresh, |bytes, out| {
    let quorum = quorum(2, 2).ok()?;
    let (first, second) = bytes.split_at(16);
    let (mut to_first, mut to_second) = ([0; 16], [0; 16]);
    refresh::deal(
        quorum,
        &mut Xorshift(7),
        &mut [&mut to_first, &mut to_second],
    )
    .ok()?;
    let (mut a, mut b) = ([0; 16], [0; 16]);
    refresh::apply(row(1, first).ok()?, &[&to_first], &mut a).ok()?;
    refresh::apply(row(2, second).ok()?, &[&to_second], &mut b).ok()?;
    combine_rows(
        quorum,
        &[row(1, &a).ok()?, row(2, &b).ok()?],
        &mut out[..16],
    )
    .ok()
});

// What two shares of sixteen bytes combine to after they have been dealt to two new holders.
trace!(trace_shamir_reshare, |bytes, out| {
    let quorum = quorum(2, 2).ok()?;
    let (first, second) = bytes.split_at(16);
    let mut sent = [[[0; 16]; 2]; 2];
    let [[a1, a2], [b1, b2]] = &mut sent;
    reshare::deal(row(1, first).ok()?, quorum, &mut Xorshift(7), &mut [a1, a2]).ok()?;
    reshare::deal(
        row(2, second).ok()?,
        quorum,
        &mut Xorshift(9),
        &mut [b1, b2],
    )
    .ok()?;
    let (mut a, mut b) = ([0; 16], [0; 16]);
    reshare::collect(quorum, &[row(1, a1).ok()?, row(2, b1).ok()?], &mut a).ok()?;
    reshare::collect(quorum, &[row(1, a2).ok()?, row(2, b2).ok()?], &mut b).ok()?;
    combine_rows(
        quorum,
        &[row(1, &a).ok()?, row(2, &b).ok()?],
        &mut out[..16],
    )
    .ok()
});

// Six shares of sixteen bytes, the first and the fifth with errors that are secret; which are named
// comes after what is recovered.
trace!(trace_shamir_correct, |bytes, out| {
    let (shared, slope) = bytes.split_at(16);
    let mut values = [[0; 16]; 6];
    for (x, value) in (1..).zip(&mut values) {
        value.copy_from_slice(shared);
        let _ = mul_add_row(value, Public::new(x), slope);
    }
    values[0][0] ^= bytes[7] | 1;
    values[4][15] ^= bytes[9] | 1;
    let mut rows = [row(1, &values[0]).ok()?; 6];
    for (x, (row, value)) in (1..).zip(rows.iter_mut().zip(&values)) {
        row.index = ShareIndex::new(x).ok()?;
        row.value = value;
    }
    let (secret, named) = out.split_at_mut(16);
    let wrong = correct_rows(quorum(2, 6).ok()?, &rows, &mut Xorshift(7), secret).ok()?;
    for (to, index) in named.iter_mut().zip(wrong.iter()) {
        *to = index.get();
    }
    Some(())
});

/// Writes the third share of two of three, blinded by itself, as text.
fn write_text<'a>(bytes: &[u8; 32], out: &'a mut [u8; text_len(32)]) -> Option<&'a str> {
    let (set, row) = (SetId::from_bytes([5; 16]), row(3, bytes).ok()?);
    let share = EncodedShare::new(set, quorum(2, 3).ok()?, row, bytes).ok()?;
    share.encode_text(out).ok()
}

// The end of its text: most of the blind, and the checksum.
trace!(trace_shamir_text_write, |bytes, out| {
    let mut buffer = [0; text_len(32)];
    let text = write_text(bytes, &mut buffer)?;
    out.copy_from_slice(text.as_bytes().last_chunk::<32>()?);
    Some(())
});

trace!(trace_shamir_text_read, |bytes, out| {
    let mut buffer = [0; text_len(32)];
    let text = write_text(bytes, &mut buffer)?;
    let mut encoded = [0; encoded_len(32)];
    let share = EncodedShare::parse_text(text, &mut encoded).ok()?;
    out.copy_from_slice(share.row().value);
    Some(())
});

// The digest of the first share of two of three, blinded by itself.
trace!(trace_shamir_digest, |bytes, out| {
    let share = row(1, bytes).ok()?;
    let digest = ShareDigest::of(
        &secret(bytes),
        SetId::from_bytes([5; 16]),
        quorum(2, 3).ok()?,
        share,
    );
    *out = *digest.as_bytes();
    Some(())
});
