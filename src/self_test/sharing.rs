// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the fields and of Shamir's scheme.

use core::hint::black_box;

use sha2::{Digest, Sha256};

use super::answer::{Drawn, Judge, Wrong, hex, key};
use crate::gf256::{Backend, Public, Store, Term};
#[cfg(feature = "managed-hsm")]
use crate::gf257;
use crate::quorum::{Quorum, ShareIndex};
use crate::shamir::{self, Share};

/// Some steps of the widest kernel, and a rest.
const ROW: usize = 263;

/// Compares the whole multiplication table with a digest made by `tests/interop/self_test.py`, and
/// sums with those of the portable kernel.
#[inline(never)]
pub fn gf256(judge: &mut impl Judge) -> Result<(), Wrong> {
    const TABLE: [u8; 32] = hex("14a1e7e77ca8a30b5bb53e6310748ce0498eb9e04ab78a44dbefb6ebfac8a84b");

    let bytes = black_box(core::array::from_fn::<u8, ROW, _>(|i| i as u8));
    let (all, _) = bytes.split_at_checked(256).ok_or(Wrong)?;
    for backend in [Backend::PORTABLE, Backend::detect()] {
        let mut table = Sha256::new();
        for by in 0..=u8::MAX {
            let mut products = [0; 256];
            let term = Term {
                by: Public::new(by),
                row: all,
            };
            backend
                .run(&mut products, &[term], Store::Replace)
                .map_err(|_| Wrong)?;
            table.update(products);
        }
        judge.same(&table.finalize(), &TABLE)?;
    }

    let (scattered, inverted) = (
        bytes.map(|byte| byte.wrapping_mul(0x9d)),
        bytes.map(|byte| !byte),
    );
    let terms = [(0x02, &bytes), (0x53, &scattered), (0xca, &inverted)].map(|(by, row)| Term {
        by: Public::new(by),
        row,
    });
    for store in [Store::Replace, Store::Add] {
        let (mut have, mut want) = ([0xa5; ROW], [0xa5; ROW]);
        Backend::detect()
            .run(&mut have, &terms, store)
            .map_err(|_| Wrong)?;
        Backend::PORTABLE
            .run(&mut want, &terms, store)
            .map_err(|_| Wrong)?;
        judge.same(&have, &want)?;
    }
    Ok(())
}

/// Combines shares of a known polynomial, made by `tests/interop/self_test.py`; then splits and
/// combines a secret.
#[inline(never)]
pub fn shamir(judge: &mut impl Judge) -> Result<(), Wrong> {
    const SECRET: [u8; 8] = hex("0001020304050607");
    /// The values at 1, 4 and 255 of the secret + x * (10 11 .. 17) + x^2 * (f0 f1 .. f7).
    const SHARES: [(u8, [u8; 8]); 3] = [
        (1, hex("e0e1e2e3e4e5e6e7")),
        (4, hex("d9ccf3e68d98a7b2")),
        (255, hex("fb163ad7628fa34e")),
    ];

    let share = |(index, value): &(u8, _)| {
        ShareIndex::new(*index).map(|index| Share::new(index, key(value)))
    };
    let [a, b, c] = &SHARES;
    let (a, b, c) = (share(a), share(b), share(c));
    let (Ok(a), Ok(b), Ok(c)) = (a, b, c) else {
        return Err(Wrong);
    };
    let (known, fresh) = (Quorum::of::<3, 255>(), Quorum::of::<2, 3>());
    let combined = shamir::combine(known, &[&c, &a, &b]).map_err(|_| Wrong)?;
    judge.same(combined.expose(), &SECRET)?;

    let [first, second, third] =
        shamir::split(&key(&SECRET), fresh, &mut Drawn).map_err(|_| Wrong)?;
    // The secret + x * 5a, at 1.
    judge.same(first.value().expose(), &SECRET.map(|byte| byte ^ 0x5a))?;
    let combined = shamir::combine(fresh, &[&third, &second]).map_err(|_| Wrong)?;
    judge.same(combined.expose(), &SECRET)
}

/// The polynomial 23 + 200 x + 256 x^2 at 1, 2 and 3, and back to its constant term.
#[cfg(feature = "managed-hsm")]
#[inline(never)]
pub fn gf257(judge: &mut impl Judge) -> Result<(), Wrong> {
    use gf257::Element;

    const VALUES: [u8; 6] = hex("00de00a20064");

    let number = |value| Element::from_reduced(black_box(value)).0;
    let coefficients = [23, 200, 256].map(number);
    let points = [1, 2, 3].map(number);
    let values = points.map(|point| gf257::evaluate(&coefficients, point));
    let [a, b, c] = values.map(|value| value.value().to_be_bytes());
    judge.same([a, b, c].as_flattened(), &VALUES)?;

    let mut constant = Element::ZERO;
    for (i, value) in values.iter().enumerate() {
        let weight = gf257::weight(&points, i, Element::ZERO).map_err(|_| Wrong)?;
        constant = constant + weight * *value;
    }
    judge.same(&constant.value().to_be_bytes(), &[0, 23])
}
