// SPDX-License-Identifier: MIT OR Apache-2.0
//! Integers of many words, least significant word first: the few operations that RSA needs, in
//! place, in a time that depends only on the number of words.

use crypto_bigint::{WideWord, Word};

use crate::ct::Mask;
use crate::hardened::Fault;

/// Bytes in a word.
pub(super) const BYTES: usize = size_of::<Word>();

/// Reads a big-endian integer with at most as many bytes as the words; missing bytes are zero.
///
/// Secret: the bytes. Public: the lengths. Leaks: nothing else.
pub(super) fn from_be_bytes(words: &mut [Word], bytes: &[u8]) -> Result<(), Fault> {
    if bytes.len() > size_of_val(words) {
        return Err(Fault);
    }
    words.fill(0);
    for (word, chunk) in words.iter_mut().zip(bytes.rchunks(BYTES)) {
        for &byte in chunk {
            *word = *word << 8 | Word::from(byte);
        }
    }
    Ok(())
}

/// Writes a big-endian integer into at least as many bytes as the words have; leading bytes are
/// zero.
///
/// Secret: the words. Public: the lengths. Leaks: nothing else.
pub(super) fn to_be_bytes(bytes: &mut [u8], words: &[Word]) -> Result<(), Fault> {
    if bytes.len() < size_of_val(words) {
        return Err(Fault);
    }
    bytes.fill(0);
    for (chunk, word) in bytes.rchunks_mut(BYTES).zip(words) {
        let word = word.to_be_bytes();
        for (byte, from) in chunk.iter_mut().rev().zip(word.iter().rev()) {
            *byte = *from;
        }
    }
    Ok(())
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

/// `a -= borrow`, the borrow out dropped.
///
/// Secret: `a`, `borrow`. Public: the length of `a`. Leaks: nothing else.
pub(super) fn take_word(a: &mut [Word], mut borrow: Word) {
    for x in a {
        let under;
        (*x, under) = x.overflowing_sub(borrow);
        borrow = Word::from(under);
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

/// True if `a == 0`.
///
/// Secret: `a`. Public: its length. Leaks: nothing else.
pub(super) fn is_zero(a: &[Word]) -> Mask {
    is_zero_word(a.iter().fold(0, |all, x| all | x))
}

/// `a = 2 a + bit`, returning the bit shifted out.
///
/// Secret: `a`, `bit`. Public: the length. Leaks: nothing else.
pub(super) fn shl1(a: &mut [Word], bit: Word) -> Word {
    let mut carry = bit;
    for x in a {
        (*x, carry) = (*x << 1 | carry, *x >> (Word::BITS - 1));
    }
    carry
}

/// `a = 2 a` if `mask` is true. The bit shifted out is dropped.
///
/// Secret: everything. Public: the length. Leaks: nothing else.
pub(super) fn shl1_if(mask: Mask, a: &mut [Word]) {
    let mut carry = 0;
    for x in a {
        let high = *x >> (Word::BITS - 1);
        *x = mask.select_word(*x << 1 | carry, *x);
        carry = high;
    }
}

/// `a = 2 a` modulo `m` if `mask` is true, for an `m` with its top bit set. Below `R = 2^(bits of m)`, as
/// `a` is.
///
/// Secret: everything. Public: the length. Leaks: nothing else. First `2 a - m`, which is at least
/// `-m` and below `2 R - m`, so that its part above the words is -1, 0 or 1. With -1, adding `m` gives `2 a`, which
/// is below `m`; with 1, subtracting `m` leaves less than `2 R - 2 m`, which is below `R`.
pub(super) fn double_if(mask: Mask, a: &mut [Word], m: &[Word]) {
    let (mut carry, mut borrow) = (0, 0);
    for (x, y) in a.iter_mut().zip(m) {
        let sum =
            WideWord::from(*x) + WideWord::from(mask.select_word(*x, 0)) + WideWord::from(carry);
        carry = (sum >> Word::BITS) as Word;
        (*x, borrow) = sub_word(sum as Word, mask.select_word(*y, 0), borrow);
    }
    let below = Mask::from_bit((borrow & !carry) as u32);
    let above = Mask::from_bit((carry & !borrow) as u32);
    // Subtracting is adding the complement and 1.
    let mut carry = above.select_word(1, 0);
    for (x, y) in a.iter_mut().zip(m) {
        let y = below.select_word(*y, above.select_word(!*y, 0));
        let sum = WideWord::from(*x) + WideWord::from(y) + WideWord::from(carry);
        *x = sum as Word;
        carry = (sum >> Word::BITS) as Word;
    }
}

/// `a = a / 2` if `mask` is true.
///
/// Secret: everything. Public: the length. Leaks: nothing else.
pub(super) fn shr1_if(mask: Mask, a: &mut [Word]) {
    let mut carry = 0;
    for x in a.iter_mut().rev() {
        let low = *x << (Word::BITS - 1);
        *x = mask.select_word(*x >> 1 | carry, *x);
        carry = low;
    }
}

/// True if `a` is odd.
///
/// Secret: `a`. Leaks: nothing.
pub(super) fn is_odd(a: &[Word]) -> Mask {
    Mask::from_bit(a.first().map_or(0, |low| low & 1) as u32)
}

/// Returns `-1/x` modulo one word, for an odd `x`, by Newton's iteration, which doubles the number of
/// correct bits; an odd word is its own inverse to 3 bits.
///
/// Secret: `x`. Leaks: nothing.
pub(super) const fn neg_inverse(x: Word) -> Word {
    let (mut inverse, mut i) = (x, 0);
    while i < 5 {
        inverse = inverse.wrapping_mul((2 as Word).wrapping_sub(x.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg()
}

/// Returns true if `x == 0`: a wide word can be shifted by 32 bits, whatever the width of a word.
fn is_zero_word(x: Word) -> Mask {
    Mask::is_zero((x | (WideWord::from(x) >> 32) as Word) as u32)
}

/// Returns `x - y - borrow` and the borrow out; `borrow` is 0 or 1.
#[inline(always)]
fn sub_word(x: Word, y: Word, borrow: Word) -> (Word, Word) {
    // A wide word wraps on a borrow, which sets its whole upper half; the lowest bit of that is the
    // borrow.
    let difference = WideWord::from(x)
        .wrapping_sub(WideWord::from(y))
        .wrapping_sub(WideWord::from(borrow));
    (difference as Word, (difference >> Word::BITS) as Word & 1)
}

#[cfg(test)]
mod tests {
    use crypto_bigint::{NonZero, Uint};
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = [Word; 3]> {
        let word = prop_oneof![
            Just(0),
            Just(1),
            Just(Word::MAX),
            Just(1 << (Word::BITS - 1)),
            any::<Word>()
        ];
        prop::array::uniform3(word)
    }

    proptest! {
        #[test]
        fn agree_with_crypto_bigint(a in numbers(), b in numbers()) {
            let (x, y) = (Uint::from_words(a), Uint::from_words(b));
            let mut sum = a;
            add(&mut sum, &b);
            prop_assert_eq!(sum, x.wrapping_add(&y).to_words());
            let mut difference = a;
            prop_assert_eq!(sub(&mut difference, &b) == 1, x < y);
            prop_assert_eq!(difference, x.wrapping_sub(&y).to_words());
            prop_assert_eq!(lt(&a, &b).declassify(), x < y);
            prop_assert_eq!(eq(&a, &b).declassify(), a == b);
            prop_assert!(eq(&a, &a).declassify());
            prop_assert_eq!(is_zero(&a).declassify(), x == Uint::ZERO);
            prop_assert_eq!(is_one(&a).declassify(), x == Uint::ONE);

            let mut doubled = a;
            shl1_if(Mask::public(true), &mut doubled);
            prop_assert_eq!(doubled, x.wrapping_add(&x).to_words());
            shl1_if(Mask::public(false), &mut doubled);
            prop_assert_eq!(doubled, x.wrapping_add(&x).to_words());

            let mut m = b;
            m[2] |= 1 << (Word::BITS - 1);
            let modulus = NonZero::new(Uint::from_words(m)).unwrap();
            let mut doubled = a;
            double_if(Mask::public(false), &mut doubled, &m);
            prop_assert_eq!(doubled, a);
            double_if(Mask::public(true), &mut doubled, &m);
            let residue = x.rem_vartime(&modulus);
            let twice = residue.add_mod(&residue, &modulus);
            prop_assert_eq!(Uint::from_words(doubled).rem_vartime(&modulus), twice);

            let (mut up, mut down) = (a, a);
            add_word(&mut up, b[0]);
            take_word(&mut down, b[0]);
            let word = Uint::from_words([b[0], 0, 0]);
            prop_assert_eq!(up, x.wrapping_add(&word).to_words());
            prop_assert_eq!(down, x.wrapping_sub(&word).to_words());
        }

        #[test]
        fn bytes_round_trip(a in numbers(), zeros in 0usize..5) {
            let mut bytes = [0xa5; 3 * BYTES + 5];
            let bytes = &mut bytes[..3 * BYTES + zeros];
            to_be_bytes(bytes, &a).unwrap();
            prop_assert!(bytes[..zeros].iter().all(|byte| *byte == 0));
            let words = Uint::<3>::from_be_slice(&bytes[zeros..]).to_words();
            prop_assert_eq!(words, a);
            let mut again = [7; 3];
            from_be_bytes(&mut again, &bytes[zeros..]).unwrap();
            prop_assert_eq!(again, a);
            // Shorter than the words, and longer.
            from_be_bytes(&mut again, &bytes[zeros + BYTES..]).unwrap();
            prop_assert_eq!(again, [a[0], a[1], 0]);
            prop_assert_eq!(from_be_bytes(&mut again, &bytes[..]).is_err(), zeros > 0);
            prop_assert_eq!(to_be_bytes(&mut bytes[zeros + 1..], &a), Err(Fault));
        }
    }
}
