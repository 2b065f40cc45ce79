// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lagrange interpolation: the value at one point as a sum of shares times public weights.

use super::ShareRow;
use crate::ct::Mask;
use crate::gf256::{Logarithm, Public, Term, sum_rows};
use crate::hardened::Fault;
use crate::quorum::ShareIndex;
use crate::secret::Secret;

/// Returns a share's weight in the value at `point`: the product over all other shares of `(point -
/// other) / (index - other)`. The indices in `all` differ from each other.
pub fn weight(point: Public, index: ShareIndex, all: impl Iterator<Item = ShareIndex>) -> Public {
    let x = Public::from(index);
    all.filter(|&other| other != index)
        .map(Public::from)
        .fold(Logarithm::ONE, |product, other| {
            product.times(point.plus(other)).over(x.plus(other))
        })
        .exp()
}

/// The weights of up to 255 shares in the value at one point.
pub struct Weights([Public; 255]);

impl Weights {
    /// Computes the weights of the shares with these `indices`, which differ from each other.
    pub fn new(point: Public, indices: impl Iterator<Item = ShareIndex> + Clone) -> Self {
        let mut weights = [Public::ZERO; 255];
        for (slot, index) in weights.iter_mut().zip(indices.clone()) {
            *slot = weight(point, index, indices.clone());
        }
        Self(weights)
    }

    /// Pairs `len` bytes of each row, from byte `at` on, with the row's weight. A row that ends too
    /// early becomes empty, which no sum accepts.
    pub fn terms<'a>(
        &self,
        rows: impl Iterator<Item = ShareRow<'a>>,
        at: usize,
        len: usize,
    ) -> impl Iterator<Item = Term<'a>> {
        self.0.iter().zip(rows).map(move |(&by, share)| Term {
            by,
            row: share
                .value
                .get(at..)
                .and_then(|row| row.get(..len))
                .unwrap_or_default(),
        })
    }
}

/// Columns processed at once, so that the sum stays in the cache while the terms are added.
const BLOCK: usize = 16384;

/// Sets `out` to the value at `point` of the polynomials through `shares`, whose indices differ and
/// whose values are as long as `out`.
///
/// Secret: the values. Public: the point, the indices, the lengths. Leaks: nothing else.
pub fn interpolate<'a>(
    out: &mut [u8],
    point: Public,
    shares: impl Iterator<Item = ShareRow<'a>> + Clone,
) -> Result<(), Fault> {
    let weights = Weights::new(point, shares.clone().map(|share| share.index));
    let mut at = 0;
    for block in out.chunks_mut(BLOCK) {
        let len = block.len();
        sum_rows(block, weights.terms(shares.clone(), at, len))?;
        at += len;
    }
    Ok(())
}

/// Columns that [`agrees`] holds at once.
const CHECKED: usize = 512;

/// Returns true if `share` lies, in every byte, on the polynomials through `others`.
///
/// Secret: the values. Public: the indices, the lengths. Leaks: nothing; the verdict is a mask.
#[inline(never)]
pub fn agrees<'a>(
    share: ShareRow<'a>,
    others: impl Iterator<Item = ShareRow<'a>> + Clone,
) -> Result<Mask, Fault> {
    let point = Public::from(share.index);
    let weights = Weights::new(point, others.clone().map(|other| other.index));
    // A column in which the share and the interpolation differ sums to something other than 0.
    let mut sum = Secret::<CHECKED>::zeroed();
    let mut seen = Secret::<CHECKED>::zeroed();
    let mut at = 0;
    for block in share.value.chunks(CHECKED) {
        let len = block.len();
        let sum = sum.expose_mut().get_mut(..len).ok_or(Fault)?;
        let own = Term {
            by: Public::ONE,
            row: block,
        };
        let terms = weights.terms(others.clone(), at, len);
        sum_rows(sum, terms.chain(core::iter::once(own)))?;
        for (seen, sum) in seen.expose_mut().iter_mut().zip(sum) {
            *seen |= *sum;
        }
        at += len;
    }
    let any = seen.expose().iter().fold(0, |any, byte| any | byte);
    Ok(Mask::is_zero(u32::from(any)))
}
