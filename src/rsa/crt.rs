// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private numbers of a key, in their places.

use crypto_bigint::{U2048, Word};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ModulusSize;
use super::mont::Modulus;
use super::scratch::words_len;
use crate::hardened::{Fault, copy};

/// The lengths of the private numbers, in halves of the modulus: d; for p and for q the prime, `R^2`
/// modulo it and `d` modulo the prime less one; the coefficient.
const LENGTHS: [usize; 8] = [2, 1, 1, 1, 1, 1, 1, 1];

/// The private numbers of a key of any size, one after another. Wiped when dropped.
pub(super) struct Crt([[Word; U2048::LIMBS]; 9]);

/// The private numbers of one key.
pub(super) struct Private<'k> {
    pub(super) d: &'k [Word],
    pub(super) p: Half<'k>,
    pub(super) q: Half<'k>,
    /// `1/q` modulo `p`.
    pub(super) coefficient: &'k [Word],
}

/// A prime, and `d` modulo the prime less one.
pub(super) struct Half<'k> {
    pub(super) prime: Modulus<'k>,
    pub(super) exponent: &'k [Word],
}

/// Where the numbers of a new key go. What multiplying needs besides is computed from them.
pub(super) struct Places<'k> {
    pub(super) d: &'k mut [Word],
    pub(super) p: &'k mut [Word],
    pub(super) q: &'k mut [Word],
    pub(super) dp: &'k mut [Word],
    pub(super) dq: &'k mut [Word],
    pub(super) coefficient: &'k mut [Word],
}

impl Crt {
    pub(super) const fn zeroed() -> Self {
        Self([[0; U2048::LIMBS]; 9])
    }

    /// Copies the numbers of another key.
    pub(super) fn copy(&mut self, from: &Self) -> Result<(), Fault> {
        copy(self.0.as_flattened_mut(), from.0.as_flattened())
    }

    /// Returns the places for the numbers of a key of this size.
    pub(super) fn places(&mut self, size: ModulusSize) -> Result<Places<'_>, Fault> {
        let [d, p, _, dp, q, _, dq, coefficient] = self.split_mut(size)?;
        Ok(Places {
            d,
            p,
            q,
            dp,
            dq,
            coefficient,
        })
    }

    /// Returns the numbers of a key of this size.
    pub(super) fn private(&self, size: ModulusSize) -> Result<Private<'_>, Fault> {
        let mut rest = self.0.as_flattened();
        let half = words_len(size) >> 1;
        let mut parts = [&[][..]; LENGTHS.len()];
        for (part, length) in parts.iter_mut().zip(LENGTHS) {
            *part = rest.split_off(..length * half).ok_or(Fault)?;
        }
        let [d, p, p_r2, dp, q, q_r2, dq, coefficient] = parts;
        Ok(Private {
            d,
            p: Half {
                prime: Modulus::new(p, p_r2).ok_or(Fault)?,
                exponent: dp,
            },
            q: Half {
                prime: Modulus::new(q, q_r2).ok_or(Fault)?,
                exponent: dq,
            },
            coefficient,
        })
    }

    pub(super) fn split_mut(
        &mut self,
        size: ModulusSize,
    ) -> Result<[&mut [Word]; LENGTHS.len()], Fault> {
        let mut rest = self.0.as_flattened_mut();
        let half = words_len(size) >> 1;
        let mut parts = LENGTHS.map(|_| &mut [][..]);
        for (part, length) in parts.iter_mut().zip(LENGTHS) {
            *part = rest.split_off_mut(..length * half).ok_or(Fault)?;
        }
        Ok(parts)
    }
}

impl Zeroize for Crt {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for Crt {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Crt {}
