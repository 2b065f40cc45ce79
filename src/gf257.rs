// SPDX-License-Identifier: MIT OR Apache-2.0
//! The integers mod 257, over which the Azure format shares its master key byte by byte.
//!
//! Values may be secret: every operation takes the same steps for all values, and nothing divides.
//! Evaluation points are public; only differences of points are inverted.

use core::ops::{Add, Mul, Sub};

use rand_core::TryCryptoRng;
use zeroize::{DefaultIsZeroes, Zeroize};

use crate::ct::Mask;
use crate::hardened::Fault;
use crate::rng::{self, RngError};

/// The modulus, a prime.
const MODULUS: u32 = 257;

/// How many draws [`Element::random`] makes before the generator counts as broken. An honest
/// generator needs a second draw once in 65,536 and a seventeenth once in 2^256.
const MAX_DRAWS: usize = 16;

/// An integer mod 257. Invariant: it is 0 to 256.
#[derive(Clone, Copy, Default)]
pub struct Element(u16);

/// Prints no part of the value.
impl core::fmt::Debug for Element {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Element(..)")
    }
}

impl DefaultIsZeroes for Element {}

impl Element {
    /// 0.
    pub const ZERO: Self = Self(0);
    /// 1.
    pub const ONE: Self = Self(1);

    /// Returns the element of a byte or of a share's index.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte as u16)
    }

    /// Reads `value`, and returns whether it is reduced, 0 to 256. If it is not, the element is 0.
    ///
    /// Secret: `value`. Leaks: nothing.
    pub fn from_reduced(value: u16) -> (Self, Mask) {
        let reduced = Mask::lt(u32::from(value), MODULUS);
        (Self(reduced.select(u32::from(value), 0) as u16), reduced)
    }

    /// Returns the value, 0 to 256.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// Draws an element uniformly: a 16-bit word other than 65,535 = 255 * 257, reduced.
    ///
    /// Secret: the element. Public: how many words were drawn, which says nothing about the one
    /// that was taken. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`RngError`] if the generator failed or drew too many words in vain.
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        let mut word = [0; 2];
        for _ in 0..MAX_DRAWS {
            rng::fill(rng, &mut word)?;
            let candidate = u32::from(u16::from_le_bytes(word));
            if (!Mask::eq(candidate, u32::from(u16::MAX))).declassify() {
                word.zeroize();
                return Ok(Self::reduce(candidate));
            }
        }
        Err(RngError)
    }

    /// Reduces `x < 2^17`. Because 256 = -1, `256 h + l` is `l - h`, here made positive: with
    /// `h < 512` and `l < 256` the sum lies in 3 to 769, and two subtractions reduce it.
    fn reduce(x: u32) -> Self {
        let sum = (x & 0xff) + 2 * MODULUS - (x >> 8);
        let once = Mask::lt(sum, MODULUS).select(sum, sum.wrapping_sub(MODULUS));
        let twice = Mask::lt(once, MODULUS).select(once, once.wrapping_sub(MODULUS));
        Self(twice as u16)
    }

    /// Returns `1 / self`, and 0 for 0: Fermat's `self^255`, eight ones in binary. Leaks: nothing.
    fn invert(self) -> Self {
        let mut power = self;
        for _ in 0..7 {
            power = power * power * self;
        }
        power
    }
}

/// Secret: both. Leaks: nothing.
impl Add for Element {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::reduce(u32::from(self.0) + u32::from(other.0))
    }
}

/// Secret: both. Leaks: nothing.
impl Sub for Element {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::reduce(u32::from(self.0) + MODULUS - u32::from(other.0))
    }
}

/// Secret: both. Leaks: nothing. The product is at most 2^16 before it is reduced.
impl Mul for Element {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::reduce(u32::from(self.0) * u32::from(other.0))
    }
}

/// Evaluates the polynomial with the given coefficients, constant term first, at `x` (Horner's
/// rule).
///
/// Secret: the coefficients. Public: `x`, how many there are. Leaks: nothing else.
pub fn evaluate(coefficients: &[Element], x: Element) -> Element {
    coefficients
        .iter()
        .rev()
        .fold(Element::ZERO, |sum, &coefficient| sum * x + coefficient)
}

/// Returns the Lagrange weight of point `i`: the polynomial of lowest degree through `(points[j],
/// y[j])` has at `at` the value `sum of weight(points, j, at) * y[j]`.
///
/// The points are public and distinct. A point that occurs twice weighs 0; an `i` beyond the points
/// is an error.
///
/// # Errors
///
/// [`Fault`] if there is no point `i`.
pub fn weight(points: &[Element], i: usize, at: Element) -> Result<Element, Fault> {
    Ok(product_over_others(points, i, |other| at - other) * leading_weight(points, i)?)
}

/// Returns the weight of point `i` in the coefficient of the highest power, `points.len() - 1`: the
/// coefficient is `sum of leading_weight(points, j) * y[j]`.
///
/// The points are public and distinct, as for [`weight`].
///
/// # Errors
///
/// [`Fault`] if there is no point `i`.
pub fn leading_weight(points: &[Element], i: usize) -> Result<Element, Fault> {
    let point = *points.get(i).ok_or(Fault)?;
    Ok(product_over_others(points, i, |other| point - other).invert())
}

/// Returns the product of `factor(point)` over all points except the `i`th.
fn product_over_others(
    points: &[Element],
    i: usize,
    factor: impl Fn(Element) -> Element,
) -> Element {
    let others = points.iter().enumerate().filter(|&(j, _)| j != i);
    others.fold(Element::ONE, |product, (_, &other)| product * factor(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(value: u32) -> Element {
        let (element, reduced) = Element::from_reduced(value as u16);
        assert!(reduced.declassify());
        element
    }

    #[test]
    fn every_sum_difference_and_product_agrees_with_the_remainder() {
        for a in 0..257 {
            for b in 0..257 {
                let (x, y) = (element(a), element(b));
                assert_eq!(u32::from((x + y).value()), (a + b) % 257, "{a} + {b}");
                assert_eq!(u32::from((x - y).value()), (a + 257 - b) % 257, "{a} - {b}");
                assert_eq!(u32::from((x * y).value()), a * b % 257, "{a} * {b}");
            }
        }
    }

    #[test]
    fn reduction_agrees_with_the_remainder_on_its_whole_domain() {
        for x in 0..1 << 17 {
            assert_eq!(u32::from(Element::reduce(x).value()), x % 257, "{x}");
        }
    }

    #[test]
    fn every_inverse_multiplies_to_one_and_zero_has_none() {
        assert_eq!(Element::ZERO.invert().value(), 0);
        for a in 1..257 {
            assert_eq!((element(a) * element(a).invert()).value(), 1, "{a}");
        }
    }

    #[test]
    fn unreduced_values_are_told_apart() {
        for value in 0..=u16::MAX {
            let (element, reduced) = Element::from_reduced(value);
            assert_eq!(reduced.declassify(), value < 257);
            assert_eq!(element.value(), if value < 257 { value } else { 0 });
        }
    }

    #[test]
    fn weights_recover_every_coefficient_they_promise() {
        let coefficients = [256, 17, 0, 201, 3].map(element);
        let points = [1, 2, 7, 100, 255].map(element);
        let values = points.map(|x| evaluate(&coefficients, x));
        let sum = |weight: &dyn Fn(usize) -> Element| {
            (0..5).fold(Element::ZERO, |sum, i| sum + weight(i) * values[i])
        };
        for at in 0..257 {
            let at = element(at);
            let got = sum(&|i| weight(&points, i, at).unwrap());
            assert_eq!(got.value(), evaluate(&coefficients, at).value());
        }
        assert_eq!(sum(&|i| leading_weight(&points, i).unwrap()).value(), 3);
        assert!(leading_weight(&points, 5).is_err());
    }

    /// A generator that returns the words it was given, then fails.
    struct Words<'a>(&'a [u16]);

    impl rand_core::TryRng for Words<'_> {
        type Error = RngError;
        fn try_next_u32(&mut self) -> Result<u32, RngError> {
            Err(RngError)
        }
        fn try_next_u64(&mut self) -> Result<u64, RngError> {
            Err(RngError)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
            let (&word, rest) = self.0.split_first().ok_or(RngError)?;
            self.0 = rest;
            out.copy_from_slice(&word.to_le_bytes());
            Ok(())
        }
    }

    impl TryCryptoRng for Words<'_> {}

    #[test]
    fn random_elements_are_exactly_uniform() {
        let mut seen = [0; 257];
        for word in 0..u16::MAX {
            let element = Element::random(&mut Words(&[word])).ok().unwrap();
            seen[usize::from(element.value())] += 1;
        }
        assert_eq!(seen, [255; 257]);
    }

    #[test]
    fn a_word_that_would_bias_is_drawn_again_and_a_stuck_generator_ends() {
        let element = Element::random(&mut Words(&[u16::MAX, 258])).ok().unwrap();
        assert_eq!(element.value(), 1);
        assert!(Element::random(&mut Words(&[u16::MAX])).is_err());
        assert!(Element::random(&mut Words(&[u16::MAX; 100])).is_err());
    }
}
