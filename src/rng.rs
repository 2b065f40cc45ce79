// SPDX-License-Identifier: MIT OR Apache-2.0
//! The caller's random number generator, and how its failure is handled.
//!
//! Randomness always comes from the caller: every function that draws takes an `R: TryCryptoRng +
//! ?Sized`. A failing generator is an error, never a panic, and no partial result remains. A
//! generator that returns only zeros has failed, whatever it reports.
//!
//! ```
//! use rand_core::{TryCryptoRng, TryRng};
//! use security_domain::rng::RngError;
//! use security_domain::secret::Secret;
//!
//! /// A hardware generator that failed its health test.
//! struct Broken;
//!
//! impl TryRng for Broken {
//!     type Error = RngError;
//!     fn try_next_u32(&mut self) -> Result<u32, RngError> {
//!         Err(RngError)
//!     }
//!     fn try_next_u64(&mut self) -> Result<u64, RngError> {
//!         Err(RngError)
//!     }
//!     fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), RngError> {
//!         Err(RngError)
//!     }
//! }
//!
//! impl TryCryptoRng for Broken {}
//!
//! assert_eq!(Secret::<32>::random(&mut Broken).err(), Some(RngError));
//! ```

use rand_core::TryCryptoRng;
use zeroize::Zeroize;

use crate::ct::{Mask, is_zeros};
use crate::hardened::{Permit, Verdict};

#[cfg(feature = "sealed-domain")]
mod generator;

#[cfg(feature = "sealed-domain")]
pub(crate) use generator::{Erased, NoGenerator};
#[cfg(feature = "sealed-domain")]
pub use generator::{Generator, Watched, WithProgress};

/// The caller's random number generator failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "the caller makes it, too")]
pub struct RngError;

impl core::fmt::Display for RngError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the random number generator failed")
    }
}

impl core::error::Error for RngError {}

/// Fills `out` with random bytes, or wipes it when the generator fails.
///
/// Inlined, as [`draw`] is.
///
/// Secret: `out`. Public: its length, and whether the generator failed. Leaks: nothing else.
#[inline(always)]
pub(crate) fn fill<R: TryCryptoRng + ?Sized>(rng: &mut R, out: &mut [u8]) -> Result<(), RngError> {
    draw(rng, out)?.spend(RngError)
}

/// Fills `out` with random bytes and returns a permit to use them in place, or wipes `out` when the
/// generator fails.
///
/// Inlined, so that the caller draws with one call and checks with another: if one call is skipped,
/// the check fails.
///
/// Secret: `out`. Public: its length, and whether the generator failed. Leaks: nothing else.
#[inline(always)]
pub(crate) fn draw<R: TryCryptoRng + ?Sized>(
    rng: &mut R,
    out: &mut [u8],
) -> Result<Permit, RngError> {
    ask(rng, out)?;
    check_drawn(out).inspect_err(|_| out.zeroize())
}

/// Asks the generator to fill `out`, and wipes `out` when that fails.
///
/// Secret: `out`. Public: its length, and whether the generator failed. Leaks: nothing else.
#[inline(never)]
fn ask<R: TryCryptoRng + ?Sized>(rng: &mut R, out: &mut [u8]) -> Result<(), RngError> {
    rng.try_fill_bytes(out).map_err(|_| {
        out.zeroize();
        RngError
    })
}

/// A draw begins with this many zero bytes only once in 2^128.
const TELLING: usize = 16;

/// Returns a permit to use the drawn bytes unless they begin with [`TELLING`] zeros. So it also
/// refuses what a failed generator left behind. Shorter draws are accepted as they are.
///
/// Secret: `drawn`. Public: its length. Leaks: whether it begins with zeros.
#[inline(never)]
pub(crate) fn check_drawn(drawn: &[u8]) -> Result<Permit, RngError> {
    Verdict::twice(|| match drawn.first_chunk::<TELLING>() {
        Some(first) => !is_zeros(first),
        None => Mask::public(true),
    })
    .permit(RngError)
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use rand_core::TryRng;

    use super::*;

    /// Says that it has filled, and has only so many bytes.
    struct Fills(usize);

    impl TryRng for Fills {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            out.fill(0);
            out.iter_mut().rev().take(self.0).for_each(|byte| *byte = 7);
            Ok(())
        }
    }

    impl TryCryptoRng for Fills {}

    #[test]
    fn zeros_are_a_failure() {
        assert_eq!(fill(&mut Fills(0), &mut [1; 32]), Err(RngError));
        let mut out = [1; 32];
        assert_eq!(fill(&mut Fills(16), &mut out), Err(RngError));
        assert_eq!(out, [0; 32]);
        assert_eq!(fill(&mut Fills(17), &mut out), Ok(()));
        assert_eq!(out[14..], *[&[0][..], &[7; 17]].concat());
        // A short draw is zeros by chance.
        assert_eq!(fill(&mut Fills(0), &mut [1; 15]), Ok(()));
    }
}
