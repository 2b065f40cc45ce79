// SPDX-License-Identifier: MIT OR Apache-2.0
//! Products with every nibble, for kernels that shuffle by a table held in a register.

/// `NIBBLES[f][i]` is `f * i`, and `NIBBLES[f][16 + i]` is `f * 16 i`, for i below 16. Rows are
/// chosen by the public factor; the secret bytes index within a register, not in memory.
pub static NIBBLES: [[u8; 32]; 256] = {
    let mut tables = [[0; 32]; 256];
    let mut factor = 0;
    while factor < 256 {
        let f = Element::new(factor as u8);
        let mut i = 0;
        while i < 16 {
            tables[factor][i] = f.times(&Element::new(i as u8)).expose();
            tables[factor][16 + i] = f.times(&Element::new(16 * i as u8)).expose();
            i += 1;
        }
        factor += 1;
    }
    tables
};

use super::Element;
