// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leaks that the run must report; if it does not, it proves nothing.

use std::hint::black_box;

use crate::Operation;
use crate::valgrind::hidden;

pub const LEAKS: &[Operation] = &[
    ("planted: branch on a secret", branch),
    ("planted: table index from a secret", table),
];

fn branch() {
    let [secret] = black_box(hidden([7u8]));
    if secret & 1 == 1 {
        println!("  a branch was taken");
    }
}

fn table() {
    let table = black_box([3u8; 256]);
    let [secret] = black_box(hidden([7u8]));
    black_box(table[usize::from(secret)]);
}
