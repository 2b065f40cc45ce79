// SPDX-License-Identifier: MIT OR Apache-2.0
//! A random linear map from rows of any length to sixteen field elements.
//!
//! GF(2^128) is represented by the polynomials in Z over GF(2^8) modulo Z^16 + Z^3 + Z + 6, which
//! is irreducible (a test proves it). A row is cut into elements of that field, which are the
//! coefficients of a polynomial in two variables; its fingerprint is the value at two random
//! points, chosen after all rows are known. The map is linear over GF(2^8), so fingerprints of
//! shares are shares of the secret's fingerprint. Two rows that differ have the same fingerprint
//! with a probability of at most `(len / 1024 + 64) / 2^128` (Schwartz and Zippel).

use core::mem;

use rand_core::TryCryptoRng;

use crate::ct;
use crate::gf256::{Backend, Public, Store, TERMS, Term, mul_add_row, mul_row};
use crate::hardened::Fault;
use crate::rng::RngError;
use crate::secret::Secret;

/// Elements of GF(2^8) in one element of GF(2^128); they are the terms of a product.
const PLANES: usize = TERMS;

/// Elements of GF(2^128) processed side by side. Byte `64 p + l` of a block is coefficient p of
/// lane l.
const LANES: usize = 64;

/// Bytes of a row processed at once.
const BLOCK: usize = PLANES * LANES;

/// A public element of GF(2^128): coefficient i belongs to Z^i.
#[derive(Clone, Copy)]
struct Wide([Public; PLANES]);

impl Wide {
    const ZERO: Self = Self([Public::ZERO; PLANES]);

    fn times_z(mut self) -> Self {
        self.0.rotate_right(1);
        // What was at Z^15 is now Z^16 and stands at Z^0: it counts 6 + Z + Z^3 times.
        let [top, first, _, third, ..] = &mut self.0;
        *first = first.plus(*top);
        *third = third.plus(*top);
        *top = top.times(Public::new(6));
        self
    }

    fn times(self, other: Self) -> Self {
        other
            .0
            .into_iter()
            .rev()
            .fold(Self::ZERO, |mut sum, factor| {
                sum = sum.times_z();
                for (sum, own) in sum.0.iter_mut().zip(self.0) {
                    *sum = sum.plus(own.times(factor));
                }
                sum
            })
    }

    /// Returns the multiplication by this element, as its products with Z^0 to Z^15.
    fn columns(self) -> [Self; PLANES] {
        let mut next = self;
        [(); PLANES].map(|()| {
            let column = next;
            next = next.times_z();
            column
        })
    }
}

/// The two random points.
pub struct Fingerprint {
    /// The first point, which steps from block to block.
    step: [Wide; PLANES],
    /// The second point to the powers 1, 2, 4, ... 32, which add up the lanes.
    folds: [Wide; 6],
}

impl Fingerprint {
    /// Draws the points. The rows must already be fixed; from here on the points may be public.
    ///
    /// Secret: nothing. Public: the points. Leaks: the points.
    #[inline(never)]
    pub fn draw<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        let random = Secret::<{ 2 * PLANES }>::random(rng)?;
        let (points, _) = random.expose().as_chunks::<PLANES>();
        let [first, second] = points else {
            return Err(RngError);
        };
        let public = |byte: u8| Public::new(ct::declassify(byte.into()) as u8);
        let mut power = Wide(second.map(public));
        let folds = [(); 6].map(|()| {
            let fold = power;
            power = power.times(power);
            fold
        });
        Ok(Self {
            step: Wide(first.map(public)).columns(),
            folds,
        })
    }

    /// Computes the fingerprint of `row`.
    ///
    /// Secret: `row`, the fingerprint. Public: the length, the points. Leaks: nothing else.
    #[inline(never)]
    pub fn of(&self, row: &[u8]) -> Result<Secret<PLANES>, Fault> {
        let (mut a, mut b) = (Secret::<BLOCK>::zeroed(), Secret::<BLOCK>::zeroed());
        let (mut sums, mut next) = (a.expose_mut(), b.expose_mut());
        for (number, block) in row.chunks(BLOCK).enumerate() {
            if number > 0 {
                multiply(next, sums, &self.step, LANES, Store::Replace)?;
                mem::swap(&mut sums, &mut next);
            }
            let sums = sums.get_mut(..block.len()).ok_or(Fault)?;
            mul_add_row(sums, Public::ONE, block)?;
        }
        // Each round adds the upper half of the lanes, times the point to the power of their
        // distance, to the lower half.
        let mut lanes = LANES;
        for fold in self.folds.into_iter().rev() {
            lanes >>= 1;
            for (upper, plane) in next.chunks_mut(LANES).zip(sums.chunks(LANES)) {
                let plane = plane.get(lanes..).ok_or(Fault)?;
                let upper = upper.get_mut(..plane.len()).ok_or(Fault)?;
                mul_row(upper, Public::ONE, plane)?;
            }
            multiply(sums, next, &fold.columns(), lanes, Store::Add)?;
        }
        let mut fingerprint = Secret::zeroed();
        for (out, plane) in fingerprint.expose_mut().iter_mut().zip(sums.chunks(LANES)) {
            *out = *plane.first().ok_or(Fault)?;
        }
        Ok(fingerprint)
    }
}

/// Sets the first `lanes` lanes of `out` to those of `from`, times the element whose `columns` are
/// given, or adds the products to them.
fn multiply(
    out: &mut [u8; BLOCK],
    from: &[u8; BLOCK],
    columns: &[Wide; PLANES],
    lanes: usize,
    store: Store,
) -> Result<(), Fault> {
    let backend = Backend::detect();
    for (p, out) in out.chunks_mut(LANES).enumerate() {
        let mut terms = [Term::NONE; PLANES];
        for ((term, column), plane) in terms.iter_mut().zip(columns).zip(from.chunks(LANES)) {
            *term = Term {
                by: *column.0.get(p).ok_or(Fault)?,
                row: plane.get(..lanes).ok_or(Fault)?,
            };
        }
        backend.run(out.get_mut(..lanes).ok_or(Fault)?, &terms, store)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squared(mut a: Wide, times: u32) -> Wide {
        for _ in 0..times {
            a = a.times(a);
        }
        a
    }

    /// Rabin's test: a polynomial p of degree 16 over a field of q elements is irreducible if
    /// Z^(q^16) = Z modulo p, and Z^(q^8) - Z has no factor in common with p. The latter holds if that
    /// has an inverse, so if any power of it is 1.
    #[test]
    fn the_modulus_is_irreducible() {
        let mut one = Wide::ZERO;
        one.0[0] = Public::ONE;
        let z = one.times_z();
        assert_eq!(squared(z, 8 * 16).0, z.0);
        let mut difference = squared(z, 8 * 8);
        difference.0[1] = difference.0[1].plus(Public::ONE);
        // To the power of 2^128 - 1 = 1 + 2 + 4 + ...
        let power = (0..128).fold(one, |product, i| product.times(squared(difference, i)));
        assert_eq!(power.0, one.0);
    }

    /// What the blocks, lanes and folds compute, straight from the definition.
    #[test]
    fn a_fingerprint_is_the_value_of_the_polynomial() {
        let element = |seed: u8| {
            let mut wide = Wide::ZERO;
            for (i, byte) in wide.0.iter_mut().enumerate() {
                *byte = Public::new(seed.wrapping_mul(i as u8 + 3) ^ 0x5c);
            }
            wide
        };
        let (first, second) = (element(7), element(201));
        let mut power = second;
        let folds = [(); 6].map(|()| {
            let fold = power;
            power = power.times(power);
            fold
        });
        let fingerprint = Fingerprint {
            step: first.columns(),
            folds,
        };

        let mut row = [0; 2 * BLOCK + 321];
        for (i, byte) in row.iter_mut().enumerate() {
            *byte = ((i * i) >> 3) as u8;
        }
        for len in [0, 1, 63, 64, 65, 1023, 1024, 1025, row.len()] {
            let row = &row[..len];
            let byte = |block: usize, plane: usize, lane: usize| {
                row.get(BLOCK * block + LANES * plane + lane)
                    .copied()
                    .unwrap_or(0)
            };
            let mut value = Wide::ZERO;
            for block in 0..len.div_ceil(BLOCK).max(1) {
                let mut inner = Wide::ZERO;
                for lane in (0..LANES).rev() {
                    inner = inner.times(second);
                    for (p, sum) in inner.0.iter_mut().enumerate() {
                        *sum = sum.plus(Public::new(byte(block, p, lane)));
                    }
                }
                value = value.times(first);
                for (sum, inner) in value.0.iter_mut().zip(inner.0) {
                    *sum = sum.plus(inner);
                }
            }
            assert_eq!(
                fingerprint.of(row).unwrap().expose(),
                &value.0.map(Public::get),
                "{len}"
            );
        }
    }
}
