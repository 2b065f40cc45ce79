// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interchange format's sharing: integers mod 257.

use security_domain::hazmat::gf257::{Element, evaluate, leading_weight, weight};

use crate::Operation;
use crate::rng::SecretRng;
use crate::valgrind::{hidden, revealed};

pub const OPERATIONS: &[Operation] = &[
    (
        "gf257: draw coefficients, split, combine",
        split_and_combine,
    ),
    ("gf257: read a reduced value", read),
];

fn value(element: Element) -> u16 {
    u16::from_ne_bytes(revealed(&element.value().to_ne_bytes()))
}

fn split_and_combine() {
    let mut rng = SecretRng(257);
    let [byte] = hidden([0x5a]);
    let mut coefficients = [Element::from_byte(byte); 3];
    for coefficient in &mut coefficients[1..] {
        *coefficient = Element::random(&mut rng).ok().unwrap();
    }
    let points = [1, 2, 5].map(Element::from_byte);
    let shares = points.map(|x| evaluate(&coefficients, x));
    let sum = |weight: &dyn Fn(usize) -> Element| {
        (0..3).fold(Element::ZERO, |sum, i| sum + weight(i) * shares[i])
    };
    assert_eq!(
        value(sum(&|i| weight(&points, i, Element::ZERO).unwrap())),
        0x5a
    );
    assert_eq!(
        value(sum(&|i| leading_weight(&points, i).unwrap())),
        value(coefficients[2])
    );
}

fn read() {
    for given in [0u16, 256, 257, u16::MAX] {
        let secret = u16::from_ne_bytes(hidden(given.to_ne_bytes()));
        let (element, reduced) = Element::from_reduced(secret);
        assert_eq!(reduced.declassify(), given < 257);
        assert_eq!(value(element), if given < 257 { given } else { 0 });
    }
}
