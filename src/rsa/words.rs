// SPDX-License-Identifier: MIT OR Apache-2.0
//! Integers of many words, least significant word first: the few operations that RSA needs, in
//! place, in a time that depends on the number of words only.

use crypto_bigint::{WideWord, Word};

use crate::ct::Mask;

/// Bytes in a word.
pub(super) const BYTES: usize = size_of::<Word>();

/// Reads a big-endian integer. Bytes beyond the words are ignored; missing ones are zero.
///
/// Secret: the bytes. Public: the lengths. Leaks: nothing else.
pub(super) fn from_be_bytes(words: &mut [Word], bytes: &[u8]) {
    words.fill(0);
    for (word, chunk) in words.iter_mut().zip(bytes.rchunks(BYTES)) {
        for &byte in chunk {
            *word = *word << 8 | Word::from(byte);
        }
    }
}

/// Writes a big-endian integer. Words beyond the bytes are dropped; missing ones are zero.
///
/// Secret: the words. Public: the lengths. Leaks: nothing else.
pub(super) fn to_be_bytes(bytes: &mut [u8], words: &[Word]) {
    bytes.fill(0);
    for (chunk, word) in bytes.rchunks_mut(BYTES).zip(words) {
        let word = word.to_be_bytes();
        for (byte, from) in chunk.iter_mut().rev().zip(word.iter().rev()) {
            *byte = *from;
        }
    }
}

/// `a += b`, returning the carry, 0 or 1.
///
/// Secret: `a`, `b`. Public: their length. Leaks: nothing else.
pub(super) fn add(a: &mut [Word], b: &[Word]) -> Word {
    let mut carry = 0;
    for (x, y) in a.iter_mut().zip(b) {
        let sum = WideWord::from(*x) + WideWord::from(*y) + WideWord::from(carry);
        *x = sum as Word;
        carry = (sum >> Word::BITS) as Word;
    }
    carry
}

/// `a += carry`, the carry out dropped.
///
/// Secret: `a`, `carry`. Public: the length of `a`. Leaks: nothing else.
pub(super) fn add_word(a: &mut [Word], mut carry: Word) {
    for x in a {
        let sum = WideWord::from(*x) + WideWord::from(carry);
        *x = sum as Word;
        carry = (sum >> Word::BITS) as Word;
    }
}

/// `a -= b`, returning the borrow, 0 or 1.
///
/// Secret: `a`, `b`. Public: their length. Leaks: nothing else.
pub(super) fn sub(a: &mut [Word], b: &[Word]) -> Word {
    let mut borrow = 0;
    for (x, y) in a.iter_mut().zip(b) {
        (*x, borrow) = sub_word(*x, *y, borrow);
    }
    borrow
}

/// `a += b` if `mask` is true. The carry out is dropped.
///
/// Secret: everything. Public: the length. Leaks: nothing else.
pub(super) fn add_if(mask: Mask, a: &mut [Word], b: &[Word]) {
    let mut carry = 0;
    for (x, y) in a.iter_mut().zip(b) {
        let y = mask.select_word(*y, 0);
        let sum = WideWord::from(*x) + WideWord::from(y) + WideWord::from(carry);
        *x = sum as Word;
        carry = (sum >> Word::BITS) as Word;
    }
}

/// `a -= b` if `mask` is true. The borrow out is dropped.
///
/// Secret: everything. Public: the length. Leaks: nothing else.
pub(super) fn sub_if(mask: Mask, a: &mut [Word], b: &[Word]) {
    let mut borrow = 0;
    for (x, y) in a.iter_mut().zip(b) {
        (*x, borrow) = sub_word(*x, mask.select_word(*y, 0), borrow);
    }
}

/// True if `a < b`.
///
/// Secret: `a`, `b`. Public: their length. Leaks: nothing else. A subtraction that is not kept
/// borrows exactly if `a < b`.
pub(super) fn lt(a: &[Word], b: &[Word]) -> Mask {
    let mut borrow = 0;
    for (x, y) in a.iter().zip(b) {
        (_, borrow) = sub_word(*x, *y, borrow);
    }
    Mask::from_bit(borrow as u32)
}

/// True if `a == b`.
///
/// Secret: `a`, `b`. Public: their length. Leaks: nothing else. Every bit that differs
/// stays in `difference`.
pub(super) fn eq(a: &[Word], b: &[Word]) -> Mask {
    let mut difference = 0;
    for (x, y) in a.iter().zip(b) {
        difference |= x ^ y;
    }
    is_zero_word(difference)
}

/// True if `a == 1`.
///
/// Secret: `a`. Public: its length. Leaks: nothing else.
pub(super) fn is_one(a: &[Word]) -> Mask {
    let one = core::iter::once(1).chain(core::iter::repeat(0));
    let mut difference = 0;
    for (x, y) in a.iter().zip(one) {
        difference |= x ^ y;
    }
    is_zero_word(difference)
}

/// `out = x mod m` for an `m` with its top bit set or not, by shifting and subtracting: slow, and right for
/// the even numbers that Montgomery's multiplication does not take. `out` is as long as `m`.
///
/// Secret: `x`, `m`. Public: the lengths. Leaks: nothing else. `out < m` before each step, so that
/// `2 out + 1` is below `2m`: one subtraction, and it is due too if doubling carries.
pub(super) fn rem(out: &mut [Word], x: &[Word], m: &[Word]) {
    out.fill(0);
    for word in x.iter().rev() {
        for shift in (0..Word::BITS).rev() {
            let mut carry = word >> shift & 1;
            for limb in out.iter_mut() {
                (*limb, carry) = (*limb << 1 | carry, *limb >> (Word::BITS - 1));
            }
            let due = Mask::from_bit(carry as u32) | !lt(out, m);
            sub_if(due, out, m);
        }
    }
}

/// True if `x == 0`: a wide word can be shifted by 32 bits whatever the width of a word is.
fn is_zero_word(x: Word) -> Mask {
    Mask::is_zero((x | (WideWord::from(x) >> 32) as Word) as u32)
}

/// `x - y - borrow` and the borrow out; `borrow` is 0 or 1.
#[inline(always)]
fn sub_word(x: Word, y: Word, borrow: Word) -> (Word, Word) {
    // Wide words wrap on a borrow, which sets all their upper half; its lowest bit is the borrow.
    let difference = WideWord::from(x)
        .wrapping_sub(WideWord::from(y))
        .wrapping_sub(WideWord::from(borrow));
    (difference as Word, (difference >> Word::BITS) as Word & 1)
}
