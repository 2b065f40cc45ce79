// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES-256 key wrap with padding: KWP (SP 800-38F section 6.3), which is RFC 5649, for messages of up
//! to [`MAX_MESSAGE_LEN`] bytes.
//!
//! The crate `aes-kw` compares what it unwrapped with early exits, and can panic as far as the
//! compiler sees.

use core::convert::Infallible;

use aes::Aes256;
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroize;

use super::mechanism::WrapKey;
use crate::ct::{Mask, declassify, eq_bytes};
use crate::custodian::{MAX_MESSAGE_LEN, UnwrapError};
use crate::hardened::{Fault, Verdict, copy};
use crate::secret::Secret;

/// `ICV2` (section 6.3), which the message's length follows.
const ICV: [u8; 4] = [0xa6, 0x59, 0x59, 0xa6];

/// The longest wrapped message: one block of 8 bytes, then the padded message.
const MAX_WRAPPED: usize = 8 + MAX_MESSAGE_LEN.next_multiple_of(8);

type Room = Secret<MAX_WRAPPED>;

/// Returns AES-256 under the first 32 bytes of the key.
///
/// Secret: `key`, the result. Leaks: nothing.
pub fn cipher(key: &WrapKey) -> Result<Aes256, Fault> {
    let key = key.expose().first_chunk::<32>().ok_or(Fault)?;
    Ok(Aes256::new(key.into()))
}

/// Wraps `message` into `sealed`, which is filled. It is wrapped twice, and both must be the same.
///
/// Secret: `cipher`, `message`. Public: the lengths, `sealed`. Leaks: nothing else.
pub fn wrap(cipher: Aes256, message: &[u8], sealed: &mut [u8]) -> Result<(), Fault> {
    let (mut first, mut second) = (Room::zeroed(), Room::zeroed());
    let first = wrap_once(&cipher, message, sealed.len(), &mut first)?;
    let second = wrap_once(&cipher, message, sealed.len(), &mut second)?;
    Verdict::twice(|| eq_bytes(first, second)).or(Fault)?;
    // Neither was left as it is.
    let clear = first.get(8..).and_then(|front| front.get(..message.len()));
    let clear = clear.ok_or(Fault)?;
    Verdict::twice(|| !eq_bytes(clear, message) | Mask::public(message.len() < 8)).or(Fault)?;
    copy(sealed, first)
}

fn wrap_once<'r>(
    cipher: &Aes256,
    message: &[u8],
    len: usize,
    room: &'r mut Room,
) -> Result<&'r [u8], Fault> {
    let room = room.expose_mut().get_mut(..len).ok_or(Fault)?;
    let (head, body) = room.split_first_chunk_mut::<8>().ok_or(Fault)?;
    let [a, b, c, d] = u32::try_from(message.len())
        .map_err(|_| Fault)?
        .to_be_bytes();
    let [icv_a, icv_b, icv_c, icv_d] = ICV;
    *head = [icv_a, icv_b, icv_c, icv_d, a, b, c, d];
    copy(body.get_mut(..message.len()).ok_or(Fault)?, message)?;
    let mut block = Block::<Aes256>::default();
    if body.len() == 8 {
        copy(&mut block, room)?;
        cipher.encrypt_block(&mut block);
        copy(room, &block)?;
    } else {
        let mut step = 0u64;
        for _ in 0..6 {
            for chunk in body.as_chunks_mut::<8>().0 {
                step = step.wrapping_add(1);
                let (left, right) = block.split_at_mut_checked(8).ok_or(Fault)?;
                copy(left, head)?;
                copy(right, chunk)?;
                cipher.encrypt_block(&mut block);
                let (left, right) = block.split_at_checked(8).ok_or(Fault)?;
                copy(head, left)?;
                copy(chunk, right)?;
                mix(head, step);
            }
        }
    }
    block.as_mut_slice().zeroize();
    Ok(room)
}

/// Unwraps `sealed` into the front of `out`, and returns the message's length.
///
/// Secret: `cipher`, the message. Public: `sealed`, the message's length. Leaks: whether it opened.
pub fn unwrap(
    cipher: &Aes256,
    sealed: &[u8],
    out: &mut [u8],
) -> Result<usize, UnwrapError<Infallible>> {
    let mut room = Room::zeroed();
    let room = { room.expose_mut().get_mut(..sealed.len()) }.ok_or(UnwrapError::Opaque)?;
    copy(room, sealed)?;
    if sealed.len() < 16 || sealed.len() & 7 != 0 {
        return Err(UnwrapError::Opaque);
    }
    unwrap_blocks(cipher, room)?;
    let (head, body) = room.split_first_chunk::<8>().ok_or(Fault)?;
    let ([icv @ .., _, _, _, _], [_, _, _, _, a, b, c, d]) = (head, head);
    let len = u32::from_be_bytes([*a, *b, *c, *d]);
    let padded = body.len() as u32;
    Verdict::twice(|| {
        let in_range = !Mask::lt(padded, len) & Mask::lt(padded, len.wrapping_add(8));
        let zeros = (0..).zip(body).fold(Mask::public(true), |all, (at, byte)| {
            all & (Mask::lt(at, len) | Mask::is_zero(u32::from(*byte)))
        });
        eq_bytes(icv, &ICV) & in_range & zeros
    })
    .or(UnwrapError::Opaque)?;
    // Which length it has is public, now that it opened.
    let message = body
        .get(..declassify(len) as usize)
        .ok_or(UnwrapError::Opaque)?;
    let out = out.get_mut(..message.len()).ok_or(UnwrapError::Opaque)?;
    copy(out, message)?;
    Ok(message.len())
}

/// The inverse of what [`wrap_once`] does to the blocks.
fn unwrap_blocks(cipher: &Aes256, room: &mut [u8]) -> Result<(), Fault> {
    let mut block = Block::<Aes256>::default();
    let (head, body) = room.split_first_chunk_mut::<8>().ok_or(Fault)?;
    if body.len() == 8 {
        copy(&mut block, room)?;
        cipher.decrypt_block(&mut block);
        copy(room, &block)?;
    } else {
        let mut step = 6 * (body.len() as u64 >> 3);
        for _ in 0..6 {
            for chunk in body.as_chunks_mut::<8>().0.iter_mut().rev() {
                mix(head, step);
                step = step.wrapping_sub(1);
                let (left, right) = block.split_at_mut_checked(8).ok_or(Fault)?;
                copy(left, head)?;
                copy(right, chunk)?;
                cipher.decrypt_block(&mut block);
                let (left, right) = block.split_at_checked(8).ok_or(Fault)?;
                copy(head, left)?;
                copy(chunk, right)?;
            }
        }
    }
    block.as_mut_slice().zeroize();
    Ok(())
}

fn mix(head: &mut [u8; 8], step: u64) {
    *head = (u64::from_be_bytes(*head) ^ step).to_be_bytes();
}
