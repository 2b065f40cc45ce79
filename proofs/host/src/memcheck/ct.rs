// SPDX-License-Identifier: MIT OR Apache-2.0
//! The masks themselves.

use security_domain::hazmat::ct::{Mask, eq_bytes};

use security_domain::secret::Secret;
use subtle::ConstantTimeEq;

use crate::Operation;
use crate::rng::SecretRng;
use crate::valgrind::{hidden, revealed};

pub const OPERATIONS: &[Operation] = &[
    ("ct: masks, select", masks),
    ("ct: eq_bytes", compare),
    ("secret: equality", secrets),
];

fn masks() {
    for (a, b) in [(3u32, 5u32), (5, 3), (4, 4), (0, u32::MAX)] {
        let x = u32::from_ne_bytes(hidden(a.to_ne_bytes()));
        let y = u32::from_ne_bytes(hidden(b.to_ne_bytes()));
        let smaller = Mask::lt(x, y).select(x, y);
        let unequal = (!Mask::eq(x, y)).select_u8(1, 0);
        let either = (Mask::is_zero(x) | Mask::is_zero(y)).select_u8(1, 0);
        assert_eq!(
            u32::from_ne_bytes(revealed(&smaller.to_ne_bytes())),
            a.min(b)
        );
        assert_eq!(revealed(&[unequal]), [u8::from(a != b)]);
        assert_eq!(revealed(&[either]), [u8::from(a == 0 || b == 0)]);
        assert_eq!(Mask::lt(x, y).declassify(), a < b);
    }
}

fn compare() {
    let a = hidden([7; 33]);
    let mut other = [7; 33];
    other[32] = 8;
    assert!(eq_bytes(&a, &hidden([7; 33])).declassify());
    assert!(!eq_bytes(&a, &hidden(other)).declassify());
}

/// The generator's output is another each time, and the same again with the same seed.
fn secrets() {
    let [a, b, c] = [1, 1, 2].map(|seed| Secret::<32>::random(&mut SecretRng(seed)).unwrap());
    for (other, same) in [(&b, 1), (&c, 0)] {
        assert_eq!(revealed(&[a.ct_eq(other).unwrap_u8()]), [same]);
    }
}
