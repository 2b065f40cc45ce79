// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a record is written with.

use rand_core::TryCryptoRng;

use super::flash::Flash;
use crate::secret::Secret;

/// A flash, the generator that gives each record its salt, and the key that seals them.
pub trait Medium: Flash {
    /// The random number generator.
    type Rng: TryCryptoRng + ?Sized;

    /// The random number generator.
    fn rng(&mut self) -> &mut Self::Rng;

    /// The key that this device alone has.
    fn device_key(&self) -> &Secret<32>;
}
