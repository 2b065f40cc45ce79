// SPDX-License-Identifier: MIT OR Apache-2.0
//! The field of 1024 elements in which the code of BIP-93 has its roots: over the field of 32 elements that
//! bech32 uses (x^5 + x^3 + 1), with x^2 + x + 1.

use std::ops::{Add, Mul};

/// `low + high x`, each of 5 bits.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Element {
    low: u8,
    high: u8,
}

/// The root of the code, of order [`ORDER`].
pub const ROOT: Element = Element { low: 5, high: 5 };

/// The length of the longest text in which each place has a different power of the root.
pub const ORDER: usize = 93;

impl Element {
    pub const ZERO: Self = Self::of(0);
    pub const ONE: Self = Self::of(1);

    /// Makes an element from one of the smaller field.
    pub const fn of(low: u8) -> Self {
        Self { low, high: 0 }
    }

    /// Returns the element as one of the smaller field, if it is in there.
    pub fn small(self) -> Option<u8> {
        (self.high == 0).then_some(self.low)
    }

    pub fn power(self, exponent: usize) -> Self {
        (0..usize::BITS).rev().fold(Self::ONE, |power, bit| {
            let square = power * power;
            match exponent >> bit & 1 {
                1 => square * self,
                _ => square,
            }
        })
    }

    /// Returns the inverse; zero for zero.
    pub fn inverse(self) -> Self {
        self.power(1022)
    }
}

impl Add for Element {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            low: self.low ^ other.low,
            high: self.high ^ other.high,
        }
    }
}

impl Mul for Element {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let high = times(self.high, other.high);
        Self {
            low: times(self.low, other.low) ^ high,
            high: times(self.low, other.high) ^ times(self.high, other.low) ^ high,
        }
    }
}

/// Multiplies in the field of 32 elements.
fn times(a: u8, b: u8) -> u8 {
    (0..5).rev().fold(0, |product, bit| {
        let doubled = (product << 1) ^ ((product >> 4 & 1) * 0b10_1001);
        doubled ^ ((b >> bit & 1) * a)
    })
}

/// Multiplies two polynomials, lowest coefficient first, and drops what `product` has no place for.
pub fn product<const N: usize>(a: &[Element], b: &[Element]) -> [Element; N] {
    let mut product = [Element::ZERO; N];
    for (i, x) in a.iter().enumerate() {
        for (place, y) in product.iter_mut().skip(i).zip(b) {
            *place = *place + *x * *y;
        }
    }
    product
}

/// Evaluates a polynomial, lowest coefficient first.
pub fn at(polynomial: &[Element], x: Element) -> Element {
    let from_high = polynomial.iter().rev();
    from_high.fold(Element::ZERO, |value, next| value * x + *next)
}
