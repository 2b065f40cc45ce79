// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recovers the secret despite wrong shares, and names them.

use rand_core::TryCryptoRng;
use zeroize::Zeroize;

use super::fingerprint::Fingerprint;
use super::locate::{Locator, MAX_ERRORS};
use crate::ct::Mask;
use crate::gf256::{Element, Logarithm, Public, mul_add_row};
use crate::hardened::Fault;
use crate::quorum::Quorum;
use crate::secret::{Secret, wipe};
use crate::shamir::combine::{validate, verdict};
use crate::shamir::lagrange::interpolate;
use crate::shamir::{CombineError, IndexSet, Share, ShareRow};

/// The number of elements in a fingerprint.
const WIDTH: usize = 16;

/// Rebuilds the secret even if up to `(given - threshold) / 2` shares are wrong, and names those.
///
/// Like [`correct_rows`], for secrets of a fixed size.
///
/// Secret: the shares, the secret. Public: `N`, the indices, `quorum`, what `rng` draws. Leaks: which
/// shares are wrong, and whether too many are.
///
/// # Errors
///
/// Fails for each reason in [`CorrectError`].
pub fn correct<const N: usize, R: TryCryptoRng + ?Sized>(
    quorum: Quorum,
    shares: &[&Share<N>],
    rng: &mut R,
) -> Result<(Secret<N>, IndexSet), CorrectError> {
    let rows = shares.iter().map(|share| share.as_row());
    let mut wrong = IndexSet::EMPTY;
    let secret = Secret::try_init(|out| {
        wrong = correct_any(quorum, rows, rng, out)?;
        Ok::<_, CorrectError>(())
    })?;
    Ok((secret, wrong))
}

/// Rebuilds the secret into `out` even if up to `(given - threshold) / 2` shares are wrong, and
/// names those. On error `out` is wiped.
///
/// A random linear fingerprint of each share, drawn from `rng` after the shares are fixed, shows
/// which are wrong; the others are then checked against each other in every byte. The result is the
/// one secret with which all but that many shares agree. The error values of wrong shares are never
/// returned: they would reveal the right shares.
///
/// If more shares are wrong, the result may be another secret, with which enough shares agree. Only
/// digests, or a check of the secret itself, can detect this. Shares that were made to agree on
/// another secret always cause it. Random errors cause it by chance: if each wrong share is wrong
/// in the same `m` bytes, and `threshold + 2 * n` shares are given, the probability is at most the
/// sum of `C(given, s) / 255^(m * (2 * n - s))` for `s` from 0 to `n`. With five shares, of which
/// three are needed, that is 2 % for one wrong byte, 8 in 100,000 for two, and 5 in 10^77 for 32.
///
/// Work grows with the length times `given * (threshold + 16)`. Stack use is below 9 KiB on a
/// Cortex-M4, whatever the length and the quorum; there is no other scratch memory.
///
/// Secret: the shares, `out`. Public: the lengths, the indices, `quorum`, what `rng` draws. Leaks:
/// which shares are wrong, and whether too many are.
///
/// # Errors
///
/// Fails for each reason in [`CorrectError`].
pub fn correct_rows<R: TryCryptoRng + ?Sized>(
    quorum: Quorum,
    shares: &[ShareRow<'_>],
    rng: &mut R,
    out: &mut [u8],
) -> Result<IndexSet, CorrectError> {
    let corrected = correct_any(quorum, shares.iter().copied(), rng, out);
    if corrected.is_err() {
        wipe(out);
    }
    corrected
}

fn correct_any<'a, R: TryCryptoRng + ?Sized>(
    quorum: Quorum,
    shares: impl Iterator<Item = ShareRow<'a>> + Clone,
    rng: &mut R,
    out: &mut [u8],
) -> Result<IndexSet, CorrectError> {
    let given = validate(quorum, shares.clone(), out.len())
        .map_err(CorrectError::Shares)?
        .len();
    let threshold = usize::from(quorum.threshold().get());
    let errors = (given - threshold) >> 1;
    let wrong = if errors > 0 {
        let fingerprint = Fingerprint::draw(rng).map_err(|_| CorrectError::Rng)?;
        locate(shares.clone(), &fingerprint, errors)?
    } else {
        IndexSet::EMPTY
    };
    if wrong.len() > errors {
        return Err(CorrectError::TooManyWrong);
    }

    let right = shares.filter(|share| !wrong.contains(share.index));
    verdict(quorum, right.clone()).map_err(|error| match error {
        CombineError::Fault => CorrectError::Fault,
        _ => CorrectError::TooManyWrong,
    })?;
    interpolate(out, Public::ZERO, right.take(threshold))?;
    Ok(wrong)
}

/// Returns which shares are wrong, if no more than `errors` are.
///
/// Each of the sixteen elements of a fingerprint is a separate code, whose errors are among the
/// wrong shares. A wrong share is an error in at least one of them.
///
/// Not inlined, like each part of it that needs much stack, so that the stack is in use only while
/// that part runs.
#[inline(never)]
fn locate<'a>(
    shares: impl Iterator<Item = ShareRow<'a>> + Clone,
    fingerprint: &Fingerprint,
    errors: usize,
) -> Result<IndexSet, Fault> {
    let mut syndromes = Syndromes::zeroed();
    for share in shares.clone() {
        let x = Public::from(share.index);
        let weight = shares
            .clone()
            .filter(|other| other.index != share.index)
            .fold(Logarithm::ONE, |product, other| {
                product.over(x.plus(Public::from(other.index)))
            })
            .exp();
        add(
            &mut syndromes,
            &fingerprint.of(share.value)?,
            weight,
            x,
            errors,
        )?;
    }
    named(shares, &syndromes, errors)
}

/// Adds a share's fingerprint to the first `2 * errors` syndromes, times `weight` and the powers of `x`.
fn add(
    syndromes: &mut Syndromes,
    fingerprint: &Secret<WIDTH>,
    mut weight: Public,
    x: Public,
    errors: usize,
) -> Result<(), Fault> {
    let rows = syndromes.expose_mut().chunks_exact_mut(WIDTH);
    for row in rows.take(2 * errors) {
        mul_add_row(row, weight, fingerprint.expose())?;
        weight = weight.times(x);
    }
    Ok(())
}

/// Returns the shares that any of the sixteen codes calls wrong.
#[inline(never)]
fn named<'a>(
    shares: impl Iterator<Item = ShareRow<'a>> + Clone,
    syndromes: &Syndromes,
    errors: usize,
) -> Result<IndexSet, Fault> {
    // One mask for each index: true once any element calls that share wrong.
    let mut verdicts = [Mask::public(false); 256];
    for element in 0..WIDTH {
        let column = Column::of(syndromes, element)?;
        let locator = Locator::new(&column.0, errors)?;
        for share in shares.clone() {
            let verdict = verdicts.get_mut(usize::from(share.index.get()));
            *verdict.ok_or(Fault)? |= locator.is_wrong(Public::from(share.index));
        }
    }
    // Which shares are wrong is public.
    let mut wrong = IndexSet::EMPTY;
    for share in shares {
        let verdict = verdicts.get(usize::from(share.index.get()));
        if verdict.ok_or(Fault)?.declassify() {
            wrong.insert(share.index);
        }
    }
    Ok(wrong)
}

/// The syndromes of the sixteen codes, side by side.
type Syndromes = Secret<{ 2 * MAX_ERRORS * WIDTH }>;

/// The syndromes of one code.
struct Column([Element; 2 * MAX_ERRORS]);

impl Column {
    fn of(syndromes: &Syndromes, element: usize) -> Result<Self, Fault> {
        let mut column = Self([const { Element::ZERO }; 2 * MAX_ERRORS]);
        let rows = syndromes.expose().chunks_exact(WIDTH);
        for (out, row) in column.0.iter_mut().zip(rows) {
            *out = Element::new(*row.get(element).ok_or(Fault)?);
        }
        Ok(column)
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Why the secret was not recovered from shares of which some are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CorrectError {
    /// The shares cannot be used together.
    Shares(CombineError),
    /// The random number generator failed.
    Rng,
    /// Some shares are wrong, and so few shares were given that they cannot be told from the right
    /// ones: more than `(given - threshold) / 2` are wrong. Give more shares, or use
    /// [`name_wrong`](super::name_wrong) with digests.
    TooManyWrong,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for CorrectError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl core::fmt::Display for CorrectError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Shares(_) => f.write_str("the shares cannot be used together"),
            Self::Rng => f.write_str("the random number generator failed"),
            Self::TooManyWrong => {
                f.write_str("with so few shares, the wrong ones cannot be told from the right ones")
            }
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for CorrectError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Shares(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::left;

    #[test]
    fn a_column_of_syndromes_leaves_nothing() {
        let column = Column(core::array::from_fn(|_| Element::new(0x5a)));
        left::nothing(column, &[0x5a; 8]);
    }
}
