// SPDX-License-Identifier: MIT OR Apache-2.0
//! Locates the errors in shares of one element: Reed-Solomon decoding in constant time.
//!
//! The values of a polynomial of degree below m at n points are a codeword. With weights
//! `v_i = 1 / prod (x_i - x_j)`, the sums `S_l = sum v_i x_i^l y_i` are 0 for l < n - m when all y_i
//! are right, so they depend on the errors only: they are the syndromes of a BCH code with locators
//! x_i and values v_i e_i. Berlekamp and Massey's algorithm, in the form without inversions (H. Burton,
//! 1971), gives the polynomial whose roots are the inverse locators of up to `(n - m) / 2` errors.
//!
//! Syndromes reveal the error values, and an error value with the wrong share reveals the right
//! one. So nothing here depends on the syndromes but the positions, and error values are never
//! computed.

use core::mem;

use zeroize::Zeroize;

use crate::ct::Mask;
use crate::gf256::{Element, Public};
use crate::hardened::Fault;

/// The most errors that can be located: 255 shares, a threshold of 2.
pub const MAX_ERRORS: usize = 126;

/// A polynomial whose roots are the inverses of the wrong shares' indices, lowest coefficient first.
pub struct Locator {
    coefficients: [Element; MAX_ERRORS + 1],
    errors: usize,
}

impl Locator {
    /// Computes the locator of up to `errors` errors from the first `2 * errors` syndromes.
    ///
    /// Secret: the syndromes. Public: `errors`, at most [`MAX_ERRORS`]. Leaks: nothing else.
    #[inline(never)]
    pub fn new(syndromes: &[Element], errors: usize) -> Result<Self, Fault> {
        let (mut locator, mut previous) = (Self::one(errors), Self::one(errors));
        let mut scale = Element::ONE;
        // How far the locator lags behind the syndromes seen, plus ORIGIN, so that it is positive.
        const ORIGIN: u32 = 512;
        let mut lag = ORIGIN;

        for step in 0..2 * errors {
            let discrepancy = locator.discrepancy(syndromes.get(..=step).ok_or(Fault)?);
            previous.times_z()?;
            // The masks: the locator must grow if it misses this syndrome and is not ahead.
            let grow = !discrepancy.is_zero() & !Mask::lt(lag, ORIGIN);
            for (now, old) in locator.terms()?.iter_mut().zip(previous.terms()?) {
                let next = scale.times(now).plus(&discrepancy.times(old));
                *old = Element::select(grow, now, old);
                *now = next;
            }
            scale = Element::select(grow, &discrepancy, &scale);
            lag = grow.select(2 * ORIGIN - 1 - lag, lag + 1);
        }
        scale.zeroize();
        Ok(locator)
    }

    /// The polynomial 1: no errors.
    fn one(errors: usize) -> Self {
        let mut coefficients = [const { Element::ZERO }; MAX_ERRORS + 1];
        coefficients[0] = Element::ONE;
        Self {
            coefficients,
            errors,
        }
    }

    /// Sums up the coefficients times the latest syndromes, the latest one first.
    fn discrepancy(&self, syndromes: &[Element]) -> Element {
        let terms = self.coefficients.iter().take(self.errors + 1);
        terms
            .zip(syndromes.iter().rev())
            .fold(Element::ZERO, |sum, (a, b)| sum.plus(&a.times(b)))
    }

    /// Returns true if the share at `x`, which is not 0, is wrong.
    ///
    /// Secret: the polynomial. Public: `x`. Leaks: nothing; the verdict is a mask.
    pub fn is_wrong(&self, x: Public) -> Mask {
        // The polynomial's value at 1 / x, times a power of x.
        let x = Element::from(x);
        let terms = self.coefficients.iter().take(self.errors + 1);
        terms
            .fold(Element::ZERO, |sum, term| sum.times(&x).plus(term))
            .is_zero()
    }

    fn terms(&mut self) -> Result<&mut [Element], Fault> {
        self.coefficients.get_mut(..=self.errors).ok_or(Fault)
    }

    fn times_z(&mut self) -> Result<(), Fault> {
        let mut lower = Element::ZERO;
        for term in self.terms()? {
            mem::swap(term, &mut lower);
        }
        lower.zeroize();
        Ok(())
    }
}

impl Drop for Locator {
    fn drop(&mut self) {
        self.coefficients.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::left;

    #[test]
    fn a_locator_leaves_nothing() {
        let locator = Locator {
            coefficients: core::array::from_fn(|_| Element::new(0x5a)),
            errors: MAX_ERRORS,
        };
        left::nothing(locator, &[0x5a; 8]);
    }
}
