// SPDX-License-Identifier: MIT OR Apache-2.0
//! Splits a secret into shares.

use rand_core::TryCryptoRng;

use super::Share;
use crate::gf256::{Backend, Public, Store, TERMS, Term};
use crate::hardened::Fault;
use crate::quorum::{Quorum, ShareIndex};
use crate::rng;
use crate::secret::{Secret, wipe};

/// Splits `secret` into one share for each index of `quorum`, in index order.
///
/// `COUNT` is usually inferred from the pattern that receives the shares. Up to a threshold of 16
/// and 32 bytes, all random bytes are drawn in one call. Use [`split_into`] for a count that is
/// known only at run time, or for shares in memory that the caller chooses.
///
/// Secret: `secret`, the shares. Public: `N`, `COUNT`, `quorum`, whether `rng` failed. Leaks: nothing
/// else.
///
/// # Errors
///
/// - [`SplitError::SlotCount`]: `COUNT` differs from the quorum's share count.
/// - [`SplitError::Rng`]: the generator failed.
/// - [`SplitError::Fault`]: an internal check failed.
pub fn split<const N: usize, const COUNT: usize, R: TryCryptoRng + ?Sized>(
    secret: &Secret<N>,
    quorum: Quorum,
    rng: &mut R,
) -> Result<[Share<N>; COUNT], SplitError> {
    if COUNT != usize::from(quorum.count().get()) {
        return Err(SplitError::SlotCount);
    }
    let mut indices = quorum.indices();
    let mut is_short = false;
    let mut shares = core::array::from_fn(|_| {
        let index = indices.next();
        is_short |= index.is_none();
        Share::new(index.unwrap_or(ShareIndex::FIRST), Secret::zeroed())
    });
    if is_short {
        return Err(SplitError::Fault);
    }
    deal(secret.expose(), quorum, rng, &mut shares)?;
    Ok(shares)
}

/// Splits `secret` into `shares`, one slot for each share of `quorum`, in index order.
///
/// On error every slot is `None`. The slots' previous contents are wiped either way.
///
/// Secret: `secret`, the shares. Public: `N`, `quorum`, whether `rng` failed. Leaks: nothing else.
///
/// # Errors
///
/// - [`SplitError::SlotCount`]: there is not one slot for each share of `quorum`.
/// - [`SplitError::Rng`]: the generator failed.
/// - [`SplitError::Fault`]: an internal check failed.
pub fn split_into<const N: usize, R: TryCryptoRng + ?Sized>(
    secret: &Secret<N>,
    quorum: Quorum,
    rng: &mut R,
    shares: &mut [Option<Share<N>>],
) -> Result<(), SplitError> {
    shares.fill_with(|| None);
    if shares.len() != usize::from(quorum.count().get()) {
        return Err(SplitError::SlotCount);
    }
    for (slot, index) in shares.iter_mut().zip(quorum.indices()) {
        *slot = Some(Share::new(index, Secret::zeroed()));
    }
    let dealt = deal(secret.expose(), quorum, rng, shares);
    if dealt.is_err() {
        shares.fill_with(|| None);
    }
    dealt
}

/// Splits `secret`, of any length, into `rows`, one for each share of `quorum` in index order, each
/// as long as `secret`.
///
/// On error every row is wiped. Random bytes are drawn in blocks of a few kilobytes, which is also
/// the stack use, whatever the length and the quorum.
///
/// ```
/// use security_domain::quorum::Quorum;
/// use security_domain::shamir::{ShareRow, check, split_rows};
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// let quorum = Quorum::of::<3, 5>();
/// let secret = b"a secret of any length".to_vec();
///
/// let mut rows = vec![vec![0; secret.len()]; 5];
/// let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
/// split_rows(&secret, quorum, &mut rng, &mut slots)?;
///
/// // One share is damaged. Five shares are enough to find it, and to rebuild the secret.
/// rows[1][0] ^= 1;
/// let shares = quorum.indices().zip(&rows);
/// let shares: Vec<_> = shares.map(|(index, value)| ShareRow { index, value }).collect();
/// let mut rebuilt = vec![0; secret.len()];
/// let wrong = check::correct_rows(quorum, &shares, &mut rng, &mut rebuilt)?;
/// assert_eq!(rebuilt, secret);
/// assert!(wrong.iter().map(|index| index.get()).eq([2]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Secret: `secret`, the rows. Public: the lengths, `quorum`, whether `rng` failed. Leaks: nothing
/// else.
///
/// # Errors
///
/// Fails for each reason in [`SplitError`].
pub fn split_rows<R: TryCryptoRng + ?Sized>(
    secret: &[u8],
    quorum: Quorum,
    rng: &mut R,
    rows: &mut [&mut [u8]],
) -> Result<(), SplitError> {
    all_or_nothing(secret.len(), quorum, rows, |rows| {
        deal(secret, quorum, rng, rows)
    })
}

/// Splits zeros into `rows`, one for each share of `quorum`, all as long as the first. On error
/// every row is wiped.
pub(super) fn split_zeros<R: TryCryptoRng + ?Sized>(
    quorum: Quorum,
    rng: &mut R,
    rows: &mut [&mut [u8]],
) -> Result<(), SplitError> {
    let len = rows.first().map_or(0, |row| row.len());
    all_or_nothing(len, quorum, rows, |rows| deal_zeros(len, quorum, rng, rows))
}

/// Calls `deal` if there is one row of `len` bytes for each share of `quorum`. On error every row is wiped.
fn all_or_nothing(
    len: usize,
    quorum: Quorum,
    rows: &mut [&mut [u8]],
    deal: impl FnOnce(&mut [&mut [u8]]) -> Result<(), SplitError>,
) -> Result<(), SplitError> {
    let dealt = if rows.len() != usize::from(quorum.count().get()) {
        Err(SplitError::SlotCount)
    } else if rows.iter().any(|row| row.len() != len) {
        Err(SplitError::UnequalLengths)
    } else {
        deal(rows)
    };
    if dealt.is_err() {
        rows.iter_mut().for_each(|row| wipe(row));
    }
    dealt
}

/// Where a share's bytes are written.
trait Slot {
    fn row(&mut self) -> Option<&mut [u8]>;
}

impl Slot for &mut [u8] {
    fn row(&mut self) -> Option<&mut [u8]> {
        Some(self)
    }
}

impl<const N: usize> Slot for Share<N> {
    fn row(&mut self) -> Option<&mut [u8]> {
        Some(self.value.expose_mut())
    }
}

impl<const N: usize> Slot for Option<Share<N>> {
    fn row(&mut self) -> Option<&mut [u8]> {
        self.as_mut()?.row()
    }
}

/// How many random bytes are held at once: a smaller secret leaves less to wipe.
const SMALL: usize = 128;
const MEDIUM: usize = 512;
const LARGE: usize = 4096;

/// Returns how many columns fit if `bytes` random bytes hold a group of coefficients for each.
fn columns(bytes: usize, threshold: usize) -> usize {
    bytes >> threshold.min(TERMS).next_power_of_two().trailing_zeros()
}

fn deal<R: TryCryptoRng + ?Sized>(
    secret: &[u8],
    quorum: Quorum,
    rng: &mut R,
    slots: &mut [impl Slot],
) -> Result<(), SplitError> {
    let threshold = usize::from(quorum.threshold().get());
    if secret.len() <= columns(SMALL, threshold) {
        let mut random = Secret::<SMALL>::zeroed();
        return deal_block(secret, quorum, rng, slots, 0, random.expose_mut());
    }
    if secret.len() <= columns(MEDIUM, threshold) {
        let mut random = Secret::<MEDIUM>::zeroed();
        return deal_block(secret, quorum, rng, slots, 0, random.expose_mut());
    }
    let mut random = Secret::<LARGE>::zeroed();
    let width = columns(LARGE, threshold);
    // Not `chunks`: it can panic where the compiler does not see that the width is not 0.
    let (mut rest, mut at) = (secret, 0);
    while !rest.is_empty() {
        let block = rest.split_off(..width.min(rest.len())).ok_or(Fault)?;
        if block.is_empty() {
            return Err(SplitError::Fault);
        }
        deal_block(block, quorum, rng, slots, at, random.expose_mut())?;
        at += block.len();
    }
    Ok(())
}

fn deal_zeros<R: TryCryptoRng + ?Sized>(
    len: usize,
    quorum: Quorum,
    rng: &mut R,
    rows: &mut [&mut [u8]],
) -> Result<(), SplitError> {
    static ZEROS: [u8; LARGE] = [0; LARGE];
    let mut random = Secret::<LARGE>::zeroed();
    let mut at = 0;
    while at < len {
        let width = columns(LARGE, usize::from(quorum.threshold().get())).min(len - at);
        let zeros = ZEROS.get(..width).ok_or(Fault)?;
        deal_block(zeros, quorum, rng, rows, at, random.expose_mut())?;
        at += width;
    }
    Ok(())
}

/// Splits the columns of `secret`, which start at `at` in the slots.
///
/// A share at x is the sum over j of `x^j` times row j, where row 0 is the secret and each further
/// one random. They are added in groups of [`TERMS`], and the random rows drawn a group at a time.
fn deal_block<R: TryCryptoRng + ?Sized>(
    secret: &[u8],
    quorum: Quorum,
    rng: &mut R,
    slots: &mut [impl Slot],
    at: usize,
    random: &mut [u8],
) -> Result<(), SplitError> {
    let len = secret.len();
    let threshold = usize::from(quorum.threshold().get());
    let backend = Backend::detect();
    let mut first = 0;
    while len > 0 && first < threshold {
        let count = (threshold - first).min(TERMS);
        let zeroth = (first == 0).then_some(secret);
        let drawn = count - usize::from(zeroth.is_some());
        let random = random.get_mut(..drawn * len).ok_or(Fault)?;
        rng::fill(rng, random).map_err(|_| SplitError::Rng)?;

        let mut terms = [Term::NONE; TERMS];
        let terms = terms.get_mut(..count).ok_or(Fault)?;
        let (mut zeroth, mut rest) = (zeroth, &*random);
        for term in terms.iter_mut() {
            term.row = match zeroth.take() {
                Some(secret) => secret,
                None => rest.split_off(..len).ok_or(Fault)?,
            };
        }
        let store = if first == 0 {
            Store::Replace
        } else {
            Store::Add
        };

        for (slot, index) in slots.iter_mut().zip(quorum.indices()) {
            let x = Public::from(index);
            for (term, power) in terms.iter_mut().zip(x.powers(first as u16)) {
                term.by = power;
            }
            let row = slot.row().and_then(|row| row.get_mut(at..)?.get_mut(..len));
            backend.run(row.ok_or(Fault)?, terms, store)?;
        }
        first += count;
    }
    Ok(())
}

/// Why a secret was not split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SplitError {
    /// The number of slots or rows differs from the quorum's share count.
    SlotCount,
    /// A row is longer or shorter than the secret.
    UnequalLengths,
    /// The random number generator failed.
    Rng,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for SplitError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl core::fmt::Display for SplitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::SlotCount => "the number of slots or rows differs from the quorum's share count",
            Self::UnequalLengths => "a row is not as long as the secret",
            Self::Rng => "the random number generator failed",
            Self::Fault => "an internal check failed: a hardware fault or a bug",
        })
    }
}

impl core::error::Error for SplitError {}
