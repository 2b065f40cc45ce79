// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shares of a master key: 32 words of 16 bits, one for each byte of the key, over the integers
//! mod 257. A word is the share's index times 512 plus a value of 0 to 256.

use heapless::Vec;
use zeroize::{Zeroize, Zeroizing};

use super::custodians::MAX_CUSTODIANS;
use super::error::WriteError;
use super::master_key::MasterKey;
use crate::ct::{Mask, declassify, eq_bytes};
use crate::gf257::{self, Element};
use crate::hardened::Fault;
use crate::quorum::{Quorum, ShareIndex};
use crate::rng::Generator;
use crate::secret::Secret;
use crate::x509::Thumbprint;

/// The length of a master key in bytes.
pub const KEY: usize = 32;

/// The length of a share in a file, in bytes.
pub const SHARE: usize = 2 * KEY;

/// One custodian's opened share of a master key. It is wiped when dropped.
pub struct Share {
    custodian: Thumbprint,
    index: ShareIndex,
    values: [Element; KEY],
}

impl Share {
    /// Returns the digest of the custodian's certificate.
    pub fn custodian(&self) -> Thumbprint {
        self.custodian
    }

    /// Returns the share's index, 1 to the number of custodians. It does not follow the order of
    /// the file.
    pub fn index(&self) -> ShareIndex {
        self.index
    }

    /// Reads the words of a share if all have the same index, which is in `quorum`, and reduced
    /// values.
    ///
    /// Secret: the words. Public: the custodian, the quorum. Leaks: whether they are well-formed,
    /// and the index then. All checks gather in one mask, and no word stops the loop.
    pub(super) fn from_words(
        custodian: Thumbprint,
        quorum: Quorum,
        words: &Secret<SHARE>,
    ) -> Option<Self> {
        let [low, high, ..] = *words.expose();
        let index = u32::from(u16::from_le_bytes([low, high])) >> 9;
        let count = u32::from(quorum.count().get());
        let mut good = !Mask::is_zero(index) & Mask::lt(index, count + 1);
        let mut share = Self {
            custodian,
            index: ShareIndex::new(1).ok()?,
            values: [Element::ZERO; KEY],
        };
        let (words, _) = words.expose().as_chunks();
        for (value, &word) in share.values.iter_mut().zip(words) {
            let word = u16::from_le_bytes(word);
            let reduced;
            (*value, reduced) = Element::from_reduced(word & 0x1ff);
            good &= reduced & Mask::eq(u32::from(word >> 9), index);
        }
        if !good.declassify() {
            return None;
        }
        // The index of a well-formed share, 1 to 10, is public.
        share.index = ShareIndex::new(declassify(index) as u8).ok()?;
        Some(share)
    }

    /// Returns the words of this share.
    ///
    /// Secret: the words. Leaks: nothing.
    pub(super) fn to_words(&self) -> Secret<SHARE> {
        let mut words = Secret::zeroed();
        let (slots, _) = words.expose_mut().as_chunks_mut();
        for (slot, value) in slots.iter_mut().zip(&self.values) {
            *slot = word(self.index, *value);
        }
        words
    }

    /// Returns whether both are the same share of the same custodian.
    ///
    /// Secret: the values. Public: the custodians, the indices. Leaks: nothing else.
    pub(super) fn is_same(&self, other: &Self) -> Mask {
        let (one, two) = (self.to_words(), other.to_words());
        Mask::public(self.custodian == other.custodian) & eq_bytes(one.expose(), two.expose())
    }

    /// Wipes the values in their place.
    pub(super) fn wipe(&mut self) {
        self.values.zeroize();
    }

    fn point(&self) -> Element {
        Element::from_byte(self.index.get())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl core::fmt::Debug for Share {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Share")
            .field("custodian", &self.custodian)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// Splits a master key into the words of one share for each index of `quorum`, in index order.
///
/// Secret: `key`, the shares. Public: `quorum`. Leaks: nothing else.
///
/// # Errors
///
/// [`WriteError::Rng`] if the generator failed, and [`WriteError::Fault`] if an internal check
/// failed.
pub fn deal<R: Generator + ?Sized>(
    key: &MasterKey,
    quorum: Quorum,
    rng: &mut R,
) -> Result<Vec<Secret<SHARE>, MAX_CUSTODIANS>, WriteError> {
    let degree = usize::from(quorum.threshold().get()) - 1;
    let mut coefficients = Coefficients([[Element::ZERO; MAX_CUSTODIANS]; KEY]);
    let mut zero = Mask::public(true);
    for (polynomial, &byte) in coefficients.0.iter_mut().zip(key.secret().expose()) {
        let mut higher = Element::ZERO;
        for slot in polynomial.iter_mut().skip(1).take(degree) {
            higher = Element::random(rng)?;
            *slot = higher;
        }
        zero &= Mask::is_zero(u32::from(higher.value()));
        *polynomial.first_mut().ok_or(Fault)? = Element::from_byte(byte);
    }
    // This happens once in 257^32, or if the generator is broken; no reader accepts such shares.
    if zero.declassify() {
        return Err(WriteError::Rng);
    }
    let mut shares = Vec::new();
    for index in quorum.indices() {
        let mut share = Secret::<SHARE>::zeroed();
        let (slots, _) = share.expose_mut().as_chunks_mut();
        for (slot, polynomial) in slots.iter_mut().zip(&coefficients.0) {
            let value = gf257::evaluate(polynomial, Element::from_byte(index.get()));
            *slot = word(index, value);
        }
        shares.push(share).map_err(|_| Fault)?;
    }
    Ok(shares)
}

/// Makes a share's word: its index above nine bits of value, little-endian.
fn word(index: ShareIndex, value: Element) -> [u8; 2] {
    (u16::from(index.get()) << 9 | value.value()).to_le_bytes()
}

/// The polynomials of all bytes, wiped when dropped.
struct Coefficients([[Element; MAX_CUSTODIANS]; KEY]);

impl Drop for Coefficients {
    fn drop(&mut self) {
        for polynomial in &mut self.0 {
            polynomial.zeroize();
        }
    }
}

/// As many shares as the threshold, with different indices.
pub struct Selection<'s> {
    shares: Vec<&'s Share, MAX_CUSTODIANS>,
    points: Vec<Element, MAX_CUSTODIANS>,
}

/// Prints the shares' custodians and indices, never their values.
impl core::fmt::Debug for Selection<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Selection").field(&self.shares).finish()
    }
}

impl<'s> Selection<'s> {
    /// Selects the shares whose bit is set in `subset`; `None` if two of them have the same index.
    pub fn new(shares: &'s [Share], subset: u16) -> Option<Self> {
        let mut selection = Self {
            shares: Vec::new(),
            points: Vec::new(),
        };
        for (place, share) in shares.iter().enumerate() {
            if subset >> place & 1 == 1 {
                if selection
                    .shares
                    .iter()
                    .any(|other| other.index == share.index)
                {
                    return None;
                }
                selection.shares.push(share).ok()?;
                selection.points.push(share.point()).ok()?;
            }
        }
        Some(selection)
    }

    /// Computes for every byte of the key the sum of the shares' values, each times its weight.
    fn weigh(
        &self,
        weight: impl Fn(&[Element], usize) -> Result<Element, Fault>,
    ) -> Result<Zeroizing<[Element; KEY]>, Fault> {
        let mut sums = Zeroizing::new([Element::ZERO; KEY]);
        for (i, share) in self.shares.iter().enumerate() {
            let weight = weight(&self.points, i)?;
            for (sum, value) in sums.iter_mut().zip(&share.values) {
                *sum = *sum + *value * weight;
            }
        }
        Ok(sums)
    }

    /// Returns the key that these shares give, and whether each of its bytes is valid: 256 is not.
    ///
    /// Secret: the shares' values. Public: their indices. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an internal check failed.
    pub fn combine(&self) -> Result<(MasterKey, Mask), Fault> {
        let mut key = Secret::zeroed();
        let mut good = Mask::public(true);
        let sums = self.weigh(|points, i| gf257::weight(points, i, Element::ZERO))?;
        for (byte, sum) in key.expose_mut().iter_mut().zip(&*sums) {
            good &= Mask::lt(u32::from(sum.value()), 256);
            *byte = sum.value() as u8;
        }
        Ok((MasterKey::new(key), good))
    }

    /// Returns whether the highest coefficients are zero for all bytes, so that fewer shares would
    /// be enough.
    ///
    /// Secret: the shares' values. Public: their indices. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an internal check failed.
    pub fn is_degenerate(&self) -> Result<Mask, Fault> {
        let leading = self.weigh(gf257::leading_weight)?;
        Ok({ leading.iter() }.fold(Mask::public(true), |zero, value| {
            zero & Mask::is_zero(u32::from(value.value()))
        }))
    }

    /// Returns whether `share` lies on the polynomials of these shares.
    ///
    /// Secret: the shares' values. Public: their indices. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an internal check failed.
    pub fn agrees_with(&self, share: &Share) -> Result<Mask, Fault> {
        let sums = self.weigh(|points, i| gf257::weight(points, i, share.point()))?;
        let pairs = sums.iter().zip(&share.values);
        Ok(pairs.fold(Mask::public(true), |same, (sum, value)| {
            same & Mask::eq(u32::from(sum.value()), u32::from(value.value()))
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::secret::left;

    const VALUE: u16 = 0x5a;

    fn pattern() -> [u8; 16] {
        core::array::from_fn(|at| VALUE.to_ne_bytes()[at % 2])
    }

    #[test]
    fn a_share_leaves_nothing() {
        let share = Share {
            custodian: Thumbprint::new([1; 32]),
            index: ShareIndex::new(2).unwrap(),
            values: [Element::from_byte(VALUE as u8); KEY],
        };
        left::nothing(share, &pattern());
    }

    #[test]
    fn coefficients_leave_nothing() {
        let row = [Element::from_byte(VALUE as u8); MAX_CUSTODIANS];
        left::nothing(Coefficients([row; KEY]), &pattern());
    }
}
