// SPDX-License-Identifier: MIT OR Apache-2.0
//! Products of double width, and their reduction word by word (Handbook of Applied Cryptography,
//! algorithms 14.12, 14.16 and 14.32). RSA spends its time here.

use crypto_bigint::{WideWord, Word};

use crate::ct::Mask;
use crate::hardened::Fault;

/// `wide = a b`; `wide` has as many words as both.
///
/// Secret: `a`, `b`. Public: their lengths. Leaks: nothing else. A step is at most
/// `(B - 1)^2 + 2 (B - 1) = B^2 - 1`, which fits a wide word.
#[inline(never)]
pub(super) fn mul_wide(wide: &mut [Word], a: &[Word], b: &[Word]) -> Result<(), Fault> {
    if wide.len() != a.len() + b.len() {
        return Err(Fault);
    }
    wide.fill(0);
    for (i, x) in a.iter().enumerate() {
        mul_add_row(wide.get_mut(i..).ok_or(Fault)?, *x, b)?;
    }
    Ok(())
}

/// Sets `wide = a^2`; `wide` has twice the words of `a`. The products of different words are
/// computed once and doubled, then the squares are added.
///
/// Secret: `a`. Public: its length. Leaks: nothing else.
#[inline(never)]
pub(super) fn square_wide(wide: &mut [Word], a: &[Word]) -> Result<(), Fault> {
    if wide.len() != 2 * a.len() {
        return Err(Fault);
    }
    wide.fill(0);
    let mut rest = a;
    let mut i = 0;
    while let Some((x, above)) = rest.split_first() {
        mul_add_row(wide.get_mut(2 * i + 1..).ok_or(Fault)?, *x, above)?;
        rest = above;
        i += 1;
    }

    let (mut shifted_out, mut carry) = (0, 0);
    for (pair, x) in wide.as_chunks_mut::<2>().0.iter_mut().zip(a) {
        let [low, high] = *pair;
        let square = WideWord::from(*x) * WideWord::from(*x);
        let sum = WideWord::from(low << 1 | shifted_out)
            + WideWord::from(square as Word)
            + WideWord::from(carry);
        let upper = WideWord::from(high << 1 | low >> (Word::BITS - 1))
            + (square >> Word::BITS)
            + (sum >> Word::BITS);
        *pair = [sum as Word, upper as Word];
        carry = (upper >> Word::BITS) as Word;
        shifted_out = high >> (Word::BITS - 1);
    }
    Ok(())
}

/// Makes the lower half of `wide` zero by adding multiples of `m`. The upper half is then the
/// result, except for the returned carry.
///
/// Secret: `wide`, `m`. Public: the lengths. Leaks: nothing else.
#[inline(never)]
pub(super) fn reduce_wide(wide: &mut [Word], m: &[Word], neg_inverse: Word) -> Result<Mask, Fault> {
    if wide.len() != 2 * m.len() {
        return Err(Fault);
    }
    let mut carry = 0;
    for i in 0..m.len() {
        let row = wide.get_mut(i..).ok_or(Fault)?;
        let (row, above) = row.split_at_mut_checked(m.len()).ok_or(Fault)?;
        let low = row.first().ok_or(Fault)?;
        let c = mul_add(row, low.wrapping_mul(neg_inverse), m);
        let to = above.first_mut().ok_or(Fault)?;
        let sum = WideWord::from(*to) + WideWord::from(c) + WideWord::from(carry);
        *to = sum as Word;
        carry = (sum >> Word::BITS) as Word;
    }
    Ok(Mask::from_bit(carry as u32))
}

/// `row += x b`, where the word above those of `b` is still zero.
#[inline(always)]
fn mul_add_row(row: &mut [Word], x: Word, b: &[Word]) -> Result<(), Fault> {
    let (row, above) = row.split_at_mut_checked(b.len()).ok_or(Fault)?;
    *above.first_mut().ok_or(Fault)? = mul_add(row, x, b);
    Ok(())
}

/// `row += x b` for a row as long as `b`; returns the carry. Four words at a time, because a loop costs a
/// microcontroller as much as two of its multiplications.
#[inline(always)]
fn mul_add(row: &mut [Word], x: Word, b: &[Word]) -> Word {
    let mut carry = 0;
    let mut step = |to: &mut Word, y: Word| {
        let sum =
            WideWord::from(x) * WideWord::from(y) + WideWord::from(*to) + WideWord::from(carry);
        *to = sum as Word;
        carry = (sum >> Word::BITS) as Word;
    };
    let (fours, rest) = row.as_chunks_mut::<4>();
    let (fours_of_b, rest_of_b) = b.as_chunks::<4>();
    for ([to0, to1, to2, to3], [y0, y1, y2, y3]) in fours.iter_mut().zip(fours_of_b) {
        step(to0, *y0);
        step(to1, *y1);
        step(to2, *y2);
        step(to3, *y3);
    }
    for (to, y) in rest.iter_mut().zip(rest_of_b) {
        step(to, *y);
    }
    carry
}

#[cfg(test)]
mod tests {
    use crypto_bigint::Uint;

    use super::*;

    /// Rows of every length up to three fours, from any place in a four.
    #[test]
    fn rows_of_every_length_are_added() {
        let (row, b) = ([Word::MAX; 13], [Word::MAX - 1; 13]);
        for len in 0..=12 {
            let mut sum = row;
            sum[len] = 0;
            mul_add_row(&mut sum[..=len], Word::MAX, &b[..len]).unwrap();
            let product = |x: Word| {
                Uint::<14>::from_words(core::array::from_fn(|i| if i < len { x } else { 0 }))
            };
            let expected = product(Word::MAX)
                + product(Word::MAX - 1).wrapping_mul(&Uint::<14>::from_word(Word::MAX));
            assert_eq!(sum[..=len], expected.to_words()[..=len], "{len}");
            assert_eq!(mul_add_row(&mut sum[..len], 1, &b[..len]), Err(Fault));
        }
    }

    #[test]
    fn products_that_do_not_fit_are_refused() {
        let [a, b] = [[1; 2], [Word::MAX; 2]];
        for len in (0..7).filter(|len| *len != 4) {
            let wide = &mut [0; 7][..len];
            assert_eq!(mul_wide(wide, &a, &b), Err(Fault));
            assert_eq!(square_wide(wide, &a), Err(Fault));
            assert_eq!(reduce_wide(wide, &a, 1).err(), Some(Fault));
        }
    }
}
