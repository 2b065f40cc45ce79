// SPDX-License-Identifier: MIT OR Apache-2.0
//! The caller's random number generator, and what happens when it fails.
//!
//! Randomness is always the caller's: every function that draws takes an `R: TryCryptoRng + ?Sized`.
//! A generator that fails is an error, never a panic, and nothing half-made stays behind.
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

/// The caller's random number generator failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RngError;

impl core::fmt::Display for RngError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the random number generator failed")
    }
}

impl core::error::Error for RngError {}

/// Fills `out` with random bytes, or wipes it when the generator fails.
///
/// Secret: `out`. Public: its length, and whether the generator failed. Leaks: nothing else.
pub(crate) fn fill<R: TryCryptoRng + ?Sized>(rng: &mut R, out: &mut [u8]) -> Result<(), RngError> {
    rng.try_fill_bytes(out).map_err(|_| {
        out.zeroize();
        RngError
    })
}
