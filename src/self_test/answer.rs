// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answer that a self-test computed, and the known one.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::ct::Mask;
use crate::hardened::Verdict;
use crate::secret::Secret;

/// An answer is wrong or missing.
#[derive(Debug)]
#[cfg_attr(
    feature = "hazmat",
    expect(clippy::exhaustive_structs, reason = "in `hazmat` only")
)]
pub struct Wrong;

/// Receives every answer of a self-test.
pub trait Judge {
    /// Compares a computed answer with the known one.
    ///
    /// # Errors
    ///
    /// [`Wrong`] if they differ.
    fn same(&mut self, have: &[u8], want: &[u8]) -> Result<(), Wrong>;
}

/// The judge. It does not use the comparison that is itself under test.
#[derive(Debug)]
#[cfg_attr(
    feature = "hazmat",
    expect(clippy::exhaustive_structs, reason = "in `hazmat` only")
)]
pub struct Compare;

impl Judge for Compare {
    #[inline(never)]
    fn same(&mut self, have: &[u8], want: &[u8]) -> Result<(), Wrong> {
        Verdict::twice(|| Mask::public(have == want)).or(Wrong)
    }
}

/// Replaces the generator: every byte is 0x5a, so that the results are known.
pub struct Drawn;

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0x5a5a_5a5a)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0x5a5a_5a5a_5a5a_5a5a)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(0x5a);
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

/// Makes a key that is not secret, since it is in this source.
pub fn key<const N: usize>(bytes: &[u8; N]) -> Secret<N> {
    let mut key = Secret::zeroed();
    *key.expose_mut() = *bytes;
    key
}

/// Decodes hexadecimal digits at compile time.
#[cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        clippy::disallowed_macros,
        reason = "an index that is not there does not compile"
    )
)]
pub const fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits = text.as_bytes();
    assert!(digits.len() == 2 * N);
    let mut bytes = [0; N];
    let mut i = 0;
    while i < N {
        bytes[i] = digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]);
        i += 1;
    }
    bytes
}

const fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        _ => character - b'a' + 10,
    }
}
