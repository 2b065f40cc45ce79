// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels of GF(2^8), each that Valgrind's processor has, and the arithmetic of secret elements.

use security_domain::hazmat::gf256::{Backend, Element, Public, Store, Term};

use crate::Operation;
use crate::valgrind::{hidden, revealed};

pub const OPERATIONS: &[Operation] = &[
    ("gf256: kernel portable", portable),
    ("gf256: kernel avx2", avx2),
    ("gf256: elements, every product", products),
];

/// Long enough for every width of block and every tail.
const LEN: usize = 32 * 4 + 32 + 8 * 8 + 8 + 5;

fn portable() {
    kernel("portable");
}

fn avx2() {
    kernel("avx2");
}

fn kernel(name: &str) {
    let backend = Backend::available().find(|backend| backend.name() == name);
    let backend = backend.expect("this processor, as Valgrind shows it, has the kernel");
    let plain = [3, 0x53, 0xff].map(|seed| core::array::from_fn::<u8, LEN, _>(|i| i as u8 ^ seed));
    let rows = plain.map(hidden);
    let factors = [Public::new(0x57), Public::new(0x83), Public::new(1)];
    for store in [Store::Replace, Store::Add] {
        let mut out = hidden([0x5a; LEN]);
        let terms = [0, 1, 2].map(|i| Term {
            by: factors[i],
            row: &rows[i],
        });
        backend.run(&mut out, &terms, store).unwrap();
        for (at, got) in revealed(&out).into_iter().enumerate() {
            let start = if store == Store::Add { 0x5a } else { 0 };
            let products = (0..3).map(|i| factors[i].times(Public::new(plain[i][at])).get());
            assert_eq!(
                got,
                products.fold(start, |sum, product| sum ^ product),
                "byte {at}"
            );
        }
    }
}

fn products() {
    for a in 0..=255 {
        for b in 0..=255 {
            let ([x], [y]) = (hidden([a]), hidden([b]));
            let (x, y) = (Element::new(x), Element::new(y));
            let product = x.times(&y).plus(&Element::ZERO);
            let product = Element::select(product.is_zero(), &Element::ZERO, &product);
            let expected = Public::new(a).times(Public::new(b)).get();
            assert_eq!(revealed(&[product.expose()]), [expected]);
        }
    }
}
