// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel in plain Rust, for any CPU: eight bytes to a word, no branch or address from a row.
//!
//! A sum of terms is evaluated bit by bit of the factors, by Horner's rule: from the highest bit
//! down, the sum so far is multiplied by x, and the rows whose factor has that bit are added. So
//! all terms share the multiplications by x, which are most of the work. Compilers turn the blocks
//! into vector instructions.

use core::array;
use core::hint::black_box;

use super::{Store, Term};
use crate::ct;
use crate::hardened::Fault;

/// Words in a block, held in registers while the terms are added: 64 bytes.
const BLOCK: usize = 8;

/// Sets `out[start..]` to the sum of `terms`, or adds the sum to it. Rows are as long as `out`, as
/// the caller checked.
///
/// Secret: `out`, the rows. Public: the factors, the lengths, `store`, `start`. Leaks: nothing else.
pub fn run(out: &mut [u8], terms: &[Term<'_>], store: Store, start: usize) -> Result<(), Fault> {
    let mut at = start;
    let rest = out.get_mut(start..).ok_or(Fault)?;
    let (words, tail) = rest.as_chunks_mut::<8>();
    let (blocks, words) = words.as_chunks_mut::<BLOCK>();
    for block in blocks {
        put(block, sum(terms, |row| load(row, at)), store);
        at += size_of_val(block);
    }
    for word in words {
        put(
            array::from_mut(word),
            sum(terms, |row| load(row, at)),
            store,
        );
        at += size_of_val(word);
    }
    if !tail.is_empty() {
        let [sum] = sum(terms, |row| [load_tail(row, at)]);
        for (byte, sum) in tail.iter_mut().zip(sum.to_le_bytes()) {
            *byte = match store {
                Store::Replace => sum,
                Store::Add => *byte ^ sum,
            };
        }
    }
    Ok(())
}

/// The sum of the terms over one block of words, which `load` takes from a row.
#[inline(always)]
fn sum<const W: usize>(terms: &[Term<'_>], load: impl Fn(&[u8]) -> [u64; W]) -> [u64; W] {
    let factors = terms.iter().fold(0, |bits, term| bits | term.by.get());
    let mut sum = [0; W];
    for bit in (0..u8::BITS - factors.leading_zeros()).rev() {
        sum = sum.map(times_x);
        for term in terms {
            // The factor is public.
            if (term.by.get() >> bit) & 1 == 1 {
                for (sum, word) in sum.iter_mut().zip(load(term.row)) {
                    *sum ^= word;
                }
            }
        }
    }
    sum
}

/// Eight elements at once, times x.
#[inline(always)]
fn times_x(word: u64) -> u64 {
    let top = word & ct::TOP_BITS;
    ((word ^ top) << 1) ^ (ct::spread_top_bits(top) & 0x1b1b_1b1b_1b1b_1b1b)
}

/// Loads the words of `row` from byte `at` on. The order of the bytes does not matter, as long as
/// [`put`] uses the same one.
#[inline(always)]
fn load<const W: usize>(row: &[u8], at: usize) -> [u64; W] {
    let words = row.get(at..).unwrap_or_default().as_chunks().0;
    match words.first_chunk() {
        Some(words) => words.map(u64::from_le_bytes),
        // Rows are as long as `out`.
        None => [0; W],
    }
}

/// Loads up to seven bytes of `row` from `at` on, as one word. The barrier hides that the other
/// bytes are zero: a compiler might branch on a single secret bit.
#[inline(always)]
fn load_tail(row: &[u8], at: usize) -> u64 {
    let tail = row.get(at..).unwrap_or_default().iter();
    black_box(
        tail.rev()
            .fold(0, |word, &byte| (word << 8) | u64::from(byte)),
    )
}

#[inline(always)]
fn put<const W: usize>(out: &mut [[u8; 8]; W], sum: [u64; W], store: Store) {
    for (out, sum) in out.iter_mut().zip(sum) {
        *out = match store {
            Store::Replace => sum,
            Store::Add => u64::from_le_bytes(*out) ^ sum,
        }
        .to_le_bytes();
    }
}
