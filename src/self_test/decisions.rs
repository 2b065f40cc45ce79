// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of comparisons and decisions.

use core::hint::black_box;

use super::answer::{Judge, Wrong};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::Verdict;

#[inline(never)]
pub fn constant_time(judge: &mut impl Judge) -> Result<(), Wrong> {
    let bytes = black_box([0x5a; 33]);
    let mut last = bytes;
    if let Some(byte) = last.last_mut() {
        *byte ^= 0x80;
    }
    let (low, high) = black_box((3, u32::MAX));
    let masks = [
        eq_bytes(&bytes, &bytes),
        !eq_bytes(&bytes, &last),
        !eq_bytes(&bytes, &bytes[1..]),
        Mask::lt(low, high),
        !Mask::lt(high, low),
        !Mask::lt(high, high),
        Mask::eq(high, high),
        !Mask::eq(low, high),
        Mask::is_zero(black_box(0)),
        !Mask::is_zero(black_box(1 << 31)),
    ];
    judge.same(&masks.map(|mask| mask.select_u8(1, 2)), &[1; 10])?;
    judge.same(&masks.map(|mask| u8::from(mask.declassify())), &[1; 10])
}

/// Both evaluations must allow.
#[inline(never)]
pub fn verdict(judge: &mut impl Judge) -> Result<(), Wrong> {
    let outcomes = [0u32, 1, 2, 3].map(|pattern| {
        let mut left = black_box(pattern);
        let verdict = Verdict::twice(|| {
            let allows = Mask::from_bit(left & 1);
            left >>= 1;
            allows
        });
        u8::from(verdict.or(()).is_ok())
    });
    judge.same(&outcomes, &[0, 0, 0, 1])
}
