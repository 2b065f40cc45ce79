// SPDX-License-Identifier: MIT OR Apache-2.0
//! Products with every nibble, for kernels that shuffle by a table held in a register.

use super::{Element, Public};

/// For each factor f, in one cache line: `f * i` for i below 16, then `f * 16 i`.
#[repr(align(64))]
struct Nibbles([[[u8; 16]; 2]; 256]);

#[cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        reason = "an index that is not there does not compile"
    )
)]
static NIBBLES: Nibbles = {
    let mut tables = [[[0; 16]; 2]; 256];
    let mut factor = 0;
    while factor < 256 {
        let f = Element::new(factor as u8);
        let mut i = 0;
        while i < 16 {
            tables[factor][0][i] = f.times(&Element::new(i as u8)).expose();
            tables[factor][1][i] = f.times(&Element::new(16 * i as u8)).expose();
            i += 1;
        }
        factor += 1;
    }
    Nibbles(tables)
};

/// Returns the products of `factor` with the low nibbles and with the high ones. The public factor
/// selects the table; secret bytes index within a register, never in memory.
#[inline(always)]
#[cfg_attr(
    not(test),
    expect(clippy::indexing_slicing, reason = "a table for each of 256 factors")
)]
pub fn nibbles(factor: Public) -> &'static [[u8; 16]; 2] {
    &NIBBLES.0[usize::from(factor.get())]
}
