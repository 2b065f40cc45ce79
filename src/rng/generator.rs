// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator of one type, whatever the type of the caller's.

use rand_core::{TryCryptoRng, TryRng};

use super::RngError;

/// A generator of whatever type, for code that shall be compiled once and not once for each type.
pub(crate) type Generator<'r> = dyn TryCryptoRng<Error = RngError> + 'r;

/// Makes a [`Generator`] of any generator.
pub(crate) struct Erased<'r, R: ?Sized>(pub(crate) &'r mut R);

impl<R: TryCryptoRng + ?Sized> TryRng for Erased<'_, R> {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        self.0.try_next_u32().map_err(|_| RngError)
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        self.0.try_next_u64().map_err(|_| RngError)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        self.0.try_fill_bytes(out).map_err(|_| RngError)
    }
}

impl<R: TryCryptoRng + ?Sized> TryCryptoRng for Erased<'_, R> {}
