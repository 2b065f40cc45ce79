// SPDX-License-Identifier: MIT OR Apache-2.0
//! One secret field element, for arithmetic in which no factor is public.

use zeroize::Zeroize;

use super::Public;
use crate::ct::Mask;

/// A secret element.
///
/// It has no `==`: use [`is_zero`](Self::is_zero), which returns a mask. It is not wiped when
/// dropped: code that holds elements for longer than an expression wipes them.
pub struct Element(u8);

/// Prints no part of the value.
impl core::fmt::Debug for Element {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Element(..)")
    }
}

impl Element {
    /// The element 0.
    pub const ZERO: Self = Self(0);

    /// The element 1.
    pub const ONE: Self = Self(1);

    /// Makes the element whose coefficients are the bits of `byte`.
    pub const fn new(byte: u8) -> Self {
        Self(byte)
    }

    /// Returns the byte.
    pub const fn expose(&self) -> u8 {
        self.0
    }

    /// `self + other`, which is `self - other` too.
    pub const fn plus(&self, other: &Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// `self * other`.
    ///
    /// Secret: both. Leaks: nothing. Integer multiplications only, no mask and no table.
    pub const fn times(&self, other: &Self) -> Self {
        // The reduction: x^8 is x^4 + x^3 + x + 1. The first fold leaves 11 bits, the second 8.
        let product = carryless(self.0 as u32, other.0 as u32);
        let folded = (product & 0xff) ^ times_0x1b(product >> 8);
        Self(((folded & 0xff) ^ times_0x1b(folded >> 8)) as u8)
    }

    /// Returns true if it is 0.
    ///
    /// Secret: the element. Leaks: nothing.
    pub fn is_zero(&self) -> Mask {
        Mask::is_zero(u32::from(self.0))
    }

    /// `a` if the mask is true, else `b`.
    ///
    /// Secret: the mask, `a`, `b`. Leaks: nothing.
    pub fn select(mask: Mask, a: &Self, b: &Self) -> Self {
        Self(mask.select_u8(a.0, b.0))
    }
}

impl From<Public> for Element {
    fn from(element: Public) -> Self {
        Self(element.get())
    }
}

impl Zeroize for Element {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Multiplies two polynomials over GF(2) of degree below 8.
///
/// Each factor is cut into four, every fourth bit in a piece. In an integer product of two pieces at
/// most two bits meet in one place, so a carry goes one place up, where no bit of that product
/// belongs, and is masked off.
const fn carryless(a: u32, b: u32) -> u32 {
    let (a0, a1, a2, a3) = (a & 0x11, a & 0x22, a & 0x44, a & 0x88);
    let (b0, b1, b2, b3) = (b & 0x11, b & 0x22, b & 0x44, b & 0x88);
    let c0 = (a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1);
    let c1 = (a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2);
    let c2 = (a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3);
    let c3 = (a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0);
    (c0 & 0x1111) | (c1 & 0x2222) | (c2 & 0x4444) | (c3 & 0x8888)
}

/// The product of `a` and x^4 + x^3 + x + 1, not reduced.
const fn times_0x1b(a: u32) -> u32 {
    a ^ (a << 1) ^ (a << 3) ^ (a << 4)
}
