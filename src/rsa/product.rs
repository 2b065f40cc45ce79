// SPDX-License-Identifier: MIT OR Apache-2.0
//! Products of double width, and their reduction, two words of the multiplier at a time (Handbook of Applied Cryptography,
//! algorithms 14.12, 14.16 and 14.32). RSA spends its time here.

use crypto_bigint::{WideWord, Word};

use crate::ct::Mask;
use crate::hardened::Fault;

/// `wide = a b`; `wide` has as many words as both.
///
/// Secret: `a`, `b`. Public: their lengths. Leaks: nothing else.
#[inline(never)]
pub(super) fn mul_wide(wide: &mut [Word], a: &[Word], b: &[Word]) -> Result<(), Fault> {
    if wide.len() != a.len() + b.len() {
        return Err(Fault);
    }
    wide.fill(0);
    for (i, pair) in a.chunks(2).enumerate() {
        let row = wide.get_mut(2 * i..).ok_or(Fault)?;
        let (row, above) = row.split_at_mut_checked(b.len()).ok_or(Fault)?;
        let [x, next @ ..] = pair else {
            return Err(Fault);
        };
        let mut rows = Rows::of(*x, next.first());
        rows.add(row, b);
        rows.end(above);
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
    while let [x, above @ ..] = rest {
        // The row of the next word begins two words higher: it leaves out its own square.
        let next = above.first().filter(|_| above.len() > 1);
        let mut rows = Rows::of(*x, next);
        let row = wide.get_mut(2 * i + 1..).ok_or(Fault)?;
        let (row, end) = row.split_at_mut_checked(above.len()).ok_or(Fault)?;
        let alone = above.len().min(2);
        let (row_alone, row) = row.split_at_mut_checked(alone).ok_or(Fault)?;
        let (above_alone, above) = above.split_at_checked(alone).ok_or(Fault)?;
        for (to, y) in row_alone.iter_mut().zip(above_alone) {
            rows.step_alone(to, *y);
        }
        rows.add(row, above);
        rows.end(end);
        rest = rest.get(2..).unwrap_or_default();
        i += 2;
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

/// Makes the lower half of `wide` zero by adding multiples of `m`, which has at least two words. The
/// upper half is then the result, except for the returned carry.
///
/// Secret: `wide`, `m`. Public: the lengths. Leaks: nothing else.
#[inline(never)]
pub(super) fn reduce_wide(wide: &mut [Word], m: &[Word], neg_inverse: Word) -> Result<Mask, Fault> {
    if wide.len() != 2 * m.len() {
        return Err(Fault);
    }
    let [m0, m1, m_rest @ ..] = m else {
        return Err(Fault);
    };
    let mut carry = 0;
    for i in (0..m.len()).step_by(2) {
        let row = wide.get_mut(i..).ok_or(Fault)?;
        let (row, above) = row.split_at_mut_checked(m.len()).ok_or(Fault)?;
        let ([row0, row1, row @ ..], [above, next_above @ ..]) = (row, above) else {
            return Err(Fault);
        };
        // The first multiple makes the first word zero, the second one the word above. The last word
        // of an odd number has no second.
        let mut rows = Rows::of(row0.wrapping_mul(neg_inverse), None);
        rows.step(row0, *m0);
        rows.step_alone(row1, *m1);
        if !next_above.is_empty() {
            rows.next = row1.wrapping_mul(neg_inverse);
        }
        (*row1, rows.next_carry) = mul_add(rows.next, *m0, *row1, 0);
        rows.add(row, m_rest);

        // At most 2 (B - 1) + 1, so the part above a word is a bit.
        let sum = WideWord::from(*above) + WideWord::from(rows.carry) + WideWord::from(carry);
        let (low, high) = mul_add(rows.next, rows.below, sum as Word, rows.next_carry);
        *above = low;
        // At most (B - 1) + 1 + (B - 1): again a word and a bit. Without a second row, `high` is 0.
        let mut sum = WideWord::from(high) + (sum >> Word::BITS);
        if let Some(above) = next_above.first_mut() {
            sum += WideWord::from(*above);
            *above = sum as Word;
            sum >>= Word::BITS;
        }
        carry = sum as Word;
    }
    Ok(Mask::from_bit(carry as u32))
}

/// Two rows of a product, `(x + next B) b`, added in one pass: each word of the sum is loaded and
/// stored once for both.
struct Rows {
    x: Word,
    carry: Word,
    /// The multiplier of the row that begins one word higher.
    next: Word,
    next_carry: Word,
    /// The word of `b` that `next` has still to be multiplied with.
    below: Word,
}

impl Rows {
    /// Begins with these multipliers; without the second one there is one row.
    #[inline(always)]
    fn of(x: Word, next: Option<&Word>) -> Self {
        Self {
            x,
            carry: 0,
            next: next.copied().unwrap_or(0),
            next_carry: 0,
            below: 0,
        }
    }

    /// Adds both rows to one word of the sum.
    #[inline(always)]
    fn step(&mut self, to: &mut Word, y: Word) {
        let low;
        (low, self.carry) = mul_add(self.x, y, *to, self.carry);
        (*to, self.next_carry) = mul_add(self.next, self.below, low, self.next_carry);
        self.below = y;
    }

    /// Adds the lower row to a word of the sum that is below the other row.
    #[inline(always)]
    fn step_alone(&mut self, to: &mut Word, y: Word) {
        (*to, self.carry) = mul_add(self.x, y, *to, self.carry);
        self.below = y;
    }

    /// Adds both rows to as many words of the sum as `b` has. Four words at a time, because a loop costs a
    /// microcontroller as much as two of its multiplications.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    fn add(&mut self, row: &mut [Word], b: &[Word]) {
        let (fours, rest) = row.as_chunks_mut::<4>();
        let (fours_of_b, rest_of_b) = b.as_chunks::<4>();
        for ([to0, to1, to2, to3], [y0, y1, y2, y3]) in fours.iter_mut().zip(fours_of_b) {
            self.step(to0, *y0);
            self.step(to1, *y1);
            self.step(to2, *y2);
            self.step(to3, *y3);
        }
        for (to, y) in rest.iter_mut().zip(rest_of_b) {
            self.step(to, *y);
        }
    }

    /// Writes what is left to the two words above, which are still zero. Without a second row the
    /// second of them is zero, and may be missing.
    #[inline(always)]
    fn end(self, above: &mut [Word]) {
        let (low, high) = mul_add(self.next, self.below, self.carry, self.next_carry);
        for (to, word) in above.iter_mut().zip([low, high]) {
            *to = word;
        }
    }
}

/// `x y + a + b`, as a low and a high word: at most `(B - 1)^2 + 2 (B - 1) = B^2 - 1`.
#[inline(always)]
fn mul_add(x: Word, y: Word, a: Word, b: Word) -> (Word, Word) {
    let sum = WideWord::from(x) * WideWord::from(y) + WideWord::from(a) + WideWord::from(b);
    (sum as Word, (sum >> Word::BITS) as Word)
}

#[cfg(test)]
mod tests {
    use crypto_bigint::{BoxedUint, ConcatenatingMul};
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::rsa::words::neg_inverse;

    /// Numbers of any length up to three fours and a pair, odd and even, with words in which carries
    /// go wrong.
    fn number(least: usize) -> impl Strategy<Value = Vec<Word>> {
        let word = prop_oneof![
            2 => Just(Word::MAX),
            1 => Just(0),
            1 => Just(Word::MAX - 1),
            2 => any::<Word>(),
        ];
        prop::collection::vec(word, least..=14)
    }

    fn boxed(words: &[Word]) -> BoxedUint {
        BoxedUint::from_words(words.iter().copied())
    }

    proptest! {
        #[test]
        fn products_of_every_length_agree_with_crypto_bigint(a in number(1), b in number(1)) {
            let mut wide = vec![7; a.len() + b.len()];
            let product = boxed(&a).concatenating_mul(&boxed(&b));
            mul_wide(&mut wide, &a, &b).unwrap();
            prop_assert_eq!(&wide[..], product.as_words());
            let mut wide = vec![7; 2 * a.len()];
            let square = boxed(&a).concatenating_mul(&boxed(&a));
            square_wide(&mut wide, &a).unwrap();
            prop_assert_eq!(&wide[..], square.as_words());
        }

        /// `R` times the result and the carry is the number plus a multiple of `m`.
        #[test]
        fn reductions_of_every_length_add_multiples(m in number(2), bits in number(14), ones: bool) {
            let mut m = m;
            m[0] |= 1;
            let len = m.len();
            let mut wide: Vec<Word> = { bits.into_iter().cycle() }.take(2 * len).collect();
            if ones {
                wide.fill(Word::MAX);
            }
            let before = wide.clone();
            let carry = reduce_wide(&mut wide, &m, neg_inverse(m[0])).unwrap();
            prop_assert!(wide[..len].iter().all(|word| *word == 0));
            wide.push(carry.select_word(1, 0));
            let added = boxed(&wide).wrapping_sub(boxed(&before));
            let m = boxed(&m).to_nz().unwrap();
            let (multiple, rest) = added.div_rem_vartime(&m);
            prop_assert!(bool::from(rest.is_zero()));
            prop_assert!(multiple.bits_vartime() <= len as u32 * Word::BITS);
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
        assert_eq!(reduce_wide(&mut [0; 2], &[1], 1).err(), Some(Fault));
    }
}
